"""A velocity field states all it has to, or says what it lacks."""

from __future__ import annotations

import numpy as np
import pytest
import xarray as xr

from altiflow.errors import FieldError
from altiflow.readers.field import build_field, check_field, check_series, crs_text, space_dims
from altiflow.readers.layers import is_cube

WEEKS = np.array([["2018-01-01", "2018-01-08"], ["2018-01-08", "2018-01-15"]], dtype="datetime64[ns]")
STATED = {"crs": "EPSG:3408", "units": "cm / s", "velocity_metric": "map", "metric_source": "user", "source": "made"}


def make(**changes) -> xr.Dataset:
    vx = np.arange(24, dtype="f4").reshape(2, 3, 4)
    given = {"vx": vx, "vy": -vx, "x": np.arange(4) * 25e3, "y": np.arange(3) * 25e3, "time_bnds": WEEKS, **STATED}
    return build_field(**{**given, **changes})


def test_a_field_has_centres_bounds_and_one_spelling_of_its_unit():
    field = make(count=np.ones((2, 3, 4), dtype="i2"))
    assert field["vx"].dims == ("time", "y", "x")
    assert field["vx"].dtype == np.float32
    assert field["time"].values[0] == np.datetime64("2018-01-04T12", "ns")
    assert (field["time_bnds"].values == WEEKS).all()
    assert field.attrs["units"] == field["vx"].attrs["units"] == "cm s-1"
    assert field["count"].attrs["units"] == "1"
    assert "year_days" not in field.attrs


@pytest.mark.parametrize("order", [1, -1])
def test_rows_keep_their_order(order):
    y = (np.arange(3) * 25e3)[::order]
    assert (make(y=y)["y"].values == y).all()


def test_a_lazy_variable_stays_lazy(tmp_path):
    make().to_netcdf(tmp_path / "a.nc", engine="h5netcdf")
    with xr.open_dataset(tmp_path / "a.nc", engine="h5netcdf") as opened:
        field = make(vx=opened["vx"], vy=opened["vy"])
        assert not field["vx"].variable._in_memory
        assert field["vx"].isel(time=1, y=2, x=3).item() == 23


def test_undated_layers_have_no_times():
    nothing = np.full((1, 2), np.datetime64("NaT", "ns"))
    layer = np.zeros((1, 3, 4))
    field = make(vx=layer, vy=layer, time_bnds=nothing, time_rule="undated", units="m/y", year_days=365)
    assert np.isnat(field["time"].values).all()
    assert field.attrs["year_days"] == 365.0


def test_displacements_have_lengths():
    assert make(units="km", velocity_kind="displacement").attrs["units"] == "km"


def test_a_crs_without_an_authority_is_kept_as_wkt():
    sphere = "+proj=laea +lat_0=90 +lon_0=10 +a=6371228 +b=6371228 +units=m"
    assert crs_text(sphere).startswith("PROJCRS")
    assert crs_text("urn:ogc:def:crs:EPSG::3408") == "EPSG:3408"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"crs": "EPSG:4326"}, "in degrees"),
        ({"crs": "polar"}, "'crs' is not known"),
        ({"crs": "EPSG:4978"}, "projected in metres"),
        ({"crs": "EPSG:2222"}, "projected in metres"),
        ({"velocity_metric": np.array(["map", "map"])}, "'velocity_metric' is array"),
        ({"time_bnds": [["then", "now"]]}, "cannot be read as times"),
        ({"time_bnds": WEEKS[:1]}, "different sizes"),
        ({"vy": np.zeros((2, 4, 4))}, "different sizes"),
        ({"units": "knots"}, "'units' is 'knots'"),
        ({"units": "m/yr"}, "'year_days' is None"),
        ({"velocity_metric": "grid"}, "'velocity_metric' is 'grid'"),
        ({"metric_source": "guess"}, "'metric_source' is 'guess'"),
        ({"velocity_kind": "speed"}, "'velocity_kind' is 'speed'"),
        ({"time_rule": "undated"}, "'undated' but"),
        ({"source": " "}, "'source' is missing"),
        ({"x": [3.0, 2.0, 1.0, 0.0]}, "'x' descends"),
        ({"y": [0.0, 1.0, 3.0]}, "'y' is not evenly spaced"),
        ({"y": [0.0, np.nan, 2.0]}, "finite"),
        ({"x": [0.0, 0.0, 0.0, 0.0]}, "'x' is not evenly spaced"),
        ({"time_bnds": WEEKS[:, ::-1]}, "ends before it starts"),
        ({"time_bnds": WEEKS[:, 0]}, "give \\(time, 2\\)"),
        ({"time_bnds": np.full((2, 2), np.datetime64("NaT", "ns"))}, "hold NaT"),
        ({"vx": np.zeros((3, 4))}, "vx has 2 dimensions"),
        ({"vx": np.zeros((2, 3, 4), dtype=int)}, "vx is int64"),
    ],
)
def test_what_is_wrong_is_named(changes, message):
    with pytest.raises(FieldError, match=message):
        make(**changes)


