"""Indexes of granules: made once, kept beside, trusted only for the very file they tell of."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from altiflow import Ledger, RemoteAccess, read_segments
from altiflow.errors import (
    CorruptGranuleError,
    InputError,
)
from altiflow.readers.remote.ranges import coalesce
from altiflow.readers.remote.retries import Retries

QUICK = {"retries": Retries(attempts=2, wait=0.0), "timeout": 5.0}


def read(place: Any, **options: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the table without its points, and the row of the ledger."""
    ledger = options.pop("ledger", None) or Ledger()
    options.setdefault("access", RemoteAccess(**QUICK))
    table = read_segments(place, ledger=ledger, **options)
    return pd.DataFrame(table.drop(columns="geometry")), ledger.rows[-1]


@pytest.mark.parametrize("paged", [False, True])
def test_with_an_index_requests_are_the_coalesced_extents_of_the_chunk_table(
    paged: bool, full: Callable[[bool], Path], serve: Callable[..., Any], tmp_path: Path
) -> None:
    path, server = full(paged), serve()
    server.files[path.name] = path.read_bytes()
    access = RemoteAccess(index=tmp_path / "index", **QUICK)
    place = f"{server.url}/{path.name}"
    local, _ = read(path, engine="h5py")
    first, cold = read(place, engine="indexed", access=access)
    second, warm = read(place, engine="indexed", access=access)
    pd.testing.assert_frame_equal(first, local, check_exact=True)
    pd.testing.assert_frame_equal(second, local, check_exact=True)

    from altiflow.readers.icesat2.products import ATL10

    starts, sizes = [], []
    with h5py.File(path) as file:
        layout = ATL10.layouts[0]
        for beam in ("gt1l", "gt2l", "gt3l"):
            for name in {*layout.paths.values(), *layout.sections.values()}:
                node = file.get(f"{beam}/{name}")
                if isinstance(node, h5py.Dataset) and node.nbytes > 128:
                    chunks = [node.id.get_chunk_info(k) for k in range(node.id.get_num_chunks())]
                    starts += [chunk.byte_offset for chunk in chunks]
                    sizes += [chunk.size for chunk in chunks]
    extents = coalesce(starts, sizes)
    assert warm["requests"] == len(extents)
    assert warm["bytes"] == sum(extent.size for extent in extents)
    assert sum(sizes) <= warm["bytes"] <= max(1.1 * sum(sizes), sum(sizes) + 2**18)
    assert cold["requests"] <= 11

    web_index = next((tmp_path / "index").iterdir()).read_text()
    assert "token" not in web_index
    _, other = read(place, engine="h5coro")
    assert other["requests"] <= 12


def test_a_first_read_spares_requests_or_bytes(full: Callable[[bool], Path], serve: Callable[..., Any]) -> None:
    path, server = full(False), serve()
    server.files[path.name] = path.read_bytes()
    local, _ = read(path)
    counts = {}
    for word in ("few_requests", "few_bytes"):
        access = RemoteAccess(first_read=word, **QUICK)
        table, row = read(f"{server.url}/{path.name}", engine="indexed", access=access)
        pd.testing.assert_frame_equal(table, local, check_exact=True)
        counts[word] = (row["requests"], row["bytes"])
    assert counts["few_requests"][0] < counts["few_bytes"][0]
    assert counts["few_bytes"][1] < counts["few_requests"][1]
    with pytest.raises(InputError, match="first_read='little'"):
        RemoteAccess(first_read="little")  # type: ignore[arg-type]


def test_an_index_of_another_version_is_made_anew(web: Any, simulated: Callable[..., Path], tmp_path: Path) -> None:
    access = RemoteAccess(index=tmp_path, **QUICK)
    before, _ = read(web.address, engine="indexed", access=access)
    web.files[web.name] = simulated("007", 1).read_bytes()
    after, _ = read(web.address, engine="indexed", access=access)
    expected, _ = read(simulated("007", 1))
    assert set(after["beam"]) == {"gt1r", "gt2r", "gt3r"} != set(before["beam"])
    np.testing.assert_array_equal(after["freeboard"], expected["freeboard"])
    _, again = read(web.address, engine="indexed", access=access)
    assert again["bytes"] < len(web.files[web.name])


def test_without_a_version_from_the_server_no_index_is_kept_or_trusted(
    web: Any, simulated: Callable[..., Path], tmp_path: Path
) -> None:
    web.tells_version, access = False, RemoteAccess(index=tmp_path, **QUICK)
    web.files[web.name] = bytes_turned(simulated(), 0)
    _, row = read(web.address, engine="indexed", access=access)
    assert row["sc_orient"] == 0
    assert list(tmp_path.iterdir()) == []
    # An index that was kept by another release of this package tells a size alone.
    web.tells_version = True
    read(web.address, engine="indexed", access=access)
    kept = next(tmp_path.iterdir())
    told = json.loads(kept.read_text())
    kept.write_text(json.dumps(told | {"stamp": told["stamp"] | {"etag": ""}}))
    web.tells_version = False
    web.files[web.name] = bytes_turned(simulated(), 1)
    assert len(web.files[web.name]) == told["stamp"]["size"]
    _, row = read(web.address, engine="indexed", access=access)
    assert row["sc_orient"] == 1


