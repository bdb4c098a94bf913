"""Charts, by what is on their axes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from altiflow import draw_coverage, draw_histogram, draw_series
from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.charts.coverage import track_length


@pytest.fixture
def table() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    time = pd.Timestamp("2019-01-01") + pd.to_timedelta(np.sort(rng.uniform(0, 40, 4000)), unit="D")
    time = time[(time < "2019-01-10") | (time > "2019-01-15")]
    found = pd.DataFrame({"time": time, "freeboard": rng.lognormal(-1.2, 0.4, time.size)})
    return found.assign(segment_length=rng.uniform(10, 200, time.size))


def test_a_histogram_weighs_by_length_and_marks_mean_and_median(table: pd.DataFrame) -> None:
    axes = draw_histogram(table, "freeboard", units="m").axes[0]
    weights = table["segment_length"].to_numpy()
    bars, edges, _ = axes.patches[0].get_data()
    inside = table["freeboard"].between(edges[0], edges[-1])
    assert bars.sum() == pytest.approx(100 * weights[inside].sum() / weights.sum(), rel=1e-12)
    mean = np.average(table["freeboard"], weights=weights)
    assert axes.lines[0].get_xdata()[0] == pytest.approx(mean, rel=1e-12)
    middle = axes.lines[1].get_xdata()[0]
    below = weights[table["freeboard"] < middle].sum()
    assert below < weights.sum() / 2 <= below + weights[table["freeboard"] == middle].sum()
    assert axes.get_xlabel() == "freeboard [m]"
    assert f"{(~inside).sum()} beyond the axis" in " ".join(text.get_text() for text in axes.figure.texts)


def test_a_histogram_of_one_value_or_without_weights_is_drawn(table: pd.DataFrame, tmp_path: Path) -> None:
    axes = draw_histogram(table.assign(freeboard=0.3), "freeboard", weight=None, path=tmp_path / "one.png").axes[0]
    assert axes.get_ylabel() == "share of segments [%]"
    assert axes.patches[0].get_data()[0].sum() == pytest.approx(100)
    assert (tmp_path / "one.png").stat().st_size > 5000


def test_what_a_histogram_cannot_show_is_refused(table: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="no column 'height'; it has time, freeboard"):
        draw_histogram(table, "height")
    with pytest.raises(InputError, match="bins must be 1 or more"):
        draw_histogram(table, "freeboard", bins=0)
    with pytest.raises(EmptyDataError, match="no segment has a value of freeboard"):
        draw_histogram(table.assign(freeboard=np.nan), "freeboard")


@pytest.mark.parametrize(("freq", "count"), [("D", 41), ("MS", 2), ("YS", 1)])
def test_coverage_adds_up_to_all_track_and_shows_days_without(table: pd.DataFrame, freq: str, count: int) -> None:
    length = track_length(table, freq)
    assert len(length) in (count - 1, count)
    assert length.sum() == pytest.approx(table["segment_length"].sum() / 1e3, rel=1e-12)
    figure = draw_coverage(table, freq=freq)
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    assert heights == pytest.approx(length.to_numpy())
    if freq == "D":
        assert (length["2019-01-10":"2019-01-14"] == 0).all()
        assert "of them without data" in figure.texts[1].get_text()


def test_coverage_needs_times_lengths_and_a_known_step(table: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="freq must be one of D, MS, YS"):
        draw_coverage(table, freq="h")
    with pytest.raises(InputError, match="no column 'segment_length'"):
        draw_coverage(table.drop(columns="segment_length"))
    with pytest.raises(EmptyDataError, match="no segment has a time"):
        draw_coverage(table.iloc[:0])


def test_a_series_is_sorted_shows_errors_and_breaks_where_values_are_missing(tmp_path: Path) -> None:
    times = pd.to_datetime(["2019-03-01", "2019-01-01", "2019-02-01", "2019-04-01"])
    series = pd.DataFrame({"time": times, "v": [3.0, 1.0, np.nan, 4.0], "v_sigma": [0.3, 0.1, 0.2, 0.4]})
    figure = draw_series(series.set_index("time"), "v", units="m yr-1", path=tmp_path / "v.svg")
    line = figure.axes[0].lines[0]
    assert line.get_ydata() == pytest.approx([1.0, np.nan, 3.0, 4.0], nan_ok=True)
    assert "1 missing; bars: one standard error" in figure.texts[1].get_text()
    assert figure.axes[0].get_ylabel() == "v [m yr⁻¹]"
    bars = figure.axes[0].collections[0].get_segments()
    assert bars[0][:, 1] == pytest.approx([0.9, 1.1])
    with pytest.raises(InputError, match="no column 'w'"):
        draw_series(series, "w")
    with pytest.raises(EmptyDataError, match="no row has a time and a value"):
        draw_series(series.assign(v=np.nan), "v")


def test_coverage_of_pairs_is_counted_by_year_and_stacked_by_satellite() -> None:
    start = pd.to_datetime(["2018-03-01", "2018-09-01", "2020-01-05", "2020-06-01", "2020-07-01"])
    pairs = pd.DataFrame({"start": start, "satellite": ["S1A", "L8", "L8", "L8", None]})
    figure = draw_coverage(pairs, freq="YS", time="start", length=None, by="satellite", title="Pairs")
    axes = figure.axes[0]
    heights = np.array([bar.get_height() for bar in axes.patches]).reshape(3, 3)
    assert heights.tolist() == [[1, 0, 2], [1, 0, 0], [0, 0, 1]]
    bottoms = np.array([bar.get_y() for bar in axes.patches]).reshape(3, 3)
    assert bottoms.tolist() == [[0, 0, 0], [1, 0, 2], [2, 0, 2]]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == ["L8: 3", "S1A: 1", "unknown: 1"]
    assert axes.get_ylabel() == "rows per year"
    assert "5 rows, 3 years, 1 of them without data" in figure.texts[1].get_text()
    assert all(float(tick).is_integer() for tick in axes.get_yticks())


def test_groups_of_a_series_have_colours_and_marks_of_their_own_and_no_lines() -> None:
    times = pd.to_datetime(["2019-01-01", "2019-02-01", "2019-03-01", "2019-04-01"])
    series = pd.DataFrame({"mid": times, "v": [1.0, 2.0, np.nan, 4.0], "satellite": ["a", "b", "a", "b"]})
    axes = draw_series(series, "v", time="mid", by="satellite", units="m yr-1").axes[0]
    assert [line.get_linestyle() for line in axes.lines] == ["None", "None"]
    assert len({line.get_color() for line in axes.lines}) == len({line.get_marker() for line in axes.lines}) == 2
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a: 1", "b: 2"]
    many = series.loc[np.zeros(12, int)].assign(satellite=[f"s{n}" for n in range(12)])
    assert "other: 5" in [
        text.get_text() for text in draw_series(many, "v", time="mid", by="satellite").axes[0].get_legend().get_texts()
    ]
    with pytest.raises(InputError, match="by='mission' is no column"):
        draw_series(series, "v", time="mid", by="mission")


@pytest.mark.parametrize(
    ("start", "days", "first"),
    [("2018-12-01", 90, "Dec\n2018"), ("1990-01-01", 365 * 30, "1990"), ("2019-03-05", 0.5, "00:00\n5 Mar 2019")],
)
def test_dates_tell_their_year_where_it_begins(start: str, days: float, first: str) -> None:
    times = pd.Timestamp(start) + pd.to_timedelta(np.linspace(0, days, 5), unit="D")
    axes = draw_series(pd.DataFrame({"time": times, "v": range(5)}), "v").axes[0]
    ticks = [tick for tick in axes.get_xticks() if tick >= axes.get_xlim()[0]]
    labels = axes.xaxis.get_major_formatter().format_ticks(ticks)
    assert labels[0] == first
    years = [label.split("\n")[-1][-4:] for label in labels if "\n" in label or label.isdigit()]
    assert len(years) == len(set(years))
