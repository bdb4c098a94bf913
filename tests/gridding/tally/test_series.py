"""The time series of a region, against loops over the segments and cases worked by hand."""

from __future__ import annotations

import json
import math
from collections import defaultdict

import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely

from altiflow.errors import EmptyDataError, InputError
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.tally import tally_segments
from altiflow.gridding.tally.series import region_series

GRID = Grid.named("EASE2_N6.25km").window(slice(1280, 1600), slice(1280, 1600))
COARSE = Grid.named("EASE2_N25km")
SQUARE = (-12.5e3 * 24, -12.5e3 * 20, 25e3 * 10, 25e3 * 13)
"""Map bounds (x_min, y_min, x_max, y_max) [m], a union of cells of 25 km."""


def map_region(bounds):
    """Return a region of map bounds, a little inside them, its edges followed every kilometre."""
    line = shapely.segmentize(shapely.box(*bounds).buffer(-100.0, join_style="mitre").exterior, 1000.0)
    back = pyproj.Transformer.from_crs("EPSG:6931", "EPSG:4326", always_xy=True)
    return shapely.Polygon(shapely.transform(line, lambda xy: np.stack(back.transform(*xy.T), axis=1)))


# It leaves out the pole, where a ring in longitude and latitude would not close.
EAST = map_region((25e3, -25e3 * 12, 25e3 * 14, 25e3 * 12))


@pytest.fixture(scope="module")
def table(make_passes):
    early, late = make_passes(granules=6, seed=3), make_passes(granules=3, seed=8)
    late["granule"], late["time"] = late["granule"] + "late", late["time"] + pd.Timedelta(35, "D")
    both = pd.concat([early, late], ignore_index=True)
    both["x_atc"] *= 100.0  # So far apart that no two segments overlap.
    both.attrs = dict(early.attrs)
    return both


@pytest.fixture(scope="module")
def tally(table):
    return tally_segments(table, GRID, value=["freeboard", "height"])


def members(table, region, grid=GRID):
    """Return the cell of each segment, -1 where its centre is not in the region, and how many cells are."""
    back = pyproj.Transformer.from_crs("EPSG:6931", "EPSG:4326", always_xy=True)
    inside = {}
    for row in range(grid.shape[0]):
        for col in range(grid.shape[1]):
            x, y = grid.transform @ (col + 0.5, row + 0.5)
            if abs(x) < 4e5 and abs(y) < 4e5:
                inside[row * grid.shape[1] + col] = shapely.intersects_xy(region, *back.transform(x, y))
    row, col = grid.locate(table)
    cell = np.where(row >= 0, row * grid.shape[1] + col, -1)
    keep = np.array([inside.get(int(number), False) for number in cell])
    return np.where(keep, cell, -1), sum(map(int, inside.values()))


def by_hand(rows, cells, whole):
    """Return the columns of one period by loops over its segments."""
    length = rows.segment_length.to_numpy(float)
    value, sigma = rows.freeboard.to_numpy(float), rows.freeboard_sigma.to_numpy(float)
    surface, section = rows.refsurf_sigma.to_numpy(float), rows.refsurf_ndx.to_numpy()
    names = list(zip(rows.granule, rows.beam, strict=True))
    weight = math.fsum(length)
    mean = math.fsum(length * value) / weight
    cell_weight, cell_sum = defaultdict(float), defaultdict(float)
    for k, cell in enumerate(cells):
        cell_weight[cell] += length[k]
        cell_sum[cell] += length[k] * value[k]
    filled = len(cell_weight)
    shared, shared_area, noise, noise_area = defaultdict(float), defaultdict(float), 0.0, 0.0
    passes, part_of = defaultdict(float), defaultdict(float)
    for k, cell in enumerate(cells):
        part, part_area = length[k] / weight, length[k] / cell_weight[cell] / filled
        own = sigma[k] ** 2 - surface[k] ** 2
        shared[names[k], section[k]] += part * surface[k]
        shared_area[names[k], section[k]] += part_area * surface[k]
        noise, noise_area = noise + part**2 * own, noise_area + part_area**2 * own
        passes[names[k]] += part * (value[k] - mean)
        part_of[names[k]] += part
    group = len(passes)
    return {
        "n_segments": len(rows),
        "n_passes": group,
        "n_cells": filled,
        "length_sum": weight,
        "pooled_mean": mean,
        "pooled_std": math.sqrt(math.fsum(length * (value - mean) ** 2) / weight),
        "area_mean": math.fsum(cell_sum[cell] / cell_weight[cell] for cell in cell_weight) / filled,
        "coverage": filled / whole,
        "sigma": math.sqrt(math.fsum(total**2 for total in shared.values()) + noise),
        "area_sigma": math.sqrt(math.fsum(total**2 for total in shared_area.values()) + noise_area),
        "sigma_passes": math.sqrt(
            (group - 1) / group * math.fsum((d / (1 - part_of[name])) ** 2 for name, d in passes.items())
        ),
    }


