"""Height change on the real granules: a repeat of ATL06 over two years, and ATL11 over nine cycles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import shapely
import xarray as xr

from altiflow.errors import EmptyDataError, FieldError, NoOverlapError
from altiflow.fusion import sample_velocity
from altiflow.fusion.heights import eulerian_dhdt, lagrangian_dhdt
from altiflow.readers import read_segments, read_velocity
from altiflow.readers.field import build_field

FIRST = "atl06/processed_ATL06_20191106230008_06270503_006_01.h5"
SECOND = "atl06/processed_ATL06_20211102121853_06271303_006_01.h5"
CYCLES = "atl11/processed_ATL11_135803_0311_004_01.h5"
EARLY, LATE = "ATL06_20191106230008_06270503_006_01", "ATL06_20211102121853_06271303_006_01"

GEOD = pyproj.Geod(ellps="WGS84")
SCALE = 1.0119
"""Of EPSG:3413 at the repeat, 66.55 N."""


@pytest.fixture
def repeat(data: Callable[[str], Path]) -> gpd.GeoDataFrame:
    return read_segments([data(FIRST), data(SECOND)], beams="all")


def uniform_field(table: gpd.GeoDataFrame, vx: float, vy: float) -> xr.Dataset:
    x, y = on_map(table)
    axes = [np.arange(values.min() - 5e3, values.max() + 5e3, 2e3) for values in (x, y)]
    ones = np.ones((1, axes[1].size, axes[0].size))
    return build_field(
        vx * ones,
        vy * ones,
        x=axes[0],
        y=axes[1],
        time_bnds=np.array([["2018-10-01", "2022-01-01"]], "M8[ns]"),
        crs="EPSG:3413",
        units="m/yr",
        year_days=365.25,
        velocity_metric="map",
        metric_source="user",
        source="prescribed",
    )


def on_map(table: gpd.GeoDataFrame) -> tuple[np.ndarray, np.ndarray]:
    there = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3413", always_xy=True)
    return there.transform(table["longitude"].to_numpy(), table["latitude"].to_numpy())


def test_the_orientation_flips_so_that_a_place_keeps_its_ground_track_and_changes_its_spot(repeat) -> None:
    found = eulerian_dhdt(repeat)
    pairs = found[["beam1", "beam2", "spot1", "spot2"]].drop_duplicates()
    assert (pairs["beam1"] == pairs["beam2"]).all()
    assert (pairs["spot1"] + pairs["spot2"] == 7).all()
    # The same spot flies on the other side of the reference track, 6.5 km away.
    sides = repeat.groupby(["granule", "spot"], observed=True)["y_atc"].median()
    assert (sides[LATE] - sides[EARLY]).abs().loc[[1, 2, 5, 6]].min() > 6300
    strong = repeat[repeat["strong"]]
    strong.attrs = repeat.attrs
    with pytest.raises(NoOverlapError, match="beams='all'"):
        eulerian_dhdt(strong)


def test_heights_at_a_place_on_the_real_repeat(repeat) -> None:
    found = eulerian_dhdt(repeat)
    counts = found.attrs["altiflow"]["height_change"]["counts"]
    assert counts["looked_for"] == counts["matched"] + counts["no_track_near"] + counts["gap_in_track"] == 6015
    assert len(found) == counts["matched"] == 5884
    assert np.abs(found["offset"]).max() < 15
    # South-east Greenland thins: by about 2 m/yr on slow ice, more on the glacier.
    assert -4.5 < found["dhdt"].median() < -3.0
    quiet = found[(found["beam1"] == "gt1r") & (found["slope"] < 0.1)]
    assert quiet["dhdt"].median() == pytest.approx(-2.0, abs=0.15)
    assert ((found["t2"] - found["t1"]).dt.total_seconds() / 86400).round(1).unique().tolist() == [726.6]


def test_the_neighbouring_beam_gives_the_same_change_once_the_slope_has_carried_its_height(repeat) -> None:
    """Of the second pass only gt1r is left, so that gt1l of the first is compared across the 90 m of a pair."""
    left = repeat[
        ((repeat["granule"] == EARLY) & (repeat["beam"] == "gt1l"))
        | ((repeat["granule"] == LATE) & (repeat["beam"] == "gt1r"))
    ]
    left.attrs = repeat.attrs
    carried = eulerian_dhdt(left, max_distance_m=100.0).query("slope < 0.1")
    told = eulerian_dhdt(left, max_distance_m=100.0, across="none").query("slope < 0.1")
    assert carried["offset"].between(70, 100).all()
    assert carried["dhdt"].median() == pytest.approx(-2.0, abs=0.15)
    assert (
        carried["dhdt"].quantile([0.25, 0.75]).diff().iloc[-1]
        < 0.6 * told["dhdt"].quantile([0.25, 0.75]).diff().iloc[-1]
    )


def test_ice_at_rest_gives_what_the_place_gives_to_the_bit(repeat) -> None:
    still = eulerian_dhdt(repeat)
    moving = lagrangian_dhdt(repeat, uniform_field(repeat, 0.0, 0.0))
    assert moving.drop(columns="geometry").equals(still.drop(columns="geometry"))
    assert (moving.geometry == still.geometry).all()


def brute_force(table: gpd.GeoDataFrame, vx: float, vy: float) -> pd.DataFrame:
    """Move every point by hand, then look for the foot on each beam with shapely, pieces of at most 100 m."""
    x, y = on_map(table)
    rows = []
    for beam in sorted(set(table["beam"])):
        late = np.flatnonzero((table["granule"] == LATE) & (table["beam"] == beam))
        late = late[np.argsort(table["x_atc"].to_numpy()[late])]
        breaks = np.flatnonzero(np.hypot(np.diff(x[late]), np.diff(y[late])) > 100 * SCALE) + 1
        for part in np.split(late, breaks):
            if part.size < 2:
                continue
            line = shapely.LineString(np.stack([x[part], y[part]], axis=-1))
            length = np.append(0, np.cumsum(np.hypot(np.diff(x[part]), np.diff(y[part]))))
            for first in np.flatnonzero(table["granule"] == EARLY):
                seconds = (table["time"].iloc[part[0]] - table["time"].iloc[first]).total_seconds()
                years = seconds / 31_557_600
                place = shapely.Point(x[first] + vx * years, y[first] + vy * years)
                if line.distance(place) > 66:
                    continue
                along = line.project(place)
                if along in (0, line.length):
                    continue
                rows.append(
                    (first, beam, line.distance(place), np.interp(along, length, table["height"].iloc[part]), years)
                )
    found = pd.DataFrame(rows, columns=["row1", "beam2", "distance", "h2", "years"])
    return found.sort_values("distance").drop_duplicates("row1").set_index("row1").sort_index()


def test_ice_in_uniform_motion_gives_what_moving_it_by_hand_gives(repeat) -> None:
    # About 230 m along the track and 30 m across it, in the 727 days between.
    few = repeat[(repeat["granule"] == LATE) | (np.arange(len(repeat)) % 20 == 0)].reset_index(drop=True)
    few.attrs = repeat.attrs
    x, y = on_map(few)
    track = np.flatnonzero((few["granule"] == LATE) & (few["beam"] == "gt2l"))
    t_x, t_y = (np.median(np.diff(values[track])) for values in (x, y))
    size = np.hypot(t_x, t_y)
    vx, vy = (115.0 * t_x - 15.0 * t_y) / size, (115.0 * t_y + 15.0 * t_x) / size
    found = lagrangian_dhdt(few, uniform_field(few, vx, vy), across="none").set_index("row1")
    hand = brute_force(few, vx, vy)
    # The map is larger than the ground: what lies within 65 m by that much is left to either.
    sure = hand[(hand["distance"] < 64.0)]
    assert len(sure) > 200
    assert set(sure.index) <= set(found.index)
    assert set(found.index) <= set(hand.index)
    mine = found.loc[sure.index]
    assert (mine["beam2"] == sure["beam2"]).all()
    assert np.abs(mine["h2"] - sure["h2"]).max() < 1e-3
    assert mine["dx_adv"].to_numpy() == pytest.approx(np.hypot(vx, vy) * sure["years"].to_numpy() / SCALE, rel=1e-3)
    assert mine["dhdt"].to_numpy() == pytest.approx((mine["h2"] - mine["h1"]) / sure["years"], abs=1e-4)
    x1, y1 = x[sure.index] + vx * sure["years"], y[sure.index] + vy * sure["years"]
    moved = pyproj.Transformer.from_crs("EPSG:3413", "EPSG:4326", always_xy=True).transform(x1, y1)
    offset = GEOD.inv(*moved, mine.geometry.x, mine.geometry.y)[2]
    assert np.abs(mine["offset"]).to_numpy() == pytest.approx(offset, abs=1e-2)


def test_every_two_cycles_of_every_reference_point_are_compared(data: Callable[[str], Path]) -> None:
    table = read_segments(data(CYCLES), beams=["gt1l"])
    found = eulerian_dhdt(table)
    points = table.pivot_table(index=["beam", "ref_pt"], columns="cycle", values="height", aggfunc="first")
    moments = table.pivot_table(index=["beam", "ref_pt"], columns="cycle", values="time", aggfunc="first")
    cycles = list(points.columns)
    total = 0
    for place, one in enumerate(cycles):
        for two in cycles[place + 1 :]:
            rate = (points[two] - points[one]) / ((moments[two] - moments[one]).dt.total_seconds() / 31_557_600)
            rate = rate.dropna().sort_index()
            mine = (
                found[(found["cycle1"] == one) & (found["cycle2"] == two)].set_index(["beam1", "ref_pt1"]).sort_index()
            )
            assert mine.index.equals(rate.index.set_names(mine.index.names))
            assert mine["dhdt"].to_numpy() == pytest.approx(rate.to_numpy(), rel=1e-5, abs=1e-5)
            total += len(mine)
    assert total == len(found) == 16188
    assert (found["offset"] == 0).all()
    assert abs(found["dhdt"].median()) < 0.5


def test_reference_points_are_followed_with_the_ice_too(data: Callable[[str], Path]) -> None:
    table = read_segments(data(CYCLES), beams=["gt2l"])
    table = table[table["cycle"].isin([4, 8])].reset_index(drop=True)
    table.attrs["altiflow"] = {"product": "ATL11"}
    x, y = on_map(table)
    step = np.median(np.stack([np.diff(x), np.diff(y)]), axis=1)
    along = step / np.hypot(*step)
    still = lagrangian_dhdt(table, uniform_field(table, 0.0, 0.0))
    moving = lagrangian_dhdt(table, uniform_field(table, *(200.0 * along)))
    assert len(still) == (eulerian_dhdt(table)["cycle2"] == 8).sum()
    assert 0.7 < len(moving) / len(still) < 1.1
    assert (moving["ref_pt1"] != moving["ref_pt2"]).all()
    assert np.abs(moving["offset"]).median() < 10


def test_a_mosaic_of_many_years_gives_velocity_but_no_change_of_one_date(data: Callable[[str], Path]) -> None:
    table = read_segments(data("atl06/processed_ATL06_20190420093051_03380303_005_01.h5"), beams="all")
    mosaic = read_velocity(data("itslive/mosaic/its_live_jak.nc"), crs="EPSG:3413")
    assert sample_velocity(table, mosaic)["v_valid"].all()
    with pytest.raises(FieldError, match="undated, so it says nothing of a date; pass steady=True"):
        lagrangian_dhdt(table, mosaic)
    # Said to be steady it is taken; there is only one pass here to compare with.
    with pytest.raises((NoOverlapError, EmptyDataError), match="without later epoch"):
        lagrangian_dhdt(table, mosaic, steady=True)
