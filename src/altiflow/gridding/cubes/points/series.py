"""Series: what a cube, or several, hold in time at points, along lines and in areas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr

from altiflow.errors import FieldError, InputError, NoOverlapError
from altiflow.gridding.cubes.points.places import line_points, place_points
from altiflow.gridding.cubes.points.sampling import PARTS, SeriesMethod, layer_coordinates, merge_series, sample_field
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.remap.resample import Lattice
from altiflow.readers.field import Metric, check_field, check_series
from altiflow.region import as_region
from altiflow.version import __version__

__all__ = ["series_along", "series_at", "series_in"]

Floats = npt.NDArray[np.float64]

_VALUES = 1 << 24
"""Values of a component that are read at a time for the mean of an area."""


def series_at(
    velocity: xr.Dataset | Sequence[xr.Dataset],
    points: Any,
    *,
    crs: Any = "EPSG:4326",
    method: SeriesMethod = "nearest",
    metric: Metric | None = None,
) -> xr.Dataset:
    """Return the velocity in time at points, from one field, cube or mosaic or from several.

    Parameters
    ----------
    velocity
        Velocity fields, unread or in memory. Of several, such as neighbouring cubes in two zones, the vectors come
        out along the axes of the first one's map; an image pair in two of them is one layer, at each point from the
        first field that has it.
    points
        A GeoDataFrame, shapely points, or pairs (n, 2) of longitude and latitude; thousands are read at once.
    crs
        CRS of points that have none of their own.
    method
        "nearest": the cell the point is in. "linear": bilinear between the four centres, half of the weight on valid
        ones.
    metric
        "map" or "ground"; None where all fields have one.

    Returns
    -------
    xarray.Dataset
        ``vx, vy, vx_sigma, vy_sigma`` on (time, point), all layers of the fields, also those with no value at any
        point; ``x, y`` of the points [m, CRS of the first field], ``longitude, latitude``, ``cell_distance`` to the
        centre of the cell [m, map of its field]; and what is known of the layers.

    Raises
    ------
    NoOverlapError
        If no point lies on any of the fields.
    InputError
        If an argument means nothing.
    FieldError
        If one is no velocity field, or they are in two metrics and none is asked for.

    Examples
    --------
    >>> from altiflow.readers.field import build_field
    >>> bounds = np.array([["2020-01-01", "2020-01-17"]], dtype="M8[ns]")
    >>> cube = build_field(np.array([[[1.0, 2], [3, 4]]]), np.zeros((1, 2, 2)), x=[0, 120], y=[120, 0], crs=3413,
    ...     time_bnds=bounds, units="m/yr", year_days=365.0, velocity_metric="map", metric_source="user", source="a")
    >>> found = series_at(cube, [(110.0, 30.0)], crs=3413)
    >>> found.vx.values.tolist(), found.cell_distance.values.round(3).tolist()
    ([[4.0]], [31.623])
    """
    if method not in ("nearest", "linear"):
        raise InputError(f"method must be 'nearest' or 'linear', got {method!r}")
    fields = [check_field(one) for one in ([velocity] if isinstance(velocity, xr.Dataset) else list(velocity))]
    if not fields:
        raise InputError("velocity holds no field; give at least one")
    home = str(fields[0].attrs["crs"])
    x, y, names = place_points(points, crs, home)
    wanted = _home(fields, metric)
    found = [sample_field(one, x, y, home=wanted, method=method) for one in fields]
    if not any(inside.any() for _, inside, _ in found):
        raise NoOverlapError(
            f"none of {len(x)} points lies on {'the field' if len(fields) == 1 else 'one of the fields'}; the first is "
            f"at x {x[0]:.0f}, y {y[0]:.0f} m in {home}, and {_extent(fields[0])}"
        )
    series = merge_series([one for one, _, _ in found])
    distances = np.stack([distance for _, _, distance in found], axis=1)
    owner = np.argmax(np.stack([inside for _, inside, _ in found], axis=1), axis=1)
    series["cell_distance"] = ("point", distances[np.arange(len(x)), owner], _metres("to the centre of the cell"))
    return _finish(series, x, y, names, f"series_at(method={method!r})")


def series_along(
    velocity: xr.Dataset | Sequence[xr.Dataset],
    line: Any,
    *,
    spacing: float,
    crs: Any = "EPSG:4326",
    method: SeriesMethod = "linear",
    metric: Metric | None = None,
) -> xr.Dataset:
    """Return the velocity in time along a line: :func:`series_at` points of it, with ``distance`` from its start.

    Parameters
    ----------
    line
        A shapely LineString, pairs (n, 2), or a GeoDataFrame of one line.
    spacing
        Distance between points [m, map of the first field].
    velocity, crs, method, metric
        As in :func:`series_at`.

    Returns
    -------
    xarray.Dataset
        As from :func:`series_at`, with ``distance`` (point,) along the ground from the start [m].

    Raises
    ------
    InputError
        If it is no line, or the spacing is not positive; else as :func:`series_at`.
    """
    first = velocity if isinstance(velocity, xr.Dataset) else next(iter(velocity))
    home = check_field(first).attrs["crs"]
    x, y, distance = line_points(line, crs, home, spacing)
    series = series_at(velocity, np.column_stack([x, y]), crs=home, method=method, metric=metric)
    return series.assign_coords(distance=("point", distance, _metres("along the ground from the start of the line")))


def series_in(velocity: xr.Dataset, areas: Any, *, min_valid: float = 0.5) -> xr.Dataset:
    """Return the mean velocity in time in areas: the mean of each component over the cells of an area.

    Parameters
    ----------
    velocity
        A velocity field or cube.
    areas
        One area (anything :func:`altiflow.as_region` takes), or a dict of them by name. A cell belongs to an area
        if its centre does.
    min_valid
        Least share of an area's cells that must have a value for a layer to have one.

    Returns
    -------
    xarray.Dataset
        ``vx, vy`` on (time, point), a point for each area with the mean place of its cells; ``count``: cells with a
        value; ``vx_sigma, vy_sigma``: the mean of the cells' sigmas, as errors of one image pair are mostly common to
        its cells (a wrong co-registration moves all of them).

    Raises
    ------
    InputError
        If an area has no cell, or `min_valid` is no share.
    """
    if not 0 <= min_valid <= 1:
        raise InputError(f"min_valid is a share from 0 to 1, got {min_valid!r}")
    field = check_field(velocity)
    grid = Grid.from_centres(field.attrs["crs"], field["x"].values, field["y"].values)
    named = areas if isinstance(areas, dict) else {"area": areas}
    down = field["y"].values[0] > field["y"].values[-1]
    parts, places = [], []
    for name, area in named.items():
        region = as_region(area)
        inside = region.contains(*(part.ravel() for part in grid.lonlat())).reshape(grid.shape)
        if not inside.any():
            raise InputError(f"area {name!r} ({region}) holds the centre of no cell of the field")
        parts.append(_mean_inside(field, inside if down else inside[::-1], min_valid))
        rows, cols = np.nonzero(inside)
        places.append((grid.x[cols].mean(), grid.y[rows].mean()))
    series = xr.concat(parts, dim="point", coords="minimal", compat="override").transpose("time", "point", ...)
    series.attrs = dict(field.attrs)
    x, y = np.array(places).T
    return _finish(series, x, y, list(named), f"series_in(min_valid={min_valid})")


def _home(fields: list[xr.Dataset], metric: Metric | None) -> dict[str, Any]:
    """Return CRS, metric, unit and year that all fields come to: those of the first."""
    metrics = {str(one.attrs["velocity_metric"]) for one in fields}
    if metric is None and len(metrics) > 1:
        raise FieldError("the fields are in map and in ground metres; say metric='map' or metric='ground'")
    kinds = {str(one.attrs["velocity_kind"]) for one in fields}
    if kinds != {"velocity"}:
        raise FieldError("a field holds displacements; convert_field(field) makes velocities of them")
    told = {key: fields[0].attrs[key] for key in ("crs", "units", "year_days") if key in fields[0].attrs}
    return told | {"velocity_metric": metric or metrics.pop()}


def _mean_inside(field: xr.Dataset, inside: npt.NDArray[np.bool_], min_valid: float) -> xr.Dataset:
    """Return the means of the components over cells (rows, cols), one point; cells a tile at a time."""
    names = [name for name in PARTS if name in field]
    layers = field.sizes["time"]
    totals, count = {name: np.zeros(layers) for name in names}, np.zeros(layers, dtype=np.int64)
    side = max(1, int(np.sqrt(_VALUES / layers)))
    for top in range(0, inside.shape[0], side):
        for left in range(0, inside.shape[1], side):
            tile = slice(top, top + side), slice(left, left + side)
            if inside[tile].any():
                count += _add_tile(field.isel(y=tile[0], x=tile[1]), inside[tile], totals)
    enough = (count > 0) & (count >= min_valid * inside.sum())
    found = {
        name: ("time", np.divide(total, count, out=np.full(layers, np.nan), where=enough))
        for name, total in totals.items()
    }
    return xr.Dataset({**found, "count": ("time", count)}, coords=layer_coordinates(field))


def _add_tile(
    tile: xr.Dataset, inside: npt.NDArray[np.bool_], totals: dict[str, npt.NDArray[np.float64]]
) -> npt.NDArray[np.int64]:
    """Add the values of a tile's cells to the totals (time,), and return their number."""
    vx, vy = (np.asarray(tile[name].values)[:, inside] for name in ("vx", "vy"))
    usable = np.isfinite(vx) & np.isfinite(vy)
    if "valid" in tile:
        usable &= tile["valid"].values.astype(bool)[:, inside]
    for name, total in totals.items():
        values = np.asarray(tile[name].values) if name not in ("vx", "vy") else {"vx": vx, "vy": vy}[name]
        spread = values[:, None] if values.ndim == 1 else values if name in ("vx", "vy") else values[:, inside]
        total += np.where(usable, spread, 0.0).sum(axis=1, dtype=np.float64)
    return np.asarray(usable.sum(axis=1), dtype=np.int64)


