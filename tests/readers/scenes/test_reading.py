"""Reading of image pairs: the common lattice, masks, dates, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from rasterio.shutil import copy as copy_raster

from altiflow.errors import (
    EmptyDataError,
    FieldError,
    GranuleError,
    GridMismatchError,
    InputError,
    NoOverlapError,
    UnsupportedFormatError,
)
from altiflow.readers.scenes import ScenePair, read_scene_pair
from altiflow.readers.scenes.acquisition import find_acquisition

TRANSFORM = Affine(10, 0, 500_000, 0, -10, 6_700_000)
DATES = ("2020-06-01", "2020-06-11")


def texture(rows: int = 60, columns: int = 80, *, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(1, 4000, (rows, columns)).astype(np.uint16)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Return a writer of a GeoTIFF."""

    def make(
        name: str, values: np.ndarray, transform: Affine = TRANSFORM, crs: Any = "EPSG:32607", **more: Any
    ) -> Path:
        tags = more.pop("tags", {})
        profile = {"driver": "GTiff", "height": values.shape[0], "width": values.shape[1], "count": 1, **more}
        with rasterio.open(tmp_path / name, "w", dtype=values.dtype, transform=transform, crs=crs, **profile) as out:
            out.write(values, 1)
            out.update_tags(**tags)
        return tmp_path / name

    return make


def test_two_images_of_different_extent_share_their_common_pixels(write: Callable[..., Path]) -> None:
    ground = texture(100, 120)
    first = write("a.tif", ground[10:80, 5:90], TRANSFORM @ Affine.translation(5, 10))
    second = write("b.tif", ground[20:95, 0:70], TRANSFORM @ Affine.translation(0, 20))
    pair = read_scene_pair(first, second, dates=DATES)
    assert pair.shape == (60, 65)
    np.testing.assert_array_equal(pair.first, ground[20:80, 5:70].astype(np.float32))
    np.testing.assert_array_equal(pair.first, pair.second)
    assert pair.first.dtype == np.uint16
    assert pair.bounds == (500_050.0, 6_699_200.0, 500_700.0, 6_699_800.0)
    assert (pair.crs, pair.separation_days, pair.shift) == ("EPSG:32607", 10.0, (0.0, 0.0))
    x, y = pair.xy(0, 0)
    assert (float(x), float(y)) == (500_055.0, 6_699_795.0)


def test_a_fraction_of_a_pixel_between_the_lattices_is_kept_and_nothing_resampled(write: Callable[..., Path]) -> None:
    ground = texture()
    first = write("a.tif", ground)
    second = write("b.tif", ground, TRANSFORM @ Affine.translation(3.25, -2.4))
    pair = read_scene_pair(first, second, dates=DATES)
    assert pair.shift == pytest.approx((0.25, -0.4), abs=1e-6)
    np.testing.assert_array_equal(pair.second, ground[2:, : 80 - 3].astype(np.float32))
    np.testing.assert_array_equal(pair.first, ground[: 60 - 2, 3:].astype(np.float32))


def test_bounds_take_the_pixels_whose_centres_lie_in_them(write: Callable[..., Path]) -> None:
    first, second = write("a.tif", texture()), write("b.tif", texture(seed=1))
    pair = read_scene_pair(first, second, dates=DATES, bounds=(500_104, 6_699_700, 500_206, 6_699_896))
    assert pair.bounds == (500_100.0, 6_699_700.0, 500_210.0, 6_699_900.0)
    np.testing.assert_array_equal(pair.first, texture()[10:30, 10:21].astype(np.float32))


def test_a_region_on_the_globe_becomes_its_box_on_the_map(write: Callable[..., Path]) -> None:
    first, second = write("a.tif", texture(400, 400)), write("b.tif", texture(400, 400, seed=1))
    # 500 km east in a UTM zone is its central meridian, 141 W here.
    pair = read_scene_pair(first, second, dates=DATES, region="within 0.5 km of -140.97,60.42")
    left, low, right, top = pair.bounds
    assert right - left == pytest.approx(1000, abs=25)
    assert top - low == pytest.approx(1000, abs=25)


def test_nodata_and_nan_of_both_images_are_masked(write: Callable[..., Path]) -> None:
    one, two = texture(), texture(seed=1).astype(np.float32)
    one[:, :7] = 0
    two[5, 5], two[6, :] = np.nan, -9999
    pair = read_scene_pair(write("a.tif", one), write("b.tif", two, nodata=-9999), dates=DATES)
    assert (~pair.valid_first).sum() == 60 * 7
    assert (~pair.valid_second).sum() == 80 + 1
    assert pair.notes == ("a.tif: declares no nodata; 0 taken for it", "b.tif: nodata -9999 as declared")


