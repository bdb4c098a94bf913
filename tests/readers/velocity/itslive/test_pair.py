"""Image pairs of every version come out in one form."""

from __future__ import annotations

import numpy as np
import pytest

from altiflow.errors import CorruptGranuleError, EmptyDataError, FieldError, InputError, MissingDataError
from altiflow.readers import read_velocity

V1 = "LE07_A_X_LE07_B_G0240V01_P059.nc"


def test_versions_give_the_same_names(pair):
    second, first = read_velocity(pair()), read_velocity(pair(V1, version=1))
    assert set(first.variables) == set(second.variables)
    assert set(first.attrs) == set(second.attrs)
    assert first.sizes == second.sizes
    assert [first[name].dtype for name in first.data_vars] == [second[name].dtype for name in first.data_vars]


def test_version_2_is_in_map_metres_and_a_year_of_365_days(pair):
    field = read_velocity(pair())
    stated = {key: field.attrs[key] for key in ("velocity_metric", "metric_source", "year_days", "units", "crs")}
    assert stated == {
        "velocity_metric": "map",
        "metric_source": "assumed",
        "year_days": 365.0,
        "units": "m yr-1",
        "crs": "EPSG:32646",
    }
    assert field.time_bnds.values.astype("M8[ms]").astype(str).tolist() == [
        ["2020-01-01T10:20:30.250", "2020-01-17T10:20:24.000"]
    ]
    assert field.separation_days.item() == pytest.approx(16 - 6.25 / 86400, abs=1e-12)
    assert (field.granule.item(), field.mission.item(), field.satellite.item()) == (
        "LC08_A_X_LC08_B_G0120V02_P061",
        "landsat",
        "L8",
    )
    assert (field.vx_sigma.item(), field.stable_shift_x.item(), field.stable_shift_flag.item()) == (12.5, 3.0, 1.0)


def test_version_1_says_that_it_is_in_ground_metres(pair):
    field = read_velocity(pair(V1, version=1))
    assert (field.attrs["velocity_metric"], field.attrs["metric_source"]) == ("ground", "file")
    assert field.vx_sigma.item() == pytest.approx(186.74)
    assert field.stable_shift_y.item() == 2.0
    assert np.isnan(field.chip_size_height.values).all()
    assert field.satellite.item() == "L8"


def test_no_fill_gets_through_and_the_sign_stays(pair):
    field = read_velocity(pair())
    assert np.isnan(field.vx.values[0, 0, :3]).all()
    assert (field.vx.values[0, 1:] == -400).all()
    assert (field.vy.values[0, 0, 3], field.vy.values[0, 1, 0]) == (300, 300)
    assert np.isnan(field.chip_size_width.values[0, 0, 0])
    assert field.interp_mask.values[0].tolist() == np.eye(3, 4, dtype=int).tolist()


def test_images_in_the_wrong_order_turn_the_bounds_and_no_sign(pair):
    turned = {"acquisition_date_img1": "20200117T00:00:00", "acquisition_date_img2": "20200101T00:00:00"}
    field = read_velocity(pair(info={**turned, "satellite_img1": 9}))
    assert field.time_bnds.values.astype("M8[D]").astype(str).tolist() == [["2020-01-01", "2020-01-17"]]
    assert field.satellite.item() == "L8+L9"
    assert field.vx.values[0, 1, 1] == -400


def test_several_pairs_of_one_grid_are_a_cube(pair):
    other = {"acquisition_date_img1": "20191224T10:20:30.25", "acquisition_date_img2": "20200125T10:20:24"}
    paths = [pair("b_G0120V02_P001.nc", info=other), pair("a_G0120V02_P002.nc")]
    cube = read_velocity(paths)
    assert cube.granule.values.tolist() == ["b_G0120V02_P001", "a_G0120V02_P002"]
    assert cube.time.values[0] == cube.time.values[1]
    with pytest.raises(FieldError, match="there more than once, first a_"):
        read_velocity([paths[1], paths[0], paths[1]])


def test_pairs_of_two_metrics_or_grids_are_sent_to_build_cube(pair):
    with pytest.raises(
        FieldError, match="velocity_metric: 'map', 'ground'; read apart, or put image pairs on one grid"
    ):
        read_velocity([pair(), pair(V1, version=1)])


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"info": {"acquisition_date_img2": None}}, MissingDataError, "no acquisition_date_img2"),
        ({"info": {"acquisition_date_img2": "soon"}}, CorruptGranuleError, "'soon', which is no date"),
        ({"info": {"acquisition_date_img2": "20200101T10:20:30.25"}}, CorruptGranuleError, "both images were taken"),
        ({"stated": {}}, InputError, "states no CRS"),
    ],
)
def test_what_a_pair_lacks_is_named(pair, changes, error, message):
    with pytest.raises(error, match=message):
        read_velocity(pair(**changes))


def test_a_pair_outside_the_period_is_refused(pair):
    with pytest.raises(EmptyDataError, match="covers 2020-01-01 to 2020-01-17"):
        read_velocity(pair(), period=("2021-01-01", "2022-01-01"))


def test_a_pair_without_errors_has_sigmas_that_are_not_known(pair, tmp_path):
    import h5py

    path = pair()
    with h5py.File(path, "a") as file:
        del file["vx"].attrs["error"]
    field = read_velocity(path)
    assert np.isnan(field.vx_sigma.item())
    assert field.vy_sigma.item() == 12.5


class TestRealGranules:
    def test_version_1_flows_as_the_ice_does(self, data):
        name = "LE07_L1GT_001113_20121118_20161127_01_T2_X_LE07_L1GT_232113_20121104_20161127_01_T2_G0240V01_P059.nc"
        field = read_velocity(data(f"itslive/granule/{name}"))
        vx, vy = field.vx.values[0], field.vy.values[0]
        valid = np.isfinite(vx)
        assert valid.sum() == 163_268
        assert ((vx[valid] < 0).mean(), (vy[valid] < 0).mean()) == pytest.approx((0.647, 0.832), abs=5e-4)
        assert field.time_bnds.values.astype("M8[D]").astype(str).tolist() == [["2012-11-04", "2012-11-18"]]
        assert field.separation_days.item() == 14.0
        assert (field.attrs["crs"], field.attrs["velocity_metric"]) == ("EPSG:3031", "ground")
        # Centres of cells: the corner of the GeoTransform is half a cell away.
        assert (field.x.values[0], field.y.values[0]) == (-1716487.5 + 120, -209272.5 - 120)

    def test_version_2_without_one_valid_value_is_a_field_of_nan(self, data):
        name = "LT05_L1GS_219121_19841206_20200918_02_T2_X_LT05_L1GS_226120_19850124_20200918_02_T2_G0120V02_P000.nc"
        field = read_velocity(data(f"itslive/granule/{name}"))
        assert np.isnan(field.vx.values).all()
        assert field.sizes == {"time": 1, "y": 1879, "x": 2016, "nv": 2}
        assert field.separation_days.item() == pytest.approx(49.03003619277778, abs=1e-9)
        assert (field.vx_sigma.item(), field.attrs["velocity_metric"]) == (189.8, "map")
