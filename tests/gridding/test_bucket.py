"""Drop in the bucket: cases by hand, a second way to the same numbers, and figures that cancel."""

from __future__ import annotations

import json
import math
from fractions import Fraction

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import xarray as xr

from altiflow.errors import EmptyDataError, InputError
from altiflow.gridding.bucket import grid_segments
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import reduce_cells
from altiflow.version import __version__

FLOATS = ("length_sum", "length_mean", "freeboard_mean", "freeboard_std", "freeboard_min", "freeboard_max")
COUNTS = ("segments_gridded", "segments_outside_grid", "segments_left_out")


def test_two_cells_by_hand(make_table, grid):
    table = make_table(
        [12.5e3] * 3 + [13.5e3] * 4,
        21.5e3,
        [0, 0.2, 0.5, 1.1, 2.0, 0.9, 1.5],
        [1.2, 1.1, 0.7, 2.3, 1.5, 0.9, 1.0],
    )
    found = grid_segments(table, grid, value="freeboard")
    left, right = (found.isel(time=0, y=2, x=place) for place in (2, 3))
    assert (int(left.n_segments), int(right.n_segments)) == (3, 4)
    assert float(left.length_sum) == pytest.approx(3.0, rel=1e-12)
    assert float(left.length_mean) == pytest.approx(1.0, rel=1e-12)
    assert float(left.freeboard_mean) == pytest.approx(0.19, rel=1e-12)
    assert float(left.freeboard_std) ** 2 == pytest.approx(0.0369, rel=1e-12)
    assert float(right.freeboard_mean) == pytest.approx(1.375438596, abs=5e-10)
    assert float(right.freeboard_std) ** 2 == pytest.approx(0.171677, abs=5e-7)
    assert [float(right[name]) for name in ("freeboard_min", "freeboard_max")] == [0.9, 2.0]


def test_empty_cells_are_nan_with_count_zero(make_table, grid):
    found = grid_segments(make_table(12.5e3, 21.5e3, [0.3]), grid, value="freeboard")
    assert {"crs", "n_segments", "n_passes", *FLOATS} <= set(found.data_vars)
    assert found.n_segments.dtype == np.int64
    empty = found.n_segments == 0
    assert int(empty.sum()) == 19
    for name in FLOATS:
        assert found[name].dims == ("time", "y", "x")
        assert found[name].dtype == np.float64
        assert np.array_equal(np.isnan(found[name]), empty)
    assert found.freeboard_std.max() == 0.0


def test_days_and_months_by_hand_over_the_year(make_table, grid):
    stamps = ["2019-12-31T23:59:59.999999", "2020-01-01", "2020-01-31T12:00", "2020-03-01"]
    table = make_table(12.5e3, 21.5e3, [1.0, 2.0, 4.0, 8.0], time=pd.to_datetime(stamps, format="ISO8601"))
    monthly = grid_segments(table, grid, value="freeboard", freq="MS")
    starts = ["2019-12-01", "2020-01-01", "2020-02-01", "2020-03-01"]
    assert monthly.time.values.astype("datetime64[D]").astype(str).tolist() == starts
    assert monthly.time_bnds.values[-1].astype("datetime64[D]").astype(str).tolist() == ["2020-03-01", "2020-04-01"]
    cell = monthly.isel(y=2, x=2)
    assert cell.n_segments.values.tolist() == [1, 2, 0, 1]
    assert np.array_equal(cell.freeboard_mean, [1.0, 3.0, np.nan, 8.0], equal_nan=True)
    daily = grid_segments(table, grid, value="freeboard", freq="day").isel(y=2, x=2)
    assert daily.sizes["time"] == 62
    assert np.flatnonzero(daily.n_segments).tolist() == [0, 1, 31, 61]


def test_one_layer_spans_the_data(make_table, grid):
    stamps = pd.to_datetime(["2020-02-03T04:00", "2020-01-01T05:00"])
    found = grid_segments(make_table(12.5e3, 21.5e3, [1.0, 2.0], time=stamps), grid, value="freeboard")
    assert found.time.values[0] == np.datetime64("2020-01-01T05:00")
    assert found.time_bnds.values[0, 1] == np.datetime64("2020-02-03T04:00:00.000001")
    assert int(found.n_segments.sum()) == 2


