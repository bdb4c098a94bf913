"""Periods by hand: days from midnight, months from the first, every one in between."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altiflow.errors import InputError
from altiflow.gridding.periods import bin_times, make_periods

FIRST, LAST = np.datetime64("2019-12-30T05:00"), np.datetime64("2020-02-02T03:00")


def days(freq: str, first: np.datetime64 = FIRST, last: np.datetime64 = LAST) -> list[str]:
    """Return the starts, and the end of the last."""
    periods = make_periods(first, last, freq)
    assert np.array_equal(periods[1:, 0], periods[:-1, 1])
    return [str(edge) for edge in [*periods[:, 0].astype("datetime64[D]"), periods[-1, 1].astype("datetime64[D]")]]


@pytest.mark.parametrize("freq", ["MS", "M", "ME", "month", "1M", "1MS"])
def test_months_begin_on_the_first_and_go_over_the_year(freq):
    assert days(freq) == ["2019-12-01", "2020-01-01", "2020-02-01", "2020-03-01"]


@pytest.mark.parametrize(
    ("freq", "edges"),
    [
        ("2M", ["2019-12-01", "2020-02-01", "2020-04-01"]),
        ("QS", ["2019-10-01", "2020-01-01", "2020-04-01"]),
        ("quarter", ["2019-10-01", "2020-01-01", "2020-04-01"]),
        ("A", ["2019-01-01", "2020-01-01", "2021-01-01"]),
        ("w", ["2019-12-29", "2020-01-05", "2020-01-12", "2020-01-19", "2020-01-26", "2020-02-02", "2020-02-09"]),
        ("year", ["2019-01-01", "2020-01-01", "2021-01-01"]),
        ("10D", ["2019-12-30", "2020-01-09", "2020-01-19", "2020-01-29", "2020-02-08"]),
        ("W-MON", ["2019-12-30", "2020-01-06", "2020-01-13", "2020-01-20", "2020-01-27", "2020-02-03"]),
    ],
)
def test_other_periods_by_hand(freq, edges):
    assert days(freq) == edges


def test_days_begin_at_midnight():
    found = make_periods(np.datetime64("2019-12-31T23:59:59"), np.datetime64("2020-01-01"), "D")
    assert found.astype("datetime64[D]").astype(str).tolist() == [
        ["2019-12-31", "2020-01-01"],
        ["2020-01-01", "2020-01-02"],
    ]
    assert len(make_periods(FIRST, LAST, "day")) == 35


def test_a_leap_day_is_in_february():
    periods = make_periods(np.datetime64("2020-02-29T23:59"), np.datetime64("2020-02-29T23:59"), "MS")
    assert periods.astype("datetime64[D]").astype(str).tolist() == [["2020-02-01", "2020-03-01"]]


@pytest.mark.parametrize("freq", ["6h", "6H", "6 hours"])
def test_hours_are_counted_from_midnight(freq):
    assert make_periods(FIRST, FIRST, freq).astype(str)[0].tolist() == [
        "2019-12-30T00:00:00.000000000",
        "2019-12-30T06:00:00.000000000",
    ]


def test_one_period_holds_the_last_time():
    periods = make_periods(FIRST, LAST, None)
    assert bin_times([FIRST, LAST], periods).tolist() == [0, 0]
    assert np.isnat(make_periods(np.datetime64("NaT", "ns"), np.datetime64("NaT", "ns"), None)).all()


def test_starts_belong_to_a_period_and_ends_to_the_next():
    periods = make_periods(FIRST, LAST, "MS")
    times = [
        "2019-12-01",
        "2019-11-30T23:59:59.999999",
        "2020-01-01",
        "2019-12-31T23:59:59.999999",
        "2020-03-01",
        "NaT",
    ]
    assert bin_times(np.array(times, "datetime64[ns]"), periods).tolist() == [0, -1, 1, 0, -1, -1]


@pytest.mark.parametrize("freq", ["", "banana", "0D", "-1D", "QE-NOV", "D D", "A-DEC", "MIN", 7])
def test_what_is_no_length_of_time_is_refused(freq):
    with pytest.raises(InputError, match="freq="):
        make_periods(FIRST, LAST, freq)


def test_periods_need_times():
    with pytest.raises(InputError, match="NaT"):
        make_periods(np.datetime64("NaT", "ns"), np.datetime64("NaT", "ns"), "D")


@given(
    st.lists(st.datetimes(min_value=datetime(2018, 10, 14), max_value=datetime(2030, 1, 1))),
    st.sampled_from(["D", "7D", "MS", "2MS", "QS", "YS", "W", "36h"]),
)
@settings(max_examples=60, deadline=None)
def test_every_time_between_first_and_last_has_its_period(times, freq):
    stamps = np.array([*times, FIRST], "datetime64[ns]")
    periods = make_periods(stamps.min(), stamps.max(), freq)
    place = bin_times(stamps, periods)
    assert place.min() == 0
    assert place.max() == len(periods) - 1
    assert (periods[place, 0] <= stamps).all()
    assert (stamps < periods[place, 1]).all()
    assert np.array_equal(periods[1:, 0], periods[:-1, 1])
