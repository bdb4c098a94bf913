"""Streams: lines along the flow of one layer, by distance rather than by time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import shapely
import xarray as xr

from altiflow.errors import FieldError, InputError
from altiflow.fusion.fields.layers import refuse_displacement
from altiflow.fusion.trajectories.motion import Motion, motion_of
from altiflow.fusion.trajectories.seeds import Seeds, as_seeds
from altiflow.gridding.vectors import convert_metric
from altiflow.readers.field import check_field
from altiflow.units import YEAR_DAYS, convert_factor

__all__ = ["Direction", "FlowLines", "flow_lines"]

Direction = Literal["down", "up", "both"]
"""With the flow, against it, or both ways from the seed."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_DAY = 86400.0

_END = 1e-6
"""Share of a step below which a line has its length."""

_SHARE = 1e-3
"""Tolerance, as a share of a cell, where none is given."""

_SHORTEST = 1 / 64
"""Shortest step, as a share of the longest; what is not smooth on it (a jump between cells) is taken as it is."""

_STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
_FOURTH = (5179 / 57600, 0.0, 7571 / 16695, 393 / 640, -92097 / 339200, 187 / 2100, 1 / 40)
"""Runge-Kutta 5(4) of Dormand and Prince (1980, doi:10.1016/0771-050X(80)90013-3): each stage from those before it, the
last with the weights of fifth order; and the weights of fourth order."""

_ENDS = ("", "max_length", "left_field", "stagnation", "no_velocity")
_GOING, _LENGTH, _LEFT, _STILL, _NONE = range(5)


@dataclass(frozen=True)
class FlowLines:
    """Lines along the flow.

    Attributes
    ----------
    lines
        One row per seed, in the field's CRS, from upstream to downstream: ``seed``, ``end_up`` and ``end_down`` (why it
        ends there: "max_length"; "left_field", the next step has no velocity; "stagnation", slower than the least speed
        or turning back within a step; "no_velocity" at the seed; empty where not gone that way), ``length_m`` on the
        ground and ``travel_days`` along it. No geometry where there is no velocity at the seed.
    vertices
        One row per vertex: ``seed``, ``x, y`` [m], ``longitude, latitude`` [degrees], ``distance_m`` along the line on
        the ground and ``travel_days``, both from the seed and negative upstream, and ``speed`` on the ground in the
        field's units.
    """

    lines: gpd.GeoDataFrame
    vertices: pd.DataFrame


