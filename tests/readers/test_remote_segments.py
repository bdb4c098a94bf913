"""Granules at addresses give the table of the local file, with requests counted, and every failure typed."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import pandas as pd
import pytest
from geopandas.testing import assert_geodataframe_equal

from altiflow import Ledger, RemoteAccess, read_leads, read_segments, read_to_dataset
from altiflow.errors import (
    AltiflowError,
    CorruptGranuleError,
    GranuleError,
    InputError,
    LoginError,
    UnsupportedFormatError,
)
from altiflow.readers.remote.ranges import BlockCache, Grant, Grants
from altiflow.readers.remote.retries import Retries

ENGINES = ["h5py", "h5coro", "indexed"]
QUICK = {"retries": Retries(attempts=2, wait=0.0), "timeout": 5.0}


def read(place: Any, **options: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the table without its points, and the row of the ledger."""
    ledger = options.pop("ledger", None) or Ledger()
    options.setdefault("access", RemoteAccess(**QUICK))
    table = read_segments(place, ledger=ledger, **options)
    return pd.DataFrame(table.drop(columns="geometry")), ledger.rows[-1]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("region", [None, (-180, 87.05, 180, 87.1)])
def test_every_engine_gives_the_table_of_the_local_file(
    engine: str, region: Any, web: Any, bucket_server: Callable[..., str], simulated: Callable[..., Path]
) -> None:
    local, row = read(simulated(), engine="h5py", region=region)
    assert (row["requests"], row["bytes"], row["retries"]) == (0, simulated().stat().st_size, 0)
    s3 = bucket_server(f"some/{web.name}", web.files[web.name], True)
    for place in (simulated(), web.address, s3):
        table, told = read(place, engine=engine, region=region)
        pd.testing.assert_frame_equal(table, local, check_exact=True)
        same = ["granule", "segments_found", "segments_kept", "beams_read", "release", "sc_orient", "status"]
        same += [name for name in row if name.startswith("dropped_")]
        assert {name: told[name] for name in same} == {name: row[name] for name in same}
        assert (told["requests"] > 0) == (place != simulated())
        assert told["bytes"] > 0
        assert told["seconds"] > 0
    assert row["segments_found"] == row["segments_kept"] + sum(row[n] for n in row if n.startswith("dropped_"))


@pytest.mark.parametrize("engine", ENGINES)
def test_leads_at_an_address_are_those_of_the_local_file(engine: Any, web: Any, simulated: Callable[..., Path]) -> None:
    ledger = Ledger()
    leads = read_leads(web.address, engine=engine, access=RemoteAccess(**QUICK), ledger=ledger)  # type: ignore[arg-type]
    assert_geodataframe_equal(leads, read_leads(simulated()))
    assert len(leads) > 0
    assert (ledger.rows[0]["requests"], ledger.rows[0]["path"]) == (len(web.asked), web.address)


def test_the_ledger_counts_what_the_server_counts(web: Any) -> None:
    for engine in ENGINES:
        web.asked.clear()
        web.sent = 0
        web.plan[web.name] = [503]
        _, row = read(web.address, engine=engine)
        assert (row["requests"], row["bytes"], row["retries"]) == (len(web.asked), web.sent, 1)


