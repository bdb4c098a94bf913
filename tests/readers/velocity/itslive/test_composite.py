"""Annual composites: years as intervals, no fill, and nothing read before it is looked at."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import xarray as xr

from altiflow.errors import (
    CorruptGranuleError,
    EmptyDataError,
    FieldError,
    InputError,
    MissingDataError,
    WrongProductError,
)
from altiflow.readers.field import check_field
from altiflow.readers.velocity import PRODUCTS, read_composite_static
from altiflow.readers.velocity.formats.stores import open_store
from altiflow.readers.velocity.itslive.composite import read_composite
from altiflow.readers.velocity.options import check_options
from altiflow.readers.velocity.products import detect_zarr

PRODUCT = PRODUCTS["ITS_LIVE-composite"]
YEARS = ("2017", "2018", "2019")


@pytest.fixture
def composite(tmp_path):
    """Return a maker of stores in the layout of its_live_production, 3 years of 4 rows and 6 columns, y descending.

    Fill: vx in one cell of the first year, errors elsewhere, none of it declared on the unsigned integers.
    """

    def make(name="ITS_LIVE_velocity_EPSG3413_120m_X-150000_Y-2250000.zarr", *, version=2, day="-01-01", **alter):
        shape = (len(alter.get("years", YEARS)), 4, 6)
        vx = np.arange(np.prod(shape), dtype="f4").reshape(shape) - 20
        vy = 100 - vx
        vx[0, 0, 0] = -32767
        error = np.full(shape, 7, dtype="u2")
        error[:, 1, 1] = 32767
        count = np.full(shape, 9, dtype="u4")
        count[:, 2, 2] = 0
        layer, plane = ("time", "y", "x"), ("y", "x")
        speed = {"units": "meter/year", "grid_mapping": "mapping"}
        filled = {**speed, "_FillValue": np.float32(-32767)}
        silent = {**speed, "missing_value": 32767.0}
        fit = np.arange(24, dtype="f4").reshape(4, 6)
        fit_y = -fit
        fit_y[3, 5] = -32767
        days = [
            (np.datetime64(f"{year}{day}") - np.datetime64("1970-01-01")).astype(int)
            for year in alter.get("years", YEARS)
        ]
        dataset = xr.Dataset(
            {
                "vx": (layer, vx, filled),
                "vy": (layer, vy, filled),
                "v": (layer, np.hypot(vx, vy), filled),
                "vx_error": (layer, error, silent),
                "vy_error": (layer, error, silent if alter.get("declared", True) else speed),
                "count": (layer, count, {"units": "count", "missing_value": 0.0}),
                "vx0": (plane, fit, filled),
                "vy0": (plane, fit_y, filled),
                "v0": (plane, np.hypot(fit, fit_y), filled),
                "vx0_error": (plane, error[0], silent),
                "vy0_error": (plane, error[0], silent),
                "count0": (plane, count[0], {"units": "count", "missing_value": 0.0}),
                "dvx_dt": (plane, fit / 10, {**filled, "units": "meter/year^2"}),
                "v_amp": (plane, error[0], silent),
                "v_phase": (plane, np.where(fit == 0, 32767, 200).astype("u2"), {**silent, "units": "day of year"}),
                "outlier_percent": (plane, np.full((4, 6), 12, "u1"), {"missing_value": 255.0}),
                "landice": (plane, np.ones((4, 6), "u1"), {"missing_value": 0.0}),
                "dt_max": (("sensor", "y", "x"), np.zeros((2, 4, 6), "u2")),
                "mapping": (
                    (),
                    "" if version == 2 else np.int32(0),
                    {"spatial_epsg": 3413, "crs_wkt": pyproj.CRS(3413).to_wkt()},
                ),
                "time": ("time", days, {"units": "days since 1970-01-01", "calendar": "proleptic_gregorian"}),
                "x": ("x", np.arange(6) * 120.0 - 150_000),
                "y": ("y", -np.arange(4) * 120.0 - 2_250_000),
            }
        )
        dataset = dataset.drop_vars(alter.get("without", []))
        for key, attrs in alter.get("attrs", {}).items():
            dataset[key].attrs = attrs
        chunks = {
            key: {"chunks": (1, 4, 6)} for key in ("vx", "vy", "v", "vx_error", "vy_error", "count") if key in dataset
        }
        dataset.to_zarr(
            tmp_path / name, zarr_format=version, consolidated=alter.get("consolidated", version == 2), encoding=chunks
        )
        return tmp_path / name

    return make


def yearly(path, *, chunks=None, **said):
    dataset = open_store(path, chunks=chunks)
    options = check_options(
        said.get("crs"), said.get("metric"), said.get("period"), said.get("units"), said.get("bounds")
    )
    return read_composite(dataset, path, PRODUCT, options)


def unread(field):
    """Return the names of the variables of which nothing has been read."""
    return {name for name in field.data_vars if not field[name].variable._in_memory}


@pytest.fixture(params=["with dask", "without dask"])
def chunks(request):
    if request.param == "without dask":
        return None
    pytest.importorskip("dask")
    return "store"


@pytest.mark.parametrize("version", [2, 3])
@pytest.mark.parametrize("declared", [True, False])
def test_years_without_fill(composite, chunks, version, declared):
    field = check_field(yearly(composite(version=version, declared=declared), chunks=chunks))
    assert unread(field) == {"vx", "vy", "vx_sigma", "vy_sigma", "count"}
    assert (field["vx"].chunks is not None) == (chunks is not None)
    assert field["time_bnds"].values[0].astype("M8[D]").astype(str).tolist() == ["2017-01-01", "2018-01-01"]
    stated = {name: field.attrs[name] for name in ("crs", "units", "velocity_metric", "metric_source", "year_days")}
    assert stated == {
        "crs": "EPSG:3413",
        "units": "m yr-1",
        "velocity_metric": "map",
        "metric_source": "assumed",
        "year_days": 365.25,
    }
    for name in ("vx", "vy"):
        values = field[name].values
        assert values.dtype == np.float32
        assert np.isnan(values[0, 0, 0])
        assert int(np.isfinite(values).sum()) == 71
    np.testing.assert_array_equal(field["vx"].values.ravel()[1:], np.arange(1, 72) - 20)
    for name in ("vx_sigma", "vy_sigma"):
        assert np.isnan(field[name].values[:, 1, 1]).all()
        assert np.isnan(field[name].values[0, 0, 0])
        assert int((field[name].values == 7).sum()) == 68
    assert (field["count"].values[0, 0, 0], field["count"].values[1, 2, 2], field["count"].values[1, 1, 1]) == (0, 0, 9)


def test_lazy_parts_are_those_of_the_whole(composite, chunks):
    field = yearly(composite(), chunks=chunks)
    whole = field.compute()
    for part in ({"time": 1}, {"y": slice(1, 3), "x": [0, 4, 5]}, {"time": slice(None, None, -1), "x": -1}):
        np.testing.assert_array_equal(field["vy"].isel(part).values, whole["vy"].isel(part).values)
    assert "vy" in unread(field)
    assert float(field["vx"].sel(x=-149_760, y=-2_250_120, time="2018-07-02", method="nearest")) == 12


def test_only_the_chunks_that_are_looked_at_are_read(composite, chunks):
    path = composite()
    for part in ("vx/1.0.0", "vy/1.0.0", "vx/2.0.0"):
        (path / part).write_bytes(b"broken")
    field = yearly(path, chunks=chunks)
    assert np.isfinite(field["vx"].isel(time=0).values).sum() == 23
    with pytest.raises((RuntimeError, ValueError, OSError)):
        field["vx"].isel(time=1).compute()


@pytest.mark.parametrize("day", ["-01-01", "-07-02"])
def test_a_stamp_stands_for_its_civil_year(composite, day):
    field = yearly(composite(day=day), period=("2018-05-01", "2018-06-01"))
    assert field["time_bnds"].values.astype("M8[D]").astype(str).tolist() == [["2018-01-01", "2019-01-01"]]
    assert float(field["vx"][0, 0, 0]) == 4


def test_bounds_and_a_period_outside(composite):
    path = composite()
    window = yearly(path, bounds=(-149_900, -2_250_250, -149_500, -2_250_100))
    assert window["x"].values.tolist() == [-149_880, -149_760, -149_640, -149_520]
    assert window["y"].values.tolist() == [-2_250_120, -2_250_240]
    assert window["vx"].values[0, 0, 0] == -13
    with pytest.raises(EmptyDataError, match="no layer touches"):
        yearly(path, period=("2021-01-01", "2021-02-01"))
    with pytest.raises(EmptyDataError, match="has 0 cell centres with y"):
        yearly(path, bounds=(0, 0, 1000, 1000))


@pytest.mark.parametrize("version", [2, 3])
def test_the_fit_is_an_undated_field(composite, version):
    path = composite(version=version)
    field = check_field(read_composite_static(path))
    assert {"vx", "vy", "vx_sigma", "vy_sigma", "count", "dvx_dt", "v_amp", "v_phase"} <= unread(field)
    assert field.attrs["time_rule"] == "undated"
    assert np.isnat(field["time_bnds"].values).all()
    assert {name: field[name].dims for name in field.data_vars} == dict.fromkeys(field.data_vars, ("time", "y", "x"))
    assert not {"v0", "vx0", "dt_max", "v"} & set(field.data_vars)
    np.testing.assert_array_equal(field["vx"].values.ravel()[:-1], np.arange(23))
    assert np.isnan(field["vx"].values[0, 3, 5])
    assert np.isnan(field["vy"].values[0, 3, 5])
    assert np.isnan(field["v_amp"].values[0, 1, 1])
    assert np.isnan(field["v_phase"].values[0, 0, 0])
    assert (field["v_phase"].values.ravel()[1:] == 200).all()
    assert field["dvx_dt"].attrs["units"] == "meter/year^2"
    assert field["landice"].dtype == np.uint8
    assert (field["outlier_percent"].values == 12).all()
    window = read_composite_static(str(path), bounds=(-149_900, -2_250_250, -149_500, -2_250_100))
    xr.testing.assert_identical(window.compute(), field.isel(y=slice(1, 3), x=slice(1, 5)).compute())


def test_stores_are_told_apart_by_what_is_in_them(composite):
    store = open_store(composite())
    assert detect_zarr(set(store.variables), store.attrs, set(store.dims)) == "ITS_LIVE-composite"


def test_a_store_without_gathered_metadata_opens(composite):
    assert yearly(composite(consolidated=False)).sizes["time"] == 3


class TestRefused:
    def test_missing_parts(self, composite):
        with pytest.raises(WrongProductError, match="lacks 'vy'"):
            yearly(composite(without=["vy"]))
        with pytest.raises(WrongProductError, match="lacks 'vx0'"):
            read_composite_static(composite("b.zarr", without=["vx0"]))
        with pytest.raises(MissingDataError, match="time units None"):
            yearly(composite("c.zarr", attrs={"time": {}}))

    def test_missing_errors_are_no_error(self, composite):
        field = yearly(composite(without=["vx_error", "count"]))
        assert set(field.data_vars) == {"vx", "vy", "vy_sigma"}

    def test_no_crs_is_guessed(self, composite):
        path = composite(attrs={"mapping": {}})
        with pytest.raises(InputError, match="states no CRS"):
            yearly(path)
        with pytest.raises(InputError, match="states no CRS"):
            read_composite_static(path)
        assert read_composite_static(path, crs=3413, metric="ground").attrs["metric_source"] == "user"

    def test_years_out_of_order_or_twice(self, composite):
        with pytest.raises(FieldError, match="each once"):
            yearly(composite(years=("2018", "2017", "2019")))

    def test_units_nobody_knows(self, composite):
        with pytest.raises(FieldError, match="furlong"):
            yearly(composite(attrs={"vx": {"units": "furlong/year", "grid_mapping": "mapping"}}))

    def test_no_store_or_a_broken_one(self, composite, tmp_path):
        with pytest.raises(InputError, match="there is no Zarr store"):
            read_composite_static(tmp_path / "none.zarr")
        path = composite()
        (path / ".zmetadata").write_text("{")
        with pytest.raises(CorruptGranuleError, match=r"the Zarr store .* cannot be opened"):
            read_composite_static(path)
