"""What `altiflow info` says of every kind of file that altiflow writes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.explore import describe_file
from altiflow.gridding import (
    Grid,
    TallyStore,
    tally_segments,
    write_cells,
    write_geotiffs,
    write_netcdf,
    write_sparse,
    write_tally,
    write_velocity,
    write_zarr,
)
from altiflow.gridding.export import gridded_field
from altiflow.readers import build_field


@pytest.fixture(scope="module")
def tally():
    table = pd.DataFrame({"longitude": [0.0, 0, 45], "latitude": 80.0, "h": [1.0, 1, 3], "granule": "one"})
    table["time"] = pd.to_datetime(["2019-03-05", "2019-03-06", "2019-04-01"])
    return tally_segments(table, Grid.named("EASE2_N25km"), value="h", weight=None)


@pytest.fixture(scope="module")
def months(tally):
    return tally.to_dataset("MS", crop=True)


@pytest.mark.parametrize(
    ("write", "name"), [(write_netcdf, "m.nc"), (write_zarr, "m.zarr"), (write_sparse, "m.parquet")]
)
def test_a_grid_is_told_alike_in_every_format(months, tmp_path, write, name):
    path = tmp_path / name
    write(months, path)
    lines = describe_file(path).splitlines()
    assert lines[0] == name
    assert lines[1].startswith("  grid         ")
    assert "EPSG:6931" in lines[1]
    assert lines[2] == "  periods      2: 2019-03-01T00:00:00 to 2019-05-01T00:00:00"
    told = {line.split()[0]: line.split()[-4] for line in lines[4:]}
    assert (told["n_segments"], told["h_mean"], told["h_sigma_passes"]) == ("2", "2", "0")


def test_cells_and_rasters_are_told(months, tmp_path):
    cells = describe_file(write_cells(months, tmp_path / "cells.parquet"))
    assert "table        2 rows, CRS EPSG:6931" in cells
    raster = next(path for path in write_geotiffs(months, tmp_path) if path.stem == "h_mean")
    lines = describe_file(raster).splitlines()
    grid = Grid.from_dataset(months)
    assert lines[1] == f"  raster       {grid.shape[0]} rows x {grid.shape[1]} cols of 25000, CRS EPSG:6931"
    assert np.allclose([float(part) for part in lines[2].split(maxsplit=1)[1].split(", ")], grid.bounds)
    assert lines[4:] == ["  band 1       2019-03-01T00:00:00", "  band 2       2019-04-01T00:00:00"]


def test_a_tally_is_told_as_a_file_and_as_a_store(tally, tmp_path):
    write_tally(tally, tmp_path / "a.parquet")
    TallyStore.create(tmp_path / "store", tally)
    file, store = (describe_file(tmp_path / name).splitlines()[1:] for name in ("a.parquet", "store"))
    assert file == store
    assert file[0] == "  tally        h, weighted by nothing"


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "note.txt").write_text("nothing")
    with pytest.raises(UnsupportedFormatError, match="is no granule, table or grid that is known"):
        describe_file(tmp_path)


@pytest.fixture
def pairs():
    """Two image pairs with errors, ten and thirty days long."""
    bounds = np.array([["2020-01-01", "2020-01-11"], ["2020-01-05", "2020-02-04"]], "M8[ns]")
    values = np.arange(24.0).reshape(2, 3, 4)
    field = build_field(
        values, values, x=np.arange(4) * 240.0, y=np.arange(3) * 120.0, time_bnds=bounds, crs="EPSG:3413",
        units="m/yr", year_days=365.0, velocity_metric="map", metric_source="file", source="known pairs",
        vx_sigma=values, vy_sigma=values,
        layers={"granule": ["a", "b"], "mission": ["landsat", ""], "satellite": ["L8", "L8"]},
    )  # fmt: skip
    return field.assign(corr=field.vx)


PAIRS = """
  velocity     known pairs
  CRS          EPSG:3413, 3 rows x 4 cols of 240 x 120 m
  metric       map metric (file)
  kind         velocity, interval_mean
  units        m yr-1, year of 365 days
  layers       2, each an image pair
  time         2020-01-01T00:00:00 to 2020-02-04T00:00:00 UTC
  intervals    10 to 30 days
  missions     not stated 1, landsat 1
  satellites   L8 2
  errors       vx_sigma, vy_sigma
""".splitlines()[1:]


def test_velocity_says_all_that_has_to_be_known_of_it(pairs, tmp_path):
    path = tmp_path / "cube.zarr"
    pairs.to_zarr(path, zarr_format=2, consolidated=False)
    assert describe_file(path).splitlines() == ["cube.zarr", *PAIRS, "  beside       corr"]


@pytest.mark.parametrize("name", ["field.nc", "field.zarr"])
def test_velocity_that_altiflow_wrote_is_told_as_velocity(pairs, tmp_path, name):
    undated = pairs.isel(time=[0]).drop_vars(["granule", "mission", "satellite", "vx_sigma", "vy_sigma", "corr"])
    nat = np.full((1, 2), np.datetime64("NaT", "ns"))
    undated = undated.assign_coords(time=nat[:, 0], time_bnds=(("time", "nv"), nat))
    undated.attrs |= {"time_rule": "undated", "velocity_metric": "ground", "metric_source": "assumed"}
    lines = describe_file(write_velocity(undated, tmp_path / name)).splitlines()
    assert "  metric       ground metric (assumed)" in lines
    assert "  kind         velocity, undated" in lines
    assert lines[-2:] == ["  layers       1", "  errors       none"]


def test_altimetry_with_velocity_is_told_as_both(months, tmp_path):
    grid = Grid.from_dataset(months)
    still = np.ones((2, *grid.shape))
    field = build_field(
        still, still, x=grid.x, y=grid.y, time_bnds=months.time_bnds.values, crs=grid.crs_name, units="cm/s",
        velocity_metric="map", metric_source="user", source="known drift",
    )  # fmt: skip
    written = gridded_field(field).assign_coords(time=months.time)
    path = write_netcdf(months.assign(vx=written.vx, vy=written.vy).assign_attrs(field.attrs), tmp_path / "f.nc")
    text = describe_file(path)
    assert "h_mean" in text
    assert "velocity     known drift" in text


def test_what_a_file_does_not_state_can_be_said(pairs, tmp_path):
    path = tmp_path / "ITS_LIVE_velocity_120m_RGI05A_2019_v02.nc"
    plain = pairs.isel(time=0, drop=True)[["vx", "vy"]]
    plain.attrs = {}
    plain.to_netcdf(path, engine="h5netcdf")
    with pytest.raises(UnsupportedFormatError, match="states no CRS"):
        describe_file(path)
    lines = describe_file(path, crs=3413, metric="ground", product="ITS_LIVE-mosaic").splitlines()
    assert lines[0] == path.name
    assert "  metric       ground metric (user)" in lines


def test_crs_or_metric_of_what_is_no_velocity_is_refused(tally, tmp_path):
    write_tally(tally, tmp_path / "a.parquet")
    TallyStore.create(tmp_path / "store", tally)
    for path in (tmp_path / "a.parquet", tmp_path / "store"):
        with pytest.raises(InputError, match="is no velocity"):
            describe_file(path, metric="map")
    with pytest.raises(InputError, match="there is no file"):
        describe_file(tmp_path / "nothing.nc", crs=3413)
