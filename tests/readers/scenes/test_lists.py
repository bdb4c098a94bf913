"""Lists of images: a path a line, STAC items, a search that was saved; what is no list is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pytest

import altiflow as af
from altiflow.errors import EmptyDataError, UnsupportedFormatError
from altiflow.readers import make_images

BOX = {"type": "Polygon", "coordinates": [[[-50, 69], [-49, 69], [-49, 70], [-50, 70], [-50, 69]]]}


def item(name: str, day: str | None, **assets: Any) -> dict[str, Any]:
    told = {"datetime": day, "proj:epsg": 32622, "gsd": 10.0, "proj:shape": [100, 200]}
    return {"type": "Feature", "id": name, "geometry": BOX, "properties": told, "assets": assets}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_images(tmp_path_factory.mktemp("images"), images=2).rock.parent


def test_a_list_of_paths_is_the_folder_it_lies_in(folder: Path, tmp_path: Path) -> None:
    whole = af.list_scenes(folder)
    assert (whole["problem"] == "").all()
    assert (whole["time_source"] != "list").all()
    listed = folder / "images.txt"
    listed.write_text("\n".join(["", *(Path(url).name for url in whole["url"]), "gone.tif"]), encoding="utf-8")
    found = af.list_scenes(listed)
    listed.unlink()
    assert found["scene"].tolist()[:2] == whole["scene"].tolist()
    assert found["geometry"][:2].geom_equals(whole["geometry"]).all()
    assert found["problem"].tolist()[2].endswith("gone.tif")


@pytest.mark.parametrize("form", ["one.json", "all.geojson", "all.ndjson"])
def test_items_are_believed(form: str, tmp_path: Path) -> None:
    whole = [
        item("late", "2020-02-03T10:00:00Z", nir={"href": "late.tif"}),
        item("early", "2020-01-03T10:00:00Z", nir={"href": "https://host/early.tif"}),
        item("empty", "2020-03-03T10:00:00Z"),
        item("undated", None, nir={"href": "x.tif"}),
    ]
    texts = {
        "one.json": json.dumps(whole[0]),
        "all.geojson": json.dumps({"type": "FeatureCollection", "features": whole}),
        "all.ndjson": "\n".join(json.dumps(one) for one in whole),
    }
    (tmp_path / form).write_text(texts[form], encoding="utf-8")
    found = af.list_scenes(tmp_path / form)
    if form == "one.json":
        assert found["url"].tolist() == [str(tmp_path / "late.tif")]
        return
    assert found["scene"].tolist() == ["early", "late", "empty", "undated"]
    assert found["url"].tolist() == ["https://host/early.tif", str(tmp_path / "late.tif"), "", str(tmp_path / "x.tif")]
    assert found["problem"].tolist() == ["", "", "it has no file to track in", "it tells no time"]
    assert found["rows"].tolist() == [100] * 4
    assert (found["pixel"] == 10.0).all()


def test_a_saved_search_comes_back(folder: Path, tmp_path: Path) -> None:
    whole = af.list_scenes(folder)
    whole.drop(columns=["problem", "map"]).to_parquet(tmp_path / "found.parquet")
    found = af.list_scenes(tmp_path / "found.parquet")
    assert found["url"].tolist() == whole["url"].tolist()
    assert found["problem"].tolist() == ["", ""]
    assert np.array_equal(found["pixel"], whole["pixel"])


@pytest.mark.parametrize(
    ("name", "content", "error", "message"),
    [
        ("a.json", b"{", UnsupportedFormatError, "holds no STAC items"),
        ("a.json", b"[1]", UnsupportedFormatError, "holds no STAC items"),
        ("a.ndjson", b"1", UnsupportedFormatError, "is no STAC item"),
        ("a.txt", b"\xff\xfe\x00", UnsupportedFormatError, "is no text in UTF-8"),
        ("a.txt", b"\n\n", EmptyDataError, "has no image"),
        ("a.parquet", b"PAR1", UnsupportedFormatError, "is no GeoParquet file"),
    ],
)
def test_damaged_lists_are_refused(
    name: str, content: bytes, error: type[Exception], message: str, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(error, match=message):
        af.list_scenes(tmp_path / name)


def test_a_table_without_addresses_is_no_search(tmp_path: Path) -> None:
    gpd.GeoDataFrame({"scene": ["a"]}, geometry=gpd.points_from_xy([0], [0]), crs=4326).to_parquet(
        tmp_path / "a.parquet"
    )
    with pytest.raises(UnsupportedFormatError, match="lacks the column start"):
        af.list_scenes(tmp_path / "a.parquet")
