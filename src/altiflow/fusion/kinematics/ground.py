"""The velocity gradient on the ground from derivatives on the map.

With M the matrix of :func:`altiflow.gridding.vectors.metric_matrix` (``v_map = M v_ground``) a short step dx on the
map has the ground length ``dxᵀ g dx``, ``g = M⁻¹ M⁻¹``: g is the metric tensor of the ground in map coordinates. The
strain rate is half the rate at which the flow changes that length, the Lie derivative of g along the map velocity v
(Marsden and Hughes 1983, Mathematical Foundations of Elasticity, section 1.6)::

    e_ij = 1/2 (v^k ∂_k g_ij + g_kj ∂_i v^k + g_ik ∂_j v^k)

and in the orthonormal axes of the ground components, whose vectors are the columns of M on the map, ``E = M e M``. Its
trace is the divergence ``A ∂_k (v^k / A)`` with the areal scale ``A = det M``. The vorticity is that of the covariant
components, ``ζ = A (∂_1 (g_2k v^k) - ∂_2 (g_1k v^k))``. Both are linear in v and its four derivatives.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from altiflow.gridding.vectors import metric_matrix

__all__ = ["gradient_operator", "inverse_metric"]

Floats = npt.NDArray[np.float64]

_STEP = 5000.0
"""Step [m] of the difference of g. Truncation is of order (step / Earth radius)² = 6e-7 of the term that corrects for
the map; PROJ's scales, good to 1e-9, leave 1e-13 per metre."""


def gradient_operator(crs: str, x: npt.ArrayLike, y: npt.ArrayLike, matrix: Floats) -> Floats:
    """Return the matrices (k, 4, 6) from the map velocity and its derivatives to the gradient on the ground.

    Parameters
    ----------
    crs
        Projected CRS in metres.
    x, y
        Map coordinates (k,) [m].
    matrix
        M there, (k, 2, 2).

    Returns
    -------
    numpy.ndarray
        Columns: v^1, ∂_1 v^1, ∂_2 v^1, v^2, ∂_1 v^2, ∂_2 v^2. Rows: the gradient ``L_ij = d v_i / d s_j`` on the
        ground, L_11, L_12, L_21, L_22. NaN where the map does not reach.
    """
    metric = inverse_metric(matrix)
    slopes = [_metric_slope(crs, np.asarray(x, float), np.asarray(y, float), axis) for axis in (0, 1)]
    area = matrix[:, 0, 0] * matrix[:, 1, 1] - matrix[:, 0, 1] * matrix[:, 1, 0]
    columns = []
    for component in (0, 1):
        columns.append(_ground_gradient(slopes[component], _of_value(slopes, component), matrix, area))
        for axis in (0, 1):
            derivative = np.zeros((2, 2))
            derivative[component, axis] = 1.0
            covariant = metric @ derivative
            columns.append(
                _ground_gradient(
                    covariant + np.swapaxes(covariant, -1, -2), covariant[:, 1, 0] - covariant[:, 0, 1], matrix, area
                )
            )
    return np.stack(columns, axis=-1)


def inverse_metric(matrix: Floats) -> Floats:
    """Return g = M⁻¹ M⁻¹, (k, 2, 2), the metric tensor of the ground in map coordinates, for symmetric M."""
    a, b, d = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 1]
    inverse = np.stack([np.stack([d, -b], axis=-1), np.stack([-b, a], axis=-1)], axis=-2)
    inverse = inverse / (a * d - b * b)[..., None, None]
    return np.asarray(inverse @ inverse)


def _metric_slope(crs: str, x: Floats, y: Floats, axis: int) -> Floats:
    """Return ∂g along a map axis, (k, 2, 2) [1/m]."""
    dx, dy = (_STEP, 0.0) if axis == 0 else (0.0, _STEP)
    ahead = inverse_metric(metric_matrix(crs, x + dx, y + dy))
    return np.asarray((ahead - inverse_metric(metric_matrix(crs, x - dx, y - dy))) / (2 * _STEP))


def _of_value(slopes: list[Floats], component: int) -> Floats:
    """Return the part (k,) of the curl of the covariant velocity that a unit of v^component itself gives."""
    return np.asarray(slopes[0][:, 1, component] - slopes[1][:, 0, component])


def _ground_gradient(doubled: Floats, curl: Floats, matrix: Floats, area: Floats) -> Floats:
    """Return L (k, 4) from 2 e_ij (k, 2, 2) and the curl (k,) of the covariant velocity on the map."""
    strain = matrix @ (doubled / 2) @ matrix
    spin = area * curl / 2
    return np.stack([strain[:, 0, 0], strain[:, 0, 1] - spin, strain[:, 1, 0] + spin, strain[:, 1, 1]], axis=-1)
