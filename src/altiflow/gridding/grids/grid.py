"""The grid: a CRS, an affine transform and a shape; which cell a point falls into, and where a cell is."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import Any, Literal, overload

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr
from affine import Affine

from altiflow.errors import InputError
from altiflow.gridding.grids.cellarea import cell_areas, centres_on_globe, valid_cells
from altiflow.gridding.grids.coverage import covering_slices
from altiflow.gridding.grids.crs import as_crs, drop_far_side, find_points, name_crs, transformer_between
from altiflow.gridding.grids.lattice import (
    coarse_cells,
    covering_frame,
    even_spacing,
    explain_difference,
    its_live_frame,
    share_lattice,
    stored_mapping,
    stored_transform,
)
from altiflow.gridding.grids.named import grid_definition
from altiflow.region import as_region

__all__ = ["Grid", "transformer_between"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


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
        Name of a published grid or lattice, or of the one this is a window of; "custom" otherwise.

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
        return cls(as_crs(crs), *covering_frame(bounds, resolution))

    @classmethod
    def its_live(cls, crs: Any, *, bounds: tuple[float, float, float, float], cell: Literal[120, 240] = 120) -> Grid:
        """Return the window of an ITS_LIVE lattice that covers `bounds`: granules, cubes and mosaics fit into it.

        Parameters
        ----------
        crs
            Anything :class:`pyproj.CRS` takes, such as 3413, 3031 or 32607.
        bounds
            (x_min, y_min, x_max, y_max) [m]; every edge moves outward to the lattice.
        cell
            120 for version 2, 240 for version 1 [m].

        Raises
        ------
        InputError
            If the CRS is not a map in metres, the bounds are empty, or there is no such lattice.

        Examples
        --------
        >>> Grid.its_live(3413, bounds=(0, 0, 1000, 1000)).bounds
        (-7.5, -112.5, 1072.5, 1087.5)
        """
        frame = its_live_frame(cell, bounds)
        return replace(cls.from_bounds(crs, frame, cell), name=f"ITS_LIVE_{cell}m")

    @classmethod
    def from_centres(cls, crs: Any, x: npt.ArrayLike, y: npt.ArrayLike) -> Grid:
        """Return the grid whose cell centres are `x` (ncols,) and `y` (nrows,), in either order of y.

        Raises
        ------
        InputError
            If the coordinates are not evenly spaced, or x does not increase.
        """
        across, down = np.asarray(x, dtype=float), np.asarray(y, dtype=float)
        width, height = even_spacing(across, "x"), even_spacing(down, "y")
        if width <= 0:
            raise InputError("x must increase from cell to cell")
        transform = Affine(width, 0.0, across[0] - width / 2, 0.0, -abs(height), down.max() + abs(height) / 2)
        return cls(as_crs(crs), transform, (down.size, across.size))

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
        crs, geotransform, name = stored_mapping(dataset)
        x, y = np.asarray(dataset["x"], float), np.asarray(dataset["y"], float)
        transform = stored_transform(geotransform, x, y)
        if transform is None:
            transform = cls.from_centres(crs, x, y).transform
        return cls(crs, transform, (y.size, x.size), name)

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
        return name_crs(self.crs)

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
        return drop_far_side(self.crs, *transformer_between("EPSG:4326", self.crs_name).transform(lon, lat), lat)

    def locate(self, table: gpd.GeoDataFrame) -> tuple[Ints, Ints]:
        """Return (row, col), each (n,), of the cell each point of a table falls into; (-1, -1) outside.

        Points in the CRS of the grid are taken as they are, so that those on an edge stay there; missing points are
        outside.

        Raises
        ------
        InputError
            If the table has no points, or its points no CRS.
        """
        points = find_points(table)
        x, y = points.x.to_numpy(), points.y.to_numpy()
        if points.crs.equals(self.crs):
            latitude = transformer_between(self.crs_name, "EPSG:4326").transform(x, y)[1]
            return self.rowcol(*drop_far_side(self.crs, x, y, latitude))
        if not points.crs.equals("EPSG:4326"):
            x, y = transformer_between(points.crs.to_wkt(), "EPSG:4326").transform(x, y)
        return self.rowcol(*self.project(x, y))

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

    @overload
    def window(self, rows: slice, cols: slice) -> Grid: ...

    @overload
    def window(self, rows: Any) -> Grid: ...

    def window(self, rows: Any, cols: slice | None = None) -> Grid:
        """Return a part of the grid, on the same lattice: of some rows and columns, or what covers a region.

        Parameters
        ----------
        rows
            Rows as a slice; or, alone, anything :func:`altiflow.as_region` takes. The window of a region is the
            smallest that covers what of it lies in the grid, straight edges in longitude and latitude included;
            a region that ends on a cell edge does not take in the cell beyond.
        cols
            Columns as a slice.

        Raises
        ------
        InputError
            If the window is empty or outside the grid, or the region misses the grid.

        Examples
        --------
        The corners of a box are not its extremes: the parallel 60 N bulges down to y = -3310 km in between.

        >>> Grid.named("EASE2_N25km").window((-45, 60, 45, 70)).bounds
        (-2350000.0, -3325000.0, 2350000.0, -1550000.0)
        """
        if cols is None:
            if isinstance(rows, slice):
                raise InputError(f"window needs rows and cols, got rows {rows} only; or give it a region alone")
            rows, cols = covering_slices(self, as_region(rows))
        row0, row1, _ = rows.indices(self.shape[0])
        col0, col1, _ = cols.indices(self.shape[1])
        if row1 <= row0 or col1 <= col0:
            raise InputError(f"the window rows {rows}, cols {cols} holds no cell of shape {self.shape}")
        left, top = self.transform @ (col0, row0)
        moved = Affine(self.transform.a, 0.0, left, 0.0, self.transform.e, top)
        return Grid(self.crs, moved, (row1 - row0, col1 - col0), self.name)

    def coarsen(self, n: int) -> Grid:
        """Return the grid of cells `n` x `n` times as large, with the same upper-left corner.

        A result that is a published grid, or a window of one, has its name and its numbers to the last digit.

        Raises
        ------
        InputError
            If `n` is not a whole number above zero, or does not divide the number of rows and columns.

        Examples
        --------
        >>> Grid.named("EASE2_N6.25km").coarsen(2).name
        'EASE2_N12.5km'
        """
        return Grid(self.crs, *coarse_cells(self, n))

    def same_family(self, other: Grid) -> bool:
        """Return whether every cell edge of the coarser grid is one of the finer grid's lattice, in the same CRS.

        The cells' sizes are then in whole ratio. Whether the grids overlap does not matter.

        Examples
        --------
        >>> Grid.named("EASE2_M36km").same_family(Grid.named("EASE2_M9km"))
        True
        >>> Grid.named("EASE2_M36km").same_family(Grid.named("EASE2_M12.5km"))
        False
        """
        return share_lattice(self, other)

    def explain_difference(self, other: Grid) -> str:
        """Return in a few sentences how this grid and another differ, and what to do about it."""
        return explain_difference(self, other)

    @property
    def valid(self) -> npt.NDArray[np.bool_]:
        """Cells (rows, cols) whose centre lies on the part of the map that shows the Earth once.

        The corners of a polar equal-area grid lie beyond the equator, those of a global one beyond a pole or the
        antimeridian.

        Examples
        --------
        >>> int((~Grid.named("EASE2_N100km").valid).sum())
        6912
        """
        return valid_cells(self)

    @property
    def cell_area(self) -> Floats:
        """True ground area (rows, cols) of the cells [m2], NaN where not valid.

        It is the area on the ellipsoid of the grid's own CRS; EPSG:3408 and 3409 lie on a sphere of 6371228 m. On
        equal-area maps it is width x height; elsewhere that over the areal scale of the projection (k^2 on a
        conformal map), integrated with 2 x 2 Gauss points.

        Examples
        --------
        >>> grid = Grid.named("NSIDC_PS_WGS84_N25km")
        >>> float((25e3**2 / grid.cell_area[grid.rowcol(0.0, 0.0)]).round(4))
        0.9406
        """
        return cell_areas(self)

    def lonlat(self) -> tuple[Floats, Floats]:
        """Return WGS84 (longitude, latitude) [degrees], each (rows, cols), of the centres; NaN where not valid."""
        return centres_on_globe(self)
