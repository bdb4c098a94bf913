"""Pairs: two images in, a granule of velocity out."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError
from altiflow.readers.ground import GROUND, ICE, UNKNOWN, read_ground
from altiflow.readers.scenes import ScenePair, read_scene_pair
from altiflow.readers.velocity import read_velocity
from altiflow.tracking.offsets import Offsets, lattice_centres, track_offsets
from altiflow.tracking.parameters import TrackParameters, search_radius
from altiflow.tracking.prior import expect_offsets
from altiflow.tracking.product.layout import lay_out
from altiflow.tracking.product.velocity import SpeedUnit, add_velocity
from altiflow.tracking.stable import CorrectionRule
from altiflow.tracking.status import STATUS
from altiflow.units import YEAR_DAYS

__all__ = ["GroundSource", "track_pair"]

GroundSource = Any
"""Codes of ground on the output lattice (rows, cols), or what :func:`altiflow.read_ground` takes: outlines of rock, a
raster of classes."""

_FURTHEST = 1000

Floats = npt.NDArray[np.float64]
Scenes = ScenePair | tuple[str | Path, str | Path]
Expected = tuple[Floats, Floats] | None


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
    pair = scenes if isinstance(scenes, ScenePair) else read_scene_pair(*_two(scenes))
    used = _with_radius(parameters or TrackParameters(), pair, max_speed)
    row, column = (lattice_centres(size, used.spacing) for size in pair.shape)
    if min(row.size, column.size) < 2:
        raise InputError(
            f"images of {pair.shape[0]} x {pair.shape[1]} pixels have fewer than 2 x 2 cells of {used.spacing} px; "
            "take a smaller spacing or a larger part of the images"
        )
    codes = _ground_codes(ground, ground_crs, pair, row, column)
    expected, reach, lines = _expect(pair, row, column, prior, prior_radius, prior_gap_speed)
    expected, reach, limited = _hold_ground(pair, codes, expected, reach, ground_radius)
    offsets = track_offsets(
        pair.first,
        pair.second,
        valid_first=pair.valid_first,
        valid_second=pair.valid_second,
        parameters=used,
        prior=expected,
        prior_radius=reach,
        quiet=quiet,
    )
    took = time.perf_counter() - began
    log = [*_describe(pair, used, codes), *lines, *limited, *_account(offsets)]
    granule = lay_out(pair, offsets, parameters=used, ground=codes, log=log)
    result = add_velocity(granule, rule=rule, units=units, year_days=year_days)
    result.attrs["track_seconds"] = round(took, 3)
    return result


def _two(scenes: Any) -> tuple[str | Path, str | Path]:
    if isinstance(scenes, (str, Path)) or not isinstance(scenes, (tuple, list)) or len(scenes) != 2:
        raise InputError(f"scenes must be a ScenePair or two images, got {scenes!r}")
    return scenes[0], scenes[1]


def _with_radius(parameters: TrackParameters, pair: ScenePair, max_speed: float | None) -> TrackParameters:
    """Return the parameters with the radius that a speed needs, where they have none."""
    if max_speed is None:
        return parameters
    if parameters.radius is not None:
        raise InputError(f"max_speed={max_speed!r} and radius={parameters.radius} both say how far to look; give one")
    return replace(parameters, radius=search_radius(max_speed, days=pair.separation_days, pixel=min(pair.pixel)))


def _ground_codes(
    ground: GroundSource, ground_crs: Any, pair: ScenePair, row: Floats, column: Floats
) -> npt.NDArray[np.uint8] | None:
    """Return the codes of the ground on the lattice, None where nobody knows."""
    if ground is None:
        return None
    shape = (row.size, column.size)
    if isinstance(ground, np.ndarray):
        if ground.shape != shape or not np.isin(ground, [*GROUND.values()]).all():
            raise InputError(
                f"ground has shape {ground.shape} and values {np.unique(ground)[:6].tolist()}; it must be {shape} of "
                f"the codes {dict(GROUND)}"
            )
        return ground.astype(np.uint8)
    x, y = pair.xy(0.0, column)[0], pair.xy(row, 0.0)[1]
    return read_ground(ground, x=x, y=y, crs=pair.crs, source_crs=ground_crs)


def _expect(
    pair: ScenePair,
    row: Floats,
    column: Floats,
    prior: xr.Dataset | str | Path | None,
    prior_radius: int | None,
    prior_gap_speed: float | None,
) -> tuple[Expected, Any, list[str]]:
    """Return where a prior has one look (dx, dy) and how far about it, and lines for the log."""
    if prior is None:
        for name, value in (("prior_radius", prior_radius), ("prior_gap_speed", prior_gap_speed)):
            if value is not None:
                raise InputError(f"{name}={value!r} without a prior means nothing; give a velocity field as prior")
        return None, None, []
    field = prior if isinstance(prior, xr.Dataset) else read_velocity(prior)
    expected = expect_offsets(field, pair, row, column)
    unknown = np.isnan(expected[0])
    share = 100 * (1 - float(unknown.mean()))
    lines = [f"prior: {field.attrs['source']}, on {share:.1f} % of the cells"]
    if prior_gap_speed is None:
        return expected, prior_radius, lines
    near = search_radius(prior_gap_speed, days=pair.separation_days, pixel=min(pair.pixel))
    for part, shift in zip(expected, pair.shift, strict=True):
        part[unknown] = -shift
    lines.append(f"search limited to {near} px on {int(unknown.sum())} cells where the prior has no value")
    return expected, np.where(unknown, near, prior_radius or 0), lines


def _hold_ground(
    pair: ScenePair,
    codes: npt.NDArray[np.uint8] | None,
    expected: Expected,
    reach: Any,
    ground_radius: int | None,
) -> tuple[Expected, Any, list[str]]:
    """Return where to look and how far, with land and ocean held where they are, and lines for the log."""
    if ground_radius is None:
        return expected, reach, []
    if isinstance(ground_radius, bool) or not isinstance(ground_radius, int) or not 1 <= ground_radius <= _FURTHEST:
        raise InputError(f"ground_radius is a whole number of pixels from 1 to {_FURTHEST}, got {ground_radius!r}")
    if codes is None:
        raise InputError(f"ground_radius={ground_radius!r} needs ground: outlines of rock, or a raster of classes")
    still = (codes != ICE) & (codes != UNKNOWN)
    if expected is None:
        expected = np.full(still.shape, np.nan), np.full(still.shape, np.nan)
    for part, shift in zip(expected, pair.shift, strict=True):
        part[still] = -shift
    lines = [f"search limited to {ground_radius} px on {int(still.sum())} cells of land and ocean"]
    # 0: what limits the still ground does not limit the ice.
    return expected, np.where(still, ground_radius, 0 if reach is None else reach), lines


def _describe(pair: ScenePair, parameters: TrackParameters, codes: npt.NDArray[np.uint8] | None) -> list[str]:
    """Return what was tracked, line by line."""
    bad = [int((~valid).sum()) for valid in (pair.valid_first, pair.valid_second)]
    lines = [
        f"images of {pair.shape[0]} x {pair.shape[1]} pixels of {pair.pixel[0]:g} m, "
        f"{pair.separation_days:.4f} days apart; {bad[0]} and {bad[1]} pixels are nodata",
        f"search {parameters.search}, cells of {parameters.spacing} px, chips of {parameters.widths} px, radius "
        f"{parameters.reach} px, filter {parameters.prefilter}",
    ]
    if codes is not None:
        counts = ", ".join(f"{word} {int((codes == code).sum())}" for word, code in GROUND.items())
        lines.append(f"ground cells: {counts}")
    return lines


def _account(offsets: Offsets) -> list[str]:
    """Return how many cells have a displacement, and why the others have none."""
    known = int(np.isfinite(offsets.dx).sum())
    flags = {word: int((offsets.status & bit > 0).sum()) for word, bit in STATUS.items() if bit}
    told = ", ".join(f"{word} {count}" for word, count in flags.items() if count)
    return [f"{known} of {offsets.dx.size} cells have a displacement; flags: {told or 'none'}"]
