"""Series at a point out of CSV: known medians, invalid rows counted, intervals round the middle."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyproj
import pytest

from altiflow.errors import CorruptGranuleError, EmptyDataError, InputError, MissingDataError
from altiflow.readers.field import check_series, space_dims
from altiflow.readers.layers import is_cube
from altiflow.readers.velocity import read_point_series

JAKOBSHAVN = "itslive/points/LAT69.1117--LON-49.4604.csv"
SPEEDS = "itslive/points/lat_34.3963_lon_85.9067 2.csv"
ROW = {
    "mid_date": "2020-05-11 10:00:19.864243968",
    "lat": 69.1117,
    "lon": -49.4604,
    "v [m/yr]": 5.0,
    "v_error [m/yr]": 1.0,
    "vx [m/yr]": 3.0,
    "vx_error [m/yr]": 0.5,
    "vy [m/yr]": -4.0,
    "vy_error [m/yr]": 0.25,
    "date_dt [days]": 5,
    "mission": "S",
    "satellite": "1A",
    "epsg": 3413,
}


@pytest.fixture
def points(tmp_path):
    def make(*changes, without=()):
        rows = [{**ROW, **change} for change in (changes or ({},))]
        path = tmp_path / "point.csv"
        pd.DataFrame(rows).drop(columns=list(without)).to_csv(path, index=False)
        return path

    return make


@pytest.fixture(scope="module")
def series(data):
    return read_point_series(data(JAKOBSHAVN))


class TestRealSeries:
    def test_medians_are_the_known_ones(self, series):
        speed = np.hypot(series["vx"], series["vy"]).values[:, 0]
        days = series["separation_days"].values
        assert np.nanmedian(speed) == pytest.approx(5_839, abs=1)
        assert np.nanmedian(speed[days <= 64]) == pytest.approx(7_243, abs=1)
        assert np.nanmedian(speed[days > 100]) == pytest.approx(497, abs=1)

    def test_rows_order_and_invalid_ones(self, series, data):
        table = pd.read_csv(data(JAKOBSHAVN))
        assert dict(series.sizes) == {"time": 4_225, "point": 1, "nv": 2}
        assert series.attrs["invalid_rows"] == 2
        fill = table["v [m/yr]"].to_numpy() == 32_767
        assert (np.isnan(series["vx"].values[:, 0]) == fill).all()
        np.testing.assert_array_equal(series["vy"].values[~fill, 0], table["vy [m/yr]"].to_numpy()[~fill])
        np.testing.assert_array_equal(series["vx_sigma"].values[~fill, 0], table["vx_error [m/yr]"].to_numpy()[~fill])

    def test_place_and_statements(self, series):
        project = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3413", always_xy=True)
        x, y = project.transform(-49.4604, 69.1117)
        assert (float(series["x"][0]), float(series["y"][0])) == pytest.approx((x, y))
        stated = {
            name: series.attrs[name] for name in ("crs", "units", "year_days", "velocity_metric", "metric_source")
        }
        assert stated == {
            "crs": "EPSG:3413",
            "units": "m yr-1",
            "year_days": 365.0,
            "velocity_metric": "map",
            "metric_source": "assumed",
        }
        assert space_dims(check_series(series)) == ("point",)
        assert not is_cube(series)
        assert set(np.unique(series["satellite"])) >= {"L5", "L8", "S1A"}

    def test_speeds_alone_are_refused(self, data):
        with pytest.raises(MissingDataError, match=r"no components vx and vy \(it holds mid_date, v \[m/yr\]"):
            read_point_series(data(SPEEDS))


def test_the_interval_lies_round_the_middle(points):
    series = read_point_series(points())
    bounds = series["time_bnds"].values[0].astype("datetime64[s]").astype(str).tolist()
    assert bounds == ["2020-05-08T22:00:19", "2020-05-13T22:00:19"]
    assert str(series["time"].values[0])[:19] == "2020-05-11T10:00:19"
    assert (str(series["mission"].values[0]), str(series["satellite"].values[0])) == ("sentinel1", "S1A")


@pytest.mark.parametrize(
    "change", [{"v [m/yr]": 32767}, {"v [m/yr]": 32766}, {"vx [m/yr]": -32767}, {"vy [m/yr]": np.nan}]
)
def test_fill_is_nan_in_all_and_counted(points, change):
    series = read_point_series(points({}, change))
    assert series.attrs["invalid_rows"] == 1
    for name in ("vx", "vy", "vx_sigma", "vy_sigma"):
        assert np.isnan(series[name].values[:, 0]).tolist() == [False, True]


def test_a_crs_is_asked_for_and_not_guessed(points):
    path = points(without=["epsg"])
    with pytest.raises(InputError, match="states no CRS"):
        read_point_series(path)
    assert read_point_series(path, crs=3413).attrs["crs"] == "EPSG:3413"
    with pytest.raises(InputError, match="leave `crs` out"):
        read_point_series(points(), crs="EPSG:3031")


@pytest.mark.parametrize(
    ("changes", "without", "error", "message"),
    [
        ([{}, {"lat": 70.0}], (), InputError, "holds 2 points"),
        ([{}], ("vx [m/yr]",), MissingDataError, "no components"),
        ([{}], ("date_dt [days]",), MissingDataError, r"lacks the columns date_dt \[days\]"),
        ([{"mid_date": "soon"}], (), CorruptGranuleError, "'mid_date' of point.csv"),
        ([{"date_dt [days]": 0}], (), CorruptGranuleError, "a separation that is none"),
        ([{"vx [m/yr]": "fast"}], (), CorruptGranuleError, "is no number"),
    ],
)
def test_what_cannot_be_a_series(points, changes, without, error, message):
    with pytest.raises(error, match=message):
        read_point_series(points(*changes, without=without))


def test_no_file_and_no_rows(tmp_path, points):
    with pytest.raises(InputError, match="there is no file"):
        read_point_series(tmp_path / "none.csv")
    path = points()
    path.write_text(path.read_text().splitlines()[0] + "\n")
    with pytest.raises(EmptyDataError, match="has no row"):
        read_point_series(path)
    path.write_text("")
    with pytest.raises(CorruptGranuleError, match="as CSV"):
        read_point_series(path)
