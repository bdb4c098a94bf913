"""The store in PostgreSQL answers as the embedded one and brute force do, also while its catalogue is replaced."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import numpy as np
import psycopg
import pytest
import requests
import shapely
from catalogues import Both, make_granules, make_pairs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from altiflow.errors import DatabaseError
from altiflow.explore.service import EmbeddedStore, Query, ServiceLimits, make_app, pair_query, start_app
from altiflow.explore.service.stores.postgis import Database, PostgisStore, load_catalogue
from altiflow.explore.service.stores.postgis.loads import current_load
from altiflow.explore.service.stores.postgis.store import search_statement
from altiflow.explore.service.stores.query import Test as Condition
from altiflow.explore.service.stores.store import COLUMNS
from altiflow.readers.catalogue import write_catalogue, write_pairs
from altiflow.readers.catalogue.pairs.request import make_search
from altiflow.region import as_region

OFTEN = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def same(found: Any, expected: Any) -> bool:
    """Return whether two stores found the same rows, of the same years, in the same order."""
    columns = ("places", "years", "public")
    equal = all(np.array_equal(getattr(found, name), getattr(expected, name)) for name in columns)
    return equal and found.without_footprint == expected.without_footprint


def names(store: Any, query: Query) -> list[str]:
    found = store.find(query, seconds=20)
    return [row[0] for batch in store.rows(found.places, ["granule"]) for row in batch]


@st.composite
def regions(draw: st.DrawFn) -> Any:
    """Draw a box, perhaps across 180 degrees, a cap, or a polygon of some corners."""
    west, east = draw(st.integers(-180, 179)), draw(st.integers(-180, 180))
    south = draw(st.integers(-90, 89))
    north = draw(st.integers(south + 1, 90))
    if draw(st.booleans()):
        return as_region((west, south, east, north)) if west != east else as_region("north of 70")
    corners = draw(st.integers(3, 12))
    radius, turn = draw(st.floats(0.5, 40)), draw(st.floats(0, 6))
    angles = turn + np.arange(corners) * 2 * np.pi / corners
    middle = np.clip((south + north) / 2, -60, 60)
    return as_region(
        shapely.Polygon(np.column_stack([west + radius * np.cos(angles), middle + radius / 2 * np.sin(angles)]))
    )


@OFTEN
@given(region=regions(), months=st.sets(st.integers(1, 12)), least=st.sampled_from([0, 40]))
def test_any_region_has_the_rows_of_the_embedded_store(
    region: Any, months: set[int], least: float, embedded_stores: SimpleNamespace, postgis_stores: SimpleNamespace
) -> None:
    query = pair_query(make_search(region=region, months=sorted(months) or None, percent_valid_pixels=least))
    assert same(postgis_stores.pairs.find(query, seconds=20), embedded_stores.pairs.find(query, seconds=20))
    query = Query(region, (Condition("cycle", "<=", 6),))
    assert same(postgis_stores.granules.find(query, seconds=20), embedded_stores.granules.find(query, seconds=20))


@pytest.mark.parametrize("kind", ["pairs", "granules"])
def test_every_column_of_every_row_is_the_same(
    kind: str, embedded_stores: SimpleNamespace, postgis_stores: SimpleNamespace
) -> None:
    columns = (*COLUMNS[kind], "address", "local", "wkb")
    both = [getattr(stores, kind) for stores in (embedded_stores, postgis_stores)]
    first, second = ([row for batch in one.rows(np.arange(one.size), columns) for row in batch] for one in both)
    assert [row[:-1] for row in first] == [row[:-1] for row in second]
    shapes = [[None if row[-1] is None else shapely.from_wkb(row[-1]) for row in rows] for rows in (first, second)]
    assert shapely.equals_identical(*shapes).sum() == sum(shape is not None for shape in shapes[0]) > 500
    assert both[0].extent() == both[1].extent()


@pytest.fixture
def emptied(postgres: Any, request: pytest.FixtureRequest) -> Iterator[SimpleNamespace]:
    """Return a schema of the test's own, with what asks it; dropped afterwards."""
    schema = f"s{abs(hash(request.node.name))}"
    own = SimpleNamespace(address=postgres.address(), schema=schema)
    own.connect = lambda: psycopg.connect(own.address, autocommit=True)
    own.load = lambda path: load_catalogue(path, own.address, schema=schema, quiet=True)
    own.open = lambda kind="pairs", **how: PostgisStore(own.address, kind, schema=schema, **how)
    yield own
    with own.connect() as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {schema} CASCADE")


