"""Motion: a velocity field as map velocity at any place and moment, in spans of time in which it is smooth."""

from __future__ import annotations

import dataclasses
import functools
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import FieldError, InputError
from altiflow.fusion.fields.intervals import layer_bounds, refuse_overlap
from altiflow.fusion.fields.layers import has_errors, is_undated, read_layer
from altiflow.gridding.cubes.convert import nominal_displacement
from altiflow.gridding.remap.resample import Lattice
from altiflow.gridding.vectors import apply_matrix, metric_matrix
from altiflow.readers.field import check_field
from altiflow.units import YEAR_DAYS, convert_factor

__all__ = ["Motion", "TimeRule", "motion_of"]

TimeRule = Literal["linear", "constant"]
"""Between the middles of layers the velocity changes evenly, or each layer holds over its interval."""

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

EPOCH = np.datetime64("2000-01-01", "ns")
"""Moments are seconds since then."""

_DAY = 86400.0

_ALWAYS = 1e6
"""Days of a motion that never changes."""

_KEPT = 4
"""Layers kept in memory at least: both ends of a span, and those of the next."""

_KEPT_BYTES = 2**27
"""And as many of a kind as this holds."""


_Cache = OrderedDict[tuple[str, int], Floats]


@dataclass(frozen=True)
class Motion:
    """The motion that parcels follow.

    Attributes
    ----------
    field
        A checked velocity field.
    edges
        Ends of the spans (spans + 1,) [s since 2000], ascending; infinite for a steady motion.
    layers
        The layers at the start and end of each span (spans, 2); -1 where there is none.
    middles
        Their moments (spans, 2) [s].
    moved
        Whether the layers hold displacements.
    """

    field: xr.Dataset
    edges: Floats
    layers: Ints
    middles: Floats
    moved: bool
    _cache: _Cache = dataclasses.field(default_factory=OrderedDict, repr=False, compare=False)

    @functools.cached_property
    def lattice(self) -> Lattice:
        """The lattice of the field."""
        return Lattice.from_axes(self.field["x"].values, self.field["y"].values)

    def span(self, seconds: Floats, sign: Floats) -> Ints:
        """Return the span (n,) that a parcel at a moment (n,) [s] enters when it goes on (+1) or back (-1) in time.

        -1 and the number of spans stand for before the first and after the last.
        """
        ahead = np.searchsorted(self.edges, seconds, side="right") - 1
        behind = np.searchsorted(self.edges, seconds, side="left") - 1
        return np.asarray(np.where(sign >= 0, ahead, behind), dtype=np.intp)

    def is_dated(self, span: Ints) -> npt.NDArray[np.bool_]:
        """Return whether the field has layers for each span (n,)."""
        inside = (span >= 0) & (span < len(self.layers))
        safe = np.where(inside, span, 0)
        return np.asarray(inside & (self.layers[safe] >= 0).all(axis=1))

    def values(self, x: Floats, y: Floats, seconds: Floats, span: int) -> Floats:
        """Return the map velocity [m/s], or displacement [m], (2, n) at places (n,) and moments (n,) of one span.

        Bilinear between cell centres; NaN where one of those that count has no value.
        """
        stencil = self.lattice.stencil(x, y)
        early, late = self.ends(span)
        found = stencil.apply(early, min_valid=1.0)
        if early is late:
            return found
        share = self.share(seconds, span)
        return np.asarray((1 - share) * found + share * stencil.apply(late, min_valid=1.0))

    def top_speed(self) -> float:
        """Return a speed on the ground [m/s] that no layer exceeds at any cell; each layer is read once."""
        xx, xy, yy = np.abs(self._shrink())
        # The largest sum of a row bounds what a symmetric matrix does to any vector.
        stretch = np.maximum(xx, yy) + xy
        layers = np.unique(self.layers[self.layers >= 0])
        fastest = [np.nan_to_num(np.hypot(*self._layer(int(layer))) * stretch).max() for layer in layers]
        top = float(max(fastest, default=0.0))
        if self.moved:
            top /= float(np.diff(self.edges).min())
        return top

    def cells(self, span: int) -> Floats:
        """Return the layers of a span cell by cell (rows, cols, 2 or 4), x and y ascending: one look for all."""

        def make() -> Floats:
            early, late = self.ends(span)
            both = early if early is late else np.concatenate([early, late])
            down, left = self.lattice.descending
            turned = both[:, :: -1 if down else 1, :: -1 if left else 1]
            return np.ascontiguousarray(np.moveaxis(turned, 0, -1))

        return self._once("cells", span, make)

    def ends(self, span: int) -> tuple[Floats, Floats]:
        """Return the layers at the start and the end of a span (2, rows, cols): one and the same if nothing changes."""
        first, last = (int(layer) for layer in self.layers[span])
        early = self._layer(first)
        return early, (early if first == last else self._layer(last))

    def share(self, seconds: Floats, span: int) -> Floats:
        """Return the weight (n,) of the later layer of a span at moments (n,) [s]."""
        start, end = self.middles[span]
        return np.asarray((seconds - start) / (end - start))

    @property
    def error_days(self) -> float:
        """Days that share one error of the field: the usual length of its layers, one at least, and all if steady."""
        if np.isinf(self.edges).any():
            return _ALWAYS
        if self.field.attrs["time_rule"] == "instant":
            return 1.0
        bounds = _seconds(layer_bounds(self.field))
        return max(float(np.median(bounds[:, 1] - bounds[:, 0])) / _DAY, 1.0)

    def sigma_per_day(self, x: Floats, y: Floats, seconds: Floats, span: int) -> Floats:
        """Return the error of a day's way along an axis (n,) [m], NaN where the field gives none.

        ``((s_x² + s_y²) / 2)^½`` of the standard errors of a velocity, interpolated like it; of a displacement over T
        days, a T-th of its error. The days of one layer share their error, so that it adds up over ``error_days``.
        """
        if not has_errors(self.field):
            return np.full(x.size, np.nan)
        stencil = self.lattice.stencil(x, y)
        early, late = (stencil.apply(self._sigma(int(layer))) for layer in self.layers[span])
        days = _DAY
        if self.moved:
            days = float(_DAY / (self.edges[span + 1] - self.edges[span]))
        if self.layers[span, 0] == self.layers[span, 1]:
            return early * days
        share = self.share(seconds, span)
        return np.asarray((1 - share) * early + share * late) * days

    def ground_length(self, x: Floats, y: Floats, to_x: Floats, to_y: Floats) -> Floats:
        """Return the length on the ground [m] of short ways on the map (n,), by the scale in their middle."""
        stencil = self.lattice.stencil((x + to_x) / 2, (y + to_y) / 2)
        a, b, d = stencil.apply(self._shrink())
        way_x, way_y = to_x - x, to_y - y
        return np.asarray(np.hypot(a * way_x + b * way_y, b * way_x + d * way_y))

    def _layer(self, layer: int) -> Floats:
        """Return vx and vy of a layer (2, rows, cols) in metres of the map (per second)."""

        def read() -> Floats:
            values = read_layer(self.field, layer, slice(None), slice(None))[:2] * _factor(self.field)
            if self.field.attrs["velocity_metric"] == "ground":
                values = np.stack(apply_matrix(self._matrix(), values[0], values[1]))
            return values

        return self._once("layer", layer, read)

    def _sigma(self, layer: int) -> Floats:
        """Return the error along an axis of a layer (rows, cols) in metres (per second)."""

        def read() -> Floats:
            variances = read_layer(self.field, layer, slice(None), slice(None))[2:]
            return np.asarray(np.sqrt(variances.mean(axis=0)) * _factor(self.field))

        return self._once("sigma", layer, read)

    def _matrix(self) -> Floats:
        """Return M at every cell (rows, cols, 2, 2), made once."""

        def make() -> Floats:
            x, y = np.meshgrid(self.field["x"].values, self.field["y"].values)
            return metric_matrix(self.field.attrs["crs"], x, y)

        return self._once("matrix", -1, make)

    def _shrink(self) -> Floats:
        """Return the elements xx, xy and yy of the inverse of M (3, rows, cols), made once."""

        def make() -> Floats:
            matrix = self._matrix()
            xx, xy, yy = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 1]
            return np.stack([yy, -xy, xx]) / (xx * yy - xy * xy)

        return self._once("shrink", -1, make)

    def _once(self, kind: str, layer: int, make: Callable[[], Floats]) -> Floats:
        """Return what is kept, or make it; of layers the last few are kept."""
        key = (kind, layer)
        if key in self._cache:
            self._cache.move_to_end(key)
            return self._cache[key]
        self._cache[key] = found = make()
        same = [old for old in self._cache if old[0] == kind]
        if len(same) > max(_KEPT, _KEPT_BYTES // found.nbytes):
            del self._cache[same[0]]
        return found


def motion_of(
    velocity: xr.Dataset, *, time_rule: TimeRule = "linear", steady: bool = False, bridge: float = _DAY
) -> Motion:
    """Return the motion of a velocity field.

    Parameters
    ----------
    velocity
        A velocity field of layers that follow each other in time, in any order; or of one layer, with `steady`.
    time_rule
        "linear" between the middles of layers, a layer itself in the outer halves of the first and the last and
        beside a gap of more than `bridge`; "constant": each layer over its interval. Snapshots ("instant") take
        "linear" only, displacements have neither.
    steady
        Whether the only layer holds at all times, as one has to say of an undated mosaic.
    bridge
        Longest gap between two layers of velocity [s] over which "linear" goes on: weekly fields of two years leave out
        the last day of the first.

    Raises
    ------
    FieldError
        If the field is not one, is undated or of several layers where one is needed, or its layers overlap in time.
    InputError
        If the time rule is not known.
    """
    checked = check_field(velocity)
    if time_rule not in get_args(TimeRule):
        raise InputError(f"time_rule must be 'linear' or 'constant', got {time_rule!r}")
    moved = checked.attrs["velocity_kind"] == "displacement"
    if moved:
        checked = nominal_displacement(checked)
    if steady:
        return _steady(checked, moved)
    if is_undated(checked):
        raise FieldError(
            "the field is undated, so it says nothing of a date; pass steady=True to take its velocity for all times"
        )
    if checked.attrs["time_rule"] == "instant":
        stamps = _seconds(checked["time"].values)
        order = np.argsort(stamps, kind="stable")
        if (np.diff(stamps[order]) <= 0).any() or stamps.size < 2 or time_rule == "constant" or moved:
            raise FieldError(
                "snapshots are joined by straight lines in time: two or more of different times are needed, of "
                "velocity, and time_rule='linear'; or pass a single one with steady=True"
            )
        pairs = np.stack([order[:-1], order[1:]], axis=-1)
        return Motion(checked, stamps[order], pairs, stamps[pairs], moved)
    dates = layer_bounds(checked)
    refuse_overlap(dates[np.lexsort((dates[:, 1], dates[:, 0]))])
    bounds = _seconds(dates)
    order = np.lexsort((bounds[:, 1], bounds[:, 0]))
    if time_rule == "linear" and not moved:
        return _linear(checked, bounds, order, bridge)
    return _constant(checked, bounds, order, moved)


def _steady(checked: xr.Dataset, moved: bool) -> Motion:
    """Return the motion that is the only layer at all times."""
    if checked.sizes["time"] != 1 or moved:
        raise FieldError(
            f"steady=True takes one layer of velocity, and this is {checked.sizes['time']} of "
            f"{checked.attrs['velocity_kind']}; pick a layer with field.isel(time=[0]), or leave steady=False"
        )
    return Motion(checked, np.array([-np.inf, np.inf]), np.zeros((1, 2), np.intp), np.zeros((1, 2)), moved)


def _constant(checked: xr.Dataset, bounds: Floats, order: Ints, moved: bool) -> Motion:
    """Return the motion in which each layer holds over its interval."""
    edges, layers = [bounds[order[0], 0]], []
    for layer in order:
        start, end = bounds[layer]
        if start > edges[-1]:
            edges.append(start)
            layers.append(-1)
        edges.append(end)
        layers.append(int(layer))
    pairs = np.repeat(np.array(layers, np.intp)[:, None], 2, axis=1)
    return Motion(checked, np.array(edges), pairs, np.stack([edges[:-1], edges[1:]], axis=-1), moved)


def _linear(checked: xr.Dataset, bounds: Floats, order: Ints, bridge: float) -> Motion:
    """Return the motion that is linear between the middles of layers that touch, or nearly."""
    middles = bounds.mean(axis=1)
    edges, pairs = [bounds[order[0], 0]], []
    for place, layer in enumerate(order):
        coming = order[place + 1] if place + 1 < order.size else None
        touches = coming is not None and bounds[coming, 0] - bounds[layer, 1] <= bridge
        if place == 0 or edges[-1] < middles[layer]:
            edges.append(middles[layer])
            pairs.append((layer, layer))
        if coming is not None and touches:
            edges.append(middles[coming])
            pairs.append((layer, coming))
            continue
        edges.append(bounds[layer, 1])
        pairs.append((layer, layer))
        if coming is not None:
            edges.append(bounds[coming, 0])
            pairs.append((-1, -1))
    layers = np.array(pairs, np.intp)
    return Motion(checked, np.array(edges), layers, middles[layers], False)


def _seconds(times: npt.NDArray[np.datetime64]) -> Floats:
    """Return seconds since 2000."""
    return np.asarray((times.astype("datetime64[ns]") - EPOCH) / np.timedelta64(1, "s"), float)


def _factor(checked: xr.Dataset) -> float:
    """Return the number that turns the field's unit into metres (per second)."""
    units = str(checked.attrs["units"])
    if checked.attrs["velocity_kind"] == "displacement":
        return convert_factor(f"{units} s-1", "m s-1")
    return convert_factor(units, "m s-1", source_year_days=float(checked.attrs.get("year_days", YEAR_DAYS)))
