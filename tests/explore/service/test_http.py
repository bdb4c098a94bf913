"""The running service, asked over HTTP: its answers are those of the tables, in every form."""

from __future__ import annotations

import io
import json
import zipfile
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
import requests
import shapely
from catalogues import Both

from altiflow.explore.service import EmbeddedStore, Query, ServiceLimits, make_app, pair_query, start_app
from altiflow.explore.service import catalogues as remembering
from altiflow.explore.service.catalogues import ServedCatalogue
from altiflow.readers import PairSearch, count_by, filter_catalogue, filter_pairs, search_pairs, write_pairs
from altiflow.readers.catalogue.pairs import read_legacy_answer

POLYGON = "-60,55,20,55,20,84,-60,84,-60,55"
AREA = shapely.box(-60, 55, 20, 84)


def ask(url: str, **asked: Any) -> requests.Response:
    answer = requests.get(url, params=asked, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer


def wanted(catalogues: Both, **asked: Any) -> gpd.GeoDataFrame:
    """Return the pairs of a search by brute force, those with an address."""
    found = filter_pairs(catalogues.pairs, **asked)
    return found[found["url"].str.startswith("https")]


def test_a_request_of_the_former_service_gives_the_addresses_as_json(any_service: str, catalogues: Both) -> None:
    asked = {"polygon": POLYGON, "start": "1990-01-01", "end": "2020-01-01", "percent_valid_pixels": 40}
    answer = ask(f"{any_service}/velocities/urls/", **asked, min_interval=6, max_interval=400)
    expected = wanted(
        catalogues,
        region=AREA,
        start="1990",
        end="2020-01-01",
        percent_valid_pixels=40,
        min_separation=6,
        max_separation=400,
    )
    assert len(expected) > 5
    assert answer.json() == [{"url": url} for url in expected["url"]]
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"min_interval": 16}, {"min_separation": 16}),
        ({"max_interval": 216.5}, {"max_separation": "216.5"}),
        ({"compression": "true"}, {"serialization": "zip"}),
        ({"compressed": "1"}, {"compression": "TRUE", "serialization": "json"}),
        ({"mission": "S1,landsat"}, {"mission": ["landsat", "sentinel-1"]}),
        ({"version": "2"}, {"version": "v02"}),
        ({"start": ""}, {}),
    ],
    ids=str,
)
def test_aliases_ask_for_the_same(one: dict[str, Any], other: dict[str, Any], any_service: str) -> None:
    first, second = (ask(f"{any_service}/velocities/urls/", bbox="-60,55,20,84", **asked) for asked in (one, other))
    assert first.content == second.content
    assert len(first.content) > 200


def test_counts_by_year_are_those_of_the_facet_and_sum_to_the_rows(any_service: str, catalogues: Both) -> None:
    answer = ask(f"{any_service}/velocities/coverage/", polygon=POLYGON)
    expected = count_by(filter_pairs(catalogues.pairs, region=AREA), "year")
    assert [(row["year"], row["count"]) for row in answer.json()] == list(expected.itertuples(index=False, name=None))
    assert sum(row["count"] for row in answer.json()) == int(answer.headers["altiflow-matched"])


def test_what_is_not_in_the_answer_is_counted(any_service: str, catalogues: Both) -> None:
    answer = ask(f"{any_service}/velocities/urls/", bbox="-60,55,20,84", serialization="text")
    found = filter_pairs(catalogues.pairs, region=AREA)
    local = int((~found["url"].str.startswith("https")).sum())
    assert local > 0
    assert int(answer.headers["altiflow-matched"]) == len(found)
    assert int(answer.headers["altiflow-without-address"]) == local
    assert int(answer.headers["altiflow-without-footprint"]) == int(catalogues.pairs.geometry.isna().sum())
    assert "/mnt" not in answer.text
    assert answer.text.splitlines() == wanted(catalogues, region=AREA)["url"].tolist()


