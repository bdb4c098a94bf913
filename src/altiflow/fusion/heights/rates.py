"""Rates of height change: the same place, or the same ice, measured twice."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError
from altiflow.fusion.fields.guards import refuse_surfaces
from altiflow.fusion.fields.layers import PointVelocity, refuse_displacement, sample_points
from altiflow.fusion.heights.changes import YEAR, Across, Errors, OnEmpty, build_changes, refuse_none
from altiflow.fusion.heights.pairing import ACROSS_M, ALONG_M, Pairs, Rules
from altiflow.fusion.heights.passes import Heights, heights_of
from altiflow.fusion.heights.search import Carrier, search_matches
from altiflow.fusion.trajectories import Motion, TimeRule, motion_of
from altiflow.fusion.trajectories.seeds import as_seconds, moments_of
from altiflow.readers.field import check_field
from altiflow.units import YEAR_DAYS, convert_factor

__all__ = ["GEOLOCATION_M", "eulerian_dhdt", "lagrangian_dhdt"]

Floats = npt.NDArray[np.float64]

GEOLOCATION_M = 5.0
"""1-sigma of the horizontal place [m]: ``sigma_geo_at`` and ``sigma_geo_xt`` of ATL06 release 006."""

_DAY = 86400.0


def eulerian_dhdt(
    table: gpd.GeoDataFrame,
    *,
    pairs: Pairs = "all",
    max_distance_m: float = ACROSS_M,
    max_gap_m: float = ALONG_M,
    min_days: float = 1.0,
    across: Across = "slope",
    sigma_geo_m: float = GEOLOCATION_M,
    crs: Any = None,
    on_empty: OnEmpty = "raise",
) -> gpd.GeoDataFrame:
    """Return the height change at places that were measured twice, one row per pair of heights.

    Parameters
    ----------
    table
        Heights of ATL06 (read with ``beams="all"``) or ATL11, of several passes.
    pairs
        "all": each height with every later epoch, an epoch being a granule (and cycle). "consecutive": with the first
        later one that has a height there.
    max_distance_m
        Largest distance between the earlier place and the later track [m of ground].
    max_gap_m
        Largest distance between two points of the later track that a height is interpolated between [m of ground].
    min_days
        Least time between the two.
    across
        "slope": the later height is carried from its track to the place along the slope that the table states
        (``correction``, NaN where it states none and the height is left as it is). "none": it is left.
    sigma_geo_m
        1-sigma of the horizontal place [m].
    crs
        Projected CRS to work in; polar stereographic of the hemisphere where not given. Distances are those on the
        ground in any.
    on_empty
        "raise" if there is not one pair, or "keep" the empty table.

    Returns
    -------
    geopandas.GeoDataFrame
        Points at the later place. ``dhdt`` = (h2 - h1) / (t2 - t1) [m yr-1, year of 365.25 days], positive for
        thickening; ``sigma``; ``t1, t2, h1, h2``; ``dx_adv`` [m], 0 here; ``offset`` [m], from the later track to the
        place, positive to the left of flight; ``correction`` [m], in h2 already; ``slope``; ``granule, beam, spot``
        (and ``cycle, ref_pt``) of both with 1 and 2 (of the later point nearest by), and ``row1``, the row of the
        earlier one in the table. ``attrs["altiflow"]["height_change"]["counts"]`` tells what became of all the others.

    Raises
    ------
    InputError
        If the table is not of land ice, lacks a column, lies in both hemispheres, or an argument is not one.
    EmptyDataError
        If not one row has a place, a time and a height.
    NoOverlapError
        If there is not one pair; the counts say why.

    Notes
    -----
    Tracks are matched by place, not by the name of a beam or its spot: when the spacecraft has turned round, the same
    spot flies 6.5 km away and the same ground track is flown by another. Between two points of the later track height
    is linear. With the slope s, errors of height as they are in the table (of two neighbours, taken as common) and T
    the years between::

        sigma² = (sigma_1² + sigma_2²) / T² + (s sigma_geo / T)²
    """
    refuse_surfaces(table)
    rules = Rules(pairs, max_distance_m, max_gap_m, min_days)
    errors = Errors(across, sigma_geo_m)
    heights = heights_of(table, crs)
    told = {"frame": "eulerian", **_told(rules)}
    return _finished(build_changes(table, heights, search_matches(heights, rules), errors, told), on_empty)


def lagrangian_dhdt(
    table: gpd.GeoDataFrame,
    field: xr.Dataset,
    *,
    pairs: Pairs = "all",
    max_distance_m: float = ACROSS_M,
    max_gap_m: float = ALONG_M,
    min_days: float = 1.0,
    across: Across = "slope",
    sigma_geo_m: float = GEOLOCATION_M,
    time_rule: TimeRule = "linear",
    steady: bool = False,
    dt: Any = None,
    on_empty: OnEmpty = "raise",
) -> gpd.GeoDataFrame:
    """Return the height change of ice that is followed on its way, one row per pair of heights.

    Each height is carried with the ice to the moment of every later pass, and compared with the height of the track
    that passes where the ice is then.

    Parameters
    ----------
    table, pairs, max_distance_m, max_gap_m, min_days, across, sigma_geo_m, on_empty
        As for :func:`eulerian_dhdt`.
    field
        Velocity of land ice, in either metric: layers that follow each other in time, or one layer with `steady`.
    time_rule, steady
        As for :func:`~altiflow.fusion.trajectories.path_lines`. An undated mosaic of several years says nothing of
        the dates of a pass: it is refused unless `steady` says that the ice has moved so throughout.
    dt
        Longest step of time, such as "5D"; where not given, that in which the fastest ice at the heights moves half a
        cell of the field, 1 day at least and 30 days at most.

    Returns
    -------
    geopandas.GeoDataFrame
        As of :func:`eulerian_dhdt`; ``dx_adv`` [m] is the straight distance on the ground that the ice has moved,
        ``offset`` that from the later track to where the ice is.

    Raises
    ------
    FieldError
        If the field does not state what a velocity field must, is undated without `steady`, its layers overlap, it
        holds displacements, or it is motion of sea ice.
    InputError
        If the table is not of land ice, lacks a column, or an argument is not one.
    EmptyDataError
        If not one row has a place, a time and a height.
    NoOverlapError
        If there is not one pair; the counts say why.

    Notes
    -----
    Where the field has no velocity there is no pair: such heights are counted as "no_velocity", "left_field" (on their
    way) or "left_period" (in time), and never taken to be at rest. With sigma_v, the standard error of velocity on the
    ground (the root mean square of both components, sampled at the earlier height; left out where the field has none)::

        sigma² = (sigma_1² + sigma_2²) / T² + (s sigma_x / T)²,   sigma_x² = sigma_geo² + (sigma_v T)²

    so an error of velocity that lasts becomes s sigma_v, however long the time.
    """
    refuse_surfaces(table, field)
    checked = check_field(field)
    refuse_displacement(checked)
    motion = motion_of(checked, time_rule=time_rule, steady=steady)
    rules = Rules(pairs, max_distance_m, max_gap_m, min_days)
    heights = heights_of(table, checked.attrs["crs"])
    x, y = heights.place
    velocity = sample_points(checked, x, y, moments_of(heights.seconds), method="linear")
    step = _steps(checked, motion, velocity) if dt is None else as_seconds(dt, "dt")
    carrier = Carrier(motion, step)
    errors = Errors(across, sigma_geo_m, _velocity_sigma(checked, heights, velocity))
    told = {
        "frame": "lagrangian",
        **_told(rules),
        "steady": steady,
        "time_rule": time_rule,
        "dt_days": carrier.dt / _DAY,
    }
    changes = build_changes(table, heights, search_matches(heights, rules, carrier), errors, told)
    names = ("crs", "units", "velocity_metric", "time_rule", "year_days", "source", "metric_source")
    changes.attrs["altiflow"]["velocity"] = {name: checked.attrs[name] for name in names if name in checked.attrs}
    return _finished(changes, on_empty)


def _told(rules: Rules) -> dict[str, Any]:
    """Return the rules as provenance has them."""
    return {
        "pairs": rules.pairs,
        "max_distance_m": rules.max_distance_m,
        "max_gap_m": rules.max_gap_m,
        "min_days": rules.min_days,
    }


def _finished(changes: gpd.GeoDataFrame, on_empty: OnEmpty) -> gpd.GeoDataFrame:
    """Return the changes, refused if there are none unless they are to be kept."""
    if on_empty not in ("raise", "keep"):
        raise InputError(f"on_empty must be 'raise' or 'keep', got {on_empty!r}")
    if on_empty == "raise":
        refuse_none(changes)
    return changes


def _steps(field: xr.Dataset, motion: Motion, velocity: PointVelocity) -> float:
    """Return the step [s] in which the fastest ice at the heights moves half a cell, 1 to 30 days."""
    speed = np.hypot(velocity.vx, velocity.vy)
    fastest = float(speed[np.isfinite(speed)].max(initial=0.0)) * _yearly(field) / YEAR
    half = min(motion.lattice.step) / 2
    return float(np.clip(half / fastest if fastest > 0 else np.inf, _DAY, 30 * _DAY))


def _velocity_sigma(field: xr.Dataset, heights: Heights, velocity: PointVelocity) -> Floats:
    """Return the standard error of the velocity on the ground at heights (n,) [m/yr], NaN where there is none."""
    sigma = np.sqrt((velocity.vx_sigma**2 + velocity.vy_sigma**2) / 2) * _yearly(field)
    if field.attrs["velocity_metric"] == "map":
        sigma = sigma * np.sqrt(np.linalg.det(heights.to_ground))
    return np.asarray(sigma)


def _yearly(field: xr.Dataset) -> float:
    """Return the number that turns the field's unit into metres per year of 365.25 days."""
    year = float(field.attrs.get("year_days", YEAR_DAYS))
    return convert_factor(str(field.attrs["units"]), "m yr-1", source_year_days=year)