def test_segments_without_time_go_into_an_undated_layer_or_none(make_table, grid):
    table = make_table(12.5e3, 21.5e3, [1.0, 2.0], time=pd.to_datetime(["2020-01-15", None]))
    whole = grid_segments(table, grid, value="freeboard")
    assert [whole.attrs[name] for name in COUNTS] == [2, 0, 0]
    assert int(whole.n_segments.sum()) == 2
    dated = grid_segments(table, grid, value="freeboard", freq="D")
    assert [dated.attrs[name] for name in COUNTS] == [1, 0, 1]
    undated = grid_segments(table.drop(columns="time"), grid, value="freeboard")
    assert np.isnat(undated.time_bnds).all()
    assert int(undated.n_segments.sum()) == 2
    with pytest.raises(InputError, match=r"no column time; it has freeboard"):
        grid_segments(table.drop(columns="time"), grid, value="freeboard", freq="D")


def test_times_with_a_zone_are_counted_in_utc(make_table, grid):
    local = pd.to_datetime(["2020-01-01T01:00+02:00"]).tz_convert("Europe/Helsinki")
    found = grid_segments(make_table(12.5e3, 21.5e3, [1.0], time=local), grid, value="freeboard", freq="D")
    assert found.time.values[0] == np.datetime64("2019-12-31")


def test_rows_that_cannot_be_used_are_counted(make_table, grid):
    table = make_table(
        [12.5e3] * 7 + [0.0, 0.0],
        21.5e3,
        [1.0, np.nan, np.inf, 1.0, 1.0, 1.0, 1.0, 1.0, np.nan],
        [1.0, 1.0, 1.0, 0.0, -2.0, np.nan, np.inf, 1.0, 1.0],
    )
    found = grid_segments(table, grid, value="freeboard")
    assert [found.attrs[name] for name in COUNTS] == [1, 1, 7]
    assert int(found.n_segments.sum()) == 1
    alike = grid_segments(table, grid, value="freeboard", weight=None)
    assert [alike.attrs[name] for name in COUNTS] == [5, 1, 3]


def test_weights_name_their_variables(make_table, grid):
    table = make_table(12.5e3, 21.5e3, [1.0, 3.0], [1.0, 3.0], photons=[3, 1])
    by_photons = grid_segments(table, grid, value="freeboard", weight="photons")
    assert {"photons_sum", "photons_mean"} <= set(by_photons)
    assert "length_sum" not in by_photons
    assert float(by_photons.freeboard_mean.max()) == 1.5
    alike = grid_segments(table, grid, value="freeboard", weight=None)
    assert [name for name in alike if str(name).endswith("_mean")] == ["freeboard_mean"]
    assert float(alike.freeboard_mean.max()) == 2.0
    assert float(grid_segments(table, grid, value="photons").photons_mean.max()) == 1.5


def test_all_points_outside_give_an_empty_grid_that_says_so(make_table, grid):
    found = grid_segments(make_table(0.0, 0.0, [1.0, 2.0]), grid, value="freeboard")
    assert [found.attrs[name] for name in COUNTS] == [0, 2, 0]
    assert int(found.n_segments.sum()) == 0
    assert np.isnan(found.freeboard_mean).all()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"value": "height"}, InputError, "no column height; it has freeboard, segment_length"),
        ({"value": "freeboard", "weight": "mass"}, InputError, "no column mass"),
        ({"value": "freeboard", "weight": "freeboard"}, InputError, "two variables freeboard_mean"),
        ({"value": "beam"}, InputError, "must hold numbers"),
        ({"value": "nothing"}, EmptyDataError, "not one of the 2 rows has a finite nothing and a positive"),
    ],
)
def test_tables_that_cannot_be_gridded_are_refused(make_table, grid, arguments, error, message):
    table = make_table(12.5e3, 21.5e3, [1.0, 2.0], beam="gt1l", nothing=np.nan)
    with pytest.raises(error, match=message):
        grid_segments(table, grid, **arguments)


