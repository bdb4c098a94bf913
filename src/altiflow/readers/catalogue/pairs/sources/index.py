"""The local index: pairs in GeoParquet, stac-geoparquet or GeoJSON files, or a folder of them in partitions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import shapely

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.readers.catalogue.pairs.request import PairSearch
from altiflow.readers.catalogue.pairs.sources.items import asset_url, place_path, read_footprint, read_item, read_values

__all__ = ["read_index"]

_PARQUET = (".parquet", ".geoparquet")
_JSON = (".geojson", ".json")
_NAMES = {"granule": ("granule", "id"), "url": ("url", "href")}
_USED = (
    "granule",
    "id",
    "url",
    "href",
    "start",
    "end",
    "start_datetime",
    "end_datetime",
    "percent_valid",
    "percent_valid_pixels",
    "version",
    "epsg",
    "proj:code",
    "proj_code",
    "proj:epsg",
    "platform",
    "mission",
    "satellite",
    "scene_1_id",
    "scene_2_id",
    "assets",
    "raw_stac",
    "geometry",
)
_STRETCH = 2.0
"""Days by which the period is widened when parts of an index are skipped; the exact test comes after."""


def read_index(path: str | Path, search: PairSearch) -> Iterator[dict[str, Any]]:
    """Yield the rows of an index that may belong to a search; the exact test is the caller's.

    Parameters
    ----------
    path
        A ``.parquet`` or ``.geojson`` file (also ``.json``: a FeatureCollection of STAC items or of features with the
        columns of the catalogue), or a folder of ``.parquet`` files, which may be in partitions ``key=value``.
        Paths of files in it that are relative start at the folder of the file that names them.
    search
        What is wanted: row groups of other boxes and of too few valid pixels are not read.

    Raises
    ------
    InputError
        If there is no such path, or a row lacks its name, address or times.
    UnsupportedFormatError
        If it is no such index, or lacks a column.
    """
    source = Path(path)
    if not source.exists():
        raise InputError(f"source {str(path)!r}: no such file or folder, and no address of a STAC service")
    if source.is_file() and source.suffix.lower() in _JSON:
        return _placed_rows(_read_geojson(source), source.parent)
    return _read_parquet(_parquet_files(source), search)


def _parquet_files(source: Path) -> list[str]:
    """Return the Parquet files of an index, sorted."""
    if source.is_file():
        if source.suffix.lower() not in _PARQUET:
            raise UnsupportedFormatError(
                f"{source.name} is no index of pairs: it ends on {', '.join(_PARQUET + _JSON)}"
            )
        return [str(source)]
    files = sorted(
        str(file) for file in source.rglob("*") if file.suffix.lower() in _PARQUET and file.name[0] not in "._"
    )
    if not files:
        raise UnsupportedFormatError(f"the folder {source} holds no index of pairs (*.parquet)")
    return files


def _read_geojson(source: Path) -> Iterator[dict[str, Any]]:
    """Yield the rows of a FeatureCollection."""
    try:
        features = json.loads(source.read_text())["features"]
    except (ValueError, KeyError, TypeError) as error:
        raise UnsupportedFormatError(f"{source.name} is no GeoJSON FeatureCollection: {error!r}") from error
    for feature in features:
        if isinstance(feature, dict) and feature.get("assets"):
            yield read_item(feature)
        else:
            try:
                values = {"id": feature.get("id"), **feature["properties"]}
                yield _read_row(values, read_footprint(feature.get("geometry")), source.name)
            except (KeyError, TypeError, AttributeError) as error:
                raise UnsupportedFormatError(f"{source.name} holds what is no feature: {error!r}") from error


def _placed_rows(rows: Iterator[dict[str, Any]], folder: Path) -> Iterator[dict[str, Any]]:
    """Yield rows with their paths whole: one that is relative starts where the index is."""
    for row in rows:
        yield row | {"url": place_path(row["url"], row["granule"], folder)}


def _read_parquet(files: list[str], search: PairSearch) -> Iterator[dict[str, Any]]:
    """Yield the rows of Parquet files, batch by batch."""
    for file in files:
        try:
            data = ds.dataset(file, format="parquet", partitioning=ds.partitioning(flavor="hive"))
            names = [name for name in _USED if name in data.schema.names]
            _check_columns(names, file)
            scanner = data.scanner(columns=names, filter=_coarse(data.schema, search))
            for batch in scanner.to_batches():
                yield from _placed_rows(_read_batch(batch, Path(file).name), Path(file).parent)
        except (pa.ArrowInvalid, OSError) as error:
            raise UnsupportedFormatError(f"{Path(file).name} is no Parquet file: {error}") from error


def _check_columns(names: list[str], file: str) -> None:
    """Raise if an index lacks what every row needs."""
    for wanted, known in (("a name", ("granule", "id")), ("an address", ("url", "href", "assets", "raw_stac"))):
        if not set(known) & set(names):
            raise UnsupportedFormatError(
                f"{Path(file).name} is no index of pairs: no column for {wanted} ({', '.join(known)})"
            )


def _coarse(schema: pa.Schema, search: PairSearch) -> pc.Expression | None:
    """Return a test that skips what cannot be wanted, from columns whose types allow it."""
    tests: list[pc.Expression] = []
    for name in ("percent_valid", "percent_valid_pixels"):
        if name in schema.names and search.percent_valid_pixels > 0 and _is_number(schema.field(name).type):
            tests.append(pc.field(name) >= search.percent_valid_pixels)
    for name, bound, later in (("end_datetime", search.start, True), ("start_datetime", search.end, False)):
        other = "start_datetime" if later else "end_datetime"
        both = {name, other} <= set(schema.names)
        if bound is None or not both or not all(pa.types.is_timestamp(schema.field(key).type) for key in (name, other)):
            continue
        day = np.timedelta64(int(_STRETCH), "D")
        limit = np.datetime64(bound, "us") + (-day if later else day)
        tests.append(_either(schema, name, other, limit, later=later))
    box = schema.field("bbox").type if "bbox" in schema.names else None
    if search.region is not None and box is not None and pa.types.is_struct(box):
        tests += _in_box(box, search)
    found = None
    for test in tests:
        found = test if found is None else found & test
    return found


def _is_number(kind: pa.DataType) -> bool:
    return bool(pa.types.is_floating(kind) or pa.types.is_integer(kind))


def _either(schema: pa.Schema, name: str, other: str, limit: np.datetime64, *, later: bool) -> pc.Expression:
    """Return a test that either of two times passes: images may stand in any order; an unknown time passes."""
    found = None
    for key in (name, other):
        scalar = pa.scalar(limit.astype("datetime64[us]").item(), type=schema.field(key).type)
        test = (pc.field(key) >= scalar if later else pc.field(key) <= scalar) | pc.field(key).is_null()
        found = test if found is None else found | test
    return found


def _in_box(box: pa.StructType, search: PairSearch) -> list[pc.Expression]:
    """Return a test of latitudes, as boxes in longitude do not know the antimeridian."""
    names = {field.name for field in box}
    if not {"ymin", "ymax"} <= names or search.region is None:
        return []
    _, south, _, north = search.region.bounds
    if max(abs(south), abs(north)) > 80.0:
        # A box round a pole does not hold its pole in every index.
        return []
    low, high = (pc.field("bbox", name) for name in ("ymin", "ymax"))
    return [(low <= north) & (high >= south) | low.is_null()]


def _read_batch(batch: pa.RecordBatch, name: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of one batch."""
    table = batch.to_pydict()
    shapes = _geometries(table.pop("geometry", None), batch.num_rows)
    for place in range(batch.num_rows):
        yield _read_row({key: values[place] for key, values in table.items()}, shapes[place], name)


