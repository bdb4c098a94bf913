"""`altiflow velocity cube`, `series` and `mean`, as a user calls them."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner
from pyproj import Transformer

from altiflow import invert_displacements, make_pairs, read_velocity, series_at, series_table
from altiflow.cli import main

BOUNDS = "-1586900,-248600,-1585400,-247100"
LON, LAT = (
    round(float(part), 4) for part in Transformer.from_crs(3031, 4326, always_xy=True).transform(-1586150, -247850)
)


@pytest.fixture(scope="module")
def cube(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("velocity")
    make_pairs(folder / "pairs", pairs=24)
    (folder / "pairs" / "pairs.parquet").unlink()
    wanted = ["--epsg", "3031", "--bounds", BOUNDS, "--metric", "map"]
    done = CliRunner().invoke(
        main, ["velocity", "cube", str(folder / "pairs"), "-o", str(folder / "cube.zarr"), *wanted]
    )
    assert done.exit_code == 0, done.output
    assert "24 layers of 13 x 14 cells, 2015" in done.output
    assert "map metres, along the axes of EPSG:3031" in done.output
    return folder / "cube.zarr"


@pytest.fixture
def altiflow() -> Callable[..., str]:
    def run(*arguments: object, code: int = 0) -> str:
        result = CliRunner().invoke(main, ["velocity", *(str(argument) for argument in arguments)])
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.mark.parametrize("command", ["cube", "series", "mean", "search"])
def test_every_command_has_help_with_an_example(command: str, altiflow: Callable) -> None:
    assert f"altiflow velocity {command}" in altiflow(command, "--help")


def test_a_series_is_that_of_the_library(cube: Path, altiflow: Callable, tmp_path: Path) -> None:
    field = read_velocity(cube)
    direct = series_table(series_at(field, [(LON, LAT)]))
    told = altiflow("series", cube, f"--point={LON},{LAT}", "-o", tmp_path / "s.csv")
    assert f"{len(direct)} rows" in told
    table = pd.read_csv(tmp_path / "s.csv")
    np.testing.assert_allclose(table["vx"], direct["vx"], rtol=1e-6)
    assert table["granule"].tolist() == direct["granule"].tolist()
    short = altiflow("series", cube, f"--point={LON},{LAT}", "--max-separation", 40, "-o", tmp_path / "s.parquet")
    assert "layers left out" in short
    assert pd.read_parquet(tmp_path / "s.parquet")["separation_days"].max() <= 40


def test_points_of_a_file_a_line_and_an_area(cube: Path, altiflow: Callable, tmp_path: Path) -> None:
    pd.DataFrame({"Name": ["A", "B"], "lon": [LON, LON + 0.005], "lat": [LAT, LAT]}).to_csv(
        tmp_path / "stakes.csv", index=False
    )
    assert "2 points" in altiflow("series", cube, "--points", tmp_path / "stakes.csv", "-o", tmp_path / "a.csv")
    stakes = pd.read_csv(tmp_path / "a.csv")
    assert set(stakes["point"]) == {"A", "B"}
    assert set(stakes["crs"]) == {"EPSG:3031"}
    told = altiflow("series", cube, "--area=-99,-75.4,-98.8,-75.2", "-o", tmp_path / "b.csv")
    assert "1 point," in told
    assert "count" in pd.read_csv(tmp_path / "b.csv").columns


def test_means_are_those_of_the_library_in_every_format(cube: Path, altiflow: Callable, tmp_path: Path) -> None:
    told = altiflow("mean", cube, "--periods", "YS", "-o", tmp_path / "annual.nc")
    direct = invert_displacements(read_velocity(cube), "YS")
    with xr.open_dataset(tmp_path / "annual.nc") as written:
        np.testing.assert_allclose(written.vx.values, direct.vx.values, rtol=1e-6, equal_nan=True)
    assert "layers" in told
    back = read_velocity(tmp_path / "annual.nc")
    assert back.attrs["velocity_metric"] == "map"
    np.testing.assert_array_equal(back.time_bnds.values, direct.time_bnds.values)
    altiflow("mean", cube, "--how", "weighted", "-o", tmp_path / "w.zarr")
    assert np.isfinite(read_velocity(tmp_path / "w.zarr").vx.values).any()
    altiflow("mean", cube, "--how", "weighted", "-o", tmp_path / "tifs")
    assert (tmp_path / "tifs" / "vx.tif").is_file()


def test_old_ways_say_that_they_are_biased(cube: Path, altiflow: Callable, tmp_path: Path) -> None:
    assert "warning:" in altiflow("mean", cube, "--how", "mid-date", "-o", tmp_path / "m.nc")
    assert "warning:" in altiflow("mean", cube, "--how", "speeds", "--min-pairs", 2, "-o", tmp_path / "s.nc")
    with xr.open_dataset(tmp_path / "s.nc") as written:
        assert np.isfinite(written.speed.values).any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["series", "{cube}"], "say where: --point"),
        (["series", "{cube}", "--point=1", "-o", "{out}/a.csv"], "--point 1 is not longitude,latitude"),
        (["series", "{cube}", "--point={LON},{LAT}", "-o", "{out}/a.txt"], "written as .csv, .parquet or .zip"),
        (["series", "{cube}", "--point=-90,-80", "-o", "{out}/a.csv"], "none of 1 points lies on the field"),
        (["mean", "{cube}", "-o", "{out}/a.csv"], "written as .nc, .zarr, or a folder"),
        (["mean", "{cube}", "--months", "winter", "-o", "{out}/a.nc"], "winter"),
        (["cube", "{cube}", "-o", "{out}/a.nc"], "a cube is a Zarr store; call it a.zarr"),
        (["cube", "{cube}", "-o", "{out}/a.zarr"], "say where the cube is to be"),
        (["cube", "{cube}", "-o", "{out}/a.zarr", "--epsg", "3031", "--bounds", "1,2"], "is not four numbers"),
        (["cube", "{cube}", "-o", "{out}/a.zarr", "--epsg", "3413", "--region=-50,69,-49,70"], "reaches the grid"),
        (["cube", "{cube}", "-o", "{cube}", "--epsg", "3031", "--bounds", BOUNDS], "--replace"),
    ],
)
def test_wrong_use_is_told_in_one_line(
    cube: Path, altiflow: Callable, tmp_path: Path, arguments: list[str], message: str
) -> None:
    told = altiflow(*(text.format(cube=cube, out=tmp_path, LON=LON, LAT=LAT) for text in arguments), code=1)
    assert message in told
    assert len(told.strip().splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


class Terminal(io.StringIO):
    """What stderr is to someone at a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("how", "label"), [("least-squares", "least squares"), ("weighted", "mean"), ("speeds", "mean")]
)
def test_a_mean_shows_how_far_it_is_unless_told_not_to(
    cube: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, label: str
) -> None:
    words = ["velocity", "mean", str(cube), "--how", how, "--unlock", "--outliers", "6", "-o", str(tmp_path / "a.nc")]
    shown = {}
    for name, stream, more in (
        ("terminal", Terminal(), []),
        ("quiet", Terminal(), ["--quiet"]),
        ("file", io.StringIO(), []),
    ):
        monkeypatch.setattr("sys.stderr", stream)
        main([*words, *more], standalone_mode=False)
        shown[name] = stream.getvalue()
    for text in ("locked pairs: ", "outliers: ", f"{label}: ", "/182 "):
        assert text in shown["terminal"]
    assert "/182" not in shown["quiet"] + shown["file"]