def test_odd_footprints_and_odd_texts_are_those_of_the_embedded_store(emptied: SimpleNamespace, tmp_path: Path) -> None:
    odd = [
        shapely.Polygon([(0, 0), (4, 4), (4, 0), (0, 4)]),
        shapely.MultiPolygon([shapely.box(10, 0, 14, 4), shapely.box(12, 2, 16, 6)]),
        shapely.GeometryCollection([shapely.Point(2, 1), shapely.LineString([(20, 0), (21, 3)])]),
        shapely.Point(2, 3),
        shapely.MultiPoint([(3, 1), (50, 50)]),
        shapely.Polygon([(30, 0), (32, 2), (34, 4), (30, 0)]),
        shapely.box(170, 60, 180, 72),
        shapely.box(-180, 60, -170, 72),
        shapely.LineString([(180, -80), (180, -70)]),
        None,
    ]
    texts = ['a"b', "c,d\ne", "\\N", "", "'; --", "\u2603", "\\.", " g ", "%s", "h\ti"]
    table = make_granules(len(odd)).assign(granule=texts, checksum=texts[::-1])
    table = gpd.GeoDataFrame(table.drop(columns="geometry"), geometry=odd, crs="EPSG:4326")
    path = write_catalogue(table, tmp_path / "odd.parquet")
    embedded = EmbeddedStore(path)
    emptied.load(path)
    store = emptied.open("granules")
    asked = [(0, 0, 1, 1), (1.9, 0.9, 2.1, 3.1), (0, 1.5, 0.5, 2.5), (12, 3, 13, 3.5), (31, 0, 33, 3), (19, -1, 22, 9)]
    asked += [(-180, 60, -175, 70), (175, 60, 180, 70), (-180, -75, -179, -74), (-180, -90, 180, 90)]
    for box in asked:
        query = Query(as_region(box))
        assert same(store.find(query, seconds=9), embedded.find(query, seconds=9)), box
        assert len(store.find(query, seconds=9).places) > 0 or box[0] == 0
        assert sorted(names(store, query)) == sorted(table["granule"][as_region(box).meets(table.geometry.to_numpy())])
    assert [store.place_of(text) is None for text in texts] == [False] * len(texts)
    everything = [row for batch in store.rows(np.arange(10), ["granule", "checksum"]) for row in batch]
    assert everything == [row for batch in embedded.rows(np.arange(10), ["granule", "checksum"]) for row in batch]
    store.close()
    embedded.close()


@pytest.mark.parametrize("text", ["ATL06", "ATL06\0", "ATL1", "ATL\0", "atl", "A\ud800", "\0"])
@pytest.mark.parametrize("op", [">=", "<=", "in"])
def test_texts_are_compared_letter_by_letter_also_with_those_that_no_database_holds(
    text: str, op: Any, postgis_stores: SimpleNamespace, catalogues: Both
) -> None:
    store = postgis_stores.granules
    compare = {">=": lambda value: value >= text, "<=": lambda value: value <= text, "in": lambda value: value == text}
    expected = int(catalogues.granules["product"].map(compare[op]).sum())
    asked = Query(None, (Condition("product", op, (text,) if op == "in" else text),))
    assert store.find(asked, seconds=9).places.size == expected
    assert store.place_of(text) is None


def test_searches_use_the_indexes(emptied: SimpleNamespace, tmp_path: Path) -> None:
    load = emptied.load(write_pairs(make_pairs(3000), tmp_path / "pairs.parquet"))
    table = load.table(emptied.schema)
    polygon, across, day = (
        search_statement(table, query)
        for query in (
            Query(as_region(shapely.Point(-40, 70).buffer(3))),
            Query(as_region(shapely.box(178, 60, 182, 64))),
            pair_query(make_search(start="2010-06-01", end="2010-06-03")),
        )
    )
    name = (f"SELECT min(place) FROM {table} WHERE granule = %s", ["a"])
    with Database(emptied.address).connect() as connection:
        for (sql, values), index in ((polygon, "geom"), (across, "geom"), (day, "mid"), (name, "granule")):
            plan = "\n".join(row[0] for row in connection.execute(f"EXPLAIN {sql}".encode(), values))
            assert f"pairs_{load.number}_{index}_idx" in plan, plan
            assert "Seq Scan" not in plan, plan


def test_a_slow_search_is_broken_off_by_the_server(
    emptied: SimpleNamespace, catalogues: Both, monkeypatch: pytest.MonkeyPatch
) -> None:
    emptied.load(catalogues.pairs_file)
    store = emptied.open(connections=1)
    from altiflow.explore.service.stores.postgis import store as module

    real = module.search_statement
    monkeypatch.setattr(module, "search_statement", lambda *_: ("SELECT ''::bytea FROM pg_sleep(60)", []))
    with pytest.raises(TimeoutError, match="took too long"):
        store.find(Query(), seconds=0.2)
    monkeypatch.setattr(module, "search_statement", real)
    with pytest.raises(TimeoutError):
        store.find(Query(), seconds=0.0)
    assert len(store.find(Query(), seconds=20).places) == 3000
    store.close()


