"""Splines and what is drawn with them, beside scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import map_coordinates, spline_filter

from altiflow.tracking.compiled.splines import spline_coefficients, spline_slopes
from altiflow.tracking.compiled.warping import warp_back


@pytest.mark.parametrize("shape", [(40, 55), (13, 20), (60, 14)])
def test_coefficients_are_scipys(shape: tuple[int, int]) -> None:
    image = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    plain = spline_filter(image.astype(float), 3, mode="mirror")
    np.testing.assert_allclose(spline_coefficients(image), plain, atol=1e-5)


def test_slopes_are_those_of_the_spline() -> None:
    image = np.random.default_rng(1).normal(size=(30, 36))
    row, col = np.mgrid[5:25, 5:30].astype(float)
    step = 1e-4
    to_x, to_y = spline_slopes(spline_coefficients(image.astype(np.float32)))
    for found, ahead, behind in (
        (to_x, (row, col + step), (row, col - step)),
        (to_y, (row + step, col), (row - step, col)),
    ):
        plain = (map_coordinates(image, ahead, mode="mirror") - map_coordinates(image, behind, mode="mirror")) / (
            2 * step
        )
        np.testing.assert_allclose(found[5:25, 5:30], plain, atol=1e-5)


def test_an_image_is_drawn_back_as_scipy_does() -> None:
    rng = np.random.default_rng(2)
    image = rng.normal(size=(90, 100))
    field = rng.normal(scale=2, size=(2, 9, 10))
    seen = np.ones(image.shape, np.uint8)
    seen[40:50, 40:50] = 0
    two, valid = warp_back(spline_coefficients(image.astype(np.float32)), seen, field, np.array([4.5, 4.5]), 10)
    row, col = np.mgrid[:90, :100].astype(float)
    at = [(row - 4.5) / 10, (col - 4.5) / 10]
    x, y = (map_coordinates(each, at, order=1, mode="nearest") for each in field)
    plain = map_coordinates(image, [row + y, col + x], mode="mirror")
    known = valid == 1
    np.testing.assert_allclose(two[known], plain[known], atol=1e-5)
    assert known[20:30, 20:80].all()
    assert (two[~known] == 0).all()
