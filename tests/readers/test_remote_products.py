"""ATL06, ATL07 and ATL11 at addresses give the tables of the local files, and every failure is typed."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from altiflow import Ledger, RemoteAccess, read_segments
from altiflow.errors import CorruptGranuleError, GranuleError, LoginError
from altiflow.readers.hdf5 import walk
from altiflow.readers.icesat2.products import ATL06, ATL07, ATL11
from altiflow.readers.remote.ranges import BlockCache, Grant, Grants
from altiflow.readers.remote.ranges.lanes import Lanes
from altiflow.readers.remote.retries import Retries

ENGINES = ["h5py", "h5coro", "indexed"]
QUICK = {"retries": Retries(attempts=2, wait=0.0), "timeout": 5.0}
NAMES = {
    "ATL06": "ATL06_20190420093051_03380303_006_01.h5",
    "ATL07": "ATL07-01_20190225115500_09020201_006_02.h5",
    "ATL11": "ATL11_000101_0305_006_01.h5",
}
PRODUCTS = {"ATL06": ATL06, "ATL07": ATL07, "ATL11": ATL11}
REAL = [
    "atl06/processed_ATL06_20211102121853_06271303_006_01.h5",
    "atl07/processed_ATL07-01_20190222003738_08490201_003_02.h5",
    "atl11/processed_ATL11_135803_0311_004_01.h5",
]
PAIRS = [("ATL06", "h5py"), ("ATL07", "h5coro"), ("ATL11", "indexed"), ("ATL06", "indexed")]
"""Products and engines for what does not depend on both."""
SLOW = (REAL[-1], "h5coro")
"""h5coro fills arrays of two dimensions number by number."""
POINTS, CYCLES = 900, 4
BY_CYCLE = {"delta_time", "height", "height_sigma", "quality", "height_sigma_common", "tide_ocean", "dac"}


def read(place: Any, **options: Any) -> tuple[pd.DataFrame, dict[str, Any]]:
    """Return the table without its points, and the row of the ledger."""
    ledger = Ledger()
    options.setdefault("access", RemoteAccess(**QUICK))
    table = read_segments(place, ledger=ledger, **options)
    return pd.DataFrame(table.drop(columns="geometry")), ledger.rows[-1]


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Return a maker of granules that hold all variables of a product in its newest layout, chunked and filtered."""
    there: dict[str, Path] = {}

    def make(name: str) -> Path:
        if name not in there:
            there[name] = write_granule(tmp_path_factory.mktemp(name) / NAMES[name], name)
        return there[name]

    return make


def write_granule(path: Path, name: str) -> Path:
    """Write a granule; a tenth of its heights is fill."""
    rng, tracks, layout = np.random.default_rng(11), PRODUCTS[name].tracks, PRODUCTS[name].layouts[-1]
    with h5py.File(path, "w", libver=("earliest", "v108")) as file:
        file.attrs["short_name"] = np.bytes_(name)
        file["orbit_info/sc_orient"] = np.zeros(1, "i1")
        for number, track in enumerate(tracks):
            if not layout.cycles:
                file.create_group(track).attrs["atlas_beam_type"] = np.bytes_(("strong", "weak")[number % 2])
            for column, where in layout.paths.items():
                values = column_values(rng, column, bool(layout.cycles))
                options = {"chunks": (min(len(values), 250), *values.shape[1:]), "compression": "gzip", "shuffle": True}
                file.create_dataset(f"{track}/{where}", data=values, **options)
    return path


