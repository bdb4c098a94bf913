"""Whatever lists files of data, as a catalogue of one form: searches, folders, pairs, cubes and saved catalogues."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.catalogue.archive.motion import motion_columns
from altiflow.readers.catalogue.local import find_local_granules, find_velocity_files, list_granules
from altiflow.readers.catalogue.pairs.cubes import read_cube_catalogue
from altiflow.readers.catalogue.pairs.naming import CubeName, MotionName, PairName, parse_velocity_name
from altiflow.readers.catalogue.pairs.search import search_pairs
from altiflow.readers.catalogue.pairs.table import PAIR_COLUMNS, build_pairs, row_of_name
from altiflow.readers.catalogue.tables.columns import CATALOGUE_COLUMNS, build_catalogue, check_catalogue
from altiflow.readers.catalogue.tables.files import read_catalogue

__all__ = ["as_catalogue", "link_columns", "motion_row"]

_CUBE_COLUMNS = {"url", "epsg", "x_min", "y_min", "x_max", "y_max", "geometry"}
_PAIRS = set(PAIR_COLUMNS) - {"geometry"}
_BUCKET = "s3.amazonaws.com"


def as_catalogue(
    source: Any, *, version: str = "latest", footprints: Literal["none", "read"] = "none"
) -> gpd.GeoDataFrame:
    """Return a catalogue of the one form that all searches share.

    Parameters
    ----------
    source
        A catalogue (returned as it is); image pairs of :func:`search_pairs`; cubes of :func:`find_cubes` or
        :func:`read_cube_catalogue`; a file of these: GeoParquet or GeoJSON that :func:`write_catalogue` or
        :func:`write_pairs` wrote, or the catalogue of cubes of ITS_LIVE; a folder of ICESat-2 granules, of image pairs
        of ITS_LIVE, or of sea-ice motion of NSIDC-0116 or OSI SAF (or of all of them), a file of these, or a list of
        either, by their names.
    version, footprints
        Of ICESat-2 granules on this machine, as for :func:`list_granules`.

    Returns
    -------
    geopandas.GeoDataFrame
        Pairs have their period; cubes hold many years, so theirs is missing. Their product is "ITS_LIVE pairs" or
        "ITS_LIVE cubes", their projection is not kept.

    Raises
    ------
    InputError
        If it is none of these, or not there.
    UnsupportedFormatError
        If a file is of another form.

    Examples
    --------
    >>> from altiflow.readers.catalogue.pairs import pairs_from_names
    >>> name = "LE07_L1GT_001113_20121118_20161127_01_T2_X_LE07_L1GT_232113_20121104_20161127_01_T2_G0240V01_P059.nc"
    >>> as_catalogue(pairs_from_names([name]))[["product", "version", "end"]].values.tolist()
    [['ITS_LIVE pairs', 'v01', Timestamp('2012-11-18 00:00:00')]]
    """
    if isinstance(source, pd.DataFrame):
        return _from_frame(source)
    if isinstance(source, (str, Path)) and Path(source).is_file():
        suffix = Path(source).suffix.lower()
        if suffix == ".parquet":
            return _from_parquet(Path(source))
        if suffix in (".json", ".geojson"):
            return _from_json(Path(source))
        if suffix in (".csv", ".txt"):
            raise InputError(
                f"{Path(source).name} does not hold all of a catalogue; write it as .parquet or .geojson instead"
            )
    if isinstance(source, (str, Path)) or (isinstance(source, Iterable) and not isinstance(source, Mapping)):
        places = [Path(source)] if isinstance(source, (str, Path)) else [Path(place) for place in source]
        return _from_files(places, version, footprints)
    raise InputError(
        f"a catalogue is made from a table, a file, a folder or a list of them, got a {type(source).__name__}"
    )


def _from_files(places: list[Path], version: str, footprints: Literal["none", "read"]) -> gpd.GeoDataFrame:
    """Return the catalogue of files and folders by the names of the files, whatever they hold."""
    named = find_velocity_files(places)
    if not named:
        return list_granules(places, version=version, footprints=footprints)
    files = [file for place in places if place not in named for file in _granules(place)]
    pairs = build_pairs(row_of_name(name, str(file)) for file, name in named.items() if isinstance(name, PairName))
    rows = _from_pairs(pairs).to_dict("records")
    rows += [motion_row(name, str(file)) for file, name in named.items() if isinstance(name, MotionName)]
    rows = [{**row, "size_mb": Path(row["path"]).stat().st_size / 2**20} for row in rows]
    told: dict[str, Any] = {"duplicates": pairs.attrs["altiflow"]["duplicates"], "screens": {}}
    if files:
        listed = list_granules(files, version=version, footprints=footprints)
        rows, told = rows + listed.to_dict("records"), {**listed.attrs["altiflow"], **told}
    return build_catalogue(rows, {**told, "product": "+".join(sorted({str(row["product"]) for row in rows}))})


def _granules(place: Path) -> list[Path]:
    """Return the granules of a file or folder that may hold none."""
    try:
        return find_local_granules(place)
    except EmptyDataError:
        return []


def motion_row(name: MotionName, place: str) -> dict[str, Any]:
    """Return the row of a file of sea-ice motion of which the name and the place are known."""
    return {**motion_columns(name), **link_columns(place)}


def _from_parquet(path: Path) -> gpd.GeoDataFrame:
    """Return the catalogue in a Parquet file, of granules or of image pairs."""
    try:
        columns = set(pq.read_schema(path).names)
    except (pa.ArrowException, OSError):
        columns = set()
    return _from_frame(search_pairs(source=str(path))) if columns >= _PAIRS else read_catalogue(path)


def _from_json(path: Path) -> gpd.GeoDataFrame:
    """Return the catalogue in a JSON file, whichever of the three forms it has."""
    try:
        features = json.loads(path.read_text())["features"]
        columns = set(features[0]["properties"]) if features else set()
    except (ValueError, KeyError, TypeError, IndexError):
        columns = set()
    if "zarr_url" in columns:
        return _from_frame(read_cube_catalogue(path))
    return _from_frame(search_pairs(source=str(path))) if columns >= _PAIRS else read_catalogue(path)


def _from_frame(table: pd.DataFrame) -> gpd.GeoDataFrame:
    """Return a table of any known kind as a catalogue."""
    columns = set(table.columns)
    if isinstance(table, gpd.GeoDataFrame) and not columns >= set(CATALOGUE_COLUMNS):
        if columns >= set(PAIR_COLUMNS):
            return _from_pairs(table)
        if columns >= _CUBE_COLUMNS:
            return _from_cubes(table)
    return check_catalogue(table)


def _from_pairs(pairs: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return image pairs as a catalogue."""
    rows = [
        {
            "granule": row.granule,
            "product": "ITS_LIVE pairs",
            "version": row.version,
            "start": row.start,
            "end": row.end,
            "geometry": row.geometry,
            **link_columns(str(row.url)),
        }
        for row in pairs.itertuples(index=False)
    ]
    told = pairs.attrs.get("altiflow", {})
    return build_catalogue(rows, {"screens": {}, **told, "product": "ITS_LIVE pairs"})


