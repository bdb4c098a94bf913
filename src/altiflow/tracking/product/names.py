"""Names of pycorr for what a tracked granule holds, for programs that read its files."""

from __future__ import annotations

import xarray as xr

from altiflow.errors import InputError

__all__ = ["rename_as_pycorr"]

_NAMES = {
    "vx": "vx",
    "vy": "vy",
    "v": "vv",
    "corr": "corr",
    "del_corr": "del_corr",
    "dx": "del_i",
    "dy": "del_j",
    "curvature_x": "d2idx2",
    "curvature_y": "d2jdx2",
    "ground": "lgo_mask",
}
_MASKED = ("vx", "vy", "vv")


def rename_as_pycorr(granule: xr.Dataset) -> xr.Dataset:
    """Return a tracked granule under the names of pycorr (v1.1).

    ``vx, vy, vv`` and the same with ``_masked`` (equal here: what its masks leave out was never kept), ``corr,
    del_corr, del_i`` (right), ``del_j`` (down), ``d2idx2, d2jdx2`` (second differences at the whole displacement, where
    pycorr has derivatives of its spline at the peak) and ``lgo_mask`` (0 glacier, 1 land, 2 ocean). Units are those of
    the granule; pycorr's are m/d by default. Grid mapping and attributes stay.

    Raises
    ------
    InputError
        If the Dataset is no tracked granule with velocities.
    """
    lacking = [name for name in ("vx", "vy", "v", "dx", "dy", "corr", "del_corr") if name not in granule]
    if lacking:
        raise InputError(f"the Dataset has no {lacking[0]!r}, so it is no granule of tracked velocity")
    kept = [name for name in _NAMES if name in granule]
    extra = [name for name in ("mapping", "img_pair_info") if name in granule]
    result = granule[[*kept, *extra]].rename({name: _NAMES[name] for name in kept})
    for name in _MASKED:
        result[f"{name}_masked"] = result[name].copy()
    return result
