"""Stores at addresses: the web and S3, and what they refuse."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from altiflow.errors import CorruptGranuleError, InputError, UnsupportedFormatError
from altiflow.readers import read_velocity
from altiflow.readers.field import build_field
from altiflow.readers.velocity.formats.stores import is_store, open_store


def written(path: Path) -> Path:
    """Write a small field as a store, and return its path."""
    bounds = np.array([["2020-01-01", "2020-02-01"]], dtype="M8[ns]")
    vx = np.arange(6.0).reshape(1, 2, 3)
    field = build_field(
        vx, -vx, x=[0.0, 120, 240], y=[120.0, 0], time_bnds=bounds, crs=3413, units="m/yr", velocity_metric="map",
        metric_source="user", source="test", year_days=365.25,
    )  # fmt: skip
    field.to_zarr(path, consolidated=True, zarr_format=2)
    return path


@pytest.fixture
def web(tmp_path):
    """Serve the folder of the test over HTTP."""

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *args) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_a_store_on_the_web_is_the_store_on_disk(tmp_path, web):
    here = read_velocity(written(tmp_path / "a.zarr"))
    there = read_velocity(f"{web}/a.zarr")
    xr.testing.assert_identical(here.load(), there.load())


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_an_address_with_nothing_is_named_without_its_query(web):
    with pytest.raises(InputError, match=r"there is no Zarr store at b\.zarr") as caught:
        read_velocity(f"{web}/b.zarr?token=secret")
    assert "secret" not in str(caught.value)


def test_a_file_at_an_address_is_to_be_downloaded():
    with pytest.raises(InputError, match="download the file first"):
        read_velocity("https://data.example/pair.nc")


def test_what_is_no_store(tmp_path):
    (tmp_path / "c.zarr").mkdir()
    assert not is_store(tmp_path / "c.zarr")
    with pytest.raises(InputError, match=r"no Zarr store at c\.zarr"):
        open_store(tmp_path / "c.zarr")


def test_damaged_metadata_is_named(tmp_path):
    path = written(tmp_path / "a.zarr")
    (path / ".zmetadata").write_text("{")
    with pytest.raises(CorruptGranuleError, match=r"a\.zarr cannot be opened"):
        read_velocity(path)


def test_one_array_is_no_group(tmp_path):
    path = written(tmp_path / "a.zarr")
    with pytest.raises((UnsupportedFormatError, InputError)):
        open_store(path / "vx")
