"""The store: at any time, and after any crash, to the bit the tally of all segments of its granules."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from altiflow.errors import GridMismatchError, InputError, StoreLockedError, UnsupportedFormatError
from altiflow.files import folder_lock
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.stores import store
from altiflow.gridding.stores.store import TallyStore, empty_tally
from altiflow.gridding.tally import merge_tallies, tally_segments

GRID = Grid.named("EASE2_N25km")
OPTIONS = {"value": ["freeboard", "height"], "quantiles": 0.01, "histogram": [0.0, 0.3, 1.0]}


def tally(table, **options):
    return tally_segments(table, GRID, **(OPTIONS | options))


@pytest.fixture(scope="module")
def tables(make_passes):
    """Return two versions of eight granules, 12 days apart, the second with other freeboard."""
    table = make_passes(granules=8, rows=60)
    days = table.granule.str[-2:].astype(int)
    table["time"] += pd.to_timedelta(12 * days, "D")
    table.attrs["altiflow"]["screens"] = {"fill_value": 1, "quality": 2}
    first = {name: part for name, part in table.groupby("granule")}
    second = {name: part.assign(freeboard=part.freeboard + np.float32(0.1)) for name, part in first.items()}
    for number, part in enumerate(second.values()):
        part.attrs["altiflow"] = table.attrs["altiflow"] | {"region": f"region_{number % 3}"}
    return first, second


@pytest.fixture(scope="module")
def tallies(tables):
    return [{name: tally(part) for name, part in version.items()} for version in tables]


class Crash(BaseException):
    """What no code but a test's catches."""


def crash_in(step: str):
    """Return a function for the place of a step of the store that dies before or after its work."""
    when, name = step.split()
    real = getattr(store, name)

    def die(*arguments):
        if when == "after":
            real(*arguments)
        raise Crash

    return name, die