def test_zero_counts_where_it_is_told_to(write: Callable[..., Path]) -> None:
    one = texture()
    one[:, :7] = 0
    paths = write("a.tif", one), write("b.tif", texture(seed=1))
    assert read_scene_pair(*paths, dates=DATES, nodata="none").valid_first.all()
    seven = read_scene_pair(*paths, dates=DATES, nodata=float(texture()[9, 9]))
    assert not seven.valid_first[9, 9]
    assert seven.valid_first[:, :7].all()
    # No pixel of these files can be any of these.
    for value in (-9999.0, 0.5, 1e9):
        assert read_scene_pair(*paths, dates=DATES, nodata=value).valid_first.all()


def test_a_mask_band_counts(write: Callable[..., Path], tmp_path: Path) -> None:
    path = write("a.tif", texture())
    with rasterio.open(path, "r+") as opened:
        inside = np.full((60, 80), 255, np.uint8)
        inside[:10] = 0
        opened.write_mask(inside)
    pair = read_scene_pair(path, write("b.tif", texture(seed=1)), dates=DATES)
    assert (~pair.valid_first).sum() == 10 * 80


def test_dates_come_from_tags_then_metadata_then_names(write: Callable[..., Path], tmp_path: Path) -> None:
    first = write("LC80630182016200LGN00_B8.TIF", texture(), tags={"TIFFTAG_DATETIME": "2019:01:01 00:00:00"})
    second = write("LC80630182016216LGN00_B8.TIF", texture(seed=1))
    days = read_scene_pair(first, second)
    assert (days.separation_days, days.acquired[0].time_source, days.acquired[0].satellite) == (16.0, "name", "L8")
    (tmp_path / "LC80630182016200LGN00_MTL.txt").write_text(
        'DATE_ACQUIRED = 2016-07-18\n    SCENE_CENTER_TIME = "20:37:06.3391580Z"\n', encoding="utf-8"
    )
    timed = read_scene_pair(first, second)
    assert timed.acquired[0].time_source == "metadata"
    assert str(timed.time_bnds[0]) == "2016-07-18T20:37:06.339158000"
    tagged = write("tagged.tif", texture(), tags={"time_coverage_start": "2016-10-05T14:24:46.638593"})
    assert find_acquisition(tagged, {"time_coverage_start": "2016-10-05T14:24:46.638593"}).time_source == "tags"
    assert read_scene_pair(first, tagged).separation_days == pytest.approx(78.741, abs=1e-3)


@pytest.mark.parametrize(
    ("name", "time", "satellite"),
    [
        ("x/S2B_MSIL1C_20181008T190459_N0206_R127_T02CMU_20181008T232024.SAFE/T02CMU_20181008T190459_B08.jp2",
         "2018-10-08T19:04:59", "S2"),
        ("S1A_EW_GRDM_1SDH_20161005T142446.tif", "2016-10-05T14:24:46", "S1A"),
        ("LC08_L1TP_063018_20160718_20200906_02_T1_B8.TIF", "2016-07-18T00:00:00", "L8"),
        ("https://host.org/S2A_24WWU_20200704_0_L2A/B08.tif?sig=1", "2020-07-04T00:00:00", "S2A"),
    ],
)  # fmt: skip
def test_names_of_the_archives_tell_the_time(name: str, time: str, satellite: str) -> None:
    found = find_acquisition(name, {})
    assert (str(found.time)[:19], found.satellite) == (time, satellite)


def test_a_window_of_a_remote_image_costs_what_the_window_does(
    write: Callable[..., Path], serve: Callable[..., Any], tmp_path: Path
) -> None:
    server = serve()
    for name, seed in (("a", 0), ("b", 1)):
        plain = write(f"{name}.tif", texture(2048, 2048, seed=seed))
        copy_raster(plain, tmp_path / f"{name}_cog.tif", driver="COG", compress="NONE", blocksize=256, overviews="NONE")
        server.files[f"{name}.tif"] = (tmp_path / f"{name}_cog.tif").read_bytes()
    places = [f"{server.url}/{name}.tif?X-Amz-Signature=good" for name in "ab"]
    bounds = (505_000, 6_690_000, 506_000, 6_691_000)
    pair = read_scene_pair(places[0], places[1], dates=DATES, bounds=bounds)
    local = read_scene_pair(tmp_path / "a.tif", tmp_path / "b.tif", dates=DATES, bounds=bounds)
    np.testing.assert_array_equal(pair.first, local.first)
    np.testing.assert_array_equal(pair.second, local.second)
    assert pair.names == ("a.tif", "b.tif")
    assert server.sent < 0.2 * sum(len(server.files[f"{name}.tif"]) for name in "ab")
    assert sum(bool(asked) for _, asked, _ in server.asked) == 4
    with pytest.raises(GranuleError, match=r"missing.tif cannot be opened") as caught:
        read_scene_pair(f"{server.url}/missing.tif?X-Amz-Signature=wrong", places[1], dates=DATES)
    assert "wrong" not in str(caught.value)


