"""Metrics of a tracked velocity that need no truth: on static ground, and of the strain of moving ice."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import scipy
import xarray as xr

from altiflow.errors import InputError
from altiflow.tracking.quality.density import Spread, measure_spread

__all__ = ["strain_quality", "terrain_quality"]

Floats = npt.NDArray[np.float64]

_SMOOTHING = 1500.0
_LARGEST_WINDOW = 35


def terrain_quality(granule: xr.Dataset, static: npt.ArrayLike, *, z: float = 2.0) -> Spread:
    """Return the spread of the velocity on ground that does not move, in the units of the granule.

    Parameters
    ----------
    granule
        Anything with ``vx, vy`` on (y, x), or one layer of a field.
    static
        Where nothing moves (y, x).
    z
        As for :func:`measure_spread`.

    Raises
    ------
    InputError
        If the mask is not on the grid.
    EmptyDataError
        If fewer than 10 cells are there.

    Notes
    -----
    A tracker that is drawn to whole pixels looks better than it is here if the images lie on each other to the pixel:
    its answers snap to nought. Closure, and a shift of half a pixel, tell.
    """
    vx, vy = _components(granule)
    ground = np.asarray(static, bool)
    if ground.shape != vx.shape:
        raise InputError(f"static has shape {ground.shape}, the velocity {vx.shape}; lay the mask on its cells")
    return measure_spread(vx[ground], vy[ground], z=z)


def strain_quality(granule: xr.Dataset, ice: npt.ArrayLike | None = None, *, z: float = 2.0) -> Spread:
    """Return the spread of strain rates of moving ice, along the flow and of shear, in units of the granule per metre.

    Parameters
    ----------
    granule
        Anything with ``vx, vy`` on (y, x), x and y [m], or one layer of a field.
    ice
        Where ice moves (y, x); everywhere where not given.
    z
        As for :func:`measure_spread`.

    Raises
    ------
    InputError
        If the mask is not on the grid.
    EmptyDataError
        If fewer than 10 cells have a strain rate.

    Notes
    -----
    Gradients are those of a Sobel operator **with its weights normalised to one**, divided by the cell along their own
    axis, so that strain is physical; GLAFT's are not normalised, so its figures are 8 times as large. The direction of
    the flow is that of the velocity after a median filter of 1500 m, 35 cells at most.
    """
    vx, vy = _components(granule)
    x, y = granule["x"].values, granule["y"].values
    step = float(x[1] - x[0]), float(y[1] - y[0])
    within = np.ones(vx.shape, bool) if ice is None else np.asarray(ice, bool)
    if within.shape != vx.shape:
        raise InputError(f"ice has shape {within.shape}, the velocity {vx.shape}; lay the mask on its cells")
    side = int(np.clip(round(_SMOOTHING / abs(step[0])) | 1, 3, _LARGEST_WINDOW))
    angle = np.arctan2(_median(vy, side), _median(vx, side))
    xx, xy = _gradient(vx, 1) / step[0], _gradient(vx, 0) / step[1]
    yx, yy = _gradient(vy, 1) / step[0], _gradient(vy, 0) / step[1]
    cosine, sine, shear = np.cos(angle), np.sin(angle), (xy + yx) / 2
    along = xx * cosine**2 + 2 * shear * sine * cosine + yy * sine**2
    across = (yy - xx) * sine * cosine + shear * (cosine**2 - sine**2)
    return measure_spread(along[within], across[within], z=z)


def _components(granule: xr.Dataset) -> tuple[Floats, Floats]:
    """Return vx and vy (y, x)."""
    if "vx" not in granule or "vy" not in granule:
        raise InputError("the Dataset has no vx and vy; give a granule, or one layer of a velocity field")
    layer = granule.isel(time=0) if granule["vx"].dims == ("time", "y", "x") and granule.sizes["time"] == 1 else granule
    if layer["vx"].dims != ("y", "x"):
        raise InputError(f"vx lies on {layer['vx'].dims}; take one layer, on ('y', 'x')")
    return np.asarray(layer["vx"].values, float), np.asarray(layer["vy"].values, float)


def _median(values: Floats, side: int) -> Floats:
    """Return the median of squares of cells, NaN left out."""
    # One cell in three of a window tells its median as well, and much sooner.
    footprint = np.zeros((side, side), bool)
    footprint[:: 3 if side > 9 else 1, :: 3 if side > 9 else 1] = True
    with np.errstate(all="ignore"):
        return np.asarray(scipy.ndimage.generic_filter(values, _nanmedian, footprint=footprint, mode="nearest"))


def _nanmedian(values: Floats) -> float:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if known.size else np.nan


def _gradient(values: Floats, axis: int) -> Floats:
    """Return the Sobel gradient per cell (rows, cols), NaN at the rim: 1 2 1 across, -1 0 1 along, over 8."""
    moved = np.moveaxis(values, axis, 0)
    along = moved[2:] - moved[:-2]
    smooth = (along[:, :-2] + 2 * along[:, 1:-1] + along[:, 2:]) / 8
    result = np.full(moved.shape, np.nan)
    result[1:-1, 1:-1] = smooth
    return np.moveaxis(result, 0, axis)
