"""Downloads from public buckets."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from altiflow.readers.remote import Retries, download_files
from altiflow.readers.remote.parts import Part, Stamp

QUICK = Retries(attempts=3, wait=0.001)


def bring(urls: Any, folder: Path, **arguments: Any) -> pd.DataFrame:
    return download_files(urls, folder, **{"retries": QUICK, "timeout": 5.0, **arguments})


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch, content: bytes) -> Any:
    """Return a client of a public bucket, played by a local server, with one object."""
    server_module = pytest.importorskip("moto.server")
    import boto3

    for name, value in (
        ("AWS_ACCESS_KEY_ID", "x"),
        ("AWS_SECRET_ACCESS_KEY", "x"),
        ("AWS_DEFAULT_REGION", "us-west-2"),
    ):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = server_module.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://{host}:{port}")
    client = boto3.client("s3", endpoint_url=f"http://{host}:{port}")
    place = {"LocationConstraint": "us-west-2"}
    client.create_bucket(Bucket="its-live-data", CreateBucketConfiguration=place, ACL="public-read")
    client.put_object(Bucket="its-live-data", Key="v02/a.nc", Body=content, ACL="public-read")
    client.create_bucket(Bucket="closed", CreateBucketConfiguration=place)
    client.put_object(Bucket="closed", Key="private.nc", Body=content)
    yield client
    client.close()
    server.stop()


def test_public_buckets(bucket: Any, content: bytes, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("altiflow.readers.remote.objects._BLOCK", 100_000)
    url = "s3://its-live-data/v02/a.nc"
    others = ["s3://its-live-data/v02/nowhere.nc", "s3://its-live-data/v02", "s3://closed/private.nc"]
    done = bring([url, *others], tmp_path, on_error="skip")
    assert done["status"].tolist() == ["downloaded", "failed", "failed", "failed"], done["reason"].tolist()
    assert "not public" in done["reason"][3]
    assert "no such object" in done["reason"][1]
    assert "below it" in done["reason"][2]
    assert (tmp_path / "a.nc").read_bytes() == content
    assert bring(url, tmp_path)["status"].item() == "there"

    # A part of this version is continued, one of another is not.
    tag = bucket.head_object(Bucket="its-live-data", Key="v02/a.nc")["ETag"].strip('"')
    for etag, status in ((tag, "resumed"), ("other", "downloaded")):
        (tmp_path / "a.nc").unlink()
        with Part(tmp_path / "a.nc").writing(Stamp(url, etag, size=len(content)), start=0) as file:
            file.write(content[:250_000] if etag == tag else b"x" * 250_000)
        assert bring(url, tmp_path)["status"].item() == status
        assert (tmp_path / "a.nc").read_bytes() == content
    (tmp_path / "manifest.json").unlink()
    (tmp_path / "a.nc").write_bytes(b"cut")
    assert bring(url, tmp_path)["status"].item() == "downloaded"


def test_no_bucket_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    done = bring("s3://its-live-data/a.nc", tmp_path, on_error="skip", retries=Retries(attempts=1), timeout=1.0)
    assert done["status"].item() == "failed"
    assert "could not be reached" in done["reason"].item() or "cannot be read" in done["reason"].item()
    assert os.environ["AWS_ENDPOINT_URL"] not in done["reason"].item()
