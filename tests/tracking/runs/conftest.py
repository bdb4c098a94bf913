"""Image pairs with known motion for the tests of whole runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
from affine import Affine
from scipy.ndimage import gaussian_filter, map_coordinates

TRANSFORM = Affine(15, 0, 465_067.5, 0, -15, 6_681_577.5)
SHAPE = (300, 340)
PASSES = ("200", "216", "232")
OFFSET, FLOW = (0.37, -0.42), (3.6, 1.3)
"""Displacement (right, down) [px] of everything, and of the lower half on top of it."""


def moving_images(shape: tuple[int, int] = SHAPE, *, seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Return two images; the first is the texture as it is, the second samples where things came from."""
    rng = np.random.default_rng(seed)
    pad = 16
    wide = rng.normal(size=(shape[0] + 2 * pad, shape[1] + 2 * pad))
    texture = 20_000 + 9000 * (gaussian_filter(wide, 1.2) + 2 * gaussian_filter(wide, 4))
    row, column = np.mgrid[: shape[0], : shape[1]] + float(pad)
    moves = row >= pad + shape[0] // 2
    from_row = row - OFFSET[1] - FLOW[1] * moves
    from_column = column - OFFSET[0] - FLOW[0] * moves
    second = map_coordinates(texture, [from_row, from_column], order=5)
    inner = (slice(pad, -pad), slice(pad, -pad))
    return texture[inner].astype(np.float32), second.astype(np.float32)


@pytest.fixture(scope="session")
def images() -> tuple[np.ndarray, np.ndarray]:
    return moving_images()


@pytest.fixture
def write_image(tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of an image as a GeoTIFF of whole numbers."""

    def write(name: str, values: np.ndarray, transform: Affine = TRANSFORM, **more: Any) -> Path:
        whole = np.clip(np.round(np.nan_to_num(values)), 1, 65535).astype(np.uint16)
        whole[~np.isfinite(values)] = 0
        profile = {"driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1}
        profile |= {"dtype": "uint16", "crs": "EPSG:32607", "transform": transform, **more}
        with rasterio.open(tmp_path / name, "w", **profile) as out:
            out.write(whole, 1)
        return tmp_path / name

    return write


@pytest.fixture
def landsat(images: Any, write_image: Callable[..., Path]) -> tuple[Path, Path]:
    """Return two images 16 days apart under Landsat's names."""
    names = (f"LC80630182016{day}LGN00_B8.TIF" for day in (200, 216))
    first, second = (write_image(name, image) for name, image in zip(names, images, strict=True))
    return first, second


@pytest.fixture
def scenes(images: Any, write_image: Callable[..., Path], tmp_path: Path) -> list[Path]:
    """Return three images of Landsat's, the third like the first, and one without anything."""
    shown = (images[0], images[1], images[0])
    paths = [
        write_image(f"LC80630182016{day}LGN00_B8.TIF", image[:160, :160])
        for day, image in zip(PASSES, shown, strict=True)
    ]
    return [*paths, write_image("LC80630182016248LGN00_B8.TIF", np.full((160, 160), np.nan))]


@pytest.fixture
def listed(scenes: list[Path], tmp_path: Path) -> Path:
    """Return a list of three pairs by relative paths, of which the last is of no use."""
    rows = [(scenes[0].name, scenes[1].name), (scenes[1].name, scenes[2].name), (scenes[0].name, scenes[3].name)]
    pd.DataFrame(rows, columns=["first", "second"]).to_csv(tmp_path / "list.csv", index=False)
    return tmp_path / "list.csv"
