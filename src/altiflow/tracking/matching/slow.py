"""A plain version of tracking, to be replaced."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter


def track_slowly(
    first: Any, second: Any, valid_first: Any, valid_second: Any, parameters: Any, row: Any, column: Any
) -> Any:
    """Return integer matches with a parabola at the peak."""
    from altiflow.tracking.offsets import Offsets

    cv2: Any = import_module("cv2")
    pair = []
    for image, valid in ((first, valid_first), (second, valid_second)):
        image = np.asarray(image, np.float32)
        ok = np.isfinite(image) & (True if valid is None else valid)
        flat = np.where(ok, image, 0).astype(np.float32)
        weight = gaussian_filter(ok.astype(np.float32), 3)
        pair.append(
            (np.where(ok, flat - gaussian_filter(flat, 3) / np.maximum(weight, 1e-6), 0).astype(np.float32), ok)
        )
    (one, ok1), (two, ok2) = pair
    shape = row.size, column.size
    dx, dy, corr, lead = (np.full(shape, np.nan, np.float32) for _ in range(4))
    chip, status = np.zeros(shape, np.uint16), np.zeros(shape, np.uint8)
    half, reach = parameters.chip // 2, parameters.reach
    for i, j in np.ndindex(shape):
        r, c = int(row[i] + 0.5), int(column[j] + 0.5)
        if min(r, c) < half + reach or r + half + reach > one.shape[0] or c + half + reach > one.shape[1]:
            status[i, j] = 4
            continue
        wide = half + reach
        if not ok1[r - half : r + half, c - half : c + half].all():
            status[i, j] = 1
            continue
        window, target = two[r - wide : r + wide, c - wide : c + wide], one[r - half : r + half, c - half : c + half]
        if target.std() < 1e-6 or ok2[r - wide : r + wide, c - wide : c + wide].mean() < 0.9:
            status[i, j] = 2 if target.std() < 1e-6 else 1
            continue
        found = cv2.matchTemplate(window, target, cv2.TM_CCOEFF_NORMED)
        y, x = np.unravel_index(found.argmax(), found.shape)
        if not (1 <= y < found.shape[0] - 1 and 1 <= x < found.shape[1] - 1):
            status[i, j] = 4
            continue
        a, b, d = found[y, x - 1 : x + 2].astype(float)
        e, f, g = found[y - 1 : y + 2, x].astype(float)
        dx[i, j] = x - reach + 0.5 * (a - d) / (a - 2 * b + d)
        dy[i, j] = y - reach + 0.5 * (e - g) / (e - 2 * f + g)
        corr[i, j] = b
        rest = found.copy()
        rest[max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4] = 0
        lead[i, j], chip[i, j] = b - max(rest.max(), 0), parameters.chip
    error = np.where(np.isfinite(dx), 0.1, np.nan).astype(np.float32)
    radius = np.full(shape, reach, np.uint16)
    return Offsets(row, column, dx, dy, error, error, corr, lead, chip, radius, status, np.zeros(shape, bool))