def test_a_region_brings_fewer_bytes(full: Callable[[bool], Path], serve: Callable[..., Any], tmp_path: Path) -> None:
    path, server = full(False), serve()
    server.files[path.name] = path.read_bytes()
    access = RemoteAccess(index=tmp_path, **QUICK)
    place = f"{server.url}/{path.name}"
    read(place, engine="indexed", access=access)
    _, whole = read(place, engine="indexed", access=access)
    region = (-180, -90, 180, -77.5)
    part, row = read(place, engine="indexed", access=access, region=region)
    pd.testing.assert_frame_equal(part, read(path, engine="h5py", region=region)[0], check_exact=True)
    assert 0 < len(part) < row["segments_found"] / 3
    assert row["segments_found"] == whole["segments_found"]
    assert row["bytes"] < whole["bytes"]


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize(
    ("steps", "kind", "words"),
    [
        ([403], LoginError, "wants a login"),
        ([404], GranuleError, "no such file"),
        ([500], GranuleError, "HTTP 500"),
        (["cut"], GranuleError, "broke off"),
        (["whole"], GranuleError, "ignores ranges"),
        (["page"], LoginError, "web page"),
        (["other"], GranuleError, "other bytes"),
    ],
)
def test_failures_at_the_start_and_in_the_middle_are_typed(
    engine: str,
    steps: list[Any],
    kind: type[Exception],
    words: str,
    full: Callable[[bool], Path],
    serve: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, server = full(False), serve()
    monkeypatch.setattr("altiflow.readers.icesat2.engines.opening.BlockCache", partial(BlockCache, block=2**20))
    server.files[path.name] = path.read_bytes()
    for before in ([], [""]):
        ledger = Ledger()
        server.plan[path.name] = before + steps * 12
        server.asked.clear()
        with pytest.raises(kind, match=words):
            read_segments(
                f"{server.url}/{path.name}",
                engine=engine,
                ledger=ledger,
                access=RemoteAccess(**QUICK),  # type: ignore[arg-type]
            )
        row = ledger.rows[0]
        assert (row["status"], row["requests"]) == ("failed", len(server.asked))


@pytest.mark.parametrize("engine", ENGINES)
def test_files_that_are_no_granules_are_typed_errors_and_skipped(engine: str, web: Any) -> None:
    whole = web.files[web.name]
    contents: dict[str, tuple[bytes, type[AltiflowError]]] = {
        "empty.h5": (b"", CorruptGranuleError),
        "page.h5": (b"<html>please log in</html>", UnsupportedFormatError),
        "head.h5": (whole[:20], CorruptGranuleError),
    }
    contents |= {f"cut{part}.h5": (whole[: len(whole) * part // 10], CorruptGranuleError) for part in range(1, 10)}
    web.files |= {name: content for name, (content, _) in contents.items()}
    ledger = Ledger()
    places = [f"{web.url}/{name}" for name in (web.name, *contents)]
    table = read_segments(
        places,
        engine=engine,
        on_error="skip",
        ledger=ledger,
        access=RemoteAccess(**QUICK),
        workers=3,  # type: ignore[arg-type]
    )
    assert len(table) > 1000
    rows = {Path(row["path"]).name: row for row in ledger.rows}
    assert rows[web.name]["status"] == "read"
    for name, (_, kind) in contents.items():
        assert rows[name]["reason"].startswith(kind.__name__), (name, rows[name]["reason"])


@pytest.mark.parametrize("engine", ENGINES)
def test_a_token_that_expires_within_a_granule_is_renewed(
    engine: str, web: Any, simulated: Any, tmp_path: Path
) -> None:
    names = iter(["old", "new"])
    grants = Grants(lambda: Grant({"token": next(names)}))
    web.tokens[web.name] = {"new"}
    table, row = read(web.address, engine=engine, access=RemoteAccess(tokens=grants, **QUICK))
    pd.testing.assert_frame_equal(table, read(simulated())[0], check_exact=True)
    assert row["retries"] == 1
    web.tokens[web.name] = {"newer"}
    with pytest.raises(LoginError) as caught:
        read(web.address, engine=engine, access=RemoteAccess(tokens=Grants(lambda: Grant({"token": "old"})), **QUICK))
    assert "Bearer" not in str(caught.value)


def test_addresses_come_from_a_catalogue_and_lose_their_secrets(web: Any) -> None:
    catalogue = pd.DataFrame({"url_https": [f"{web.address}?X-Amz-Signature=good"]})
    table, row = read(catalogue)
    assert len(table) == row["segments_kept"] > 0
    assert row["path"] == web.address
    assert row["granule"] == Path(web.name).stem


def test_threads_and_engines_do_not_change_the_order(web: Any, simulated: Callable[..., Path]) -> None:
    other = simulated("007", 1)
    web.files[other.name] = other.read_bytes()
    places = [f"{web.url}/{other.name}", web.address]
    local, _ = read([simulated(), other])
    for engine in ENGINES:
        table, _ = read(places, engine=engine, workers=2)
        pd.testing.assert_frame_equal(table, local, check_exact=True)


def test_a_flipped_byte_in_a_chunk_is_found_by_every_engine(altered: Callable[..., Path]) -> None:
    path = altered()
    with h5py.File(path) as file:
        chunk = file["gt2l/freeboard_segment/beam_fb_height"].id.get_chunk_info(0)
    spoilt = bytearray(path.read_bytes())
    spoilt[chunk.byte_offset + chunk.size // 2] ^= 0x08
    path.write_bytes(spoilt)
    for engine in ENGINES:
        with pytest.raises(CorruptGranuleError, match=path.stem):
            read(path, engine=engine)


@pytest.mark.skipif(sys.platform == "win32", reason="signals to threads are POSIX")
@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("engine", ENGINES)
def test_an_interrupt_ends_reading_and_is_not_taken_for_damage(engine: str, workers: int, web: Any) -> None:
    web.files = {f"{number}.h5": web.files[web.name] for number in range(8)}
    web.trickle = (4_000, 0.05)
    main = threading.main_thread().ident or 0

    def interrupt() -> None:
        while len(web.asked) < workers:
            time.sleep(0.01)
        time.sleep(0.1)
        signal.pthread_kill(main, signal.SIGINT)

    thread, ledger = threading.Thread(target=interrupt), Ledger()
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        read(
            [f"{web.url}/{name}" for name in web.files], engine=engine, workers=workers, on_error="skip", ledger=ledger
        )
    thread.join()
    assert len({path for path, _, _ in web.asked}) <= workers
    assert ledger.rows == []


def test_certificates_that_are_not_there_or_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no trusted certificates \(No such file or directory\)"):
        RemoteAccess(certificates=tmp_path / "none.pem")
    (tmp_path / "empty.pem").write_text("no certificate")
    with pytest.raises(InputError, match=r"no trusted certificates \(it holds none\)"):
        RemoteAccess(certificates=tmp_path / "empty.pem")


@pytest.mark.parametrize("workers", [0, -1])
def test_fewer_than_one_worker_is_refused(workers: int, web: Any, tmp_path: Path) -> None:
    for run in (read, partial(read_to_dataset, folder=tmp_path / "set")):
        with pytest.raises(InputError, match=f"workers={workers} means nothing"):
            run(web.address, workers=workers)
    assert list(tmp_path.iterdir()) == []
