"""What a Dataset says of how it came about, and what periods and columns it refuses or leaves out."""

from __future__ import annotations

import h5netcdf
import numpy as np
import pandas as pd
import pytest

from altiflow.errors import InputError
from altiflow.gridding import Grid, anomaly, climatology, grid_segments, region_series, regrid, tally_segments, trend
from altiflow.gridding.atl20 import write_atl20, write_atl20_months
from altiflow.readers import make_sample, read_segments

GRID = Grid.named("EASE2_N25km")
PLACE = {"longitude": 0.0, "latitude": 80.0, "segment_length": 20.0}


def table(times, **columns):
    frame = pd.DataFrame({"time": pd.to_datetime(times)} | columns)
    return frame.assign(**{name: frame.get(name, value) for name, value in PLACE.items()})


def test_counts_are_of_what_is_shown():
    names = ["ATL10-01_20190105000000_00610201_006_01", "ATL10-01_20190705000000_00610401_007_02"]
    frame = table(["2019-01-05", "2019-07-05"], granule=names, beam="gt1r", h=[1.0, 3.0], g=[np.nan, 2.0])
    tally = tally_segments(frame, GRID, value=["h", "g"])
    whole, winter = tally.to_dataset(), tally.to_dataset(periods=[["2018-11-01", "2019-05-01"]])
    assert whole.attrs["granules"].split() == names
    assert whole.attrs["releases"] == "006 007"
    assert "segments_outside_periods" not in whole.attrs
    told = {name: winter.attrs[f"segments_{name}"] for name in ("gridded", "outside_grid", "left_out")}
    assert told == {"gridded": 1, "outside_grid": 0, "left_out": 0}
    assert winter.attrs["segments_outside_periods"] == 1
    assert winter.attrs["granules"] == names[0]
    assert winter.attrs["doi"] == "10.5067/ATLAS/ATL10.006"
    second = tally.to_dataset(values=["g"])
    assert (second.attrs["segments_gridded"], second.attrs["segments_left_out"]) == (1, 1)


def test_an_undated_tally_has_no_place_in_periods():
    tally = tally_segments(table(["2019-01-05", "2020-06-01"], h=[1.0, 3.0]), GRID, value="h", step=None)
    for ask in (tally.to_dataset, lambda periods: region_series(tally, (-10, 75, 50, 85), periods=periods)):
        with pytest.raises(InputError, match="needs a tally with time bins"):
            ask(periods=[["2018-11-01", "2019-05-01"]])


@pytest.mark.parametrize(
    "period",
    [
        ["2019-01-05T06", "2019-01-05T18"],
        ["2019-01-04", "2019-01-05T23:59:59.5"],
        ["2019-01-05T00:00:00.000001", "2019-01-09"],
    ],
)
def test_a_period_inside_a_bin_is_refused_and_one_beside_it_is_not(period):
    tally = tally_segments(table(["2019-01-05T10"], h=[1.0]), GRID, value="h")
    with pytest.raises(InputError, match="cut through the tally's time bins"):
        tally.to_dataset(periods=[period])
    with pytest.raises(InputError, match="cut through the tally's time bins"):
        region_series(tally, (-10, 75, 50, 85), periods=[period])
    beside = tally.to_dataset(periods=[["2019-01-03T06", "2019-01-03T18"], ["2019-01-05", "2019-01-06"]])
    assert beside.n_segments.sum(("y", "x")).values.tolist() == [0, 1]


def test_words_that_are_no_times_are_named():
    tally = tally_segments(table(["2019-01-05T10"], h=[1.0]), GRID, value="h")
    for periods in ([["foo", "bar"]], [], [2019, 2020], [["2019-01-01", "NaT"]], ["2019-01-01"]):
        with pytest.raises(InputError, match=r"periods are pairs of times .* got"):
            tally.to_dataset(periods=periods, crop=True)
    shown = tally.to_dataset(periods=[["2019-01-01", "2019-02-01"]])
    assert "periods=2019-01-01T00:00:00 to 2019-02-01T00:00:00" in shown.attrs["history"]


def test_statistics_of_a_second_value_take_its_own_counts_and_lengths():
    times = pd.date_range("2019-01-15", periods=6, freq="MS") + pd.Timedelta(14, "D")
    lengths = np.array([10.0, 40, 10, 70, 20, 90])
    first = np.array([0.1, np.nan, 0.2, 0.3, np.nan, 0.1])
    frame = table(times, a=first, b=[1.0, 4, 2, 6, 3, 1], segment_length=lengths)
    both, alone = (tally_segments(frame, GRID, value=v).to_dataset("MS", crop=True) for v in (["a", "b"], ["b"]))
    one, two = (trend(data, value="b", weights="length_sum") for data in (both, alone))
    assert np.array_equal(one.b_trend, two.b_trend, equal_nan=True)
    assert int(one.n_used.max()) == 6
    parts = [anomaly(data, climatology(data, value="b"), value="b") for data in (both, alone)]
    assert parts[0].n_segments.values.tolist() == parts[1].n_segments.values.tolist()
    assert np.array_equal(parts[0].length_sum, parts[1].length_sum, equal_nan=True)
    coarse = regrid(both, Grid.from_dataset(both).coarsen(2) if Grid.from_dataset(both).shape[0] % 2 == 0 else GRID)
    filled = coarse.b_n_segments > 0
    assert np.allclose((coarse.b_length_sum / coarse.b_n_segments).where(filled), coarse.b_length_mean, equal_nan=True)


