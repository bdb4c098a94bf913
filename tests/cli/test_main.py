"""The command, used as a person would."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import pytest
import rasterio
import xarray as xr
from click.testing import CliRunner

from altiflow.cli import main
from altiflow.gridding import write_velocity
from altiflow.readers import make_sample, read_table, read_velocity


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> object:
    return make_sample(tmp_path_factory.mktemp("sample"), granules=4)


@pytest.fixture(scope="module")
def altiflow() -> Callable[..., object]:
    """Return a caller of the command that shows output and exit code."""
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture(scope="module")
def whole(sample: object, altiflow: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a run of everything, not to be changed."""
    out, folder = tmp_path_factory.mktemp("whole") / "out", sample.granules[0].parent
    words = ("--altimetry", folder, "--velocity", folder, "--out", out, "--start", "2019-01-01", "--quiet")
    result = altiflow("run", *words)
    assert (result.exit_code, result.output) == (0, "")
    return out


@pytest.mark.parametrize("command", ["run", "read", "grid", "fuse", "map", "info"])
def test_every_command_has_help_with_an_example(command: str, altiflow: Callable) -> None:
    result = altiflow(command, "--help")
    assert result.exit_code == 0
    assert any(line.startswith(f"  altiflow {command} ") for line in result.output.splitlines())
    assert "\\b" not in result.output


def test_run_makes_everything_it_promises(whole: Path) -> None:
    out = whole
    assert {path.name for path in out.iterdir()} == {
        "segments.parquet",
        "ledger.parquet",
        "grid.nc",
        "geotiff",
        "velocity.nc",
        "fused.parquet",
        "fused.nc",
        "map.png",
        "run.json",
        "report.html",
    }
    record = json.loads((out / "run.json").read_text())
    fused = gpd.read_parquet(out / "fused.parquet")
    assert len(fused) == record["counts"]["segments"] == record["counts"]["velocity_valid"]
    with xr.open_dataset(out / "fused.nc", engine="h5netcdf") as both:
        assert {"freeboard_mean", "n_segments", "vx", "vy", "overlap_days"} <= set(both)
        assert int(both["n_segments"].sum()) == len(fused)
        assert both.attrs["grid_signature"] == record["counts"]["grid_signature"]
        with rasterio.open(out / "geotiff" / "freeboard_mean.tif") as raster:
            assert raster.count == both.sizes["time"]
            assert raster.crs.to_epsg() == 6931


def test_the_steps_one_by_one_give_the_same_as_the_run(
    sample: object, whole: Path, altiflow: Callable, tmp_path: Path
) -> None:
    folder = sample.granules[0].parent
    table, grid, fused = tmp_path / "s.parquet", tmp_path / "g.nc", tmp_path / "f.parquet"
    velocity, picture = tmp_path / "v.nc", tmp_path / "m.pdf"
    for words in (
        ("read", folder, "-o", table, "--ledger", tmp_path / "l.parquet"),
        ("grid", table, "-o", grid, "--freq", "MS", "--geotiff", tmp_path / "tiffs"),
        ("fuse", table, sample.motion, "-o", fused, "--grid-file", grid, "--velocity-out", velocity),
        ("map", grid, "--velocity", velocity, "-o", picture),
    ):
        result = altiflow(*words)
        assert result.exit_code == 0, result.output
    for mine, name in ((table, "segments.parquet"), (fused, "fused.parquet")):
        assert gpd.read_parquet(mine).equals(gpd.read_parquet(whole / name))
    for mine, name in ((grid, "grid.nc"), (velocity, "velocity.nc")):
        with xr.open_dataset(mine) as one, xr.open_dataset(whole / name) as other:
            xr.testing.assert_equal(one, other)
    assert picture.read_bytes().startswith(b"%PDF")


