"""Matching: rows of two altimetry tables that measured one piece of ice, though it drifted in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj
import scipy
import xarray as xr

from altiflow.errors import EmptyDataError, InputError, NoOverlapError
from altiflow.fusion.fields.layers import table_points
from altiflow.fusion.trajectories.advection.arrays import advect_arrays
from altiflow.fusion.trajectories.motion import Motion, TimeRule, motion_of
from altiflow.fusion.trajectories.seeds import as_seconds, seconds_of
from altiflow.fusion.trajectories.steps import ARRIVED, Scheme

__all__ = ["match_tables"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.intp]

_DAY = 86400.0

_BLOCK = 500_000
"""Candidate pairs that are moved at a time."""

_ELLIPSOID = pyproj.Geod(ellps="WGS84")

_REASONS = ("matched", "no_time_or_place", "no_row_in_time", "lost_on_the_way", "too_far")


def match_tables(
    first: gpd.GeoDataFrame,
    second: gpd.GeoDataFrame,
    *,
    max_distance_m: float,
    max_dt: Any,
    field: xr.Dataset | None = None,
    motion: Literal["field", "none"] = "field",
    keep: Literal["nearest", "all"] = "nearest",
    dt: Any = "1D",
    scheme: Scheme = "rk4",
    time_rule: TimeRule = "linear",
    steady: bool = False,
    on_empty: Literal["raise", "keep"] = "raise",
) -> gpd.GeoDataFrame:
    """Return the pairs of rows of two tables that lie on one piece of ice, one row each.

    Parameters
    ----------
    first, second
        Points with a CRS, any, and a column ``time`` (UTC).
    max_distance_m
        Longest distance on the ground between a row of `second` and one of `first` after this has been moved with the
        ice to the time of the other.
    max_dt
        Longest time between the two, such as "3D".
    field
        A velocity field as :func:`~altiflow.advect_points` takes it.
    motion
        "field", or "none" for ice that does not move: without a field it has to be said.
    keep
        "nearest": for each row of `first` the nearest one of `second`, of equally near ones the nearer in time; a row
        of `second` may be in several pairs. "all" pairs.
    dt, scheme, time_rule, steady
        As for :func:`~altiflow.advect_points`.
    on_empty
        "raise" if there is no pair, or "keep" a table without rows.

    Returns
    -------
    geopandas.GeoDataFrame
        In the order of `first`, then of `second`: ``row_first, row_second`` (positions in the tables), ``dt_days``
        (time of the second less that of the first), ``distance_m`` after the drift, ``distance_still_m`` before it,
        ``drift_m`` (net, on the ground), then the columns of both tables with ``_first`` and ``_second`` behind their
        names; geometry of the second in its CRS. ``attrs["altiflow"]["matching"]`` holds how it was done and counts of
        rows of `first` and of `second` by what became of them: "matched", "no_time_or_place", "no_row_in_time" (of the
        other table), "lost_on_the_way" (no velocity, or the ice left the field), "too_far".

    Raises
    ------
    InputError
        If a table has no CRS or no time, neither a field is given nor its absence stated, or an argument is not
        possible.
    EmptyDataError
        If a table has no rows.
    NoOverlapError
        If there is no pair.
    FieldError
        If the field does not state what a velocity field must, is undated without `steady`, or its layers overlap.

    Notes
    -----
    Rows of `second` are taken in windows of time. The rows of `first` near in time are moved to the middle of a window,
    and a k-d tree finds those nearer than the distance plus what ice can drift within the window at the top speed of
    the field. These candidates are moved to the very times of their partners. Distances are geodesics on WGS84.
    """
    _check_words(field, motion, keep, on_empty)
    if not 0 < max_distance_m < np.inf:
        raise InputError(f"max_distance_m is a distance [m], above 0, got {max_distance_m!r}")
    longest = as_seconds(max_dt, "max_dt")
    moves = None if field is None else motion_of(field, time_rule=time_rule, steady=steady)
    crs = "EPSG:4326" if moves is None else str(moves.field.attrs["crs"])
    matcher = _Matcher(
        _Side.of(first, crs, "first"),
        _Side.of(second, crs, "second"),
        moves,
        float(max_distance_m),
        longest,
        as_seconds(dt, "dt"),
        scheme,
    )
    found = matcher.find(nearest=keep == "nearest")
    counts = matcher.count(found)
    if found.empty and on_empty == "raise":
        raise NoOverlapError(
            f"no row of the first table meets one of the second within {max_distance_m:g} m and "
            f"{longest / _DAY:g} days. Of the first: {_words(counts['first'])}; of the second: "
            f"{_words(counts['second'])}"
        )
    result = _build_table(found, first, second)
    result.attrs["altiflow"] = {
        "matching": {
            "max_distance_m": float(max_distance_m),
            "max_dt_days": longest / _DAY,
            "keep": keep,
            "motion": "none" if moves is None else str(moves.field.attrs["source"]),
            "counts": counts,
        },
        "units": {"dt_days": "days"} | dict.fromkeys(("distance_m", "distance_still_m", "drift_m"), "m"),
    }
    return result


@dataclass(frozen=True)
class _Side:
    """One table as arrays: map coordinates (n,), moments (n,) [s since 2000], and whether both are known."""

    x: Floats
    y: Floats
    seconds: Floats
    known: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, table: gpd.GeoDataFrame, crs: str, name: str) -> _Side:
        """Return the arrays of a table."""
        if len(table) == 0:
            raise EmptyDataError(f"the {name} table has no rows, so there is nothing to match")
        x, y, times = table_points(table, crs)
        seconds = seconds_of(times)
        return cls(x, y, seconds, np.isfinite(x) & np.isfinite(y) & np.isfinite(seconds))


class _Matcher:
    """The search for pairs; it remembers which rows of the first table ever arrived at a time of the second."""

    def __init__(
        self,
        first: _Side,
        second: _Side,
        motion: Motion | None,
        distance: float,
        longest: float,
        step: float,
        scheme: Scheme,
    ) -> None:
        self.first, self.second, self.motion = first, second, motion
        self.distance, self.longest, self.step, self.scheme = distance, longest, step, scheme
        crs = "EPSG:4326" if motion is None else str(motion.field.attrs["crs"])
        self.to_lonlat = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
        self.top_speed = 0.0 if motion is None else motion.top_speed()
        self.arrived = np.zeros(first.x.size, bool)

    def find(self, *, nearest: bool) -> pd.DataFrame:
        """Return the pairs: i, j, distance, still, drift."""
        parts = [self._measure(i, j) for i, j in _gather(self._candidates())]
        found = pd.concat([_no_pairs(), *(part for part in parts if len(part))], ignore_index=True)
        found["dt"] = self.second.seconds[found["j"]] - self.first.seconds[found["i"]]
        if nearest:
            order = np.lexsort((found["j"], found["dt"].abs(), found["distance"], found["i"]))
            found = found.iloc[order].drop_duplicates("i")
        return found.sort_values(["i", "j"], ignore_index=True)

    def count(self, found: pd.DataFrame) -> dict[str, dict[str, int]]:
        """Return the number of rows of both tables by what became of them."""
        in_time = [
            _has_neighbour(a, b, self.longest) for a, b in ((self.first, self.second), (self.second, self.first))
        ]
        # A row of the second table is not moved, so that it is never lost itself.
        arrived = (self.arrived, np.ones(self.second.x.size, bool))
        told = {}
        for place, (name, side, rows) in enumerate(
            (("first", self.first, found["i"]), ("second", self.second, found["j"]))
        ):
            matched = np.zeros(side.x.size, bool)
            matched[rows.to_numpy()] = True
            why = np.select([matched, ~side.known, ~in_time[place], ~arrived[place]], [0, 1, 2, 3], 4)
            told[name] = dict(zip(_REASONS, np.bincount(why, minlength=5).tolist(), strict=True))
        return told

    def _windows(self) -> Iterator[tuple[Ints, Ints]]:
        """Yield rows of the first table, and those of the second in one window of time that may meet them."""
        width = self.longest
        if self.top_speed > 0:
            width = min(width, max(self.distance / self.top_speed, 600.0))
        one, two = (np.flatnonzero(side.known) for side in (self.first, self.second))
        one = one[np.argsort(self.first.seconds[one], kind="stable")]
        two = two[np.argsort(self.second.seconds[two], kind="stable")]
        early, late = self.first.seconds[one], self.second.seconds[two]
        start = 0
        while start < two.size:
            end = int(np.searchsorted(late, late[start] + width, side="right"))
            low = np.searchsorted(early, late[start] - self.longest, side="left")
            high = np.searchsorted(early, late[end - 1] + self.longest, side="right")
            if high > low:
                yield one[low:high], two[start:end]
            start = end

    def _candidates(self) -> Iterator[tuple[Ints, Ints]]:
        """Yield pairs of rows that may meet, window by window."""
        for here, there in self._windows():
            yield from self._near(here, there)

    def _near(self, here: Ints, there: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Yield pairs of rows `here` of the first table and `there` of the second, of one window."""
        moments = self.second.seconds[there]
        middle, half = (moments.min() + moments.max()) / 2, (moments.max() - moments.min()) / 2
        x, y, ok = self._move(here, np.full(here.size, middle), late=half)
        self.arrived[here[ok]] = True
        here, x, y = here[ok], x[ok], y[ok]
        if here.size == 0:
            return
        slack = 2 * half * self.top_speed
        tree = scipy.spatial.cKDTree(_on_sphere(*self.to_lonlat.transform(x, y)))
        marks = _on_sphere(*self.to_lonlat.transform(self.second.x[there], self.second.y[there]))
        for rows in _blocks(tree, marks, self.distance + slack):
            near = tree.query_ball_point(marks[rows], self.distance + slack)
            i = np.concatenate([here[np.asarray(places, np.intp)] for places in near])
            j = np.repeat(there[rows], [len(places) for places in near])
            soon = np.abs(self.second.seconds[j] - self.first.seconds[i]) <= self.longest
            yield i[soon], j[soon]

    def _measure(self, i: Ints, j: Ints) -> pd.DataFrame:
        """Return the candidates that are near enough at the very time of the second row."""
        x, y, ok = self._move(i, self.second.seconds[j], late=0.0)
        start = self.to_lonlat.transform(self.first.x[i], self.first.y[i])
        moved = self.to_lonlat.transform(x, y)
        mark = self.to_lonlat.transform(self.second.x[j], self.second.y[j])
        distance = _ELLIPSOID.inv(*moved, *mark)[2]
        near = ok & (distance <= self.distance)
        still = _ELLIPSOID.inv(*(part[near] for part in (*start, *mark)))[2]
        drift = _ELLIPSOID.inv(*(part[near] for part in (*start, *moved)))[2]
        return pd.DataFrame({"i": i[near], "j": j[near], "distance": distance[near], "still": still, "drift": drift})

    def _move(self, rows: Ints, until: Floats, *, late: float) -> tuple[Floats, Floats, npt.NDArray[np.bool_]]:
        """Return where rows of the first table are at moments (n,), and if they come within `late` seconds of it."""
        x, y, start = self.first.x[rows], self.first.y[rows], self.first.seconds[rows]
        if self.motion is None:
            return x, y, np.ones(rows.size, bool)
        found = advect_arrays(self.motion, x, y, start, until, dt=self.step, scheme=self.scheme, sigma=0.0)
        return found.x, found.y, (found.status == ARRIVED) | (np.abs(found.seconds - until) <= late)


