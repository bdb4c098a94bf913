"""Displacements of OSI SAF: kilometres to metres, the right sign, ends where the file says the ice ends."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import xarray as xr

from altiflow.errors import EmptyDataError, FieldError, InputError, MissingDataError, WrongProductError
from altiflow.readers.field import crs_text
from altiflow.readers.velocity import read_velocity

FILL = -1e10
NORTH = "+proj=stere +a=6378273 +b=6356889.44891 +lat_0=90 +lat_ts=70 +lon_0=-45"
SOUTH = "+proj=stere +a=6378273 +b=6356889.44891 +lat_0=-90 +lat_ts=-70 +lon_0=0"
EASE = "+proj=laea +lon_0=0 +datum=WGS84 +ellps=WGS84 +lat_0=90.0"
LAYER = ("time", "yc", "xc")
NRT = "ice_drift_nh_polstere-625_multi-oi_202203011200-202203031200.nc"
CDR = "ice_drift_nh_ease2-750_cdr-v1p0_24h-202003151200.nc"
EPOCH = np.datetime64("1978-01-01T00:00:00")


def seconds(moment):
    return float((np.datetime64(moment) - EPOCH) / np.timedelta64(1, "s"))


@pytest.fixture
def drift(tmp_path):
    """Return a maker of files in the layout of OSI-405-c or OSI-455, one layer of 4 rows and 5 columns, y descending.

    The end points are worked out by pyproj alone, from the node in metres of the map plus the displacement.
    """

    def make(
        name=NRT, *, start="2022-03-01T12:00", end="2022-03-03T12:00", proj=NORTH, step=62.5, climate=False, **alter
    ):
        xc = (np.arange(5) - 2.0) * step + 300
        yc = (1.5 - np.arange(4)) * step - 500
        dx, dy = np.meshgrid(np.linspace(-12, 20, 5), np.linspace(25, -8, 4))
        project = pyproj.Transformer.from_crs(pyproj.CRS(proj).geodetic_crs, proj, always_xy=True)
        lon1, lat1 = project.transform((xc[None, :] + dx) * 1000, (yc[:, None] + dy) * 1000, direction="INVERSE")
        flags = np.full((4, 5), 30, dtype="i1")
        flags[0] = [0, 11, 20, 22, 30]
        drawn_dy = alter.get("sign", 1) * dy
        lost = flags < 20
        parts = {"dX": dx, alter.get("dy_name", "dY"): drawn_dy, "lat1": lat1, "lon1": lon1}
        if "other_dy" in alter:
            parts["dY"] = alter["other_dy"] * dy
        mapping = "Lambert_Azimuthal_Equal_Area" if climate else "Polar_Stereographic_Grid"
        units = {"dX": "km", "dY": "km", "dY_v1p4": "km", "lat1": "degrees_north", "lon1": "degrees_east"}
        dataset = xr.Dataset(
            {
                key: (
                    LAYER,
                    np.where(lost, FILL, values).astype("f4")[None],
                    {"_FillValue": np.float32(FILL), "units": units[key], "grid_mapping": mapping},
                )
                for key, values in parts.items()
            }
        )
        dataset["uncert_dX_and_dY"] = (
            LAYER,
            np.where(lost, FILL, 2.5).astype("f4")[None],
            {"_FillValue": np.float32(FILL), "units": "km"},
        )
        dataset["status_flag"] = (LAYER, flags[None], {"_FillValue": np.int8(-127)})
        dataset[mapping] = ((), np.int32(0), {"proj4_string": proj})
        dataset["xc"] = ("xc", xc, {"units": "km", "axis": "X"})
        dataset["yc"] = ("yc", yc, {"units": "km", "axis": "Y"})
        stamp = {"units": "seconds since 1978-01-01 00:00:00", "calendar": "standard"}
        dataset["time"] = ("time", [seconds(end)], {**stamp, "bounds": "time_bnds"})
        dataset["time_bnds"] = (("time", "nv"), [[seconds(start), seconds(end)]], stamp if climate else {})
        for number, moment in enumerate((start, end)):
            late = np.full((1, 4, 5), 3600 * (number + 1), dtype="f8")
            if climate:
                dataset[f"t{number}"] = (LAYER, late + seconds(moment), stamp)
            else:
                origin = {"units": f"seconds since {moment.replace('T', ' ')}:00"}
                dataset[f"dt{number}"] = (LAYER, late.astype("i4"), {**origin, "_FillValue": np.int32(-(2**31) + 1)})
        dataset = dataset.drop_vars(alter.get("without", []))
        for key, attrs in alter.get("attrs", {}).items():
            dataset[key].attrs.update(attrs)
        dataset.to_netcdf(tmp_path / name, engine="scipy" if alter.get("classic") else "h5netcdf")
        return tmp_path / name

    return make


def ends(field):
    """Return longitude and latitude of the nodes moved by the displacements, in the field's own CRS."""
    x, y = np.meshgrid(field["x"].values, field["y"].values)
    scale = {"km": 1000.0, "m": 1.0}[field.attrs["units"]]
    crs = pyproj.CRS(field.attrs["crs"])
    transformer = pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)
    return transformer.transform(
        x + field["vx"].values[0] * scale, y + field["vy"].values[0] * scale, direction="INVERSE"
    )


