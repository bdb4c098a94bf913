"""Many files, one tally: the same bits for any workers, batches and accidents."""

from __future__ import annotations

import gc
import operator
import os
import re
import signal
import threading
import time
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import altiflow
from altiflow.errors import AltiflowError, EmptyDataError, InputError, UnsupportedFormatError
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.stores.merging import MergeTree, run_here, run_on_cluster, split_batches
from altiflow.gridding.stores.store import TallyStore
from altiflow.gridding.stores.stream import grid_dataset, tally_files
from altiflow.gridding.tally import merge_tallies, tally_segments
from altiflow.readers import Grant, Grants, Ledger, RemoteAccess, read_segments, write_table
from altiflow.readers.sample import GYRES, find_passes, simulate_granule

GRID = Grid.named("EASE2_N25km")
OPTIONS = {"value": ["freeboard", "height"], "quantiles": 0.01, "histogram": [0.0, 0.3, 1.0]}
REQUIRED = os.environ.get("ALTIFLOW_REQUIRE", "")


@pytest.fixture(scope="module")
def table(make_passes):
    return make_passes(granules=21, rows=80)


@pytest.fixture(scope="module")
def folder(table, tmp_path_factory):
    """Return a folder of 21 tables of a granule each, some in the order of rows, some in folders of their own."""
    path = tmp_path_factory.mktemp("tables")
    for number, (name, part) in enumerate(table.groupby("granule")):
        part.attrs = table.attrs
        order = "rows" if number % 3 == 0 else "hilbert"
        write_table(part, path / f"year={number % 2}" / f"{name}.parquet", order=order)
    (path / ".hidden.parquet").write_text("the half of a file that is being written")
    return path


@pytest.fixture(scope="module")
def whole(table, folder, bits):
    return bits(tally_segments(table, GRID, **OPTIONS))


@pytest.fixture(scope="module")
def cluster():
    if "dask" not in REQUIRED:
        pytest.importorskip("distributed", reason="dask is not installed (extra dask)")
    import distributed

    with (
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0") as local,
        distributed.Client(local) as client,
    ):
        yield client


@pytest.mark.parametrize("options", [{}, {"batch": 4}, {"batch": 21}, {"workers": 2, "batch": 2}])
def test_workers_and_batches_change_nothing(folder, whole, options, bits):
    assert bits(tally_files(folder, GRID, **OPTIONS, **options)) == whole


@pytest.mark.parametrize("batch", [None, 1, 16])
def test_a_cluster_gives_the_same_bits(folder, whole, batch, cluster, bits):
    ledger = Ledger()
    assert bits(tally_files(folder, GRID, **OPTIONS, client=cluster, batch=batch, ledger=ledger)) == whole
    assert ledger.table["segments_kept"].sum() == 21 * 240


def test_a_worker_killed_in_mid_run_changes_nothing(table, cluster, tmp_path, bits):
    victim = next(iter(cluster.run(os.getpid).values()))
    # The same 21 granules over and over, under other names, so that the run takes a while.
    parts = [part for _, part in table.groupby("granule")]
    links = tmp_path / "many"
    for number in range(64):
        part = parts[number % 21].assign(granule=f"flight {number}")
        part.attrs = table.attrs
        write_table(part, links / f"{number:03d}.parquet", order="rows")
    expected = bits(tally_files(links, GRID, **OPTIONS))
    found = []
    run = threading.Thread(
        target=lambda: found.append(tally_files(links, GRID, **OPTIONS, client=cluster, batch=2)), daemon=True
    )
    run.start()
    while run.is_alive() and not any(cluster.processing().values()):
        time.sleep(0.01)
    time.sleep(0.1)
    assert not found
    os.kill(victim, signal.SIGKILL)
    run.join(120)
    assert bits(found[0]) == expected
    assert victim not in cluster.run(os.getpid).values()


