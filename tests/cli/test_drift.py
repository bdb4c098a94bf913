"""`altiflow drift`, as a user calls it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from click.testing import CliRunner

from altiflow import grid_with_drift, make_sample, read_gridded, read_segments, read_velocity, write_table
from altiflow.cli import main
from altiflow.gridding import Grid
from altiflow.readers import Sample


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    folder = tmp_path_factory.mktemp("sample")
    made = make_sample(folder, granules=4)
    write_table(read_segments(made.granules), folder / "segments.parquet")
    return made


@pytest.fixture
def altiflow() -> Callable[..., str]:
    def run(*arguments: object, code: int = 0) -> str:
        result = CliRunner().invoke(main, ["drift", *(str(argument) for argument in arguments)])
        assert result.exit_code == code, result.output
        return result.output

    return run


@pytest.fixture
def table(sample: Sample) -> Path:
    return sample.motion.parent / "segments.parquet"


def test_help_has_an_example(altiflow: Callable) -> None:
    assert "altiflow drift segments.parquet" in altiflow("--help")


def test_the_file_is_what_the_library_returns(altiflow: Callable, sample: Sample, table: Path, tmp_path: Path) -> None:
    words = (table, sample.motion, "--target", "2019-01-20", "--grid", "EASE2_N100km")
    said = altiflow(*words, "-o", tmp_path / "a.nc", "--sigma", "2.1 km d-1", "--whole")
    assert "2019-01-20: of " in said
    assert "gridded" in said
    direct = grid_with_drift(
        read_segments(sample.granules),
        read_velocity(sample.motion),
        Grid.named("EASE2_N100km"),
        target="2019-01-20",
        value="freeboard",
        mode="both",
        sigma="2.1 km d-1",
    )
    found = read_gridded(tmp_path / "a.nc")
    for name in ("freeboard_mean", "freeboard_difference", "n_segments", "freeboard_sigma_drift"):
        np.testing.assert_array_equal(found[name], direct[name])
    altiflow(*words, "--mode", "drift", "-o", tmp_path / "b.zarr")
    assert read_gridded(tmp_path / "b.zarr").sizes["x"] < found.sizes["x"] == direct.sizes["x"]


def test_a_series_is_a_folder_that_is_made_once(
    altiflow: Callable, sample: Sample, table: Path, tmp_path: Path
) -> None:
    series = ("--every", "7D", "--start", "2019-01-15", "--end", "2019-01-22", "-o", tmp_path / "daily")
    words = (table, sample.motion, *series, "--grid", "EASE2_N100km", "--mode", "drift")
    assert "2 files" in altiflow(*words)
    assert "0 made, 2 were there already" in altiflow(*words)
    with xr.open_dataset(tmp_path / "daily" / "drift_20190115.nc") as one:
        assert int(one["segments_gridded"][0]) > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "give --target DATE, or --every 1D"),
        (["--every", "1D"], "--every needs --start and --end"),
        (["--every", "soon", "--start", "2019-01-01", "--end", "2019-01-02"], "--every soon"),
        (["--target", "2019-01-20", "--growth", "fast"], "--growth is fit or a rate per day"),
        (["--target", "2019-01-20", "-o", "a.txt"], "cannot write a grid to a.txt"),
        (["--target", "2021-01-20"], "lies outside the time of the field"),
        (["--target", "2019-01-20", "--sigma", "2.1"], "such as '2.1 km d-1'"),
    ],
)
def test_wrong_use_is_told_and_nothing_is_written(
    altiflow: Callable,
    sample: Sample,
    table: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, ["drift", str(table), str(sample.motion), *arguments])
    assert result.exit_code in (1, 2)
    assert message in result.output
    assert list(tmp_path.iterdir()) == []


def test_without_motion_only_the_eulerian_grid_can_be_made(altiflow: Callable, table: Path, tmp_path: Path) -> None:
    assert "give VELOCITY files" in altiflow(table, "--target", "2019-01-20", code=2)
    altiflow(table, "--target", "2019-01-20", "--mode", "eulerian", "-o", tmp_path / "e.nc")
    assert (tmp_path / "e.nc").exists()
