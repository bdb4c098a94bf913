"""Velocity along and across a line."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely
import xarray as xr

from altiflow.errors import InputError
from altiflow.fusion.fields.layers import has_errors, read_layer, refuse_displacement
from altiflow.fusion.lines.tracks import ground_tangent, track_tangent
from altiflow.gridding.grids.crs import ground_steps
from altiflow.gridding.remap.resample import MIN_VALID, Lattice
from altiflow.readers.field import check_field
from altiflow.readers.layers import LAYER_COORDS
from altiflow.version import __version__

__all__ = ["line_components"]

Floats = npt.NDArray[np.float64]

_PIECES = 8
"""Pieces of a spacing over which the length on the ground is taken as even."""


def line_components(
    field: xr.Dataset,
    line: shapely.LineString | gpd.GeoDataFrame | gpd.GeoSeries,
    *,
    spacing: float | None = None,
    min_valid: float = MIN_VALID,
) -> xr.Dataset:
    """Return the velocity along and across a line at points along it, for every layer of a field.

    Parameters
    ----------
    field
        A velocity field.
    line
        A line in the field's CRS, or a table of one line with a CRS. It is straight between its vertices on the map of
        the field.
    spacing
        Distance between the points on the ground [m], from the start of the line; its end is one too. The vertices of
        the line themselves where not given.
    min_valid
        Least share of the bilinear weight on valid cells.

    Returns
    -------
    xarray.Dataset
        ``v_along`` (positive towards the end of the line), ``v_across`` (positive to the left of it), ``vx, vy`` and
        the sigmas the field gives (errors of vx and vy taken as independent), on (time, vertex), in the units and the
        metric of the field; with ``distance`` [m] along the line on the ground and ``x, y, longitude, latitude`` of
        each vertex. NaN where the field has no velocity.

    Raises
    ------
    FieldError
        If the field does not state what a velocity field must, or is a displacement.
    InputError
        If the line is none, has no length, or leads into the unknown; if the spacing is not a length.

    Notes
    -----
    v_along = v · t and v_across = v · (-t_y, t_x), t the unit tangent at the point: the direction from the point before
    to that after it. For a "ground" velocity t is the tangent on the ground, else that on the map. chadagreene's
    itslive_interp counts across positive to the right.

    Examples
    --------
    >>> from altiflow.readers.field import build_field
    >>> axis = np.arange(-4.0, 5) * 1e3
    >>> bounds = np.array([["2020-01-01", "2020-01-08"]], "M8[ns]")
    >>> field = build_field(np.full((1, 9, 9), 100.0), np.zeros((1, 9, 9)), x=axis, y=axis, time_bnds=bounds,
    ...                     crs="EPSG:3413", units="m/yr", year_days=365.25, velocity_metric="map",
    ...                     metric_source="user", source="example")
    >>> angle = np.radians(82.0)
    >>> line = shapely.LineString([(0, 0), (3e3 * np.cos(angle), 3e3 * np.sin(angle))])
    >>> found = line_components(field, line, spacing=1e3)
    >>> float(found.v_along[0, 1].round(3)), float(found.v_across[0, 1].round(3))
    (13.917, -99.027)
    >>> found.distance.values[:3].round(3).tolist()
    [0.0, 1000.0, 2000.0]
    """
    checked = check_field(field)
    refuse_displacement(checked)
    crs = str(checked.attrs["crs"])
    places = _line_places(line, crs)
    if spacing is not None:
        if not (np.isfinite(spacing) and spacing > 0):
            raise InputError(f"spacing is a length [m], above 0, got {spacing!r}")
        places = _even_places(places, crs, float(spacing))
    distance = _ground_distance(places, crs)
    tangent = track_tangent(places[:, 0], places[:, 1])
    if checked.attrs["velocity_metric"] == "ground":
        tangent = ground_tangent(tangent, places[:, 0], places[:, 1], crs)
    return _build_result(checked, places, distance, _components(checked, places, tangent, min_valid))


def _line_places(line: Any, crs: str) -> Floats:
    """Return the vertices (n, 2) of a line in the CRS of the field."""
    if isinstance(line, gpd.GeoDataFrame | gpd.GeoSeries):
        if line.crs is None or len(line) != 1:
            raise InputError(f"the table must hold one line and a CRS, it has {len(line)} rows and CRS {line.crs}")
        line = line.geometry.to_crs(crs).iloc[0]
    if not isinstance(line, shapely.LineString) or line.is_empty:
        raise InputError(f"line must be a LineString, or a table of one, got {type(line).__name__}")
    places = np.asarray(line.coords, float)[:, :2]
    apart = places[np.append(True, (np.diff(places, axis=0) != 0).any(axis=1))]
    if len(apart) < 2 or not np.isfinite(apart).all():
        raise InputError("the line has no length, or leaves the map of the field; give two different places on it")
    return np.asarray(apart)


def _even_places(places: Floats, crs: str, spacing: float) -> Floats:
    """Return places at even distances on the ground along the line, and its end."""
    pieces = []
    for start, end in pairwise(places):
        count = max(1, int(np.ceil(_PIECES * np.hypot(*(end - start)) / spacing)))
        pieces.append(start + np.linspace(0, 1, count, endpoint=False)[:, None] * (end - start))
    fine = np.concatenate([*pieces, places[-1:]])
    length = _ground_distance(fine, crs)
    wanted = np.arange(0.0, length[-1] * (1 - 1e-9), spacing)
    wanted = np.append(wanted, length[-1])
    return np.stack([np.interp(wanted, length, fine[:, axis]) for axis in (0, 1)], axis=-1)


def _ground_distance(places: Floats, crs: str) -> Floats:
    """Return the distance (n,) [m] along a line of places (n, 2): geodesics from each to the next."""
    return np.append(0.0, np.cumsum(ground_steps(places[:, 0], places[:, 1], crs)))


def _components(field: xr.Dataset, places: Floats, tangent: Floats, min_valid: float) -> dict[str, Floats]:
    """Return the variables (layers, n)."""
    x, y = places.T
    lattice = Lattice.from_axes(field["x"].values, field["y"].values)
    values = np.full((4, field.sizes["time"], len(places)), np.nan)
    window = lattice.window(x, y)
    if window is not None:
        part = Lattice.from_axes(field["x"].values[window[1]], field["y"].values[window[0]])
        stencil = part.stencil(x, y)
        for layer in range(field.sizes["time"]):
            found = read_layer(field, layer, *window)
            for place in range(4 if has_errors(field) else 2):
                values[place, layer] = stencil.apply(found[place], min_valid=min_valid)
    (vx, vy), (t_x, t_y) = values[:2], tangent.T
    result = {"v_along": vx * t_x + vy * t_y, "v_across": vy * t_x - vx * t_y, "vx": vx, "vy": vy}
    if has_errors(field):
        sigma_x, sigma_y = np.sqrt(values[2:])
        result |= {
            "v_along_sigma": np.hypot(t_x * sigma_x, t_y * sigma_y),
            "v_across_sigma": np.hypot(t_y * sigma_x, t_x * sigma_y),
            "vx_sigma": sigma_x,
            "vy_sigma": sigma_y,
        }
    return result


_TEXTS = {
    "v_along": "velocity along the line, positive towards its end",
    "v_across": "velocity across the line, positive to the left of it",
    "vx": "velocity along x of the map",
    "vy": "velocity along y of the map",
}


def _build_result(field: xr.Dataset, places: Floats, distance: Floats, values: dict[str, Floats]) -> xr.Dataset:
    """Return the Dataset of the line."""
    there = pyproj.Transformer.from_crs(field.attrs["crs"], "EPSG:4326", always_xy=True)
    longitude, latitude = there.transform(places[:, 0], places[:, 1])
    kept = [name for name in ("time", "time_bnds", *LAYER_COORDS) if name in field.coords]
    result = xr.Dataset(coords={name: field.coords[name] for name in kept}).assign_coords(
        distance=("vertex", distance, {"units": "m", "long_name": "distance along the line on the ground"}),
        x=("vertex", places[:, 0], {"units": "m", "standard_name": "projection_x_coordinate"}),
        y=("vertex", places[:, 1], {"units": "m", "standard_name": "projection_y_coordinate"}),
        longitude=("vertex", longitude, {"units": "degrees_east", "standard_name": "longitude"}),
        latitude=("vertex", latitude, {"units": "degrees_north", "standard_name": "latitude"}),
    )
    for name, data in values.items():
        plain = name.removesuffix("_sigma")
        text = _TEXTS[plain] if plain == name else f"standard error of {_TEXTS[plain]}"
        result[name] = (("time", "vertex"), data, {"units": field.attrs["units"], "long_name": text})
    result.attrs = {**field.attrs, "history": f"altiflow {__version__}: line_components"}
    return result
