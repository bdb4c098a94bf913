"""`altiflow flux`, used as a person would."""

from __future__ import annotations

from collections.abc import Callable

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine
from click.testing import CliRunner

from altiflow.cli import main
from altiflow.fusion import Gate, Uncertain, mass_flux, volume_flux
from altiflow.gridding import write_velocity
from altiflow.readers import build_field, read_velocity

AXIS = np.arange(-20, 21) * 1e3
CENTRE = (-2e5, -2.2e6)


@pytest.fixture
def altiflow() -> Callable[..., object]:
    """Return a caller of the command that shows output and exit code."""
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def velocity(tmp_path):
    """Return a file of two years of glacier velocity, the second with a gap."""
    x, _ = np.meshgrid(AXIS, AXIS)
    vx = np.stack([800 + 0.01 * x, 900 + 0.01 * x])
    vx[1, :10] = np.nan
    bounds = np.array([["2018-01-01", "2019-01-01"], ["2019-01-01", "2020-01-01"]], "M8[ns]")
    field = build_field(
        vx, 0 * vx, x=AXIS + CENTRE[0], y=AXIS + CENTRE[1], time_bnds=bounds, crs="EPSG:3413", units="m/yr",
        year_days=365.25, velocity_metric="map", metric_source="user", source="example", vx_sigma=[10.0, 10.0],
        vy_sigma=[10.0, 10.0],
    )  # fmt: skip
    return write_velocity(field, tmp_path / "velocity.nc")


@pytest.fixture
def line():
    """Return a gate from south to north on the map, 20 km."""
    return shapely.LineString([(CENTRE[0], CENTRE[1] - 15e3), (CENTRE[0], CENTRE[1] + 5e3)])


@pytest.fixture
def gate(line, tmp_path):
    """Return the file of the gate."""
    path = tmp_path / "gate.geojson"
    gpd.GeoDataFrame(geometry=[line], crs="EPSG:3413").to_crs("EPSG:4326").to_file(path)
    return path


@pytest.fixture
def thickness(tmp_path):
    """Return a GeoTIFF of thickness."""
    path = tmp_path / "thickness.tif"
    options = {"height": 80, "width": 80, "count": 1, "dtype": "float32", "crs": "EPSG:3413", "driver": "GTiff"}
    shape = Affine(1e3, 0, CENTRE[0] - 4e4, 0, -1e3, CENTRE[1] + 4e4)
    with rasterio.open(path, "w", transform=shape, **options) as out:
        out.write(np.broadcast_to(500 + np.arange(80, dtype="float32")[:, None], (80, 80)), 1)
    return path


def test_help_shows_how(altiflow):
    result = altiflow("flux", "--help")
    assert result.exit_code == 0
    assert any(line.startswith("  altiflow flux ") for line in result.output.splitlines())
    assert "left to its right" in " ".join(result.output.split())
    assert "\\b" not in result.output


def test_mass_through_a_gate_is_that_of_the_library(altiflow, velocity, gate, thickness, tmp_path):
    out = tmp_path / "flux.csv"
    result = altiflow("flux", velocity, "--gate", gate, "--thickness", thickness, "--density", 917, "-o", out,
                      "--thickness-sigma", 20, "--thickness-bias", 5, "--velocity-bias", 2)  # fmt: skip
    assert result.exit_code == 0, result.output
    table = pd.read_csv(out)
    assert list(table) == ["time", "start", "end", "mass_flux_total_Gt_per_yr", "mass_flux_sigma_Gt_per_yr",
                           "mass_flux_bias_Gt_per_yr", "coverage"]  # fmt: skip
    field = read_velocity(velocity)
    with rasterio.open(thickness) as opened:
        y = opened.bounds.top - 500 - np.arange(80) * 1e3
        x = opened.bounds.left + 500 + np.arange(80) * 1e3
        layer = xr.DataArray(opened.read(1), coords={"y": y, "x": x}, dims=("y", "x"), attrs={"crs": "EPSG:3413"})
    asked = Uncertain(layer, sigma=20.0, bias=5.0)
    found = mass_flux(Gate.of(gpd.read_file(gate), spacing=500), field, thickness=asked, density=917, velocity_bias=2.0)
    for part in ("total", "sigma", "bias"):
        assert table[f"mass_flux_{part}_Gt_per_yr"].to_numpy() == pytest.approx(
            found[f"mass_flux_{part}"].values, rel=1e-6, nan_ok=True
        )
    assert table["mass_flux_total_Gt_per_yr"][0] == pytest.approx(800 * 20e3 * 544.5 * 917e-12, rel=0.03)
    assert "1 of 2 layers with a total" in result.output
    assert "warning: 1 layer without a total, coverage" in result.output
    assert "map metres (user); positive from left to right" in result.output
    assert "sigma of: thickness velocity" in result.output


