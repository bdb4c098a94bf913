"""Pairs of GeoTIFFs: found by name, on one grid, nodata gone."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning

from altiflow.errors import CorruptGranuleError, FieldError, InputError
from altiflow.readers.velocity import read_velocity

ALASKA = "itslive/mosaic/crop_ALA_G0120_0000_{}.tif"


def test_the_real_pair(data):
    vx, vy = (data(ALASKA.format(name)) for name in ("vx", "vy"))
    field = read_velocity(vx)
    assert field["vx"].shape == (1, 375, 389)
    assert field.attrs["crs"] == "EPSG:3413"
    assert int(np.isfinite(field["vx"]).sum()) == int(np.isfinite(field["vy"]).sum())
    assert float(field["vx"].min()) == pytest.approx(-2528.3638, abs=1e-3)
    assert field["x"].values[0] == -3_129_367.5 + 60
    assert field["y"].values[0] == 674_887.5 - 60
    assert (field.attrs["time_rule"], field.attrs["units"]) == ("undated", "m yr-1")
    # GDAL carried map_scale_corrected = 1 over into the tags.
    assert (field.attrs["velocity_metric"], field.attrs["metric_source"]) == ("ground", "file")
    assert read_velocity(vy).identical(field)
    assert read_velocity([vy, vx]).identical(field)


def test_a_silent_pair_is_taken_for_ground_metres(raster):
    raster("a_vx.tif")
    field = read_velocity(raster("a_vy.tif", -50.0))
    assert (field.attrs["velocity_metric"], field.attrs["metric_source"]) == ("ground", "assumed")
    assert read_velocity(raster("a_vx.tif"), metric="map").attrs["metric_source"] == "user"
    assert np.isnan(field["vx"].values[0, 0, 0])
    assert float(field["vx"].max()) == 100
    assert float(field["vy"].max()) == -50


def test_standard_errors_are_read_where_both_are_there(raster):
    path = raster("a_vx.tif")
    raster("a_vy.tif")
    raster("a_vx_error.tif", 3.0)
    assert "vx_sigma" not in read_velocity(path)
    raster("a_vy_error.tif", 4.0)
    field = read_velocity(path)
    assert (float(field["vx_sigma"].max()), float(field["vy_sigma"].max())) == (3.0, 4.0)
    assert np.isnan(field["vx_sigma"].values[0, 0, 0])


def test_standard_errors_of_the_first_version_have_a_shorter_name(raster):
    for name, value in {"vx": 1.0, "vy": 2.0, "vx_err": 3.0, "vy_err": 4.0}.items():
        path = raster(f"a_{name}.tif", value)
    field = read_velocity(path.with_name("a_vy.tif"))
    assert (float(field["vx_sigma"].max()), float(field["vy_sigma"].max())) == (3.0, 4.0)


def test_speed_errors_and_count_may_lie_beside_a_pair(raster, tmp_path):
    paths = [raster(f"a_{name}.tif") for name in ("count", "v", "v_error", "vx", "vx_error", "vy", "vy_error")]
    field = read_velocity(tmp_path)
    assert "vx_sigma" in field
    assert read_velocity(paths).identical(field)
    with pytest.raises(InputError, match=r"a_v\.tif is no component"):
        read_velocity(tmp_path / "a_v.tif")
    raster("other_v.tif")
    with pytest.raises(InputError, match=r"other_v\.tif is no component"):
        read_velocity(tmp_path)


class TestStaticMosaic:
    """What ITS_LIVE hands out of a static mosaic of version 2, one cloud-optimised GeoTIFF a variable."""

    STEM = "ITS_LIVE_velocity_120m_RGI05A_0000_v02"
    OTHERS = (
        "v",
        "v_error",
        "dv_dt",
        "dvx_dt",
        "v_amp",
        "v_amp_error",
        "vx_amp",
        "v_phase",
        "vx_phase",
        "outlier_percent",
    )

    def test_the_set_is_one_field(self, raster, tmp_path):
        for word in ("vx", "vy", *self.OTHERS, "landice", "floatingice"):
            raster(f"{self.STEM}_{word}.tif", 50.0)
        for word, value in {"vx_error": 3, "vy_error": 32767, "count": 40}.items():
            raster(f"{self.STEM}_{word}.tif", value, dtype="i4")
        field = read_velocity(tmp_path)
        assert (field.attrs["velocity_metric"], field.attrs["time_rule"]) == ("map", "undated")
        assert int(np.isfinite(field["vx"]).sum()) == 11
        assert int((field["vx_sigma"] == 3).sum()) == 11
        assert field["count"].values[0, 0].tolist() == [0, 40, 40, 40]
        assert field["count"].dtype == np.int32

    def test_fill_of_the_errors_is_gone_whatever_the_file_declares(self, raster):
        for word in ("vx", "vy"):
            path = raster(f"{self.STEM}_{word}.tif", 50.0)
            raster(f"{self.STEM}_{word}_error.tif", 32767, dtype="i4")
        assert np.isnan(read_velocity(path)["vy_sigma"].values).all()

    def test_fill_of_the_components_too(self, raster):
        for word in ("vx", "vy"):
            path = raster(f"{self.STEM}_{word}.tif", 32767.0)
        assert np.isnan(read_velocity(path)["vx"].values).all()

    def test_components_of_the_fit_of_a_composite(self, raster):
        for word in ("vx0", "vy0", "vx0_error", "vy0_error"):
            path = raster(f"ITS_LIVE_velocity_EPSG3413_120m_X-150000_Y-2250000_{word}.tif", 9.0)
        field = read_velocity(path.with_name(path.name.replace("vy0_error", "vx0")))
        assert float(field["vy_sigma"].max()) == 9

    def test_a_companion_on_another_grid_is_refused(self, raster):
        for word in ("vx", "vy"):
            path = raster(f"{self.STEM}_{word}.tif")
        raster(f"{self.STEM}_count.tif", shape=(3, 5))
        with pytest.raises(FieldError, match=r"_count\.tif has another shape"):
            read_velocity(path)


def test_the_name_may_be_the_axis_alone(raster):
    raster("vx.tif", 1.0)
    assert float(read_velocity(raster("vy.tif", 2.0))["vx"].max()) == 1.0


@pytest.mark.parametrize(
    ("stem", "metric", "years"),
    [
        ("ITS_LIVE_velocity_120m_RGI05A_0000_v02", "map", "NaT"),
        ("ITS_LIVE_velocity_120m_RGI05A_2019_V02.1", "map", "2019"),
        ("GRE_G0120_2018", "ground", "2018"),
        ("crop_ALA_G0120_0000", "ground", "NaT"),
    ],
)
def test_version_and_year_are_told_by_the_name(raster, stem, metric, years):
    raster(f"{stem}_vx.tif")
    field = read_velocity(raster(f"{stem}_vy.tif"))
    assert (field.attrs["velocity_metric"], field.attrs["metric_source"]) == (metric, "assumed")
    assert str(field["time"].values[0].astype("datetime64[Y]")) == years


def test_packed_integers_are_unpacked(raster):
    raster("a_vx.tif", 50, dtype="i2", scale=0.1)
    field = read_velocity(raster("a_vy.tif", 50, dtype="i2", scale=0.1))
    assert float(field["vx"].max()) == pytest.approx(5.0)
    assert np.isnan(field["vx"].values[0, 0, 0])


@pytest.mark.parametrize("transform", [Affine.identity(), Affine(120.0, 9.0, 0.0, 9.0, -120.0, 0.0)])
def test_rasters_that_are_rotated_or_nowhere_are_refused(raster, transform):
    with warnings.catch_warnings(action="ignore", category=NotGeoreferencedWarning):
        path = raster("a_vx.tif", transform=transform)
        raster("a_vy.tif", transform=transform)
    with pytest.raises(FieldError, match="rotated or not georeferenced"):
        read_velocity(path)


def test_a_component_alone_is_refused(raster):
    with pytest.raises(InputError, match=r"a_vy\.tif is not beside it"):
        read_velocity(raster("a_vx.tif"))
    with pytest.raises(InputError, match=r"_vx.tif and <name>_vy.tif"):
        read_velocity(raster("speed.tif"))


@pytest.mark.parametrize(
    ("other", "what"),
    [({"shape": (3, 5)}, "shape"), ({"corner": (1120.0, 2000.0)}, "transform"), ({"crs": "EPSG:3031"}, "CRS")],
)
def test_components_on_two_grids_are_refused(raster, other, what):
    path = raster("a_vx.tif")
    raster("a_vy.tif", **other)
    with pytest.raises(FieldError, match=f"another {what}"):
        read_velocity(path)


def test_a_pair_without_crs_asks_for_one(raster):
    path = raster("a_vx.tif", crs=None)
    raster("a_vy.tif", crs=None)
    with pytest.raises(InputError, match="states no CRS"):
        read_velocity(path)
    assert read_velocity(path, crs=3413).attrs["crs"] == "EPSG:3413"


def test_a_truncated_component_is_named(raster):
    path = raster("a_vx.tif")
    other = raster("a_vy.tif")
    other.write_bytes(other.read_bytes()[:60])
    with pytest.raises(CorruptGranuleError, match=r"a_vy\.tif cannot be read"):
        read_velocity(path)
