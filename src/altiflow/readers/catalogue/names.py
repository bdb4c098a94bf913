"""Granule names: what an ICESat-2 file name says, and the canonical name that says it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from altiflow.errors import InputError

__all__ = ["GranuleName", "Hemisphere", "granule_key", "name_columns", "parse_granule_name", "try_granule_name"]

Hemisphere = Literal["north", "south"]

_HEMISPHERES: dict[str, Hemisphere] = {"01": "north", "02": "south"}
_HEMISPHERE_CODES = {name: code for code, name in _HEMISPHERES.items()}
_LAST_TRACK = 1387
"""Reference ground tracks are numbered 1 to 1387 in each 91-day cycle (ICESat-2 product user guides)."""
_LAST_SEGMENT = 14
"""Along-track granules hold one of 14 parts of an orbit; half-orbit granules say 01."""
_PARTED = {"ATL03", "ATL06", "ATL08", "ATL11"}
"""Products cut into those parts: 1 to 7 lie north of the equator, 8 to 14 south of it (ATL03 user guide)."""
_MONTHLY = {"ATL20", "ATL21"}
"""Products of a month, whatever the first orbit in it."""

_DATED = r"_(?P<start>\d{14})_(?P<rgt>\d{4})(?P<cycle>\d\d)(?P<segment>\d\d)"
_TAIL = r"_(?P<version>\d{3})_(?P<revision>\d\d)(?P<subset>[_-]\w[\w-]*)?(?P<extension>\.(h5|hdf5|nc|nc4))?"
_GRAMMARS = tuple(
    re.compile(r"(processed_)?(?P<product>" + head + _TAIL, re.ASCII | re.IGNORECASE)
    for head in (
        r"ATL(07|10|20|21))-(?P<hemisphere>\d\d)" + _DATED,
        r"ATL(03|04|06|08|12|13))" + _DATED,
        r"ATL11)_(?P<rgt>\d{4})(?P<segment>\d\d)_(?P<cycle>\d\d)(?P<last_cycle>\d\d)",
    )
)
_FORMS = (
    "ATL10-HH_yyyymmddhhmmss_ttttccss_vvv_rr.h5 (ATL07, 10, 20, 21; HH 01 north, 02 south), "
    "ATL06_yyyymmddhhmmss_ttttccss_vvv_rr.h5 (ATL03, 04, 06, 08, 12, 13) or ATL11_ttttss_c1c2_vvv_rr.h5"
)


@dataclass(frozen=True)
class GranuleName:
    """What the file name of a granule says.

    Attributes
    ----------
    product
        Short name, such as "ATL10".
    rgt
        Reference ground track, 1 to 1387; of the first orbit in the file for gridded products.
    cycle
        91-day repeat cycle; the first one of an ATL11 granule.
    segment
        Part of the orbit, 1 to 14; 1 where a granule is half an orbit.
    version
        Release of the product as the archive writes it, such as "006".
    revision
        Revision of the granule; the highest counts.
    hemisphere
        "north" or "south" for the sea-ice products, else None.
    start
        First moment of the data, UTC to the second; None for ATL11, which holds many passes.
    last_cycle
        Last cycle of an ATL11 granule, else None.
    """

    product: str
    rgt: int
    cycle: int
    segment: int
    version: str
    revision: int
    hemisphere: Hemisphere | None = None
    start: datetime | None = None
    last_cycle: int | None = None

    @property
    def side(self) -> Hemisphere | None:
        """The hemisphere that holds the granule; None where the name does not tell, or it may reach into both."""
        if self.hemisphere is not None or self.product not in _PARTED:
            return self.hemisphere
        return "north" if self.segment <= _LAST_SEGMENT // 2 else "south"

    @property
    def key(self) -> str:
        """What all releases and revisions of the same data have in common."""
        if self.start is None:
            # An ATL11 granule grows with every cycle; its track does not.
            return f"{self.product}_{self.rgt:04d}{self.segment:02d}"
        side = f"-{_HEMISPHERE_CODES[self.hemisphere]}" if self.hemisphere else ""
        if self.product in _MONTHLY:
            return f"{self.product}{side}_{self.start:%Y%m}"
        # The first moment may move by seconds from one release to the next; the track is flown once in a cycle.
        return f"{self.product}{side}_{self.rgt:04d}{self.cycle:02d}{self.segment:02d}"

    @property
    def stem(self) -> str:
        """The canonical name without folder, prefix, subset marks and extension."""
        tail = f"{self.version}_{self.revision:02d}"
        if self.start is None:
            track = f"{self.rgt:04d}{self.segment:02d}_{self.cycle:02d}{self.last_cycle or self.cycle:02d}"
            return f"{self.product}_{track}_{tail}"
        side = f"-{_HEMISPHERE_CODES[self.hemisphere]}" if self.hemisphere else ""
        orbit = f"{self.rgt:04d}{self.cycle:02d}{self.segment:02d}"
        return f"{self.product}{side}_{self.start:%Y%m%d%H%M%S}_{orbit}_{tail}"

    def format(self) -> str:
        """Return the file name as the archive distributes it."""
        return f"{self.stem}.h5"


def parse_granule_name(name: str | Path) -> GranuleName:
    """Return what the name of a granule says.

    Parameters
    ----------
    name
        File name, path or URL of an ICESat-2 granule in upper or lower case; a prefix ``processed_``, marks of a
        subset after the revision and a missing extension are allowed.

    Raises
    ------
    InputError
        If the name is not one of the known forms, or says what cannot be (track 1388, month 13).

    Notes
    -----
    The forms are those of the product user guides of the National Snow and Ice Data Center.

    Examples
    --------
    >>> found = parse_granule_name("processed_ATL10-01_20220107195849_02531401_006_01_subsetted.h5")
    >>> found.hemisphere, found.rgt, found.cycle, found.version, found.stem
    ('north', 253, 14, '006', 'ATL10-01_20220107195849_02531401_006_01')
    >>> parse_granule_name("ATL11_135803_0311_004_01.h5").last_cycle
    11
    """
    text = PurePosixPath(str(name).split("?")[0]).name if isinstance(name, str) else name.name
    match = next((found for grammar in _GRAMMARS if (found := grammar.fullmatch(text))), None)
    if match is None:
        raise InputError(f"granule name {text!r} is not of a known form: {_FORMS}")
    parts = match.groupdict()
    hemisphere = _HEMISPHERES.get(parts.get("hemisphere") or "")
    rgt, cycle, segment, last = (
        int(parts[key]) if parts.get(key) else None for key in ("rgt", "cycle", "segment", "last_cycle")
    )
    wrong = [
        reason
        for reason, bad in (
            ("hemisphere is 01 (north) or 02 (south)", "hemisphere" in parts and hemisphere is None),
            (f"the reference ground track is 1 to {_LAST_TRACK}", not 1 <= (rgt or 0) <= _LAST_TRACK),
            (f"the part of the orbit is 1 to {_LAST_SEGMENT}", not 1 <= (segment or 0) <= _LAST_SEGMENT),
            ("cycles run forward", last is not None and last < (cycle or 0)),
        )
        if bad
    ]
    if wrong:
        raise InputError(f"granule name {text!r} cannot be: {'; '.join(wrong)}")
    return GranuleName(
        product=parts["product"].upper(),
        rgt=rgt or 0,
        cycle=cycle or 0,
        segment=segment or 0,
        version=parts["version"],
        revision=int(parts["revision"]),
        hemisphere=hemisphere,
        start=_start(parts["start"], text) if parts.get("start") else None,
        last_cycle=last,
    )


@lru_cache(maxsize=200_000)
def granule_key(name: str) -> str:
    """Return what granules of one orbit and product have in common, whatever their release, revision and subset.

    A name of no known form is its own key.

    Examples
    --------
    >>> granule_key("ATL10-01_20190101002408_00010201_006_02_subsetted")
    'ATL10-01_00010201'
    >>> granule_key("atl10-01_20190101002409_00010201_007_01"), granule_key("my flight")
    ('ATL10-01_00010201', 'my flight')
    """
    found = try_granule_name(name)
    return name if found is None else found.key


def _start(digits: str, name: str) -> datetime:
    """Return the moment of fourteen digits."""
    try:
        return datetime.strptime(digits, "%Y%m%d%H%M%S")
    except ValueError as error:
        raise InputError(f"granule name {name!r} cannot be: {digits} is no moment (yyyymmddhhmmss)") from error


def try_granule_name(name: str | Path) -> GranuleName | None:
    """Return what the name says, None if it is not of a form that altiflow knows."""
    try:
        return parse_granule_name(name)
    except InputError:
        return None


def name_columns(name: str | Path) -> dict[str, Any]:
    """Return the columns of a catalogue that a name tells; none if it is of no known form.

    Examples
    --------
    >>> name_columns("ATL06_20190420093051_03380303_005_01.h5")["hemisphere"], name_columns("a.nc")
    ('north', {})
    """
    parsed = try_granule_name(name)
    if parsed is None:
        return {}
    return {
        "granule": parsed.stem,
        "product": parsed.product,
        "version": parsed.version,
        "revision": parsed.revision,
        "start": parsed.start,
        "rgt": parsed.rgt,
        "cycle": parsed.cycle,
        "hemisphere": parsed.side,
    }
