"""Pairs: two images in, a granule of velocity out."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import xarray as xr

from altiflow.tracking.neighbours.screens import screen_offsets
from altiflow.tracking.parameters import TrackParameters
from altiflow.tracking.preparation import GroundSource, Scenes, prepare_pair
from altiflow.tracking.product.velocity import SpeedUnit, add_velocity
from altiflow.tracking.stable import CorrectionRule
from altiflow.units import YEAR_DAYS

__all__ = ["track_pair"]


def track_pair(
    scenes: Scenes,
    *,
    parameters: TrackParameters | None = None,
    max_speed: float | None = None,
    prior: xr.Dataset | str | Path | None = None,
    prior_radius: int | None = None,
    prior_gap_speed: float | None = None,
    ground: GroundSource = None,
    ground_crs: Any = None,
    ground_radius: int | None = None,
    rule: CorrectionRule | None = None,
    units: SpeedUnit = "m/yr",
    year_days: float = YEAR_DAYS,
    quiet: bool = True,
) -> xr.Dataset:
    """Return the velocity between two images as a granule in the layout of ITS_LIVE.

    Parameters
    ----------
    scenes
        A :class:`ScenePair`, or two images that :func:`altiflow.read_scene_pair` reads.
    parameters
        How to track; the defaults where not given.
    max_speed
        Largest speed along an axis [m/d], which sets the search radius where the parameters have none.
    prior
        Velocity field, or its file, on any map: displacements are looked for about what it gives.
    prior_radius
        How far from the prior to look [px]; the whole radius counts where the prior has no value.
    prior_gap_speed
        Largest speed along an axis where the prior has no value [m/d], in place of the whole radius.
    ground
        Where land and ice are: outlines of rock or a raster of classes (:func:`altiflow.read_ground`), or codes on the
        lattice. Land corrects the displacements.
    ground_crs
        CRS of outlines that state none.
    ground_radius
        Largest displacement that is looked for on land and ocean [px]; like the rest where not given.
    rule
        How land corrects, and when it is believed.
    units, year_days
        As for :func:`altiflow.tracking.add_velocity`.
    quiet
        Show no progress bar.

    Returns
    -------
    xarray.Dataset
        (y, x): ``vx, vy, v`` and errors, the displacements they come from, and what is known of each cell. Written by
        :func:`write_tracked`, read by :func:`altiflow.read_velocity`, corrected anew by :func:`recorrect`.

    Raises
    ------
    InputError
        If an argument means nothing, or the images are smaller than a chip.
    NoOverlapError
        If the prior does not reach the images.

    Notes
    -----
    The images, and what reading them raises, are those of :func:`altiflow.read_scene_pair`.
    """
    began = time.perf_counter()
    ready = prepare_pair(
        scenes,
        parameters=parameters,
        max_speed=max_speed,
        prior=prior,
        prior_radius=prior_radius,
        prior_gap_speed=prior_gap_speed,
        ground=ground,
        ground_crs=ground_crs,
        ground_radius=ground_radius,
    )
    offsets, screened = screen_offsets(ready.measure(quiet=quiet), ready.parameters)
    took = time.perf_counter() - began
    result = add_velocity(ready.granule(offsets, screened), rule=rule, units=units, year_days=year_days)
    result.attrs["track_seconds"] = round(took, 3)
    return result