def column_values(rng: np.random.Generator, column: str, cycles: bool) -> np.ndarray:
    """Return values (n,), or (n, cycles) where the product has them by cycle."""
    shape = (POINTS, CYCLES) if cycles and column in BY_CYCLE else (POINTS,)
    if column == "cycle":
        return np.arange(3, 3 + CYCLES, dtype="i1")
    if column in ("latitude", "longitude"):
        return np.linspace(*{"latitude": (70.0, 80.0), "longitude": (-40.0, -50.0)}[column], POINTS)
    if column == "delta_time":
        along = np.linspace(3e7, 3e7 + 300, POINTS)
        return along if len(shape) == 1 else along[:, None] + np.arange(CYCLES) * 7.86e6
    if column == "quality":
        return rng.integers(0, 2, shape).astype("i1")
    if column in ("segment_id", "ref_pt"):
        return np.arange(POINTS, dtype="i4")
    values = rng.gamma(2.0, 10.0, shape).astype("f8" if column == "x_atc" else "f4")
    if column == "height":
        values[rng.random(shape) < 0.1] = np.float32(3.4028235e38)
    return values


def same_everywhere(path: Path, places: list[str], access: RemoteAccess, engine: str) -> None:
    """Check table and account of each place against those of the local file by h5py."""
    local, row = read(path, engine="h5py", beams="all")
    assert len(local) > 0
    same = ["granule", "segments_found", "segments_kept", "beams_read", "release", "sc_orient", "status"]
    same += [name for name in row if name.startswith("dropped_")]
    for place in [path, *places]:
        table, told = read(place, engine=engine, access=access, beams="all")
        pd.testing.assert_frame_equal(table, local, check_exact=True)
        assert {name: told[name] for name in same} == {name: row[name] for name in same}
        assert (told["requests"] > 0) == (place is not path)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", list(NAMES))
def test_tables_at_https_and_s3_addresses_are_those_of_the_local_file(
    name: str,
    engine: str,
    made: Callable[[str], Path],
    serve: Callable[..., Any],
    certificate: tuple[ssl.SSLContext, Path],
    bucket_server: Callable[..., str],
) -> None:
    path, server = made(name), serve(certificate[0])
    server.files[path.name] = path.read_bytes()
    places = [f"{server.url}/{path.name}", bucket_server(f"some/{path.name}", path.read_bytes(), True)]
    same_everywhere(path, places, RemoteAccess(certificates=certificate[1], **QUICK), engine)


@pytest.mark.parametrize(("name", "engine"), [pair for pair in product(REAL, ENGINES) if pair != SLOW])
def test_tables_of_real_granules_are_those_of_the_local_files(
    name: str,
    engine: str,
    data: Callable[[str], Path],
    serve: Callable[..., Any],
    bucket_server: Callable[..., str],
    tmp_path: Path,
) -> None:
    path, server = data(name), serve()
    server.files[path.name] = path.read_bytes()
    place = f"{server.url}/{path.name}"
    access = RemoteAccess(index=tmp_path / "index", first_read="few_bytes", **QUICK)
    places = [place, bucket_server(path.name, path.read_bytes(), True)]
    # The second time, an index is there.
    same_everywhere(path, [*places, place] if engine == "indexed" else places, access, engine)


