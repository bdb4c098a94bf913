"""Altimetry along flow lines, against loops and known surfaces."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
import xarray as xr

from altiflow.errors import EmptyDataError, InputError
from altiflow.fusion.trajectories import along_flow, flow_lines
from altiflow.gridding import write_netcdf

GEOD = pyproj.Geod(ellps="WGS84")
TO_GLOBE = pyproj.Transformer.from_crs("EPSG:3413", "EPSG:4326", always_xy=True)
LINE = shapely.LineString([(0, -3.3e6), (8e3, -3.302e6), (12e3, -3.295e6)])


@pytest.fixture
def segments():
    """Return 3000 points round LINE at 60 N, in two months."""
    random = np.random.default_rng(3)
    x, y = random.uniform(-3e3, 15e3, 3000), random.uniform(-3.306e6, -3.291e6, 3000)
    table = gpd.GeoDataFrame(
        {
            "height": random.normal(100, 5, 3000),
            "segment_length": random.uniform(10, 40, 3000),
            "time": np.datetime64("2020-01-05", "us") + (random.uniform(0, 50, 3000) * 86400e6).astype("m8[us]"),
        },
        geometry=gpd.points_from_xy(*TO_GLOBE.transform(x, y)),
        crs="EPSG:4326",
    )
    table.loc[5, "height"] = np.nan
    table.loc[9, "segment_length"] = -1.0
    table.attrs["altiflow"] = {"units": {"height": "m"}}
    return table


def by_hand(table, line, width, step):
    """Return where every segment belongs, leg by leg and with geodesics: (bin, month) or a word."""
    there = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3413", always_xy=True)
    places = np.array(line.coords)
    fates = []
    for row in table.itertuples():
        point = np.array(there.transform(row.geometry.x, row.geometry.y))
        best = None
        gone = 0.0
        for number in range(len(places) - 1):
            start, end = places[number : number + 2]
            length = GEOD.inv(*TO_GLOBE.transform(*start), *TO_GLOBE.transform(*end))[2]
            share = (point - start) @ (end - start) / ((end - start) @ (end - start))
            past = (number == 0 and share < 0) or (number == len(places) - 2 and share > 1)
            foot = start + min(max(share, 0), 1) * (end - start)
            away = np.hypot(*(point - foot))
            if best is None or away < best[0]:
                best = (away, foot, gone + min(max(share, 0), 1) * length, past)
            gone += length
        _, foot, along, past = best
        if GEOD.inv(*TO_GLOBE.transform(*foot), row.geometry.x, row.geometry.y)[2] > width:
            fates.append("far")
        elif past:
            fates.append("beyond")
        elif not (np.isfinite(row.height) and row.segment_length > 0):
            fates.append("out")
        else:
            fates.append((int(along // step), row.time.month - 1))
    return fates


def test_statistics_are_those_of_a_loop(segments):
    found = along_flow(segments, LINE, value="height", width_m=1500, step_m=2000, freq="MS", crs="EPSG:3413")
    fates = by_hand(segments, LINE, 1500, 2000)
    for word, name in (("far", "far"), ("beyond", "beyond_ends"), ("out", "left_out")):
        assert found.attrs[f"segments_{name}"] == fates.count(word), word
    assert fates.count("beyond") > 20
    assert sum(found.attrs[f"segments_{name}"] for name in ("used", "far", "beyond_ends", "left_out")) == 3000
    assert found["n_segments"].sum() == found.attrs["segments_used"]
    assert found.sizes == {"time": 2, "distance": 8, "nv": 2}
    for month in (0, 1):
        for place in range(8):
            mine = [index for index, fate in enumerate(fates) if fate == (place, month)]
            h, w = (segments[name].to_numpy()[mine] for name in ("height", "segment_length"))
            cell = found.isel(time=month, distance=place)
            assert cell["n_segments"] == len(mine) > 0
            mean = np.average(h, weights=w)
            assert cell["height_mean"].item() == pytest.approx(mean, rel=1e-12)
            assert cell["height_std"].item() == pytest.approx(np.sqrt(np.average((h - mean) ** 2, weights=w)))
            assert cell["length_sum"].item() == pytest.approx(w.sum())


def test_distance_is_on_the_ground_and_the_last_bin_is_what_is_left(segments):
    found = along_flow(segments, LINE, value="height", width_m=1500, step_m=2000, crs="EPSG:3413")
    longitude, latitude = TO_GLOBE.transform(*np.array(LINE.coords).T)
    length = GEOD.line_length(longitude, latitude)
    assert found.attrs["length_m"] == pytest.approx(length)
    assert LINE.length / length == pytest.approx(1.037, abs=2e-3)
    assert found["distance_bnds"].values[-1] == pytest.approx([14000, length])
    assert found["distance"].values[:2].tolist() == [1000, 3000]
    assert found["height_mean"].attrs["units"] == "m"
    start = GEOD.inv(longitude[0], latitude[0], found["longitude"][0], found["latitude"][0])[2]
    assert start == pytest.approx(1000, rel=1e-4)


def test_a_surface_along_a_flow_line(make_field, make_table):
    """Height falls by a hundredth along the flow: the section of the line is the slope times distance."""
    axis = np.arange(-5.0, 6) * 2e3
    field = make_field(100.0, 50.0, x=axis, y=axis, units="m yr-1", year_days=365.25).isel(time=[0])
    lines = flow_lines(field, [[0.0, 0.0]], max_length=5e3)
    along = np.array([2.0, 1.0]) / np.sqrt(5)
    x, y = (part.ravel() for part in np.meshgrid(np.arange(-7e3, 7e3, 90), np.arange(-7e3, 7e3, 90)))
    table = make_table(x, y, "2020-01-02", height=100 - 0.01 * (x * along[0] + y * along[1]))
    found = along_flow(table, lines, value="height", width_m=500, step_m=1000, weight=None)
    inner = found.isel(distance=slice(1, -1))
    slope = np.polyfit(inner["distance"], inner["height_mean"].values[0], 1)[0]
    assert slope == pytest.approx(-0.01 * 0.96986, rel=5e-3)
    assert "length_sum" not in found


def test_a_section_is_written_and_read(segments, tmp_path):
    found = along_flow(segments, LINE, value="height", width_m=1500, step_m=2000, freq="MS", crs="EPSG:3413")
    with xr.open_dataset(write_netcdf(found, tmp_path / "section.nc"), engine="h5netcdf") as back:
        xr.testing.assert_equal(back["height_mean"].drop_attrs(), found["height_mean"].drop_attrs())
        assert back.attrs["segments_used"] == found.attrs["segments_used"]


def test_nothing_beside_the_line_is_said(segments):
    with pytest.raises(EmptyDataError, match=r"none of 3000 segments lies within 50 m .*3000 far.* the nearest is"):
        along_flow(segments, shapely.LineString([(0, 0), (1e3, 0)]), value="height", width_m=50, step_m=1e3, crs=3413)


def test_several_lines_are_refused(segments, make_field):
    axis = np.arange(-5.0, 6) * 2e3
    lines = flow_lines(make_field(100.0, 50.0, x=axis, y=axis), [[0.0, 0.0], [0.0, 1e3]])
    with pytest.raises(InputError, match=r"it has 2 .* pick one with \.iloc"):
        along_flow(segments, lines, value="height", width_m=50, step_m=1e3)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"value": "freeboard"}, "no freeboard"),
        ({"weight": "n"}, "weight=None takes all"),
        ({"width_m": 0.0}, "width_m is a length"),
        ({"step_m": np.nan}, "step_m is a length"),
        ({"crs": None}, "map in metres"),
        ({"crs": "EPSG:4326"}, "map in metres"),
        ({"line": shapely.Point(0, 0)}, "must be a LineString"),
        ({"line": shapely.LineString([(0, 0), (0, 0)])}, "no length"),
        ({"freq": "fortnight"}, "no length of time"),
    ],
)
def test_what_is_refused(segments, options, match):
    given = {"line": LINE, "value": "height", "width_m": 1500, "step_m": 2000, "crs": "EPSG:3413"} | options
    line = given.pop("line")
    with pytest.raises(InputError, match=match):
        along_flow(segments, line, **given)