def test_info_describes_every_kind_of_file(sample: object, altiflow: Callable, tmp_path: Path) -> None:
    table, grid = tmp_path / "s.parquet", tmp_path / "g.nc"
    altiflow("read", sample.granules[0], "-o", table, "--ledger", tmp_path / "l.parquet")
    altiflow("grid", table, "-o", grid)
    for file, words in (
        (sample.granules[0], ("ATL10 release 006", "orientation forward")),
        (table, ("product      ATL10", "freeboard")),
        (grid, ("EASE2_N25km EPSG:6931", "freeboard_mean")),
        (tmp_path / "l.parquet", ("1 granule: 1 read",)),
        (sample.motion, ("EPSG:3408", "map metric (assumed)")),
    ):
        result = altiflow("info", file)
        assert result.exit_code == 0, result.output
        for word in words:
            assert word in result.output


def test_velocity_is_drawn_as_speed_and_what_it_does_not_say_can_be_said(
    sample: object, altiflow: Callable, tmp_path: Path
) -> None:
    velocity = read_velocity(sample.motion)
    written, picture = write_velocity(velocity.isel(time=[0, 1]), tmp_path / "v.zarr"), tmp_path / "speed.svg"
    for words, said in (
        ((sample.motion,), "speed: "),
        ((sample.motion, "--metric", "ground"), "speed: "),
        ((written, "--layer", 1, "--limits", 1, 10), "speed: "),
        ((written, "--variable", "vx", "--layer", -1), "vx: "),
    ):
        result = altiflow("map", *words, "-o", picture)
        assert result.exit_code == 0, result.output
        assert result.output == f"{said}{picture}\n"
        assert "<svg" in picture.read_text()
        picture.unlink()
    assert "ground metric (user)" in altiflow("info", sample.motion, "--metric", "ground").output


def test_maps_that_cannot_be_are_refused(sample: object, altiflow: Callable, tmp_path: Path) -> None:
    written = write_velocity(read_velocity(sample.motion).isel(time=[0]), tmp_path / "v.nc")
    with xr.open_dataset(written) as opened:
        plain = opened[["vx", "vy"]].isel(time=0, drop=True).drop_vars(["time_bnds"], errors="ignore")
        plain = plain.drop_attrs(deep=True)
        plain.to_netcdf(tmp_path / "mosaic.nc", engine="h5netcdf")
    for words, message in (
        ((written, "--velocity", written), "--velocity goes over other maps"),
        ((written, "--layer", 3), "layer"),
        ((written, "--variable", "vz"), "vz"),
        ((tmp_path / "mosaic.nc",), "--crs"),
        ((sample.granules[0],), "holds no grid"),
        ((sample.granules[0], "--metric", "map"), "of no velocity product"),
    ):
        result = altiflow("map", *words, "-o", tmp_path / "m.png")
        assert result.exit_code == 1
        assert message in result.stderr
    assert not (tmp_path / "m.png").exists()


def test_errors_are_one_line_with_exit_code_1(altiflow: Callable, tmp_path: Path) -> None:
    (tmp_path / "page.h5").write_text("<html>")
    (tmp_path / "notes.nc").write_text("hello")
    for words, message in (
        (("read", tmp_path / "nowhere"), "no such file"),
        (("read", tmp_path / "page.h5"), "not an HDF5 file"),
        (("info", tmp_path / "notes.nc"), "notes.nc"),
        (("grid", tmp_path / "nothing.parquet"), "no table"),
        (("map", tmp_path / "nothing.nc"), "no file"),
    ):
        result = altiflow(*words)
        assert result.exit_code == 1
        assert result.stderr.startswith("error: ")
        assert message in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "words", [("read", "none.h5"), ("fuse", "none.parquet", "none.nc"), ("dhdt", "none.parquet")], ids=lambda w: w[0]
)
def test_a_format_that_no_table_has_is_refused_before_anything_is_read(
    words: tuple[str, ...], altiflow: Callable, tmp_path: Path
) -> None:
    result = altiflow(*words, "-o", tmp_path / "x.shp")
    assert result.exit_code == 1
    assert (
        result.stderr == "error: cannot write a table to x.shp: the suffix is one of .parquet, .gpkg, .fgb, .csv, .nc\n"
    )


