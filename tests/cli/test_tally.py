"""`altiflow grid` on many files and `altiflow tally`, as a user calls them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner

from altiflow import Grid, grid_segments, read_atl20, read_segments, read_sparse, read_table, write_table
from altiflow.cli import main
from altiflow.readers import make_sample


@pytest.fixture(scope="module")
def granules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("granules")
    make_sample(folder, granules=4)
    return folder


@pytest.fixture(scope="module")
def tables(granules: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tables")
    for path in sorted(granules.glob("*.h5")):
        write_table(read_segments(path), folder / f"{path.stem}.parquet")
    return folder


@pytest.fixture
def altiflow() -> Callable[..., object]:
    def run(*arguments: object, code: int = 0) -> object:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == code, result.output
        return result

    return run


@pytest.mark.parametrize("command", ["add", "remove", "merge", "info", "export", "series"])
def test_every_tally_command_has_help(command: str, altiflow: Callable) -> None:
    assert "Usage:" in altiflow("tally", command, "--help").output
    assert "altiflow tally add winter" in altiflow("tally", "--help").output


def test_a_folder_of_tables_is_gridded_into_every_format(tables: Path, altiflow: Callable, tmp_path: Path) -> None:
    files = ["--geotiff", tmp_path / "tif", "--cells", tmp_path / "cells.parquet"]
    files += ["--sparse", tmp_path / "sparse.parquet"]
    wishes = ["--grid", "EASE2_N12.5km", "--freq", "MS", "--quantile", 0.5]
    told = altiflow("grid", tables, "-o", tmp_path / "a.nc", *files, *wishes).output
    with xr.open_dataset(tmp_path / "a.nc") as grid:
        table = pd.concat([read_table(path) for path in sorted(tables.glob("*.parquet"))])
        direct = grid_segments(table, Grid.from_dataset(grid), value="freeboard", freq="MS")
        assert (grid.n_segments.to_numpy() == direct.n_segments.to_numpy()).all()
        np.testing.assert_allclose(grid.freeboard_mean, direct.freeboard_mean, rtol=1e-12)
        assert "freeboard_median" in grid
        assert f"{int(grid.n_segments.sum())} segments gridded" in told
        assert len(read_table(tmp_path / "cells.parquet")) == int((grid.n_segments > 0).sum())
        assert read_sparse(tmp_path / "sparse.parquet").n_segments.sum() == grid.n_segments.sum()
    assert (tmp_path / "tif" / "freeboard_mean.tif").is_file()
    altiflow("grid", tables, "-o", tmp_path / "a.zarr", "--quiet")
    assert xr.open_zarr(tmp_path / "a.zarr", chunks=None).sizes["time"] == 1


def test_granules_are_gridded_one_by_one_and_a_bad_one_is_told(
    granules: Path, altiflow: Callable, tmp_path: Path
) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for path in list(granules.glob("*.h5"))[:2]:
        (folder / path.name).write_bytes(path.read_bytes())
    (folder / "ATL10-01_20190111111111_00010201_006_01.h5").write_text("broken")
    told = altiflow("grid", folder, "-o", tmp_path / "a.nc", code=1)
    assert "ATL10-01_20190111111111_00010201_006_01" in told.output
    assert not (tmp_path / "a.nc").exists()
    told = altiflow("grid", folder, "-o", tmp_path / "a.nc", "--on-error", "skip")
    assert "1 of 3 files were left out" in told.output
    with xr.open_dataset(tmp_path / "a.nc") as grid:
        assert grid.attrs["files_missing"] == "ATL10-01_20190111111111_00010201_006_01.h5"


def test_a_store_grows_and_exports_what_a_single_pass_gives(tables: Path, altiflow: Callable, tmp_path: Path) -> None:
    files, store = sorted(tables.glob("*.parquet")), tmp_path / "winter"
    altiflow("tally", "add", store, files[0], "--grid", "EASE2_N6.25km", "--samples", 0.001)
    told = altiflow("tally", "add", store, *files[1:]).output
    assert "3 granules added, 4 in" in told
    assert "--replace puts the new" in altiflow("tally", "add", store, files[1], code=1).output
    altiflow("tally", "add", store, files[1], "--replace")
    told = altiflow("tally", "info", store).output
    assert "EASE2_N6.25km" in told
    assert "4, 12 passes" in told
    assert altiflow("info", store).output.count("tally") >= 1
    altiflow("tally", "export", store, "-o", tmp_path / "a.nc", "--coarsen", 4, "--freq", "MS", "--quantile", 0.5)
    altiflow("grid", tables, "-o", tmp_path / "b.nc", "--grid", "EASE2_N25km", "--freq", "MS", "--samples", 0.001)
    with xr.open_dataset(tmp_path / "a.nc") as one, xr.open_dataset(tmp_path / "b.nc") as two:
        for name in ("n_segments", "n_passes", "n_sections"):
            assert (one[name].to_numpy() == two[name].to_numpy()).all()
        np.testing.assert_allclose(one.freeboard_mean, two.freeboard_mean, rtol=1e-12)
        np.testing.assert_allclose(one.freeboard_sigma, two.freeboard_sigma, rtol=1e-12)
    altiflow("tally", "merge", store, "-o", tmp_path / "all.tally.parquet")
    altiflow("tally", "export", tmp_path / "all.tally.parquet", "-o", tmp_path / "c.nc", "--coarsen", 4, "--freq", "MS")
    with xr.open_dataset(tmp_path / "a.nc") as one, xr.open_dataset(tmp_path / "c.nc") as two:
        xr.testing.assert_equal(one.freeboard_mean, two.freeboard_mean)
    gone = files[0].stem
    altiflow("tally", "remove", store, gone)
    assert "3, 9 passes" in altiflow("tally", "info", store).output
    altiflow("tally", "series", store, "--region=-180,60,180,90", "-o", tmp_path / "s.csv")
    assert {"pooled_mean", "coverage", "sigma"} <= set(pd.read_csv(tmp_path / "s.csv").columns)


def test_senseless_wishes_are_one_line(tables: Path, altiflow: Callable, tmp_path: Path) -> None:
    cases = [
        (("grid", tables, "-o", tmp_path / "a.png"), "the suffix is one of .nc, .zarr"),
        (("grid", tables, "--histogram", "a,b"), "--histogram takes numbers, got 'a'"),
        (("grid", tmp_path / "nothing"), "there is no table or granule at"),
        (("grid", tables, "--grid", "EASE3"), "no grid is named 'EASE3'"),
        (("tally", "info", tables), "is no"),
        (("tally", "export", tmp_path / "none.parquet"), "there is no"),
        (("grid", tables, "--freq", "h"), "the tally's time bins"),
    ]
    for arguments, message in cases:
        told = altiflow(*arguments, code=1)
        assert message in told.output, told.output
        assert len(told.output.strip().splitlines()) == 1, told.output
    altiflow("run", "--seed", 3, code=2)
    assert "Traceback" not in altiflow("grid", code=2).output


@pytest.fixture(scope="module")
def store(tables: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stores") / "winter"
    result = CliRunner().invoke(main, ["tally", "add", str(path), str(tables)])
    assert result.exit_code == 0, result.output
    return path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("grid", "{tables}", "-o", "{tmp}/file/x.nc"), "choose another path"),
        (("grid", "{tables}", "-o", "{tmp}/x.txt"), "the suffix is one of"),
        (("grid", "{tables}", "-o", "{tmp}/x.nc", "--period", "foo", "bar"), "pairs of times"),
        (("grid", "{tables}", "-o", "{tmp}/x.nc", "--min-count", 10**6), "no cell is left with --min-count 1000000"),
        (("grid", "{tables}", "-o", "{tmp}/x.nc", "--freq", "season"), "'none'; a winter is --period"),
        (("grid", "{tables}", "-o", "{tmp}/x.nc", "--region", "0,40,10"), "has 3 numbers"),
        (("grid", "{tables}", "-o", "{tmp}/x.nc", "--grid", "EASE2_X"), "altiflow grid --list"),
        (("grid", "{tables}", "--preset", "atl20", "--coarsen", 2, "--cells", "c.parquet"), "--cells, --coarsen"),
        (
            ("grid", "{tables}", "-o", "{tmp}/x.nc", "--histogram", "0,1", "--sparse", "{tmp}/x.parquet"),
            "cannot go into a sparse table",
        ),
        (("tally", "add", "{store}", "{tables}", "--grid", "EASE2_N6.25km"), "made with --grid EASE2_N25km"),
        (("tally", "add", "{store}", "{tables}", "--samples", "exact"), "made with --samples None"),
        (("tally", "add", "{store}", "{tables}"), "--replace puts the new in its place"),
        (("tally", "add", "{tables}", "{tables}"), "altiflow tally add makes one"),
        (("tally", "merge", "{store}", "{store}", "-o", "{tmp}/x.parquet"), "are there twice"),
        (("tally", "merge", "{store}", "-o", "{tmp}/x.nc"), "call it x.parquet"),
        (("tally", "series", "{store}", "--region=-180,80,180,90", "-o", "{tmp}/x.parquet"), "call it x.csv"),
        (("tally", "remove", "{store}", "nonesuch"), "altiflow tally info --granules lists"),
        (("tally", "export", "{store}", "--quantile", 0.5, "-o", "{tmp}/x.nc"), "--samples"),
    ],
)
def test_wrong_use_is_one_line_that_says_what_to_do_and_nothing_is_written(
    words: tuple, message: str, tables: Path, store: Path, altiflow: Callable, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("a file, not a folder")
    places = {"tables": tables, "store": store, "tmp": tmp_path}
    told = altiflow(*(str(word).format(**places) for word in words), code=1).output
    assert told.startswith("error: ")
    assert message in told
    assert told.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_store_lists_its_granules_and_a_region_without_segments_is_told(
    store: Path, altiflow: Callable, tmp_path: Path
) -> None:
    names = altiflow("tally", "info", store, "--granules").output.split()
    assert len(names) == 4
    assert all(name.startswith("ATL10-01_") for name in names)
    told = altiflow("tally", "series", store, "--region=0,30,10,40", "-o", tmp_path / "s.csv")
    assert "no segment" in told.output
    assert pd.read_csv(tmp_path / "s.csv")["n_segments"].tolist() == [0, 0]


def test_a_granule_of_any_name_tells_its_product(granules: Path, altiflow: Callable, tmp_path: Path) -> None:
    renamed = tmp_path / "flight.h5"
    renamed.write_bytes(next(iter(sorted(granules.glob("*.h5")))).read_bytes())
    assert "segments gridded" in altiflow("grid", renamed, "-o", tmp_path / "x.nc").output


@pytest.mark.parametrize("out", ["months.zarr", "cells.parquet"])
def test_what_grid_writes_can_be_looked_at(store: Path, out: str, altiflow: Callable, tmp_path: Path) -> None:
    sparse = tmp_path / "sparse.parquet"
    altiflow("tally", "export", store, "--freq", "MS", "-o", tmp_path / out, "--sparse", sparse)
    assert "freeboard_mean" in altiflow("info", tmp_path / out).output
    assert "periods      2" in altiflow("info", sparse).output
    altiflow("map", sparse, "-o", tmp_path / "map.png")
    assert (tmp_path / "map.png").stat().st_size > 10_000


def test_a_tally_is_gridded_as_it_was_made_or_not_at_all(tables: Path, altiflow: Callable, tmp_path: Path) -> None:
    altiflow("tally", "add", tmp_path / "store", tables, "--grid", "EASE2_N12.5km", "--quiet")
    altiflow("grid", tmp_path / "store", "-o", tmp_path / "a.nc", "--grid", "EASE2_N12.5km", "--freq", "MS")
    for wish in (["--grid", "EASE2_N25km"], ["--weight", "none"], ["--step", "none"], ["--samples", "exact"]):
        told = altiflow("grid", tmp_path / "store", "-o", tmp_path / "b.nc", *wish, code=1).output
        assert f"was made with {wish[0]}" in told
    told = altiflow("grid", tmp_path / "store", "-o", tmp_path / "b.nc", "--beams", "all", code=1).output
    assert "counted already; leave out --beams" in told
    assert not (tmp_path / "b.nc").exists()


def test_the_preset_writes_files_like_atl20_and_what_is_left_out_is_counted_once(
    tables: Path, altiflow: Callable, tmp_path: Path
) -> None:
    (tables.parent / "broken").mkdir(exist_ok=True)
    bad = tables.parent / "broken" / "bad.parquet"
    bad.write_bytes(b"PAR1")
    files = sorted(tables.glob("*.parquet"))
    told = altiflow("grid", *files, bad, "--preset", "atl20", "-o", tmp_path / "atl20", "--on-error", "skip").output
    assert f"1 of {len(files) + 1} files were left out" in told
    written = sorted((tmp_path / "atl20").iterdir())
    assert len(written) == 2
    assert all(path.name in told for path in written)
    assert float(read_atl20(written[0]).monthly.n_segments.sum()) > 0
