"""What a velocity gradient says: strain rates along axes, along the flow and along their own directions.

Each quantity q comes with its derivatives by the four rates L and by the direction θ of the flow, so that its variance
is ``dq · cov(L, θ) · dqᵀ``. A magnitude (shear, total,
effective) of a gradient that is noise alone is not zero but about its own sigma.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

__all__ = ["STRAIN_NAMES", "STRAIN_TEXTS", "Gradient", "StrainName", "measure"]

Floats = npt.NDArray[np.float64]
Measured = tuple[Floats, Floats | None]

StrainName = Literal[
    "divergence",
    "shear",
    "vorticity",
    "total_deformation",
    "e_xx",
    "e_yy",
    "e_xy",
    "longitudinal",
    "transverse",
    "flow_shear",
    "principal_1",
    "principal_2",
    "principal_direction",
    "effective",
    "effective_incompressible",
]
"""Quantities of :func:`~altiflow.fusion.kinematics.strain.strain_rates`."""

STRAIN_NAMES: tuple[StrainName, ...] = get_args(StrainName)
"""All quantities, in order."""

STRAIN_TEXTS: dict[str, str] = {
    "divergence": "divergence, dvx/dx + dvy/dy",
    "shear": "shear, the difference of the principal strain rates",
    "vorticity": "vorticity, dvy/dx - dvx/dy, positive anticlockwise",
    "total_deformation": "total deformation, the root of divergence² + shear²",
    "e_xx": "strain rate along x",
    "e_yy": "strain rate along y",
    "e_xy": "shear strain rate between x and y, (dvx/dy + dvy/dx) / 2",
    "longitudinal": "strain rate along the flow",
    "transverse": "strain rate across the flow",
    "flow_shear": "shear strain rate between the flow and its left",
    "principal_1": "larger principal strain rate",
    "principal_2": "smaller principal strain rate",
    "principal_direction": "direction of the larger principal strain rate, anticlockwise from x",
    "effective": "effective strain rate, the root of (e_xx² + e_yy²) / 2 + e_xy²",
    "effective_incompressible": "effective strain rate with the vertical one of incompressible ice, -divergence",
}
"""Long names."""


@dataclass(frozen=True)
class Gradient:
    """The velocity gradient on the ground at k cells.

    Attributes
    ----------
    rates
        L_11, L_12, L_21, L_22, (k, 4).
    along
        Unit vector of the flow on the ground, (k, 2); NaN where it stands still.
    """

    rates: Floats
    along: Floats

    @property
    def divergence(self) -> Floats:
        """L_11 + L_22, (k,)."""
        return np.asarray(self.rates[:, 0] + self.rates[:, 3])

    @property
    def stretch(self) -> Floats:
        """L_11 - L_22, (k,)."""
        return np.asarray(self.rates[:, 0] - self.rates[:, 3])

    @property
    def skew(self) -> Floats:
        """L_12 + L_21, (k,)."""
        return np.asarray(self.rates[:, 1] + self.rates[:, 2])


def measure(gradient: Gradient, name: StrainName) -> Measured:
    """Return a quantity (k,) and its derivatives by L and the direction of the flow (k, 5); none for a direction."""
    value, slope = _MEASURES[name](gradient)
    if slope is None or slope.shape[1] == 5:
        return value, slope
    return value, np.pad(slope, ((0, 0), (0, 1)))


def _fixed(*weights: float) -> Callable[[Gradient], Measured]:
    """Return the measure that is a fixed sum of the four rates."""

    def measured(gradient: Gradient) -> Measured:
        row = np.array(weights)
        return gradient.rates @ row, np.broadcast_to(row, gradient.rates.shape)

    return measured


def _shear(gradient: Gradient) -> Measured:
    size = np.hypot(gradient.stretch, gradient.skew)
    normal, skew = (_share(part, size) for part in (gradient.stretch, gradient.skew))
    return size, np.stack([normal, skew, skew, -normal], axis=-1)


def _total(gradient: Gradient) -> Measured:
    shear, slope = _known(_shear(gradient))
    size = np.hypot(gradient.divergence, shear)
    return size, _share(gradient.divergence, size)[:, None] * _ISOTROPIC + _share(shear, size)[:, None] * slope


def _principal(sign: float) -> Callable[[Gradient], Measured]:
    def measured(gradient: Gradient) -> Measured:
        shear, slope = _known(_shear(gradient))
        return (gradient.divergence + sign * shear) / 2, (_ISOTROPIC + sign * slope) / 2

    return measured


def _direction(gradient: Gradient) -> Measured:
    angle = np.degrees(np.arctan2(gradient.skew, gradient.stretch)) / 2
    return np.where(np.hypot(gradient.stretch, gradient.skew) > 0, angle, np.nan), None


def _effective(vertical: float) -> Callable[[Gradient], Measured]:
    def measured(gradient: Gradient) -> Measured:
        first, _, _, last = gradient.rates.T
        half = gradient.skew / 2
        size = np.sqrt((first**2 + last**2 + vertical * gradient.divergence**2) / 2 + half**2)
        parts = (first + vertical * gradient.divergence, half, half, last + vertical * gradient.divergence)
        return size, np.stack([_share(part / 2, size) for part in parts], axis=-1)

    return measured


def _flow(first: int, second: int) -> Callable[[Gradient], Measured]:
    """Return the measure ``aᵀ E b`` between two of the directions along (0) and left of (1) the flow."""

    def measured(gradient: Gradient) -> Measured:
        left = np.stack([-gradient.along[:, 1], gradient.along[:, 0]], axis=-1)
        a, b = ((gradient.along, left)[place] for place in (first, second))
        weights = _pair(a, b)
        turned = [(left, -gradient.along)[place] for place in (first, second)]
        turning = (_pair(turned[0], b) + _pair(a, turned[1])) * gradient.rates
        slope = np.concatenate([weights, turning.sum(axis=1)[:, None]], axis=1)
        return (weights * gradient.rates).sum(axis=1), slope

    return measured


def _pair(a: Floats, b: Floats) -> Floats:
    """Return the symmetric product (k, 4) of directions (k, 2)."""
    return np.asarray((a[:, :, None] * b[:, None, :] + b[:, :, None] * a[:, None, :]).reshape(-1, 4) / 2)


def _known(found: Measured) -> tuple[Floats, Floats]:
    """Return a measure that has derivatives."""
    value, slope = found
    return value, np.zeros((value.size, 4)) if slope is None else slope


def _share(part: Floats, size: Floats) -> Floats:
    """Return part / size, zero where the size is zero: there a magnitude has no slope."""
    return np.divide(part, size, out=np.zeros_like(size), where=size > 0)


_ISOTROPIC = np.array([1.0, 0.0, 0.0, 1.0])

_MEASURES: dict[str, Callable[[Gradient], Measured]] = {
    "divergence": _fixed(1, 0, 0, 1),
    "shear": _shear,
    "vorticity": _fixed(0, -1, 1, 0),
    "total_deformation": _total,
    "e_xx": _fixed(1, 0, 0, 0),
    "e_yy": _fixed(0, 0, 0, 1),
    "e_xy": _fixed(0, 0.5, 0.5, 0),
    "longitudinal": _flow(0, 0),
    "transverse": _flow(1, 1),
    "flow_shear": _flow(0, 1),
    "principal_1": _principal(1.0),
    "principal_2": _principal(-1.0),
    "principal_direction": _direction,
    "effective": _effective(0.0),
    "effective_incompressible": _effective(1.0),
}
