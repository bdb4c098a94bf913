"""Correction of displacements by stable ground: the shift or tilt between the images, and when it is believed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError
from altiflow.tracking.offsets import Offsets
from altiflow.tracking.stable.statistics import nmad

__all__ = ["Correction", "CorrectionModel", "CorrectionRule", "correct_offsets"]

CorrectionModel = Literal["median", "plane", "none"]

Floats = npt.NDArray[np.float64]

_ROUNDS = 10
_CUT = 3.0
"""Displacements further from the fit than this many times their scatter have no say."""

_MEDIAN_OF_MEAN = 1.2533
"""Standard error of a median over that of a mean, for a normal distribution: sqrt(pi / 2)."""


@dataclass(frozen=True)
class CorrectionRule:
    """How displacements are corrected, and when not.

    Attributes
    ----------
    model
        "median": one shift; "plane": a shift that changes linearly over the image; "none".
    min_count, min_share
        Least number of stable cells with a displacement that is good enough, and their least share of all cells with a
        displacement.
    max_shift
        Largest shift along an axis that is believed [px].
    min_corr, min_del_corr
        Least correlation, and least lead over the second peak, of a cell that counts.

    Notes
    -----
    The gates are those of pycorr (v1.1): more than 500 cells, 0.5 percent, 3 pixels, 0.3 and 0.15.

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
        Scatter of the cells that counted about the fit [px], (right, down).
    centre
        (row, column) of the middle of the lattice, in pixel coordinates.
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

    @property
    def shift_error(self) -> tuple[float, float]:
        """1-sigma of the shift [px]: that of a median, cells taken to be independent; 0 where none is applied."""
        if not self.applied:
            return 0.0, 0.0
        factor = _MEDIAN_OF_MEAN / np.sqrt(self.count)
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
    by least squares); those further than 3 NMAD from the fit are left out, and the fit is made again until none is.
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
    return replace(found, applied=False, reason=refused) if (refused := _refusal(found, rule)) else found


def _refusal(found: Correction, rule: CorrectionRule) -> str:
    """Return why a fit is not believed, "" where it is."""
    if found.count < rule.min_count:
        return f"{found.count} stable cells are fewer than {rule.min_count}"
    if found.share < rule.min_share:
        return f"stable cells are {100 * found.share:.2f} % of all, less than {100 * rule.min_share:g} %"
    largest = max(abs(found.shift[0]), abs(found.shift[1]))
    if largest >= rule.max_shift:
        return f"a shift of ({found.shift[0]:.2f}, {found.shift[1]:.2f}) px is not below {rule.max_shift:g} px"
    return ""


def _fit(offsets: Offsets, good: npt.NDArray[np.bool_], model: CorrectionModel) -> Correction:
    """Return the shift, or the plane, of good cells."""
    rows, columns = np.nonzero(good)
    centre = float(offsets.row.mean()), float(offsets.column.mean())
    down, right = offsets.row[rows] - centre[0], offsets.column[columns] - centre[1]
    terms = [np.ones(rows.size), right, down] if model == "plane" else [np.ones(rows.size)]
    design = np.stack(terms, axis=1)
    fits = [_robust_fit(design, np.asarray(part[good], float)) for part in (offsets.dx, offsets.dy)]
    (first, spread_x), (second, spread_y) = fits
    slope = (first[1], first[2], second[1], second[2]) if model == "plane" else (0.0, 0.0, 0.0, 0.0)
    return Correction(
        model,
        True,
        f"{model} of {rows.size} stable cells",
        shift=(first[0], second[0]),
        slope=slope,
        nmad=(spread_x, spread_y),
        centre=centre,
    )


def _robust_fit(design: Floats, values: Floats) -> tuple[list[float], float]:
    """Return coefficients and scatter about them, outliers left out round by round."""
    used = np.ones(values.size, bool)
    fitted, spread = [0.0], 0.0
    for _ in range(_ROUNDS):
        if design.shape[1] == 1:
            fitted = [float(np.median(values[used]))]
        else:
            fitted = [float(part) for part in np.linalg.lstsq(design[used], values[used], rcond=None)[0]]
        residual = values - design @ np.array(fitted)
        spread = nmad(residual[used])
        kept = np.abs(residual) <= _CUT * spread
        if spread == 0 or (kept == used).all():
            break
        used = kept
    return fitted, spread