def _no_pairs() -> pd.DataFrame:
    """Return a table of pairs without rows."""
    rows, lengths = np.empty(0, np.intp), np.empty(0)
    return pd.DataFrame({"i": rows, "j": rows, "distance": lengths, "still": lengths, "drift": lengths})


def _gather(candidates: Iterator[tuple[Ints, Ints]]) -> Iterator[tuple[Ints, Ints]]:
    """Yield the same pairs, many at a time."""
    waiting: list[tuple[Ints, Ints]] = []
    size = 0
    for pair in candidates:
        waiting.append(pair)
        size += pair[0].size
        if size >= _BLOCK:
            yield tuple(map(np.concatenate, zip(*waiting, strict=True)))  # type: ignore[misc]
            waiting, size = [], 0
    if size:
        yield tuple(map(np.concatenate, zip(*waiting, strict=True)))  # type: ignore[misc]


def _blocks(tree: scipy.spatial.cKDTree, marks: Floats, radius: float) -> Iterator[slice]:
    """Yield runs of marks that have not too many neighbours together."""
    total = np.cumsum(tree.query_ball_point(marks, radius, return_length=True))
    start = 0
    while start < len(marks):
        before = total[start - 1] if start else 0
        end = max(int(np.searchsorted(total, before + _BLOCK, side="right")), start + 1)
        if total[end - 1] > before:
            yield slice(start, end)
        start = end


