"""Preparation of a pair: the images, where and how far to look in them, and what the ground is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError
from altiflow.readers.ground import GROUND, ICE, UNKNOWN, read_ground
from altiflow.readers.scenes import ScenePair, read_scene_pair
from altiflow.readers.velocity import read_velocity
from altiflow.tracking.displacements import Offsets
from altiflow.tracking.offsets import lattice_centres, measure_offsets
from altiflow.tracking.parameters import TrackParameters, search_radius
from altiflow.tracking.prior import expect_offsets
from altiflow.tracking.product.layout import lay_out
from altiflow.tracking.status import STATUS

__all__ = ["GroundSource", "PreparedPair", "Scenes", "prepare_pair"]

GroundSource = Any
"""Codes of ground on the output lattice (rows, cols), or what :func:`altiflow.read_ground` takes: outlines of rock, a
raster of classes."""

_FURTHEST = 1000

Floats = npt.NDArray[np.float64]
Scenes = ScenePair | tuple[str | Path, str | Path]
Expected = tuple[Floats, Floats] | None


@dataclass(frozen=True, eq=False)
class PreparedPair:
    """Two images and all that is known before they are tracked.

    Attributes
    ----------
    pair, parameters
        The images, and how to look, the radius that a speed needs included.
    ground
        Codes of the ground on the lattice (rows, cols); None where nobody knows.
    prior, prior_radius
        As for :func:`altiflow.tracking.measure_offsets`.
    notes
        What was decided, line by line.
    """

    pair: ScenePair
    parameters: TrackParameters
    ground: npt.NDArray[np.uint8] | None
    prior: Expected
    prior_radius: int | npt.NDArray[Any] | None
    notes: tuple[str, ...]

    def measure(self, *, quiet: bool = True) -> Offsets:
        """Return all displacements, weak and odd ones too."""
        return measure_offsets(
            self.pair.first,
            self.pair.second,
            valid_first=self.pair.valid_first,
            valid_second=self.pair.valid_second,
            parameters=self.parameters,
            prior=self.prior,
            prior_radius=self.prior_radius,
            quiet=quiet,
        )

    def granule(self, offsets: Offsets, screened: Mapping[str, int]) -> xr.Dataset:
        """Return displacements that are kept on the map, with what was done; `screened` counts those that are not."""
        log = [*_describe(self.pair, self.parameters, self.ground), *self.notes, *_account(offsets, screened)]
        return lay_out(self.pair, offsets, parameters=self.parameters, ground=self.ground, log=log)


def prepare_pair(
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
) -> PreparedPair:
    """Return two images with where to look in them, and what the ground is.

    Arguments, and what is raised, are those of :func:`altiflow.track_pair`.
    """
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
    return PreparedPair(pair, used, codes, expected, reach, (*lines, *limited))


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
    if prior_radius is not None:
        _check_radius("prior_radius", prior_radius)
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


def _check_radius(name: str, value: Any) -> None:
    """Raise InputError unless a value is a radius."""
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= _FURTHEST:
        raise InputError(f"{name} is a whole number of pixels from 1 to {_FURTHEST}, got {value!r}")


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
    _check_radius("ground_radius", ground_radius)
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


def _account(offsets: Offsets, screened: Mapping[str, int]) -> list[str]:
    """Return how many cells have a displacement, why the others have none, and what each screen left out."""
    known = int(np.isfinite(offsets.dx).sum())
    flags = {word: int((offsets.status & bit > 0).sum()) for word, bit in STATUS.items() if bit}
    told = ", ".join(f"{word} {count}" for word, count in flags.items() if count)
    left = ", ".join(f"{word} {count}" for word, count in screened.items() if count)
    return [
        f"{known} of {offsets.dx.size} cells have a displacement; flags: {told or 'none'}",
        f"left out by {left or 'no screen'}",
    ]
