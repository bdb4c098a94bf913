"""The frame of gridded Datasets, and parts of them."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest

from altiflow.errors import EmptyDataError
from altiflow.gridding.bucket import grid_segments
from altiflow.gridding.frame import crop_dataset, crs_variable, make_frame, restate_grid
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.grids.named import GRID_NAMES

MONTHS = np.array([["2019-12-01", "2020-01-01"], ["2020-01-01", "2020-02-01"]], "datetime64[D]")


def test_a_frame_has_centres_bounds_and_periods(grid):
    frame = make_frame(grid, MONTHS)
    assert dict(frame.sizes) == {"time": 2, "y": 4, "x": 5, "nv": 2}
    assert frame.x.values.tolist() == [10.5e3, 11.5e3, 12.5e3, 13.5e3, 14.5e3]
    assert frame.y.values.tolist() == [23.5e3, 22.5e3, 21.5e3, 20.5e3]
    assert frame.y_bnds.values[0].tolist() == [24e3, 23e3]
    assert frame.x_bnds.values[-1].tolist() == [14e3, 15e3]
    assert np.array_equal(frame.time_bnds, MONTHS)
    assert np.array_equal(frame.time, MONTHS[:, 0])
    assert frame.time.dtype == "datetime64[ns]"
    assert list(frame.data_vars) == ["crs"]
    assert all(frame[axis].attrs["bounds"] == f"{axis}_bnds" for axis in ("time", "y", "x"))


@pytest.mark.parametrize("name", [name for name in GRID_NAMES if "25km" in name or "36km" in name])
def test_the_grid_mapping_gives_back_the_crs(name):
    grid = Grid.named(name)
    attributes = crs_variable(grid).attrs
    assert pyproj.CRS(attributes["crs_wkt"]) == grid.crs
    assert pyproj.CRS(attributes["spatial_ref"]) == grid.crs
    assert tuple(map(float, attributes["GeoTransform"].split())) == grid.transform.to_gdal()
    by_parameters = {key: value for key, value in attributes.items() if key not in ("crs_wkt", "spatial_ref")}
    points = np.array([10.0, -120.0]), np.array([70.0, 65.0]) * (-1 if "S" in name.split("_")[-1][0] else 1)
    found = pyproj.Transformer.from_crs(grid.crs.geodetic_crs, pyproj.CRS.from_cf(by_parameters), always_xy=True)
    wanted = pyproj.Transformer.from_crs(grid.crs.geodetic_crs, grid.crs, always_xy=True)
    assert np.allclose(found.transform(*points), wanted.transform(*points), atol=1e-3)


def test_a_part_is_cut_where_data_are(make_table):
    whole = Grid.named("EASE2_N25km")
    table = make_table([30e3, 110e3], [-30e3, -110e3], [0.1, 0.2], time=MONTHS[:, 0].astype("datetime64[us]"))
    gridded = grid_segments(table, whole, value="freeboard", freq="month")
    part = crop_dataset(gridded, margin=1)
    assert Grid.from_dataset(part) == whole.window(slice(360, 366), slice(360, 366))
    assert part.attrs["grid_signature"] == Grid.from_dataset(part).signature
    assert part.crs.attrs["GeoTransform"].startswith("0.0 25000.0 0.0 0.0 0.0 -25000.0")
    assert int(part.n_segments.sum()) == 2
    assert part.equals(gridded.isel(y=slice(360, 366), x=slice(360, 366)))
    assert crop_dataset(gridded, margin=0).n_segments.shape == (2, 4, 4)
    assert crop_dataset(gridded, margin=10_000).sizes["x"] == 720


def test_a_part_of_nothing_is_refused(grid):
    frame = make_frame(grid, MONTHS)
    frame["a"] = (("time", "y", "x"), np.full((2, 4, 5), np.nan))
    with pytest.raises(EmptyDataError, match="empty"):
        crop_dataset(frame)


def test_a_dataset_without_grid_mapping_is_left_alone(grid):
    plain = make_frame(grid, MONTHS).drop_vars("crs")
    assert restate_grid(plain) is plain
