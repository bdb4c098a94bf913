"""Stores answer as brute force over the table does."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.explore.service import EmbeddedStore, Query, granule_query, pair_query
from altiflow.explore.service.stores.store import NO_YEAR
from altiflow.readers.catalogue import filter_catalogue, filter_pairs
from altiflow.readers.catalogue.pairs.request import make_search
from altiflow.region import as_region

HOLE = shapely.Polygon(shapely.box(-80, 50, 40, 84).exterior, [shapely.box(-60, 55, 20, 80).exterior])
REGIONS = {
    "a box": (-60, 60, -20, 84),
    "a box across 180 degrees": (150, -80, -150, 10),
    "a box that ends at 180 degrees": (100, -80, 180, 80),
    "the north pole": "north of 80",
    "the south pole": "within 900 km of 0,-90",
    "a polygon with a hole": HOLE,
    "two polygons": shapely.MultiPolygon([shapely.box(0, 0, 9, 9), shapely.box(-120, -70, -100, -60)]),
    "a sliver between footprints": (12.001, -40.0011, 12.0011, -40.001),
    "everywhere": (-180, -90, 180, 90),
}


def granules_of(store: EmbeddedStore, found: Any) -> list[str]:
    return [row[0] for batch in store.rows(found.places, ["granule"]) for row in batch]


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
def test_pairs_of_a_region_are_those_of_brute_force(
    region: Any, stores: SimpleNamespace, catalogues: SimpleNamespace
) -> None:
    expected = filter_pairs(catalogues.pairs, region=region)
    found = stores.pairs.find(pair_query(make_search(region=region)), seconds=10)
    assert granules_of(stores.pairs, found) == expected["granule"].tolist()
    assert found.years.tolist() == expected["mid"].dt.year.tolist()
    assert found.without_footprint == expected.attrs["altiflow"]["screens"]["no_footprint"]
    assert found.public.tolist() == expected["url"].str.startswith("https").tolist()


@pytest.mark.parametrize("region", REGIONS.values(), ids=REGIONS)
def test_granules_of_a_region_are_those_of_brute_force(
    region: Any, stores: SimpleNamespace, catalogues: SimpleNamespace
) -> None:
    expected = filter_catalogue(catalogues.granules, region=region)
    found = stores.granules.find(granule_query(region=as_region(region)), seconds=10)
    assert sorted(granules_of(stores.granules, found)) == sorted(expected["granule"])
    years = expected["start"].dt.year.fillna(NO_YEAR).astype(int)
    assert sorted(found.years.tolist()) == sorted(years)


@pytest.mark.parametrize(
    "asked",
    [
        {"start": "1999-05", "end": "2004"},
        {"start": "1999-05", "end": "2004", "period_rule": "inside"},
        {"start": "1999-05-01T12:00", "end": "1999-07-03", "period_rule": "touching"},
        {"percent_valid_pixels": 40},
        {"min_separation": 16, "max_separation": 16},
        {"max_separation": 49},
        {"mission": "landsat"},
        {"mission": ["Sentinel-2", "L8"]},
        {"satellite": "L8"},
        {"satellite": "l7,L8"},
        {"version": ["v02", 1]},
        {"months": "Nov-Feb"},
        {"region": (-100, -80, 100, 80), "months": [6], "mission": "S1", "percent_valid_pixels": 10},
        {"start": "2030"},
    ],
    ids=str,
)
def test_each_test_means_what_it_means_in_the_table(
    asked: dict[str, Any], stores: SimpleNamespace, catalogues: SimpleNamespace
) -> None:
    search = make_search(**asked)
    expected = filter_pairs(
        catalogues.pairs,
        region=search.region,
        start=search.start,
        end=search.end,
        period_rule=search.period_rule,
        months=search.months or None,
        min_separation=search.min_separation,
        max_separation=search.max_separation,
        percent_valid_pixels=search.percent_valid_pixels or None,
        mission=search.mission or None,
        satellite=search.satellite or None,
        version=search.version or None,
    )
    found = stores.pairs.find(pair_query(search), seconds=10)
    assert granules_of(stores.pairs, found) == expected["granule"].tolist()


@pytest.mark.parametrize(
    "asked",
    [
        {"product": ["ATL10"]},
        {"cycle": [3, 4], "rgt": range(1, 400)},
        {"hemisphere": "south"},
        {"start": "2019-06", "end": "2020"},
        {"start": "2021-02-03T04:05:06"},
        {"end": "2019"},
    ],
    ids=str,
)
def test_each_test_of_granules_means_what_it_means_in_the_table(
    asked: dict[str, Any], stores: SimpleNamespace, catalogues: SimpleNamespace
) -> None:
    expected = filter_catalogue(catalogues.granules, **asked)
    found = stores.granules.find(granule_query(**asked), seconds=10)
    assert sorted(granules_of(stores.granules, found)) == sorted(expected["granule"])


def test_rows_come_in_the_order_of_the_catalogue_with_none_for_what_is_not_told(
    stores: SimpleNamespace, catalogues: SimpleNamespace
) -> None:
    places = np.arange(stores.pairs.size)
    rows = [row for batch in stores.pairs.rows(places, ["granule", "mid", "percent_valid", "local"]) for row in batch]
    table = catalogues.pairs
    assert [row[0] for row in rows] == table["granule"].tolist()
    assert [row[1] for row in rows] == [moment.to_pydatetime() for moment in table["mid"]]
    assert [row[2] is None for row in rows] == table["percent_valid"].isna().tolist()
    assert [row[3] for row in rows] == [None if url.startswith("https") else url for url in table["url"]]


def test_a_granule_is_found_by_its_name(stores: SimpleNamespace) -> None:
    place = stores.pairs.place_of("pair00042")
    assert next(stores.pairs.rows(np.array([place]), ["granule"])) == [("pair00042",)]
    assert stores.pairs.place_of("x'; DROP TABLE items; --") is None


def test_the_extent_is_that_of_the_table(stores: SimpleNamespace, catalogues: SimpleNamespace) -> None:
    extent = stores.pairs.extent()
    assert (extent["start"], extent["end"]) == (catalogues.pairs["start"].min(), catalogues.pairs["end"].max())
    assert extent["bbox"] == pytest.approx(catalogues.pairs.total_bounds.tolist())


def test_a_search_that_takes_too_long_is_broken_off(stores: SimpleNamespace) -> None:
    with pytest.raises(TimeoutError):
        stores.pairs.find(Query(), seconds=0.0)
    assert len(stores.pairs.find(Query(), seconds=10).places) == 3000


def test_the_database_reaches_no_file(embedded_stores: SimpleNamespace, catalogues: SimpleNamespace) -> None:
    with pytest.raises(Exception, match="disabled"):
        embedded_stores.pairs._scalar(f"SELECT count(*) FROM read_parquet('{catalogues.pairs_file}')")


def test_what_is_no_catalogue_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no such file; altiflow catalog build makes one"):
        EmbeddedStore(tmp_path / "none.parquet")
    (tmp_path / "text.parquet").write_text("text")
    with pytest.raises(UnsupportedFormatError, match=r"text\.parquet is no Parquet file"):
        EmbeddedStore(tmp_path / "text.parquet")
    pd.DataFrame({"granule": ["a"]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(UnsupportedFormatError, match="lacks columns of a catalogue"):
        EmbeddedStore(tmp_path / "other.parquet")