def test_failures_on_a_cluster_are_those_of_one_process(folder, cluster, tmp_path, bits):
    broken = spoil(folder, tmp_path)
    for options in ({}, {"workers": 2}, {"client": cluster}):
        ledger = Ledger()
        with pytest.raises(UnsupportedFormatError, match=r"^ATL10-01_2019013003\.parquet is not a Parquet file"):
            tally_files(broken, GRID, **OPTIONS, **options, ledger=ledger, batch=1)
        assert [row["granule"] for row in ledger.failures] == ["ATL10-01_2019013003"]
    with pytest.raises(InputError, match="no such file"):
        tally_files(tmp_path / "nowhere", GRID, **OPTIONS, client=cluster)


def test_errors_of_workers_name_the_files(cluster):
    batches = [(Path("a"), Path("b")), (Path("c"),), ()]
    assert run_on_cluster(cluster, len, operator.add, batches, quiet=True) == 3
    assert run_here(len, operator.add, batches, workers=1, quiet=True) == 3
    with pytest.raises(AltiflowError, match="cluster failed on the files a to b: TypeError"):
        run_on_cluster(cluster, sum, operator.add, batches, quiet=True)
    with pytest.raises(AltiflowError, match="cluster failed on the files a to c: ZeroDivisionError"):
        run_on_cluster(cluster, len, operator.truediv, batches, quiet=True)


def spoil(folder, tmp_path):
    """Return a list of the tables, two of them damaged."""
    paths = sorted(folder.rglob("ATL10*.parquet"), key=lambda path: path.name)
    for number, content in ((3, b"no"), (7, paths[7].read_bytes()[:3000])):
        paths[number] = tmp_path / paths[number].name
        paths[number].write_bytes(content)
    return paths


def test_files_that_fail_are_left_out_and_named(table, folder, tmp_path):
    ledger = Ledger()
    found = tally_files(spoil(folder, tmp_path), GRID, **OPTIONS, on_error="skip", ledger=ledger)
    gone = ["ATL10-01_2019013003", "ATL10-01_2019013007"]
    assert [row["granule"] for row in ledger.failures] == gone
    assert len(ledger) == 21
    assert ledger.summary().startswith("21 granules: 19 read, 2 failed; 4560 of 4560 segments kept")
    assert found.told["missing"] == [f"{name}.parquet" for name in gone]
    rest = tally_segments(table[~table.granule.isin(gone)], GRID, **OPTIONS)
    assert found.records.states.tobytes() == rest.records.states.tobytes()
    gridded = grid_dataset(spoil(folder, tmp_path), GRID, value="freeboard", on_error="skip")
    assert gridded.attrs["files_missing"] == " ".join(f"{name}.parquet" for name in gone)


def test_the_dataset_is_that_of_one_table(table, folder):
    found = grid_dataset(folder, GRID, value="freeboard", freq="D", quantiles=0.01)
    expected = tally_segments(table, GRID, value="freeboard", quantiles=0.01).to_dataset("D", quantiles=[0.5])
    assert found.drop_attrs().equals(expected.drop_attrs())
    assert "files_missing" not in found.attrs
    assert {"freeboard_median", "freeboard_mad", "freeboard_mode"} <= set(found)


def test_beams_cut_between_files_give_the_same_bits_whatever_the_workers(table, tmp_path, bits):
    parts = [table.iloc[first : first + 301].reset_index(drop=True) for first in range(0, 2107, 301)]
    for number, part in enumerate(parts):
        part.attrs = table.attrs
        write_table(part, tmp_path / f"{number}.parquet")
    found = [bits(tally_files(tmp_path, GRID, **OPTIONS, batch=batch)) for batch in (1, 2, 4, 8)]
    assert found == found[:1] * 4
    pair = [tally_segments(part, GRID, **OPTIONS) for part in parts]
    merged = merge_tallies([merge_tallies([merge_tallies(pair[:2]), merge_tallies(pair[2:4])]),
                            merge_tallies([merge_tallies(pair[4:6]), pair[6]])])  # fmt: skip
    assert found[0] == bits(merged)


