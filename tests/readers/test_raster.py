"""One variable on a map out of a NetCDF or a GeoTIFF."""

from __future__ import annotations

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine

from altiflow.errors import CorruptGranuleError, FieldError, InputError, UnsupportedFormatError
from altiflow.gridding.export import write_netcdf
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid
from altiflow.readers import read_raster

VALUES = np.array([[1.0, 2.0, 3.0], [4.0, np.nan, 6.0]])


@pytest.fixture
def write_tiff(tmp_path):
    """Return a writer of a 2 x 3 GeoTIFF with -9999 for no value."""

    def write(name="h.tif", *, crs="EPSG:3413", bands=1, **options):
        path = tmp_path / name
        stated = {"driver": "GTiff", "height": 2, "width": 3, "count": bands, "dtype": "int16", "nodata": -9999}
        with rasterio.open(path, "w", crs=crs, transform=Affine(10, 0, 100, 0, -10, 500), **stated | options) as out:
            for band in range(1, bands + 1):
                out.write(np.where(np.isnan(VALUES), -9999, VALUES).astype(np.int16), band)
        return path

    return write


@pytest.fixture
def write_map(tmp_path):
    """Return a writer of a NetCDF as BedMachine has it: whole metres, fill, a grid mapping called mapping."""

    def write(name="m.nc", *, mapping=True, axes=("x", "y"), km=1.0, **more):
        x, y = axes
        data = xr.Dataset(
            {"thickness": ((y, x), VALUES, {"grid_mapping": "mapping", "units": "meters"})} | more,
            coords={x: (x, np.array([105.0, 115, 125]) / km), y: (y, np.array([495.0, 485]) / km)},
        )
        if km != 1:
            for axis in axes:
                data[axis].attrs["units"] = "km"
        if mapping:
            data["mapping"] = ((), 0, {"crs_wkt": Grid.named("EASE2_N25km").crs.to_wkt()})
        path = tmp_path / name
        data.to_netcdf(path, engine="h5netcdf", encoding={"thickness": {"dtype": "int16", "_FillValue": -9999}})
        return path

    return write


def test_a_geotiff_is_its_band_with_nan_for_nodata(write_tiff):
    found = read_raster(write_tiff(), "thickness")
    assert found["thickness"].values == pytest.approx(VALUES, nan_ok=True)
    assert found["x"].values.tolist() == [105, 115, 125]
    assert found["y"].values.tolist() == [495, 485]
    assert (found.attrs["crs"], found.attrs["source"]) == ("EPSG:3413", "h.tif")
    assert "value" in read_raster(write_tiff())


@pytest.mark.parametrize(("axes", "km"), [(("x", "y"), 1.0), (("xc", "yc"), 1000.0)])
def test_a_netcdf_variable_with_its_grid_mapping(write_map, axes, km):
    found = read_raster(write_map(axes=axes, km=km))
    assert found["thickness"].dims == ("y", "x")
    assert found["thickness"].values == pytest.approx(VALUES, nan_ok=True)
    assert found["x"].values == pytest.approx([105, 115, 125])
    assert found["y"].values == pytest.approx([495, 485])
    assert found.attrs["crs"] == "EPSG:6931"


def test_layers_come_with_their_periods(tmp_path):
    grid = Grid.named("EASE2_S25km").window(slice(300, 303), slice(400, 404))
    frame = make_frame(grid, [["2019-12-01", "2020-01-01"], ["2020-01-01", "2020-02-01"]])
    frame["h"] = (("time", "y", "x"), np.random.default_rng(1).normal(size=(2, 3, 4)), {"grid_mapping": "crs"})
    frame["n"] = (("time", "y", "x"), np.ones((2, 3, 4)), {"grid_mapping": "crs"})
    found = read_raster(write_netcdf(frame, tmp_path / "a.nc"), "h")
    assert np.array_equal(found["h"], frame["h"])
    assert np.array_equal(found["time_bnds"], frame["time_bnds"])
    assert list(found.data_vars) == ["h"]
    with pytest.raises(InputError, match="has on x and y: h, n; say which"):
        read_raster(tmp_path / "a.nc")


def test_a_crs_is_stated_or_given_and_never_guessed(write_map, write_tiff):
    for path in (write_map(mapping=False), write_tiff(crs=None)):
        with pytest.raises(InputError, match="states no CRS"):
            read_raster(path)
        assert read_raster(path, crs=3413).attrs["crs"] == "EPSG:3413"
    with pytest.raises(FieldError, match="in degrees"):
        read_raster(write_tiff(crs="EPSG:4326"))


def test_what_cannot_be_read_is_refused(write_map, write_tiff, tmp_path):
    with pytest.raises(InputError, match="there is no file"):
        read_raster(tmp_path / "none.nc")
    (tmp_path / "page.nc").write_text("<html>")
    with pytest.raises(UnsupportedFormatError, match="neither NetCDF nor GeoTIFF"):
        read_raster(tmp_path / "page.nc")
    with pytest.raises(UnsupportedFormatError, match="has 2 bands"):
        read_raster(write_tiff(bands=2))
    with pytest.raises(InputError, match="there is no 'bed'"):
        read_raster(write_map(), "bed")
    with pytest.raises(InputError, match="no coordinates x and y"):
        read_raster(write_map(axes=("lon", "lat")))
    with pytest.raises(InputError, match="it needs"):
        read_raster(write_map(layers=(("level", "y", "x"), np.ones((2, 2, 3)), {"grid_mapping": "mapping"})), "layers")
    broken = tmp_path / "broken.tif"
    broken.write_bytes(write_tiff().read_bytes()[:60])
    with pytest.raises(CorruptGranuleError, match=r"broken\.tif cannot be read"):
        read_raster(broken)
