"""Why altimetry and velocity do not meet, in words, on real files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from altiflow.errors import NoOverlapError
from altiflow.fusion import align_velocity, sample_velocity
from altiflow.gridding import Grid, grid_segments, window_with_data, write_netcdf
from altiflow.readers import read_segments, read_velocity

ATL10 = "atl10/processed_ATL10-01_20220107195849_02531401_006_01.h5"
ATL06 = "atl06/processed_ATL06_20190420093051_03380303_005_01.h5"
MOTION = "motion/icemotion_weekly_nh_25km_20180101_20181231_v4.1.nc"
JAKOBSHAVN = "itslive/mosaic/its_live_jak.nc"


def test_freeboard_and_land_ice_velocity_do_not_meet(data: Callable[[str], Path]) -> None:
    field = read_velocity(data(JAKOBSHAVN), crs="EPSG:3413")
    with pytest.raises(NoOverlapError, match="freeboard needs sea-ice motion"):
        sample_velocity(read_segments(data(ATL10), beams="all"), field)


def test_land_ice_height_and_sea_ice_motion_do_not_meet(data: Callable[[str], Path]) -> None:
    with pytest.raises(NoOverlapError, match="land-ice heights need land-ice velocity"):
        sample_velocity(read_segments(data(ATL06), beams="all"), read_velocity(data(MOTION)))


def test_motion_of_another_year_is_refused_by_period(data: Callable[[str], Path]) -> None:
    with pytest.raises(NoOverlapError, match="periods differ"):
        sample_velocity(read_segments(data(ATL10), beams="all"), read_velocity(data(MOTION)), max_dt_days=31)


@pytest.mark.parametrize("method", ["linear", "nearest"])
def test_every_height_of_jakobshavn_has_a_speed(method: str, data: Callable[[str], Path]) -> None:
    table = read_segments(data(ATL06), beams="all")
    fused = sample_velocity(table, read_velocity(data(JAKOBSHAVN), crs="EPSG:3413"), method=method)
    speed = (fused["vx"] ** 2 + fused["vy"] ** 2) ** 0.5
    assert speed.notna().sum() == 441
    if method == "nearest":
        spread = speed.groupby(table["beam"].str[:3]).agg(["min", "max"]).round()
        assert spread.to_numpy().tolist() == [[3634, 4552], [466, 865], [1290, 1507]]


def test_an_undated_field_put_on_a_period_is_read_back_undated(data: Callable[[str], Path], tmp_path: Path) -> None:
    table = read_segments(data(ATL06), beams="all")
    grid = window_with_data(table, Grid.named("NSIDC_PS_WGS84_N6.25km"))
    aligned = align_velocity(
        read_velocity(data(JAKOBSHAVN), crs="EPSG:3413"), grid, time=grid_segments(table, grid, value="height")
    )
    back = read_velocity(write_netcdf(aligned, tmp_path / "velocity.nc"))
    assert back["time"].isnull().all()
    assert sample_velocity(table, back)["v_valid"].all()