def test_pairs_that_are_none_are_refused(write: Callable[..., Path], tmp_path: Path) -> None:
    good, other = write("a.tif", texture()), write("b.tif", texture(seed=1))
    rotated = write("rotated.tif", texture(), TRANSFORM @ Affine.rotation(10))
    (tmp_path / "text.tif").write_text("no raster")
    cases: list[tuple[Any, Any, dict[str, Any], type[Exception], str]] = [
        (good, write("zone.tif", texture(), crs="EPSG:32608"), {}, GridMismatchError, "warp one of them"),
        (good, write("coarse.tif", texture(), Affine(15, 0, 5e5, 0, -15, 6.7e6)), {}, GridMismatchError, "15 m"),
        (good, write("far.tif", texture(), Affine(10, 0, 9e5, 0, -10, 6.7e6)), {}, NoOverlapError, "share a pixel"),
        (good, rotated, {}, InputError, "rotated"),
        (good, write("up.tif", texture(), Affine(10, 0, 5e5, 0, 10, 6e6)), {}, InputError, "right and down"),
        (good, write("degrees.tif", texture(), crs="EPSG:4326"), {}, FieldError, "degrees"),
        (good, write("nowhere.tif", texture(), crs=None), {}, InputError, "no CRS"),
        (good, write("zero.tif", np.zeros((60, 80), np.uint16)), {}, EmptyDataError, "all of it is nodata"),
        (good, write("nan.tif", np.full((60, 80), np.nan, np.float32)), {}, EmptyDataError, "no valid pixel"),
        (good, write("complex.tif", texture().astype(np.complex64)), {}, UnsupportedFormatError, "real numbers"),
        (good, tmp_path / "text.tif", {}, UnsupportedFormatError, "no raster"),
        (good, tmp_path / "none.tif", {}, InputError, "there is no image"),
        (good, other, {"dates": None}, InputError, "does not tell when"),
        (good, other, {"dates": DATES[::-1]}, InputError, "must be the earlier"),
        (good, other, {"dates": (DATES[0], DATES[0])}, InputError, "must be the earlier"),
        (good, other, {"dates": ("2020-01-01", None)}, InputError, "does not tell when"),
        (good, other, {"dates": ("yesterday", "2020-01-01")}, InputError, "is a date such as"),
        (good, other, {"dates": "2020-01-01"}, InputError, "must be two"),
        (good, other, {"band": 2}, InputError, "no band 2"),
        (good, other, {"nodata": "zero"}, InputError, "nodata must be"),
        (good, other, {"bounds": (0, 0, 1, 1)}, NoOverlapError, "lies in the bounds"),
        (good, other, {"bounds": (1, 0, 0, 1)}, InputError, "minima first"),
        (good, other, {"bounds": (1, 2)}, InputError, "bounds must be"),
        (good, other, {"bounds": (0, 0, 1, 1), "region": (0, 0, 1, 1)}, InputError, "give one"),
    ]
    for first, second, options, error, message in cases:
        with pytest.raises(error, match=message):
            read_scene_pair(first, second, **{"dates": DATES, **options})


def test_arrays_make_a_pair_and_small_whole_numbers_stay_whole() -> None:
    pair = ScenePair.from_arrays(
        texture(), texture(seed=1).astype(np.int16), transform=TRANSFORM, crs=32607, dates=DATES,
        valid_first=np.arange(80) > 3,
    )  # fmt: skip
    assert (pair.first.dtype, pair.second.dtype) == (np.uint16, np.int16)
    wide = ScenePair.from_arrays(
        texture().astype(np.int32), texture().astype(float), transform=TRANSFORM, crs=32607, dates=DATES
    )
    assert (wide.first.dtype, wide.second.dtype) == (np.float32, np.float32)
    assert (~pair.valid_first).sum() == 4 * 60


def test_arrays_that_are_no_images_are_refused() -> None:
    with pytest.raises(InputError, match="real numbers"):
        ScenePair.from_arrays(texture().astype(complex), texture(), transform=TRANSFORM, crs=32607, dates=DATES)
    with pytest.raises(InputError, match="one size"):
        ScenePair.from_arrays(texture(), texture(10), transform=TRANSFORM, crs=32607, dates=DATES)
    with pytest.raises(InputError, match="no date for an image"):
        ScenePair.from_arrays(texture(), texture(), transform=TRANSFORM, crs=32607, dates=(None, DATES[1]))
    with pytest.raises(EmptyDataError, match="no valid pixel"):
        ScenePair.from_arrays(texture() * np.nan, texture(), transform=TRANSFORM, crs=32607, dates=DATES)