def _from_cubes(cubes: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return cubes as a catalogue, each once."""
    rows = [
        {
            "granule": _cube_name(str(row.url)),
            "product": "ITS_LIVE cubes",
            "hemisphere": _hemisphere(row.geometry),
            "geometry": row.geometry,
            **link_columns(str(row.url)),
        }
        for row in cubes.drop_duplicates("url").itertuples(index=False)
    ]
    return build_catalogue(rows, {"product": "ITS_LIVE cubes", "screens": {}})


def _hemisphere(geometry: Any) -> str | None:
    """Return the hemisphere that holds an area, None if it reaches into both."""
    south, north = geometry.bounds[1], geometry.bounds[3]
    return "north" if south >= 0 else "south" if north <= 0 else None


def _cube_name(url: str) -> str:
    """Return the name of a cube without its ending."""
    name = parse_velocity_name(url)
    if not isinstance(name, CubeName):
        raise InputError(f"{url} is no cube of ITS_LIVE")
    return name.format().removesuffix(".zarr")


def link_columns(url: str) -> dict[str, str]:
    """Return the columns of an address; public buckets are told both ways."""
    scheme, _, rest = url.partition("://")
    if scheme == "s3":
        bucket, _, key = rest.partition("/")
        return {"url_s3": url, "url_https": f"https://{bucket}.{_BUCKET}/{key}"}
    if scheme in ("http", "https"):
        secure = f"https://{rest}"
        host, _, key = rest.partition("/")
        bucket = host.removesuffix(f".{_BUCKET}")
        return {"url_https": secure, **({"url_s3": f"s3://{bucket}/{key}"} if bucket != host else {})}
    return {"path": url.removeprefix("file://")}
