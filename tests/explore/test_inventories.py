"""What `altiflow info` says of catalogues, ledgers, data sets and folders; figures are those of what they hold."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import shapely

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.explore import describe_file
from altiflow.explore.inventories import catalogue_lines
from altiflow.readers import (
    Ledger,
    filter_catalogue,
    find_coincident,
    find_motion,
    list_granules,
    make_sample,
    read_segments,
    read_to_dataset,
    write_catalogue,
    write_pairs,
)
from altiflow.readers.catalogue import build_catalogue, write_coincident
from altiflow.readers.catalogue.pairs import pairs_from_names
from altiflow.readers.sample import Sample

PAIR = "LC08_L1TP_001013_20190301_20190901_02_T1_X_LC08_L1TP_001013_20190317_20190901_02_T1_G0120V02_P050.nc"


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return make_sample(tmp_path_factory.mktemp("sample"), granules=4)


def told(path: Path) -> dict[str, str]:
    """Return the lines of a description by their first word."""
    lines = describe_file(path).splitlines()
    assert lines[0] == path.name
    return {line[2:15].strip(): line[15:] for line in lines[1:]}


@pytest.mark.parametrize("name", ["c.parquet", "c.geojson"])
def test_a_catalogue_tells_products_period_place_and_files(sample: Sample, name: str, tmp_path: Path) -> None:
    table = list_granules(sample.granules, footprints="read")
    late = filter_catalogue(table, start="2019-01-10")
    found = told(write_catalogue(late, tmp_path / name))
    assert found["catalogue"] == f"{len(late)} rows"
    assert found["product"] == f"ATL10 version 006: {len(late)}"
    assert found["time"] == f"{late['start'].min():%Y-%m-%d %H:%M} to {late['end'].max():%Y-%m-%d %H:%M} UTC"
    assert found["size"] == f"{late['size_mb'].sum():.1f} MB"
    assert found["files"] == f"{len(late)} on this machine"
    assert found["hemispheres"] == f"north {len(late)}"
    assert found["left out"] == "1 by period"
    west, south, east, north = late.total_bounds
    assert found["extent"] == f"{west:.3f} to {east:.3f} E, {south:.3f} to {north:.3f} N"


def test_what_a_catalogue_does_not_tell_is_said(tmp_path: Path) -> None:
    rows = [
        {"granule": "a", "product": "x", "url_https": "https://h/a", "geometry": shapely.box(0, 0, 1, 1)},
        {"granule": "b", "product": "y", "version": "1", "start": "2020-01-01T00:00:00", "size_mb": 2.0},
    ]
    found = told(write_catalogue(build_catalogue(rows), tmp_path / "c.parquet"))
    assert (found["undated"], found["size"]) == ("1", "2.0 MB, told of 1")
    assert found["extent"].endswith(", told of 1")
    assert (found["files"], found["product"]) == ("1 by https", "y version 1: 1")
    assert catalogue_lines(build_catalogue([])) == ["catalogue    no row"]


def test_pairs_motion_and_coincident_rows_are_told(sample: Sample, tmp_path: Path) -> None:
    pairs = told(write_pairs(pairs_from_names([f"https://h/{PAIR}"]), tmp_path / "p.parquet"))
    assert pairs["product"] == "ITS_LIVE pairs version v02: 1"
    assert pairs["time"] == "2019-03-01 00:00 to 2019-03-17 00:00 UTC"
    motion = find_motion("2019", "2020", hemisphere="north")
    assert told(write_catalogue(motion, tmp_path / "m.geojson"))["files"] == "2 by https"
    both = find_coincident(list_granules(sample.granules, footprints="read"), motion, max_dt=400)
    found = told(write_coincident(both, tmp_path / "b.parquet"))
    assert found["coincident"] == "8 pairs of 4 granules and 2 velocity files"
    assert found["apart"] == f"0 to {both['dt_days'].max():g} days, 4 overlap in time"


def test_a_folder_of_granules_tells_them_by_their_names(sample: Sample, tmp_path: Path) -> None:
    found = told(sample.granules[0].parent)
    assert (found["catalogue"], found["files"]) == ("4 rows", "4 on this machine")
    assert found["extent"] == "not told: no row has a footprint"
    for path in sample.granules[:2]:
        (tmp_path / path.name).touch()
    (tmp_path / "mine.h5").touch()
    assert told(tmp_path)["besides"] == "1 HDF5 files whose names are no granule's"


def test_a_ledger_adds_up_and_names_what_failed(sample: Sample, tmp_path: Path) -> None:
    bad = tmp_path / sample.granules[0].name.replace("_00010201_", "_09990201_")
    bad.write_bytes(sample.granules[0].read_bytes()[:5000])
    ledger = Ledger()
    table = read_segments([*sample.granules, bad], on_error="skip", ledger=ledger)
    found = told(ledger.write(tmp_path / "ledger.parquet"))
    assert found["ledger"].startswith(f"5 granules: 4 read, 1 failed; {len(table)} of ")
    drops = ledger.table["dropped_fill_value"].sum()
    assert found["dropped"] == f"fill_value {drops}"
    assert found["releases"] == "006 4"
    assert found["failed"].startswith(f"{bad.stem}: CorruptGranuleError")
    assert found["read"].startswith(f"{ledger.table['bytes'].sum() / 1e6:.1f} MB in ")
    assert found["time"].startswith(f"{table['time'].min():%Y-%m-%d %H:%M} to ")
    assert "0 granules" in describe_file(Ledger().write(tmp_path / "none.parquet"))


def test_a_data_set_tells_settings_files_and_account(sample: Sample, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    ledger = read_to_dataset(sample.granules, folder, region=(-180, 75, 180, 90), beams=["gt1l", "gt1r"])
    found = told(folder)
    assert found["data set"] == "ATL10, beams gt1l,gt1r, in folders of product, hemisphere, month"
    assert found["granules"] == ledger.summary()
    parts = list(folder.glob("product=*/**/*.parquet"))
    size = sum(part.stat().st_size for part in parts)
    assert found["files"] == f"4 in 2 folders, {size / 1e6:.1f} MB"
    assert found["region"].startswith("POLYGON")
    assert f"outside_region {ledger.table['dropped_outside_region'].sum()}" in found["dropped"]
    parts[0].unlink()
    assert told(folder)["files"].endswith("; 1 are gone or damaged: read the granules again")


def test_long_accounts_are_cut(sample: Sample, tmp_path: Path) -> None:
    ledger = Ledger()
    for number in range(30):
        ledger.add_failure(tmp_path / f"{number}.h5", UnsupportedFormatError("no"))
    lines = describe_file(ledger.write(tmp_path / "l.parquet")).splitlines()
    assert lines[-1] == "  ... and 10 more"
    assert sum(line.startswith("  failed") for line in lines) == 20


@pytest.mark.parametrize("name", ["a.parquet", "a.geojson", "a.json", "_ledger.parquet"])
@pytest.mark.parametrize("content", [b"", b"<html>log in</html>", b"PAR1 nothing PAR1", b"{}", b"[1]"])
def test_what_is_none_of_these_is_refused(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises((UnsupportedFormatError, InputError), match=name):
        describe_file(tmp_path / name)


def test_damaged_data_sets_are_refused(sample: Sample, tmp_path: Path) -> None:
    read_to_dataset(sample.granules[:1], tmp_path / "set")
    whole = (tmp_path / "set" / "_ledger.parquet").read_bytes()
    for content in (b"", whole[: len(whole) // 2]):
        (tmp_path / "set" / "_ledger.parquet").write_bytes(content)
        with pytest.raises(UnsupportedFormatError, match="_ledger"):
            describe_file(tmp_path / "set")
    (tmp_path / "set" / "_dataset.json").write_text(json.dumps({"format": 9}))
    with pytest.raises(UnsupportedFormatError, match="form that is not known"):
        describe_file(tmp_path / "set")
