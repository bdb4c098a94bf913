"""The sample of image pairs is what its truth says."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad

from altiflow import make_pairs, read_velocity, search_pairs
from altiflow.errors import InputError
from altiflow.readers.catalogue.pairs import parse_pair_name
from altiflow.readers.sample import GLACIER


def test_the_mean_of_an_interval_is_the_integral_of_the_speed():
    start, end = np.datetime64("2016-03-01"), np.datetime64("2017-01-10")
    x, y = GLACIER.centre[0] + GLACIER.radius, GLACIER.centre[1]

    def speed(years: float) -> float:
        season = GLACIER.season * np.cos(2 * np.pi * (years - GLACIER.phase))
        return GLACIER.slow + (GLACIER.fast - GLACIER.slow) * (1 + GLACIER.trend * years + season)

    first, last = ((moment - np.datetime64("2015-01-01")).astype(float) / 365.25 for moment in (start, end))
    vx, vy = GLACIER.velocity(x, y, start, end)
    assert vy == pytest.approx(quad(speed, first, last)[0] / (last - first), rel=1e-9)
    assert vx == pytest.approx(0.0, abs=1e-9)


def test_pairs_of_the_sample_measure_the_glacier(tmp_path):
    sample = make_pairs(tmp_path, pairs=16)
    codes = set()
    for path in sample:
        field = read_velocity(path)
        assert parse_pair_name(path.name).format().removesuffix(".nc") == path.stem
        codes.add((field.attrs["crs"], field.attrs["velocity_metric"]))
        if field.attrs["crs"] == "EPSG:3031" and field.separation_days.item() < 100:
            scale = 1.0 if field.attrs["velocity_metric"] == "map" else None
            vx, vy = sample.truth.velocity(*np.meshgrid(field.x, field.y), *field.time_bnds.values[0])
            if scale:
                miss = np.concatenate([(field.vx.values[0] - vx).ravel(), (field.vy.values[0] - vy).ravel()])
                assert abs(np.nanmedian(miss)) < 4 * field.vx_sigma.item()
    assert codes == {("EPSG:3031", "map"), ("EPSG:32714", "map"), ("EPSG:3031", "ground")}


def test_the_index_is_a_source_of_searches(tmp_path):
    sample = make_pairs(tmp_path, pairs=16)
    found = search_pairs(source=sample.index)
    assert sorted(found.url) == sorted(map(str, sample.paths))
    assert set(found.version) == {"v01", "v02"}
    near = read_velocity(found.url.iloc[0])
    assert near.granule.item() == found.granule.iloc[0]
    assert near.separation_days.item() == pytest.approx(found.separation_days.iloc[0], abs=1e-6)


def test_the_same_seed_gives_the_same_files(tmp_path):
    one, two = make_pairs(tmp_path / "a", pairs=3), make_pairs(tmp_path / "b", pairs=3)
    assert [path.name for path in one] == [path.name for path in two]
    for first, second in zip(one, two, strict=True):
        np.testing.assert_array_equal(read_velocity(first).vx.values, read_velocity(second).vx.values)
    with pytest.raises(InputError, match="pairs must be"):
        make_pairs(tmp_path, pairs=0)