@pytest.mark.parametrize("freq", ["MS", "D", None])
def test_every_column_is_what_loops_over_the_segments_find(table, tally, freq):
    cells, whole = members(table, EAST)
    found = region_series(tally, EAST, freq)
    days = (table.time.max().floor("D") - table.time.min().floor("D")).days + 1
    assert len(found) == {"MS": 3, "D": days, None: 1}[freq]
    seen = 0
    for row in found.itertuples():
        keep = (cells >= 0) & (table.time >= row.time_start).to_numpy() & (table.time < row.time_end).to_numpy()
        seen += keep.sum()
        if not keep.any():
            assert (row.n_segments, row.n_passes, row.n_cells, row.coverage) == (0, 0, 0, 0.0)
            assert np.isnan([row.length_sum, row.pooled_mean, row.area_mean, row.sigma, row.area_sigma]).all()
            continue
        expected = by_hand(table[keep], cells[keep], whole)
        for name, number in expected.items():
            assert getattr(row, name) == pytest.approx(number, rel=1e-10), name
    assert seen == found.n_segments.sum() > 500


def test_months_without_data_are_there(tally):
    found = region_series(tally, EAST)
    assert found.time_start.dt.strftime("%Y-%m").tolist() == ["2019-01", "2019-02", "2019-03"]
    assert (found.n_segments > 0).tolist() == [True, False, True]
    assert (found.time_end.iloc[:-1].to_numpy() == found.time_start.iloc[1:].to_numpy()).all()
    early = region_series(tally, EAST, periods=[["2018-11-01", "2018-12-01"], ["2019-01-01", "2019-02-01"]])
    assert early.n_segments.tolist() == [0, found.n_segments[0]]
    assert early.n_segments.dtype == early.n_cells.dtype == np.int64
    assert np.isnan(early.pooled_mean[0])


def test_daily_tallies_merged_are_one_tally(table, tally):
    days = [tally_segments(rows, GRID, value=["freeboard", "height"]) for _, rows in table.groupby("granule")]
    pd.testing.assert_frame_equal(region_series(days[::-1], EAST), region_series(tally, EAST), check_exact=True)
    midnight = table.time.dt.floor("D")
    cut = [tally_segments(rows, GRID, value=["freeboard", "height"]) for _, rows in table.groupby(midnight)]
    pd.testing.assert_frame_equal(region_series(cut, EAST), region_series(tally, EAST), rtol=1e-12)


def test_a_coarser_tally_has_the_same_pooled_columns_where_the_region_is_a_union_of_coarse_cells(tally):
    fine = region_series(tally, EAST)
    for coarse in (tally.coarsen(2), tally.coarsen(4), tally.coarsen(COARSE)):
        found = region_series(coarse, EAST)
        for name in ("n_segments", "n_passes", "length_sum", "pooled_mean", "pooled_std", "sigma", "sigma_passes"):
            assert found[name].to_numpy() == pytest.approx(fine[name].to_numpy(), rel=1e-12, nan_ok=True), name
        assert (found.n_cells[found.n_segments > 0] < fine.n_cells[fine.n_segments > 0]).all()
        assert (found.coverage >= fine.coverage).all()


