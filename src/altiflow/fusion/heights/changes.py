"""Changes: the table of pairs of heights, with rates and their errors."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyproj

from altiflow.errors import InputError, NoOverlapError
from altiflow.fusion.heights.passes import Heights
from altiflow.fusion.heights.search import Matches
from altiflow.fusion.trajectories.seeds import moments_of
from altiflow.units import YEAR_DAYS
from altiflow.version import __version__

__all__ = ["YEAR", "Across", "Errors", "OnEmpty", "build_changes", "counts_text", "refuse_none"]

Floats = npt.NDArray[np.float64]

Across = Literal["slope", "none"]
"""Carry the later height from its track to the parcel along the slope that the table states, or leave it."""

OnEmpty = Literal["raise", "keep"]

YEAR = YEAR_DAYS * 86400.0
"""Seconds in a year of 365.25 days."""

_UNITS = {
    "t1": "UTC",
    "t2": "UTC",
    "h1": "m",
    "h2": "m",
    "dhdt": "m yr-1",
    "sigma": "m yr-1",
    "dx_adv": "m",
    "offset": "m",
    "correction": "m",
    "slope": "1",
}
_TOLD = ("granules", "releases", "doi", "screens", "beams", "region", "segments_outside_region")
"""What the provenance of the heights hands on."""


_HINTS = {
    "no_track_near": "where the spacecraft turned round between passes their strong beams lie 90 m apart, so read with "
    "beams='all'; moving ice may have left the tracks",
    "gap_in_track": "the later tracks have gaps or end; see max_gap_m",
    "no_velocity": "the field has no velocity where the heights are, so pass one that covers them",
    "left_field": "the ice leaves the field on its way, so pass a larger one",
    "left_period": "the field has no layers for the time between the passes, so pass one that has",
    "without_later_epoch": "give passes that are min_days apart",
}
"""What to do about the most frequent reason that there is no pair."""


@dataclass(frozen=True)
class Errors:
    """What beside the errors of height makes that of a rate.

    Attributes
    ----------
    across
        What is done about the distance between track and parcel.
    sigma_geo_m
        1-sigma of the horizontal place [m].
    velocity
        1-sigma of the velocity of the ice on the ground (heights,) [m/yr], NaN where not known; None without one.
    """

    across: Across
    sigma_geo_m: float
    velocity: Floats | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no choice."""
        if self.across not in get_args(Across):
            raise InputError(f"across must be 'slope' or 'none', got {self.across!r}")
        if not (np.isfinite(self.sigma_geo_m) and self.sigma_geo_m >= 0):
            raise InputError(f"sigma_geo_m is a length [m], zero or more, got {self.sigma_geo_m!r}")


def build_changes(
    table: gpd.GeoDataFrame, heights: Heights, matches: Matches, errors: Errors, told: dict[str, Any]
) -> gpd.GeoDataFrame:
    """Return one row per pair of heights, points at the later place in the CRS of the table.

    `told` goes into the provenance; the errors without a known velocity error leave that part out.
    """
    first, spots = matches.first, matches.spots
    seconds = np.stack([heights.seconds[first], spots.between(heights.seconds)])
    years = (seconds[1] - seconds[0]) / YEAR
    correction = _correction(heights, matches, errors.across)
    later = spots.between(heights.height) + np.where(np.isfinite(correction), correction, 0.0)
    slope = _slope(heights, matches)
    columns = {
        "t1": moments_of(seconds[0]),
        "t2": moments_of(seconds[1]),
        "h1": heights.height[first],
        "h2": later,
        "dhdt": (later - heights.height[first]) / years,
        "sigma": _sigma(heights, matches, errors, slope, years),
        "dx_adv": _distance(heights, matches),
        "offset": spots.offset,
        "correction": correction,
        "slope": slope,
        "row1": heights.row[first],
    }
    frame = pd.concat([_names(table, heights, matches), pd.DataFrame(columns)], axis=1)
    there = pyproj.Transformer.from_crs(heights.crs, table.crs, always_xy=True)
    points = gpd.points_from_xy(*there.transform(*spots.between(heights.place)))
    result = gpd.GeoDataFrame(frame, geometry=points, crs=table.crs)
    result.attrs["altiflow"] = _provenance(table, heights, matches, correction, errors, told)
    return result


