"""Chunks read by their positions are what HDF5 reads, to the bit, and damage is found."""

from __future__ import annotations

import json
import tracemalloc
from dataclasses import replace
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altiflow.errors import CorruptGranuleError, UnsupportedFormatError
from altiflow.readers.hdf5 import (
    ChunkIndex,
    ChunkTable,
    Walker,
    decode,
    describe_data_set,
    drop_index,
    load_index,
    read_arrays,
    save_index,
)
from altiflow.readers.hdf5.decode import fletcher32, unfilter_chunk
from altiflow.readers.hdf5.tables import check_table
from altiflow.readers.remote.parts import Stamp
from altiflow.readers.remote.ranges import LocalSource

CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "deflated": {"compression": "gzip", "chunks": (70, 3)},
    "shuffled": {"compression": "gzip", "shuffle": True, "chunks": (64, 5)},
    "summed": {"fletcher32": True, "chunks": (100, 2)},
    "everything": {"compression": "gzip", "shuffle": True, "fletcher32": True, "chunks": (33, 4)},
    "only_shuffled": {"shuffle": True, "chunks": (33, 4)},
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file with every way in which numbers are stored."""
    path = tmp_path_factory.mktemp("chunks") / "stored.h5"
    rng = np.random.default_rng(1)
    with h5py.File(path, "w", libver=("earliest", "v108")) as file:
        for name, options in CASES.items():
            for kind in ("<f8", ">f4", "<i4", "i1", ">u2"):
                file.create_dataset(f"{name}/{kind[1:]}", data=(rng.random((201, 5)) * 99).astype(kind), **options)
        file["scalar"] = np.float64(3.5)
        file["empty"] = np.empty((0, 4), "f4")
        file.create_dataset("unwritten", (500, 2), "f4", chunks=(7, 2), fillvalue=-9.0)
        partly = file.create_dataset("partly", (500,), "<i2", chunks=(40,), fillvalue=7, maxshape=(None,))
        partly[100:130] = 1
        file.create_dataset("contiguous_unwritten", (500,), "f8")
        cut = file.create_dataset("cut", data=np.arange(300.0), chunks=(40,), maxshape=(None,))
        cut.resize((190,))
        file["text"] = np.array([b"a", b"b"])
        file.create_dataset("packed", data=np.arange(900), compression="lzf")
        file.create_dataset("cube", data=rng.random((20, 9, 7)), chunks=(6, 4, 7), compression="gzip")
    return path


def numeric(path: Path) -> list[str]:
    found: list[str] = []
    with h5py.File(path) as file:
        file.visititems(lambda key, node: found.append(key) if isinstance(node, h5py.Dataset) else None)
    return [name for name in found if name not in ("text", "packed")]


def learnt(path: Path, *, remote: bool) -> tuple[LocalSource, Walker, ChunkIndex]:
    """Return a file whose data sets are found by HDF5 on the path, or by the walk over its bytes."""
    source = LocalSource(path)
    walker = Walker(source, None if remote else path)
    index = walker.begin()
    walker.learn(index, numeric(path), [("/", "nothing")])
    return source, walker, index


@pytest.mark.parametrize("remote", [False, True])
def test_arrays_are_those_of_hdf5(stored: Path, remote: bool) -> None:
    source, walker, index = learnt(stored, remote=remote)
    tables = {path: table for path, table in index.tables.items() if isinstance(table, ChunkTable)}
    assert len(tables) == len(numeric(stored)) > 35
    ours = read_arrays(source, tables, walker=walker)
    source.close()
    with h5py.File(stored) as file:
        for path, values in ours.items():
            expected = file[path][()]
            expected = np.asarray(expected).astype(expected.dtype.newbyteorder("="))
            assert values.dtype == expected.dtype, path
            assert values.shape == expected.shape, path
            assert values.tobytes() == expected.tobytes(), path


@pytest.mark.parametrize("fast", [False, True])
def test_compiled_and_plain_decoding_give_the_same_bytes(
    fast: bool, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fast:
        pytest.importorskip("numba")
    monkeypatch.setattr(decode, "_compiled_is_at_hand", lambda: fast)
    monkeypatch.setattr(decode, "_FAST", pytest.importorskip("deflate") if fast else None)
    rng = np.random.default_rng(5)
    path = stored.with_name(f"one-dimensional-{fast}.h5")
    with h5py.File(path, "w") as file:
        for kind in ("<f8", ">f4", "<i4", "i1", ">u2"):
            values = (rng.random(1_007) * 99).astype(kind)
            file.create_dataset(kind[1:], data=values, compression="gzip", shuffle=True, chunks=(100,))
    source, walker, index = learnt(path, remote=False)
    tables = {name: table for name, table in index.tables.items() if isinstance(table, ChunkTable)}
    whole = read_arrays(source, tables, walker=walker)
    part = read_arrays(source, tables, walker=walker, rows={key: [(150, 987)] for key in tables})
    source.close()
    with h5py.File(path) as file:
        for name, values in whole.items():
            expected = file[name][()].astype(file[name].dtype.newbyteorder("="))
            assert values.tobytes() == expected.tobytes(), name
            assert part[name].tobytes() == expected[150:987].tobytes(), name


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 201), st.integers(0, 201))
def test_rows_are_those_of_hdf5(stored: Path, one: int, other: int) -> None:
    first, last = min(one, other), max(one, other)
    names = ["everything/f8", "plain/i4", "summed/f4", "partly", "unwritten"]
    source, _, index = learnt(stored, remote=False)
    found = read_arrays(source, {n: index.tables[n] for n in names}, rows={key: [(first, last)] for key in names})  # type: ignore[misc]
    source.close()
    with h5py.File(stored) as file:
        for name in names:
            assert (
                found[name].tobytes()
                == np.ascontiguousarray(file[name][first:last]).astype(file[name].dtype.newbyteorder("=")).tobytes()
            )


def test_an_index_comes_back_as_it_was_kept(stored: Path, tmp_path: Path) -> None:
    source, _, index = learnt(stored, remote=False)
    source.close()
    index.tables |= {"none": None, "text": "is not numeric"}
    save_index(tmp_path / "kept", index)
    again = load_index(tmp_path / "kept", source.name)
    assert again is not None
    assert again.to_json() == index.to_json()
    assert (again.stamp, again.attributes) == (index.stamp, {("/", "nothing"): None})
    kept = next((tmp_path / "kept").iterdir())
    for text in ("", "{}", "[]", '{"version": 0}', kept.read_text()[:500]):
        kept.write_text(text)
        assert load_index(tmp_path / "kept", source.name) is None
    assert load_index(None, source.name) is None
    assert load_index(tmp_path, source.name) is None
    (tmp_path / "file").write_text("")
    with pytest.warns(UserWarning, match="keeps nothing more for the next run"):
        save_index(tmp_path / "file", index)


def test_what_is_not_numbers_or_filtered_otherwise_is_refused(stored: Path) -> None:
    with h5py.File(stored) as file:
        for name, words in (("text", "not numeric"), ("packed", "HDF5 filter")):
            with pytest.raises(UnsupportedFormatError, match=words):
                describe_data_set(file[name], name)


def test_checksums_are_those_of_hdf5(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    path = tmp_path / "sums.h5"
    for size in (8, 9, 4001, 800_000):
        values = rng.integers(0, 256, size, dtype="u1")
        values[: size // 3] = 255
        with h5py.File(path, "w") as file:
            node = file.create_dataset("x", data=values, chunks=(size,), fletcher32=True)
            _, raw = node.id.read_direct_chunk((0,))
        told = int.from_bytes(raw[-4:], "little")
        found = fletcher32(raw[:-4])
        assert [(v & 0xFFFF) % 65535 for v in (told, told >> 16)] == [found & 0xFFFF, found >> 16]


@pytest.mark.parametrize("name", ["deflated/f8", "summed/f8", "everything/f8"])
def test_a_flipped_byte_in_a_chunk_is_found(stored: Path, tmp_path: Path, name: str) -> None:
    source, _, index = learnt(stored, remote=False)
    source.close()
    table = index.tables[name]
    assert isinstance(table, ChunkTable)
    spoilt = bytearray(stored.read_bytes())
    spoilt[int(table.places[1, 1]) + int(table.places[1, 2]) // 2] ^= 0x10
    path = tmp_path / "spoilt.h5"
    path.write_bytes(spoilt)
    damaged = LocalSource(path)
    with pytest.raises(CorruptGranuleError, match=name):
        read_arrays(damaged, {name: table})
    damaged.close()


def test_chunks_that_are_no_chunks_are_refused() -> None:
    table = ChunkTable(np.dtype("<f4"), (4,), (4,), ("deflate",), b"\0" * 4, np.zeros((0, 4), np.int64))
    for data in (b"", b"nonsense", b"x\x9cc\x00"):
        with pytest.raises(CorruptGranuleError, match="chunk"):
            unfilter_chunk(data, table, 0, "x")
    with pytest.raises(CorruptGranuleError, match="holds 3 bytes"):
        unfilter_chunk(b"abc", table, 1, "x")
    # A small chunk that inflates to much is not followed to its end.
    import zlib

    with pytest.raises(CorruptGranuleError):
        unfilter_chunk(zlib.compress(bytes(10_000_000)), table, 0, "x")


def test_a_file_that_ends_early_is_told(stored: Path, tmp_path: Path) -> None:
    source, _, index = learnt(stored, remote=False)
    source.close()
    short = tmp_path / "short.h5"
    whole = stored.read_bytes()
    for part in range(1, 10):
        short.write_bytes(whole[: len(whole) * part // 10])
        cut = LocalSource(short)
        tables = {path: table for path, table in index.tables.items() if isinstance(table, ChunkTable)}
        with pytest.raises(CorruptGranuleError):
            read_arrays(cut, tables)
        with pytest.raises(CorruptGranuleError, match="truncated"):
            Walker(cut).begin()
        cut.close()


GOOD = ChunkTable(
    np.dtype("<f4"), (4_000,), (1_000,), ("deflate",), b"\0" * 4, np.array([[n, 100 + 50 * n, 50, 0] for n in range(4)])
)


def placed(row: int, column: int, value: int) -> ChunkTable:
    places = GOOD.places.copy()
    places[row, column] = value
    return replace(GOOD, places=places)


@pytest.mark.parametrize(
    ("table", "words"),
    [
        (placed(1, 2, 0), "empty"),
        (placed(3, 2, 10_000_001), "beyond the file"),
        (placed(3, 1, 9_999_951), "beyond the file"),
        (placed(3, 1, 2**63 - 10), "beyond the file"),
        (placed(2, 2, 2**62), "beyond the file"),
        (placed(2, 0, 1), "twice"),
        (placed(3, 0, 4), "none of the 4"),
        (replace(GOOD, chunk=(0,)), "do not fit"),
        (replace(GOOD, shape=(4_000, 2)), "do not fit"),
        (replace(GOOD, shape=(2**50,), chunk=(2**48,)), "claims to hold"),
        (replace(GOOD, chunk=(2**40,), places=GOOD.places[:1]), "cannot hold"),
        (replace(GOOD, filters=(), places=GOOD.places[:1]), "cannot hold 4000"),
        (replace(GOOD, fill=b"\0"), "fill value"),
        (replace(GOOD, inline=b"\0" * 9), "9 bytes are not"),
    ],
)
def test_tables_of_chunks_that_cannot_be_are_refused_before_memory_is_made(
    table: ChunkTable, words: str, tmp_path: Path
) -> None:
    with (tmp_path / "a.h5").open("wb") as file:
        file.truncate(10_000_000)
    source = LocalSource(tmp_path / "a.h5")
    check_table(GOOD, 10_000_000, "x")
    tracemalloc.start()
    with pytest.raises(CorruptGranuleError, match=f"a.h5: x.*{words}"):
        read_arrays(source, {"x": table})
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()
    source.close()
    # One that was kept so is not used.
    index = ChunkIndex(source.stamp, {"x": table})
    save_index(tmp_path / "kept", index)
    assert load_index(tmp_path / "kept", source.name) is None


def test_what_a_damaged_index_holds_is_not_used(tmp_path: Path) -> None:
    index = ChunkIndex(Stamp("x", "tag", size=10_000_000), {"x": GOOD})
    save_index(tmp_path, index)
    assert load_index(tmp_path, "x") is not None
    kept = next(tmp_path.iterdir())
    told = json.loads(kept.read_text())
    spoilt = [told | {"tables": []}, told | {"stamp": []}, told | {"attributes": [1]}]
    for change in ({"places": [[0], [2**70], [5], [0]]}, {"filters": ["szip"]}, {"fill": "zz"}):
        spoilt.append(told | {"tables": {"x": told["tables"]["x"] | change}})
    for content in spoilt:
        kept.write_text(json.dumps(content))
        assert load_index(tmp_path, "x") is None
    drop_index(tmp_path, "x")
    drop_index(tmp_path, "x")
    assert list(tmp_path.iterdir()) == []


def test_an_index_without_a_version_is_neither_kept_nor_used(tmp_path: Path) -> None:
    save_index(tmp_path, ChunkIndex(Stamp("x", size=5)))
    assert list(tmp_path.iterdir()) == []
    for stamp in (Stamp("x", "tag", size=5), Stamp("x", "", "yesterday", 5)):
        save_index(tmp_path, ChunkIndex(stamp))
        assert load_index(tmp_path, "x") is not None
    kept = next(tmp_path.iterdir())
    kept.write_text(kept.read_text().replace("yesterday", ""))
    assert load_index(tmp_path, "x") is None


def test_tables_that_cannot_be_are_refused() -> None:
    told = ChunkTable(np.dtype("<f4"), (4,), (4,), (), b"\0" * 4, np.zeros((0, 4), np.int64)).to_dict()
    for change in ({"dtype": "O"}, {"shape": [4, 4]}, {"places": [[-1], [0], [0], [0]]}, {"shape": [-4]}):
        with pytest.raises(ValueError, match="chunks"):
            ChunkTable.from_dict(told | change)
    with pytest.raises(ValueError, match="version"):
        ChunkIndex.from_json(ChunkIndex(Stamp("x")).to_json().replace('"version":1', '"version":9'))
