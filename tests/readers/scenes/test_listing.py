"""Lists of images tell what each says of itself, and why two of them cannot be tracked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
from affine import Affine

import altiflow as af
from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.scenes import tell_unpaired

TRANSFORM = Affine(15, 0, 465_000, 0, -15, 6_681_000)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def written(name: str, size: tuple[int, int] = (40, 50), crs: str | None = "EPSG:32607", **more: Any) -> Path:
        profile = {"driver": "GTiff", "height": size[0], "width": size[1], "count": 1, "dtype": "uint16"}
        profile |= {"transform": TRANSFORM, **more} | ({} if crs is None else {"crs": crs})
        with rasterio.open(tmp_path / name, "w", **profile) as out:
            out.write(np.ones(size, np.uint16), 1)
        return tmp_path / name

    return written


FIRST, SECOND = "LC80630182016200LGN00_B8.TIF", "LC80630182016216LGN00_B8.TIF"


def test_a_folder_is_listed_in_order_of_time_with_cloud_of_the_metadata_file(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    write(SECOND)
    write(FIRST)
    write("dem.tif", transform=Affine(30, 0, 465_000, 0, -30, 6_681_000))
    (tmp_path / "LC80630182016200LGN00_MTL.txt").write_text(
        'DATE_ACQUIRED = 2016-07-18\nSCENE_CENTER_TIME = "20:37:06Z"\nCLOUD_COVER = 44.14\n', encoding="utf-8"
    )
    (tmp_path / "notes.txt").write_text("no image", encoding="utf-8")
    table = af.list_scenes(tmp_path)
    assert table["scene"].tolist() == [FIRST[:-4], SECOND[:-4], "dem"]
    assert table["start"][:2].astype(str).tolist() == ["2016-07-18 20:37:06", "2016-08-03 00:00:00"]
    assert table["start"].isna().tolist() == [False, False, True]
    assert table["cloud_percent"].fillna(-1).tolist() == [44.14, -1, -1]
    assert table["track"].tolist() == ["063018", "063018", ""]
    assert table["pixel"].tolist() == [15, 15, 30]
    assert table["epsg"].tolist() == [32607] * 3
    assert table["problem"].tolist()[:2] == ["", ""]
    assert "does not tell when it was taken" in table["problem"][2]
    west, south, east, north = table.to_crs(32607).total_bounds
    assert (west, north) == pytest.approx((465_000, 6_681_000), abs=0.01)
    assert (east, south) == pytest.approx((465_000 + 30 * 50, 6_681_000 - 30 * 40), abs=0.01)


def test_the_list_makes_pairs(write: Callable[..., Path], tmp_path: Path) -> None:
    paths = [write(FIRST), write(SECOND)]
    pairs = af.pair_scenes(af.list_scenes(paths))
    assert pairs[["first_url", "second_url"]].values.tolist() == [[str(path) for path in paths]]
    assert pairs["separation_days"].tolist() == [16.0]
    assert pairs["overlap"].tolist() == pytest.approx([1.0])


def test_files_that_are_no_images_stay_in_the_list_with_their_problem(
    write: Callable[..., Path], tmp_path: Path
) -> None:
    (tmp_path / "bad.tif").write_bytes(b"nothing")
    table = af.list_scenes([tmp_path / "bad.tif", tmp_path / "none.tif", write("nocrs.tif", crs=None)])
    told = dict(zip(table["scene"], table["problem"], strict=True))
    assert "no raster" in told["bad"]
    assert "no image" in told["none"]
    assert "no CRS" in told["nocrs"]
    assert table.geometry.isna().all()


def test_nothing_to_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EmptyDataError, match="has no image"):
        af.list_scenes(tmp_path)
    with pytest.raises(EmptyDataError, match="no image is named"):
        af.list_scenes([])
    with pytest.raises(InputError, match="no image, no folder and no list"):
        af.list_scenes(tmp_path / "nowhere")


ROW = {"start": "2016-07-18", "epsg": 32607, "map": "UTM 7N", "pixel": 15.0, "rows": 1000, "columns": 1000}
HERE, THERE = shapely.box(0, 0, 1, 1), shapely.box(5, 5, 6, 6)


@pytest.mark.parametrize(
    ("second", "told"),
    [
        ({}, ""),
        ({"start": "2016-07-01"}, "not taken after"),
        ({"start": "2016-07-18"}, "not taken after"),
        ({"start": pd.NaT}, "not taken after"),
        ({"epsg": 32608}, r"another map \(EPSG:32608, not EPSG:32607\)"),
        ({"epsg": pd.NA, "map": "own"}, r"another map \(own, not UTM 7N\)"),
        ({"pixel": 10.0}, r"another size \(10 m, not 15 m\)"),
        ({"pixel": 15.00001}, ""),
        ({"pixel": 15.001}, "another size"),
        ({"geometry": THERE}, "different ground"),
        ({"problem": "x states no CRS"}, "x states no CRS"),
    ],
)
def test_why_two_cannot_be_tracked(second: dict[str, Any], told: str) -> None:
    import re

    first = {**ROW, "geometry": HERE}
    found = tell_unpaired(first, {**first, "start": "2016-08-03", **second})
    assert re.search(told, found) if told else found == ""
