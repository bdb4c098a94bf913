"""Tables of other instruments out of text files."""

from __future__ import annotations

import gzip

import numpy as np
import pandas as pd
import pytest

from altiflow import match_tables, read_table, write_table
from altiflow.errors import EmptyDataError, InputError, UnsupportedFormatError
from altiflow.readers.points import read_points

NAMES = {"longitude": "lon", "latitude": "lat", "time": "when"}
TEXT = """lon, lat, when, fb, track
190.25,75.5,2020-01-31T06:00:00Z,0.31,a
-10.0,-76.0,2020-02-01T12:30:00+01:00,-9999,b
,76.0,2020-02-01,0.2,b
20.0,77.0,,0.2,b
"""


@pytest.fixture
def make_file(tmp_path):
    def make(text, name="radar.csv"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return make


def test_rows_become_points_and_those_without_place_or_time_are_counted(make_file):
    table = read_points(make_file(TEXT), **NAMES, missing=[-9999], units={"fb": "m"}, product="CryoSat-2")
    assert table.crs == "EPSG:4326"
    assert list(table) == ["time", "longitude", "latitude", "fb", "track", "geometry"]
    assert table["longitude"].tolist() == table.geometry.x.tolist() == [-169.75, -10.0]
    assert table["time"].tolist() == [pd.Timestamp("2020-01-31T06"), pd.Timestamp("2020-02-01T11:30")]
    assert table["fb"].iloc[0] == 0.31
    assert np.isnan(table["fb"].iloc[1])
    told = table.attrs["altiflow"]
    assert told["dropped"] == {"no_place": 1, "no_time": 1}
    assert (told["product"], told["units"]["fb"]) == ("CryoSat-2", "m")


@pytest.mark.parametrize(
    ("written", "time_format", "expected"),
    [
        ("20200131", "%Y%m%d", "2020-01-31"),
        ("31.01.2020 06:30", "%d.%m.%Y %H:%M", "2020-01-31T06:30"),
        ("633765600.25", "seconds since 2000-01-01", "2020-01-31T06:00:00.25"),
        ("25.5", "days since 2020-01-01", "2020-01-26T12:00"),
        ("2020-01-31 06:30:00.123456", None, "2020-01-31T06:30:00.123456"),
    ],
)
def test_times_are_read_as_they_are_written(make_file, written, time_format, expected):
    path = make_file(f"lon,lat,when\n1.0,2.0,{written}\n")
    table = read_points(path, **NAMES, time_format=time_format)
    assert table["time"].to_numpy()[0] == np.datetime64(expected, "us")


def test_columns_are_chosen_files_may_be_packed_and_separated_otherwise(tmp_path):
    path = tmp_path / "radar.txt.gz"
    path.write_bytes(gzip.compress(b"lon;lat;when;fb;junk\n1;2;2020-01-01;0.5;x\n"))
    table = read_points(path, **NAMES, values=["fb"], separator=";")
    assert list(table) == ["time", "longitude", "latitude", "fb", "geometry"]
    written = write_table(table, tmp_path / "radar.parquet")
    assert read_table(written).attrs["altiflow"]["source"] == "radar.txt.gz"


@pytest.mark.parametrize(
    ("text", "options", "error", "match"),
    [
        (TEXT.replace("75.5", "175.5"), {}, InputError, "swap longitude and latitude"),
        (TEXT.replace("75.5", "north"), {}, InputError, "not one of numbers"),
        (TEXT, {"latitude": "latitude"}, InputError, "has no column latitude; it has lon, lat, when, fb, track"),
        (TEXT, {"values": ["sit"]}, InputError, "has no column sit"),
        (TEXT, {"time_format": "%Y%m%d"}, InputError, "not written as %Y%m%d"),
        ("lon,lat,when\n1,2,20200131\n", {}, InputError, "say time_format"),
        ("lon,lat,when\n1,2,3\n", {"time_format": "weeks since 2000-01-01"}, InputError, "weeks since"),
        ("lon,lat,when\n,2,2020-01-01\n", {}, EmptyDataError, "none of 1 rows"),
        ("lon,lat,when,time\n1,2,2020-01-01,x\n", {}, InputError, "'time' is kept"),
        ("", {}, UnsupportedFormatError, "not a table of text"),
    ],
)
def test_files_that_are_refused(make_file, text, options, error, match):
    with pytest.raises(error, match=match):
        read_points(make_file(text), **{**NAMES, **options})


def test_a_file_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        read_points(tmp_path / "none.csv", **NAMES)


def test_real_collocations_of_two_altimeters_are_read_and_meet_themselves(data):
    """6653 rows of July 2023: each meets itself, or what is nearer than its own place to the digit."""
    path = data("derived/collocated_202307.csv")
    table = read_points(path, longitude="lon", latitude="lat", time="date", time_format="%Y%m%d", values=["cs2_rfb"])
    assert len(table) == 6653
    assert (table["time"].dt.strftime("%Y%m") == "202307").all()
    pairs = match_tables(table, table, motion="none", max_distance_m=1.0, max_dt="1h")
    assert len(pairs) == 6653
    assert (pairs["distance_m"] == 0).all()
