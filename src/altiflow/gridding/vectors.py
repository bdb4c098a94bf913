"""Vectors on maps: components in another projection, true ground speed, east and north.

A velocity on a map has two pictures. In the "map" metric it is d(map coordinate)/dt, a distance on the map
per time. In the "ground" metric it is the true speed over the ground, its components along the axes of the
map as nearly as the map allows: with A the 2x2 matrix that takes ground east and north to the map, A = M Q is
split into a rotation Q and a symmetric scale M; ground components are ``Q (east, north)`` and map components
``M`` times that. On a polar or conformal projection M is ``R_az diag(h, k) R_azᵀ`` with the scales along the
meridian (h) and the parallel (k).

"Ground" means the ground of the projection's own ellipsoid; EPSG:3408 and 3409 lie on a sphere of 6371228 m.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj

from altiflow.errors import InputError
from altiflow.readers.field import Metric

__all__ = [
    "apply_matrix",
    "convert_metric",
    "east_north",
    "from_east_north",
    "jacobian",
    "metric_matrix",
    "reproject_vectors",
    "rotation",
    "transfer_matrix",
]

Floats = npt.NDArray[np.float64]

_STEP = 1000.0
"""Step [m] of the fourth-order difference. Truncation is of order (step / Earth radius)^4 = 1e-15; PROJ's
inverse of the azimuthal equal-area projection is good to about 1e-6 m near the pole, and over a step of 10 m
that noise would be 1e-7 of the Jacobian instead of below 1e-8."""

_TORN = 10.0
"""No two maps of the same ice differ in scale by this factor: a larger Jacobian means a seam is near."""

_POLE = 89.99
"""Latitude [degrees] beyond which scales are taken here: PROJ's derivatives lose digits as the parallels
shrink (1e-7 here, 1e-6 at 89.999), while so near the pole the scales of a polar map are constant to 4e-9."""


def jacobian(source_crs: Any, target_crs: Any, x: npt.ArrayLike, y: npt.ArrayLike) -> Floats:
    """Return J = d(x', y') / d(x, y), shape (..., 2, 2), at points of the source map.

    Parameters
    ----------
    source_crs, target_crs
        Projected CRSs in metres, as anything :class:`pyproj.CRS` takes.
    x, y
        Source coordinates [m], shape (...).

    Returns
    -------
    numpy.ndarray
        ``J[..., i, j]``, i the target axis, j the source axis. NaN where the target map has a seam within 2
        km, or does not reach. Good to about 1e-11 between conformal maps, 1e-8 to or from an azimuthal
        equal-area map.

    Raises
    ------
    InputError
        If a CRS is not projected, or not in metres.

    Examples
    --------
    The axes of EPSG:6931 lie 45 degrees from those of EPSG:3413 and the map is not conformal:

    >>> x, y = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3413", always_xy=True).transform(-45.0, 70.0)
    >>> np.linalg.svd(jacobian("EPSG:3413", "EPSG:6931", x, y))[1].round(4).tolist()
    [1.0154, 0.9848]
    """
    source, target = _map_crs(source_crs, "source_crs"), _map_crs(target_crs, "target_crs")
    east, north = np.broadcast_arrays(np.asarray(x, float), np.asarray(y, float))
    if source == target:
        return np.broadcast_to(np.eye(2), (*east.shape, 2, 2)).copy()
    transformer = pyproj.Transformer.from_crs(source, target, always_xy=True)

    def difference(dx: float, dy: float) -> Floats:
        ahead = np.stack(transformer.transform(east + dx, north + dy), axis=-1)
        behind = np.stack(transformer.transform(east - dx, north - dy), axis=-1)
        return np.asarray(ahead - behind, float)

    with np.errstate(invalid="ignore"):
        columns = [
            (8 * difference(ex, ey) - difference(2 * ex, 2 * ey)) / (12 * _STEP)
            for ex, ey in ((_STEP, 0.0), (0.0, _STEP))
        ]
        result = np.stack(columns, axis=-1)
        torn = ~(np.abs(result).max(axis=(-2, -1)) < _TORN)
    result[torn] = np.nan
    return result


def rotation(source_crs: Any, target_crs: Any, x: npt.ArrayLike, y: npt.ArrayLike) -> Floats:
    """Return the angle [rad], shape (...), by which a vector turns from the source axes to the target axes.

    It is the rotation R of the polar decomposition J = R S of :func:`jacobian`; positive anticlockwise.

    Raises
    ------
    InputError
        If a CRS is not projected, or not in metres.

    Examples
    --------
    >>> float(np.degrees(rotation("EPSG:3413", "EPSG:6931", -2e5, -2.2e6)).round(4))
    -45.0
    """
    return _polar_angle(jacobian(source_crs, target_crs, x, y))


def transfer_matrix(source_crs: Any, target_crs: Any, x: npt.ArrayLike, y: npt.ArrayLike, *, metric: Metric) -> Floats:
    """Return the matrix (..., 2, 2) that takes velocity components from the source to the target axes.

    For the "map" metric it is J. For the "ground" metric it is the rotation nearest to ``M_target⁻¹ J
    M_source``: that product is a rotation to 1e-7 between maps of one datum, whatever their distortion, and
    equals the R of J = R S if one of the maps is conformal or both are centred on the same pole. Between a
    sphere and an ellipsoid it is up to 0.5 % away from one; the rotation keeps the speed.

    Raises
    ------
    InputError
        If a CRS is not projected, or not in metres; if the metric is neither "map" nor "ground".
    """
    _check_metric(metric, "metric")
    matrix = jacobian(source_crs, target_crs, x, y)
    if metric == "map" or _map_crs(source_crs, "source_crs") == _map_crs(target_crs, "target_crs"):
        return matrix
    moved = pyproj.Transformer.from_crs(source_crs, target_crs, always_xy=True).transform(x, y)
    onto = _inverse(metric_matrix(target_crs, *moved))
    return _rotation_matrix(_polar_angle(onto @ matrix @ metric_matrix(source_crs, x, y)))


def reproject_vectors(
    vx: npt.ArrayLike,
    vy: npt.ArrayLike,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    source_crs: Any,
    target_crs: Any,
    metric: Metric,
    covariance: npt.ArrayLike | None = None,
) -> tuple[Floats, Floats, Floats | None]:
    """Return (vx', vy', covariance') along the axes of the target CRS; units and metric stay.

    Parameters
    ----------
    vx, vy
        Components along the axes of the source CRS, shape (...), any unit; NaN stays NaN.
    x, y
        Where they are, in the source CRS [m], shape (...).
    source_crs, target_crs
        Projected CRSs in metres.
    metric
        "map" (v' = J v) or "ground" (v' = R v), see :func:`transfer_matrix`.
    covariance
        Covariance of (vx, vy), shape (..., 2, 2); it turns as T cov Tᵀ. None says that it is not known.

    Raises
    ------
    InputError
        If a CRS is not projected, or not in metres; if the metric is neither "map" nor "ground".

    Examples
    --------
    A metre per second along y of EPSG:3413 is not along any axis of EPSG:6931:

    >>> vx, vy, _ = reproject_vectors(
    ...     0.0, 1.0, -2e5, -2.2e6, source_crs="EPSG:3413", target_crs="EPSG:6931", metric="ground"
    ... )
    >>> float(vx.round(6)), float(vy.round(6))
    (0.707107, 0.707107)
    """
    matrix = transfer_matrix(source_crs, target_crs, x, y, metric=metric)
    turned_x, turned_y = apply_matrix(matrix, vx, vy)
    if covariance is None:
        return turned_x, turned_y, None
    return turned_x, turned_y, matrix @ np.asarray(covariance, float) @ np.swapaxes(matrix, -1, -2)


def apply_matrix(matrix: Floats, vx: npt.ArrayLike, vy: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Return both components of ``matrix @ (vx, vy)``, each (...), for a matrix (..., 2, 2) per point."""
    first, second = np.asarray(vx, float), np.asarray(vy, float)
    return (
        matrix[..., 0, 0] * first + matrix[..., 0, 1] * second,
        matrix[..., 1, 0] * first + matrix[..., 1, 1] * second,
    )


def metric_matrix(crs: Any, x: npt.ArrayLike, y: npt.ArrayLike) -> Floats:
    """Return M, shape (..., 2, 2), symmetric: ``v_map = M v_ground`` at map points x, y [m].

    Raises
    ------
    InputError
        If the CRS is not projected, or not in metres.

    Examples
    --------
    The scale of EPSG:3413 at the pole (Snyder 1987, eq. 21-32 to 21-34) is that of its true parallel, 70 N:

    >>> metric_matrix("EPSG:3413", 0.0, 0.0).round(5).tolist()
    [[0.96986, 0.0], [0.0, 0.96986]]
    """
    axes = _ground_axes(crs, x, y)
    matrix = axes @ np.swapaxes(_rotation_matrix(_polar_angle(axes)), -1, -2)
    return (matrix + np.swapaxes(matrix, -1, -2)) / 2


def convert_metric(
    vx: npt.ArrayLike,
    vy: npt.ArrayLike,
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    *,
    crs: Any,
    source: Metric,
    target: Metric,
) -> tuple[Floats, Floats]:
    """Return (vx, vy), each (...), in the metric `target`, along the same axes of the same CRS; x, y in [m].

    Raises
    ------
    InputError
        If the CRS is not projected, or not in metres; if a metric is neither "map" nor "ground".

    Examples
    --------
    On EPSG:3413 at 60 N the map runs 3.9 % ahead of the ground:

    >>> x, y = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3413", always_xy=True).transform(-45.0, 60.0)
    >>> convert_metric(100.0, 0.0, x, y, crs="EPSG:3413", source="map", target="ground")[0].round(4).item()
    96.2068
    """
    _check_metric(source, "source")
    _check_metric(target, "target")
    if source == target:
        return np.array(vx, float), np.array(vy, float)
    matrix = metric_matrix(crs, x, y)
    return apply_matrix(matrix if target == "map" else _inverse(matrix), vx, vy)


def east_north(
    vx: npt.ArrayLike, vy: npt.ArrayLike, x: npt.ArrayLike, y: npt.ArrayLike, *, crs: Any, metric: Metric
) -> tuple[Floats, Floats]:
    """Return the true ground velocity (east, north), each (...), of map components (vx, vy).

    At the pole itself east and north are those of the longitude that PROJ gives the point.

    Raises
    ------
    InputError
        If the CRS is not projected, or not in metres; if the metric is neither "map" nor "ground".

    Examples
    --------
    Along x of EPSG:6931 at 90 E is away from the pole, so south:

    >>> east, north = east_north(0.1, 0.0, 1e6, 0.0, crs="EPSG:6931", metric="ground")
    >>> float(abs(east).round(9)), float(north.round(9))
    (0.0, -0.1)
    """
    return apply_matrix(_inverse(_frame(crs, x, y, metric)), vx, vy)


def from_east_north(
    east: npt.ArrayLike, north: npt.ArrayLike, x: npt.ArrayLike, y: npt.ArrayLike, *, crs: Any, metric: Metric
) -> tuple[Floats, Floats]:
    """Return the components (vx, vy), each (...), of a true ground velocity; see :func:`east_north`.

    Raises
    ------
    InputError
        If the CRS is not projected, or not in metres; if the metric is neither "map" nor "ground".
    """
    return apply_matrix(_frame(crs, x, y, metric), east, north)


def _frame(crs: Any, x: npt.ArrayLike, y: npt.ArrayLike, metric: Metric) -> Floats:
    """Return the matrix (..., 2, 2) from ground east and north to the components of `metric`."""
    _check_metric(metric, "metric")
    axes = _ground_axes(crs, x, y)
    return axes if metric == "map" else _rotation_matrix(_polar_angle(axes))


def _ground_axes(crs: Any, x: npt.ArrayLike, y: npt.ArrayLike) -> Floats:
    """Return A (..., 2, 2): its columns are the map images of one metre of ground to east and north."""
    projection = pyproj.Proj(_map_crs(crs, "crs"))
    longitude, latitude = projection(np.asarray(x, float), np.asarray(y, float), inverse=True)
    found = projection.get_factors(longitude, np.clip(latitude, -_POLE, _POLE))
    columns = []
    with np.errstate(invalid="ignore"):
        for along_x, along_y, scale in (
            (found.dx_dlam, found.dy_dlam, found.parallel_scale),
            (found.dx_dphi, found.dy_dphi, found.meridional_scale),
        ):
            size = scale / np.hypot(along_x, along_y)
            columns.append(np.stack([along_x * size, along_y * size], axis=-1))
    axes = np.stack(columns, axis=-1)
    axes[~np.isfinite(axes).all(axis=(-2, -1))] = np.nan
    return np.asarray(axes.reshape((*np.broadcast(x, y).shape, 2, 2)), float)


def _polar_angle(matrix: Floats) -> Floats:
    """Return the angle [rad] of the rotation in the polar decomposition of 2x2 matrices, determinant > 0."""
    sine, cosine = matrix[..., 1, 0] - matrix[..., 0, 1], matrix[..., 0, 0] + matrix[..., 1, 1]
    return np.asarray(np.arctan2(sine, cosine))


def _rotation_matrix(angle: Floats) -> Floats:
    """Return the rotations (..., 2, 2) by `angle` [rad]."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cosine, -sine], axis=-1), np.stack([sine, cosine], axis=-1)], axis=-2)


def _inverse(matrix: Floats) -> Floats:
    """Return the inverses of 2x2 matrices, NaN where the matrix is NaN."""
    a, b, c, d = (matrix[..., i, j] for i in (0, 1) for j in (0, 1))
    rows = np.stack([np.stack([d, -b], axis=-1), np.stack([-c, a], axis=-1)], axis=-2)
    return np.asarray(rows / (a * d - b * c)[..., None, None])


def _map_crs(crs: Any, name: str) -> pyproj.CRS:
    """Return the CRS once it is known to be a map in metres."""
    found = pyproj.CRS(crs)
    if not found.is_projected or any(axis.unit_conversion_factor != 1.0 for axis in found.axis_info[:2]):
        raise InputError(f"{name} must be a projected CRS in metres, got {found.name!r}; reproject first")
    return found


def _check_metric(metric: str, name: str) -> None:
    """Refuse a metric that does not exist."""
    if metric not in ("map", "ground"):
        raise InputError(f"{name} must be 'map' or 'ground', got {metric!r}")