@pytest.mark.parametrize("classic", [True, False])
def test_the_near_real_time_file(drift, classic):
    field = read_velocity(drift(classic=classic))
    assert dict(field.sizes) == {"time": 1, "y": 4, "x": 5, "nv": 2}
    assert field["x"].values.tolist() == [175_000, 237_500, 300_000, 362_500, 425_000]
    assert field["y"].values.tolist() == [-406_250, -468_750, -531_250, -593_750]
    bounds = field["time_bnds"].values.astype("datetime64[m]").astype(str).tolist()
    assert bounds == [["2022-03-01T12:00", "2022-03-03T12:00"]]
    stated = {name: field.attrs[name] for name in ("units", "velocity_kind", "velocity_metric", "metric_source")}
    assert stated == {
        "units": "km",
        "velocity_kind": "displacement",
        "velocity_metric": "map",
        "metric_source": "assumed",
    }
    assert field.attrs["source"].startswith("OSI-405 ")
    ellipsoid = pyproj.CRS(field.attrs["crs"]).ellipsoid
    assert (ellipsoid.semi_major_metre, round(ellipsoid.semi_minor_metre, 3)) == (6378273.0, 6356889.449)


def test_only_usable_flags_leave_a_vector(drift):
    field = read_velocity(drift())
    assert np.isnan(field["vx"].values[0, 0]).tolist() == [True, True, False, False, False]
    for name in ("vx", "vy", "vx_sigma", "vy_sigma"):
        assert int(np.isfinite(field[name]).sum()) == 18
    assert (field["vx_sigma"].values[np.isfinite(field["vx"].values)] == 2.5).all()
    assert field["status_flag"].values[0, 0].tolist() == [0, 11, 20, 22, 30]
    assert "count" not in field


@pytest.mark.parametrize("case", [{}, {"proj": SOUTH}, {"proj": EASE, "climate": True, "step": 75.0}])
def test_node_plus_displacement_is_where_the_file_says_the_ice_ends(drift, case):
    path = drift(**case)
    lon, lat = ends(read_velocity(path))
    with xr.open_dataset(path, engine="h5netcdf", decode_times=False) as raw:
        stated = raw["lon1"].values[0], raw["lat1"].values[0]
    seen = np.isfinite(lon)
    _, _, apart = pyproj.Geod(ellps="WGS84").inv(lon[seen], lat[seen], stated[0][seen], stated[1][seen])
    assert seen.sum() == 18
    assert np.max(apart) < 3  # float32 degrees


