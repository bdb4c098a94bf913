"""Velocity along and across the track of the altimeter."""

from __future__ import annotations

import copy

import geopandas as gpd
import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError
from altiflow.fusion.fields.layers import table_points
from altiflow.gridding.vectors import convert_metric

__all__ = ["along_across", "ground_tangent", "track_tangent"]

Floats = npt.NDArray[np.float64]


def track_tangent(
    x: npt.ArrayLike,
    y: npt.ArrayLike,
    group: npt.ArrayLike | None = None,
    *,
    order: npt.ArrayLike | None = None,
) -> Floats:
    """Return the unit vector (n, 2) along the track at each point.

    Parameters
    ----------
    x, y
        Map coordinates (n,) [m].
    group
        Which track each point belongs to (n,); None: all to one.
    order
        What to sort a track by (n,), such as time; None: the order of the points.

    Returns
    -------
    numpy.ndarray
        The normalised central difference of the neighbours in the track, one-sided at its ends. Points in one
        place share one tangent. NaN where a track has fewer than two places, or comes back to where it was.

    Examples
    --------
    >>> track_tangent([0.0, 3.0, 3.0, 6.0], [0.0, 4.0, 4.0, 8.0]).round(3).tolist()
    [[0.6, 0.8], [0.6, 0.8], [0.6, 0.8], [0.6, 0.8]]
    """
    across, up = np.asarray(x, float), np.asarray(y, float)
    tracks = np.zeros(across.size, dtype=np.intp) if group is None else np.asarray(group)
    places = np.arange(across.size) if order is None else np.asarray(order)
    result = np.full((across.size, 2), np.nan)
    known = np.flatnonzero(np.isfinite(across) & np.isfinite(up))
    if known.size == 0:
        return result
    turn = known[np.lexsort((places[known], tracks[known]))]
    spot, track = np.stack([across[turn], up[turn]], axis=-1), tracks[turn]
    moved = np.append(True, (track[1:] != track[:-1]) | (spot[1:] != spot[:-1]).any(axis=1))
    knots, labels = spot[moved], track[moved]
    here = np.arange(len(knots))
    same = labels[1:] == labels[:-1]
    ahead = here + np.append(same, False)
    behind = here - np.append(False, same)
    step = knots[ahead] - knots[behind]
    length = np.hypot(step[:, 0], step[:, 1])[:, None]
    tangent = np.divide(step, length, out=np.full(step.shape, np.nan), where=length > 0)
    result[turn] = tangent[np.cumsum(moved) - 1]
    return result


def along_across(table: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Return a copy of a sampled table with the velocity along and across the track of each beam.

    Parameters
    ----------
    table
        What :func:`~altiflow.fusion.colocate.sample_velocity` returned, with columns ``granule``, ``beam``
        and ``time``. Segments of a beam are ordered by time: the along-track distance of weak beams goes back
        and forth.

    Returns
    -------
    geopandas.GeoDataFrame
        With ``v_along`` (positive in the direction of flight), ``v_across`` (positive to the left of it)
        and ``v_along_sigma``, ``v_across_sigma``, in the units and the metric of the velocity. Sigmas take
        the errors of vx and vy as independent.

    Raises
    ------
    InputError
        If the table carries no sampled velocity, or lacks a column.

    Notes
    -----
    v_along = v · t and v_across = v · (-t_y, t_x), t the unit tangent of the track in the field's CRS. A
    "map" velocity is taken along the track on the map; for a "ground" velocity the tangent is the one on the
    ground.
    """
    provenance = table.attrs.get("altiflow", {})
    sampled = provenance.get("velocity")
    missing = [name for name in ("granule", "beam", "time", "vx", "vy") if name not in table]
    if sampled is None or missing:
        raise InputError(
            f"the table has no velocity along a track (missing: {missing or 'its provenance'}); "
            "call sample_velocity(table, field) first"
        )
    x, y, times = table_points(table, sampled["crs"])
    tracks = table.groupby(["granule", "beam"], observed=True, sort=True).ngroup().to_numpy()
    tangent = track_tangent(x, y, tracks, order=times)
    if sampled["velocity_metric"] == "ground":
        tangent = ground_tangent(tangent, x, y, sampled["crs"])
    t_x, t_y = tangent.T
    vx, vy = (table[name].to_numpy(float) for name in ("vx", "vy"))
    result = table.assign(v_along=vx * t_x + vy * t_y, v_across=vy * t_x - vx * t_y)
    if {"vx_sigma", "vy_sigma"} <= set(table):
        sigma_x, sigma_y = (table[name].to_numpy(float) for name in ("vx_sigma", "vy_sigma"))
        result = result.assign(
            v_along_sigma=np.hypot(t_x * sigma_x, t_y * sigma_y),
            v_across_sigma=np.hypot(t_y * sigma_x, t_x * sigma_y),
        )
    result.attrs = copy.deepcopy(table.attrs)
    added = [name for name in result if str(name).startswith(("v_along", "v_across"))]
    units = result.attrs["altiflow"].setdefault("units", {})
    units.update(dict.fromkeys(added, sampled["units"]))
    return result


def ground_tangent(tangent: Floats, x: Floats, y: Floats, crs: str) -> Floats:
    """Return the unit tangent (n, 2) along the map axes, measured on the ground."""
    t_x, t_y = convert_metric(tangent[:, 0], tangent[:, 1], x, y, crs=crs, source="map", target="ground")
    return np.stack([t_x, t_y], axis=-1) / np.hypot(t_x, t_y)[:, None]
