"""Comparison of ways to track: one report of several granules of a pair, and the ensemble that they make."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from altiflow.errors import EmptyDataError, GridMismatchError, InputError
from altiflow.tracking.displacements import Offsets
from altiflow.tracking.quality.metrics import strain_quality, terrain_quality
from altiflow.tracking.stable.statistics import nmad
from altiflow.tracking.status import FILLED, OUTLIER

__all__ = ["combine_offsets", "compare_granules"]

Mask = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


def compare_granules(
    granules: Mapping[str, xr.Dataset], *, static: npt.ArrayLike | None = None, ice: npt.ArrayLike | None = None
) -> pd.DataFrame:
    """Return how granules of one pair, tracked in several ways, compare: one row each, by name.

    Parameters
    ----------
    granules
        By name, on one grid and in one unit.
    static
        Where nothing moves (y, x).
    ice
        Where ice moves (y, x); everywhere where not given.

    Returns
    -------
    pandas.DataFrame
        ``kept`` (share of cells with a velocity), ``shared`` (cells that all have); of these, against the median of
        all at each cell, ``median_vx, median_vy, nmad_vx, nmad_vy`` and ``beyond`` (share further than three times the
        NMAD of all differences); ``error`` (median of v_error); GLAFT's metrics
        (:func:`altiflow.terrain_quality`, :func:`altiflow.strain_quality`) as ``static_x, static_y`` (sigma) with
        ``static_bias_x, static_bias_y`` (peak), and ``strain_along, strain_shear`` (sigma), NaN where they cannot be
        told; ``seconds`` that tracking took.

    Raises
    ------
    InputError
        If there are fewer than two, units differ, or one has no velocity.
    GridMismatchError
        If they lie on different cells.
    EmptyDataError
        If no cell has a velocity in all.
    """
    if len(granules) < 2:
        raise InputError(f"{len(granules)} granule is nothing to compare; give two or more, by name")
    _check_alike(granules)
    parts = {name: np.stack([_values(each, axis) for axis in ("vx", "vy")]) for name, each in granules.items()}
    shared = np.logical_and.reduce([np.isfinite(each).all(axis=0) for each in parts.values()])
    if not shared.any():
        raise EmptyDataError("no cell has a velocity in all granules")
    middle = np.median(np.stack(list(parts.values())), axis=0)
    apart = {name: (each - middle)[:, shared] for name, each in parts.items()}
    limit = 3 * max(nmad(np.concatenate([each.ravel() for each in apart.values()])), 1e-9)
    rows = {}
    for name, granule in granules.items():
        away = apart[name]
        rows[name] = {
            "kept": float(np.isfinite(parts[name]).all(axis=0).mean()),
            "shared": int(shared.sum()),
            **{f"median_{axis}": float(np.median(each)) for axis, each in zip(("vx", "vy"), away, strict=True)},
            **{f"nmad_{axis}": nmad(each) for axis, each in zip(("vx", "vy"), away, strict=True)},
            "beyond": float((np.hypot(*away) > limit).mean()),
            "error": _known_median(_values(granule, "v_error")[shared]) if "v_error" in granule else np.nan,
            **_metrics(granule, static, ice),
            "seconds": float(granule.attrs.get("track_seconds", np.nan)),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("way")


def _check_alike(granules: Mapping[str, xr.Dataset]) -> None:
    """Raise unless granules have velocities in one unit on one grid."""
    names = list(granules)
    for name in names:
        if "vx" not in granules[name] or "vy" not in granules[name]:
            raise InputError(f"{name!r} has no vx and vy; give tracked granules")
        one, other = granules[names[0]], granules[name]
        if any(not np.array_equal(one[axis].values, other[axis].values) for axis in ("x", "y")):
            raise GridMismatchError(
                f"{names[0]!r} and {name!r} lie on different cells; track with one spacing and window"
            )
        units = [each["vx"].attrs.get("units") for each in (one, other)]
        if units[0] != units[1]:
            raise InputError(
                f"{names[0]!r} is in {units[0]}, {name!r} in {units[1]}; recorrect one with the other's units"
            )


def _values(granule: xr.Dataset, name: str) -> Floats:
    return np.asarray(granule[name].values, float)


def _known_median(values: Floats) -> float:
    """Return the median of finite values; NaN without any."""
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else float("nan")


def _metrics(granule: xr.Dataset, static: npt.ArrayLike | None, ice: npt.ArrayLike | None) -> dict[str, float]:
    """Return the metrics that need no truth; NaN where there are too few cells."""
    names = ("static_x", "static_y", "static_bias_x", "static_bias_y", "strain_along", "strain_shear")
    told = dict.fromkeys(names, float("nan"))
    with suppress(EmptyDataError):
        if static is not None:
            still = terrain_quality(granule, static)
            told |= dict(zip(names[:4], (*still.sigma, *still.peak), strict=True))
    with suppress(EmptyDataError):
        told |= dict(zip(names[4:], strain_quality(granule, ice).sigma, strict=True))
    return told


def combine_offsets(members: Sequence[Offsets], *, least: int = 2, tolerance: float = 0.5) -> Offsets:
    """Return the ensemble of displacements that were found in several ways.

    Parameters
    ----------
    members
        Displacements on one lattice.
    least
        How many must agree for a cell to have a displacement.
    tolerance
        What those that agree may differ by from the median of all, along each axis [px].

    Returns
    -------
    Offsets
        The median of those that agree; errors are the median of theirs and their spread (NMAD), added in squares, for
        ways of tracking share the images and so much of their errors. What else is known of a cell is that of the first
        member that agrees. Cells where fewer do are outliers, or have the flags of the first member.

    Raises
    ------
    InputError
        If there are fewer than two members, or `least` or `tolerance` mean nothing.
    GridMismatchError
        If their lattices differ.
    """
    if len(members) < 2 or not 1 <= least <= len(members) or tolerance <= 0:
        raise InputError(
            f"{len(members)} members, least={least}, tolerance={tolerance}: use two or more members, at most as many "
            "that must agree, and a tolerance above 0"
        )
    for other in members[1:]:
        if not (np.array_equal(members[0].row, other.row) and np.array_equal(members[0].column, other.column)):
            raise GridMismatchError("the members lie on different lattices; track with one spacing and window")
    both = np.stack([[each.dx, each.dy] for each in members]).astype(float)
    known = np.isfinite(both).all(axis=1)
    agree = known & (np.abs(both - _median(both, known)) <= tolerance).all(axis=1)
    kept = agree.sum(axis=0) >= least
    first = np.where(kept, agree.argmax(axis=0), 0)
    middle = np.where(kept, _median(both, agree), np.nan)
    spread = 1.4826 * _median(np.abs(both - middle), agree)
    told = np.stack([[each.dx_error, each.dy_error] for each in members]).astype(float)
    errors = _median(told, agree & np.isfinite(told).all(axis=1))
    wide = np.where(kept, np.hypot(errors, spread), np.nan)
    taken: dict[str, Any] = {name: _pick(members, name, first) for name in _OF_FIRST}
    interpolated = taken["interpolated"] & kept
    status = np.where(kept, interpolated * FILLED, np.where(known.any(axis=0), OUTLIER, taken["status"]))
    # Errors change, and how far they go together does not: a covariance as it was might exceed them.
    own = np.asarray(taken["dx_error"], float) * taken["dy_error"]
    tied = np.divide(taken["dxy_covariance"], own, out=np.full(kept.shape, np.nan), where=kept & (own > 0))
    covariance = (tied * errors[0] * errors[1]).astype(np.float32)
    chip = np.where(kept, taken["chip"], 0).astype(np.uint16)
    return Offsets(
        row=members[0].row,
        column=members[0].column,
        dx=middle[0].astype(np.float32),
        dy=middle[1].astype(np.float32),
        dx_error=wide[0].astype(np.float32),
        dy_error=wide[1].astype(np.float32),
        corr=taken["corr"],
        del_corr=taken["del_corr"],
        chip=chip,
        radius=taken["radius"],
        status=status.astype(np.uint8),
        interpolated=interpolated,
        snr=taken["snr"],
        dxy_covariance=covariance,
        curvature_x=taken["curvature_x"],
        curvature_y=taken["curvature_y"],
    )


_OF_FIRST = (
    "dx_error",
    "dy_error",
    "corr",
    "del_corr",
    "chip",
    "radius",
    "status",
    "interpolated",
    "snr",
    "dxy_covariance",
    "curvature_x",
    "curvature_y",
)


def _median(values: Floats, used: Mask) -> Floats:
    """Return the median over members (k, 2, rows, cols) of those that are used (k, rows, cols); NaN without."""
    some = np.where(used[:, None], values, np.nan)
    none = ~used.any(axis=0)
    some[:, :, none] = 0.0
    found: Floats = np.asarray(np.nanmedian(some, axis=0))
    found[:, none] = np.nan
    return found


def _pick(members: Sequence[Offsets], name: str, which: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return a layer with each cell from the member that is told."""
    layers = np.stack([getattr(each, name) for each in members])
    return np.asarray(np.take_along_axis(layers, which[None], axis=0)[0])