def test_who_finds_all_connections_busy_waits_no_longer_than_told(postgis_stores: SimpleNamespace, loaded: str) -> None:
    store = PostgisStore(loaded, "pairs", connections=1)
    with store._pool._room, pytest.raises(TimeoutError, match="all connections are busy"):
        store.find(Query(), seconds=0.05)
    store.close()
    store.close()
    with pytest.raises(DatabaseError, match="is closed"):
        store.find(Query(), seconds=1)


def test_many_ask_at_once(postgis_stores: SimpleNamespace, embedded_stores: SimpleNamespace) -> None:
    queries = [Query(as_region((west, -80, west + 30, 80))) for west in range(-180, 150, 15)] * 3
    expected = [embedded_stores.pairs.find(query, seconds=20) for query in queries]
    with ThreadPoolExecutor(24) as pool:
        found = list(pool.map(lambda query: postgis_stores.pairs.find(query, seconds=20), queries))
    assert all(same(one, other) for one, other in zip(found, expected, strict=True))
    assert len(postgis_stores.pairs._pool._idle) <= 8


def test_a_server_that_comes_back_is_asked_again(emptied: SimpleNamespace, postgres: Any, catalogues: Both) -> None:
    emptied.load(catalogues.pairs_file)
    store = emptied.open()
    app = make_app(emptied.open(), limits=ServiceLimits(seconds=5))
    with start_app(app) as running:
        address = f"{running.url}/velocities/coverage/"
        assert requests.get(address, timeout=30).status_code == 200
        postgres.stop()
        try:
            with pytest.raises(DatabaseError, match="look whether the server runs there") as raised:
                store.find(Query(), seconds=5)
            assert postgres.password not in str(raised.value)
            answer = requests.get(f"{address}?bbox=0,0,1,1", timeout=30)
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
            assert "127.0.0.1" not in answer.text
        finally:
            postgres.start()
        assert len(store.find(Query(), seconds=20).places) == 3000
        assert requests.get(address, timeout=30).status_code == 200
    store.close()


def test_a_connection_that_was_cut_is_replaced_unnoticed(emptied: SimpleNamespace, catalogues: Both) -> None:
    emptied.load(catalogues.pairs_file)
    store = emptied.open()
    with emptied.connect() as connection:
        cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND datname = 'ice'"
        connection.execute(cut)
    assert len(store.find(Query(), seconds=20).places) == 3000
    store.close()


def test_a_service_goes_on_with_a_catalogue_that_replaces_its_own(
    emptied: SimpleNamespace, catalogues: Both, tmp_path: Path
) -> None:
    emptied.load(catalogues.pairs_file)
    store = emptied.open()
    before = store.find(Query(as_region((-60, 60, -20, 84))), seconds=9)
    expected = [row for batch in store.rows(before.places, ["granule"]) for row in batch]
    with start_app(make_app(emptied.open())) as running:
        address = f"{running.url}/velocities/coverage/"
        assert sum(row["count"] for row in requests.get(address, timeout=30).json()) == 3000
        emptied.load(write_pairs(make_pairs(50, seed=7), tmp_path / "few.parquet"))
        assert sum(row["count"] for row in requests.get(address, timeout=30).json()) == 50
        assert len(requests.get(f"{running.url}/velocities/urls/", timeout=30).json()) == 48
    assert store.size == 50
    # An answer that was being sent goes on with the rows that were found for it.
    assert [row for batch in store.rows(before.places, ["granule"]) for row in batch] == expected
    emptied.load(catalogues.pairs_file)
    with pytest.raises(DatabaseError, match="the catalogue was replaced; search again"):
        list(store.rows(before.places, ["granule"]))
    store.close()


def test_searches_while_catalogues_are_loaded_see_one_of_them_whole(emptied: SimpleNamespace, tmp_path: Path) -> None:
    files = [write_pairs(make_pairs(200 + 100 * seed, seed), tmp_path / f"{seed}.parquet") for seed in range(2)]
    area = Query(as_region((-180, -90, 180, 90)))
    whole = []
    for path in files:
        embedded = EmbeddedStore(path)
        whole.append(len(embedded.find(area, seconds=9).places))
        embedded.close()
    emptied.load(files[0])
    store = emptied.open()
    with ThreadPoolExecutor(5) as pool:
        loading = pool.submit(lambda: [emptied.load(files[number % 2]) for number in (1, 2, 3, 4)])
        seen = set()
        while not loading.done():
            seen |= set(pool.map(lambda _: len(store.find(area, seconds=20).places), range(4)))
        assert [load.size for load in loading.result()] == [300, 200, 300, 200]
    assert seen <= set(whole)
    with emptied.connect() as connection:
        with Database(emptied.address, emptied.schema).connect() as other:
            last = current_load(other, Database(emptied.address, emptied.schema), "pairs", 9)
        tables = connection.execute("SELECT relname FROM pg_stat_user_tables WHERE schemaname = %s", [emptied.schema])
        held = {row[0] for row in tables}
    assert held == {"loads", "migrations", f"pairs_{last.number}", f"pairs_{last.number - 1}"}
    store.close()