def test_the_metric_is_that_of_the_map_by_far(drift):
    """Were dX, dY metres on the ground, the end points would be missed by the map's scale, 3 % near the pole."""
    path = drift()
    field = read_velocity(path)
    crs = pyproj.CRS(field.attrs["crs"])
    x, y = np.meshgrid(field["x"].values, field["y"].values)
    to_degrees = pyproj.Transformer.from_crs(crs, crs.geodetic_crs, always_xy=True)
    scale = pyproj.Proj(crs).get_factors(*to_degrees.transform(x, y)).meridional_scale
    assert 0.97 < scale.min() < 0.98
    with xr.open_dataset(path, engine="h5netcdf", decode_times=False) as raw:
        end = to_degrees.transform(raw["lon1"].values[0], raw["lat1"].values[0], direction="INVERSE")
    way = np.hypot(end[0] - x, end[1] - y)[1:]
    length = np.hypot(field["vx"].values[0], field["vy"].values[0])[1:] * 1000
    assert np.abs(way - length).max() < 3
    assert np.abs(way - length * scale[1:]).max() > 300


def test_the_climate_record(drift):
    path = drift(CDR, start="2020-03-14T12:00", end="2020-03-15T12:00", proj=EASE, step=75.0, climate=True)
    field = read_velocity(path)
    assert np.diff(field["time_bnds"].values) == np.timedelta64(24, "h")
    assert np.diff(field["x"].values).tolist() == [75_000] * 4
    assert field.attrs["source"].startswith("OSI-455 ")
    assert pyproj.CRS(field.attrs["crs"]).coordinate_operation.method_name == "Lambert Azimuthal Equal Area"


@pytest.mark.parametrize("climate", [True, False])
def test_each_cell_keeps_its_own_start_and_end(drift, climate):
    field = read_velocity(drift(climate=climate))
    assert (field["start_offset"].values == 3600).all()
    assert (field["end_offset"].values == 7200).all()
    assert field["end_offset"].attrs["units"] == "s"
    bare = read_velocity(drift(climate=climate, without=["dt0", "dt1"] if not climate else ["t1"]))
    assert "end_offset" not in bare


class TestSignOfY:
    def test_the_corrected_component_is_taken_where_there_are_two(self, drift):
        good = read_velocity(drift())
        both = read_velocity(drift("b.nc", dy_name="dY_v1p4", other_dy=-1))
        np.testing.assert_array_equal(both["vy"].values, good["vy"].values)

    def test_a_component_that_points_down_is_turned_and_says_so(self, drift):
        good, down = read_velocity(drift()), read_velocity(drift("b.nc", sign=-1))
        np.testing.assert_array_equal(down["vy"].values, good["vy"].values)
        assert "points down in it: turned" in down.attrs["source"]
        assert "turned" not in good.attrs["source"]

    def test_without_end_points_it_is_taken_as_it_is(self, drift):
        good = read_velocity(drift())
        down = read_velocity(drift("b.nc", sign=-1, without=["lat1", "lon1"]))
        np.testing.assert_array_equal(down["vy"].values, -good["vy"].values)


def test_days_that_overlap_are_joined(drift):
    days = ["2022-03-01", "2022-03-02", "2022-03-03", "2022-03-04", "2022-03-05"]
    paths = [
        drift(f"{day}.nc", start=f"{day}T12:00", end=f"{end}T12:00")
        for day, end in zip(days[:3], days[2:], strict=True)
    ]
    field = read_velocity(paths[::-1])
    assert field.sizes["time"] == 3
    assert (np.diff(field["time"].values) == np.timedelta64(24, "h")).all()
    assert read_velocity(paths, period=("2022-03-01", "2022-03-02T12:00")).sizes["time"] == 1
    with pytest.raises(EmptyDataError, match="covers 2022-03-01 to 2022-03-03"):
        read_velocity(paths[0], period=("2022-04-01", "2022-05-01"))


def test_bounds_cut_the_window_in_metres(drift):
    path = drift()
    window = read_velocity(path, bounds=(200_000, -600_000, 400_000, -450_000))
    assert window["x"].values.tolist() == [237_500, 300_000, 362_500]
    assert window["y"].values.tolist() == [-468_750, -531_250, -593_750]
    assert window.drop_attrs().identical(read_velocity(path).isel(x=slice(1, 4), y=slice(1, 4)).drop_attrs())