def test_passes_and_sigmas_of_a_regridded_map_are_bounds():
    fine = Grid.named("EASE2_N6.25km")
    rows, names = 400, [f"ATL10-01_201901{day:02d}000000_00{day:02d}0201_006_01" for day in (1, 2, 3)]
    frame = pd.concat(
        [
            table(
                pd.Timestamp("2019-01-01") + pd.to_timedelta(np.arange(rows), "ms"),
                latitude=80 + np.linspace(0, 0.3, rows),
                granule=name,
                beam="gt1r",
                freeboard=np.linspace(0.2, 0.4, rows),
                freeboard_sigma=0.03,
                refsurf_ndx=1,
                refsurf_sigma=0.02,
                x_atc=np.arange(rows) * 80.0,
            )
            for name in names
        ]
    )
    tally = tally_segments(frame, fine, value="freeboard")
    exact, rough = tally.coarsen(4).to_dataset(), regrid(tally.to_dataset(), fine.coarsen(4))
    there = exact.n_segments.values > 0
    assert np.array_equal(rough.n_segments.values, exact.n_segments.values)
    for name in ("n_passes", "n_sections"):
        assert (rough[name].values[there] <= exact[name].values[there]).all()
        assert (rough[name].values[there] >= 1).all()
        assert "lower bound" in rough[name].attrs["comment"]
    assert (rough.freeboard_sigma.values[there] >= 0.98 * exact.freeboard_sigma.values[there]).all()
    assert "upper bound" in rough.freeboard_sigma.attrs["comment"]


def test_the_formal_sigma_knows_only_segments_with_a_value():
    place = np.arange(200) * 20.0
    value = np.where(np.arange(200) % 2 == 0, 1.0, np.nan)
    told = {"granule": "g", "beam": "gt1r", "x_atc": place, "segment_length": 40.0, "height_sigma": 1.0}
    frame = table(pd.Timestamp("2019-01-01") + pd.to_timedelta(np.arange(200), "ms"), height=value, **told)
    with_gaps = tally_segments(frame, GRID, value="height").to_dataset(crop=True)
    without = tally_segments(frame.dropna(), GRID, value="height").to_dataset(crop=True)
    assert float(with_gaps.height_sigma.max()) == pytest.approx(0.1, rel=1e-12)
    assert float(without.height_sigma.max()) == pytest.approx(0.1, rel=1e-12)


def test_sections_need_granule_and_beam():
    frame = table(["2019-01-01"] * 3, freeboard=0.3, freeboard_sigma=0.05, refsurf_ndx=1, refsurf_sigma=0.04)
    assert "n_sections" not in tally_segments(frame, GRID, value="freeboard").to_dataset(crop=True)
    told = frame.assign(granule="g", beam=["gt1r", "gt2r", "gt3r"])
    assert int(tally_segments(told, GRID, value="freeboard").to_dataset(crop=True).n_sections.max()) == 3


def test_a_grid_finer_one_way_is_not_coarser():
    square = Grid.from_bounds("EPSG:6931", (0, 0, 4000, 4000), 1000)
    flat = Grid(square.crs, square.transform @ square.transform.scale(1, 0.5), (8, 4))
    tally = tally_segments(table(["2019-01-01"], h=1.0), square, value="h")
    with pytest.raises(InputError, match="not made of whole cells"):
        tally.coarsen(flat)


def test_months_of_freeboard_are_written_though_another_value_is_empty(tmp_path):
    polar = Grid.named("NSIDC_PS_N25km")
    frame = table(["2019-01-05", "2019-01-06", "2019-02-05"], height=np.nan, freeboard=[0.2, 0.3, 0.4])
    frame["granule"] = ["a", "a", "b"]
    files = write_atl20_months(tally_segments(frame, polar, value=["height", "freeboard"]), tmp_path)
    assert len(files) == 2
    with h5netcdf.File(files[0], "r") as file:
        assert file.attrs["input_granules"] == "a"


def test_cells_below_the_least_number_count_nothing_in_a_file_like_atl20(tmp_path):
    tally = tally_segments(table(["2019-01-05"], freeboard=[0.2]), Grid.named("NSIDC_PS_N25km"), value="freeboard")
    path = write_atl20(tally.to_dataset("D", min_count=2), tmp_path)
    with h5netcdf.File(path, "r") as file:
        day = file["daily/day05"]
        assert int(day["n_segs"][...].sum()) == 0
        assert day.attrs["status"] == "no segments"


@pytest.mark.parametrize("fill", [np.float32(3.4028235e38), 9.96921e36, -3.4e38])
def test_fill_is_no_measurement(fill):
    frame = table(["2019-01-05", "2019-01-06"], h=np.array([0.3, fill]))
    with pytest.raises(InputError, match=r"column 'h' holds .* which is fill"):
        tally_segments(frame, GRID, value="h")


def test_what_is_simulated_is_called_so_and_has_no_doi(tmp_path):
    sample = make_sample(tmp_path, granules=1)
    segments = read_segments(sample.granules)
    assert segments.attrs["altiflow"]["doi"] == []
    for gridded in (
        tally_segments(segments, GRID, value="freeboard").to_dataset("MS"),
        grid_segments(segments, GRID, value="freeboard"),
    ):
        assert gridded.attrs["title"].endswith("(simulated)")
        assert "doi" not in gridded.attrs
