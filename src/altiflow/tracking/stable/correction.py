"""Correction of displacements by stable ground: the shift or tilt between the images, and when it is believed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError
from altiflow.tracking.displacements import Offsets
from altiflow.tracking.stable.statistics import MAD_TO_SIGMA, density_peak, mode_error

__all__ = ["Correction", "CorrectionModel", "CorrectionRule", "correct_offsets"]

CorrectionModel = Literal["median", "mode", "plane", "none"]

Floats = npt.NDArray[np.float64]

_ROUNDS = 10
_CUT = 3.0
"""Displacements further from the fit than this many times their scatter have no say."""

_LEAST_SPREAD = 1e-3
"""Scatter below which displacements are taken to agree [px]."""
_LAD_ROUNDS = 30
"""Rounds of reweighting towards the plane of least absolute distances."""

_MEDIAN_OF_MEAN = 1.2533
"""Standard error of a median over that of a mean, for a normal distribution: sqrt(pi / 2)."""


@dataclass(frozen=True)
class CorrectionRule:
    """How displacements are corrected, and when not.

    Attributes
    ----------
    model
        "median": one shift; "mode": one shift, the most frequent (peak of a Gaussian density of what the median's
        outliers leave), which a skewed rest does not draw; "plane": a shift that changes linearly over the image;
        "none".
    min_count, min_share
        Least number of stable cells with a displacement that is good enough, and their least share of all cells with a
        displacement.
    max_shift
        Largest shift along an axis that is believed [px]; that of a plane anywhere on the lattice.
    max_nmad
        Largest scatter about the fit along an axis with which it is believed [px]: matches of unrelated images scatter
        over what was searched.
    min_corr, min_del_corr
        Least correlation, and least lead over the second peak, of a cell that counts.

    Notes
    -----
    The gates are those of pycorr (v1.1): more than 500 cells, 0.5 percent, 3 pixels, 0.3 and 0.15; `min_count` holds
    before and after outliers are left out, and `max_nmad` is none of pycorr's.

    Raises
    ------
    InputError
        If a value means nothing.
    """

    model: CorrectionModel = "median"
    min_count: int = 500
    min_share: float = 0.005
    max_shift: float = 3.0
    min_corr: float = 0.3
    min_del_corr: float = 0.15
    max_nmad: float = 1.0

    def __post_init__(self) -> None:
        """Refuse what means nothing."""
        if self.model not in get_args(CorrectionModel):
            raise InputError(f"model must be one of {', '.join(get_args(CorrectionModel))}, got {self.model!r}")
        if isinstance(self.min_count, bool) or not isinstance(self.min_count, int) or self.min_count < 1:
            raise InputError(f"min_count is a whole number of cells from 1 on, got {self.min_count!r}")
        for name, low, high in (
            ("min_share", 0.0, 1.0),
            ("max_shift", 0.0, 1000.0),
            ("min_corr", -1.0, 1.0),
            ("min_del_corr", 0.0, 2.0),
            ("max_nmad", 0.0, 1000.0),
        ):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not low <= value <= high:
                raise InputError(f"{name} is a number from {low:g} to {high:g}, got {value!r}")


@dataclass(frozen=True)
class Correction:
    """What stable ground says of the images, and whether it was believed.

    Attributes
    ----------
    model
        What was asked for.
    applied
        Whether displacements were corrected.
    reason
        Why, in words.
    count, share
        Cells that counted, and their share of all cells with a displacement.
    shift
        (right, down) [px] at the middle of the lattice, which was found, whether applied or not; NaN without a cell.
    slope
        Change of the shift to the right and downwards [px per px]: (of right: to the right, down; of down: the same).
    nmad
        Scatter about the fit [px], (right, down), of the cells that counted without outliers.
    centre
        (row, column) of the middle of the lattice, in pixel coordinates.
    kept
        Cells without outliers, of the axis that has fewer.
    independent
        Number of independent cells among these: chips that overlap share their pixels.
    """

    model: CorrectionModel
    applied: bool
    reason: str
    count: int = 0
    share: float = 0.0
    shift: tuple[float, float] = (float("nan"), float("nan"))
    slope: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    nmad: tuple[float, float] = (float("nan"), float("nan"))
    centre: tuple[float, float] = (0.0, 0.0)
    kept: int = 0
    independent: float = 0.0

    @property
    def shift_error(self) -> tuple[float, float]:
        """1-sigma of the shift [px]: that of a median, or mode, of the independent cells; 0 where none is applied."""
        if not self.applied:
            return 0.0, 0.0
        of_mean = mode_error(self.kept) if self.model == "mode" else _MEDIAN_OF_MEAN
        factor = of_mean / np.sqrt(max(self.independent, 1.0))
        return float(self.nmad[0] * factor), float(self.nmad[1] * factor)

    def at(self, row: npt.ArrayLike, column: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return what is to be taken off at rows (rows,) and columns (cols,): (right, down), (rows, cols) each [px]."""
        down = np.asarray(row, float)[:, None] - self.centre[0]
        right = np.asarray(column, float)[None, :] - self.centre[1]
        if not self.applied:
            return np.zeros((down.size, right.size)), np.zeros((down.size, right.size))
        a, b, c, d = self.slope
        return self.shift[0] + a * right + b * down, self.shift[1] + c * right + d * down


