"""How far displacements are from the truth."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.tracking.scenes import GROUND, Scene

__all__ = ["score", "truth_at"]

_BINS = 10


def truth_at(scene: Scene, middles: tuple[Any, Any]) -> tuple[Any, Any]:
    """Return the true displacements at the corners of pixels: means of the four about them."""
    rows, cols = middles
    return tuple(  # type: ignore[return-value]
        sum(each[np.ix_(rows - a, cols - b)].astype(float) for a in (0, 1) for b in (0, 1)) / 4
        for each in (scene.dx, scene.dy)
    )


def score(scene: Scene, middles: tuple[Any, Any], found: Any, *, rim: int) -> dict[str, Any]:
    """Return medians, shares and biases of displacements, of cells at least `rim` px from the images' rim.

    `found` has dx and dy, and dx_error and dy_error if it tells errors.
    """
    true = truth_at(scene, middles)
    size = scene.dx.shape[0]
    inner = np.ix_(*((each >= rim) & (each < size - rim) for each in middles))
    clouded, opaque = (each[np.ix_(*middles)][inner] for each in (scene.clouded, scene.opaque))
    wrong = [np.asarray(each, float)[inner] - one[inner] for each, one in zip((found.dx, found.dy), true, strict=True)]
    distance = np.hypot(*wrong)
    kept, near = np.isfinite(distance), np.hypot(*wrong) < 1
    away = distance[kept]
    still = near & (np.hypot(*(one[inner] - ground for one, ground in zip(true, GROUND, strict=True))) < 1e-3)
    made: dict[str, Any] = {
        "kept": float(kept.mean()),
        "kept_clear": float(kept[~clouded].mean()),
        "clouded": float(clouded.mean()),
        "opaque": float(opaque.mean()),
        "median": float(np.median(away)),
        "nmad": float(1.4826 * np.median(np.abs(away - np.median(away)))),
        "within_0.1": float((away < 0.1).mean()),
        "within_0.5": float((away < 0.5).mean()),
        "beyond_1": float((away > 1).mean()),
        "rms_axis": float(np.sqrt((distance[near] ** 2).mean() / 2)),
        "locking": max(_locking(each[near], one[inner][near]) for each, one in zip(wrong, true, strict=True)),
        "still_bias": [float(np.median(each[still])) for each in wrong] if still.sum() > 50 else None,
    }
    if hasattr(found, "dx_error"):
        told = [np.asarray(each, float)[inner] for each in (found.dx_error, found.dy_error)]
        ratio = np.concatenate([np.abs(each / one)[kept] for each, one in zip(wrong, told, strict=True)])
        made["within_1_sigma"], made["within_2_sigma"] = float((ratio < 1).mean()), float((ratio < 2).mean())
    return made


def _locking(wrong: Any, true: Any) -> float:
    """Return half the height of the mean error as a function of the fraction of a pixel [px]."""
    part = np.floor((true % 1) * _BINS).astype(int)
    means = [wrong[part == k].mean() for k in range(_BINS) if (part == k).sum() > 50]
    return float(max(means) - min(means)) / 2 if len(means) > 1 else float("nan")
