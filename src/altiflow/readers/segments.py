"""Granules in, one table of segments out."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from altiflow.errors import AltiflowError, EmptyDataError, InputError
from altiflow.readers.catalogue import find_local_granules
from altiflow.readers.catalogue.tables.newest import newest_files
from altiflow.readers.icesat2.beams import BeamChoice, check_beams
from altiflow.readers.icesat2.engines import EngineName, check_engine
from altiflow.readers.icesat2.granule import GranuleReading, ReadOptions, read_granule
from altiflow.readers.icesat2.products import COMMON_VARIABLES, LEADS, Product, product_named
from altiflow.readers.icesat2.screens import choose_screens
from altiflow.readers.ledger import Ledger
from altiflow.readers.remote.addresses import distinct_urls, url_file_name
from altiflow.readers.remote.ranges import RemoteAccess, Sources, Traffic, is_remote
from altiflow.region import as_region
from altiflow.stop import Stop
from altiflow.version import __version__
from altiflow.workers import map_each

__all__ = [
    "column_order",
    "granule_paths",
    "granule_places",
    "no_segments",
    "provenance",
    "read_leads",
    "read_segments",
    "segment_frame",
]

Granules = str | Path | Sequence[str | Path] | pd.DataFrame


def read_segments(
    granules: Granules,
    *,
    product: str | None = None,
    beams: BeamChoice = "strong",
    screens: str | Sequence[str] = "default",
    region: Any = None,
    on_error: Literal["raise", "skip"] = "raise",
    ledger: Ledger | None = None,
    transition: Literal["refuse", "keep"] = "refuse",
    engine: EngineName = "auto",
    access: RemoteAccess | None = None,
    workers: int = 1,
    quiet: bool = True,
) -> gpd.GeoDataFrame:
    """Return the segments of ICESat-2 granules as one table.

    Parameters
    ----------
    granules
        Files, folders, https:// and s3:// addresses, a list of them, or a catalogue: of each row ``path``, else
        ``url_https``, else ``url_s3``. For the buckets pass ``list(catalogue["url_s3"])``. Of several releases,
        revisions or copies of a granule, told by their names, the newest is read; the others are "superseded" in the
        ledger.
    product
        "ATL10", "ATL07", "ATL06" or "ATL11"; found from the files where None. All granules must be of one product.
    beams
        "strong", "weak", "all", or a list of ground tracks such as ``["gt1l", "gt3r"]``. ATL11 combines both beams of
        a pair: a word stands for all pairs, a ground track for its pair.
    screens
        A preset ("default", "ice", "best", "none"), a screen's name, or a list of either.
    region
        Keep segments in this region only; anything :func:`altiflow.region.as_region` takes. Positions are read first,
        then only the rows that reach into it. Screens count segments inside it.
    on_error
        "raise" stops at the first granule that fails; "skip" leaves it out and says so in the ledger. Files of a list
        or catalogue that are not there are such granules; "raise" refuses them before anything is read.
    ledger
        Rows are appended to it, one per granule, also when an error is raised.
    transition
        What to do with granules taken while the spacecraft turned: "refuse", or "keep" them.
    engine
        "h5py", "h5coro" or "indexed", which all give the same table; "auto" is h5py for files of this machine and
        h5coro for remote ones. "indexed" fetches all chunks at once by their positions, and keeps these between runs
        if `access` names a folder for them.
    access
        As whom remote granules are read, and how patiently; by default without a login.
    workers
        Number of threads.
    quiet
        Show no progress bar.

    Returns
    -------
    geopandas.GeoDataFrame
        One row per segment (docs: data dictionary), points in EPSG:4326. ``attrs["altiflow"]`` holds product,
        granules, screens with counts, units and version. Order: granules by file name, beams left to right,
        segments as in the file; the order of the arguments changes nothing.

    Raises
    ------
    InputError
        For an argument that means nothing here.
    EmptyDataError
        If there is no granule.
    GranuleError
        With ``on_error="raise"``: the granule that failed and why.
    """
    options = ReadOptions(
        product=product_named(product) if product else None,
        beams=check_beams(beams),
        screens=choose_screens(screens),
        region=None if region is None else as_region(region),
        transition=transition,
        engine=check_engine(engine),
        sources=Sources(access),
    )
    return _read_table(granules, options, on_error=on_error, ledger=ledger, workers=workers, quiet=quiet)


def read_leads(
    granules: Granules,
    *,
    beams: BeamChoice = "strong",
    region: Any = None,
    on_error: Literal["raise", "skip"] = "raise",
    ledger: Ledger | None = None,
    transition: Literal["refuse", "keep"] = "refuse",
    engine: EngineName = "auto",
    access: RemoteAccess | None = None,
    workers: int = 1,
    quiet: bool = True,
) -> gpd.GeoDataFrame:
    """Return the leads of ATL10 granules as one table: the openings from which its sea surface comes.

    The arguments are those of :func:`read_segments`. Leads without place, height or length are left out and counted.
    The archive's subsetter does not cut leads: they span the whole granule, whatever box its segments were cut to.

    Returns
    -------
    geopandas.GeoDataFrame
        One row per lead (docs: data dictionary), points in EPSG:4326.

    Raises
    ------
    InputError, EmptyDataError, GranuleError
        As :func:`read_segments` does.
    """
    options = ReadOptions(
        product=LEADS,
        beams=check_beams(beams),
        screens=choose_screens(["position", "fill_value", "segment_length"]),
        region=None if region is None else as_region(region),
        transition=transition,
        engine=check_engine(engine),
        sources=Sources(access),
    )
    table = _read_table(granules, options, on_error=on_error, ledger=ledger, workers=workers, quiet=quiet)
    table.attrs["altiflow"]["value"] = LEADS.value
    return table


def _read_table(
    granules: Granules,
    options: ReadOptions,
    *,
    on_error: Literal["raise", "skip"],
    ledger: Ledger | None,
    workers: int,
    quiet: bool,
) -> gpd.GeoDataFrame:
    """Return the rows of all granules as one table, and enter each in the ledger."""
    if on_error not in ("raise", "skip"):
        raise InputError(f"on_error={on_error!r} means nothing; use 'raise' or 'skip'")
    given = granule_places(granules, absent="keep" if on_error == "skip" else "refuse")
    places, left = newest_files(given)
    stop = Stop() if options.sources is None else options.sources.stop
    if options.sources is not None:
        options.sources.access.check_places(places)
    outcomes: dict[Path | str, _Outcome] = {}

    def attempt(place: Path | str) -> None:
        traffic, start = Traffic(), time.monotonic()
        try:
            result: GranuleReading | AltiflowError = read_granule(place, options, traffic)
        except AltiflowError as error:
            # What an interrupt broke off has not failed.
            stop.check()
            result = error
        outcomes[place] = _Outcome(result, traffic, time.monotonic() - start)
        if isinstance(result, AltiflowError) and on_error == "raise":
            raise result

    account = Ledger() if ledger is None else ledger
    try:
        map_each(attempt, places, workers=workers, stop=stop, label="reading", quiet=quiet)
    finally:
        if options.sources is not None:
            options.sources.close()
        superseded = dict(left)
        for place in given:
            if place in superseded:
                account.add_superseded(place, url_file_name(str(superseded[place])))
            else:
                _enter(account, place, outcomes.get(place))
    readings = [found for place in places if isinstance(found := outcomes[place].result, GranuleReading)]
    return _assembled(readings, options, account)


@dataclass(frozen=True)
class _Outcome:
    """What became of one granule, what came over the network for it, and the time it took [s]."""

    result: GranuleReading | AltiflowError
    traffic: Traffic
    seconds: float


def granule_places(granules: Granules, *, absent: Literal["refuse", "keep"] = "refuse") -> list[Path | str]:
    """Return the files and addresses that `granules` stands for, each once, by file name.

    Files of a list or a catalogue that are not there are refused, or kept to fail when they are read.

    Raises
    ------
    InputError
        If a path does not exist, a download failed, or a catalogue has neither files nor addresses.
    EmptyDataError
        If a folder holds no granule.
    """
    single = isinstance(granules, str | Path)
    if isinstance(granules, pd.DataFrame):
        if absent == "refuse":
            _check_downloaded(granules)
        here = {"path", "url_https", "url_s3"} & {*granules.columns}
        told = granules[[name for name in ("path", "url_https", "url_s3") if name in here]].bfill(axis=1)
        if not here or told.iloc[:, 0].isna().any():
            return list(granule_paths(granules))
        granules = [str(place) for place in told.iloc[:, 0]]
    given = [granules] if isinstance(granules, str | Path) else list(granules)
    remote = [str(place) for place in given if is_remote(place)]
    local = [Path(place) for place in given if not is_remote(place)]
    gone = dict.fromkeys(place for place in local if absent == "keep" and not single and not place.exists())
    there = [place for place in local if place not in gone]
    files = granule_paths(there) if there or not (remote or gone) else []
    found: list[Path | str] = [*distinct_urls(remote), *gone, *files]
    return sorted(found, key=lambda place: (url_file_name(str(place)), str(place)))


def _check_downloaded(table: pd.DataFrame) -> None:
    """Refuse a table of downloads some of which failed."""
    if not {"status", "reason", "path"} <= {*table.columns}:
        return
    failed = table[table["status"] == "failed"]
    if len(failed):
        raise InputError(
            f"{len(failed)} of {len(table)} granules were not downloaded ({failed['reason'].iloc[0]}); call "
            "download_files again, or pass on_error='skip' to go on without them"
        )


def granule_paths(granules: Granules) -> list[Path]:
    """Return the local files that `granules` stands for, each once, by file name.

    Raises
    ------
    InputError
        If a path does not exist, or a catalogue lists remote granules only.
    EmptyDataError
        If a folder holds no granule.
    """
    if isinstance(granules, pd.DataFrame):
        known = granules["path"].notna() if "path" in granules.columns else pd.Series(False, index=granules.index)
        if not known.all():
            raise InputError(
                f"{int((~known).sum())} of {len(granules)} granules of the catalogue have no 'path', so they are not "
                "on this machine; download them (altiflow.download_files(catalogue, folder, session=...)) and pass "
                "what that returns, or the folder"
            )
        granules = [Path(path) for path in granules["path"]]
    return find_local_granules(granules)


def _enter(ledger: Ledger, place: Path | str, outcome: _Outcome | None) -> None:
    """Append the row of a granule that was tried."""
    if outcome is None:
        return
    if isinstance(outcome.result, GranuleReading):
        ledger.add_reading(place, outcome.result)
    else:
        ledger.add_failure(place, outcome.result, traffic=outcome.traffic, seconds=outcome.seconds)


def _assembled(readings: list[GranuleReading], options: ReadOptions, ledger: Ledger) -> gpd.GeoDataFrame:
    """Return the table of all readings, with its provenance."""
    if not readings:
        reasons = "; ".join(row["reason"] for row in ledger.failures[:3])
        raise EmptyDataError(f"not one granule could be read: {reasons}")
    products = sorted({reading.product.short_name for reading in readings})
    if len(products) > 1:
        raise InputError(f"the granules are of {' and '.join(products)}; pass product= to read one of them")
    product = readings[0].product
    full = [reading.columns for reading in readings if reading.kept]
    if full:
        columns = {name: np.concatenate([part[name] for part in full]) for name in full[0]}
    else:
        columns = no_segments(product)
    table = segment_frame(columns)
    screens, region = [screen.name for screen in options.screens], options.region
    table.attrs["altiflow"] = provenance(
        readings, product, beams=options.beams, screens=screens, region=None if region is None else region.wkt
    )
    return table


def segment_frame(columns: dict[str, npt.NDArray[np.generic]]) -> gpd.GeoDataFrame:
    """Return columns (n,) as a table with points."""
    frame = pd.DataFrame(
        {name: pd.Series(v, dtype="str") if v.dtype == object else v for name, v in columns.items()},
        columns=column_order(columns),
    )
    points = gpd.points_from_xy(columns["longitude"], columns["latitude"])
    return gpd.GeoDataFrame(frame, geometry=points, crs="EPSG:4326")


def column_order(names: Iterable[str]) -> list[str]:
    """Return the names of columns in the order of a segment table: the release comes last."""
    return sorted(names, key=lambda name: name == "release")


def no_segments(product: Product) -> dict[str, npt.NDArray[np.generic]]:
    """Return the product's columns with no rows."""
    variables = (*COMMON_VARIABLES, *product.variables, *product.section_variables)
    kinds = {v.name: "object" if v.dtype == "str" else v.dtype for v in variables}
    if product.nominal_length is not None:
        kinds["segment_length"] = "float32"
    kinds |= {"release": "object", "sc_orient": "int8"}
    return {name: np.empty(0, dtype=kind) for name, kind in kinds.items()}


def provenance(
    readings: Sequence[GranuleReading],
    product: Product,
    *,
    beams: BeamChoice,
    screens: Sequence[str],
    region: str | None,
) -> dict[str, Any]:
    """Return what a table's metadata says of how it came about; `region` is WKT."""
    dropped: Counter[str] = Counter()
    for reading in readings:
        dropped.update(reading.dropped)
    releases = sorted({reading.release for reading in readings if reading.release})
    simulated = any(reading.simulated for reading in readings)
    return {
        "product": product.short_name,
        "title": f"{product.title} (simulated)" if simulated else product.title,
        "releases": releases,
        "doi": [] if simulated else [f"10.5067/ATLAS/{product.short_name}.{release}" for release in releases],
        "granules": [reading.granule for reading in readings],
        "beams": beams if isinstance(beams, str) else list(beams),
        "screens": {name: dropped[name] for name in screens},
        "region": region,
        "segments_outside_region": dropped["outside_region"],
        "units": product.units,
        "altiflow_version": __version__,
    }