@settings(max_examples=50, deadline=None)
@given(data=st.data(), size=st.integers(1, 40))
def test_the_tree_is_one_in_any_order_and_for_any_batches(data, size):
    def merge(one, other):
        return f"({one} {other})"

    def tree(parts, order):
        found = MergeTree(len(parts))
        for index in order:
            found.add(index, parts[index], merge)
        return found.root

    leaves = [str(number) for number in range(size)]
    expected = tree(leaves, range(size))
    assert tree(leaves, data.draw(st.permutations(range(size)))) == expected
    batches = split_batches([Path(leaf) for leaf in leaves], workers=1, batch=data.draw(st.integers(1, 50)))
    nodes = [tree([str(path) for path in batch], range(len(batch))) for batch in batches]
    assert tree(nodes, data.draw(st.permutations(range(len(nodes))))) == expected


def test_batches_hold_ten_or_more_small_files_and_one_large(tmp_path):
    small, large = tmp_path / "small.parquet", tmp_path / "large.parquet"
    small.write_bytes(b"x" * 1000)
    with large.open("wb") as file:
        file.truncate(2**30)
    assert {len(batch) for batch in split_batches([small] * 320, workers=4, batch=None)} == {16}
    assert {len(batch) for batch in split_batches([large] * 320, workers=4, batch=None)} == {1}
    assert len(split_batches([small] * 4, workers=4, batch=None)) == 4


def test_granules_are_read_one_by_one_with_their_options(tmp_path):
    gyre = GYRES["north"]
    crossings = find_passes(gyre.longitude, gyre.latitude, 0.9 * gyre.radius, days=2)[2:4]
    for crossing in crossings:
        simulate_granule(tmp_path, gyre, crossing, orientation=0)
    for options in ({}, {"beams": "all", "screens": "none"}, {"region": (-180, 60, 180, 85)}):
        ledger = Ledger()
        found = tally_files(tmp_path, GRID, value="freeboard", ledger=ledger, **options)
        table = read_segments(tmp_path, **options)
        expected = tally_segments(table, GRID, value="freeboard")
        assert found.records.states.tobytes() == expected.records.states.tobytes()
        assert ledger.table["segments_kept"].sum() == len(table)
        assert ledger.table["segments_found"].sum() == ledger.table["segments_kept"].sum() + sum(
            ledger.table[name].sum() for name in ledger.table if name.startswith("dropped_")
        )
    spoilt = sorted(tmp_path.glob("*.h5"))[1]
    spoilt.write_bytes(spoilt.read_bytes()[:5000])
    with pytest.raises(AltiflowError, match=spoilt.stem):
        tally_files(tmp_path, GRID, value="freeboard")
    assert tally_files(tmp_path, GRID, value="freeboard", on_error="skip").told["missing"] == [spoilt.name]


def test_files_without_a_usable_row_are_empty_not_failed(table, folder, tmp_path):
    write_table(table.iloc[:0], tmp_path / "0.parquet")
    write_table(table.iloc[:50].assign(freeboard=np.nan, height=np.nan), tmp_path / "1.parquet")
    ledger = Ledger()
    with pytest.raises(EmptyDataError, match=r"not one of the 2 files has a usable segment: 0\.parquet"):
        tally_files(tmp_path, GRID, **OPTIONS)
    found = tally_files([tmp_path, folder], GRID, **OPTIONS, ledger=ledger)
    assert [row["status"] for row in ledger.rows[:3]] == ["empty", "empty", "read"]
    assert found.count == len(table)
    assert "missing" not in found.told


def test_files_that_cannot_be_merged_are_refused(table, tmp_path):
    write_table(table.iloc[:100], tmp_path / "a.parquet")
    other = table.iloc[100:200]
    other.attrs = {"altiflow": table.attrs["altiflow"] | {"product": "ATL06"}}
    write_table(other, tmp_path / "b.parquet")
    with pytest.raises(InputError, match="different product"):
        tally_files(tmp_path, GRID, **OPTIONS, on_error="skip")
    other.attrs = table.attrs
    write_table(other.drop(columns="refsurf_ndx"), tmp_path / "b.parquet")
    with pytest.raises(InputError, match=r"a\.parquet to .*b\.parquet know reference-surface sections"):
        tally_files(tmp_path, GRID, **OPTIONS)