def correct_offsets(
    offsets: Offsets, stable: npt.ArrayLike | None, *, rule: CorrectionRule | None = None
) -> tuple[Offsets, Correction]:
    """Return displacements without the shift that stable ground shows, and what was found.

    Parameters
    ----------
    offsets
        Displacements as tracked.
    stable
        Where ground does not move (rows, cols); None where nobody knows.
    rule
        What is fitted, and when it is believed.

    Returns
    -------
    tuple
        The displacements, corrected or as they were, and the :class:`Correction`, which says why.

    Raises
    ------
    InputError
        If the mask is not on the lattice.

    Notes
    -----
    Cells of stable ground that were measured, not filled, and pass the correlation gates are fitted (median, or plane
    of least absolute distances); those further than 3 NMAD from the fit are left out, and the fit (median, or plane by
    least squares) is made again until none is. A fit that is not believed is told and not applied.
    """
    used = rule or CorrectionRule()
    correction = _find(offsets, stable, used)
    if not correction.applied:
        return offsets, correction
    right, down = correction.at(offsets.row, offsets.column)
    dx, dy = (offsets.dx - right).astype(np.float32), (offsets.dy - down).astype(np.float32)
    return replace(offsets, dx=dx, dy=dy), correction


def _find(offsets: Offsets, stable: npt.ArrayLike | None, rule: CorrectionRule) -> Correction:
    """Return what stable ground says."""
    if rule.model == "none":
        return Correction("none", False, "not asked for")
    if stable is None:
        return Correction(rule.model, False, "no stable ground was given")
    ground = np.asarray(stable, bool)
    if ground.shape != offsets.shape:
        raise InputError(f"stable has shape {ground.shape}, the lattice is {offsets.shape}; lay the mask on its cells")
    known = np.isfinite(offsets.dx) & np.isfinite(offsets.dy)
    good = known & ground & ~offsets.interpolated
    good &= (offsets.corr >= rule.min_corr) & (offsets.del_corr >= rule.min_del_corr)
    count, total = int(good.sum()), int(known.sum())
    if count == 0:
        on_ground = int((known & ground).sum())
        return Correction(rule.model, False, f"none of {on_ground} stable cells with a displacement is good enough")
    found = _fit(offsets, good, rule.model)
    share = count / total
    found = replace(found, count=count, share=share)
    return replace(found, applied=False, reason=refused) if (refused := _refusal(found, rule, offsets)) else found


def _refusal(found: Correction, rule: CorrectionRule, offsets: Offsets) -> str:
    """Return why a fit is not believed, "" where it is."""
    if found.count < rule.min_count:
        return f"{found.count} stable cells are fewer than {rule.min_count}"
    if found.share < rule.min_share:
        return f"stable cells are {100 * found.share:.2f} % of all, less than {100 * rule.min_share:g} %"
    if not np.isfinite([*found.shift, *found.slope, *found.nmad]).all():
        return f"stable cells determine no {found.model}"
    if found.kept < rule.min_count:
        return f"{found.kept} of {found.count} stable cells agree with the fit, fewer than {rule.min_count}"
    if max(found.nmad) > rule.max_nmad:
        return f"stable cells scatter by ({found.nmad[0]:.2f}, {found.nmad[1]:.2f}) px, more than {rule.max_nmad:g} px"
    # A plane is largest in a corner.
    largest = [
        float(part.flat[np.abs(part).argmax()]) for part in found.at(offsets.row[[0, -1]], offsets.column[[0, -1]])
    ]
    if max(map(abs, largest)) >= rule.max_shift:
        return f"a shift of ({largest[0]:.2f}, {largest[1]:.2f}) px is not below {rule.max_shift:g} px"
    return ""


