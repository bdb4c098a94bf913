"""A region brings its rows and few others, wherever the track passes it, and never a row less."""

from __future__ import annotations

import runpy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from altiflow import Ledger, RemoteAccess, as_region, read_segments
from altiflow.readers.icesat2 import gather, stretches
from altiflow.readers.icesat2.engines import open_engine
from altiflow.readers.icesat2.products import ATL10

TOLD = runpy.run_path(str(Path(__file__).resolve().parents[3] / "benchmarks" / "full_granule.py"))
BEAMS = ("gt1l", "gt2l", "gt3l")
FLOATS = {"latitude": "f8", "longitude": "f8", "delta_time": "f8"}


def write_granule(path: Path, latitude: np.ndarray, longitude: np.ndarray, *, chunk: int) -> Path:
    """Write a granule of three strong beams along this track, with as many rows in a chunk."""
    rng, layout = np.random.default_rng(3), ATL10.layouts[0]
    known = {"latitude": latitude, "longitude": longitude, "delta_time": 3.1e7 + np.arange(latitude.size) / 700}
    with h5py.File(path, "w", libver=("earliest", "v108")) as file:
        TOLD["text"](
            file, short_name="ATL10", title="Simulated ATL10", identifier_product_doi="10.5067/ATLAS/ATL10.006"
        )
        TOLD["array"](file, "orbit_info/sc_orient", np.zeros(1, "i1"), 1)
        for beam in BEAMS:
            TOLD["text"](file.create_group(beam), atlas_beam_type="strong")
            for name, place in layout.paths.items():
                values = known.get(name, rng.random(latitude.size)).astype(FLOATS.get(name, "f4"))
                file.create_dataset(
                    f"{beam}/{place}",
                    data=values,
                    chunks=(chunk,),
                    compression="gzip",
                    compression_opts=1,
                    shuffle=True,
                )
    return path


def pass_over(rows: int, south: float, top: float, north: float) -> tuple[np.ndarray, np.ndarray]:
    """Return latitude and longitude of a pass from `south` over the turning point to `north`, through 180 degrees."""
    part = np.linspace(0, 1, rows)
    lat = np.where(part < 0.5, south + (top - south) * 2 * part, top - (top - north) * (2 * part - 1))
    return lat, (150 + 120 * part + 180) % 360 - 180


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a granule of 100,000 rows a beam in chunks of 1,000, which passes each latitude twice."""
    path = tmp_path_factory.mktemp("large") / TOLD["NAME"]
    return write_granule(path, *pass_over(100_000, 60, 88, 60), chunk=1_000)


def fetched(place: str, access: RemoteAccess, region: Any = None) -> tuple[pd.DataFrame, dict[str, Any]]:
    ledger = Ledger()
    table = read_segments(place, engine="indexed", access=access, region=region, screens="none", ledger=ledger)
    return pd.DataFrame(table.drop(columns="geometry")), ledger.rows[-1]


def test_a_hundredth_of_the_rows_in_chunks_of_a_hundredth_brings_a_fifth_of_the_bytes(
    large: Path, serve: Callable[..., Any], tmp_path: Path
) -> None:
    server = serve()
    server.files[large.name] = large.read_bytes()
    place, access = f"{server.url}/{large.name}", RemoteAccess(index=tmp_path)
    fetched(place, access, (0, -80, 1, -79))
    server.sent = 0
    table, row = fetched(place, access)
    whole = server.sent
    around_the_turn, twice, once = (-180, 87.72, 180, 90), (-180, 70, 180, 70.28), (150, 70, 180, 70.56)
    for box in (around_the_turn, twice, once):
        server.sent = 0
        part, told = fetched(place, access, box)
        inside = as_region(box).contains(table["longitude"], table["latitude"])
        pd.testing.assert_frame_equal(part, table[inside].reset_index(drop=True), check_exact=True)
        assert 0.0099 < len(part) / len(table) < 0.0101
        assert 5 * server.sent <= whole
        assert told["bytes"] == server.sent
        assert told["segments_found"] == row["segments_found"] == 300_000
        assert told["dropped_outside_region"] == 300_000 - len(part)


@pytest.mark.parametrize("rows", [2_000, 8_000, 20_000])
@pytest.mark.parametrize("box", [(-180, -90, 180, -60), (-180, 60, 180, 90), (-180, 61, 180, 87), (150, 60, 160, 90)])
def test_no_region_brings_more_bytes_than_the_whole(
    rows: int, box: Any, serve: Callable[..., Any], tmp_path: Path
) -> None:
    path, server = write_granule(tmp_path / TOLD["NAME"], *pass_over(rows, 60, 88, 60), chunk=2_000), serve()
    server.files[path.name] = path.read_bytes()
    place, access = f"{server.url}/{path.name}", RemoteAccess(index=tmp_path / "index")
    _, first = fetched(place, access)
    _, whole = fetched(place, access)
    with h5py.File(path) as file:
        node = file["gt1l"][ATL10.layouts[0].paths["latitude"]]
        chunk = max(node.id.get_chunk_info(number).size for number in range(node.id.get_num_chunks()))
    _, part = fetched(place, access, box)
    assert part["bytes"] <= whole["bytes"] + chunk
    # Without a kept index, too.
    _, cold = fetched(place, RemoteAccess(), box)
    assert cold["bytes"] <= first["bytes"] + chunk


@pytest.fixture(scope="module", params=["ordered", "scrambled", "filled"])
def small(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a granule of 1,500 rows a beam in chunks of 50: as tracks are, out of order, or with fill in it."""
    lat, lon = pass_over(1_500, -50, -88, -70)
    if request.param == "scrambled":
        order = np.random.default_rng(8).permutation(lat.size)
        lat, lon = lat[order], lon[order]
    if request.param == "filled":
        lat[100:300], lon[::7], lat[-1] = 1.7976931348623157e308, np.nan, np.nan
    return write_granule(tmp_path_factory.mktemp(request.param) / TOLD["NAME"], lat, lon, chunk=50)