def test_senseless_arguments_are_refused_before_a_file_is_read(folder, tmp_path):
    for changed, message in [
        ({"step": 7000}, "divides a day"),
        ({"quantiles": "many"}, "quantiles must be"),
        ({"engine": "fortran"}, "engine must be"),
        ({"on_error": "ignore"}, "use 'raise' or 'skip'"),
        ({"batch": 0}, "batch must be 1 or more"),
        ({"beams": "all"}, "choose what is read of granules, but ATL10-01_2019013000.parquet is a table"),
    ]:
        with pytest.raises(InputError, match=message):
            tally_files(folder, GRID, **(OPTIONS | changed))
    with pytest.raises(InputError, match=r"2019013000\.parquet has no column thickness; it has granule, beam"):
        tally_files(folder, GRID, value="thickness")
    with pytest.raises(EmptyDataError, match="holds no file"):
        tally_files(tmp_path, GRID, **OPTIONS)
    (tmp_path / "segments.csv").touch()
    with pytest.raises(InputError, match="suffix is one of"):
        tally_files([tmp_path / "segments.csv"], GRID, **OPTIONS)


def test_memory_does_not_grow_with_the_number_of_files(tmp_path):
    rng = np.random.default_rng(0)
    rows = 60_000
    along = np.linspace(0.0, 1.0, rows)
    frame = pd.DataFrame(
        {
            "granule": "g",
            "beam": np.repeat(["gt1r", "gt2r", "gt3r"], rows // 3),
            "time": pd.Timestamp("2019-02-01"),
            "longitude": 10.0 + along,
            "latitude": 75.0 + 2 * along,
            "x_atc": 3e5 * along,
            "segment_length": 20.0,
            "freeboard": rng.lognormal(-1, 0.5, rows),
        }
    )
    for number in range(40):
        frame.assign(granule=f"g{number:02d}").to_parquet(tmp_path / f"{number:02d}.parquet")
    files = sorted(tmp_path.iterdir())

    def peak(paths):
        gc.collect()
        tracemalloc.start()
        tally_files(paths, GRID, value="freeboard")
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    peak(files[:2])
    before = pa.total_allocated_bytes()
    few, many = peak(files[:4]), peak(files)
    assert many < 1.5 * few
    assert pa.total_allocated_bytes() <= before
    assert few > 8 * rows


def test_the_page_on_workers_is_true(table, folder, tmp_path, monkeypatch, bits):
    page = (Path(__file__).parents[3] / "docs" / "distributed.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, flags=re.DOTALL)
    assert len(blocks) >= 5
    monkeypatch.chdir(tmp_path)
    (tmp_path / "segments").symlink_to(folder)
    (tmp_path / "new-segments").mkdir()
    write_table(table.iloc[:240].assign(granule="new"), tmp_path / "new-segments" / "new.parquet")
    names = vars(altiflow) | {"tally_files": tally_files, "grid_dataset": grid_dataset, "TallyStore": TallyStore}
    space = {"af": SimpleNamespace(**names), "__name__": "__main__"}
    for block in blocks:
        code = compile(block.replace("import altiflow as af", ""), "distributed.md", "exec")
        if not re.search("import coiled|LocalCluster|search_granules", block):
            exec(code, space)
    assert bits(space["tally"]) == bits(tally_segments(table, GRID, value="freeboard"))
    assert space["monthly"].sizes["time"] == 2
    assert "new" in space["store"].granules


def test_one_login_for_files_of_several_hosts_is_refused_before_any_is_asked():
    asked = []
    access = RemoteAccess(tokens=Grants(lambda: asked.append("login") or Grant({"token": "secret-token"})))
    places = ["https://one.example/a.h5", "https://two.example/b.h5"]
    with pytest.raises(InputError, match=r"2 hosts: one\.example, two\.example") as caught:
        tally_files(places, Grid.named("EASE2_N25km"), value="freeboard", access=access, workers=2)
    assert asked == []
    assert "secret" not in str(caught.value)