def test_an_empty_table_and_times_in_text_are_refused(make_table, grid):
    table = make_table(12.5e3, 21.5e3, [1.0])
    with pytest.raises(EmptyDataError, match="no rows"):
        grid_segments(table.iloc[:0], grid, value="freeboard")
    with pytest.raises(InputError, match="datetime64"):
        grid_segments(table.assign(time="2020-01-01"), grid, value="freeboard")


def test_missing_values_of_nullable_columns_are_left_out(make_table, grid):
    table = make_table(12.5e3, 21.5e3, [0.0, 0.0], height=pd.array([2.0, None], dtype="Float64"))
    found = grid_segments(table, grid, value="height")
    assert float(found.height_mean.max()) == 2.0
    assert found.attrs["segments_left_out"] == 1


def test_the_result_says_what_it_is(make_table, grid):
    found = grid_segments(make_table(12.5e3, 21.5e3, [1.0]), grid, value="freeboard", freq="MS")
    assert found.attrs["Conventions"] == "CF-1.11"
    assert found.attrs["granules"] == "a.h5 b.h5"
    assert json.loads(found.attrs["screens"]) == {"fill": 3}
    assert found.attrs["altiflow_version"] == __version__
    assert found.attrs["grid_signature"] == grid.signature
    assert "freq='MS'" in found.attrs["history"]
    assert Grid.from_dataset(found) == grid
    for name in ("n_segments", *FLOATS):
        assert found[name].attrs["grid_mapping"] == "crs"
        assert found[name].attrs["long_name"]
        assert found[name].attrs["cell_methods"].startswith("time: area: ")
    assert found.freeboard_std.attrs["cell_methods"] == "time: area: standard_deviation (weighted by segment_length)"
    assert [found[name].attrs["units"] for name in ("n_segments", *FLOATS)] == ["1"] + ["m"] * 6
    assert found.n_segments.attrs["standard_name"] == "number_of_observations"
    # The laser sees the top of the snow, which CF's sea_ice_freeboard does not include.
    assert "standard_name" not in found.freeboard_mean.attrs


def test_heights_of_land_ice_have_a_standard_name_and_unknown_units_are_not_made_up(make_table, grid):
    table = make_table(12.5e3, 21.5e3, [1.0], height=900.0)
    table.attrs["altiflow"] = {"product": "ATL06", "units": {"height": "m"}}
    found = grid_segments(table, grid, value="height")
    assert found.height_mean.attrs["standard_name"] == "height_above_reference_ellipsoid"
    assert found.height_mean.attrs["units"] == "m"
    assert "units" not in found.length_sum.attrs


def test_the_table_is_left_as_it_was(make_table, grid):
    table = make_table([12.5e3, 11.5e3], 21.5e3, [1.0, 2.0])
    before = table.copy(deep=True)
    grid_segments(table, grid, value="freeboard", freq="D")
    pd.testing.assert_frame_equal(pd.DataFrame(table), pd.DataFrame(before))
    assert table.attrs == before.attrs