@pytest.fixture(scope="module", autouse=True)
def nothing_is_too_little() -> Iterator[None]:
    """Steps are taken in small files, too, and stretches are told apart by few rows."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stretches, "_GAP", 20)
        yield


@settings(max_examples=8, deadline=None)
@given(west=st.integers(-180, 179), width=st.integers(1, 359), south=st.floats(-90, -46), height=st.floats(0.01, 44))
@pytest.mark.parametrize("engine", ["indexed", "h5py", "h5coro"])
def test_never_a_row_less_than_the_exact_test_on_all_rows(
    engine: Any, small: Path, west: int, width: int, south: float, height: float
) -> None:
    east = (west + width + 180) % 360 - 180
    region = as_region((west, south, east, min(south + height, 90.0)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(gather, "_SPARED", -(2**60))
        patch.setattr(stretches, "_STEP", -(2**60))
        ledger = Ledger()
        found = read_segments(small, engine=engine, region=region, screens="none", ledger=ledger)
    whole = _whole(small)
    expected = whole[region.contains(whole["longitude"], whole["latitude"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(pd.DataFrame(found.drop(columns="geometry")), expected, check_exact=True)
    row = ledger.rows[0]
    assert row["segments_found"] == len(whole) == row["dropped_outside_region"] + len(expected)


KEPT: dict[Path, pd.DataFrame] = {}


def _whole(path: Path) -> pd.DataFrame:
    if path not in KEPT:
        KEPT[path] = pd.DataFrame(read_segments(path, engine="h5py", screens="none").drop(columns="geometry"))
    return KEPT[path]


@pytest.mark.parametrize("engine", ["indexed", "h5py", "h5coro"])
def test_every_engine_gives_the_rows_of_several_spans(engine: Any, small: Path) -> None:
    path = f"gt2l/{ATL10.layouts[0].paths['delta_time']}"
    spans = {path: [(5, 90), (100, 100), (250, 1_301), (1_499, 1_500)]}
    with open_engine(small, "h5py") as reference, open_engine(small, engine) as opened:
        whole = reference.read([path])[path]
        found = opened.read([path], spans)[path]
        none = opened.read([path], {path: []})[path]
    assert whole is not None
    assert found is not None
    np.testing.assert_array_equal(found, np.concatenate([whole[first:last] for first, last in spans[path]]))
    assert none is not None
    assert none.shape == (0,)


def test_a_granule_outside_the_region_is_said_to_be_so(small: Path) -> None:
    ledger = Ledger()
    read_segments(small, region=(0, 10, 1, 11), screens="none", ledger=ledger)
    assert (ledger.rows[0]["status"], ledger.rows[0]["reason"]) == ("empty", "no segment lies in the region")