def flow_lines(
    field: xr.Dataset,
    seeds: Seeds,
    *,
    direction: Direction = "both",
    step: float | None = None,
    tolerance: float | None = None,
    max_length: float | None = None,
    min_speed: float = 0.0,
) -> FlowLines:
    """Return the lines along the flow through seeds, with distance, speed and travel time.

    Parameters
    ----------
    field
        A velocity field of one layer, of any date or none; ``field.isel(time=[0])`` picks one.
    seeds
        Points with a CRS, or (n, 2) map coordinates [m] in the field's CRS.
    direction
        "down" the flow, "up", or "both".
    step
        Longest distance between vertices on the map [m], half a cell at most and where not given.
    tolerance
        Largest error of a step [m on the map], by which it is halved, down to a 64th of `step`, and doubled again; a
        thousandth of a cell where not given.
    max_length
        Longest way from the seed in each direction on the ground [m]; twice round the field where not given.
    min_speed
        Ground speed below which a line ends [the field's units].

    Raises
    ------
    FieldError
        If the field does not state what a velocity field must, has several layers, or is a displacement.
    InputError
        If there are no seeds, or a word or a number is not possible.

    Notes
    -----
    ``dX/ds = v / |v|`` with map velocities by Runge-Kutta of fifth order (Dormand and Prince 1980), bilinear between
    cell centres that all have a value. The error of a step is its distance from the one of fourth order of the same
    stages. ``dt = ds / |v|`` by the same stages. Distance on the ground is that on the map times the ratio of ground
    and map speed, by trapezoids. A layer is a snapshot or a mean: the line is the path of a parcel only if nothing
    changes.

    Examples
    --------
    Lines of a source are rays:

    >>> from altiflow.readers.field import build_field
    >>> x, y = np.meshgrid(np.arange(-10.0, 11) * 1e3, np.arange(-10.0, 11) * 1e3)
    >>> dates = np.array([["NaT", "NaT"]], "M8[ns]")
    >>> source = build_field(0.1 * x[None], 0.1 * y[None], x=x[0], y=y[:, 0], time_bnds=dates, time_rule="undated",
    ...                      crs="EPSG:3031", units="m/yr", year_days=365.25, velocity_metric="map",
    ...                      metric_source="user", source="example")
    >>> found = flow_lines(source, [[300.0, 400.0]], direction="down", max_length=5e3)
    >>> end = found.vertices.iloc[-1]
    >>> float(end.y / end.x).__round__(9), float(end.distance_m).__round__(3), found.lines.end_down.item()
    (1.333333333, 5000.0, 'max_length')
    """
    checked = check_field(field)
    refuse_displacement(checked)
    if checked.sizes["time"] != 1:
        raise FieldError(
            f"flow lines are those of one layer, and the field has {checked.sizes['time']}: field.isel(time=[0]) "
            "picks one; path_lines follows parcels through all of them"
        )
    if direction not in get_args(Direction):
        raise InputError(f"direction must be 'down', 'up' or 'both', got {direction!r}")
    motion = motion_of(checked, steady=True)
    stride, longest = _lengths(motion, step, max_length)
    error = _tolerance(motion, tolerance)
    if not (np.isfinite(min_speed) and min_speed >= 0):
        raise InputError(f"min_speed is a speed in {checked.attrs['units']}, zero or more, got {min_speed!r}")
    x, y = as_seeds(seeds, str(checked.attrs["crs"]))
    tracer = _Tracer(motion, stride, error, longest, min_speed / _per_second(checked))
    ways = {way: tracer.trace(x, y, sign) for way, sign in (("up", -1.0), ("down", 1.0)) if direction in (way, "both")}
    return _build_lines(checked, x.size, ways)


@dataclass
class _Trace:
    """Vertices of n half lines: each (steps, n), NaN after their end; and why they end (n,)."""

    x: Floats
    y: Floats
    distance: Floats
    seconds: Floats
    speed: Floats
    end: npt.NDArray[np.int8]


