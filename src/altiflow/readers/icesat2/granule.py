"""One granule, one pass: the columns of the beams asked for, and an account of what was found and dropped."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Literal

import numpy as np
import numpy.typing as npt

from altiflow.errors import CorruptGranuleError, InputError, MissingDataError, WrongProductError
from altiflow.readers.catalogue import parse_granule_name
from altiflow.readers.catalogue.names import try_granule_name
from altiflow.readers.icesat2.beams import BEAMS, BeamChoice, is_strong, pair_of, spot_numbers
from altiflow.readers.icesat2.cycles import CycleEngine
from altiflow.readers.icesat2.engines import Arrays, Engine, EngineName, StaleIndexError, open_engine
from altiflow.readers.icesat2.gather import gather_beams
from altiflow.readers.icesat2.products import PRODUCTS, Layout, Product, Variable
from altiflow.readers.icesat2.screens import Screen, apply_screens
from altiflow.readers.remote.addresses import url_file_name
from altiflow.readers.remote.ranges import Sources, Traffic, is_remote
from altiflow.region import Region

__all__ = ["GranuleReading", "ReadOptions", "granule_product", "granule_stem", "read_granule"]

Array = npt.NDArray[np.generic]

_LARGEST = {"f": 1e30, "d": 1e300}
"""Floats above this are fill (3.4028235e38, 1.7976931348623157e308): many variables carry no _FillValue."""

_ROOT = (("/", "short_name"), ("/", "identifier_product_doi"), ("/", "title"))
"""Attributes that are looked at in every granule."""


@dataclass(frozen=True)
class ReadOptions:
    """How granules are read; the arguments of :func:`altiflow.read_segments` that all granules share."""

    product: Product | None
    beams: BeamChoice
    screens: tuple[Screen, ...]
    region: Region | None
    transition: Literal["refuse", "keep"]
    engine: EngineName
    sources: Sources | None = None


@dataclass
class GranuleReading:
    """What one granule gave.

    Attributes
    ----------
    granule, product
        Name and product of the granule.
    columns
        Column name to array (n,), the kept segments of all its beams.
    release, orientation
        Release and ``sc_orient`` as the granule states them ("" and -1 where it does not).
    found
        Number of segments in the beams that were read.
    dropped
        Number of segments "outside_region", and of those inside how many each screen dropped.
    beams_read, beams_absent
        Beams with segments, and beams asked for that have none.
    absent_variables
        Optional variables the granule lacks.
    bytes, seconds, requests, retries
        What reading it took: size of the file (or bytes fetched), time [s], requests sent and repeated.
    """

    granule: str
    product: Product
    columns: dict[str, Array] = field(default_factory=dict)
    release: str = ""
    simulated: bool = False
    orientation: int = -1
    found: int = 0
    dropped: dict[str, int] = field(default_factory=dict)
    beams_read: list[str] = field(default_factory=list)
    beams_absent: list[str] = field(default_factory=list)
    absent_variables: set[str] = field(default_factory=set)
    bytes: int = 0
    seconds: float = 0.0
    requests: int = 0
    retries: int = 0

    @property
    def kept(self) -> int:
        """Number of segments kept."""
        return len(self.columns["latitude"]) if self.columns else 0


def granule_stem(place: Path | str) -> str:
    """Return the granule's name: file name without the archive's ``processed_`` prefix and the extension.

    A product written in lower case comes in upper case.

    Examples
    --------
    >>> granule_stem(Path("processed_atl10-01_20220107195849_02531401_006_01.H5"))
    'ATL10-01_20220107195849_02531401_006_01'
    """
    name = Path(url_file_name(str(place)))
    stem = name.name.removesuffix(name.suffix)
    known = try_granule_name(stem)
    if known is None:
        return stem.removeprefix("processed_")
    # All before the product is the prefix; marks of a subset stay as they are.
    return known.product + stem[stem.upper().index(known.product) + len(known.product) :]


def read_granule(place: Path | str, options: ReadOptions, traffic: Traffic | None = None) -> GranuleReading:
    """Return the segments of one granule, a path or an address, and the account of them.

    What comes over the network is added to `traffic`.

    Raises
    ------
    GranuleError
        A subclass of it, naming the granule and the reason.
    """
    counts, began = traffic or Traffic(), perf_counter()
    try:
        try:
            reading = _read_once(place, options, counts, fresh=False)
        except StaleIndexError:
            reading = _read_once(place, options, counts, fresh=True)
        reading.bytes = counts.received if is_remote(place) else Path(place).stat().st_size
    except OSError as error:
        raise CorruptGranuleError(f"{url_file_name(str(place))} cannot be read: {error}") from error
    reading.requests, reading.retries, reading.seconds = counts.requests, counts.retries, perf_counter() - began
    return reading


def _read_once(place: Path | str, options: ReadOptions, traffic: Traffic, *, fresh: bool) -> GranuleReading:
    """Return the segments of one granule; without a kept index if `fresh`."""
    path = Path(url_file_name(str(place)))
    with open_engine(place, options.engine, sources=options.sources, traffic=traffic, fresh=fresh) as engine:
        engine.expect(["orbit_info/sc_orient"], [*_ROOT, *((beam, "atlas_beam_type") for beam in BEAMS)])
        product = _product_of(path, engine, options.product)
        reading = GranuleReading(granule_stem(path), product)
        orientation = engine.read(["orbit_info/sc_orient"])["orbit_info/sc_orient"]
        if orientation is not None and orientation.size and product.tracks == BEAMS:
            reading.orientation = int(orientation.flat[0])
        reading.release = _release_of(path, engine)
        reading.simulated = (engine.attribute("/", "title") or "").startswith("Simulated")
        layout = _layout_of(engine, product)
        if layout is None:
            reading.beams_absent = list(product.tracks)
            return reading
        wanted = _wanted(engine, orientation, reading, options)
        gathered = gather_beams(engine, layout, list(wanted), options.region)
        source = CycleEngine(gathered, layout, reading.granule) if layout.cycles else gathered
        parts = [
            part
            for beam, spot in wanted.items()
            if (part := _read_beam(source, layout, beam, spot, reading, gathered.left_out.get(beam, 0)))
        ]
    reading.dropped["outside_region"] = sum(gathered.left_out.values())
    if parts:
        columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        reading.columns = _screened(columns, reading, options)
    return reading


def granule_product(place: Path | str, sources: Sources | None = None) -> Product:
    """Return the product of a granule, whatever its name; `sources` open remote ones.

    Raises
    ------
    GranuleError
        A subclass of it, if the file is no granule or cannot be read.
    """
    with open_engine(place, "h5py", sources=sources) as engine:
        return _product_of(Path(url_file_name(str(place))), engine, None)


def _product_of(path: Path, engine: Engine, asked: Product | None) -> Product:
    """Return the product the file says it is, refused if it is not the one asked for."""
    said = engine.attribute("/", "short_name") or ""
    if said.upper() not in PRODUCTS:
        try:
            said = said or parse_granule_name(path.name).product
        except InputError:
            said = said or _probed(engine)
    if asked and said.upper() != asked.short_name:
        raise WrongProductError(
            f"{path.name} is {said or 'not a granule of any product known'}, not {asked.short_name}; "
            "leave it out, or leave product to be found from the file"
        )
    found = asked or PRODUCTS.get(said.upper())
    if found is None:
        what = f"a granule of {said}" if said else "not a granule of any product known"
        raise WrongProductError(f"{path.name} is {what}; segment tables are read from {', '.join(PRODUCTS)}")
    return found


def _probed(engine: Engine) -> str:
    """Return the product whose segment group is in the file, "" if none is."""
    for product in PRODUCTS.values():
        if _layout_of(engine, product) is not None:
            return product.short_name
    return ""


def _release_of(path: Path, engine: Engine) -> str:
    """Return the release such as "006" from the DOI attribute, else from the file name, else ""."""
    doi = engine.attribute("/", "identifier_product_doi") or ""
    if doi[-3:].isdigit():
        return doi[-3:]
    try:
        return parse_granule_name(path.name).version
    except InputError:
        return ""


def _layout_of(engine: Engine, product: Product) -> Layout | None:
    """Return the layout whose segment group some beam has; None where no beam has segments at all."""
    for layout in product.layouts:
        signs = [layout.probe] if layout.probe else [layout.paths[name] for name in ("latitude", product.value)]
        for beam in product.tracks:
            if any(shape is not None for shape in engine.shapes([f"{beam}/{sign}" for sign in signs]).values()):
                return layout
    return None


def _wanted(engine: Engine, orientation: Array | None, reading: GranuleReading, options: ReadOptions) -> dict[str, int]:
    """Return the spots of the beams to read, left to right; 0 for pairs of beams, which are of both strengths."""
    beams, tracks = options.beams, reading.product.tracks
    if tracks != BEAMS:
        asked = tracks if isinstance(beams, str) else {pair_of(beam) for beam in beams}
        return {track: 0 for track in tracks if track in asked}
    types = {beam: (engine.attribute(beam, "atlas_beam_type") or "").lower() for beam in BEAMS}
    spots = spot_numbers(orientation, types, granule=reading.granule, transition=options.transition)
    if beams == "all":
        return spots
    if isinstance(beams, str):
        if 0 in spots.values():
            raise MissingDataError(f"{reading.granule}: strong and weak beams cannot be told apart; use beams='all'")
        return {beam: spot for beam, spot in spots.items() if is_strong(spot) == (beams == "strong")}
    return {beam: spot for beam, spot in spots.items() if beam in beams}


def _read_beam(
    source: Arrays, layout: Layout, beam: str, spot: int, reading: GranuleReading, left_out: int
) -> dict[str, Array] | None:
    """Return the columns of one beam, None where it has no segments, or none near the region."""
    product = reading.product
    arrays = source.read([f"{beam}/{path}" for path in layout.paths.values()])
    raw = {name: arrays[f"{beam}/{path}"] for name, path in layout.paths.items()}
    largest = max((values.size for values in raw.values() if values is not None), default=0)
    count = largest if raw["latitude"] is None else raw["latitude"].size
    if largest == 0 and left_out:
        reading.beams_read.append(beam)
        reading.found += left_out
        return None
    if largest == 0:
        reading.beams_absent.append(beam)
        return None
    reading.beams_read.append(beam)
    reading.found += count + left_out
    columns: dict[str, Array] = {
        "granule": np.full(count, reading.granule, dtype=object),
        "beam": np.full(count, beam, dtype=object),
        "spot": np.full(count, spot, dtype=np.int8),
        "strong": np.full(count, is_strong(spot), dtype=bool),
        "time": _utc(_required(raw, "delta_time", layout, beam, reading, count)),
    }
    for name in ("latitude", "longitude", "x_atc"):
        columns[name] = _cleaned(_required(raw, name, layout, beam, reading, count), "float64")
    if product.nominal_length is not None:
        columns["segment_length"] = np.full(count, product.nominal_length, dtype=np.float32)
    for variable in product.variables:
        columns[variable.name] = _column(raw, variable, layout, beam, reading, count)
    columns.update(_section_columns(source, layout, beam, columns, reading))
    columns["release"] = np.full(count, reading.release, dtype=object)
    columns["sc_orient"] = np.full(count, reading.orientation, dtype=np.int8)
    return columns


def _required(
    raw: dict[str, Array | None], name: str, layout: Layout, beam: str, reading: GranuleReading, count: int
) -> Array:
    """Return an array (count,) the product promises."""
    path, values = f"{beam}/{layout.paths[name]}", raw[name]
    if values is None:
        raise MissingDataError(
            f"{reading.granule}: {path} is missing, and {reading.product.short_name} tables need {name}; "
            "the granule may have been subset by variable"
        )
    return _matching(values, path, reading, count)


def _matching(values: Array, path: str, reading: GranuleReading, count: int) -> Array:
    """Return the array if it has one value per segment (a scalar counts as one)."""
    if values.size != count:
        raise CorruptGranuleError(
            f"{reading.granule}: {path} has {values.size} values where latitude has {count}; the granule is damaged"
        )
    return values.reshape(count)


def _column(
    raw: dict[str, Array | None],
    variable: Variable,
    layout: Layout,
    beam: str,
    reading: GranuleReading,
    count: int,
) -> Array:
    """Return one column (count,), filled where an optional variable is absent."""
    values = raw.get(variable.name)
    if values is None:
        if variable.missing is None:
            return _required(raw, variable.name, layout, beam, reading, count)
        reading.absent_variables.add(variable.name)
        floating = variable.dtype.startswith("float")
        return np.full(count, np.nan if floating else variable.missing, dtype=variable.dtype)
    return _cleaned(_matching(values, f"{beam}/{layout.paths[variable.name]}", reading, count), variable.dtype)


def _cleaned(values: Array, dtype: str) -> Array:
    """Return the values as `dtype`, fill as NaN; of whole numbers kept as floats, those that are none as -1."""
    kind = np.dtype(dtype)
    if kind.kind == "f":
        cleaned = values.astype(kind)
        if values.dtype.kind == "f":
            cleaned[~(np.abs(values) < _LARGEST["f" if values.dtype.itemsize == 4 else "d"])] = np.nan
        return cleaned
    if values.dtype.kind == "f" and kind.kind == "i":
        return np.where(np.abs(values) <= np.iinfo(kind).max, values, -1).astype(kind)
    return values.astype(kind)


def _utc(delta_time: Array) -> Array:
    """Return UTC (n,) datetime64[us] of seconds since 2018-01-01; NaT where not finite."""
    seconds = _cleaned(delta_time, "float64").astype(np.float64)
    missing = ~np.isfinite(seconds) | (np.abs(seconds) > 1e11)
    micros = np.round(np.where(missing, 0.0, seconds) * 1e6).astype("timedelta64[us]")
    times = np.datetime64("2018-01-01", "us") + micros
    times[missing] = np.datetime64("NaT", "us")
    return times


def _section_columns(
    source: Arrays, layout: Layout, beam: str, columns: dict[str, Array], reading: GranuleReading
) -> dict[str, Array]:
    """Return the section's variables at every segment, by the section number that both carry."""
    variables = reading.product.section_variables
    if not variables:
        return {}
    arrays = source.read([f"{beam}/{path}" for path in layout.sections.values()])
    numbers = arrays[f"{beam}/{layout.sections['index']}"]
    wanted = columns["refsurf_ndx"]
    result: dict[str, Array] = {}
    for variable in variables:
        values = arrays[f"{beam}/{layout.sections[variable.name]}"]
        at_segment = np.full(wanted.size, np.nan, dtype=variable.dtype)
        if values is None or numbers is None or values.size != numbers.size or numbers.size == 0:
            reading.absent_variables.add(variable.name)
        else:
            order = np.argsort(numbers.ravel(), kind="stable")
            place = np.clip(np.searchsorted(numbers.ravel()[order], wanted), 0, numbers.size - 1)
            match = numbers.ravel()[order][place] == wanted
            at_segment[match] = _cleaned(values.ravel(), variable.dtype)[order][place][match]
        result[variable.name] = at_segment
    return result


def _screened(columns: dict[str, Array], reading: GranuleReading, options: ReadOptions) -> dict[str, Array]:
    """Return the columns of the segments that lie in the region and pass the screens."""
    if options.region is not None:
        inside = options.region.contains(columns["longitude"], columns["latitude"])
        reading.dropped["outside_region"] += int(inside.size - inside.sum())
        columns = {name: values[inside] for name, values in columns.items()}
    else:
        del reading.dropped["outside_region"]
    kept, dropped = apply_screens(columns, options.screens, reading.product)
    reading.dropped |= dropped
    return {name: values[kept] for name, values in columns.items()}
