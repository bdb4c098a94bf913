"""Height change at a place and of moving ice, where the answer is known."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pytest
import xarray as xr

from altiflow.errors import EmptyDataError, FieldError, InputError, NoOverlapError
from altiflow.fusion.heights import eulerian_dhdt, lagrangian_dhdt
from altiflow.readers.field import build_field

WAVE = 2 * np.pi / 3000.0


def sinusoid(x, y, years):
    """Height of a wave of 5 m and 3 km that moves by 1000 m/yr along x and thins by 2 m/yr."""
    return 50 + 5 * np.sin(WAVE * (x - 1000.0 * years)) - 2 * years


@pytest.fixture
def waves(make_pass, joined) -> gpd.GeoDataFrame:
    x = np.arange(0, 60e3, 20.0)
    return joined(make_pass(x, 0.0, 0.0, sinusoid), make_pass(x, 0.0, 1.0, sinusoid))


def test_following_an_advected_wave_gives_its_thinning_and_staying_gives_its_slopes(waves, uniform) -> None:
    moving = lagrangian_dhdt(waves, uniform(1000.0))
    still = eulerian_dhdt(waves)
    assert moving["dhdt"].std() < 1e-6
    assert moving["dhdt"].mean() == pytest.approx(-2.0, abs=1e-7)
    assert still["dhdt"].std() == pytest.approx(6.12, abs=0.01)
    assert still["dhdt"].mean() == pytest.approx(-2.0, abs=0.01)
    assert (still["dx_adv"] == 0).all()


def test_a_velocity_error_shows_as_slope_times_error_and_its_sigma_says_so(waves, uniform) -> None:
    sigma = np.full((1, 41, 41), 50.0)
    field = uniform(1050.0, vx_sigma=sigma, vy_sigma=sigma)
    off = lagrangian_dhdt(waves, field, sigma_geo_m=0.0)
    assert off["dhdt"].std() == pytest.approx(0.37, abs=0.01)
    # Velocity and slope both change with the scale of the map, their product does not.
    assert np.sqrt((off["sigma"] ** 2).mean()) == pytest.approx(0.37, abs=0.01)


def test_dhdt_is_per_year_of_365_25_days_and_positive_where_the_surface_rises(make_pass, joined) -> None:
    x = np.arange(0, 400, 20.0)
    table = joined(make_pass(x, 0.0, 0.0, 100.0), make_pass(x, 0.0, 0.25, 101.0))
    table["time"] = table["time"].astype("M8[us]")
    found = eulerian_dhdt(table)
    assert found["dhdt"].to_numpy() == pytest.approx(4.0)
    assert ((found["t2"] - found["t1"]).dt.total_seconds() == 0.25 * 31_557_600).all()


def test_errors_are_those_of_both_heights_and_of_slope_times_place(make_pass, joined, uniform) -> None:
    x = np.arange(0, 2000, 20.0)
    slope = {"dh_fit_dx": 0.03, "dh_fit_dy": 0.04}

    def plane(x, y, years):
        return 0.0 * x

    table = joined(
        make_pass(x, 0.0, 0.0, plane, **slope),
        make_pass(x, 0.0, 2.0, plane, **slope),
    )
    table["height_sigma"] = np.where(table["granule"] == "ATL06_0.0", 0.3, 0.4)
    still = eulerian_dhdt(table, sigma_geo_m=6.0)
    assert still["slope"].to_numpy() == pytest.approx(0.05)
    assert still["sigma"].to_numpy() == pytest.approx(np.hypot(0.5, 0.05 * 6.0) / 2)
    sigma = np.full((1, 41, 41), 10.0)
    ground = uniform(0.0, velocity_metric="ground", vx_sigma=sigma, vy_sigma=sigma)
    moving = lagrangian_dhdt(table, ground, sigma_geo_m=6.0)
    place = np.hypot(6.0, 10.0 * 2)
    assert moving["sigma"].to_numpy() == pytest.approx(np.hypot(0.5, 0.05 * place) / 2)
    unknown = lagrangian_dhdt(table, uniform(0.0), sigma_geo_m=6.0)
    assert unknown["sigma"].to_numpy() == pytest.approx(still["sigma"].to_numpy())
    assert unknown.attrs["altiflow"]["height_change"]["pairs_without_velocity_error"] == len(unknown)


def test_no_velocity_is_never_no_motion(make_pass, joined, uniform) -> None:
    x = np.arange(-4000, 4000, 20.0)
    table = joined(make_pass(x, 0.0, 0.0, 1.0), make_pass(x, 0.0, 1.0, 1.0))
    field = uniform(0.0, cell=1e3, reach=5e3)
    field["vx"][:, :, :5] = np.nan
    found = lagrangian_dhdt(table, field)
    counts = found.attrs["altiflow"]["height_change"]["counts"]
    assert counts["no_velocity"] == 200
    assert counts["matched"] == len(found) == 200
    assert found["row1"].min() == 200


def test_ice_that_leaves_the_field_or_its_period_is_counted_as_such(make_pass, joined, uniform) -> None:
    x = np.arange(0, 4000, 20.0)
    table = joined(*(make_pass(x, 0.0, year, 1.0) for year in (0.0, 1.0, 3.0)))
    period = np.array([["2018-01-01", "2021-01-01"]], "M8[ns]")
    field = uniform(1000.0, cell=500.0, reach=4000.0, time_bnds=period)
    counts = lagrangian_dhdt(table, field).attrs["altiflow"]["height_change"]["counts"]
    assert counts["left_field"] > 0
    # Both from 2019 and from 2020: no layer speaks for 2022.
    assert counts["left_field"] + counts["left_period"] == counts["looked_for"] - counts["matched"] - sum(
        counts[name] for name in ("no_track_near", "gap_in_track", "no_velocity")
    )
    still = uniform(0.0, cell=500.0, reach=5000.0, time_bnds=period)
    assert lagrangian_dhdt(table, still).attrs["altiflow"]["height_change"]["counts"]["left_period"] == 2 * x.size


def test_every_height_is_accounted_for(make_pass, joined) -> None:
    x = np.arange(0, 2000, 20.0)
    table = joined(
        make_pass(x, 0.0, 0.0, 1.0),
        make_pass(x[10:60], 0.0, 1.0, 1.0),
        make_pass(np.delete(x, np.arange(30, 40)), 0.0, 2.0, 1.0),
    )
    table.loc[5, "height"] = np.nan
    for pairs in ("all", "consecutive"):
        found = eulerian_dhdt(table, pairs=pairs)
        counts = found.attrs["altiflow"]["height_change"]["counts"]
        assert counts["matched"] == len(found)
        assert counts["looked_for"] == counts["matched"] + counts["no_track_near"] + counts["gap_in_track"]
        assert counts["rows_without_height"] == 1
        assert counts["without_later_epoch"] == 90


def test_consecutive_takes_the_first_later_height_of_each_place(make_pass, joined) -> None:
    x = np.arange(0, 2000, 20.0)
    table = joined(
        make_pass(x, 0.0, 0.0, 1.0),
        make_pass(x[50:], 0.0, 1.0, 2.0),
        make_pass(x, 0.0, 2.0, 3.0),
    )
    every = eulerian_dhdt(table, pairs="all")
    first = eulerian_dhdt(table, pairs="consecutive")
    assert len(every) == 50 + 100 + 50
    assert len(first) == 50 + 50 + 50
    years = ((first["t2"] - first["t1"]).dt.total_seconds() / 31_557_600).to_numpy()
    assert years[first["row1"] < 50] == pytest.approx(2.0)
    assert years[first["row1"] >= 50] == pytest.approx(1.0)


def test_moved_distance_is_that_on_the_ground_in_both_metrics(make_pass, joined, uniform) -> None:
    # Near 60 N the map of EPSG:3413 is 3.9 % larger than the ground.
    centre = (0.0, -3.3e6)
    x = np.arange(0, 8000, 20.0)
    table = joined(make_pass(x, centre[1], 0.0, 1.0), make_pass(x, centre[1], 1.0, 1.0))
    by_map = lagrangian_dhdt(table, uniform(2000.0, centre=centre, cell=1e3, reach=2e4))
    by_ground = lagrangian_dhdt(table, uniform(2000.0, centre=centre, cell=1e3, reach=2e4, velocity_metric="ground"))
    assert by_ground["dx_adv"].to_numpy() == pytest.approx(2000.0, rel=1e-4)
    assert by_map["dx_adv"].to_numpy() == pytest.approx(2000.0 / 1.0386, rel=1e-3)


def test_a_year_of_365_days_and_metres_per_day_are_one_motion(waves, uniform) -> None:
    per_day = lagrangian_dhdt(waves, uniform(1000.0 / 365.25, units="m/d"))
    short = lagrangian_dhdt(waves, uniform(1000.0 * 365.0 / 365.25, year_days=365.0))
    for found in (per_day, short):
        assert found["dhdt"].std() < 1e-6


def test_an_undated_field_is_refused_unless_it_is_said_to_be_steady(waves, uniform) -> None:
    undated = uniform(1000.0, time_rule="undated", time_bnds=np.array([["NaT", "NaT"]], "M8[ns]"))
    with pytest.raises(FieldError, match=r"undated.*steady=True"):
        lagrangian_dhdt(waves, undated)
    found = lagrangian_dhdt(waves, undated, steady=True)
    assert found["dhdt"].std() < 1e-6
    assert found.attrs["altiflow"]["height_change"]["steady"] is True


def test_sea_ice_is_refused_on_either_side(waves, uniform) -> None:
    with pytest.raises(FieldError, match=r"sea-ice motion.*NSIDC-0116.*ITS_LIVE"):
        lagrangian_dhdt(waves, uniform(0.0, source="NSIDC-0116 v4.1"))
    waves.attrs["altiflow"] = {"product": "ATL10"}
    with pytest.raises(InputError, match="ATL10, which measures sea ice"):
        eulerian_dhdt(waves)


def test_displacements_and_pairs_that_overlap_are_refused(waves, uniform) -> None:
    moved = uniform(10.0, units="m", velocity_kind="displacement")
    with pytest.raises(FieldError, match="velocity is needed"):
        lagrangian_dhdt(waves, moved)
    one = uniform(10.0)
    two = xr.concat([one, one], dim="time")
    two = two.assign_coords(one.coords["x"].coords).assign_attrs(one.attrs)
    with pytest.raises(FieldError, match=r"overlap|before the one before"):
        lagrangian_dhdt(waves, two)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pairs": "some"}, "pairs must be"),
        ({"across": "dem"}, "across must be"),
        ({"max_distance_m": 0.0}, "max_distance_m must be"),
        ({"max_gap_m": np.nan}, "max_gap_m must be"),
        ({"min_days": -1.0}, "min_days must be"),
        ({"sigma_geo_m": -1.0}, "sigma_geo_m is a length"),
        ({"on_empty": "ignore"}, "on_empty must be"),
    ],
)
def test_arguments_that_mean_nothing_are_refused(waves, options, message) -> None:
    with pytest.raises(InputError, match=message):
        eulerian_dhdt(waves, **options)


def test_tables_that_hold_no_heights_of_one_hemisphere_are_refused(waves, make_pass, joined) -> None:
    with pytest.raises(InputError, match=r"must be a GeoDataFrame .*, got str"):
        eulerian_dhdt("heights.parquet")
    with pytest.raises(InputError, match="no column height"):
        eulerian_dhdt(waves.drop(columns="height"))
    with pytest.raises(InputError, match="with a CRS"):
        eulerian_dhdt(gpd.GeoDataFrame(waves.drop(columns="geometry"), geometry=waves.geometry.to_numpy()))
    with pytest.raises(EmptyDataError, match="not one of"):
        eulerian_dhdt(waves.assign(height=np.nan))
    south = make_pass([0.0, 20.0], [0.0, 0.0], 0.0, 1.0, crs="EPSG:3031")
    with pytest.raises(InputError, match="both hemispheres"):
        eulerian_dhdt(joined(waves, south))


def test_a_single_pass_is_refused_with_the_counts_or_kept_empty(make_pass) -> None:
    single = make_pass(np.arange(0, 200, 20.0), 0.0, 0.0, 1.0)
    with pytest.raises(NoOverlapError, match=r"without later epoch 10; give passes that are min_days apart"):
        eulerian_dhdt(single)
    kept = eulerian_dhdt(single, on_empty="keep")
    assert len(kept) == 0
    assert {"dhdt", "sigma", "beam1"} <= set(kept)
    assert kept.crs == "EPSG:4326"


def test_without_a_pair_the_most_frequent_reason_is_told(waves, uniform) -> None:
    elsewhere = uniform(0.0, centre=(1e6, 1e6))
    with pytest.raises(NoOverlapError, match=r"no velocity 3000.*no velocity where the heights are"):
        lagrangian_dhdt(waves, elsewhere)
    past = uniform(0.0, time_bnds=np.array([["2018-01-01", "2019-06-01"]], "M8[ns]"))
    with pytest.raises(NoOverlapError, match=r"left period 3000.*no layers for the time"):
        lagrangian_dhdt(waves, past)
    across = uniform(0.0, 500.0)
    with pytest.raises(NoOverlapError, match=r"no track near 3000.*moving ice may have left"):
        lagrangian_dhdt(waves, across)


def test_the_many_heights_of_the_last_pass_do_not_hide_the_reason(make_pass, joined) -> None:
    few, many = np.arange(0, 200, 20.0), np.arange(0, 2000, 20.0)
    with pytest.raises(NoOverlapError, match=r"without later epoch 100; .*beams='all'"):
        eulerian_dhdt(joined(make_pass(few, 0.0, 0.0, 1.0), make_pass(many, 500.0, 1.0, 1.0)))


def test_land_ice_knows_no_edge_of_sea_ice(waves, uniform) -> None:
    assert "ice_edge" not in lagrangian_dhdt(waves, uniform(1e3)).attrs["altiflow"]["height_change"]["counts"]


def test_the_order_of_rows_changes_nothing(waves) -> None:
    shuffled = waves.sample(frac=1.0, random_state=3)
    shuffled.attrs = waves.attrs
    one, two = (eulerian_dhdt(table) for table in (waves, shuffled))
    one, two = (found.iloc[np.argsort(found.geometry.y.to_numpy())] for found in (one, two))
    assert np.array_equal(one["dhdt"], two["dhdt"])
    assert np.array_equal(waves["height"].iloc[one["row1"]], shuffled["height"].iloc[two["row1"]])


def test_lagrangian_less_eulerian_is_advection_to_second_order_on_a_quadratic_surface(
    make_pass, joined, uniform
) -> None:
    def surface(x, y, years):
        return 3e-6 * x**2 - 0.01 * x + 0.5 * years

    errors = []
    spacings = np.array([20.0, 40.0, 80.0])
    speed = 1010.0
    for spacing in spacings:
        # The ice comes to lie half-way between two points of the later track.
        x = np.arange(-40, 200) * spacing
        table = joined(make_pass(x, 0.0, 0.0, surface), make_pass(x + speed % spacing - spacing / 2, 0.0, 1.0, surface))
        moving = lagrangian_dhdt(table, uniform(speed), sigma_geo_m=0.0)
        middle = x[moving["row1"]] + speed / 2
        advection = speed * (6e-6 * middle - 0.01)
        errors.append(np.abs(moving["dhdt"] - 0.5 - advection).max())
    slope = np.polyfit(np.log(spacings), np.log(errors), 1)[0]
    assert slope == pytest.approx(2.0, abs=0.01)
    # The error of a straight line between two points of a parabola.
    assert errors[0] == pytest.approx(3e-6 * 20.0**2 / 4, rel=1e-3)


def test_layers_of_velocity_are_followed_through_time(make_pass, joined) -> None:
    axis = np.arange(-20e3, 21e3, 1e3)
    speeds = np.array([500.0, 1500.0])[:, None, None] * np.ones((2, axis.size, axis.size))
    bounds = np.array([["2018-07-02", "2019-07-02T15:00"], ["2019-07-02T15:00", "2020-07-02"]], "M8[ns]")
    field = build_field(
        speeds,
        0 * speeds,
        x=axis,
        y=axis,
        time_bnds=bounds,
        crs="EPSG:3413",
        units="m/yr",
        year_days=365.25,
        velocity_metric="map",
        metric_source="user",
        source="made up",
    )
    x = np.arange(-5000, 5000, 20.0)
    table = joined(make_pass(x, 0.0, 0.0, lambda x, y, t: x), make_pass(x, 0.0, 1.0, lambda x, y, t: x))
    found = lagrangian_dhdt(table, field, time_rule="constant")
    # Half a year of each, so 1000 m in all; heights are x.
    assert found["dhdt"].to_numpy() == pytest.approx(1000.0, abs=2.0)