def test_scattered_points_agree_with_a_loop_and_never_alias(make_table, grid):
    rng = np.random.default_rng(5)
    n = 3000
    x, y = rng.uniform(0, 40e3, n), rng.uniform(0, 60e3, n)
    height, length = rng.normal(2500, 3, n), rng.gamma(2, 20, n)
    month = rng.integers(0, 3, n)
    stamps = np.array(["2019-12-05", "2020-01-05", "2020-02-05"], "datetime64[us]")[month]
    found = grid_segments(make_table(x, y, height, length, time=stamps), grid, value="freeboard", freq="MS")
    buckets: dict[tuple[int, int, int], list[tuple[float, float]]] = {}
    for layer, east, north, h, w in zip(month, x, y, height, length, strict=True):
        if 10e3 <= east < 15e3 and 20e3 < north <= 24e3:
            place = (int(layer), int((24e3 - north) // 1e3), int((east - 10e3) // 1e3))
            buckets.setdefault(place, []).append((float(h), float(w)))
    assert found.attrs["segments_gridded"] == sum(map(len, buckets.values())) < 60
    assert {tuple(place) for place in np.argwhere(found.n_segments.values > 0).tolist()} == set(buckets)
    for (layer, row, col), members in buckets.items():
        total = math.fsum(w for _, w in members)
        mean = math.fsum(h * w for h, w in members) / total
        variance = math.fsum(w * (h - mean) ** 2 for h, w in members) / total
        cell = found.isel(time=layer, y=row, x=col)
        assert int(cell.n_segments) == len(members)
        assert float(cell.length_sum) == pytest.approx(total, rel=1e-12)
        assert float(cell.length_mean) == pytest.approx(total / len(members), rel=1e-12)
        assert float(cell.freeboard_mean) == pytest.approx(mean, rel=1e-12)
        assert float(cell.freeboard_std) == pytest.approx(math.sqrt(variance), rel=1e-9, abs=1e-12)
        assert float(cell.freeboard_min) == min(h for h, _ in members)
        assert float(cell.freeboard_max) == max(h for h, _ in members)


def test_the_map_of_the_points_changes_nothing(make_table, grid):
    rng = np.random.default_rng(9)
    x, y = (10e3 + 1e3 * (rng.integers(-1, 6, 200) + rng.uniform(0.1, 0.9, 200)) for _ in range(2))
    table = make_table(x, y + 10e3, rng.normal(0.3, 0.1, 200), rng.gamma(2, 20, 200))
    expected = grid_segments(table, grid, value="freeboard")
    assert 0 < expected.attrs["segments_outside_grid"] < 200
    for crs in ("EPSG:4326", "OGC:CRS84", "EPSG:3413", "EPSG:3411"):
        xr.testing.assert_identical(grid_segments(table.to_crs(crs), grid, value="freeboard"), expected)


def test_the_first_segment_of_a_cell_is_like_any_other():
    value, weight = [1e7, 1.0, 1.1, 1.2], [1e-16, 1.0, 1.0, 1.0]
    expected = reduce_cells([0] * 4, value[::-1], weight[::-1])
    found = reduce_cells([0] * 4, value, weight)
    assert found.mean[0] == pytest.approx(expected.mean[0], rel=1e-12)
    assert found.std[0] == pytest.approx(expected.std[0], rel=1e-12)


def test_every_corner_cell_is_kept(make_table, grid):
    x, y = [10.5e3, 14.5e3, 10.5e3, 14.5e3], [23.5e3, 23.5e3, 20.5e3, 20.5e3]
    found = grid_segments(make_table(x, y, [1.0, 2.0, 3.0, 4.0]), grid, value="freeboard").freeboard_mean[0]
    assert [float(found[row, col]) for row, col in ((0, 0), (0, -1), (-1, 0), (-1, -1))] == [1.0, 2.0, 3.0, 4.0]


def test_southern_points_do_not_reach_the_corners_of_the_northern_grid():
    table = gpd.GeoDataFrame(
        {"freeboard": [1.0, 2.0], "segment_length": 1.0},
        geometry=gpd.points_from_xy([-135.0, -135.0], [-84.7, 84.7]),
        crs="EPSG:4326",
    )
    found = grid_segments(table, Grid.named("EASE2_N100km"), value="freeboard")
    assert [found.attrs[name] for name in COUNTS] == [1, 1, 0]
    assert float(found.freeboard_mean.max()) == 2.0


def test_centimetres_survive_on_top_of_kilometres():
    rng = np.random.default_rng(1)
    value, weight = 3000.0 + rng.normal(0, 0.01, 4000), rng.uniform(5, 50, 4000)
    cell = rng.integers(0, 7, 4000)
    found = reduce_cells(cell, value, weight)
    for place in range(7):
        members = [(Fraction(h), Fraction(w)) for h, w in zip(value[cell == place], weight[cell == place], strict=True)]
        total = sum(w for _, w in members)
        mean = sum(w * h for h, w in members) / total
        variance = sum(w * (h - mean) ** 2 for h, w in members) / total
        assert abs(found.mean[place] - float(mean)) <= np.spacing(3000.0) / 2
        assert found.std[place] == pytest.approx(math.sqrt(variance), rel=1e-9)


def test_no_segments_are_no_cells():
    found = reduce_cells([], [], [])
    assert [getattr(found, name).size for name in found.__dataclass_fields__] == [0] * 7