class Stores(RuleBasedStateMachine):
    """Anything done to a store gives what a rebuild from all segments gives."""

    def __init__(self):
        super().__init__()
        self.folder = Path(tempfile.mkdtemp()) / "store"
        self.expected = {}

    @initialize()
    def create(self):
        self.store = TallyStore.create(self.folder, empty_tally(GRID, **OPTIONS))

    def teardown(self):
        shutil.rmtree(self.folder.parent)

    def pick(self, data, names, version):
        names = data.draw(st.lists(st.sampled_from(sorted(names)), min_size=1, max_size=4, unique=True))
        return merge_tallies([self.tallies[version][name] for name in names])

    def expect(self, new):
        # A tally tells the provenance of all its granules together, so that each has that of all.
        self.expected |= {name: new.select([name]) for name in new.granules}

    @precondition(lambda self: len(self.expected) < 8)
    @rule(data=st.data(), version=st.integers(0, 1))
    def add(self, data, version):
        new = self.pick(data, set(self.tallies[0]) - set(self.expected), version)
        self.store.add(new)
        self.expect(new)

    @rule(data=st.data(), version=st.integers(0, 1))
    def replace(self, data, version):
        new = self.pick(data, self.tallies[0], version)
        self.store.replace(new)
        self.expect(new)

    @precondition(lambda self: self.expected)
    @rule(data=st.data())
    def remove(self, data):
        gone = self.pick(data, self.expected, 0).granules
        self.store.remove(gone)
        self.expected = {name: found for name, found in self.expected.items() if name not in gone}

    @rule()
    def reopen(self):
        self.store = TallyStore.open(self.folder)

    @rule()
    def compact(self):
        self.store.compact()
        told = self.store.info()
        assert told["granules_stale"] == 0
        months = {np.datetime64(found.span[0], "M") for found in self.expected.values()}
        assert told["parts"] == len(months)
        assert len(list((self.folder / "parts").iterdir())) == len(months)

    @precondition(lambda self: self.expected)
    @rule(
        data=st.data(),
        action=st.sampled_from(["add", "replace", "remove", "compact"]),
        step=st.sampled_from(["before write_tally", "after write_tally", "before write_manifest"]),
    )
    def crash_before_the_manifest_is_new(self, data, action, step):
        before = dict(self.expected)
        try:
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr(store, *crash_in(step))
                if action == "add" and len(before) == 8:
                    return
                getattr(self, action)(*([data, 1] if action in ("add", "replace") else [data] * (action == "remove")))
        except Crash:
            self.expected = before
            (self.folder / "parts" / ".2019-01-abc.part.parquet").write_text("half of a part")
            (self.folder / ".manifest.abc.part.json").write_text("half of a manifest")

    @precondition(lambda self: len(self.expected) < 8)
    @rule(data=st.data())
    def crash_after_the_manifest_is_new(self, data):
        new = self.pick(data, set(self.tallies[0]) - set(self.expected), 0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(store, *crash_in("after write_manifest"))
            with pytest.raises(Crash):
                self.store.add(new)
        self.expect(new)

    @invariant()
    def equals_a_rebuild(self):
        assert self.store.granules == tuple(sorted(self.expected))
        if self.expected:
            rebuilt = merge_tallies(self.expected.values())
            assert self.bits(self.store.tally()) == self.bits(rebuilt)


def test_any_history_gives_the_same_bits_as_a_rebuild(tallies, bits):
    class Run(Stores):
        pass

    Run.tallies, Run.bits = tallies, staticmethod(bits)
    run_state_machine_as_test(Run, settings=settings(max_examples=12, stateful_step_count=14, deadline=None))


@pytest.fixture
def full(tables, tallies, tmp_path):
    found = TallyStore.create(tmp_path / "store", merge_tallies(list(tallies[0].values())[:5]))
    for part in list(tallies[0].values())[5:]:
        found.add(part)
    return found


def test_a_store_equals_the_tally_of_one_table_of_all_segments(full, tables, bits):
    table = pd.concat(tables[0].values())
    table.attrs = next(iter(tables[0].values())).attrs
    assert bits(full.tally()) == bits(tally(table))
    assert full.info()["parts"] == 4
    full.compact()
    assert bits(full.tally()) == bits(tally(table))


def test_a_span_of_time_brings_whole_granules(full, tallies, bits):
    spans = {name: found.span for name, found in tallies[0].items()}
    start, end = np.datetime64("2019-02-20"), np.datetime64("2019-04-01T06:00")
    inside = [tallies[0][name] for name, (first, last) in spans.items() if last >= start and first < end]
    assert 0 < len(inside) < 8
    assert bits(full.tally(start, end)) == bits(merge_tallies(inside))
    assert full.tally("2019-02-20", datetime(2019, 4, 1, 6, tzinfo=UTC)).granules == full.tally(start, end).granules
    assert full.tally(end="2018-01-01").granules == ()
    name, (first, last) = sorted(spans.items())[3]
    assert name in full.tally(last, pd.Timestamp(last) + pd.Timedelta(1, "ns")).granules
    assert name not in full.tally(end=first).granules
    with pytest.raises(InputError, match="start='soon' is no time"):
        full.tally("soon")
    with pytest.raises(InputError, match="end=NaT is no time"):
        full.tally(end=pd.NaT)


def test_granules_beside_the_grid_are_kept_and_have_no_time(tables, tmp_path, bits):
    far = Grid.named("EASE2_S25km")
    outside = tally_segments(next(iter(tables[0].values())), far, **OPTIONS)
    found = TallyStore.create(tmp_path / "store", outside)
    assert bits(found.tally()) == bits(outside)
    assert found.tally("2000-01-01").granules == ()
    assert np.isnat(found.info()["first"])
    found.compact()
    assert found.tally().to_dataset().attrs["segments_outside_grid"] == 180


def test_info_tells_what_is_there(full):
    told = full.info()
    assert (told["grid"], told["values"], told["step"], told["granules"]) == (
        "EASE2_N25km",
        ["freeboard", "height"],
        86_400,
        8,
    )
    assert (told["first"], told["last"]) == full.tally().span
    full.remove(full.granules[:2])
    assert full.info()["granules_stale"] == 2
    full.remove(full.granules[-1])
    told = full.info()
    assert (told["granules"], told["granules_stale"], told["parts"]) == (5, 2, 3)
    assert told["bytes"] == sum(file.stat().st_size for file in (full.path / "parts").iterdir())


def test_granules_that_are_there_are_named_and_nothing_is_changed(full, tallies, bits):
    before = bits(full.tally())
    with pytest.raises(InputError, match=r"has granule ATL10-01_2019013000, .* and 5 more already; store\.replace"):
        full.add(merge_tallies(tallies[1].values()))
    with pytest.raises(InputError, match="no granule nonesuch"):
        full.remove("nonesuch")
    assert bits(full.tally()) == before


def test_what_does_not_fit_is_refused(full, tables, bits):
    table = next(iter(tables[0].values())).assign(granule="new")
    before = bits(full.tally())
    with pytest.raises(GridMismatchError):
        full.add(tally_segments(table, Grid.named("EASE2_N12.5km"), **OPTIONS))
    for changed in ({"value": "freeboard"}, {"weight": None}, {"step": "h"}, {"quantiles": None}, {"histogram": ()}):
        with pytest.raises(InputError, match=r"different (values|weight|options)"):
            full.add(tally(table, **changed))
    other = table.copy()
    other.attrs["altiflow"] = table.attrs["altiflow"] | {"product": "ATL06"}
    with pytest.raises(InputError, match="different product"):
        full.add(tally(other))
    with pytest.raises(InputError, match="refsurf_ndx and refsurf_sigma must be in all tables or in none"):
        full.add(tally(table.drop(columns=["refsurf_ndx"])))
    with pytest.raises(InputError, match="granule without a name"):
        full.add(tally(table.drop(columns=["granule"])))
    assert bits(full.tally()) == before


def test_folders_are_opened_and_made_with_care(full, tallies, tmp_path):
    first = next(iter(tallies[0].values()))
    with pytest.raises(InputError, match=r"already; TallyStore\.open"):
        TallyStore.create(full.path, first)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "thesis.tex").touch()
    with pytest.raises(InputError, match=r"holds thesis\.tex; a store needs a folder of its own"):
        TallyStore.create(tmp_path / "taken", first)
    with pytest.raises(InputError, match=r"no tally store at .*TallyStore\.create makes one"):
        TallyStore.open(tmp_path / "nothing")
    told = json.loads((full.path / "manifest.json").read_text())
    (full.path / "manifest.json").write_text(json.dumps(told | {"format": 99}))
    with pytest.raises(UnsupportedFormatError, match="format 99, known is 1"):
        TallyStore.open(full.path)
    (full.path / "manifest.json").write_text("{")
    with pytest.raises(UnsupportedFormatError, match="no manifest"):
        full.tally()


