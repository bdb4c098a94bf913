"""Simulated images: what is in them moved as it is said to have."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import rasterio
from rasterio.features import rasterize
from scipy.ndimage import map_coordinates

from altiflow.errors import InputError
from altiflow.readers.sample import ImageSample, make_images
from altiflow.readers.scenes import read_scene_pair


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> ImageSample:
    return make_images(tmp_path_factory.mktemp("images"))


def alike(sample: ImageSample, where: np.ndarray, right: np.ndarray, down: np.ndarray) -> float:
    """Return the correlation of the first image with the second one moved back."""
    with rasterio.open(sample.paths[0]) as one, rasterio.open(sample.paths[1]) as two:
        first, second = one.read(1).astype(float), two.read(1).astype(float)
    row, column = np.nonzero(where)
    back = map_coordinates(second, [row + down[where], column + right[where]], order=3)
    return float(np.corrcoef(first[where], back)[0, 1])


def displacement(sample: ImageSample) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return (right, down) by the truth's velocity and end points on the map, and where rock is."""
    pair = read_scene_pair(*sample)
    row, column = np.mgrid[: pair.shape[0], : pair.shape[1]]
    x, y = pair.xy(row, column)
    there = pyproj.Transformer.from_crs(pair.crs, sample.truth.crs, always_xy=True)
    home = there.transform(x, y)
    years = pair.separation_days / 365.25
    vx, vy = sample.truth.velocity(*home, *pair.time_bnds)
    new_x, new_y = there.transform(home[0] + vx * years, home[1] + vy * years, direction="INVERSE")
    rock = rasterize(gpd.read_file(sample.rock).geometry, out_shape=pair.shape, transform=pair.transform) == 1
    right, down = np.where(rock, 0, (new_x - x) / 15), np.where(rock, 0, (y - new_y) / 15)
    return right + sample.offset[0], down + sample.offset[1], rock


def test_ice_moves_as_the_truth_and_rock_not(sample: ImageSample) -> None:
    right, down, rock = displacement(sample)
    inner = np.zeros(rock.shape, bool)
    inner[70:-20, 70:-20] = True
    fast = inner & (np.hypot(right, down) > 5)
    assert min(fast.sum(), (rock & inner).sum()) > 20_000
    assert alike(sample, fast, right, down) > 0.985
    assert alike(sample, rock & inner, right, down) > 0.985
    assert alike(sample, fast, 0 * right, 0 * down) < 0.5
    assert alike(sample, rock & inner, -right, -down) < alike(sample, rock & inner, right, down) - 0.02


def test_the_same_seed_gives_the_same_images_and_a_corner_has_no_data(sample: ImageSample, tmp_path: Path) -> None:
    again = make_images(tmp_path, images=3)
    assert len(again.paths) == 3
    for one, two in zip(sample, again, strict=False):
        with rasterio.open(one) as first, rasterio.open(two) as second:
            np.testing.assert_array_equal(first.read(1), second.read(1))
    pair = read_scene_pair(*sample)
    assert pair.valid_first.all()
    assert (~pair.valid_second).sum() == 60 * 60
    assert pair.separation_days == 16.0


def test_numbers_of_images_that_mean_nothing(tmp_path: Path) -> None:
    for count in (1, 5, 2.0):
        with pytest.raises(InputError, match="images must be"):
            make_images(tmp_path, images=count)  # type: ignore[arg-type]