def test_a_file_of_fill_is_a_field_without_a_value(drift):
    path = drift()
    empty = path.with_name("empty.nc")
    with xr.open_dataset(path, engine="h5netcdf", decode_cf=False) as raw:
        raw["status_flag"][:] = 0
        raw.to_netcdf(empty, engine="h5netcdf")
    field = read_velocity(empty)
    assert np.isnan(field["vx"].values).all()
    assert (field["status_flag"].values == 0).all()


class TestRefused:
    def test_missing_parts(self, drift):
        with pytest.raises(WrongProductError, match="lacks 'status_flag'"):
            read_velocity(drift(without="status_flag"))
        with pytest.raises(WrongProductError, match="lacks 'dY'"):
            read_velocity(drift(without="dY"))
        with pytest.raises(MissingDataError, match="no time_bnds"):
            read_velocity(drift(without="time_bnds"))

    def test_no_crs_is_guessed(self, drift):
        path = drift(without="Polar_Stereographic_Grid")
        with pytest.raises(InputError, match="states no CRS"):
            read_velocity(path)
        assert read_velocity(path, crs=NORTH).attrs["crs"] == crs_text(NORTH)

    def test_units_that_are_no_length(self, drift):
        with pytest.raises(FieldError, match="'km/day'; a displacement is in km or m"):
            read_velocity(drift(attrs={"dX": {"units": "km/day"}}))
        with pytest.raises(InputError, match="holds displacements in km"):
            read_velocity(drift(), units="m/d")

    def test_a_grid_in_degrees(self, drift):
        with pytest.raises(FieldError, match="xc is in 'degrees', neither km nor m"):
            read_velocity(drift(attrs={"xc": {"units": "degrees"}}))


def test_the_parameters_of_the_mapping_do_where_there_is_no_string(drift):
    stated = {
        "grid_mapping_name": "polar_stereographic",
        "straight_vertical_longitude_from_pole": np.float32(-45),
        "latitude_of_projection_origin": np.float32(90),
        "standard_parallel": np.float32(70),
        "false_easting": np.float32(0),
        "false_northing": np.float32(0),
        "semi_major_axis": 6378273.0,
        "semi_minor_axis": 6356889.44891,
    }
    path = drift()
    bare = path.with_name("bare.nc")
    with xr.open_dataset(path, engine="h5netcdf", decode_cf=False) as raw:
        raw["Polar_Stereographic_Grid"].attrs = stated
        raw.to_netcdf(bare, engine="h5netcdf")
    found, wanted = (pyproj.CRS(read_velocity(name).attrs["crs"]) for name in (bare, path))
    places = np.array([10.0, -120.0]), np.array([70.0, 85.0])
    projected = [
        pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True).transform(*places) for crs in (found, wanted)
    ]
    np.testing.assert_allclose(projected[0], projected[1], atol=1e-3)
    no_ellipsoid = {key: value for key, value in stated.items() if not key.startswith("semi_m")}
    for name, attrs in {"km.nc": {**stated, "semi_major_axis": 6378.273}, "none.nc": no_ellipsoid}.items():
        with xr.open_dataset(path, engine="h5netcdf", decode_cf=False) as raw:
            raw["Polar_Stereographic_Grid"].attrs = attrs
            raw.to_netcdf(path.with_name(name), engine="h5netcdf")
        with pytest.raises(InputError, match="states no CRS"):
            read_velocity(path.with_name(name))


def test_fill_of_the_offsets_is_gone(drift):
    path = drift()
    with xr.open_dataset(path, engine="h5netcdf", decode_cf=False) as raw:
        raw["dt0"].attrs.pop("_FillValue")
        raw["dt0"][0, 0, :2] = -(2**31) + 1
        raw.to_netcdf(path.with_name("fill.nc"), engine="h5netcdf")
    offset = read_velocity(path.with_name("fill.nc"))["start_offset"].values
    assert np.isnan(offset[0, 0]).tolist() == [True, True, False, False, False]
    assert np.nanmax(offset) == 3600