def test_the_value_may_be_any_of_the_tally_and_thousands_of_metres_high(table, tally):
    cells, _ = members(table, EAST)
    found = region_series(tally, EAST, None, value="height").iloc[0]
    rows = table[cells >= 0]
    weight, height = rows.segment_length.astype(float), rows.height
    mean = math.fsum(weight * height) / math.fsum(weight)
    assert found.pooled_mean == pytest.approx(mean, abs=1e-11)
    assert found.pooled_std == pytest.approx(
        math.sqrt(math.fsum(weight * (height - mean) ** 2) / weight.sum()), rel=1e-9
    )
    assert np.isnan(found.sigma)
    assert np.isnan(found.area_sigma)
    with pytest.raises(InputError, match=r"no value 'thickness'; it has freeboard, height"):
        region_series(tally, EAST, value="thickness")


def two_cells(**columns):
    """Four segments of one section: three in one cell, one in the next; 10 m, 1-sigma of the section 0.03 m."""
    x, y = np.array([3e3, 4e3, 5e3, 30e3]) + 100e3, np.full(4, -212e3)
    back = pyproj.Transformer.from_crs("EPSG:6931", "EPSG:4326", always_xy=True)
    longitude, latitude = back.transform(x, y)
    table = pd.DataFrame({"longitude": longitude, "latitude": latitude, "freeboard": [0.1, 0.2, 0.3, 0.6]})
    fixed = {"time": pd.Timestamp("2020-01-15"), "segment_length": 10.0, "granule": "a", "beam": "gt1l"}
    return table.assign(**(fixed | {"refsurf_ndx": 7, "refsurf_sigma": 0.03, "freeboard_sigma": 0.05} | columns))


def test_two_cells_of_one_section_by_hand():
    found = region_series(tally_segments(two_cells(), COARSE, value="freeboard"), (0, 80, 60, 89)).iloc[0]
    assert (found.n_segments, found.n_cells, found.n_passes) == (4, 2, 1)
    assert found.pooled_mean == pytest.approx(0.3)
    assert found.area_mean == pytest.approx((0.2 + 0.6) / 2)
    assert found.sigma == pytest.approx(math.hypot(0.03, 0.04 / 2))
    # Weights 1/6, 1/6, 1/6 and 1/2: the section's error is whole, squares of the weights add up to 1/3.
    assert found.area_sigma == pytest.approx(math.sqrt(0.03**2 + 0.04**2 / 3))
    assert np.isnan(found.sigma_passes)


def test_sections_of_their_own_are_independent():
    apart = two_cells(refsurf_ndx=[1, 1, 1, 2])
    found = region_series(tally_segments(apart, COARSE, value="freeboard"), (0, 80, 60, 89)).iloc[0]
    assert found.sigma == pytest.approx(math.sqrt((0.75 * 0.03) ** 2 + (0.25 * 0.03) ** 2 + 0.04**2 / 4))
    assert found.area_sigma == pytest.approx(math.sqrt(2 * 0.015**2 + 0.04**2 / 3))
    beams = two_cells(beam=["gt1l"] * 3 + ["gt2l"])
    found = region_series(tally_segments(beams, COARSE, value="freeboard"), (0, 80, 60, 89)).iloc[0]
    assert found.n_passes == 2
    assert found.sigma == pytest.approx(math.sqrt((0.75 * 0.03) ** 2 + (0.25 * 0.03) ** 2 + 0.04**2 / 4))


def test_thin_cells_are_left_out_of_every_column():
    tally = tally_segments(two_cells(), COARSE, value="freeboard")
    found = region_series(tally, (0, 80, 60, 89), min_count=2).iloc[0]
    assert (found.n_segments, found.n_cells, found.length_sum) == (3, 1, 30.0)
    assert found.pooled_mean == pytest.approx(0.2)
    assert found.area_mean == pytest.approx(0.2)
    nothing = region_series(tally, (0, 80, 60, 89), min_count=9).iloc[0]
    assert (nothing.n_segments, nothing.n_cells, nothing.coverage) == (0, 0, 0.0)
    assert np.isnan([nothing.pooled_mean, nothing.area_mean, nothing.sigma, nothing.sigma_passes]).all()