def _fit(offsets: Offsets, good: npt.NDArray[np.bool_], model: CorrectionModel) -> Correction:
    """Return the shift, or the plane, of good cells."""
    rows, columns = np.nonzero(good)
    centre = float(offsets.row.mean()), float(offsets.column.mean())
    down, right = offsets.row[rows] - centre[0], offsets.column[columns] - centre[1]
    terms = [np.ones(rows.size), right, down] if model == "plane" else [np.ones(rows.size)]
    design = np.stack(terms, axis=1)
    fits = [_robust_fit(design, np.asarray(part[good], float)) for part in (offsets.dx, offsets.dy)]
    (first, spread_x, kept_x), (second, spread_y, kept_y) = fits
    if model == "mode":
        for found, spread, part in zip((first, second), (spread_x, spread_y), (offsets.dx, offsets.dy), strict=True):
            values = np.asarray(part[good], float)
            found[0] = density_peak(values[np.abs(values - found[0]) <= _CUT * max(spread, _LEAST_SPREAD)])
    slope = (first[1], first[2], second[1], second[2]) if model == "plane" else (0.0, 0.0, 0.0, 0.0)
    kept = min(kept_x, kept_y)
    return Correction(
        model,
        True,
        f"{model} of {rows.size} stable cells",
        shift=(first[0], second[0]),
        slope=slope,
        nmad=(spread_x, spread_y),
        centre=centre,
        kept=kept,
        independent=_independent(offsets, good, kept),
    )


def _independent(offsets: Offsets, good: npt.NDArray[np.bool_], kept: int) -> float:
    """Return how many chips of so many cells fit side by side."""
    steps = [float(each[1] - each[0]) for each in (offsets.row, offsets.column) if each.size > 1]
    chip = float(np.median(offsets.chip[good]))
    # A cell without a known chip is taken to be independent, as one of a chip below the spacing is.
    share = min(steps[0] / chip, 1.0) ** 2 if steps and chip > 0 else 1.0
    return max(kept * share, 1.0)


def _robust_fit(design: Floats, values: Floats) -> tuple[list[float], float, int]:
    """Return coefficients, scatter about them, and how many values it is of; outliers are left out round by round."""
    fitted, used = _least_distances(design, values), np.ones(values.size, bool)
    for _ in range(_ROUNDS):
        if not np.isfinite(fitted).all():
            return [float(part) for part in fitted], float("nan"), 0
        residual = np.abs(values - design @ fitted)
        spread = MAD_TO_SIGMA * float(np.median(residual[used]))
        kept = residual <= _CUT * max(spread, _LEAST_SPREAD)
        if (kept == used).all():
            break
        used, fitted = kept, _plain_fit(design[kept], values[kept])
    fitted = _plain_fit(design[used], values[used])
    spread = MAD_TO_SIGMA * float(np.median(np.abs(values - design @ fitted)[used]))
    return [float(part) for part in fitted], spread, int(used.sum())


def _least_distances(design: Floats, values: Floats) -> Floats:
    """Return coefficients of least absolute distances, which a few distances do not move however long they are."""
    fitted: Floats = np.zeros(design.shape[1])
    fitted[0] = np.median(values)
    if design.shape[1] == 1:
        return fitted
    for _ in range(_LAD_ROUNDS):
        weight = 1 / np.sqrt(np.maximum(np.abs(values - design @ fitted), _LEAST_SPREAD))
        made = np.linalg.lstsq(design * weight[:, None], values * weight, rcond=None)[0].astype(np.float64)
        if np.abs(design @ (made - fitted)).max() < _LEAST_SPREAD:
            return made
        fitted = made
    return fitted


def _plain_fit(design: Floats, values: Floats) -> Floats:
    """Return a median, or a plane by least squares; NaN where the values do not determine it."""
    if design.shape[1] == 1:
        return np.array([np.median(values)]) if values.size else np.full(1, np.nan)
    if values.size < design.shape[1]:
        return np.full(design.shape[1], np.nan)
    fitted, _, rank, _ = np.linalg.lstsq(design, values, rcond=None)
    return np.asarray(fitted) if rank == design.shape[1] else np.full(design.shape[1], np.nan)
