"""Do altimetry and velocity meet, and is the message of use when they do not."""

from __future__ import annotations

import numpy as np
import pytest

from altiflow.errors import EmptyDataError, NoOverlapError
from altiflow.fusion.fields.guards import check_overlap

X, Y = np.arange(-10, 11) * 25e3, -1.5e6 + np.arange(-10, 11) * 25e3


def test_fractions_of_a_partial_overlap(make_field, make_table):
    values = np.ones((Y.size, X.size))
    values[:, X < 0] = np.nan
    times = ["2020-01-03", "2020-01-03", "2020-03-03", "2020-01-03"]
    table = make_table([1e5, -1e5, 1e5, 9e5], np.full(4, -1.5e6), times)
    found = check_overlap(table, make_field(values, 0.0, x=X, y=Y))
    assert (found.segments, found.in_extent, found.in_period, found.with_velocity) == (4, 0.75, 0.75, 0.5)
    assert found.farthest_days == 55.0
    assert "up to 55.0 days away" in found.text
    assert "of 4 segments 75.0% lie within" in found.text
    assert "50.0% get a velocity" in found.text


def test_an_undated_field_has_no_period(make_field, make_table):
    field = make_field(1.0, 0.0, x=X, y=Y, bounds=[("NaT", "NaT")], time_rule="undated")
    found = check_overlap(make_table([0.0], [-1.5e6], "2020-01-03"), field)
    assert found.in_period is None
    assert found.farthest_days is None
    assert "undated" in found.text


@pytest.mark.parametrize(
    ("product", "source", "units", "advice"),
    [
        ("ATL10", "ITS_LIVE velocity mosaic", "m yr-1", "NSIDC-0116"),
        ("ATL07", "somebody's field", "m yr-1", "NSIDC-0116"),
        ("ATL06", "NSIDC-0116 v4.1", "cm s-1", "ITS_LIVE"),
        ("ATL06", "ITS_LIVE velocity mosaic", "m yr-1", "regions differ"),
        ("ATL10", "NSIDC-0116 v4.1", "cm s-1", "regions differ"),
    ],
)
def test_the_message_says_why(make_field, make_table, product, source, units, advice):
    field = make_field(1.0, 0.0, x=X, y=Y, source=source, units=units, year_days=365.25)
    table = make_table([-2e6], [1e6], "2021-05-03", product=product)
    with pytest.raises(NoOverlapError) as caught:
        check_overlap(table, field)
    text = str(caught.value)
    assert advice in text
    assert product in text
    assert source in text
    assert "2021-05-03" in text
    assert "2020-01-01 to 2020-01-08" in text
    assert "latitude" in text


def test_a_gap_is_told_from_another_region(make_field, make_table):
    values = np.ones((Y.size, X.size))
    values[:, X < 0] = np.nan
    with pytest.raises(NoOverlapError, match="no valid velocity at the segments"):
        check_overlap(make_table([-1e5], [-1.5e6], "2020-01-03"), make_field(values, 0.0, x=X, y=Y))


def test_longitudes_across_the_antimeridian_are_a_short_arc(make_field, make_table):
    table = make_table([-1e5, 1e5], [1.5e6, 1.5e6], "2020-01-03", crs="EPSG:6931")
    with pytest.raises(NoOverlapError, match=r"longitude 176\.19 to -176\.19"):
        check_overlap(table, make_field(1.0, 0.0, x=X, y=Y))


def test_a_table_without_segments_is_told_as_such(make_field, make_table):
    with pytest.raises(EmptyDataError, match="no segments"):
        check_overlap(make_table([0.0], [0.0], "2020-01-03").iloc[:0], make_field(1.0, 0.0, x=X, y=Y))
