"""Whatever is wrong with a file, it ends as one of the package's own errors: no crash, no hang, no wrong rows."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altiflow.errors import AltiflowError, CorruptGranuleError, GranuleError, UnsupportedFormatError
from altiflow.readers import Ledger, read_leads, read_segments
from altiflow.readers.icesat2.engines import EngineName

ENGINES: tuple[EngineName, ...] = ("h5coro", "h5py", "indexed")
COLUMNS = ("latitude", "longitude", "delta_time", "seg_dist_x", "beam_fb_height", "beam_fb_quality_flag")


@pytest.fixture(scope="module")
def small(simulated: Callable[..., Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a granule of two beams of few segments, so that most of its bytes mean something."""
    path = tmp_path_factory.mktemp("small") / simulated().name
    with h5py.File(simulated()) as old, h5py.File(path, "w", libver=("earliest", "v108")) as new:
        for name, value in old.attrs.items():
            new.attrs[name] = value
        old.copy("orbit_info", new)
        for beam in ("gt1l", "gt1r"):
            group = new.create_group(beam)
            group.attrs["atlas_beam_type"] = old[beam].attrs["atlas_beam_type"]

            def copy(key: str, node: h5py.Group | h5py.Dataset, group: h5py.Group = group) -> None:
                if isinstance(node, h5py.Dataset):
                    group.create_dataset(
                        key, data=node[:40], chunks=(20,), compression="gzip", fillvalue=node.fillvalue
                    )

            old[f"{beam}/freeboard_segment"].visititems(lambda key, node: copy(f"freeboard_segment/{key}", node))
    return path


