"""The running service of two catalogues, once for all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from catalogues import Both, make_field, write_both

from altiflow.explore.service import EmbeddedStore, make_app, start_app
from altiflow.files import folder_lock
from altiflow.readers import list_scenes, make_images
from altiflow.readers.sample.images import ImageSample


@pytest.fixture(scope="session")
def catalogues(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """Return the tables of two catalogues, and their files."""
    return write_both(tmp_path_factory.mktemp("catalogues"))


@pytest.fixture(scope="session")
def embedded_stores(catalogues: Both) -> Iterator[SimpleNamespace]:
    """Return a store of each in this process."""
    both = SimpleNamespace(pairs=EmbeddedStore(catalogues.pairs_file), granules=EmbeddedStore(catalogues.granules_file))
    yield both
    both.pairs.close()
    both.granules.close()


@pytest.fixture(scope="session")
def loaded(postgres: Any, catalogues: Both) -> str:
    """Return the address of a database that holds both catalogues."""
    from altiflow.explore.service.stores.postgis import load_catalogue

    address = str(postgres.address())
    for path in (catalogues.pairs_file, catalogues.granules_file):
        load_catalogue(path, address, quiet=True)
    return address


@pytest.fixture(scope="session")
def postgis_stores(loaded: str) -> Iterator[SimpleNamespace]:
    """Return a store of each in PostgreSQL."""
    from altiflow.explore.service.stores.postgis import open_stores

    pairs, granules = open_stores(loaded)
    yield SimpleNamespace(pairs=pairs, granules=granules)
    pairs.close()
    granules.close()


@pytest.fixture(params=["embedded", "postgis"])
def stores(request: pytest.FixtureRequest) -> SimpleNamespace:
    """Return a store of each, one kind of stores after the other."""
    found: SimpleNamespace = request.getfixturevalue(f"{request.param}_stores")
    return found


@pytest.fixture(scope="session")
def postgis_service(loaded: str) -> Iterator[str]:
    """Return the address of a running service whose catalogues are in PostgreSQL."""
    from altiflow.explore.service.stores.postgis import open_stores

    with start_app(make_app(open_stores(loaded))) as running:
        yield running.url


@pytest.fixture(params=["embedded", "postgis"])
def any_service(request: pytest.FixtureRequest) -> str:
    """Return the address of a running service, one kind of stores after the other."""
    return str(request.getfixturevalue("service" if request.param == "embedded" else "postgis_service"))


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> ImageSample:
    """Return three images to track."""
    return make_images(tmp_path_factory.mktemp("images"), images=3)


@pytest.fixture(scope="session")
def scenes(images: ImageSample) -> Any:
    """Return the list of two of them."""
    return list_scenes(images.rock.parent).iloc[:2]


@pytest.fixture(scope="session")
def service(catalogues: Both, scenes: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of a running service."""
    stores = [EmbeddedStore(catalogues.pairs_file), EmbeddedStore(catalogues.granules_file)]
    jobs, fields = tmp_path_factory.mktemp("jobs"), {"north": make_field()}
    # As if another server worked on the jobs: whatever is asked for, nothing is done.
    with folder_lock(jobs), start_app(make_app(stores, fields=fields, scenes=scenes, jobs=jobs)) as running:
        yield running.url
