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

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from altiflow.gridding.remap.resample import Lattice
from altiflow.gridding.vectors import metric_matrix

__all__ = ["MetricSlopes", "gradient_operator", "inverse_metric"]

Floats = npt.NDArray[np.float64]

_STEP = 5000.0
"""Step [m] of the difference of g. Truncation is of order (step / Earth radius)² = 6e-7 of the term that corrects for
the map; PROJ's scales, good to 1e-9, leave 1e-13 per metre."""


_NODES = 5000.0
"""Distance [m] between places where ∂g is worked out; between them it is bilinear, to 1e-7 of itself."""


@dataclass(frozen=True)
class MetricSlopes:
    """∂g along both axes of a map, over a field.

    Attributes
    ----------
    crs
        Projected CRS in metres.
    nodes
        Where it was worked out, for fields of small cells; None: at every place asked for.
    values
        There, (8, rows, cols): ∂_1 g and ∂_2 g, each g_11, g_12, g_21, g_22 [1/m].
    """

    crs: str
    nodes: Lattice | None
    values: Floats

    @classmethod
    def over(cls, crs: str, lattice: Lattice) -> MetricSlopes:
        """Return the slopes over the cells of a lattice."""
        if min(lattice.step) >= _NODES:
            return cls(crs, None, np.empty((8, 0, 0)))
        x_min, y_min, x_max, y_max = lattice.bounds
        axes = [
            (np.arange(np.floor(low / _NODES), np.ceil(high / _NODES) + 1) * _NODES)
            for low, high in ((x_min, x_max), (y_min, y_max))
        ]
        x, y = np.meshgrid(*axes)
        found = np.concatenate(_slopes_at(crs, x.ravel(), y.ravel()), axis=-1).reshape(-1, 2, 4)
        return cls(crs, Lattice.from_axes(*axes), np.moveaxis(found, 0, -1).reshape(8, *x.shape))

    def at(self, x: Floats, y: Floats) -> list[Floats]:
        """Return ∂_1 g and ∂_2 g, each (k, 2, 2) [1/m], at map points x, y (k,) [m]."""
        if self.nodes is None:
            return [part.reshape(-1, 2, 2) for part in _slopes_at(self.crs, x, y)]
        stencil = self.nodes.stencil(x, y)
        found = np.stack([stencil.apply(layer, min_valid=1.0) for layer in self.values], axis=-1)
        return [found[:, :4].reshape(-1, 2, 2), found[:, 4:].reshape(-1, 2, 2)]


def gradient_operator(matrix: Floats, slopes: list[Floats]) -> Floats:
    """Return the matrices (k, 4, 6) from the map velocity and its derivatives to the gradient on the ground.

    Parameters
    ----------
    matrix
        M at k places, (k, 2, 2).
    slopes
        ∂_1 g and ∂_2 g there, each (k, 2, 2).

    Returns
    -------
    numpy.ndarray
        Columns: v^1, ∂_1 v^1, ∂_2 v^1, v^2, ∂_1 v^2, ∂_2 v^2. Rows: the gradient ``L_ij = d v_i / d s_j`` on the
        ground, L_11, L_12, L_21, L_22. NaN where the map does not reach.
    """
    metric = inverse_metric(matrix)
    area = matrix[:, 0, 0] * matrix[:, 1, 1] - matrix[:, 0, 1] * matrix[:, 1, 0]
    columns = []
    for component in (0, 1):
        curl = slopes[0][:, 1, component] - slopes[1][:, 0, component]
        columns.append(_ground_gradient(slopes[component], curl, matrix, area))
        for axis in (0, 1):
            derivative = np.zeros((2, 2))
            derivative[component, axis] = 1.0
            covariant = metric @ derivative
            doubled = covariant + np.swapaxes(covariant, -1, -2)
            columns.append(_ground_gradient(doubled, covariant[:, 1, 0] - covariant[:, 0, 1], matrix, area))
    return np.stack(columns, axis=-1)


def inverse_metric(matrix: Floats) -> Floats:
    """Return g = M⁻¹ M⁻¹, (k, 2, 2), the metric tensor of the ground in map coordinates, for symmetric M."""
    a, b, d = matrix[..., 0, 0], matrix[..., 0, 1], matrix[..., 1, 1]
    inverse = np.stack([np.stack([d, -b], axis=-1), np.stack([-b, a], axis=-1)], axis=-2)
    inverse = inverse / (a * d - b * b)[..., None, None]
    return np.asarray(inverse @ inverse)


def _slopes_at(crs: str, x: Floats, y: Floats) -> list[Floats]:
    """Return ∂_1 g and ∂_2 g, each (k, 4) [1/m], by differences."""
    found = []
    for dx, dy in ((_STEP, 0.0), (0.0, _STEP)):
        ahead = inverse_metric(metric_matrix(crs, x + dx, y + dy))
        behind = inverse_metric(metric_matrix(crs, x - dx, y - dy))
        found.append(((ahead - behind) / (2 * _STEP)).reshape(-1, 4))
    return found


def _ground_gradient(doubled: Floats, curl: Floats, matrix: Floats, area: Floats) -> Floats:
    """Return L (k, 4) from 2 e_ij (k, 2, 2) and the curl (k,) of the covariant velocity on the map."""
    strain = matrix @ (doubled / 2) @ matrix
    spin = area * curl / 2
    return np.stack([strain[:, 0, 0], strain[:, 0, 1] - spin, strain[:, 1, 0] + spin, strain[:, 1, 1]], axis=-1)