@dataclass(frozen=True)
class _Tracer:
    """How to trace.

    Attributes
    ----------
    motion
        A steady motion.
    step
        Longest, on the map [m].
    tolerance
        Error of a step [m].
    longest
        On the ground [m].
    slowest
        Ground speed [m/s].
    """

    motion: Motion
    step: float
    tolerance: float
    longest: float
    slowest: float

    def velocity(self, place: Floats) -> Floats:
        """Return the map velocity (2, n) [m/s] at places (2, n)."""
        return self.motion.values(place[0], place[1], np.zeros(place.shape[1]), 0)

    def ground_speed(self, place: Floats, velocity: Floats) -> Floats:
        """Return the speed on the ground (n,) [m/s]."""
        crs = self.motion.field.attrs["crs"]
        ground = convert_metric(velocity[0], velocity[1], place[0], place[1], crs=crs, source="map", target="ground")
        return np.hypot(*ground)

    def trace(self, x: Floats, y: Floats, sign: float) -> _Trace:
        """Return the half lines from seeds (n,), with the flow (+1) or against it (-1)."""
        place = np.stack([x, y])
        velocity = self.velocity(place)
        speed = self.ground_speed(place, velocity)
        end = np.where(np.isfinite(speed), _GOING, _NONE).astype(np.int8)
        state = np.stack([x, y, np.zeros(x.size), np.zeros(x.size), speed])
        strides = np.full(x.size, self.step)
        seen = [state.copy()]
        while (end == _GOING).any():
            going = np.flatnonzero(end == _GOING)
            stuck = (speed[going] < self.slowest) | (speed[going] == 0)
            end[going[stuck]] = _STILL
            going = going[~stuck]
            if going.size == 0:
                continue
            found, fate, strides[going], again = self._try_step(
                state[:, going], velocity[:, going], strides[going], sign
            )
            moved = (fate == _GOING) & ~again
            end[going[~again]] = fate[~again]
            going, found = going[moved], found[:, moved]
            if going.size == 0:
                continue
            state[:, going], velocity[:, going], speed[going] = found[:5], found[5:], found[4]
            end[going[found[2] >= self.longest - _END * self.step]] = _LENGTH
            row = np.full_like(state, np.nan)
            row[:, going] = state[:, going]
            seen.append(row)
        x, y, distance, seconds, speeds = np.stack(seen, axis=1)
        return _Trace(x, y, distance, seconds, speeds, end)

    def _try_step(
        self, state: Floats, k_1: Floats, stride: Floats, sign: float
    ) -> tuple[Floats, npt.NDArray[np.int8], Floats, npt.NDArray[np.bool_]]:
        """Return a step as `_step` does, the length to go on with (n,), and whether it is to be tried again (n,).

        Lengths are halved and doubled only: the same bits in any company.
        """
        length = np.minimum(stride, (self.longest - state[2]) / (state[4] / np.hypot(*k_1)))
        found, fate, error = self._step(state, k_1, length, sign)
        coarse = (error > self.tolerance) | (fate == _STILL)
        again = coarse & (fate != _LEFT) & (length > _SHORTEST * self.step)
        fine = ~coarse & (error < self.tolerance / 64)
        after = np.where(again, length / 2, np.where(fine, np.minimum(2 * stride, self.step), stride))
        return found, fate, after, again

    def _step(
        self, state: Floats, k_1: Floats, length: Floats, sign: float
    ) -> tuple[Floats, npt.NDArray[np.int8], Floats]:
        """Return the next vertices with their velocity (7, n), what became of the lines (n,), and errors (n,) [m]."""
        place, pace = state[:2], np.hypot(*k_1)
        stages, paces, units = [k_1], [pace], [k_1 / _positive(pace)]
        there = place
        for weights in _STAGES:
            there = place + sign * length * _weighted(weights, units)
            stages.append(self.velocity(there))
            paces.append(np.hypot(*stages[-1]))
            units.append(stages[-1] / _positive(paces[-1]))
        velocity = stages[-1]
        speed = self.ground_speed(there, velocity)
        fifth = (*_STAGES[-1], 0.0)
        error = length * np.hypot(*_weighted([one - other for one, other in zip(fifth, _FOURTH, strict=True)], units))
        seconds = state[3] + length * _weighted(fifth, [1 / _positive(one) for one in paces])
        distance = state[2] + length * (state[4] / pace + speed / _positive(paces[-1])) / 2
        found = np.stack([*there, distance, seconds, speed, *velocity])
        fate = np.zeros(pace.size, np.int8)
        # A step that its stages do not agree on goes nowhere, for ever.
        fate[np.any([(k_1 * stage).sum(axis=0) <= 0 for stage in stages[1:]], axis=0)] = _STILL
        fate[np.any([one == 0 for one in paces], axis=0)] = _STILL
        fate[~np.isfinite(np.stack(paces)).all(axis=0) | ~np.isfinite(speed)] = _LEFT
        return found, fate, error


def _weighted(weights: Sequence[float], parts: Sequence[Floats]) -> Floats:
    """Return the weighted sum of the first parts, as many as there are weights, in this order."""
    total = weights[0] * parts[0]
    for weight, part in zip(weights[1:], parts[1:], strict=False):
        total = total + weight * part
    return total


def _positive(speed: Floats) -> Floats:
    """Return a speed that can be divided by; a line ends where it is zero."""
    return np.where(speed == 0, 1.0, speed)


