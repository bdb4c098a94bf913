"""The full search by torch beside that by OpenCV, and what is said where torch or a card is not at hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from altiflow.errors import InputError
from altiflow.tracking import TrackParameters, track_offsets

FULL = TrackParameters(radius=14, search="full", threads=1)
WAYS = ["torch-cpu", "torch-cuda"]


def ready(backend: str) -> None:
    """Skip where a backend is not at hand."""
    torch = pytest.importorskip("torch", reason="torch is not installed (no extra brings it)")
    if backend == "torch-cuda" and not torch.cuda.is_available():
        pytest.skip("no CUDA card is at hand")


def noisy_pair(draw: Any, *, nodata: bool) -> tuple[Any, Any]:
    """Return images with noise, holes, even ground and a level far from 0."""
    rng = np.random.default_rng(6)
    first, second = (
        9000 + 800 * draw(230, shift) + 60 * rng.normal(size=(230, 230)) for shift in ((0, 0), (6.4, -3.7))
    )
    if nodata:
        first[30:60, 40:90] = np.nan
        second[120:170, 20:75] = np.nan
        first[180:, 150:] = second[180:, 150:] = 500.0
    return first, second


@pytest.mark.parametrize("backend", WAYS)
@pytest.mark.parametrize("nodata", [False, True])
@pytest.mark.parametrize("prefilter", ["gaussian", "none"])
def test_torch_finds_what_opencv_finds(draw: Any, backend: Any, nodata: bool, prefilter: Any) -> None:
    ready(backend)
    images = noisy_pair(draw, nodata=nodata)
    wanted = replace(FULL, prefilter=prefilter, median_threshold=None, coherence=None, del_corr_min=0.0)
    plain = track_offsets(*images, parameters=wanted)
    found = track_offsets(*images, parameters=replace(wanted, backend=backend))
    np.testing.assert_array_equal(found.status, plain.status)
    np.testing.assert_array_equal(np.rint(found.dx), np.rint(plain.dx))
    np.testing.assert_array_equal(np.rint(found.dy), np.rint(plain.dy))
    for name, allowed in (("dx", 2e-3), ("dy", 2e-3), ("corr", 2e-5), ("del_corr", 4e-5)):
        np.testing.assert_allclose(getattr(found, name), getattr(plain, name), atol=allowed, err_msg=name)
    np.testing.assert_allclose(found.snr, plain.snr, rtol=1e-3)
    assert np.isfinite(plain.dx).sum() > 100


@pytest.mark.parametrize("backend", WAYS)
def test_torch_looks_where_a_prior_says(draw: Any, backend: Any) -> None:
    ready(backend)
    first, second = noisy_pair(draw, nodata=False)
    prior = np.full((23, 23), 6.0), np.full((23, 23), -4.0)
    prior[0][:, 12:] = np.nan
    radius = np.full((23, 23), 2)
    radius[8:] = 5
    plain, found = (
        track_offsets(first, second, parameters=replace(FULL, backend=each), prior=prior, prior_radius=radius)
        for each in ("opencv", backend)
    )
    np.testing.assert_array_equal(found.status, plain.status)
    np.testing.assert_allclose(found.dx, plain.dx, atol=2e-3)


def test_what_is_not_at_hand_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "torch", None)
    image = np.random.default_rng(0).normal(size=(100, 100))
    with pytest.raises(InputError, match="needs torch; install it"):
        track_offsets(image, image, parameters=replace(FULL, backend="torch-cpu"))
    monkeypatch.undo()

    class Cuda:
        is_available = staticmethod(lambda: False)

    class Torch:
        cuda = Cuda

    monkeypatch.setitem(__import__("sys").modules, "torch", Torch)
    with pytest.raises(InputError, match="finds no CUDA card"):
        track_offsets(image, image, parameters=replace(FULL, backend="torch-cuda"))
