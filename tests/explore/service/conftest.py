"""The running service of two catalogues, once for all tests."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from catalogues import Both, make_field, write_both

from altiflow.explore.service import EmbeddedStore, make_app, start_app


@pytest.fixture(scope="session")
def catalogues(tmp_path_factory: pytest.TempPathFactory) -> Both:
    """Return the tables of two catalogues, and their files."""
    return write_both(tmp_path_factory.mktemp("catalogues"))


@pytest.fixture(scope="session")
def stores(catalogues: Both) -> Iterator[SimpleNamespace]:
    """Return a store of each."""
    both = SimpleNamespace(pairs=EmbeddedStore(catalogues.pairs_file), granules=EmbeddedStore(catalogues.granules_file))
    yield both
    both.pairs.close()
    both.granules.close()


@pytest.fixture(scope="session")
def service(catalogues: Both) -> Iterator[str]:
    """Return the address of a running service."""
    stores = [EmbeddedStore(catalogues.pairs_file), EmbeddedStore(catalogues.granules_file)]
    app = make_app(stores, fields={"north": make_field()})
    with start_app(app) as running:
        yield running.url