def test_netcdf_has_every_piece_and_numbers_do(altiflow, velocity, line, tmp_path):
    out = tmp_path / "flux.nc"
    there = pyproj.Transformer.from_crs("EPSG:3413", "EPSG:4326", always_xy=True)
    text = " ".join(f"{lon},{lat}" for lon, lat in (there.transform(*place) for place in line.coords))
    result = altiflow("flux", velocity, f"--gate={text}", "--thickness", 600, "-o", out, "--per", "month",
                      "--spacing", 1000, "--min-cover", 0.5, "--quiet")  # fmt: skip
    assert (result.exit_code, result.output) == (0, "")
    with xr.open_dataset(out, engine="h5netcdf") as found:
        assert found["volume_flux"].dims == ("time", "piece")
        assert found["volume_flux_total"].attrs["units"] == "km3 month-1"
        assert np.isfinite(found["volume_flux_total"]).all()
        gate = Gate.of(shapely.LineString([tuple(map(float, pair.split(","))) for pair in text.split()]), spacing=1e3,
                       crs=4326)  # fmt: skip
        own = volume_flux(gate, read_velocity(velocity), thickness=600.0, per="month", min_cover=0.5)
        assert found["volume_flux_total"].values == pytest.approx(own["volume_flux_total"].values)


def test_area_where_no_thickness_is_given_and_a_variable_of_a_netcdf(altiflow, velocity, gate, tmp_path):
    result = altiflow("flux", velocity, "--gate", gate, "-o", tmp_path / "a.csv")
    assert "mean area flux" in result.output
    layers = xr.Dataset(
        {"ice": (("y", "x"), np.full((80, 80), 0.5)), "other": (("y", "x"), np.ones((80, 80)))},
        coords={"y": CENTRE[1] + np.arange(-40, 40) * 1e3, "x": CENTRE[0] + np.arange(-40, 40) * 1e3},
    )
    layers.to_netcdf(tmp_path / "c.nc", engine="h5netcdf")
    given = ("flux", velocity, "--gate", gate, "-o", tmp_path / "b.csv", "--concentration")
    half = altiflow(*given, f"{tmp_path / 'c.nc'}:ice", "--raster-crs", "EPSG:3413")
    assert half.exit_code == 0, half.output
    whole, part = (pd.read_csv(tmp_path / name)["area_flux_total_km2_per_yr"][0] for name in ("a.csv", "b.csv"))
    assert part == pytest.approx(whole / 2)
    for words, message in (
        ((*given, f"{tmp_path / 'c.nc'}:ice"), 'e.g. --raster-crs "EPSG:3413"'),
        ((*given, tmp_path / "c.nc", "--raster-crs", 3413), "has on x and y: ice, other; say which (FILE:VARIABLE)"),
        ((*given, "thick.tif"), "is no number, and there is no such file"),
    ):
        result = altiflow(*words)
        assert result.exit_code == 1
        assert message in result.output


def test_without_one_total_nothing_is_written(altiflow, velocity, tmp_path):
    """A gate that leaves the field for most of its way."""
    there = pyproj.Transformer.from_crs("EPSG:3413", "EPSG:4326", always_xy=True)
    ends = (there.transform(CENTRE[0], CENTRE[1] + way) for way in (0.0, 1e5))
    text = " ".join(f"{lon},{lat}" for lon, lat in ends)
    out = tmp_path / "flux.csv"
    result = altiflow("flux", velocity, f"--gate={text}", "-o", out)
    assert result.exit_code == 1
    assert "not one of 2 layers has values along enough of the gate" in result.output
    assert "less with --min-cover" in result.output
    assert not out.exists()


def test_errors_that_nobody_gave_are_said_to_be_missing(altiflow, velocity, gate, tmp_path):
    bare = read_velocity(velocity).drop_vars(["vx_sigma", "vy_sigma"]).isel(time=[0])
    path = write_velocity(bare, tmp_path / "bare.nc")
    words = ("flux", path, "--gate", gate, "-o", tmp_path / "flux.csv")
    assert "none given, by the files or by options; sigma of: none" in altiflow(*words).output
    assert "sigma of: velocity" in altiflow(*words, "--velocity-sigma", 10).output


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--gate", "nowhere.geojson"), "no such file"),
        (("--gate", "10,80"), "two or more points"),
        (("--gate", "10,80 20,95"), "in degrees"),
        (("--gate", "10,80 11,80", "-o", "flux.txt"), "written as .csv"),
        (("--gate", "10,80 11,80", "--density", "917"), "give --thickness"),
        (("--gate", "10,80 11,80"), "no piece of the gate has all values"),
    ],
)
def test_errors_are_one_line_with_exit_code_1(altiflow, velocity, words, message):
    result = altiflow("flux", velocity, *words)
    assert result.exit_code == 1
    assert message in result.output
    assert result.output.count("\n") == 1


def test_ice_leaves_through_the_fram_strait(altiflow, data, tmp_path):
    """Real drift of 2018, weekly, south through 81 N: about 6e4 km2 a month, and back in the storm of late February."""
    out = tmp_path / "fram.csv"
    path = data("motion/icemotion_weekly_nh_25km_20180101_20181231_v4.1.nc")
    words = ("flux", path, "--gate=-14,81 12,81", "-o", out, "--min-cover", 0.5, "--spacing", 5e3)
    assert altiflow(*words).exit_code == 0
    table = pd.read_csv(out, parse_dates=["start"])
    area = table["area_flux_total_km2_per_month"]
    winter = area[table["start"].dt.month <= 4]
    assert winter.notna().all()
    assert 5e4 < winter.mean() < 8e4
    assert table["start"][area.idxmin()].strftime("%m-%d") in ("02-19", "02-26")
    assert area.min() < -5e4
