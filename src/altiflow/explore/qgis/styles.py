"""Style files beside GeoTIFFs and tables of cells, which QGIS takes when it opens them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import rasterio
from matplotlib.colors import Colormap

from altiflow.errors import EmptyDataError, InputError, UnsupportedFormatError
from altiflow.explore.cartography.colours import is_count
from altiflow.explore.qgis.elements import raster_style, vector_style
from altiflow.explore.qgis.ramps import make_ramp
from altiflow.files import whole_file
from altiflow.readers import read_table

__all__ = ["write_style", "write_styles"]

_RASTERS, _TABLES = (".tif", ".tiff"), (".parquet", ".gpkg", ".fgb", ".geojson")
_MOST_CELLS = 4_000_000
"""Cells of a raster that its colours are taken from; of a larger one every second, third ... row and column."""


def write_style(
    path: str | Path,
    *,
    variable: str | None = None,
    limits: tuple[float, float] | None = None,
    cmap: str | Colormap | None = None,
    units: str | None = None,
    classes: int = 8,
) -> Path:
    """Write the QGIS style of a GeoTIFF or of a table of cells or segments beside it, and return its path.

    QGIS takes ``name.qml`` when it opens ``name.tif`` or ``name.parquet``; an earlier style is replaced.

    Parameters
    ----------
    path
        ``.tif``, or ``.parquet``, ``.gpkg``, ``.fgb``, ``.geojson`` with points, lines or polygons.
    variable
        Column of a table; its mean where not given. Of a raster: what it holds, where the file does not say.
    limits, cmap
        As in :func:`altiflow.draw_map`, and so are the colours.
    units
        Units of the legend; those of the file where not given.
    classes
        Of a table, as many colours; a raster has a continuous ramp.

    Raises
    ------
    InputError
        If there is no such file, column or colour map, or classes or limits mean nothing.
    UnsupportedFormatError
        If it is another kind of file.
    EmptyDataError
        If there is no value.

    Notes
    -----
    Style files are made after what QGIS 3.28 writes: a raster has its first band in a pseudocolour ramp, whose limits
    are those of all bands; a table has graduated symbols. Speeds are logarithmic, differences symmetric about zero.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(f"there is no file {source} to make a style of")
    suffix = source.suffix.lower()
    if suffix in _RASTERS:
        name, held, values, empty = _read_raster(source, variable)
        ramp = make_ramp(name, values, units=held if units is None else units, limits=limits, cmap=cmap)
        text = raster_style(ramp, name=name, empty=empty)
    elif suffix in _TABLES:
        if classes < 2:
            raise InputError(f"classes must be 2 or more, got {classes!r}")
        table, column = _read_column(source, variable)
        held = str(table.attrs.get("altiflow", {}).get("units", {}).get(column, ""))
        values = table[column].to_numpy(np.float64, na_value=np.nan)
        ramp = make_ramp(column, values, units=held if units is None else units, limits=limits, cmap=cmap)
        text = vector_style(ramp, column, kind=_kind(table, source), classes=classes)
    else:
        known = ", ".join((*_RASTERS, *_TABLES))
        raise UnsupportedFormatError(f"a style is made of {known}; got {source.name}")
    target = source.with_suffix(".qml")
    with whole_file(target) as part:
        part.write_text(text, encoding="utf-8")
    return target


def write_styles(paths: Iterable[str | Path]) -> list[Path]:
    """Write the styles of GeoTIFFs and tables beside them, and return their paths; what is empty gets none."""
    written = []
    for path in paths:
        try:
            written.append(write_style(path))
        except EmptyDataError:
            continue
    return written


def _read_raster(path: Path, variable: str | None) -> tuple[str, str, npt.NDArray[np.float64], float | None]:
    """Return what a raster holds, its units, its values, and the number that says there is nothing."""
    with rasterio.open(path) as file:
        step = max(1, int(np.ceil(np.sqrt(file.width * file.height / _MOST_CELLS))))
        shape = (file.count, -(-file.height // step), -(-file.width // step))
        values = file.read(out_shape=shape, masked=True)
        name = variable or file.tags().get("name") or path.stem
        units = file.units[0] or ""
    held = np.asarray(values.filled(np.nan) if values.dtype.kind == "f" else values.astype(float).filled(np.nan))
    # A count of nothing is an empty cell, as it is on a map; of numbers that may be below it, 0 is one like any other.
    if values.dtype.kind == "u" or (values.dtype.kind == "i" and is_count(name)):
        return name, units, np.where(held == 0, np.nan, held), 0.0
    return name, units, held, None


def _read_column(path: Path, variable: str | None) -> tuple[gpd.GeoDataFrame, str]:
    """Return a table and the column that is shown."""
    table: Any = read_table(path) if path.suffix.lower() == ".parquet" else gpd.read_file(path)
    numbers = [str(name) for name in table.columns if name != "geometry" and table[name].dtype.kind in "fiu"]
    if variable is not None:
        if variable not in numbers:
            raise InputError(f"{path.name} has no column of numbers {variable!r}; it has {', '.join(numbers)}")
        return table, variable
    means = [name for name in numbers if name.endswith("_mean") and name != "length_mean"]
    usual = [name for name in ("freeboard", "height", "h_li", "speed", "dhdt") if name in numbers]
    if not (means or usual):
        raise InputError(f"give variable, the column of {path.name} to show; it has {', '.join(numbers)}")
    return table, (means or usual)[0]


def _kind(table: gpd.GeoDataFrame, path: Path) -> str:
    """Return which symbols the features of a table have."""
    kinds = {"Polygon": "fill", "MultiPolygon": "fill", "Point": "marker", "MultiPoint": "marker"}
    kinds |= {"LineString": "line", "MultiLineString": "line"}
    found = {kinds.get(name) for name in table.geometry.geom_type.dropna().unique()}
    if len(found) != 1 or None in found:
        raise InputError(f"{path.name} holds no features of one kind, so no style fits it; split it")
    return str(found.pop())
