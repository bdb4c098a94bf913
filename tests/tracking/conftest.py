"""A surface of plane waves: it can be drawn anywhere between pixels without interpolation, so the truth is exact."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

Drawn = Callable[..., Any]


@pytest.fixture(scope="session")
def draw() -> Drawn:
    """Return what draws the surface (rows, cols) as it was before it moved by ``shift + stretch @ (x, y)``."""
    waves = 220

    @cache
    def made_once(size: int, shift: tuple[float, float], stretch: Any, seed: int) -> Any:
        rng = np.random.default_rng(seed)
        frequency = rng.uniform(0.03, 0.3, waves)
        angle, phase = rng.uniform(0, 2 * np.pi, (2, waves))
        moved = np.eye(2) if stretch is None else np.eye(2) + np.asarray(stretch)
        y, x = np.mgrid[:size, :size].astype(float)
        back = np.linalg.inv(moved)
        x, y = x - shift[0], y - shift[1]
        x, y = back[0, 0] * x + back[0, 1] * y, back[1, 0] * x + back[1, 1] * y
        made = np.zeros((size, size))
        for f, a, p in zip(frequency, angle, phase, strict=True):
            made += np.exp(-8 * f) * np.cos(2 * np.pi * f * (np.cos(a) * x + np.sin(a) * y) + p)
        return made

    def drawn(size: int, shift: tuple[float, float] = (0.0, 0.0), stretch: Any = None, seed: int = 0) -> Any:
        told = None if stretch is None else tuple(map(tuple, np.asarray(stretch).tolist()))
        return made_once(size, tuple(map(float, shift)), told, seed).copy()

    return drawn