class Links(HTMLParser):
    """Addresses of the links of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [str(value) for name, value in attrs if tag == "a" and name == "href"]


def test_a_page_links_to_the_files(any_service: str, catalogues: Both) -> None:
    answer = ask(f"{any_service}/velocities/urls/", bbox="-60,55,20,84", serialization="html")
    links = Links()
    links.feed(answer.text)
    assert links.found == wanted(catalogues, region=AREA)["url"].tolist()
    assert answer.headers["content-type"].startswith("text/html")
    assert "default-src 'none'" in answer.headers["content-security-policy"]


@pytest.mark.parametrize(("form", "name"), [("json", "urls.json"), ("text", "urls.txt"), ("html", "urls.html")])
def test_an_archive_holds_the_same_answer(form: str, name: str, any_service: str) -> None:
    asked = {"bbox": "-60,55,20,84", "serialization": form}
    plain, packed = (ask(f"{any_service}/velocities/urls/", **asked, compression=word) for word in ("false", "true"))
    with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == [name]
        assert archive.read(name) == plain.content
    assert packed.headers["content-type"] == "application/zip"


def test_granules_are_asked_for_in_the_same_way(any_service: str, catalogues: Both) -> None:
    asked = {"product": "ATL10", "cycle": "1,3,5,7", "hemisphere": "north", "bbox": "-170,-60,-110,84"}
    found = filter_catalogue(
        catalogues.granules, product="ATL10", cycle=[1, 3, 5, 7], hemisphere="north", region=(-170, -60, -110, 84)
    )
    answer = ask(f"{any_service}/altimetry/urls/", **asked)
    assert len(found) > 1
    assert {row["url"] for row in answer.json()} == set(found["url_https"].dropna())
    counted = ask(f"{any_service}/altimetry/coverage", product="ATL06").json()
    expected = filter_catalogue(catalogues.granules, product="ATL06")["start"].dt.year
    assert counted[-1] == {"year": None, "count": int(expected.isna().sum())}
    years = expected.dropna().astype(int).value_counts().sort_index()
    assert [(row["year"], row["count"]) for row in counted[:-1]] == list(years.items())


def test_a_hundred_thousand_rows_are_valid_json_and_read_back(tmp_path: Path, catalogues: Both) -> None:
    copies = [
        catalogues.pairs.assign(
            granule=catalogues.pairs["granule"] + f'"\\{copy}',
            url=f'https://host.org/"quoted"\\{copy}/<b>\u2603/' + catalogues.pairs["granule"],
        )
        for copy in range(34)
    ]
    many = gpd.GeoDataFrame(pd.concat(copies, ignore_index=True), crs="EPSG:4326")
    store = EmbeddedStore(write_pairs(many, tmp_path / "many.parquet"))
    with start_app(make_app(store)) as running:
        answer = ask(f"{running.url}/velocities/urls/")
        assert len(answer.content) > 5_000_000
        rows = json.loads(answer.content)
        assert len(rows) == 102_000 == store.size
        assert {row["url"] for row in rows} == set(many["url"])
        packed = ask(f"{running.url}/velocities/urls/", compression="true")
        with zipfile.ZipFile(io.BytesIO(packed.content)) as archive:
            assert archive.read("urls.json") == answer.content


def test_the_reader_of_former_answers_reads_these(tmp_path: Path) -> None:
    from altiflow.readers.catalogue.pairs import pairs_from_names

    name = "LC08_L1GT_007011_20130819_20200912_02_T2_X_LC08_L1GT_007011_20140806_20200911_02_T2_G0120V02_P044.nc"
    pairs = pairs_from_names([f"https://host.org/{name}"])
    with start_app(make_app(EmbeddedStore(write_pairs(pairs, tmp_path / "one.parquet")))) as running:
        text = ask(f"{running.url}/velocities/urls/").text
    assert read_legacy_answer(text)["granule"].tolist() == pairs["granule"].tolist()


def test_the_package_s_own_search_finds_the_same_in_the_service_as_in_the_file(service: str, catalogues: Both) -> None:
    asked = {"region": (150, -80, -150, 10), "start": "1999", "end": "2015", "max_separation": 400}
    found = search_pairs(**asked, source=service)
    expected = search_pairs(**asked, source=catalogues.pairs_file)
    expected = expected[expected["url"].str.startswith("https")].reset_index(drop=True)
    assert len(found) > 20
    columns = [name for name in found.columns if name not in ("geometry", "version")]
    pd.testing.assert_frame_equal(pd.DataFrame(found[columns]), pd.DataFrame(expected[columns]))
    assert shapely.equals_exact(found.geometry.values, expected.geometry.values, tolerance=1e-9).all()


def test_paths_are_shown_only_where_the_server_is_told_to(catalogues: Both) -> None:
    with start_app(make_app(EmbeddedStore(catalogues.pairs_file), show_paths=True)) as running:
        answer = ask(f"{running.url}/velocities/urls/", bbox="-60,55,20,84")
        assert [row["url"] for row in answer.json()] == filter_pairs(catalogues.pairs, region=AREA)["url"].tolist()
        item = ask(f"{running.url}/collections/itslive-granules/items/pair00041").json()
        assert item["assets"]["data"]["href"] == "/mnt/pair00041.nc"


def test_more_rows_than_allowed_are_refused_and_counted_all_the_same(catalogues: Both) -> None:
    app = make_app(EmbeddedStore(catalogues.pairs_file), limits=ServiceLimits(rows=100))
    with start_app(app) as running:
        answer = requests.get(f"{running.url}/velocities/urls/", timeout=30)
        assert answer.status_code == 413
        assert answer.json()["error"]["reason"] == "2926 rows are found, and 100 are allowed"
        assert sum(row["count"] for row in ask(f"{running.url}/velocities/coverage/").json()) == 3000


def test_a_search_that_takes_too_long_is_told_to_come_back(catalogues: Both) -> None:
    app = make_app(EmbeddedStore(catalogues.pairs_file), limits=ServiceLimits(seconds=1e-9))
    with start_app(app) as running:
        answer = requests.get(f"{running.url}/velocities/coverage/", timeout=30)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
        assert "took longer" in answer.json()["error"]["reason"]


def test_an_answer_that_breaks_off_is_seen_to_be_broken(catalogues: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EmbeddedStore(catalogues.pairs_file)
    whole = store.rows

    def rows(places: Any, columns: Any) -> Any:
        yield next(whole(places[:9], columns))
        raise RuntimeError("the store broke")

    monkeypatch.setattr(store, "rows", rows)
    with start_app(make_app(store)) as running:
        for form in ("json", "html", "zip"):
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                requests.get(f"{running.url}/velocities/urls/", params={"serialization": form}, timeout=30)
        assert ask(f"{running.url}/velocities/coverage/").json()


def test_large_searches_are_forgotten_sooner(catalogues: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    store = EmbeddedStore(catalogues.pairs_file)
    served = ServedCatalogue(store, ServiceLimits())
    years = [pair_query(PairSearch(start=str(year))) for year in range(1990, 2000)]
    for query in years:
        served.find(query)
    assert [query for _, query, _ in served._found] == years[-8:]
    monkeypatch.setattr(remembering, "_MOST_ROWS", 10)
    served.find(Query())
    assert list(served._found) == [(0, Query(), None)]
    store.close()
