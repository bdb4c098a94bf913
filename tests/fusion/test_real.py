"""Real granules on a real mosaic, and a real year of sea-ice motion."""

from __future__ import annotations

import geopandas as gpd
import h5py
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from altiflow.errors import NoOverlapError
from altiflow.fusion.colocate import sample_velocity
from altiflow.fusion.fields.align import align_velocity
from altiflow.fusion.fields.guards import check_overlap
from altiflow.fusion.lines.tracks import along_across
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.vectors import east_north
from altiflow.readers.field import build_field

JAKOBSHAVN = "itslive/mosaic/its_live_jak.nc"
GRANULE = "atl06/processed_ATL06_20190420093051_03380303_005_01.h5"
MOTION = "motion/icemotion_weekly_nh_25km_20180101_20181231_v4.1.nc"


@pytest.fixture(scope="module")
def mosaic(data):
    with xr.open_dataset(data(JAKOBSHAVN), engine="scipy") as file:
        arrays = {name: file[name].values for name in ("vx", "vy", "x", "y")}
    return build_field(
        arrays["vx"][None],
        arrays["vy"][None],
        x=arrays["x"],
        y=arrays["y"],
        time_bnds=np.array([["NaT", "NaT"]], dtype="datetime64[ns]"),
        time_rule="undated",
        crs="EPSG:3413",
        units="m yr-1",
        year_days=365.25,
        velocity_metric="map",
        metric_source="assumed",
        source="ITS_LIVE mosaic, Jakobshavn",
    )


@pytest.fixture(scope="module")
def heights(data):
    parts = []
    with h5py.File(data(GRANULE)) as file:
        for beam in ("gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"):
            group = file[f"{beam}/land_ice_segments"]
            seconds = group["delta_time"][:] * 1e6
            time = np.datetime64("2018-01-01", "us") + np.rint(seconds).astype("m8[us]")
            parts.append(
                pd.DataFrame(
                    {"beam": beam, "time": time, "longitude": group["longitude"][:], "latitude": group["latitude"][:]}
                )
            )
    plain = pd.concat(parts, ignore_index=True).assign(granule=GRANULE)
    table = gpd.GeoDataFrame(plain, geometry=gpd.points_from_xy(plain["longitude"], plain["latitude"]), crs="EPSG:4326")
    table.attrs["altiflow"] = {"product": "ATL06"}
    return table


@pytest.fixture(scope="module")
def motion(data):
    with h5py.File(data(MOTION)) as file:
        u, v = (np.where(file[name][:] > -9000, file[name][:], np.nan) for name in ("u", "v"))
        x, y = file["x"][:], file["y"][:]
    start = np.datetime64("2018-01-01", "ns") + np.arange(52) * np.timedelta64(7, "D")
    return build_field(
        u,
        v,
        x=x,
        y=y,
        time_bnds=np.stack([start, start + np.timedelta64(7, "D")], axis=-1),
        crs="EPSG:3408",
        units="cm s-1",
        velocity_metric="map",
        metric_source="assumed",
        source="NSIDC-0116 v4.1 weekly",
    )


@pytest.mark.parametrize("method", ["linear", "nearest"])
def test_every_height_on_jakobshavn_gets_a_speed(heights, mosaic, method):
    found = sample_velocity(heights, mosaic, method=method)
    assert len(found) == 441
    assert found["v_valid"].all()
    assert found["v_dt_days"].isna().all()


def test_nearest_speeds_of_the_three_beam_pairs(heights, mosaic):
    found = sample_velocity(heights, mosaic, method="nearest")
    speed = np.hypot(found["vx"], found["vy"])
    for pair, low, high in (("gt1", 3634, 4552), ("gt2", 466, 865), ("gt3", 1290, 1507)):
        of_pair = speed[found["beam"].str.startswith(pair)]
        assert (round(of_pair.min()), round(of_pair.max())) == (low, high)


def test_along_and_across_make_up_the_speed(heights, mosaic):
    found = along_across(sample_velocity(heights, mosaic))
    whole = np.hypot(found["vx"], found["vy"])
    assert np.hypot(found["v_along"], found["v_across"]).to_numpy() == pytest.approx(whole.to_numpy(), rel=1e-12)


def test_domain_of_heights_and_mosaic(heights, mosaic, motion):
    found = check_overlap(heights, mosaic)
    assert (found.segments, found.in_extent, found.with_velocity) == (441, 1.0, 1.0)
    with pytest.raises(NoOverlapError, match="land-ice heights need land-ice velocity"):
        check_overlap(heights, motion)


BEAUFORT, FRAM = (-155, 70, -130, 74), (-10, 78, 10, 81)


def region_mean(field, box):
    """Return the mean (east, north) [cm/s] of the valid cells in a box of longitude and latitude."""
    grid = Grid.from_dataset(field)
    longitude, latitude = grid.lonlat()
    inside = (longitude >= box[0]) & (longitude <= box[2]) & (latitude >= box[1]) & (latitude <= box[3])
    x, y = (part[inside] for part in np.meshgrid(grid.x, grid.y))
    parts = [
        east_north(vx[inside], vy[inside], x, y, crs=field.attrs["crs"], metric="map")
        for vx, vy in zip(field["vx"].values, field["vy"].values, strict=True)
    ]
    return np.nanmean(np.array(parts), axis=(0, 2))


@pytest.fixture(scope="module")
def expected(data):
    """Return the same means of the first 17 weeks by the producer's formula on the file's own longitudes."""
    with h5py.File(data(MOTION)) as file:
        u, v = (np.where(file[name][:17] > -9000, file[name][:17], np.nan) for name in ("u", "v"))
        longitude, latitude = file["longitude"][:], file["latitude"][:]
    angle = np.radians(longitude)
    both = u * np.cos(angle) + v * np.sin(angle), -u * np.sin(angle) + v * np.cos(angle)
    means = []
    for box in (BEAUFORT, FRAM):
        inside = (longitude >= box[0]) & (longitude <= box[2]) & (latitude >= box[1]) & (latitude <= box[3])
        means.append([np.nanmean(part[:, inside]) for part in both])
    return means


@pytest.mark.parametrize("name", ["EASE2_N25km", "NSIDC_PS_N25km"])
def test_beaufort_gyre_goes_west_and_fram_strait_south(motion, expected, name):
    months = pd.date_range("2018-01-01", "2018-05-01", freq="MS")
    found = align_velocity(motion, Grid.named(name), time=months)
    beaufort, fram = (region_mean(found, box) for box in (BEAUFORT, FRAM))
    assert beaufort[0] == pytest.approx(-6.6, abs=0.5)
    assert fram[1] == pytest.approx(-6.2, abs=0.5)
    assert beaufort == pytest.approx(expected[0], abs=0.25)
    assert fram == pytest.approx(expected[1], abs=0.25)
    assert np.nanmax(found["overlap_days"].values) == 31.0
