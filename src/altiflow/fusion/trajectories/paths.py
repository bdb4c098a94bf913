"""Paths: where parcels of ice go with time."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely
import xarray as xr

from altiflow.fusion.trajectories.motion import Motion, TimeRule, motion_of
from altiflow.fusion.trajectories.seeds import Seeds, as_moments, as_seconds, as_seeds, moments_of
from altiflow.fusion.trajectories.steps import STATUS_WORDS, Parcels, Scheme, advance
from altiflow.version import __version__

__all__ = ["path_lines", "path_table"]

Floats = npt.NDArray[np.float64]

_DAY = 86400.0

_ENDS = STATUS_WORDS[:4]
"""Paths know of no ice edge."""


def path_lines(
    field: xr.Dataset,
    seeds: Seeds,
    *,
    start: Any,
    end: Any,
    dt: Any = "1D",
    every: Any = None,
    scheme: Scheme = "rk4",
    time_rule: TimeRule = "linear",
    steady: bool = False,
) -> xr.Dataset:
    """Return the paths of parcels of ice from one moment to another, forward or back in time.

    Parameters
    ----------
    field
        A velocity field of layers that follow each other, or of displacements of such layers.
    seeds
        Where parcels are at `start`: points with a CRS, or (n, 2) map coordinates [m] in the field's CRS.
    start, end
        Dates (UTC), one for all or one for each seed. An `end` before the `start` goes back in time.
    dt
        Longest step of time, such as "1D" or "6h". Displacements are not cut by it.
    every
        Time between two observations of a path; that of a step where not given.
    scheme
        "rk4", "midpoint" or "euler": Runge-Kutta of fourth, second or first order. Displacements have their own.
    time_rule
        "linear": velocity changes evenly between the middles of layers. "constant": each layer over its interval.
    steady
        Whether the field's only layer holds at all times; an undated mosaic needs it said.

    Returns
    -------
    xarray.Dataset
        Dims (trajectory, obs): ``x, y`` [m, the field's CRS], ``longitude, latitude`` [degrees] derived from them, and
        ``time``; NaN and NaT after the end of a path. For each trajectory ``status`` ("arrived", "left_field": it is at
        its last place with a velocity, "left_period": the field has no layer for what follows, "no_velocity": there was
        none to begin with) and ``age_days`` from start to end, negative back in time. Attributes ``n_<status>`` count.

    Raises
    ------
    FieldError
        If the field does not state what a velocity field must, is undated without `steady`, or its layers overlap.
    InputError
        If there are no seeds, no dates, or a word or a length of time is not known.

    Notes
    -----
    ``dX/dt = v(X, t)`` is solved on the map with map velocities ("ground" ones are turned into them), bilinear between
    cell centres that all have a value; so neither a pole nor the antimeridian matters. Steps end at the middles
    ("linear") or the ends ("constant") of layers, where the velocity has a kink or a jump: forward and back again is
    the same place to the error of the scheme.

    A displacement D over a layer's interval belongs to where a parcel starts: forward ``X + s D(X)``, s the share of
    the interval; back, the X with ``X + s D(X)`` the place it is at, by fixed point.

    Examples
    --------
    A day's step on a circle: Runge-Kutta stays on it, Euler leaves it by about v² t dt / (2 r):

    >>> from altiflow.readers.field import build_field
    >>> x, y = np.meshgrid(np.arange(-8e5, 9e5, 1e5), np.arange(-8e5, 9e5, 1e5))
    >>> bounds = np.array([["2020-01-01", "2021-01-01"]], "M8[ns]")
    >>> gyre = build_field(-2e-5 * y[None], 2e-5 * x[None], x=x[0], y=y[:, 0], time_bnds=bounds, crs="EPSG:6931",
    ...                    units="cm/s", velocity_metric="map", metric_source="user", source="example")
    >>> for scheme in ("rk4", "euler"):
    ...     path = path_lines(gyre, [[5e5, 0.0]], start="2020-01-01", end="2020-01-16", scheme=scheme)
    ...     print(abs(float(np.hypot(path.x, path.y)[0, -1]) - 5e5).__round__(1))
    0.0
    1120.8
    """
    step = as_seconds(dt, "dt")
    pause = step if every is None else as_seconds(every, "every")
    motion = motion_of(field, time_rule=time_rule, steady=steady)
    x, y = as_seeds(seeds, str(motion.field.attrs["crs"]))
    first, last = as_moments(start, x.size, "start"), as_moments(end, x.size, "end")
    parcels = Parcels.at(x, y, first)
    seen = _observe(motion, parcels, last, pause, np.inf if motion.moved else step, scheme)
    how = "flow map" if motion.moved else f"{scheme}, dt {step / _DAY:g} d, {'steady' if steady else time_rule}"
    return _build_paths(motion, parcels, first, seen, how)


def path_table(paths: xr.Dataset) -> gpd.GeoDataFrame:
    """Return the paths as lines on the map, one row each, in the field's CRS.

    Parameters
    ----------
    paths
        What :func:`path_lines` returned.

    Returns
    -------
    geopandas.GeoDataFrame
        ``trajectory, status, age_days, start, end``, and the line; none for a path of one place.
    """
    lines, ends = [], []
    for x, y, time in zip(paths["x"].values, paths["y"].values, paths["time"].values, strict=True):
        known = np.isfinite(x)
        places = np.stack([x[known], y[known]], axis=-1)
        lines.append(shapely.LineString(places) if len(places) > 1 else None)
        ends.append((time[0], time[known][-1] if known.any() else np.datetime64("NaT")))
    bounds = np.array(ends, "datetime64[ns]")
    columns = {
        "trajectory": paths["trajectory"].values,
        "status": np.array(_ENDS)[paths["status"].values],
        "age_days": paths["age_days"].values,
        "start": bounds[:, 0],
        "end": bounds[:, 1],
    }
    return gpd.GeoDataFrame(columns, geometry=lines, crs=paths.attrs["crs"])


def _observe(
    motion: Motion, parcels: Parcels, last: Floats, pause: float, step: float, scheme: Scheme
) -> tuple[Floats, Floats, Floats]:
    """Return x, y and seconds (n, obs) of parcels on their way, NaN after their end."""
    first = parcels.seconds.copy()
    sign, whole = np.sign(last - first), np.abs(last - first)
    seen = [(parcels.x.copy(), parcels.y.copy(), parcels.seconds.copy())]
    for number in range(1, int(np.ceil(whole.max() / pause - 1e-9)) + 1):
        before = parcels.seconds.copy()
        reach = number * pause
        advance(
            motion, parcels, np.where(reach >= whole * (1 - 1e-12), last, first + sign * reach), dt=step, scheme=scheme
        )
        moved = parcels.seconds != before
        if not moved.any():
            break
        now = (parcels.x, parcels.y, parcels.seconds)
        seen.append(tuple(np.where(moved, part, np.nan) for part in now))  # type: ignore[arg-type]
    x, y, seconds = (np.stack(part, axis=1) for part in zip(*seen, strict=True))
    return x, y, seconds


def _build_paths(
    motion: Motion, parcels: Parcels, first: Floats, seen: tuple[Floats, Floats, Floats], how: str
) -> xr.Dataset:
    """Return the Dataset of the paths."""
    x, y, seconds = seen
    crs = str(motion.field.attrs["crs"])
    longitude, latitude = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True).transform(x, y)
    unknown = ~np.isfinite(x)
    dims = ("trajectory", "obs")
    degrees = ("degrees_east", "degrees_north")
    variables = {
        "x": (dims, x, {"units": "m", "standard_name": "projection_x_coordinate"}),
        "y": (dims, y, {"units": "m", "standard_name": "projection_y_coordinate"}),
        "longitude": (dims, np.where(unknown, np.nan, longitude), {"units": degrees[0], "standard_name": "longitude"}),
        "latitude": (dims, np.where(unknown, np.nan, latitude), {"units": degrees[1], "standard_name": "latitude"}),
        "time": (dims, moments_of(seconds), {"standard_name": "time"}),
        "age_days": ("trajectory", (parcels.seconds - first) / _DAY, {"units": "days", "long_name": "end less start"}),
        "status": (
            "trajectory",
            parcels.status,
            {"flag_values": np.arange(len(_ENDS), dtype=np.int8), "flag_meanings": " ".join(_ENDS)},
        ),
    }
    paths = xr.Dataset(variables, coords={"trajectory": np.arange(len(x))}).set_coords("time")
    paths["trajectory"].attrs = {"cf_role": "trajectory_id"}
    counts = {f"n_{word}": int((parcels.status == place).sum()) for place, word in enumerate(_ENDS)}
    paths.attrs = {
        "featureType": "trajectory",
        "crs": crs,
        "source": motion.field.attrs["source"],
        "method": how,
        "history": f"altiflow {__version__}: path_lines",
        **counts,
    }
    return paths
