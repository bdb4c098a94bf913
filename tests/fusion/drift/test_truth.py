"""How close the grid comes to ice of which all is known, and what it says of its own error."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyproj
import pytest
import xarray as xr

from altiflow.errors import EmptyDataError, FieldError, InputError, NoOverlapError
from altiflow.fusion import grid_with_drift
from altiflow.gridding import Grid, tally_segments

TARGET, WINDOW = "2020-01-31", "16D"
CRS = "EPSG:6931"
SIDE, WIDE, TALL, FLAT = 500e3, 40e3, 0.5, 0.2


def table_at(x: np.ndarray, y: np.ndarray, columns: dict) -> pd.DataFrame:
    longitude, latitude = pyproj.Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(x, y)
    return pd.DataFrame({**columns, "longitude": longitude, "latitude": latitude})


def patch_tracks(u: float, v: float, seed: int) -> pd.DataFrame:
    """Return six straight tracks a day, 31 days, over a thick patch that drifts with (u, v) [km/d] through the pole."""
    rng, parts = np.random.default_rng(seed), []
    for number in range(31 * 6):
        days, turn = number / 6.0 - 15.0, rng.uniform(0, np.pi)
        through = rng.uniform(-SIDE, SIDE, 2)
        along = np.arange(-2 * SIDE, 2 * SIDE, 500.0)
        x, y = through[0] + along * np.cos(turn), through[1] + along * np.sin(turn)
        inside = (np.abs(x) <= SIDE) & (np.abs(y) <= SIDE)
        x, y = x[inside], y[inside]
        away = np.hypot(x - 1e3 * u * days, y - 1e3 * v * days)
        freeboard = FLAT + TALL * np.exp(-(away**2) / (2 * WIDE**2)) + rng.normal(0, 0.05, x.size)
        time = np.datetime64(TARGET, "ns") + np.timedelta64(round(days * 86400), "s")
        told = {"granule": f"pass {number:03d}", "beam": "gt1l", "time": time, "segment_length": 50.0}
        parts.append(table_at(x, y, told | {"freeboard": freeboard}))
    return pd.concat(parts, ignore_index=True)


def score(gridded: xr.DataArray) -> tuple[float, float]:
    """Return the peak over the true one, and the root mean square error within 200 km of the centre [m]."""
    x, y = np.meshgrid(gridded["x"].values, gridded["y"].values)
    near = np.hypot(x, y) < 200e3
    inner = (np.arange(20) + 0.5) / 20 * 25e3 - 12.5e3
    away = np.hypot(x[near][:, None, None] + inner[:, None], y[near][:, None, None] + inner)
    truth = (FLAT + TALL * np.exp(-(away**2) / (2 * WIDE**2))).mean(axis=(1, 2))
    found, middle = gridded.values[0][near], np.hypot(x, y)[near] < 20e3
    return found[middle].mean() / truth[middle].mean(), float(np.sqrt(np.nanmean((found - truth) ** 2)))


@pytest.mark.parametrize("seed", [0, 1])
def test_a_drifting_patch_is_found_with_its_height_and_blurred_without_drift(grid, make_drift, seed):
    table = patch_tracks(8.0, 3.0, seed)
    found = grid_with_drift(
        table, make_drift(8.0, 3.0), grid, target=TARGET, window=WINDOW, value="freeboard", mode="both"
    )
    peak, error = score(found["freeboard_mean"])
    assert peak == pytest.approx(1.0, abs=0.03)
    assert error < 0.015
    still_peak, still_error = score(found["freeboard_mean_eulerian"])
    assert still_peak < 0.75
    assert still_error > 0.05
    # A tenth too fast costs more than nothing and far less than no correction.
    biased = grid_with_drift(table, make_drift(8.8, 3.3), grid, target=TARGET, window=WINDOW, value="freeboard")
    assert error < score(biased["freeboard_mean"])[1] < 0.03
    # Parcels of a tally, moved whole, do nearly as well.
    tally = tally_segments(table, Grid.named("EASE2_N6.25km"), value="freeboard", step="h")
    whole = grid_with_drift(tally, make_drift(8.0, 3.0), grid, target=TARGET, window=WINDOW)
    assert score(whole["freeboard_mean"])[0] == pytest.approx(1.0, abs=0.03)
    assert score(whole["freeboard_mean"])[1] < 0.015


def test_a_tally_that_knows_where_its_segments_lie_puts_them_there(grid, make_drift):
    x, y = np.array([1.0, 2.0]) * 1e3, np.array([1.0, 1.0]) * 1e3
    columns = {"granule": "a", "beam": "gt1l", "time": pd.Timestamp("2020-01-21"), "h": [0.1, 0.3], "w": [1.0, 3.0]}
    table = table_at(x, y, columns).assign(parcel_x=x, parcel_y=y)
    # In ten days ice from x = 1.75 km comes to 25.75 km at 2.4 km a day, and to 24.75 km at 2.3; cells end at 25 km.
    for speed, values, middle in (
        (2.4, ["h", "parcel_x", "parcel_y"], 37_500.0),
        (2.3, ["h", "parcel_x", "parcel_y"], 12_500.0),
        (2.3, ["h"], 37_500.0),
    ):
        tally = tally_segments(table, grid, value=values, weight="w")
        found = grid_with_drift(tally, make_drift(speed, 0.0), grid, target=TARGET, window=WINDOW, value="h")
        row, col = np.argwhere(found["n_segments"].values[0] == 2)[0]
        assert float(found["x"][col]) == middle, (speed, values)
        assert float(found["h_mean"][0, row, col]) == pytest.approx(0.25)


@pytest.mark.parametrize(("rho", "expected"), [(0.0, 2.1e3 * np.sqrt(10)), (1.0, 21e3)])
def test_the_error_of_the_place_grows_with_the_days(grid, make_drift, rho, expected):
    table = table_at(np.array([1e3]), np.array([1e3]), {"time": [pd.Timestamp("2020-01-21")], "h": 0.3})
    found = grid_with_drift(
        table,
        make_drift(8.0, 3.0),
        grid,
        target=TARGET,
        value="h",
        weight=None,
        sigma="2.1 km d-1",
        rho=rho,
    )
    assert float(found["position_sigma"].max()) == pytest.approx(expected, rel=1e-9)


def test_the_parts_of_the_error_add_up_and_the_part_of_the_drift_is_slope_times_place(grid, make_drift):
    axis = np.arange(-2e5, 2e5, 1e3)
    x, y = (part.ravel() for part in np.meshgrid(axis, axis))
    slope = 0.1 / 1e5
    columns = {"time": pd.Timestamp("2020-01-27"), "h": 0.3 + slope * x, "h_sigma": 0.02, "segment_length": 30.0}
    found = grid_with_drift(
        table_at(x, y, columns), make_drift(0.0, 0.0), grid, target=TARGET, value="h", sigma="2 km d-1"
    )
    inner = found["n_segments"].values[0] == 625
    assert inner.sum() > 100
    drift, parts = found["h_sigma_drift"].values[0][inner], (2e3 * np.sqrt(4.0)) * slope
    np.testing.assert_allclose(np.median(drift), parts, rtol=0.01)
    np.testing.assert_allclose(found["h_sigma_measurement"].values[0][inner], 0.02 / 25, rtol=1e-9)
    total = np.hypot(found["h_sigma_measurement"], found["h_sigma_drift"]).values[0][inner]
    np.testing.assert_allclose(found["h_sigma_total"].values[0][inner], total, rtol=1e-12)


def test_the_error_of_a_reference_surface_stays_however_many_segments_share_it(grid, make_drift):
    x = np.linspace(1e3, 9e3, 50)
    columns = {
        "granule": "a",
        "beam": "gt1l",
        "time": pd.Timestamp("2020-01-21"),
        "freeboard": 0.3,
        "freeboard_sigma": np.hypot(0.05, 0.03),
        "refsurf_ndx": 7,
        "refsurf_sigma": 0.03,
        "segment_length": 30.0,
    }
    found = grid_with_drift(
        table_at(x, np.full(50, 5e3), columns), make_drift(8.0, 0.0), grid, target=TARGET, value="freeboard"
    )
    filled = found["n_segments"].values > 0
    np.testing.assert_allclose(found["freeboard_sigma_surface"].values[filled], 0.03, rtol=1e-9)
    count = found["n_segments"].values[filled]
    np.testing.assert_allclose(found["freeboard_sigma_measurement"].values[filled], 0.05 / np.sqrt(count), rtol=1e-9)
    assert np.isnan(found["freeboard_sigma_total"].values[filled]).all()


def test_errors_that_are_not_known_are_not_zero(grid, make_drift):
    table = table_at(np.array([1e3]), np.array([1e3]), {"time": [pd.Timestamp("2020-01-21")], "h": 0.3})
    found = grid_with_drift(table, make_drift(8.0, 3.0), grid, target=TARGET, value="h", weight=None)
    filled = found["n_segments"].values > 0
    for name in ("position_sigma", "h_sigma_measurement", "h_sigma_drift", "h_sigma_total"):
        assert np.isnan(found[name].values[filled]).all(), name


@pytest.mark.parametrize(
    ("layer_days", "days", "rho", "expected"),
    [
        (1, 4, 0.0, 2.0 * 2.1e3),
        (1, 4, 1.0, 4.0 * 2.1e3),
        (7, 14, 0.0, 7.0 * np.sqrt(2.0) * 2.1e3),
        (7, 14, 0.9, 7.0 * np.sqrt(2.0 + 2.0 * 0.9**7) * 2.1e3),
        (60, 4, 0.0, 4.0 * 2.1e3),
    ],
)
def test_an_error_of_the_field_is_common_to_the_days_of_a_layer(grid, make_field, layer_days, days, rho, expected):
    axis = (np.arange(41) - 20) * 25e3
    starts = np.arange(np.datetime64("2020-01-01"), np.datetime64("2020-02-20"), np.timedelta64(layer_days, "D"))
    bounds = [(start, start + layer_days) for start in starts]
    field = make_field(3.0, 1.0, x=axis, y=axis, bounds=bounds, sigma=2.1, crs=CRS, units="km d-1")
    seen = [pd.Timestamp(TARGET) - pd.Timedelta(days=days)]
    table = table_at(np.array([1e3]), np.array([1e3]), {"time": seen, "h": 0.3})
    found = grid_with_drift(table, field, grid, target=TARGET, value="h", weight=None, rho=rho)
    assert float(found["position_sigma"].max()) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(("growth", "expected"), [("fit", 0.3), (0.01, 0.3), (None, 0.2)])
def test_growth_brings_values_to_what_they_are_at_the_target(grid, make_drift, growth, expected):
    days = np.arange(1, 11)
    times = pd.Timestamp("2020-01-31") - pd.to_timedelta(15 - 0.5 * days, unit="D")
    age = (pd.Timestamp(TARGET) - times) / pd.Timedelta("1D")
    columns = {"time": times, "h": 0.3 - 0.01 * age, "granule": [f"g{day}" for day in days], "beam": "gt1l"}
    table = table_at(np.full(10, 5e3), np.full(10, 5e3), columns)
    found = grid_with_drift(
        table, make_drift(0.0, 0.0), grid, target=TARGET, value="h", weight=None, growth=growth, sigma="1 km d-1"
    )
    mean = float(found["h_mean"].max())
    if growth is None:
        assert mean == pytest.approx(np.mean(table["h"]), rel=1e-12)
        assert "h_growth" not in found
    else:
        assert mean == pytest.approx(expected, abs=1e-9)
        assert float(found["h_growth"].max()) == pytest.approx(0.01, abs=1e-9)


def test_growth_is_not_fitted_to_two_days_and_never_steeper_than_its_limit(grid, make_drift):
    for days, expected in ((2, np.nan), (4, 0.25)):
        times = pd.Timestamp("2020-01-20") + pd.to_timedelta(np.arange(days), unit="D")
        columns = {"time": times, "h": 1.0 * np.arange(days), "granule": [f"g{day}" for day in range(days)]}
        table = table_at(np.full(days, 5e3), np.full(days, 5e3), columns)
        found = grid_with_drift(table, make_drift(0.0, 0.0), grid, target=TARGET, value="h", weight=None, growth="fit")
        filled = found["n_segments"].values > 0
        np.testing.assert_allclose(found["h_growth"].values[filled], expected)


def test_growth_that_could_not_be_fitted_has_no_known_error(grid, make_drift):
    times = pd.to_datetime(["2020-01-20", "2020-01-21"])
    table = table_at(np.full(2, 5e3), np.full(2, 5e3), {"time": times, "h": 0.3, "granule": ["a", "b"], "beam": "x"})
    found = grid_with_drift(table, make_drift(0.0, 0.0), grid, target=TARGET, value="h", weight=None, growth="fit")
    filled = found["n_segments"].values > 0
    assert np.isnan(found["h_sigma_growth"].values[filled]).all()


def test_the_error_of_growth_is_that_of_crossings_and_not_of_the_parcels_in_them(grid, make_drift):
    rng, passes, along, trials = np.random.default_rng(1), 8, 24, 40
    days = np.array([-14.0, -10, -6, -2, 1, 5, 9, 13])
    x = np.tile(np.linspace(1e3, 24e3, along), passes)
    times = np.datetime64(TARGET, "ns") + (np.repeat(days, along) * 86_400e9).astype("m8[ns]")
    columns = {"time": times, "granule": np.repeat([f"g{n}" for n in range(passes)], along), "beam": "x"}
    slopes, sigmas = [], []
    for _ in range(trials):
        # What one pass has wrong it has wrong all the way.
        h = 0.3 + np.repeat(rng.normal(0, 0.03, passes), along) + rng.normal(0, 0.005, x.size)
        table = table_at(x, np.full(x.size, 12e3), {**columns, "h": h})
        found = grid_with_drift(table, make_drift(0.0, 0.0), grid, target=TARGET, value="h", weight=None, growth="fit")
        slopes.append(float(found["h_growth"].max()))
        sigmas.append(float(found["h_sigma_growth"].max()) / abs(days.mean()))
    expected = 0.03 / np.sqrt(((days - days.mean()) ** 2).sum())
    assert np.std(slopes) == pytest.approx(expected, rel=0.3)
    assert np.sqrt(np.mean(np.square(sigmas))) == pytest.approx(expected, rel=0.2)


def test_segments_grow_as_the_cell_does_that_they_come_to(grid, make_drift):
    # The parcels of four days lie across an edge of cells, most of each in the western one; alone, the east has a line.
    days = np.arange(4)
    x = np.concatenate([np.full(3, 24e3), [26e3]])
    parts = [
        table_at(x, np.full(4, 1e3), {"time": pd.Timestamp("2020-01-20") + pd.Timedelta(day, "D"), "h": 0.01 * day})
        for day in days
    ]
    table = pd.concat(parts, ignore_index=True).assign(beam="x")
    table["granule"] = np.repeat([f"g{day}" for day in days], 4)
    table.loc[(table["granule"] >= "g2") & (table.index % 4 < 3), "h"] = np.nan
    found = grid_with_drift(
        table, make_drift(0.0, 0.0), grid, target=TARGET, value="h", weight=None, growth="fit", parcel=50e3
    )
    east = found.sel(x=37_500.0, y=12_500.0).isel(time=0)
    assert float(east["h_growth"]) == pytest.approx(0.01)
    assert float(east["h_mean"]) == pytest.approx(0.11)


def test_ice_that_is_not_known_is_counted_and_refused_where_none_is_known(grid, make_drift):
    table = table_at(np.array([5e3, 300e3]), np.zeros(2) + 1e3, {"time": pd.Timestamp("2020-01-21"), "h": [0.1, 0.3]})
    axis = (np.arange(61) - 30) * 25e3
    share = np.broadcast_to(np.where(axis > 250e3, np.nan, 1.0), (1, 61, 61))
    coords = {"time": np.array([TARGET], "M8[ns]"), "y": axis, "x": axis}
    ice = xr.DataArray(share, dims=("time", "y", "x"), coords=coords, attrs={"units": "1", "crs": CRS})
    options = {"target": TARGET, "value": "h", "weight": None}
    days = ice.sel(time=[TARGET] * 16).assign_coords(time=pd.date_range("2020-01-20", periods=16))
    found = grid_with_drift(table, make_drift(1.0, 0.0), grid, ice=days, **options)
    assert int(found["parcels_ice_unknown"][0]) == 1
    of_another_year = days.assign_coords(time=pd.date_range("2015-01-20", periods=16))
    with pytest.raises(NoOverlapError, match="concentration of the ice is not known"):
        grid_with_drift(table, make_drift(1.0, 0.0), grid, ice=of_another_year, **options)


def test_growth_does_not_leave_a_histogram_behind(grid, make_drift):
    columns = {"granule": "a", "beam": "gt1l", "time": [pd.Timestamp("2020-01-21")], "h": 0.3}
    table = table_at(np.array([5e3]), np.array([1e3]), columns)
    tally = tally_segments(table, grid, value="h", weight=None, histogram=(0.0, 0.5, 1.0))
    options = {"target": TARGET, "value": "h"}
    assert "h_histogram" in grid_with_drift(tally, make_drift(8.0, 0.0), grid, **options)
    with pytest.raises(InputError, match="growth cannot be corrected in the histogram of a tally"):
        grid_with_drift(tally, make_drift(8.0, 0.0), grid, growth=0.01, **options)


def test_parcels_that_leave_the_field_are_told_where_they_were_last_seen(grid, make_drift):
    table = table_at(np.array([95e3, -95e3]), np.zeros(2) + 1e3, {"time": pd.Timestamp("2020-01-21"), "h": [0.1, 0.3]})
    found = grid_with_drift(table, make_drift(8.0, 0.0, half=4), grid, target=TARGET, value="h", weight=None)
    assert int(found["parcels_left_field"][0]) == 1
    assert int(found["parcels_arrived"][0]) == 1
    row, col = np.argwhere(found["lost_fraction"].values[0] == 1)[0]
    assert float(found["x"][col]) == 112_500.0
    assert found["n_segments"].values[0, row, col] == 0


def test_the_edge_of_the_ice_stops_parcels(grid, make_drift):
    table = table_at(np.array([5e3, -300e3]), np.zeros(2) + 1e3, {"time": pd.Timestamp("2020-01-21"), "h": [0.1, 0.3]})
    axis = (np.arange(61) - 30) * 25e3
    share = np.broadcast_to(np.where(axis > 50e3, 0.0, 1.0), (61, 61))
    ice = xr.DataArray(share, dims=("y", "x"), coords={"y": axis, "x": axis}, attrs={"units": "1", "crs": CRS})
    found = grid_with_drift(table, make_drift(8.0, 0.0), grid, target=TARGET, value="h", weight=None, ice=ice)
    assert int(found["parcels_ice_edge"][0]) == 1
    assert int(found["parcels_arrived"][0]) == 1


class TestGuards:
    @pytest.fixture
    def table(self):
        return table_at(np.array([5e3]), np.array([1e3]), {"time": [pd.Timestamp("2020-01-21")], "h": 0.3})

    def test_a_target_outside_the_time_of_the_field_is_refused(self, grid, make_drift, table):
        with pytest.raises(NoOverlapError, match="2020-04-01T00:00 lies outside the time of the field, 2020-01-01"):
            grid_with_drift(table, make_drift(8.0, 0.0), grid, target="2020-04-01", value="h", weight=None)

    def test_altimetry_of_another_year_is_refused_with_both_periods(self, grid, make_drift, table):
        table["time"] = pd.Timestamp("2022-01-01")
        with pytest.raises(EmptyDataError, match="no segment lies within 15D of a target; they are of 2022-01-01"):
            grid_with_drift(table, make_drift(8.0, 0.0), grid, target=TARGET, value="h", weight=None)

    def test_a_field_that_has_no_velocity_there_is_refused_and_is_no_ice_at_rest(self, grid, make_drift, table):
        with pytest.raises(NoOverlapError, match=r"of 1 parcels around .* not one has a velocity"):
            grid_with_drift(table, make_drift(np.nan, np.nan), grid, target=TARGET, value="h", weight=None)

    def test_the_other_hemisphere_is_refused(self, grid, make_drift, table):
        table["latitude"] = -80.0
        with pytest.raises(NoOverlapError, match="hemisphere of grid EASE2_N25km"):
            grid_with_drift(table, make_drift(8.0, 0.0), grid, target=TARGET, value="h", weight=None)

    def test_a_field_that_does_not_state_its_metric_is_refused(self, grid, make_drift, table):
        field = make_drift(8.0, 0.0)
        del field.attrs["velocity_metric"]
        with pytest.raises(FieldError, match="velocity_metric"):
            grid_with_drift(table, field, grid, target=TARGET, value="h", weight=None)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"mode": "lagrange"}, "mode must be one of"),
            ({"scheme": "rk5"}, "scheme must be one of"),
            ({"dt": "2D"}, "at most a day"),
            ({"window": 15}, "window is a positive length of time"),
            ({"sigma": "2.1"}, "such as '2.1 km d-1'"),
            ({"rho": 1.5}, "rho is the correlation"),
            ({"growth": "line"}, "growth must be"),
            ({"parcel": 0.0}, "parcel must be"),
            ({"target": "today or so"}, "target is a date"),
            ({"target": ["2020-01-31", "2020-01-31"]}, "none twice"),
            ({"value": None}, "value must name"),
            ({"value": "thickness"}, "no column thickness"),
        ],
    )
    def test_arguments_that_mean_nothing_are_named(self, grid, make_drift, table, change, message):
        options = {"target": TARGET, "value": "h", "weight": None} | change
        with pytest.raises(InputError, match=message):
            grid_with_drift(table, make_drift(8.0, 0.0), grid, **options)

    def test_drift_without_a_field_is_refused_and_the_eulerian_grid_needs_none(self, grid, table):
        with pytest.raises(InputError, match="field is None"):
            grid_with_drift(table, None, grid, target=TARGET, value="h", weight=None)
        found = grid_with_drift(table, None, grid, target=TARGET, value="h", weight=None, mode="eulerian")
        assert int(found["n_segments"].sum()) == 1
        assert found.attrs["title"].endswith("where it was measured")

    def test_a_field_that_is_not_used_is_not_named(self, grid, make_drift, table):
        drift = make_drift(8.0, 0.0)
        for mode, told in (("eulerian", "where it was measured"), ("both", "along with the ice drift")):
            found = grid_with_drift(table, drift, grid, target=TARGET, value="h", weight=None, mode=mode)
            assert found.attrs["title"].endswith(told)
            assert ("velocity_source" in found.attrs) == (mode == "both")