def _geometries(values: list[Any] | None, size: int) -> list[Any]:
    """Return footprints from WKB, or from GeoJSON text."""
    if values is None:
        return [None] * size
    if all(value is None or isinstance(value, bytes) for value in values):
        return [read_footprint(found) for found in shapely.from_wkb(np.array(values, dtype=object))]
    return [read_footprint(json.loads(value) if isinstance(value, str) else value) for value in values]


def _read_row(values: Mapping[str, Any], geometry: Any, name: str) -> dict[str, Any]:
    """Return the row of one record, under whichever names it has."""
    told = dict(values)
    for wanted, known in _NAMES.items():
        told[wanted] = next((told[key] for key in known if told.get(key)), None)
    if not told["url"]:
        told["url"] = asset_url(_assets(told))
    if not told["granule"]:
        raise InputError(f"{name} has a row without a name (granule, id)")
    return read_values(told, geometry)


def _assets(values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the assets of a record: a mapping, its JSON, or those in the JSON of the whole item."""
    for key in ("assets", "raw_stac"):
        told = values.get(key)
        found = json.loads(told) if isinstance(told, str) and told else told
        if isinstance(found, Mapping):
            inner = found.get("assets", {}) if key == "raw_stac" else found
            return {name: asset for name, asset in inner.items() if asset}
    return {}