def _lengths(motion: Motion, step: float | None, max_length: float | None) -> tuple[float, float]:
    """Return the step on the map and the longest line on the ground [m]."""
    lattice = motion.lattice
    most = min(lattice.step) / 2
    stride = most if step is None else float(step)
    if not 0 < stride <= most * (1 + 1e-9):
        raise InputError(f"step must be above 0 and at most half a cell, {most:g} m, got {step!r}")
    x_min, y_min, x_max, y_max = lattice.bounds
    longest = 4 * (x_max - x_min + y_max - y_min) if max_length is None else float(max_length)
    if not (np.isfinite(longest) and longest > 0):
        raise InputError(f"max_length is a length [m], above 0, got {max_length!r}")
    return stride, longest


def _tolerance(motion: Motion, tolerance: float | None) -> float:
    """Return the largest error of a step [m]."""
    found = _SHARE * min(motion.lattice.step) if tolerance is None else float(tolerance)
    if not (np.isfinite(found) and found > 0):
        raise InputError(f"tolerance is an error [m], above 0, got {tolerance!r}; a thousandth of a cell is usual")
    return found


def _per_second(field: xr.Dataset) -> float:
    """Return the number that turns metres per second into the field's units."""
    year = float(field.attrs.get("year_days", YEAR_DAYS))
    return convert_factor("m s-1", str(field.attrs["units"]), target_year_days=year)


def _build_lines(field: xr.Dataset, size: int, ways: dict[str, _Trace]) -> FlowLines:
    """Return the lines of all seeds from their halves."""
    parts = []
    for way, trace in ways.items():
        sign = -1.0 if way == "up" else 1.0
        rows = {
            "x": trace.x,
            "y": trace.y,
            "distance_m": sign * trace.distance,
            "speed": trace.speed * _per_second(field),
            "travel_days": sign * trace.seconds / _DAY,
        }
        seed = np.broadcast_to(np.arange(size), trace.x.shape)
        number = np.broadcast_to(sign * np.arange(len(trace.x))[:, None], trace.x.shape)
        keep = np.isfinite(trace.speed)
        if way == "down" and "up" in ways:
            keep = keep & (number > 0)
        table = pd.DataFrame({"seed": seed[keep], "number": number[keep]} | {k: v[keep] for k, v in rows.items()})
        parts.append(table)
    vertices = pd.concat(parts).sort_values(["seed", "number"], ignore_index=True).drop(columns="number")
    crs = field.attrs["crs"]
    there = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    longitude, latitude = there.transform(vertices["x"].to_numpy(), vertices["y"].to_numpy())
    vertices.insert(3, "longitude", longitude)
    vertices.insert(4, "latitude", latitude)
    vertices.attrs = {"crs": crs, "source": field.attrs["source"], "units": {"speed": field.attrs["units"]}}
    return FlowLines(_line_table(vertices, size, ways, crs), vertices)


def _line_table(vertices: pd.DataFrame, size: int, ways: dict[str, _Trace], crs: str) -> gpd.GeoDataFrame:
    """Return one row per seed."""
    bounds = np.searchsorted(vertices["seed"].to_numpy(), np.arange(size + 1))
    places = vertices[["x", "y"]].to_numpy()
    lines, spans = [], np.zeros((size, 2))
    along = vertices[["distance_m", "travel_days"]].to_numpy()
    for seed, (first, last) in enumerate(pairwise(bounds)):
        lines.append(shapely.LineString(places[first:last]) if last - first > 1 else None)
        if last > first:
            spans[seed] = along[last - 1] - along[first]
    columns: dict[str, object] = {"seed": np.arange(size)}
    for way in ("up", "down"):
        ends = ways[way].end if way in ways else np.zeros(size, np.int8)
        columns[f"end_{way}"] = np.array(_ENDS, dtype=object)[ends]
    return gpd.GeoDataFrame({**columns, "length_m": spans[:, 0], "travel_days": spans[:, 1]}, geometry=lines, crs=crs)
