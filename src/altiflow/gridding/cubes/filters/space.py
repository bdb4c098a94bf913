"""Space: values of a layer that stand alone, or far from those around them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.cubes.filters.outliers import keep_values
from altiflow.gridding.cubes.medians import MAD_SCALE
from altiflow.readers.field import check_field

__all__ = ["reject_isolated"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def reject_isolated(
    field: xr.Dataset, *, window: int = 5, min_share: float = 0.3, threshold: float = 4.0, least: float = 0.0
) -> xr.Dataset:
    """Return the field without the values that their neighbours in the same layer do not bear out.

    Parameters
    ----------
    field
        A velocity field or cube (time, y, x); it is read a layer at a time.
    window
        Cells along a side of the neighbourhood, odd.
    min_share
        A value goes if less than this share of the cells around it (those in the field) hold one.
    threshold
        It goes if either component is further from the median of the cells around it than this many times 1.4826
        times their median absolute deviation ...
    least
        ... and further than this, in the unit of the field: shear margins are steep, and whole numbers coarse.

    Returns
    -------
    xarray.Dataset
        Both components (and sigmas) are NaN where rejected. ``n_isolated`` counts them for each pixel.

    Raises
    ------
    FieldError
        If it is no velocity field.
    InputError
        If an argument means nothing.

    Notes
    -----
    The first is the coherence of matches in a neighbourhood, the second the normalised median test of particle image
    velocimetry (Westerweel and Scarano 2005, doi:10.1007/s00348-005-0016-6) with the median absolute deviation.

    Examples
    --------
    >>> from altiflow.readers.field import build_field
    >>> vx = np.full((1, 7, 7), 100.0)
    >>> vx[0, 3, 3] = 900.0
    >>> bounds = np.array([["2020-01-01", "2020-01-17"]], "M8[ns]")
    >>> field = build_field(vx, 0 * vx, x=np.arange(7) * 120.0, y=np.arange(7) * 120.0, time_bnds=bounds, crs=3413,
    ...     units="m/yr", year_days=365.0, velocity_metric="map", metric_source="user", source="example")
    >>> int(reject_isolated(field).n_isolated.sum())
    1
    """
    checked = check_field(field)
    if isinstance(window, bool) or int(window) != window or window < 3 or window % 2 == 0:
        raise InputError(f"window must be an odd number of cells from 3 on, got {window!r}")
    if not 0 <= min_share <= 1:
        raise InputError(f"min_share must be a share from 0 to 1, got {min_share!r}")
    if not threshold > 0 or not least >= 0:
        raise InputError(f"threshold must be above 0 and least not below 0, got {threshold!r} and {least!r}")
    kept = np.zeros(checked["vx"].shape)
    for layer in range(checked.sizes["time"]):
        both = [np.asarray(checked[name].isel(time=layer).values, float) for name in ("vx", "vy")]
        if np.isfinite(both[0]).any():
            kept[layer] = _judge(both, int(window), min_share, threshold, least)
    step = f"reject_isolated(window={window}, min_share={min_share}, threshold={threshold}, least={least})"
    return keep_values(checked, kept, "n_isolated", "values that their neighbours do not bear out", step)


def _judge(both: list[Floats], window: int, min_share: float, threshold: float, least: float) -> Bools:
    """Return which values (rows, cols) of a layer are kept."""
    valid = np.isfinite(both[0]) & np.isfinite(both[1])
    around = _neighbours(valid.astype(float), window)
    inside, held = np.isfinite(around).sum(axis=0), np.nansum(around, axis=0)
    kept = valid & (held >= np.maximum(min_share * inside, 1))
    for component in both:
        near = _neighbours(np.where(valid, component, np.nan), window)
        count = np.isfinite(near).sum(axis=0)
        middle = _median(near, count)
        spread = _median(np.abs(near - middle), count)
        with np.errstate(invalid="ignore"):
            kept &= ~(np.abs(component - middle) > np.maximum(threshold * MAD_SCALE * spread, least))
    return np.asarray(kept)


def _neighbours(values: Floats, window: int) -> Floats:
    """Return the values around each cell (window² - 1, rows, cols), NaN beyond the field."""
    reach = window // 2
    wide = np.pad(values, reach, constant_values=np.nan)
    rows, cols = values.shape
    places = [(i, j) for i in range(window) for j in range(window) if (i, j) != (reach, reach)]
    return np.stack([wide[i : i + rows, j : j + cols] for i, j in places])


def _median(values: Floats, count: npt.NDArray[np.intp]) -> Floats:
    """Return medians over the first axis of the `count` values that are there; NaN where there are none."""
    ordered = np.sort(values, axis=0)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    both = [np.take_along_axis(ordered, np.minimum(place, len(values) - 1)[None], axis=0)[0] for place in (low, high)]
    return np.where(count > 0, (both[0] + both[1]) / 2, np.nan)
