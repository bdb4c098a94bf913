"""Search for images to track, by a real service on this machine, and the pairs that are made of them."""

from __future__ import annotations

from typing import Any

import pytest
import shapely
from shapely.geometry import mapping

from altiflow.errors import EmptyDataError, InputError
from altiflow.readers.catalogue.pairs import pair_scenes
from altiflow.readers.remote import Retries
from altiflow.readers.scenes import search_scenes

REGION = (-50, 69, -49, 70)


def image(name: str, time: str, *, cloud: float | None = 5.0, west: float = -51.0, **more: Any) -> dict[str, Any]:
    told = {"datetime": time, "start_datetime": time, "end_datetime": time, "proj:epsg": 32622, **more}
    assets = {"nir": {"href": f"https://host/{name}/B08.tif"}, "red": {"href": f"https://host/{name}/B04.tif"}}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "collection": "sentinel-2-l2a",
        "geometry": mapping(shapely.box(west, 68, west + 3, 71)),
        "bbox": [west, 68, west + 3, 71],
        "properties": told | ({} if cloud is None else {"eo:cloud_cover": cloud}),
        "links": [],
        "assets": assets,
    }


@pytest.fixture
def images(stac: Any) -> Any:
    days = (("04", 5.0), ("09", 80.0), ("14", None), ("19", 9.0), ("24", 1.0))
    for day, cloud in days:
        stac.items.append(image(f"S2A_22WEB_202007{day}_0_L2A", f"2020-07-{day}T15:08:{day}Z", cloud=cloud))
    stac.items.append(image("S2B_22WDB_20200705_0_L2A", "2020-07-05T15:00:00Z", west=-49.5))
    stac.items.append({**image("S2B_22WEB_20200706_0_L2A", "2020-07-06T15:00:00Z"), "assets": {}})
    return stac


def search(stac: Any, **options: Any) -> Any:
    return search_scenes(REGION, source=stac.url, retries=Retries(attempts=1), **{"start": "2020-07", **options})


def test_images_come_sorted_with_what_tracking_needs(images: Any) -> None:
    found = search(images)
    assert found["scene"].str[:19].tolist() == [
        "S2A_22WEB_20200704_", "S2B_22WDB_20200705_", "S2A_22WEB_20200709_", "S2A_22WEB_20200714_",
        "S2A_22WEB_20200719_", "S2A_22WEB_20200724_",
    ]  # fmt: skip
    first = found.iloc[0]
    assert first["url"] == "https://host/S2A_22WEB_20200704_0_L2A/B08.tif"
    assert str(first["start"]) == "2020-07-04 15:08:04"
    assert (first["mission"], first["satellite"], first["track"], first["epsg"]) == ("sentinel2", "S2A", "22WEB", 32622)
    assert found["coverage"].round(3).tolist() == [1.0, 0.5, 1.0, 1.0, 1.0, 1.0]
    assert found.attrs["altiflow"]["screens"] == {"no_asset": 1, "no_time": 0, "cloud": 0, "coverage": 0}
    assert images.questions[0]["datetime"] == "2020-07-01T00:00:00Z/.."


def test_cloud_coverage_and_band_are_chosen(images: Any) -> None:
    found = search(images, max_cloud=10, min_coverage=0.9, asset="red")
    assert found["scene"].str[10:18].tolist() == ["20200704", "20200714", "20200719", "20200724"]
    assert found["url"].str.endswith("B04.tif").all()
    assert found.attrs["altiflow"]["screens"] == {"no_asset": 1, "no_time": 0, "cloud": 1, "coverage": 1}


def test_images_found_make_pairs_with_their_addresses_and_times(images: Any) -> None:
    pairs = pair_scenes(search(images, max_cloud=10), min_separation=4, max_separation=12, min_overlap=0.9)
    assert pairs["separation_days"].round(3).tolist() == [10.0, 5.0, 10.0, 5.0]
    assert pairs["first_url"][0] == "https://host/S2A_22WEB_20200704_0_L2A/B08.tif"
    assert set(pairs["track"]) == {"22WEB"}
    # Times of the catalogue, not the midnights that the names tell.
    assert pairs["separation_days"][0] == pytest.approx(10 + 10 / 86_400, abs=1e-9)


def test_searches_that_mean_nothing_or_find_nothing(images: Any) -> None:
    for options, error, message in (
        ({"max_cloud": 101}, InputError, "max_cloud"),
        ({"min_coverage": 2}, InputError, "min_coverage"),
        ({"start": "2021", "end": "2020"}, InputError, "is after end"),
        ({"source": "here"}, InputError, "no address of a STAC service"),
        ({"asset": "swir"}, EmptyDataError, "left out: no_asset 7"),
        ({"start": "2031"}, EmptyDataError, "no image of sentinel-2-l2a"),
    ):
        with pytest.raises(error, match=message):
            search_scenes(REGION, **{"source": images.url, "start": "2020-07", **options})