def _on_sphere(longitude: Floats, latitude: Floats) -> Floats:
    """Return geocentric coordinates (n, 3) [m] on WGS84: a chord is never longer than the way on the ground."""
    lon, lat = np.radians(longitude), np.radians(latitude)
    radius = _ELLIPSOID.a / np.sqrt(1 - _ELLIPSOID.es * np.sin(lat) ** 2)
    flat = radius * np.cos(lat)
    return np.stack([flat * np.cos(lon), flat * np.sin(lon), (1 - _ELLIPSOID.es) * radius * np.sin(lat)], axis=-1)


def _has_neighbour(side: _Side, other: _Side, longest: float) -> npt.NDArray[np.bool_]:
    """Return whether the other table has a row within a time of each row (n,)."""
    moments = np.sort(other.seconds[other.known])
    low = np.searchsorted(moments, side.seconds - longest, side="left")
    high = np.searchsorted(moments, side.seconds + longest, side="right")
    return np.asarray((high > low) & side.known)


def _build_table(found: pd.DataFrame, first: gpd.GeoDataFrame, second: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return the pairs with the columns of both tables."""
    i, j = found["i"].to_numpy(), found["j"].to_numpy()
    told = pd.DataFrame(
        {
            "row_first": i,
            "row_second": j,
            "dt_days": found["dt"].to_numpy() / _DAY,
            "distance_m": found["distance"].to_numpy(),
            "distance_still_m": found["still"].to_numpy(),
            "drift_m": found["drift"].to_numpy(),
        }
    )
    sides = [
        pd.DataFrame(table.drop(columns=table.geometry.name)).iloc[rows].reset_index(drop=True).add_suffix(suffix)
        for table, rows, suffix in ((first, i, "_first"), (second, j, "_second"))
    ]
    for side in sides:
        side.attrs = {}
    return gpd.GeoDataFrame(pd.concat([told, *sides], axis=1), geometry=second.geometry.to_numpy()[j], crs=second.crs)


def _check_words(field: xr.Dataset | None, motion: str, keep: str, on_empty: str) -> None:
    """Raise if a word is not known, or the field and what is said of motion do not go together."""
    for name, value, known in (
        ("motion", motion, ("field", "none")),
        ("keep", keep, ("nearest", "all")),
        ("on_empty", on_empty, ("raise", "keep")),
    ):
        if value not in known:
            raise InputError(f"{name} must be {known[0]!r} or {known[1]!r}, got {value!r}")
    if field is None and motion == "field":
        raise InputError("field is None, so nothing is known of the drift; pass a field, or say motion='none'")
    if field is not None and motion == "none":
        raise InputError("motion='none' and a field are given; leave one of them out")


def _words(counts: dict[str, int]) -> str:
    """Return counts in words."""
    return ", ".join(f"{number} {name}" for name, number in counts.items() if number)