def _finish(series: xr.Dataset, x: Floats, y: Floats, names: list[str], step: str) -> xr.Dataset:
    """Return a checked series with the places of its points."""
    crs = pyproj.CRS(series.attrs["crs"])
    lon, lat = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    series = series.assign_coords(
        point=("point", np.array(names, dtype=str)),
        x=("point", x, {"units": "m", "standard_name": "projection_x_coordinate"}),
        y=("point", y, {"units": "m", "standard_name": "projection_y_coordinate"}),
        longitude=("point", np.asarray(lon), {"units": "degrees_east", "standard_name": "longitude"}),
        latitude=("point", np.asarray(lat), {"units": "degrees_north", "standard_name": "latitude"}),
    )
    for name in PARTS:
        if name in series:
            series[name].attrs["units"] = str(series.attrs["units"])
    series.attrs["history"] = f"altiflow {__version__}: {step}"
    return check_series(series)


def _extent(field: xr.Dataset) -> str:
    """Return where a field is, in words."""
    x_min, y_min, x_max, y_max = Lattice.from_axes(field["x"].values, field["y"].values).bounds
    return f"the first field reaches from x {x_min:.0f} to {x_max:.0f}, y {y_min:.0f} to {y_max:.0f} m"


def _metres(meaning: str) -> dict[str, str]:
    return {"units": "m", "long_name": f"distance {meaning}"}
