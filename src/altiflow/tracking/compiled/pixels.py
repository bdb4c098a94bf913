"""What is done pixel by pixel before tracking."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["high_pass", "textured_pixels"]


def high_pass(
    values: npt.NDArray[np.float32],
    low: npt.NDArray[np.float32],
    weight: npt.NDArray[np.float32],
    valid: npt.NDArray[np.bool_],
) -> npt.NDArray[np.float32]:
    """Return values (rows, cols) less their surroundings, which are sums `low` of weights; 0 where not valid.

    Weights are (1, 1) where all are 1.
    """
    from altiflow.tracking.compiled.loops import pixels as loops

    made = np.empty_like(values)
    loops.high_pass(values, low, weight, np.ascontiguousarray(valid).view(np.uint8), made)
    return made


def textured_pixels(image: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Return 1 where a pixel differs from its right or lower neighbour (rows, cols)."""
    made = np.zeros(image.shape, bool)
    np.not_equal(image[:, :-1], image[:, 1:], out=made[:, :-1])
    made[:-1] |= image[:-1] != image[1:]
    return made.view(np.uint8)