@pytest.mark.parametrize("name", ["crs", "units", "velocity_metric", "velocity_kind", "time_rule", "source"])
def test_a_missing_attribute_is_named(name):
    field = make()
    del field.attrs[name]
    with pytest.raises(FieldError, match=name):
        check_field(field)


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda field: field.drop_vars("vy"), "no variable 'vy'"),
        (lambda field: field.drop_vars("time_bnds"), "'time_bnds'"),
        (lambda field: field.drop_vars("x"), "coordinate 'x'"),
        (lambda field: field.isel(time=0), "vx has dimensions"),
        (lambda field: field.transpose("time", "x", "y", "nv"), "vx has dimensions"),
        (lambda field: field.isel(time=[]), "'time' is empty"),
        (lambda field: field.isel(x=[0]), "at least 2"),
        (lambda field: field.isel(nv=[0]), "columns"),
        (lambda field: field.assign_coords(time=field.time + np.timedelta64(9, "D")), "outside its time_bnds"),
        (lambda field: field.assign_attrs(units="cm/s"), "write it 'cm s-1'"),
        (lambda field: field.to_array(), "not DataArray"),
    ],
)
def test_a_spoiled_field_is_refused(spoil, message):
    with pytest.raises(FieldError, match=message):
        check_field(spoil(make()))


def pairs(**layers) -> dict:
    """Return the parts of a cube of two image pairs with the same middle."""
    bounds = np.array([["2019-01-01", "2019-01-17"], ["2018-12-24", "2019-01-25"]], dtype="M8[ns]")
    still = np.zeros((2, 2, 3))
    return {
        "vx": still, "vy": still, "x": [0.0, 120.0, 240.0], "y": [120.0, 0.0], "time_bnds": bounds, "crs": 3413,
        "units": "m/yr", "velocity_metric": "map", "metric_source": "user", "source": "test", "year_days": 365.0,
        "vx_sigma": np.array([1.0, 2.0]), "layers": {"granule": ["a", "b"], "separation_days": [16, 32], **layers},
    }  # fmt: skip


class TestLayersOfACube:
    def test_two_pairs_with_one_middle_are_both_there(self):
        cube = build_field(**pairs())
        assert cube.time.values[0] == cube.time.values[1]
        assert is_cube(cube)
        assert cube.vx_sigma.dims == ("time",)
        assert cube.separation_days.attrs["units"] == "days"

    def test_a_pair_that_is_there_twice_is_refused(self):
        with pytest.raises(FieldError, match="1 image pairs are there more than once, first a"):
            build_field(**pairs(granule=["a", "a"]))

    def test_what_is_not_known_of_layers_is_refused(self):
        with pytest.raises(FieldError, match="'colour'"):
            build_field(**pairs(colour=[1, 2]))

    def test_a_layer_coordinate_among_the_variables_is_refused(self):
        cube = build_field(**pairs()).reset_coords("separation_days")
        with pytest.raises(FieldError, match="separation_days must be a coordinate"):
            check_field(cube)

    def test_a_series_has_points_in_place_of_a_grid(self):
        cube = build_field(**pairs())
        places = {"y": xr.DataArray([0, 1], dims="point"), "x": xr.DataArray([2, 0], dims="point")}
        series = cube.isel(places)
        assert space_dims(cube) == ("y", "x")
        assert space_dims(series) == ("point",)
        with pytest.raises(FieldError, match="no coordinate 'x'"):
            check_series(series.drop_vars("x"))
