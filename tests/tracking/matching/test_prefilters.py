"""High-pass filters: what they take away, and that nodata leaves no ring."""

from __future__ import annotations

from typing import Any, get_args

import cv2
import numpy as np
import pytest
from scipy import ndimage

from altiflow.errors import InputError
from altiflow.tracking import track_offsets
from altiflow.tracking.matching.extras import one_thread_each
from altiflow.tracking.matching.frames import Pair, cut_tiles
from altiflow.tracking.matching.prefilters import prefilter_image
from altiflow.tracking.parameters import Prefilter, TrackParameters

KINDS = get_args(Prefilter)


def test_the_gaussian_is_scipys() -> None:
    image = np.random.default_rng(0).normal(size=(80, 90))
    plain = image - ndimage.gaussian_filter(image, 3)
    np.testing.assert_allclose(prefilter_image(image), plain, atol=1e-5)


def test_the_box_is_scipys() -> None:
    image = np.random.default_rng(0).normal(size=(80, 90))
    plain = image - ndimage.uniform_filter(image, 5)
    np.testing.assert_allclose(prefilter_image(image, kind="box", width=2.5), plain, atol=1e-5)


def test_nodata_counts_for_nothing() -> None:
    rng = np.random.default_rng(1)
    image = rng.normal(size=(80, 90)) + 500
    seen = np.ones(image.shape, bool)
    seen[20:40, 30:60] = False
    weight = ndimage.gaussian_filter(seen.astype(float), 3)
    plain = np.where(seen, image - ndimage.gaussian_filter(np.where(seen, image, 0), 3) / weight, 0)
    np.testing.assert_allclose(prefilter_image(image, seen), plain, atol=2e-4)
    image[~seen] = 1e6
    np.testing.assert_allclose(prefilter_image(image, seen), plain, atol=2e-4)
    image[~seen] = np.nan
    np.testing.assert_allclose(prefilter_image(image), plain, atol=2e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_even_ground_has_nothing_even_next_to_nodata(kind: Any) -> None:
    image = np.full((60, 60), 40_000.0)
    image[:, 30:] = np.nan
    found = prefilter_image(image, kind=kind)
    assert found.dtype == np.float32
    assert (found[:, :30] == 0).all()
    assert (found[:, 30:] == 0).all() or kind == "wallis-fill"


@pytest.mark.parametrize("kind", [each for each in KINDS if each not in ("none", "sobel", "low-pass")])
def test_a_slope_has_nothing_inside(kind: Any) -> None:
    ramp = np.add.outer(3.0 * np.arange(80), 2.0 * np.arange(80))
    inner = prefilter_image(ramp, kind=kind)[25:-25, 25:-25]
    if kind.startswith("wallis"):
        assert np.abs(inner).max() < 1e-4
    else:
        assert np.abs(inner).max() < 2e-3


def test_wallis_has_the_same_spread_everywhere() -> None:
    rng = np.random.default_rng(2)
    image = rng.normal(size=(200, 200)) * np.linspace(1, 50, 200)
    found = prefilter_image(image, kind="wallis", width=8)
    assert found[:, 10:60].std() == pytest.approx(found[:, 140:190].std(), rel=0.03)


def test_noise_fills_nodata_the_same_each_time_and_touches_nothing_else() -> None:
    image = np.random.default_rng(2).normal(size=(100, 100))
    image[40:44], image[70:74] = np.nan, np.nan
    one, other = (prefilter_image(image, kind="wallis-fill") for _ in range(2))
    np.testing.assert_array_equal(one, other)
    plain, seen = prefilter_image(image, kind="wallis"), np.isfinite(image)
    np.testing.assert_array_equal(one[seen], plain[seen])
    assert (plain[~seen] == 0).all()
    assert one[~seen].std() == pytest.approx(1, abs=0.1)
    other_image = prefilter_image(image + 0.1 * np.roll(image, 1), kind="wallis-fill")
    assert abs(np.corrcoef(one[~seen], other_image[~seen])[0, 1]) < 0.15


def test_the_low_pass_is_scipys_and_knows_of_nodata() -> None:
    image = np.random.default_rng(0).normal(size=(80, 90)) + 100
    plain = ndimage.gaussian_filter(image - image.mean(), 3)
    np.testing.assert_allclose(prefilter_image(image, kind="low-pass"), plain, atol=1e-5)
    image[:, 40:] = np.nan
    found = prefilter_image(np.where(np.isfinite(image), 100.0, np.nan), kind="low-pass")
    assert (found == 0).all()


def test_canny_finds_the_edge_of_a_square() -> None:
    image = np.zeros((80, 80))
    image[20:60, 30:70] = 50.0
    image += 0.01 * np.random.default_rng(1).normal(size=image.shape)
    found = prefilter_image(image, kind="canny", width=8)
    assert set(np.unique(found)) == {0.0, 1.0}
    edge = np.zeros(image.shape, bool)
    edge[18:62, 28:72] = True
    edge[23:57, 33:67] = False
    rows = np.flatnonzero(found[40])
    assert {int(min(abs(rows - 30))), int(min(abs(rows - 70)))} <= {0, 1}
    assert found[edge].sum() > 120


@pytest.mark.parametrize("angle", [0.0, 35.0, 90.0])
def test_stripes_of_any_direction_go_and_the_texture_stays(angle: float) -> None:
    rng = np.random.default_rng(4)
    texture = ndimage.gaussian_filter(rng.normal(size=(256, 256)), 1.0)
    row, col = np.mgrid[:256, :256]
    turned = col * np.cos(np.radians(angle)) + row * np.sin(np.radians(angle))
    stripes = 0.5 * np.sign(np.sin(2 * np.pi * turned / 12))
    plain, striped, mended = (
        prefilter_image(each, kind=kind)
        for each, kind in ((texture, "gaussian"), (texture + stripes, "gaussian"), (texture + stripes, "stripes"))
    )
    inner = (slice(30, -30), slice(30, -30))
    assert np.std((mended - plain)[inner]) < 0.35 * np.std((striped - plain)[inner])
    np.testing.assert_array_equal(prefilter_image(texture, kind="stripes"), plain)


def test_orientation_knows_no_contrast() -> None:
    image = np.random.default_rng(3).normal(size=(60, 60))
    one, other = (prefilter_image(scale * image, kind="orientation") for scale in (1.0, 30.0))
    np.testing.assert_allclose(one, other, atol=2e-5)
    assert np.abs(one).max() <= 2


@pytest.mark.parametrize("kind", KINDS)
def test_filters_follow_a_shift(kind: Any) -> None:
    image = np.random.default_rng(3).normal(size=(100, 100))
    one, other = (prefilter_image(each, kind=kind) for each in (image, np.roll(image, (5, 3), axis=(0, 1))))
    offset = one[40:50, 40:50] - other[45:55, 43:53]
    np.testing.assert_allclose(offset, offset.mean(), atol=1e-4)


@pytest.mark.parametrize(
    ("image", "kind"), [(np.zeros(5), "gaussian"), (np.zeros((5, 5)), "roberts"), (np.zeros((5, 5), complex), "box")]
)
def test_what_means_nothing_is_refused(image: Any, kind: Any) -> None:
    with pytest.raises(InputError):
        prefilter_image(image, kind=kind)


def test_tiles_cover_the_lattice_once() -> None:
    middles = tuple((np.arange(size // 10) * 10 + 5).astype(np.int32) for size in (3000, 1700))
    tiles = cut_tiles((middles[0], middles[1]), (3000, 1700), 60)
    count = np.zeros((300, 170), int)
    for tile in tiles:
        count[tile.cells] += 1
        for at, (a, b), (low, high), size in zip(
            middles,
            (tile.rows, tile.cols),
            ((tile.top, tile.bottom), (tile.left, tile.right)),
            (3000, 1700),
            strict=True,
        ):
            assert low <= max(at[a] - 60, 0)
            assert high >= min(at[b - 1] + 60, size)
    assert (count == 1).all()


@pytest.mark.parametrize("width", [3.0, 9.0])
@pytest.mark.parametrize("kind", KINDS)
def test_answers_do_not_depend_on_how_the_image_is_cut_into_tiles(
    monkeypatch: pytest.MonkeyPatch, kind: Any, width: float
) -> None:
    rng = np.random.default_rng(5)
    first = 500 + 30 * ndimage.gaussian_filter(rng.normal(size=(300, 310)), 1.0)
    # Brighter to the right, stripes in one half alone, and a gap: a part of it is not like the whole.
    first += np.linspace(0, 60, 310)
    first[:150] += 3 * np.sign(np.sin(np.arange(150) * np.pi / 4))[:, None]
    second = ndimage.shift(first, (1.3, -2.4), order=3, mode="nearest")
    first[100:104, ::3] = second[180:183, 50:250] = np.nan
    parameters = TrackParameters(
        radius=6, prefilter=kind, prefilter_width=width, min_valid_first=0.5, min_valid_second=0.5, threads=1
    )
    found = []
    for side in (4000, 100):
        monkeypatch.setattr("altiflow.tracking.matching.frames._SIDE", side)
        found.append(track_offsets(first, second, parameters=parameters))
    one, other = found
    assert np.isfinite(one.dx).sum() > 100 or (kind, width) == ("low-pass", 9.0)
    np.testing.assert_array_equal(one.status, other.status)
    # Splines and running sums round otherwise in other windows.
    np.testing.assert_allclose(one.dx, other.dx, atol=2e-4)
    np.testing.assert_allclose(one.dy, other.dy, atol=2e-4)


def test_frames_are_kept_if_all_of_them_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    image = np.random.default_rng(0).normal(size=(200, 200)).astype(np.float32)
    middles = np.arange(5, 200, 10, np.int32)
    (tile,) = tiles = cut_tiles((middles, middles), (200, 200), 30)
    pair = Pair(image, image, None, None, TrackParameters(), tiles)
    assert pair.frame(tile) is pair.frame(tile)
    assert pair.prepared(tile)[1] is pair.prepared(tile)[1]
    monkeypatch.setattr("altiflow.tracking.matching.frames._KEPT", 1000)
    pair = Pair(image, image, None, None, TrackParameters(), tiles)
    one, two = pair.frame(tile), pair.frame(tile)
    assert one is not two
    np.testing.assert_array_equal(one.two, two.two)


def test_opencv_gets_its_threads_back_from_the_last_to_leave() -> None:
    before = cv2.getNumThreads()
    one, two = one_thread_each(), one_thread_each()
    one.__enter__()
    two.__enter__()
    assert cv2.getNumThreads() == 1
    one.__exit__(None, None, None)
    assert cv2.getNumThreads() == 1
    two.__exit__(None, None, None)
    assert cv2.getNumThreads() == before