def test_cells_count_by_their_true_area():
    x, y = np.array([12.5e3, 12.5e3]), np.array([-12.5e3, -3312.5e3])
    back = pyproj.Transformer.from_crs("EPSG:3413", "EPSG:4326", always_xy=True)
    longitude, latitude = back.transform(x, y)
    table = pd.DataFrame({"longitude": longitude, "latitude": latitude, "h": [0.0, 1.0], "time": pd.Timestamp("2020")})
    grid = Grid.named("NSIDC_PS_WGS84_N25km")
    found = region_series(tally_segments(table, grid, value="h", weight=None), (-180, 50, 180, 90)).iloc[0]
    factors = pyproj.Proj("EPSG:3413").get_factors(longitude, latitude)
    areas = 1.0 / np.asarray(factors.areal_scale)
    assert areas[0] / areas[1] > 1.1
    assert found.area_mean == pytest.approx(areas[1] / areas.sum(), rel=1e-4)
    assert found.pooled_mean == 0.5
    assert "length_sum" not in found
    row, col = np.indices(grid.shape)
    px, py = grid.xy(row, col)
    lon, lat = back.transform(px, py)
    inside = lat >= 50
    scale = pyproj.Proj("EPSG:3413").get_factors(lon[inside], np.minimum(lat[inside], 89.99)).areal_scale
    assert found.coverage == pytest.approx(areas.sum() / (1.0 / np.asarray(scale)).sum(), rel=1e-3)


def test_regions_over_the_antimeridian_and_the_pole_hold_their_cells(table, tally):
    whole = region_series(tally, (-180, 60, 180, 90), None).iloc[0]
    assert whole.n_segments == tally.count
    west, east = region_series(tally, (90, 60, -90, 90), None), region_series(tally, (-90, 60, 90, 90), None)
    assert west.n_segments[0] + east.n_segments[0] == tally.count
    assert min(west.n_segments[0], east.n_segments[0]) > 0


@pytest.mark.parametrize(
    "periods",
    [
        [["2019-02-01", "2019-03-01"], ["2019-01-01", "2019-02-01"]],
        [["2019-01-01", "2019-03-01"], ["2019-02-01", "2019-04-01"]],
        [["2019-03-01", "2019-01-01"]],
    ],
)
def test_periods_out_of_order_are_refused(tally, periods):
    with pytest.raises(InputError, match="in order of time"):
        region_series(tally, EAST, periods=periods)


def test_what_cannot_be_answered_is_refused(table, tally):
    with pytest.raises(InputError, match="does not meet the grid"):
        region_series(tally, (-10, -80, 10, -70))
    with pytest.raises(InputError, match="centre of no cell"):
        region_series(tally, (10.0, 88.0, 10.0001, 88.0001))
    with pytest.raises(InputError, match="cut through the tally's time bins"):
        region_series(tally, EAST, "h")
    undated = tally_segments(table, GRID, value="freeboard", step=None)
    with pytest.raises(InputError, match="step='D'"):
        region_series(undated, EAST)
    with pytest.raises(InputError, match="step='D'"):
        region_series(undated, EAST, periods=[["2019-01-01", "2019-02-01"]])
    assert region_series(undated, EAST, None).n_segments[0] == region_series(tally, EAST, None).n_segments[0]
    with pytest.raises(InputError, match="no tally"):
        region_series([], EAST)
    empty = tally_segments(table, Grid.named("EASE2_S25km"), value="freeboard")
    with pytest.raises(EmptyDataError, match="empty"):
        region_series(empty, (0, -80, 10, -70))


def test_attributes_are_ready_for_json(tally):
    found = region_series(tally, EAST)
    told = json.loads(json.dumps(found.attrs))
    assert told["units"]["pooled_mean"] == told["units"]["sigma"] == told["units"]["length_sum"] == "m"
    assert told["units"]["coverage"] == "1"
    assert told["grid"]["signature"] == GRID.signature
    assert told["provenance"]["granules"] == list(tally.granules)
    assert told["provenance"]["value"] == "freeboard"
    assert shapely.from_wkt(told["region"]["wkt"]).area == pytest.approx(EAST.area)
