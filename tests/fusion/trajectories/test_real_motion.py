"""A real year of sea-ice motion: how far parcels go, how many leave, and whether they come back."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
from pyproj import Transformer

from altiflow import advect_points, read_velocity
from altiflow.fusion.trajectories import path_lines
from altiflow.gridding.vectors import east_north

MOTION = "motion/icemotion_weekly_nh_25km_20180101_20181231_v4.1.nc"


@pytest.fixture(scope="module")
def motion(data):
    return read_velocity(data(MOTION))


@pytest.fixture(scope="module")
def seeds(motion):
    """Return the cells with velocity round 2018-03-01, themselves and to the right, above and across: 14,829."""
    whole = np.isfinite(motion["vx"].values[7:9]).all(axis=0)
    cell = whole[:-1, :-1] & whole[1:, :-1] & whole[:-1, 1:] & whole[1:, 1:]
    x, y = np.meshgrid(motion["x"].values[:-1], motion["y"].values[:-1])
    return np.stack([x[cell], y[cell]], axis=-1)


def ends_of(paths):
    known = np.isfinite(paths["x"].values)
    last = known.shape[1] - 1 - np.argmax(known[:, ::-1], axis=1)
    rows = np.arange(len(last))
    return np.stack([paths["x"].values[rows, last], paths["y"].values[rows, last]], axis=-1)


@pytest.mark.parametrize(
    ("end", "median", "far", "beyond_small", "beyond_cells", "lost"),
    [("2018-03-16", 53.8, 150.7, 94.8, 73.2, 8.1), ("2018-03-31", 105.2, 241.6, None, None, 12.1)],
)
def test_drift_of_a_fortnight_and_of_a_month(motion, seeds, end, median, far, beyond_small, beyond_cells, lost):
    """Of the parcels that arrive: median and 95th percentile [km], shares beyond 6.25 and 25 km; and the share lost."""
    assert len(seeds) == 14_829
    table = gpd.GeoDataFrame(
        {"time": np.full(len(seeds), np.datetime64("2018-03-01", "us"))},
        geometry=gpd.points_from_xy(*seeds.T),
        crs="EPSG:3408",
    )
    moved = advect_points(table, motion, end)
    arrived = (moved["status"] == "arrived").to_numpy()
    way = np.hypot(*(moved[["x_adv", "y_adv"]].to_numpy() - seeds).T)[arrived] / 1e3
    assert np.median(way) == pytest.approx(median, abs=1.0)
    assert np.percentile(way, 95) == pytest.approx(far, abs=1.0)
    if beyond_cells is not None:
        assert 100 * (way > 6.25).mean() == pytest.approx(beyond_small, abs=1.0)
        assert 100 * (way > 25).mean() == pytest.approx(beyond_cells, abs=1.0)
    assert 100 * (1 - arrived.mean()) == pytest.approx(lost, abs=1.0)
    counts = moved.attrs["altiflow"]["advection"]["counts"]
    assert counts["left_field"] + counts["arrived"] == 14_829
    assert np.isfinite(moved[["x_adv", "y_adv", "path_m"]].to_numpy()).all()
    assert (moved["path_m"] >= moved["distance_m"] * 0.999).all()


def test_a_field_and_its_rows_the_other_way_up_carry_to_one_place(motion, seeds):
    few = seeds[::500]
    turned = motion.isel(y=slice(None, None, -1))
    one, two = (path_lines(field, few, start="2018-03-01", end="2018-03-16") for field in (motion, turned))
    assert one.identical(two)


@pytest.mark.parametrize(("dt", "most"), [("12h", 1.0), ("1D", 4.0)])
def test_there_and_back_again(motion, seeds, dt, most):
    """(Spec test 4) Steps end at the middles of weeks, so that a day's step closes to metres and not tens of them.

    Those that began on the very edge of the field, at a cell without a neighbour on one side, stop just short of it.
    """
    there = path_lines(motion, seeds, start="2018-03-01", end="2018-03-16", dt=dt)
    arrived = there["status"].values == 0
    back = path_lines(motion, ends_of(there)[arrived], start="2018-03-16", end="2018-03-01", dt=dt)
    came = back["status"].values == 0
    assert came.mean() > 0.98
    off = np.hypot(*(ends_of(back) - seeds[arrived])[came].T)
    assert off.size > 13_000
    assert off.max() < most
    assert np.percentile(off, 99.9) < 1.0
    assert np.median(off) < 0.01


def test_through_the_fram_strait_and_round_the_beaufort_gyre(motion):
    """(Spec test 34) Southward in one, westward in the other, from January to April."""
    there = Transformer.from_crs("EPSG:4326", "EPSG:3408", always_xy=True)
    seeds = np.stack(there.transform([-2.0, -145.0], [81.5, 73.0]), axis=-1)
    paths = path_lines(motion, seeds, start="2018-01-10", end="2018-03-20")
    longitude, latitude = paths["longitude"].values, paths["latitude"].values
    known = np.isfinite(latitude).sum(axis=1) - 1
    assert latitude[0, known[0]] < 80.0
    x, y = paths["x"].values[1], paths["y"].values[1]
    step = np.stack([np.diff(x), np.diff(y)])[:, : known[1]]
    east, _ = east_north(*step, x[: known[1]], y[: known[1]], crs="EPSG:3408", metric="map")
    assert east.sum() < -1e5
    assert np.isfinite(longitude[:, 0]).all()
