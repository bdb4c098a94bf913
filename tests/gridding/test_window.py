"""The window of a grid that holds the data: on the same lattice, and the same answer in it."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest

from altiflow.errors import EmptyDataError, InputError
from altiflow.gridding.bucket import grid_segments
from altiflow.gridding.grid import Grid
from altiflow.gridding.window import window_with_data

WHOLE = Grid.named("EASE2_N25km")


def test_the_window_reaches_margin_cells_beyond_the_data(make_table):
    table = make_table([12.5e3, 87.5e3], [-12.5e3, -37.5e3], [0.1, 0.2])
    for margin in (0, 1, 2):
        found = window_with_data(table, WHOLE, margin=margin)
        assert found == WHOLE.window(slice(360 - margin, 362 + margin), slice(360 - margin, 364 + margin))
    assert window_with_data(table, WHOLE) == window_with_data(table, WHOLE, margin=2)


def test_the_window_ends_where_the_grid_does(make_table, grid):
    table = make_table([10.5e3, 14.5e3], [23.5e3, 20.5e3], [0.1, 0.2])
    assert window_with_data(table, grid) == grid


def test_points_outside_and_missing_points_do_not_stretch_the_window(make_table, grid):
    table = make_table([12.5e3, 0.0, 99e3, 12.5e3], [21.5e3, 0.0, 99e3, 99e3], [0.1, 0.2, 0.3, 0.4])
    missing = table.set_geometry(gpd.GeoSeries([table.geometry[0], None, None, None], crs=table.crs))
    assert window_with_data(table, grid, margin=0) == grid.window(slice(2, 3), slice(2, 3))
    assert window_with_data(missing, grid, margin=0).shape == (1, 1)


def test_gridding_into_the_window_is_cutting_the_window_out(make_table):
    rng = np.random.default_rng(8)
    table = make_table(rng.uniform(1e5, 4e5, 300), rng.uniform(-6e5, -3e5, 300), rng.normal(0.3, 0.1, 300))
    part = window_with_data(table, WHOLE, margin=1)
    found = grid_segments(table, part, value="freeboard")
    row, col = WHOLE.rowcol(*part.xy(0, 0))
    expected = grid_segments(table, WHOLE, value="freeboard").isel(
        y=slice(int(row), int(row) + part.shape[0]), x=slice(int(col), int(col) + part.shape[1])
    )
    assert found.attrs["segments_outside_grid"] == 0
    for name in set(expected.data_vars) - {"crs"}:
        assert np.array_equal(found[name], expected[name], equal_nan=True), name
    assert np.array_equal(found.x, expected.x)
    assert np.array_equal(found.y, expected.y)


def test_a_table_elsewhere_has_no_window(make_table, grid):
    with pytest.raises(EmptyDataError, match=r"none of the 2 segments lies in the grid custom"):
        window_with_data(make_table(0.0, 0.0, [0.1, 0.2]), grid)
    with pytest.raises(InputError, match="no geometry"):
        window_with_data(make_table(0.0, 0.0, [0.1]).drop(columns="geometry"), grid)
