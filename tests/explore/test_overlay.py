"""Overlays: pictures that lie where the ice is, as PNG, GeoTIFF and KMZ."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pyproj
import pytest
import rasterio
import xarray as xr
from matplotlib import colormaps
from PIL import Image

from altiflow import build_field
from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.overlay import write_overlay

X, Y = np.arange(500_060.0, 503_000, 120), np.arange(6_700_940.0, 6_697_000, -120)


@pytest.fixture
def field() -> xr.Dataset:
    vx = np.full((1, Y.size, X.size), 10.0)
    vx[0, :, 12:] = 1000.0
    vx[0, 5, 5] = np.nan
    return build_field(
        vx, 0 * vx, x=X, y=Y, crs=32607, units="m/yr", year_days=365.25, velocity_metric="map", metric_source="user",
        time_bnds=np.array([["2020-01-01", "2020-02-01"]], "M8[ns]"), source="made",
    )  # fmt: skip


def test_a_geotiff_and_a_picture_with_world_file_lie_at_the_cells(field: xr.Dataset, tmp_path: Path) -> None:
    tif, png = (write_overlay(field, tmp_path / f"v.{kind}", limits=(10, 1000)) for kind in ("tif", "png"))
    with rasterio.open(tif) as opened, rasterio.open(png) as pictured:
        np.testing.assert_array_equal(opened.read(), pictured.read())
        assert opened.transform.almost_equals(pictured.transform)
        assert opened.crs.to_epsg() == 32607
        assert opened.xy(3, 7) == (X[7], Y[3])
        pixels = np.moveaxis(opened.read(), 0, -1)
    colours = colormaps["viridis"](np.array([0.0, 1.0]), bytes=True)
    assert (pixels[0, 0] == colours[0]).all()
    assert (pixels[0, 20] == colours[1]).all()
    assert pixels[5, 5].tolist() == [0, 0, 0, 0]
    assert (pixels[..., 3] == 0).sum() == 1


def test_colours_are_logarithmic(field: xr.Dataset, tmp_path: Path) -> None:
    field["vx"][0, 0, 0] = 100.0
    path = write_overlay(field, tmp_path / "v.png", limits=(10, 1000))
    pixels = np.asarray(Image.open(path))
    assert (pixels[0, 0] == colormaps["viridis"](0.5, bytes=True)).all()


def test_the_fast_half_lies_east_on_the_globe_too(field: xr.Dataset, tmp_path: Path) -> None:
    path = write_overlay(field, tmp_path / "v.kmz", limits=(10, 1000))
    with zipfile.ZipFile(path) as archive:
        kml, picture = archive.read("doc.kml").decode(), Image.open(BytesIO(archive.read("speed.png")))
        pixels = np.asarray(picture)
    north, south, east, west = (float(found) for found in re.findall(r"<(?:north|south|east|west)>([-\d.]+)<", kml))
    assert (west < east, south < north) == (True, True)
    point = pyproj.Transformer.from_crs(32607, 4326, always_xy=True).transform(X[20], Y[10])
    column = int((point[0] - west) / (east - west) * pixels.shape[1])
    row = int((north - point[1]) / (north - south) * pixels.shape[0])
    assert (pixels[row, column] == colormaps["viridis"](1.0, bytes=True)).all()
    first = path.read_bytes()
    assert write_overlay(field, path, limits=(10, 1000), overwrite=True).read_bytes() == first


def test_pictures_that_mean_nothing_are_refused(field: xr.Dataset, tmp_path: Path) -> None:
    path = write_overlay(field, tmp_path / "v.png")
    two = xr.concat([field, field], dim="time", data_vars="all")
    for given, name, options, error, message in (
        (field, "v.jpg", {}, InputError, "written as"),
        (field, path.name, {}, InputError, "is there already"),
        (field, "a.png", {"cmap": "rainbows"}, InputError, "no colour map"),
        (field, "a.png", {"limits": (0, 10)}, InputError, "above 0"),
        (two, "a.png", {}, InputError, "2 layers"),
        (xr.Dataset(), "a.png", {}, InputError, "no vx and vy"),
        (field.assign(vx=field["vx"] * np.nan), "a.png", {}, EmptyDataError, "no cell has a speed"),
    ):
        with pytest.raises(error, match=message):
            write_overlay(given, tmp_path / name, **options)  # type: ignore[arg-type]
    assert sorted(found.name for found in tmp_path.iterdir()) == ["v.pgw", "v.png"]
