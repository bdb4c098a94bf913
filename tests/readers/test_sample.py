"""The sample is what it says: the truth it was made from, the layout of the product, the same every time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from altiflow.errors import InputError
from altiflow.readers import make_sample, read_segments
from altiflow.readers.sample import GYRES
from altiflow.readers.sample.tracks import beam_positions


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(tmp_path: Path) -> None:
    first, second, other = (
        make_sample(tmp_path / name, granules=2, seed=seed) for name, seed in (("a", 0), ("b", 0), ("c", 1))
    )
    for one, two in zip(first.granules, second.granules, strict=True):
        assert one.name == two.name
        assert one.read_bytes() == two.read_bytes()
    assert first.granules[0].read_bytes() != other.granules[0].read_bytes()
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.parametrize("hemisphere", ["north", "south"])
def test_segments_carry_the_pattern_and_both_orientations(hemisphere: str, tmp_path: Path) -> None:
    sample = make_sample(tmp_path, granules=4, hemisphere=hemisphere)
    table = read_segments(list(sample.granules), beams="all", screens="ice")
    assert set(table["sc_orient"]) == {0, 1}
    assert ((table["latitude"] > 0) == (hemisphere == "north")).all()
    x, y = sample.truth.project(table["longitude"], table["latitude"])
    difference = table["freeboard"] - sample.truth.freeboard(x, y, table["time"].to_numpy())
    assert abs(difference.mean()) < 1e-3
    assert difference.std() == pytest.approx(0.02, rel=0.05)


def test_every_path_of_the_sample_is_one_of_the_real_product(
    simulated: Callable[..., Path], data: Callable[[str], Path]
) -> None:
    kinds: dict[str, tuple[np.dtype, int]] = {}
    with h5py.File(simulated()) as file:
        file.visititems(
            lambda key, node: kinds.update({key: (node.dtype, node.ndim)}) if isinstance(node, h5py.Dataset) else None
        )
    with h5py.File(data("atl10/processed_ATL10-01_20220107195849_02531401_006_01.h5")) as real:
        for key, (dtype, ndim) in kinds.items():
            assert key in real
            if dtype.kind != "S":
                assert (real[key].dtype, real[key].ndim) == (dtype, ndim), key


def test_the_gyre_turns_what_it_says() -> None:
    gyre = GYRES["north"]
    x0, y0 = gyre.centre
    start, later = gyre.start, gyre.start + np.timedelta64(20, "D")
    turned = float(gyre.angle(later))
    r, a = 400_000.0, 0.7
    before = gyre.freeboard(x0 + r * np.cos(a), y0 + r * np.sin(a), start)
    after = gyre.freeboard(x0 + r * np.cos(a + turned), y0 + r * np.sin(a + turned), later)
    assert after == pytest.approx(before, abs=1e-12)
    vx, vy = gyre.velocity(x0 + r, y0, start)
    assert (float(vx), float(vy)) == pytest.approx((0.0, gyre.rate * r * 100))
    days = start + np.arange(20 * 24) * np.timedelta64(1, "h") + np.timedelta64(30, "m")
    mean = gyre.mean_velocity(x0 + r, y0, start, later)[1]
    assert float(mean) == pytest.approx(gyre.velocity(x0 + r, y0, days)[1].mean(), rel=1e-6)


@pytest.mark.parametrize("bad", [{"hemisphere": "east"}, {"granules": 0}, {"granules": 100_000}])
def test_samples_that_mean_nothing_are_refused(bad: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(InputError):
        make_sample(tmp_path, **bad)  # type: ignore[arg-type]


def test_tracks_repeat_after_1387_orbits_and_not_before() -> None:
    argument = np.linspace(0.9, 2.2, 50)
    first = np.stack(beam_positions(argument, 0, 0.0)[:2])
    np.testing.assert_allclose(np.stack(beam_positions(argument, 1387, 0.0)[:2]), first, atol=1e-8)
    crossings = np.array([beam_positions([0.0], orbit, 0.0)[0][0] for orbit in range(1387)])
    # Equator crossings lie 360 / 1387 degrees apart, each once.
    gaps = np.diff(np.sort(crossings))
    np.testing.assert_allclose(gaps, 360 / 1387, atol=1e-6)
