"""Catalogues collected from folders, lists, dumps and indexes hold what those list, and count what they leave out."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import shapely

from altiflow.errors import EmptyDataError, InputError, UnsupportedFormatError
from altiflow.readers import list_granules, make_season, search_pairs, write_catalogue, write_pairs
from altiflow.readers.catalogue import collect_catalogue

PAIR = "LC08_L1TP_009011_{}_20200913_02_T1_X_LC08_L1TP_009011_{}_20200905_02_T1_G0120V02_P078.nc"
NAMES = [PAIR.format("20191220", "20200105"), PAIR.format("20200703", "20200820")]
GRANULE = "ATL10-01_20220107195849_02531401_006_02.h5"


def item(name: str, number: int) -> dict[str, Any]:
    """Return a STAC item."""
    return {
        "type": "Feature",
        "id": name.rpartition(".")[0],
        "geometry": shapely.box(number, 70, number + 1, 71).__geo_interface__,
        "properties": {"start_datetime": "2020-01-01T10:00:00Z", "end_datetime": "2020-02-01T10:00:00Z"},
        "assets": {"data": {"href": f"https://host.org/{name}"}},
    }


def test_a_list_of_names_gives_their_rows_and_tells_the_names_that_mean_nothing(tmp_path: Path) -> None:
    source = tmp_path / "names.txt"
    source.write_text("\n".join([f"https://host.org/{NAMES[0]}", "", NAMES[1], "notes.txt", NAMES[1]]))
    found = collect_catalogue(source)
    assert found["separation_days"].tolist() == [16.0, 48.0]
    assert found["url"].tolist() == [f"https://host.org/{NAMES[0]}", NAMES[1]]
    facts = found.attrs["altiflow"]
    assert (facts["unknown_names"], facts["duplicates"]) == (["notes.txt"], 1)


def test_a_folder_is_read_by_the_names_in_it(tmp_path: Path) -> None:
    for name in (*NAMES, "sub/readme.md", "sub/other.nc"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = collect_catalogue(tmp_path)
    assert found["url"].tolist() == [str(tmp_path / name) for name in NAMES]
    assert found.attrs["altiflow"]["unknown_names"] == [str(tmp_path / "sub" / "other.nc")]


def test_a_folder_of_granules_is_as_list_granules_has_it(tmp_path: Path) -> None:
    season = make_season(tmp_path, granules=3)
    found = collect_catalogue(season.granules[0].parent, kind="granules", footprints="read")
    expected = list_granules(season.granules, footprints="read")
    # The season's ice motion lies beside it.
    assert found["product"].str.startswith("NSIDC-").sum() == 1
    found = found[found["product"].str.startswith("ATL")].reset_index(drop=True)
    assert found["granule"].tolist() == expected["granule"].tolist()
    assert found.geometry.geom_equals(expected.geometry).all()
    assert found["start"].tolist() == expected["start"].tolist()


def test_both_kinds_are_kept_apart(tmp_path: Path) -> None:
    source = tmp_path / "names.txt"
    source.write_text(f"{NAMES[0]}\ns3://bucket/{GRANULE}\n")
    with pytest.raises(InputError, match=r"1 pairs and 1 granules, .* pass kind='pairs'"):
        collect_catalogue(source)
    assert len(collect_catalogue(source, kind="pairs")) == 1
    assert collect_catalogue(source, kind="granules")["url_s3"].tolist() == [f"s3://bucket/{GRANULE}"]


@pytest.mark.parametrize("form", ["ndjson", "json"])
def test_dumps_of_stac_are_items_with_footprints(form: str, tmp_path: Path) -> None:
    items = [item(name, number) for number, name in enumerate([*NAMES, NAMES[0]])]
    source = tmp_path / f"dump.{form}"
    lines = "\n".join(map(json.dumps, items)) + "\n"
    source.write_text(lines if form == "ndjson" else json.dumps({"type": "FeatureCollection", "features": items}))
    found = collect_catalogue(source)
    assert found.attrs["altiflow"]["duplicates"] == 1
    assert found["start"].dt.hour.tolist() == [10, 10]
    by_name = dict(zip(found["granule"], found.geometry, strict=True))
    assert by_name[NAMES[1].removesuffix(".nc")].bounds == (1, 70, 2, 71)


def test_stac_items_of_granules_are_granules(tmp_path: Path) -> None:
    (tmp_path / "dump.jsonl").write_text(json.dumps(item(GRANULE, 5)))
    found = collect_catalogue(tmp_path / "dump.jsonl")
    assert found[["granule", "product", "url_https"]].values.tolist() == [
        [GRANULE.removesuffix(".h5"), "ATL10", f"https://host.org/{GRANULE}"]
    ]
    assert found.geometry[0].bounds == (5, 70, 6, 71)


def test_catalogues_that_were_written_come_back_and_join(tmp_path: Path) -> None:
    (tmp_path / "dump.ndjson").write_text("\n".join(json.dumps(item(name, 3)) for name in NAMES))
    pairs = collect_catalogue(tmp_path / "dump.ndjson")
    path = write_pairs(pairs, tmp_path / "index" / "a=1" / "pairs.parquet")
    for source in (path, tmp_path / "index", [path, path]):
        assert collect_catalogue(source).drop(columns="geometry").equals(pairs.drop(columns="geometry"))
    assert len(search_pairs((3, 70, 4, 71), source=path)) == 2
    (tmp_path / "names.txt").write_text(GRANULE)
    granules = collect_catalogue(tmp_path / "names.txt")
    kept = write_catalogue(granules, tmp_path / "granules.parquet")
    assert collect_catalogue(kept)["granule"].tolist() == granules["granule"].tolist()


def test_the_catalogue_of_cubes_is_a_catalogue_too(data: Callable[[str], Path]) -> None:
    found = collect_catalogue(data("itslive/catalog/stripped_catalog.json"))
    assert set(found["product"]) == {"ITS_LIVE cubes"}
    assert found["url_https"].str.startswith("https://its-live-data").all()
    assert len(found) > 1000
    assert found.geometry.notna().all()


@pytest.mark.parametrize(
    ("name", "content", "error", "told"),
    [
        ("none", None, InputError, "no such file or folder; give a folder"),
        ("a.doc", "x", InputError, "of no known form"),
        ("a.ndjson", "\n{", UnsupportedFormatError, "line 2, is no JSON"),
        ("a.ndjson", "[1]", UnsupportedFormatError, "which is no STAC item"),
        ("a.ndjson", '{"id": "ATL10-01_20220107195849_02531401_006_02"}', UnsupportedFormatError, "no STAC item"),
        ("a.json", '{"features": [1]}', UnsupportedFormatError, "no GeoJSON FeatureCollection"),
        ("a.json", "[]", UnsupportedFormatError, "no GeoJSON FeatureCollection"),
        ("a.parquet", "x", UnsupportedFormatError, "no Parquet file"),
        ("a.txt", "notes.md", EmptyDataError, "lists no granules; 1 names are of no known form"),
    ],
)
def test_what_is_no_source_is_refused(
    name: str, content: str | None, error: type[Exception], told: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(error, match=told):
        collect_catalogue(tmp_path / name)


def test_arguments_that_mean_nothing_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="sources is empty"):
        collect_catalogue([])
    with pytest.raises(InputError, match="kind='both' means nothing"):
        collect_catalogue(tmp_path, kind="both")  # type: ignore[arg-type]
    (tmp_path / "a.txt").write_bytes(b"\xff\xfe")
    with pytest.raises(UnsupportedFormatError, match="no text in UTF-8"):
        collect_catalogue(tmp_path / "a.txt")
