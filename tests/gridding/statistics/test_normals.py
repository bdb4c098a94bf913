"""Climatology and anomaly against loops over years, and what CF and files make of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from altiflow.errors import EmptyDataError, GridMismatchError, InputError
from altiflow.gridding.export import write_geotiffs, write_netcdf
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.statistics import anomaly, climatology, trend

DIMS = ("time", "y", "x")
GRID = Grid.named("EASE2_N25km").window(slice(300, 304), slice(310, 315))
SEASON_OF = {12: "DJF", 1: "DJF", 2: "DJF", 3: "MAM", 4: "MAM", 5: "MAM"} | {6: "JJA", 7: "JJA", 8: "JJA"}


def months(count: int, first: str = "2018-10", step: int = 1) -> np.ndarray:
    starts = np.datetime64(first, "M") + step * np.arange(count)
    return np.stack([starts, starts + step], axis=1).astype("datetime64[ns]")


def random_data(bounds: np.ndarray, *, gaps: float = 0.4, grid: Grid = GRID) -> xr.Dataset:
    rng = np.random.default_rng(7)
    values = rng.normal(0.3, 0.1, (len(bounds), *grid.shape))
    values[rng.random(values.shape) < gaps] = np.nan
    data = make_frame(grid, bounds)
    data["freeboard_mean"] = (DIMS, values, {"units": "m", "grid_mapping": "crs"})
    data["n_segments"] = (DIMS, np.where(np.isfinite(values), rng.integers(1, 999, values.shape), 0))
    data["freeboard_sigma"] = (DIMS, np.where(np.isfinite(values), 0.02, np.nan), {"units": "m"})
    return data.assign_attrs(product="ATL10", history="before")


def test_months_are_those_of_pandas():
    data = random_data(months(60))
    found = climatology(data)
    assert found.freeboard_climatology.dims == ("month", "y", "x")
    assert found.month.to_numpy().tolist() == list(range(1, 13))
    stamps = pd.DatetimeIndex(data.time.to_numpy())
    table = pd.DataFrame(data.freeboard_mean.to_numpy().reshape(60, -1)).groupby(stamps.month)
    for name, wanted in (("", table.mean()), ("_std", table.std(ddof=1))):
        got = found[f"freeboard_climatology{name}"].to_numpy().reshape(12, -1)
        assert np.allclose(got, wanted, rtol=1e-12, equal_nan=True)
    assert np.array_equal(found.n_years.to_numpy().reshape(12, -1), table.count())


@pytest.mark.parametrize("min_months", [1, 2, 3])
def test_seasons_are_means_of_the_years_seasons(min_months):
    data = random_data(months(60))
    found = climatology(data, by="season", min_months=min_months)
    assert found.season.to_numpy().tolist() == ["DJF", "MAM", "JJA", "SON"]
    stamps = pd.DatetimeIndex(data.time.to_numpy())
    years = stamps.year + (stamps.month == 12)
    names = np.array([SEASON_OF.get(month, "SON") for month in stamps.month])
    table = pd.DataFrame(data.freeboard_mean.to_numpy().reshape(60, -1))
    groups = table.groupby([names, np.asarray(years)])
    yearly = groups.mean().where(groups.count() >= min_months)
    for season in ("DJF", "MAM", "JJA", "SON"):
        cell = found.sel(season=season)
        assert np.allclose(cell.freeboard_climatology.to_numpy().ravel(), yearly.loc[season].mean(), equal_nan=True)
        assert np.allclose(
            cell.freeboard_climatology_std.to_numpy().ravel(), yearly.loc[season].std(ddof=1), equal_nan=True
        )
        assert np.array_equal(cell.n_years.to_numpy().ravel(), yearly.loc[season].count())


def test_whole_seasons_are_taken_as_they_are():
    data = random_data(months(12, "2018-12", step=3))
    found = climatology(data, by="season", min_months=3)
    wanted = data.freeboard_mean.to_numpy()[[0, 4, 8]]
    total = np.isfinite(wanted).sum(axis=0)
    with np.errstate(invalid="ignore"):
        mean = np.nansum(wanted, axis=0) / total
    assert np.allclose(found.freeboard_climatology.sel(season="DJF"), mean, equal_nan=True)


def test_years_and_min_years_choose():
    data = random_data(months(60, "2018-01"), gaps=0.2)
    part = climatology(data, years=(2019, 2020), min_years=2)
    alone = climatology(data.isel(time=slice(12, 36)))
    both = alone.n_years == 2
    assert np.array_equal(part.n_years, alone.n_years)
    assert np.array_equal(part.freeboard_climatology, alone.freeboard_climatology.where(both), equal_nan=True)
    assert part.attrs["base_period"] == "2019 to 2020"
    assert part.time_bnds.sel(month=2).to_numpy().tolist() == [
        pd.Timestamp("2019-02-01").value,
        pd.Timestamp("2020-03-01").value,
    ]
    with pytest.raises(EmptyDataError, match=r"years=\(1990, 1995\).*2018 to 2022"):
        climatology(data, years=(1990, 1995))


def test_anomalies_of_each_month_are_zero_on_average():
    data = random_data(months(60))
    normal = climatology(data)
    found = anomaly(data, normal)
    for layer in (0, 17, 59):
        month = int(data.time[layer].dt.month)
        wanted = data.freeboard_mean[layer].to_numpy() - normal.freeboard_climatology.sel(month=month).to_numpy()
        assert np.array_equal(found.freeboard_anomaly[layer], wanted, equal_nan=True)
    assert float(np.abs(climatology(found, value="freeboard_anomaly").freeboard_anomaly_climatology).max()) < 1e-15
    assert np.array_equal(found.n_segments, data.n_segments)
    assert np.array_equal(found.time_bnds, data.time_bnds)
    weighted = trend(found, value="freeboard_anomaly", weights="sigma")
    assert np.isfinite(weighted.freeboard_anomaly_trend).all()
    assert weighted.freeboard_anomaly_trend.attrs["units"] == "m year-1"
    seasonal = anomaly(data, climatology(data, by="season"))
    assert np.isfinite(seasonal.freeboard_anomaly).any()


def test_the_order_of_rows_and_periods_does_not_matter():
    data = random_data(months(60))
    turned = data.isel(y=slice(None, None, -1), time=np.random.default_rng(1).permutation(60)).transpose("x", ...)
    normal, again = climatology(data), climatology(turned)
    xr.testing.assert_allclose(normal, again, rtol=1e-14)
    upward = normal.isel(y=slice(None, None, -1))
    xr.testing.assert_equal(anomaly(data, upward), anomaly(data, normal))


@pytest.mark.parametrize("by", ["month", "season"])
def test_files_hold_it_as_cf_wants(by, tmp_path):
    data = random_data(months(36))
    normal = climatology(data, by=by)
    assert normal.time.attrs["climatology"] == "time_bnds"
    assert normal.freeboard_climatology.attrs["cell_methods"].endswith("time: mean within years time: mean over years")
    assert normal.attrs["history"].endswith("\nbefore")
    path = write_netcdf(normal, tmp_path / "normal.nc")
    with xr.open_dataset(path, engine="h5netcdf") as back:
        assert np.array_equal(back[by], normal[by])
        xr.testing.assert_equal(anomaly(data, back), anomaly(data, normal))
    from_file = anomaly(data, normal)
    assert len(write_geotiffs(from_file, tmp_path, variables=["freeboard_anomaly"])) == 1


def test_what_does_not_fit_is_refused():
    data = random_data(months(24))
    normal = climatology(data)
    elsewhere = random_data(months(24), grid=Grid.named("EASE2_N25km").window(slice(0, 4), slice(0, 5)))
    with pytest.raises(GridMismatchError):
        anomaly(elsewhere, normal)
    with pytest.raises(InputError, match="month or season"):
        anomaly(data, data.rename(freeboard_mean="freeboard_climatology"))
    with pytest.raises(InputError, match="freeboard_climatology"):
        anomaly(data, data)
    with pytest.raises(InputError, match="one unit"):
        anomaly(data, normal.assign(freeboard_climatology=normal.freeboard_climatology.assign_attrs(units="cm")))
    with pytest.raises(InputError, match="no month 10, 11"):
        anomaly(data, normal.isel(month=slice(0, 9)))
    with pytest.raises(InputError, match="more than one period"):
        climatology(xr.concat([data, data.isel(time=[3])], dim="time", data_vars="minimal", coords="minimal"))
    with pytest.raises(InputError, match="dimension time"):
        climatology(normal, value="freeboard_climatology")


@pytest.mark.parametrize(
    ("bounds", "by"),
    [
        (np.array([["2020-01-01", "2020-01-08"]], "datetime64[ns]"), "month"),
        (months(4, "2020-01", step=3), "month"),
        (months(4, "2020-01", step=3), "season"),
        (months(4, "2020-01", step=12), "season"),
        (np.array([["2020-01-01T12", "2020-02-01T12"]], "datetime64[ns]"), "season"),
    ],
)
def test_other_periods_are_refused_with_the_way_out(bounds, by):
    with pytest.raises(InputError, match="freq='month'"):
        climatology(random_data(bounds), by=by)


@pytest.mark.parametrize("options", [{"by": "week"}, {"min_years": 0}, {"min_months": 4}, {"years": (2020, 2019)}])
def test_arguments_are_checked(options):
    with pytest.raises(InputError, match=next(iter(options))):
        climatology(random_data(months(12)), **options)