@pytest.mark.parametrize("engine", ENGINES)
def test_a_file_cut_at_any_tenth_is_told_to_be_truncated(
    engine: EngineName, simulated: Callable[..., Path], tmp_path: Path
) -> None:
    whole = simulated().read_bytes()
    for tenth in range(10):
        path = tmp_path / simulated().name
        path.write_bytes(whole[: len(whole) * tenth // 10])
        kind = CorruptGranuleError if tenth else UnsupportedFormatError
        with pytest.raises(kind, match="truncated" if tenth else "not an HDF5 file"):
            read_segments(path, engine=engine)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_flipped_byte_in_a_chunk_is_an_error_and_never_other_rows(
    engine: EngineName, small: Path, tmp_path: Path
) -> None:
    good = read_segments(small, beams="all", screens="none", engine=engine)
    with h5py.File(small) as file:
        places = []
        for name in ("latitude", "beam_fb_height"):
            node = file[f"gt1r/freeboard_segment/{name}"]
            info = node.id.get_chunk_info(0)
            places += [info.byte_offset + info.size // 2, info.byte_offset + info.size - 2]
    for place in places:
        path = tmp_path / small.name
        spoilt = bytearray(small.read_bytes())
        spoilt[place] ^= 0xFF
        path.write_bytes(spoilt)
        with pytest.raises(CorruptGranuleError, match=small.stem):
            read_segments(path, beams="all", screens="none", engine=engine)
    assert len(good) == 80


@pytest.mark.parametrize("content", [b"", b"<!DOCTYPE html><title>Earthdata Login</title>" * 40, bytes(5000)])
def test_what_is_no_granule_is_a_row_of_the_ledger(content: bytes, small: Path, tmp_path: Path) -> None:
    bad = tmp_path / small.name.replace("_0005", "_0999")
    bad.write_bytes(content)
    ledger = Ledger()
    table = read_segments([small, bad], beams="all", on_error="skip", ledger=ledger)
    assert len(table)
    assert [row["status"] for row in ledger.rows] == ["read", "failed"]
    assert "not an HDF5 file" in ledger.failures[0]["reason"]


def test_a_file_that_may_not_be_read_is_an_error_of_the_package(small: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("altiflow.readers.icesat2.granule.open_engine", refused)
    with pytest.raises(GranuleError, match="Permission denied"):
        read_segments(small)


TRACKS = {
    "ATL06_20190101000000_00010203_006_01.h5": {
        "gt1l/land_ice_segments/latitude": 70.0,
        "gt1l/land_ice_segments/longitude": -40.0,
        "gt1l/land_ice_segments/delta_time": 3e7,
        "gt1l/land_ice_segments/ground_track/x_atc": 7e6,
        "gt1l/land_ice_segments/h_li": np.float32(100),
        "gt1l/land_ice_segments/atl06_quality_summary": np.int8(0),
    },
    "ATL07-01_20190101000000_00010201_006_01.h5": {
        "gt1l/sea_ice_segments/latitude": 80.0,
        "gt1l/sea_ice_segments/longitude": 179.0,
        "gt1l/sea_ice_segments/delta_time": 3e7,
        "gt1l/sea_ice_segments/seg_dist_x": 9e6,
        "gt1l/sea_ice_segments/heights/height_segment_height": np.float32(0.3),
        "gt1l/sea_ice_segments/heights/height_segment_length_seg": np.float32(20),
        "gt1l/sea_ice_segments/heights/height_segment_fit_quality_flag": np.int8(1),
    },
    "ATL11_000103_0305_006_01.h5": {
        "pt1/latitude": 70.0,
        "pt1/longitude": -40.0,
        "pt1/ref_pt": np.int32(7),
        "pt1/ref_surf/x_atc": 7e6,
    },
}
"""Variables of other products, and the value of all their segments."""


@pytest.fixture(params=TRACKS)
def other(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a small granule of another product."""
    path = tmp_path_factory.mktemp("other") / request.param
    with h5py.File(path, "w", libver=("earliest", "v108")) as file:
        file.attrs["short_name"] = np.bytes_(request.param[:5])
        file["orbit_info/sc_orient"] = np.zeros(1, "i1")
        for name, value in TRACKS[request.param].items():
            file.create_dataset(name, data=np.full(40, value), chunks=(20,), compression="gzip")
        if request.param.startswith("ATL11"):
            file["pt1/cycle_number"] = np.array([3, 4], "i1")
            for name, dtype in (("delta_time", "f8"), ("h_corr", "f4"), ("quality_summary", "i1")):
                file.create_dataset(f"pt1/{name}", data=np.ones((40, 2), dtype), chunks=(20, 2), compression="gzip")
    return path


@pytest.mark.parametrize("engine", ENGINES)
def test_other_products_cut_or_with_flipped_bytes_are_told_too(engine: EngineName, other: Path) -> None:
    whole = other.read_bytes()
    rows = len(read_segments(other, engine=engine))
    assert rows == (80 if "ATL11" in other.name else 40)
    name = (
        "pt1/h_corr" if "ATL11" in other.name else next(key for key in TRACKS[other.name] if key.endswith("latitude"))
    )
    with h5py.File(other) as file:
        chunk = file[name].id.get_chunk_info(1)
    for tenth in range(10):
        other.write_bytes(whole[: len(whole) * tenth // 10])
        with pytest.raises(CorruptGranuleError if tenth else UnsupportedFormatError):
            read_segments(other, engine=engine)
    spoilt = bytearray(whole)
    spoilt[chunk.byte_offset + chunk.size - 2] ^= 0xFF
    other.write_bytes(spoilt)
    with pytest.raises(CorruptGranuleError, match=other.stem):
        read_segments(other, engine=engine)
    for seed in range(40):
        random = np.random.default_rng(seed)
        spoilt = bytearray(whole)
        for place in random.integers(0, len(whole), random.integers(1, 9)):
            spoilt[place] ^= int(random.integers(1, 256))
        other.write_bytes(spoilt)
        with contextlib.suppress(AltiflowError):
            assert np.isfinite(read_segments(other, beams="all", transition="keep", engine=engine)["latitude"]).all()


flips = st.lists(st.tuples(st.integers(0, 2**31), st.integers(1, 255)), min_size=1, max_size=8)


@pytest.mark.parametrize("engine", ENGINES)
@given(flips=flips, cut=st.one_of(st.none(), st.floats(0, 1)))
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck), derandomize=True)
def test_any_damage_is_an_error_of_the_package_or_none(
    engine: EngineName,
    flips: list[tuple[int, int]],
    cut: float | None,
    small: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    spoilt = bytearray(small.read_bytes())
    for place, mask in flips:
        spoilt[place % len(spoilt)] ^= mask
    if cut is not None:
        spoilt = spoilt[: int(len(spoilt) * cut)]
    path = tmp_path_factory.mktemp("fuzz") / small.name
    path.write_bytes(spoilt)
    for read in (read_segments, read_leads):
        with contextlib.suppress(AltiflowError):
            table = read(path, beams="all", transition="keep", engine=engine)
            assert np.isfinite(table["latitude"]).all()