def refuse_none(changes: gpd.GeoDataFrame) -> None:
    """Raise if there is not one pair, saying what became of the heights.

    Raises
    ------
    NoOverlapError
        With the counts.
    """
    if len(changes):
        return
    counts = changes.attrs["altiflow"]["height_change"]["counts"]
    tried = [name for name in _HINTS if name != "without_later_epoch"]
    why = max(tried, key=lambda name: counts.get(name, 0)) if counts["looked_for"] else "without_later_epoch"
    raise NoOverlapError(f"not one height has a later one to be compared with: {counts_text(counts)}; {_HINTS[why]}")


def counts_text(counts: dict[str, int]) -> str:
    """Return the counts in one line, those that are zero left out.

    Examples
    --------
    >>> counts_text({"looked_for": 3, "matched": 2, "gap_in_track": 1, "no_track_near": 0})
    'looked for 3, matched 2, gap in track 1'
    """
    said = [f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if count]
    return ", ".join(said) or "no heights"


def _names(table: gpd.GeoDataFrame, heights: Heights, matches: Matches) -> pd.DataFrame:
    """Return what both heights of a pair are called."""
    columns = {}
    for name in ("granule", "beam", "spot", "cycle", "ref_pt"):
        for number, points in ((1, matches.first), (2, matches.spots.near)):
            if name in table:
                columns[f"{name}{number}"] = table[name].iloc[heights.row[points]].reset_index(drop=True)
    return pd.DataFrame(columns)


def _correction(heights: Heights, matches: Matches, across: Across) -> Floats:
    """Return what the slope adds to the height between track and parcel (n,) [m]; NaN where it is not known."""
    if across == "none":
        return np.full(matches.first.size, np.nan)
    gradient = matches.spots.between(heights.gradient)
    return np.asarray((gradient * matches.spots.across).sum(axis=0))


def _slope(heights: Heights, matches: Matches) -> Floats:
    """Return the slope of the later surface (n,); that along the track where the table states none."""
    spots = matches.spots
    stated = np.hypot(*spots.between(heights.gradient))
    step = np.hypot(*heights.ground(heights.place[:, spots.other] - heights.place[:, spots.near], spots.near))
    rise = np.abs(heights.height[spots.other] - heights.height[spots.near])
    along = np.divide(rise, step, out=np.full(step.shape, np.nan), where=step > 0)
    return np.where(np.isfinite(stated), stated, along)


def _sigma(heights: Heights, matches: Matches, errors: Errors, slope: Floats, years: Floats) -> Floats:
    """Return the standard error of the rate (n,) [m/yr]."""
    drift = 0.0 if errors.velocity is None else np.nan_to_num(errors.velocity[matches.first]) * years
    place = np.hypot(errors.sigma_geo_m, drift)
    measured = np.hypot(heights.sigma[matches.first], matches.spots.between(heights.sigma))
    return np.hypot(measured, slope * place) / years


def _distance(heights: Heights, matches: Matches) -> Floats:
    """Return how far on the ground the parcels moved (n,) [m]."""
    start = heights.place[:, matches.first]
    there = pyproj.Transformer.from_crs(heights.crs, "EPSG:4326", always_xy=True)
    _, _, distance = pyproj.Geod(ellps="WGS84").inv(*there.transform(*start), *there.transform(*matches.place))
    return np.where((start == matches.place).all(axis=0), 0.0, distance)


def _provenance(
    table: gpd.GeoDataFrame,
    heights: Heights,
    matches: Matches,
    correction: Floats,
    errors: Errors,
    told: dict[str, Any],
) -> dict[str, Any]:
    """Return what the metadata say of how the changes came about."""
    source = copy.deepcopy(table.attrs.get("altiflow", {}))
    counts = {**matches.counts, "rows_without_height": heights.unusable}
    parameters = {"across": errors.across, "sigma_geo_m": errors.sigma_geo_m, "crs": heights.crs}
    uncorrected = 0 if errors.across == "none" else int(np.isnan(correction).sum())
    velocity = None if errors.velocity is None else errors.velocity[matches.first]
    return {
        "title": f"Height change of {source.get('product', 'altimetry')}, {told['frame']}",
        "heights_of": source.get("product"),
        **{name: source[name] for name in _TOLD if name in source},
        "height_change": {
            **told,
            **parameters,
            "counts": counts,
            "pairs_without_correction": uncorrected,
            "pairs_without_velocity_error": 0 if velocity is None else int(np.isnan(velocity).sum()),
        },
        "units": {**_UNITS, "row1": "1"},
        "altiflow_version": __version__,
    }