def bytes_turned(path: Path, orientation: int) -> bytes:
    """Return a granule with another ``sc_orient`` in as many bytes."""
    with h5py.File(path) as file:
        place = file["orbit_info/sc_orient"].id.get_offset()
        width = file["orbit_info/sc_orient"].dtype.itemsize
    content = path.read_bytes()
    return content[:place] + orientation.to_bytes(width, "little") + content[place + width :]


@pytest.mark.parametrize("kind", ["web", "bucket"])
def test_an_index_of_a_file_that_became_shorter_is_made_anew(
    kind: str, web: Any, full: Callable[[bool], Path], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    access, long, short = RemoteAccess(index=tmp_path, **QUICK), full(False).read_bytes(), web.files[web.name]

    def put(content: bytes) -> str:
        if kind == "bucket":
            return str(request.getfixturevalue("bucket_server")(f"some/{web.name}", content, True))
        web.files[web.name] = content
        return str(web.address)

    expected, _ = read(put(short))
    read(put(long), engine="indexed", access=access)
    told = json.loads(next(tmp_path.iterdir()).read_text())
    for table in told["tables"].values():
        if isinstance(table, dict) and table["places"][1]:
            size = told["stamp"]["size"]
            table["places"][1] = [size - stored for stored in table["places"][2]]
    # All chunks at the end: every range begins where the shorter file has no bytes.
    next(tmp_path.iterdir()).write_text(json.dumps(told))
    place = put(short)
    after, _ = read(place, engine="indexed", access=access)
    pd.testing.assert_frame_equal(after, expected, check_exact=True)
    again, row = read(place, engine="indexed", access=access)
    pd.testing.assert_frame_equal(again, expected, check_exact=True)
    assert row["bytes"] < len(short)


def test_an_index_that_does_not_fit_its_file_is_thrown_away_once(web: Any, tmp_path: Path) -> None:
    access = RemoteAccess(index=tmp_path, **QUICK)
    expected, _ = read(web.address, engine="indexed", access=access)
    kept = next(tmp_path.iterdir())
    good = kept.read_text()
    told = json.loads(good)
    for table in told["tables"].values():
        if isinstance(table, dict) and table["places"][1]:
            table["places"][1] = [place - 1 for place in table["places"][1]]
    kept.write_text(json.dumps(told))
    pd.testing.assert_frame_equal(read(web.address, engine="indexed", access=access)[0], expected, check_exact=True)
    assert kept.read_text() == good
    # What is missing in the old version alone is not said to be missing.
    told = json.loads(good)
    told["stamp"]["etag"] = "another"
    told["tables"] = {path: None for path in told["tables"]}
    kept.write_text(json.dumps(told))
    pd.testing.assert_frame_equal(read(web.address, engine="indexed", access=access)[0], expected, check_exact=True)
    web.files[web.name] = web.files[web.name][:-5000]
    with pytest.raises(CorruptGranuleError):
        read(web.address, engine="indexed", access=access)
    assert not kept.exists()


def test_an_index_serves_local_files_too_until_they_change(altered: Callable[..., Path], tmp_path: Path) -> None:
    path, access = altered(), RemoteAccess(index=tmp_path / "index")
    before, _ = read(path, engine="indexed", access=access)
    again, _ = read(path, engine="indexed", access=access)
    pd.testing.assert_frame_equal(again, before, check_exact=True)
    with h5py.File(path, "a") as file:
        file["gt1l/freeboard_segment/beam_fb_height"][:] = 0.125
    after, _ = read(path, engine="indexed", access=access)
    assert (after.loc[after["beam"] == "gt1l", "freeboard"] == 0.125).all()


def test_a_folder_for_indexes_is_looked_at_before_anything_is_read(web: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    access = RemoteAccess(index=tmp_path / "file" / "index", **QUICK)
    with pytest.raises(InputError, match=r"index=.*cannot be written: Not a directory; choose another folder"):
        read(web.address, engine="indexed", access=access)
    assert web.asked == []


def test_an_index_that_cannot_be_kept_later_is_a_warning(
    web: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> Any:
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr("altiflow.readers.hdf5.index.whole_file", full)
    with pytest.warns(UserWarning, match=r"keeps nothing more for the next run \(No space left on device\)"):
        table, row = read(web.address, engine="indexed", access=RemoteAccess(index=tmp_path / "index", **QUICK))
    assert row["status"] == "read"
    assert len(table) > 0