def test_one_writer_at_a_time(full, tallies):
    with folder_lock(full.path), pytest.raises(StoreLockedError, match=f"process {os.getpid()} on .* try again when"):
        full.replace(tallies[1]["ATL10-01_2019013000"])
    full.replace(tallies[1]["ATL10-01_2019013000"])


def test_a_killed_writer_leaves_the_store_open_to_the_next(full, tallies, bits):
    before = bits(full.tally())
    code = (
        "import os, signal, sys; from pathlib import Path; from altiflow.gridding.stores import store;"
        "store.write_manifest = lambda *_: os.kill(os.getpid(), signal.SIGKILL);"
        "store.TallyStore(Path(sys.argv[1])).compact()"
    )
    done = subprocess.run([sys.executable, "-c", code, str(full.path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(list((full.path / "parts").iterdir())) > full.info()["parts"]
    assert bits(full.tally()) == before
    full.replace(tallies[0]["ATL10-01_2019013000"])
    assert len(list((full.path / "parts").iterdir())) == full.info()["parts"]
    assert bits(full.tally()) == before


def test_a_reader_begins_again_where_a_writer_takes_parts_away(full, monkeypatch, bits):
    before, real = bits(full.tally()), store.read_tally
    parts = {file.name for file in (full.path / "parts").iterdir()}

    def late(path):
        monkeypatch.setattr(store, "read_tally", real)
        full.compact()
        return real(path)

    monkeypatch.setattr(store, "read_tally", late)
    assert bits(full.tally()) == before
    assert not parts <= {file.name for file in (full.path / "parts").iterdir()}


def test_a_part_that_is_lost_is_named(full):
    part = sorted((full.path / "parts").iterdir())[0]
    part.unlink()
    with pytest.raises(InputError, match=part.name):
        full.tally()


def test_removed_provenance_goes_with_its_granules(tallies, tmp_path, bits):
    old, new = (list(version.values())[:2] for version in tallies)
    found = TallyStore.create(tmp_path / "store", old[0])
    found.add(new[1])
    found.compact()
    assert found.tally().told["regions"] == ["region_1"]
    found.remove(new[1].granules)
    assert bits(found.tally()) == bits(old[0])
