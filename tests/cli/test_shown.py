"""Commands that show: maps, charts and styles."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from altiflow import Grid, list_granules, write_catalogue, write_geotiffs, write_netcdf
from altiflow.cli import main
from altiflow.gridding.frame import make_frame


@pytest.fixture
def altiflow() -> Callable:
    """Run the command with these words."""
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words])


@pytest.fixture(scope="module")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Path:
    chosen = Grid.from_bounds("EPSG:3413", (0, -1.0e6, 400_000, -0.7e6), 10_000)
    frame = make_frame(chosen, [["2019-01-01", "2019-02-01"], ["2019-02-01", "2019-03-01"]])
    values = np.random.default_rng(1).random((2, *chosen.shape))
    values[0, :4], values[1, -4:] = np.nan, np.nan
    held = {"units": "m", "grid_mapping": "crs", "long_name": "mean freeboard"}
    frame["freeboard_mean"] = (("time", "y", "x"), values, held)
    return write_netcdf(frame.assign_attrs(grid_name="own", grid_signature="a"), tmp_path_factory.mktemp("g") / "g.nc")


def test_a_grid_is_drawn_as_panels_as_a_difference_and_elsewhere(
    grid: Path, altiflow: Callable, tmp_path: Path
) -> None:
    for name, words in {
        "panels": ("--panels",),
        "change": ("--layer", 1, "--minus", grid, "--cmap", "difference"),
        "east": ("--projection", "EPSG:6931", "--region", "north of 75"),
    }.items():
        picture = tmp_path / f"{name}.svg"
        result = altiflow("map", grid, *words, "-o", picture)
        assert result.exit_code == 0, result.output
        assert result.output == f"freeboard_mean: {picture}\n"
        assert "<svg" in picture.read_text()


def test_a_catalogue_is_drawn_as_footprints(data: Callable, altiflow: Callable, tmp_path: Path) -> None:
    table = list_granules(data("atl10"), footprints="read")
    saved = write_catalogue(table, tmp_path / "granules.parquet")
    for suffix in ("png", "pdf"):
        result = altiflow("map", saved, "-o", tmp_path / f"f.{suffix}")
        assert result.exit_code == 0, result.output
        assert (tmp_path / f"f.{suffix}").stat().st_size > 5000
    result = altiflow("map", saved, "--panels", "-o", tmp_path / "g.png")
    assert result.exit_code == 1
    assert "--panels: of a grid; leave out" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--panels", "--minus", "x.nc"), "give one of them"),
        (("--panels", "--velocity", "x.nc"), "--velocity: of a single map; leave out"),
        (("--projection", "EPSG:4326"), "needs a projected CRS"),
        (("--region", "south of -60"), "reaches too far"),
        (("--cmap", "rainbows"), "no colour map 'rainbows'"),
    ],
)
def test_maps_that_mean_nothing_are_refused(
    words: tuple[Any, ...], message: str, grid: Path, altiflow: Callable, tmp_path: Path
) -> None:
    result = altiflow("map", grid, *words, "-o", tmp_path / "m.png")
    assert result.exit_code == 1
    assert message in result.stderr
    assert not (tmp_path / "m.png").exists()


def test_charts_are_drawn_of_tables_and_series(data: Callable, altiflow: Callable, tmp_path: Path) -> None:
    table = tmp_path / "s.parquet"
    granule = next(data("atl10").glob("*20220107195849*.h5"))
    assert altiflow("read", granule, "-o", table).exit_code == 0
    days = pd.date_range("2019-01-01", periods=6, freq="D")
    columns = {"mid": days, "speed": range(6), "v_sigma": 0.5, "satellite": list("aabbab"), "units": "m yr-1"}
    series = pd.DataFrame(columns)
    series.to_csv(tmp_path / "series.csv", index=False)
    series.to_parquet(tmp_path / "series.parquet", index=False)
    for words in (
        ("histogram", table),
        ("coverage", table, "--freq", "MS", "--by", "beam"),
        ("coverage", tmp_path / "series.csv", "--by", "satellite"),
        ("series", tmp_path / "series.csv", "--value", "speed", "--sigma", "v_sigma", "--by", "satellite"),
        ("series", tmp_path / "series.parquet", "--value", "speed"),
    ):
        picture = tmp_path / "chart.svg"
        result = altiflow("chart", *words, "-o", picture)
        assert result.exit_code == 0, result.output
        assert "<svg" in picture.read_text()
        picture.unlink()
    for words, message in (
        (("series", tmp_path / "none.csv", "--value", "speed"), "there is no file"),
        (("series", tmp_path / "series.csv", "--value", "height"), "no column 'height'"),
        (("histogram", table, "--column", "depth"), "no column 'depth'"),
    ):
        result = altiflow("chart", *words, "-o", tmp_path / "c.png")
        assert result.exit_code == 1
        assert message in result.stderr


def test_styles_go_beside_what_is_written_for_gis(grid: Path, altiflow: Callable, tmp_path: Path) -> None:
    import xarray as xr

    with xr.open_dataset(grid, engine="h5netcdf") as opened:
        path = write_geotiffs(opened.load(), tmp_path)[0]
    result = altiflow("style", path, "--limits", 0, 0.5, "--units", "m")
    assert result.output == f"wrote {path.with_suffix('.qml')}\n"
    assert 'classificationMax="0.5"' in path.with_suffix(".qml").read_text()
    assert altiflow("style", grid).exit_code == 1