def test_a_failing_granule_stops_the_run_or_is_left_out_and_told(
    sample: object, altiflow: Callable, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.h5"
    cut.write_bytes(sample.granules[0].read_bytes()[:90_000])
    words = ("run", "--altimetry", sample.granules[1], "--altimetry", cut, "--out", tmp_path / "out")
    stopped = altiflow(*words)
    assert stopped.exit_code == 1
    assert "truncated" in stopped.stderr
    assert (tmp_path / "out" / "ledger.parquet").exists()
    skipped = altiflow(*words, "--on-error", "skip")
    assert skipped.exit_code == 0
    assert "1 of 2 files were left out" in skipped.stderr
    assert "truncated" in skipped.stderr


def test_wrong_use_has_exit_code_2(altiflow: Callable, tmp_path: Path) -> None:
    assert altiflow("run").exit_code == 2
    assert altiflow("run", "--sample", "--altimetry", "x").exit_code == 2
    assert altiflow("draw").exit_code == 2


def test_the_named_grids_are_listed(altiflow: Callable) -> None:
    assert "EASE2_N6.25km" in altiflow("grid", "--list").output.split()


def test_a_second_run_leaves_nothing_of_the_first_but_its_inputs_and_strangers(
    sample: object, altiflow: Callable, tmp_path: Path
) -> None:
    words = ("run", "--altimetry", sample.granules[0], "--out", tmp_path, "--quiet")
    assert altiflow(*words, "--velocity", sample.motion).exit_code == 0
    own = tmp_path / "velocity.nc"
    refused = altiflow(*words, "--velocity", own)
    assert refused.exit_code == 1
    assert "is an input" in refused.stderr
    assert own.exists()
    stranger = tmp_path / "geotiff" / "mine.tif"
    stranger.write_bytes(b"mine")
    assert altiflow(*words, "--start", "2019-01-01T00:00:00Z").exit_code == 0
    assert stranger.read_bytes() == b"mine"
    assert not own.exists()
    assert not (tmp_path / "fused.parquet").exists()
    failed = altiflow(*words, "--velocity", sample.motion, "--start", "2030-01-01")
    assert failed.exit_code == 1
    assert not (tmp_path / "run.json").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--start", "01/02/2022"), "no ISO time"),
        (("--grid", "EASE9"), "no grid is named"),
        (("--freq", "fortnightly"), "no length of time"),
        (("--velocity", "nowhere.nc"), "no velocity file"),
    ],
)
def test_a_run_is_checked_before_anything_is_read(
    words: tuple[str, str], message: str, sample: object, altiflow: Callable, tmp_path: Path
) -> None:
    result = altiflow("run", "--altimetry", sample.granules[0], "--out", tmp_path / "out", *words)
    assert result.exit_code == 1
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_reading_into_a_data_set_grows_it_and_refuses_to_shrink(altiflow: Callable, tmp_path: Path) -> None:
    granules = make_sample(tmp_path / "in", granules=2).granules
    into = ("--to", tmp_path / "out")
    first = altiflow("read", granules[0], *into, "--partition", "month")
    assert first.exit_code == 0
    assert "1 granule: 1 read" in first.output
    both = altiflow("read", *granules, *into, "--partition", "month", "--ledger", tmp_path / "l.parquet")
    assert "2 granules: 2 read" in both.output
    assert (tmp_path / "l.parquet").is_file()
    shrunk = altiflow("read", granules[0], *into, "--partition", "month")
    assert shrunk.exit_code == 1
    assert "give --allow-shrink to take out what is not asked for, or --append to leave it in" in shrunk.stderr
    assert altiflow("read", granules[0], *into, "--partition", "month", "--allow-shrink", "--quiet").output == ""
    assert set(read_table(tmp_path / "out")["granule"]) == {granules[0].stem}
    told = altiflow("info", tmp_path / "out").output
    assert all(word in told for word in ("data set     ATL10", "in folders of month", "1 granule: 1 read", "UTC"))
    granules[1].write_bytes(b"")
    assert altiflow("read", *granules, *into, "--partition", "month").exit_code == 1
    skipped = altiflow("read", *granules, *into, "--partition", "month", "--on-error", "skip")
    assert skipped.exit_code == 0
    assert "1 of 2 files were left out" in skipped.stderr
    idle = altiflow("read", *granules, "--append")
    assert (idle.exit_code, idle.stderr.count("--append has no effect without --to")) == (1, 1)
    assert "--out has no effect with --to" in altiflow("read", *granules, *into, "-o", "x.parquet").stderr
