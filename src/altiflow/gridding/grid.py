"""The grid: a CRS, an affine transform and a shape; which cell a point falls into, and where a cell is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr
from affine import Affine

from altiflow.errors import InputError
from altiflow.gridding.named import grid_definition

__all__ = ["Grid"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

_LATTICE_TOLERANCE = 1e-6
"""Largest departure of coordinates from an even spacing, as a fraction of a cell."""


@dataclass(frozen=True)
class Grid:
    """A regular map grid, rows from the top (north of the map) down.

    Attributes
    ----------
    crs
        Coordinate reference system of x and y.
    transform
        Affine from (col, row) to (x, y) [m]; ``transform @ (0, 0)`` is the outer upper-left corner.
    shape
        Number of (rows, cols).
    name
        Name of a published grid or a window of one; "custom" otherwise.

    Notes
    -----
    A cell holds its upper and left edges, not its lower and right ones: ``col = floor((x - left) / cell)`` and
    ``row = floor((top - y) / cell)``. Both indices are checked against the shape.

    Examples
    --------
    >>> grid = Grid.named("EASE2_N25km")
    >>> grid.shape, grid.bounds
    ((720, 720), (-9000000.0, -9000000.0, 9000000.0, 9000000.0))
    >>> row, col = grid.rowcol(np.array([0.0, 9e6]), np.array([0.0, 0.0]))
    >>> row.tolist(), col.tolist()
    ([360, -1], [360, -1])
    """

    crs: pyproj.CRS
    transform: Affine
    shape: tuple[int, int]
    name: str = "custom"

    def __post_init__(self) -> None:
        """Check that the grid is a map in metres, north-up, with square-cornered cells."""
        if not self.crs.is_projected or any(axis.unit_conversion_factor != 1 for axis in self.crs.axis_info[:2]):
            raise InputError(f"a grid needs a projected CRS in metres, got {self.crs.name!r}; see Grid.named")
        t = self.transform
        if t.b != 0 or t.d != 0 or t.a <= 0 or t.e >= 0:
            raise InputError(f"a grid needs x to the right and y upward without rotation, got {tuple(t)[:6]}")
        if min(self.shape) < 1:
            raise InputError(f"a grid needs at least one row and one column, got shape {self.shape}")

    def __repr__(self) -> str:
        """Return name, CRS, shape and bounds in one line."""
        rows, cols = self.shape
        crs = self.crs_name if len(self.crs_name) < 40 else self.crs.name
        return f"Grid({self.name!r}, {crs}, {rows} rows x {cols} cols, bounds {self.bounds})"

    @classmethod
    def named(cls, name: str) -> Grid:
        """Return a published grid, such as ``"EASE2_N6.25km"`` or ``"NSIDC_PS_N25km"``.

        Raises
        ------
        InputError
            If there is no grid of that name.
        """
        found = grid_definition(name)
        left, top = found.corner
        transform = Affine(found.cell, 0.0, left, 0.0, -found.cell, top)
        return cls(pyproj.CRS(found.crs), transform, found.shape, name)

    @classmethod
    def from_bounds(
        cls, crs: Any, bounds: tuple[float, float, float, float], resolution: float | tuple[float, float]
    ) -> Grid:
        """Return a custom grid that covers `bounds`.

        Parameters
        ----------
        crs
            Anything :class:`pyproj.CRS` takes.
        bounds
            (x_min, y_min, x_max, y_max) [m]; the upper-left corner is kept, the lower and right edges move
            outward to whole cells.
        resolution
            Cell size [m], or (width, height).

        Raises
        ------
        InputError
            If the bounds are empty, the resolution is not positive, or the CRS is not a map in metres.

        Examples
        --------
        >>> Grid.from_bounds("EPSG:3413", (0, 0, 1000, 500), 250).shape
        (2, 4)
        """
        width, height = np.broadcast_to(np.asarray(resolution, float), 2).tolist()
        x_min, y_min, x_max, y_max = (float(value) for value in bounds)
        if not (0 < width < np.inf and 0 < height < np.inf):
            raise InputError(f"resolution must be positive and finite, got {resolution!r}")
        if not (x_max > x_min and y_max > y_min and np.isfinite([x_min, y_min, x_max, y_max]).all()):
            raise InputError(f"bounds are (x_min, y_min, x_max, y_max) with min below max, got {bounds!r}")
        cols, rows = (
            int(np.ceil((high - low) / cell - _LATTICE_TOLERANCE))
            for low, high, cell in ((x_min, x_max, width), (y_min, y_max, height))
        )
        transform = Affine(float(width), 0.0, x_min, 0.0, -float(height), y_max)
        return cls(pyproj.CRS(crs), transform, (max(rows, 1), max(cols, 1)))

    @classmethod
    def from_centres(cls, crs: Any, x: npt.ArrayLike, y: npt.ArrayLike) -> Grid:
        """Return the grid whose cell centres are `x` (ncols,) and `y` (nrows,), in either order of y.

        Raises
        ------
        InputError
            If the coordinates are not evenly spaced, or x does not increase.
        """
        across, down = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        width, height = _spacing(across, "x"), _spacing(down, "y")
        if width <= 0:
            raise InputError("x must increase from cell to cell")
        transform = Affine(width, 0.0, across[0] - width / 2, 0.0, -abs(height), down.max() + abs(height) / 2)
        return cls(pyproj.CRS(crs), transform, (down.size, across.size))

    @classmethod
    def from_dataset(cls, dataset: xr.Dataset) -> Grid:
        """Return the grid of a Dataset that altiflow wrote (grid mapping variable ``crs``, x and y centres).

        A part of a Dataset, such as ``dataset.isel(x=slice(10, 20))``, has the grid of its own cells, on the same
        lattice; the order of y does not matter.

        Raises
        ------
        InputError
            If the Dataset has no x, y or CRS, or its coordinates are not evenly spaced.
        """
        if "crs" not in dataset.variables or "x" not in dataset or "y" not in dataset:
            raise InputError("the Dataset has no grid: x, y and the grid mapping variable 'crs' are needed")
        mapping = dataset["crs"].attrs
        wkt = mapping.get("crs_wkt") or mapping.get("spatial_ref")
        if not wkt:
            raise InputError("the grid mapping variable 'crs' has neither crs_wkt nor spatial_ref")
        crs, x, y = pyproj.CRS(wkt), np.asarray(dataset["x"], float), np.asarray(dataset["y"], float)
        transform = _window_transform(str(mapping.get("GeoTransform", "")), x, y)
        if transform is None:
            transform = cls.from_centres(crs, x, y).transform
        return cls(crs, transform, (y.size, x.size), str(mapping.get("grid_name", "custom")))

    @property
    def resolution(self) -> tuple[float, float]:
        """Cell width and height [m]."""
        return self.transform.a, -self.transform.e

    @property
    def bounds(self) -> tuple[float, float, float, float]:
        """Outer edges (x_min, y_min, x_max, y_max) [m]."""
        rows, cols = self.shape
        right, bottom = self.transform @ (cols, rows)
        return self.transform.c, bottom, right, self.transform.f

    @property
    def x(self) -> Floats:
        """Cell centres (cols,) [m], left to right."""
        return self.transform.c + self.transform.a * (np.arange(self.shape[1], dtype=np.float64) + 0.5)

    @property
    def y(self) -> Floats:
        """Cell centres (rows,) [m], from the top down."""
        return self.transform.f + self.transform.e * (np.arange(self.shape[0], dtype=np.float64) + 0.5)

    @property
    def crs_name(self) -> str:
        """Authority string of the CRS such as "EPSG:6931"; WKT where it has none."""
        return _name_crs(self.crs)

    @property
    def signature(self) -> str:
        """Twelve hex digits that name CRS, transform and shape: equal signatures, equal grids."""
        numbers = [*(float(v).hex() for v in tuple(self.transform)[:6]), *map(str, self.shape)]
        return hashlib.sha256("|".join([self.crs_name, *numbers]).encode()).hexdigest()[:12]

    def project(self, longitude: npt.ArrayLike, latitude: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return (x, y) [m], each (n,), of WGS84 longitudes and latitudes [degrees].

        On a polar equal-area map the other hemisphere lies beyond the equator, in the corners of the grids; its
        points come out infinite, as points that cannot be projected do.
        """
        lon, lat = np.asarray(longitude, float), np.asarray(latitude, float)
        return self._drop_far_side(*transformer_between("EPSG:4326", self.crs_name).transform(lon, lat), lat)

    def locate(self, table: gpd.GeoDataFrame) -> tuple[Ints, Ints]:
        """Return (row, col), each (n,), of the cell each point of a table falls into; (-1, -1) outside.

        Points in the CRS of the grid are taken as they are, so that those on an edge stay there; missing points are
        outside.

        Raises
        ------
        InputError
            If the table has no points, or its points no CRS.
        """
        points = _points(table)
        x, y = points.x.to_numpy(), points.y.to_numpy()
        if points.crs.equals(self.crs):
            latitude = transformer_between(self.crs_name, "EPSG:4326").transform(x, y)[1]
            return self.rowcol(*self._drop_far_side(x, y, latitude))
        if not points.crs.equals("EPSG:4326"):
            x, y = transformer_between(points.crs.to_wkt(), "EPSG:4326").transform(x, y)
        return self.rowcol(*self.project(x, y))

    def _drop_far_side(self, x: npt.ArrayLike, y: npt.ArrayLike, latitude: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return x and y, infinite beyond the equator of a polar equal-area map, and beyond the Earth."""
        lat, pole = np.asarray(latitude, float), self._equal_area_pole
        beyond = (pole != 0) & (~np.isfinite(lat) | (np.sign(lat) == -pole))
        return np.where(beyond, np.inf, np.asarray(x, float)), np.where(beyond, np.inf, np.asarray(y, float))

    @property
    def _equal_area_pole(self) -> int:
        """1 or -1 on a Lambert azimuthal equal-area map about the north or south pole, else 0."""
        crs = self.crs.source_crs if self.crs.is_bound else self.crs
        projection = crs.coordinate_operation if crs is not None else None
        if projection is None or not projection.method_name.startswith("Lambert Azimuthal Equal Area"):
            return 0
        origin = {parameter.name: parameter.value for parameter in projection.params}["Latitude of natural origin"]
        return {90.0: 1, -90.0: -1}.get(float(origin), 0)

    def rowcol(self, x: npt.ArrayLike, y: npt.ArrayLike) -> tuple[Ints, Ints]:
        """Return (row, col), each (n,), of the cell each point falls into; (-1, -1) outside the grid."""
        rows, cols = self.shape
        with np.errstate(invalid="ignore"):
            col = np.floor((np.asarray(x, float) - self.transform.c) / self.transform.a)
            row = np.floor((self.transform.f - np.asarray(y, float)) / -self.transform.e)
            inside = (col >= 0) & (col < cols) & (row >= 0) & (row < rows)
        return np.where(inside, row, -1).astype(np.int64), np.where(inside, col, -1).astype(np.int64)

    def xy(self, row: npt.ArrayLike, col: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return (x, y) [m] of cell centres."""
        across = self.transform.c + self.transform.a * (np.asarray(col, float) + 0.5)
        down = self.transform.f + self.transform.e * (np.asarray(row, float) + 0.5)
        return across, down

    def window(self, rows: slice, cols: slice) -> Grid:
        """Return the part of the grid in ``rows`` and ``cols``, on the same lattice.

        Raises
        ------
        InputError
            If the window is empty or outside the grid.
        """
        row0, row1, _ = rows.indices(self.shape[0])
        col0, col1, _ = cols.indices(self.shape[1])
        if row1 <= row0 or col1 <= col0:
            raise InputError(f"the window rows {rows}, cols {cols} holds no cell of shape {self.shape}")
        left, top = self.transform @ (col0, row0)
        moved = Affine(self.transform.a, 0.0, left, 0.0, self.transform.e, top)
        return Grid(self.crs, moved, (row1 - row0, col1 - col0), self.name)

    def lonlat(self) -> tuple[Floats, Floats]:
        """Return (longitude, latitude) [degrees], each (rows, cols), of the cell centres (WGS84)."""
        lon, lat = transformer_between(self.crs_name, "EPSG:4326").transform(*np.meshgrid(self.x, self.y))
        return np.asarray(lon, float), np.asarray(lat, float)


@cache
def _name_crs(crs: pyproj.CRS) -> str:
    """Return the authority string of a CRS, or its WKT; what PROJ finds may only look alike (another datum)."""
    authority = crs.to_authority()
    if authority and pyproj.CRS.from_authority(*authority).equals(crs, ignore_axis_order=True):
        return ":".join(authority)
    return str(crs.to_wkt())


@cache
def transformer_between(source: str, target: str) -> pyproj.Transformer:
    """Return the transformation between two CRSs, in the order x, y or longitude, latitude.

    Looking it up takes PROJ about 0.1 s, so that it is kept.
    """
    return pyproj.Transformer.from_crs(source, target, always_xy=True)


def _points(table: gpd.GeoDataFrame) -> gpd.GeoSeries:
    """Return the points (n,) of a table, once it is known that they are points and where."""
    geometry = table.geometry if isinstance(table, gpd.GeoDataFrame) and table.active_geometry_name else None
    if geometry is None:
        raise InputError(
            "the table has no geometry; make one with geopandas.GeoDataFrame(table, "
            "geometry=geopandas.points_from_xy(table.longitude, table.latitude), crs='EPSG:4326')"
        )
    if geometry.crs is None:
        raise InputError("the table has no CRS; set it with table.set_crs('EPSG:4326')")
    others = set(geometry.geom_type.dropna()) - {"Point"}
    if others:
        raise InputError(f"the table's geometry must be points, got {', '.join(sorted(others))}")
    return geometry


def _window_transform(geotransform: str, x: Floats, y: Floats) -> Affine | None:
    """Return the transform of cell centres x, y on the lattice of a GDAL GeoTransform; None if not on it.

    The lattice keeps the cell size to the last digit, which differences of centres do not, and tells that of a
    single row or column.
    """
    numbers = [float(word) for word in geotransform.split()]
    if len(numbers) != 6 or x.size == 0 or y.size == 0:
        return None
    lattice = Affine.from_gdal(*numbers)
    cols, rows = ~lattice @ (x, np.full_like(x, lattice.f)), ~lattice @ (np.full_like(y, lattice.c), y)
    col, row = np.floor(cols[0].min()), np.floor(rows[1].min())
    off_x = np.abs(cols[0] - (col + 0.5 + np.arange(x.size)))
    off_y = np.abs(rows[1][:: 1 if y[0] >= y[-1] else -1] - (row + 0.5 + np.arange(y.size)))
    if max(off_x.max(), off_y.max()) > _LATTICE_TOLERANCE * 10:
        return None
    left, top = lattice @ (col, row)
    return Affine(lattice.a, 0.0, left, 0.0, lattice.e, top)


def _spacing(values: Floats, axis: str) -> float:
    """Return the even step of `values` (n,), n >= 2."""
    if values.size < 2:
        raise InputError(f"{axis} needs at least two cell centres to tell the cell size")
    step = (values[-1] - values[0]) / (values.size - 1)
    even = values[0] + step * np.arange(values.size)
    if step == 0 or np.abs(values - even).max() > _LATTICE_TOLERANCE * 10 * abs(step):
        raise InputError(f"{axis} is not evenly spaced; a grid has one cell size per axis")
    return float(step)