@pytest.mark.parametrize("name", list(NAMES))
def test_with_an_index_a_granule_takes_one_round_trip(
    name: str,
    made: Callable[[str], Path],
    serve: Callable[..., Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path, server = made(name), serve()
    server.files[path.name] = path.read_bytes()
    access = RemoteAccess(index=tmp_path / "index", **QUICK)
    place = f"{server.url}/{path.name}"
    read(place, engine="indexed", access=access)
    server.asked.clear()
    together: list[int] = []
    run = Lanes.run
    monkeypatch.setattr(Lanes, "run", lambda self, work, count: together.append(count) or run(self, work, count))
    _, row = read(place, engine="indexed", access=access)
    # All that is asked for is asked for at once.
    assert [count for count in together if count] == [row["requests"]] == [len(server.asked)]
    assert row["bytes"] < path.stat().st_size


@pytest.fixture
def in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have every engine ask for small pieces, so that files this small have a middle."""
    monkeypatch.setattr("altiflow.readers.icesat2.engines.opening.BlockCache", partial(BlockCache, block=2**13))
    steps = walk._Steps(head=2**13, block=2**13, waste=0.0, after=0.0, small=0)
    monkeypatch.setitem(walk._WAYS, "few_requests", steps)


@pytest.mark.parametrize(("name", "engine"), PAIRS)
@pytest.mark.parametrize(
    ("step", "kind", "words"),
    [
        (403, LoginError, "wants a login"),
        (404, GranuleError, "no such file"),
        (500, GranuleError, "HTTP 500"),
        ("cut", GranuleError, "broke off"),
        ("changed", GranuleError, "changed while it was read"),
    ],
)
def test_failures_in_the_middle_are_typed_and_counted(
    name: str,
    engine: str,
    step: Any,
    kind: type[Exception],
    words: str,
    made: Callable[[str], Path],
    serve: Callable[..., Any],
    in_pieces: None,
) -> None:
    path, server = made(name), serve()
    server.files[path.name] = path.read_bytes()
    server.plan[path.name] = ["", "", *[step] * 64]
    ledger = Ledger()
    with pytest.raises(kind, match=words):
        read_segments(f"{server.url}/{path.name}", engine=engine, ledger=ledger, access=RemoteAccess(**QUICK))
    row = ledger.rows[0]
    assert (row["status"], row["requests"]) == ("failed", len(server.asked))
    assert row["requests"] > 2


@pytest.mark.parametrize(("name", "engine"), PAIRS)
def test_a_slow_server_is_given_up(
    name: str, engine: str, made: Callable[[str], Path], serve: Callable[..., Any], in_pieces: None
) -> None:
    path, server = made(name), serve()
    server.files[path.name] = path.read_bytes()
    server.plan[path.name] = ["", "slow", "slow"]
    access = RemoteAccess(retries=Retries(attempts=1, wait=0.0), timeout=0.2)
    with pytest.raises(GranuleError, match=r"no answer within 0.2 s"):
        read(f"{server.url}/{path.name}", engine=engine, access=access)


@pytest.mark.parametrize("engine", ENGINES)
@pytest.mark.parametrize("name", list(NAMES))
def test_a_token_that_expires_in_the_middle_is_renewed(
    name: str, engine: str, made: Callable[[str], Path], serve: Callable[..., Any], in_pieces: None
) -> None:
    path, server = made(name), serve()
    server.files[path.name] = path.read_bytes()
    answer, tokens = server.answer, iter(["old", "new"])

    def expiring(target: str, headers: Any) -> Any:
        server.tokens[path.name] = {"old"} if len(server.asked) < 3 else {"new"}
        return answer(target, headers)

    server.answer = expiring
    access = RemoteAccess(tokens=Grants(lambda: Grant({"token": next(tokens)})), **QUICK)
    table, row = read(f"{server.url}/{path.name}", engine=engine, access=access)
    pd.testing.assert_frame_equal(table, read(path)[0], check_exact=True)
    assert row["retries"] >= 1
    assert {asked[2] for asked in server.asked} == {"Bearer old", "Bearer new"}


@pytest.mark.parametrize(("name", "engine"), PAIRS)
def test_redirects_are_followed_and_truncated_files_refused(
    name: str, engine: str, made: Callable[[str], Path], serve: Callable[..., Any]
) -> None:
    path, server, store = made(name), serve(), serve()
    whole = path.read_bytes()
    store.files[path.name] = whole
    server.elsewhere = store.url
    access = RemoteAccess(tokens=Grants(lambda: Grant({"token": "mine"})), **QUICK)
    table, row = read(f"{server.url}/moved/{path.name}", engine=engine, access=access)
    pd.testing.assert_frame_equal(table, read(path)[0], check_exact=True)
    assert {asked[2] for asked in server.asked} == {"Bearer mine"}
    assert {asked[2] for asked in store.asked} == {""}
    assert row["requests"] == len(server.asked) + len(store.asked)
    for part in (1, 5, 9):
        store.files[path.name] = whole[: len(whole) * part // 10]
        with pytest.raises(CorruptGranuleError, match="truncated"):
            read(f"{store.url}/{path.name}", engine=engine)
