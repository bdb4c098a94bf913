"""Downloads: broken, cut, refused, moved and killed; what is there in the end is whole, and accounted for."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import requests

from altiflow.errors import GranuleError, InputError, WriteError
from altiflow.readers.remote import Retries, download_files, read_manifest
from altiflow.readers.remote.parts import Part, Stamp

QUICK = Retries(attempts=3, wait=0.001)


def bring(urls: Any, folder: Path, **arguments: Any) -> pd.DataFrame:
    return download_files(urls, folder, **{"retries": QUICK, "timeout": 5.0, **arguments})


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_files_come_whole_and_are_accounted_for(files: Any, content: bytes, tmp_path: Path) -> None:
    urls = [f"{files.url}/{name}" for name in ("b.nc", "a.nc", "c.nc")]
    done = bring([*urls, urls[0]], tmp_path, workers=3)
    assert done["url"].tolist() == urls
    assert done["status"].tolist() == ["downloaded"] * 3
    assert done["size"].tolist() == [len(content)] * 3
    assert done["sha256"].tolist() == [hashlib.sha256(content).hexdigest()] * 3
    assert [Path(path).read_bytes() for path in done["path"]] == [content] * 3
    assert names(tmp_path) == ["a.nc", "b.nc", "c.nc", "manifest.json"]
    assert sorted(read_manifest(tmp_path)["path"]) == sorted(done["path"])
    again = bring(urls, tmp_path)
    assert again["status"].tolist() == ["there"] * 3
    assert again.drop(columns="status").equals(done.drop(columns="status"))
    assert len(files.asked) == 3


@pytest.mark.parametrize("table", [True, False])
def test_one_file_that_fails_does_not_lose_the_others(table: bool, files: Any, tmp_path: Path) -> None:
    urls = [f"{files.url}/{name}" for name in ("a.nc", "nowhere.nc", "b.nc", "closed.nc", "c.nc")]
    files.status["closed.nc"] = [403]
    given = pd.DataFrame({"url": urls, "granule": "x"}) if table else urls
    with pytest.raises(
        GranuleError, match=r"2 of 5 files could not be downloaded: .*nowhere\.nc.*HTTP 404.*closed\.nc"
    ):
        bring(given, tmp_path)
    assert names(tmp_path) == ["a.nc", "b.nc", "c.nc", "manifest.json"]
    files.files["nowhere.nc"] = b"now it is there"
    files.status["closed.nc"] = [403]
    done = bring(given, tmp_path, on_error="skip")
    assert done["status"].tolist() == ["there", "downloaded", "there", "failed", "there"]
    assert "refused (HTTP 403)" in done["reason"][3]
    assert done["size"][3] == -1
    assert read_manifest(tmp_path).set_index("url")["status"][urls[3]] == "failed"


def test_a_connection_that_breaks_is_continued(files: Any, content: bytes, tmp_path: Path) -> None:
    files.cut["a.nc"] = [300_000, 100_000]
    done = bring(f"{files.url}/a.nc", tmp_path)
    assert done["status"].item() == "resumed"
    assert (tmp_path / "a.nc").read_bytes() == content
    asked = files.gets("a.nc")
    assert [headers.get("range") for headers in asked] == [None, "bytes=300000-", "bytes=400000-"]
    assert asked[1]["if-range"] == files.tag("a.nc")
    assert done["sha256"].item() == hashlib.sha256(content).hexdigest()


def test_what_one_run_left_the_next_continues(files: Any, content: bytes, tmp_path: Path) -> None:
    files.cut["a.nc"] = [1000, 2000, 3000]
    done = bring(f"{files.url}/a.nc", tmp_path, on_error="skip")
    assert done["status"].item() == "failed"
    assert "broke off" in done["reason"].item()
    assert "(3 tries)" in done["reason"].item()
    assert names(tmp_path) == ["a.nc.part", "a.nc.part.json", "manifest.json"]
    assert (tmp_path / "a.nc.part").stat().st_size == 6000
    done = bring(f"{files.url}/a.nc", tmp_path)
    assert done["status"].item() == "resumed"
    assert (tmp_path / "a.nc").read_bytes() == content
    assert names(tmp_path) == ["a.nc", "manifest.json"]


def test_a_killed_download_is_completed_by_the_next(files: Any, content: bytes, tmp_path: Path) -> None:
    files.files["a.nc"] = content * 40
    script = (
        "import sys, time, requests\n"
        "from altiflow.readers.remote import download_files\n"
        "read = requests.Response.iter_content\n"
        "def slow(self, size):\n"
        "    for block in read(self, size):\n"
        "        time.sleep(0.003)\n"
        "        yield block\n"
        "requests.Response.iter_content = slow\n"
        "download_files(sys.argv[1:3], sys.argv[3], workers=1)\n"
    )
    run = subprocess.Popen([sys.executable, "-c", script, f"{files.url}/b.nc", f"{files.url}/a.nc", str(tmp_path)])
    part = tmp_path / "a.nc.part"
    for _ in range(3000):
        if part.exists() and part.stat().st_size > 500_000:
            break
        time.sleep(0.01)
    run.send_signal(signal.SIGKILL)
    run.wait()
    assert 0 < part.stat().st_size < 40 * len(content)
    assert not (tmp_path / "a.nc").exists()
    done = bring([f"{files.url}/b.nc", f"{files.url}/a.nc"], tmp_path)
    # The manifest was not written yet: the file that is whole is told by its size.
    assert done["status"].tolist() == ["there", "resumed"]
    assert (tmp_path / "a.nc").read_bytes() == content * 40
    assert done["sha256"][0] == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("validator", ["etag", "modified"])
def test_another_version_is_fetched_anew_and_never_mixed(
    validator: str, files: Any, content: bytes, tmp_path: Path
) -> None:
    files.etag, files.modified = validator == "etag", validator == "modified"
    files.cut["a.nc"] = [5000] * 3
    bring(f"{files.url}/a.nc", tmp_path, on_error="skip")
    assert (tmp_path / "a.nc.part").stat().st_size == 15_000
    if validator == "etag":
        files.files["a.nc"] = content[::-1]
    bring(f"{files.url}/a.nc", tmp_path)
    assert (tmp_path / "a.nc").read_bytes() == files.files["a.nc"]


def test_a_server_without_ranges_starts_again(files: Any, content: bytes, tmp_path: Path) -> None:
    files.ranges = False
    files.cut["a.nc"] = [5000]
    done = bring(f"{files.url}/a.nc", tmp_path)
    assert [headers.get("range") for headers in files.gets("a.nc")] == [None, "bytes=5000-"]
    assert done["status"].item() == "downloaded"
    assert (tmp_path / "a.nc").read_bytes() == content


def test_a_server_that_ignores_if_range_is_found_out(files: Any, content: bytes, tmp_path: Path) -> None:
    files.cut["a.nc"] = [5000] * 3
    bring(f"{files.url}/a.nc", tmp_path, on_error="skip")
    files.if_range = False
    files.files["a.nc"] = content[::-1]
    assert bring(f"{files.url}/a.nc", tmp_path)["status"].item() == "downloaded"
    assert (tmp_path / "a.nc").read_bytes() == content[::-1]


def test_without_a_validator_nothing_is_continued(files: Any, content: bytes, tmp_path: Path) -> None:
    files.etag = False
    files.cut["a.nc"] = [5000]
    bring(f"{files.url}/a.nc", tmp_path)
    assert [headers.get("range") for headers in files.gets("a.nc")] == [None, None]
    assert (tmp_path / "a.nc").read_bytes() == content


def test_a_part_that_holds_everything_is_finished(files: Any, content: bytes, tmp_path: Path) -> None:
    part = Part(tmp_path / "a.nc")
    stamp = Stamp(f"{files.url}/a.nc", files.tag("a.nc"), size=len(content))
    with part.writing(stamp, start=0) as file:
        file.write(content)
    assert bring(f"{files.url}/a.nc", tmp_path)["status"].item() == "resumed"
    assert (tmp_path / "a.nc").read_bytes() == content
    with part.writing(stamp, start=0) as file:
        file.write(content + b"more")
    assert bring(f"{files.url}/a.nc", tmp_path, overwrite=True)["status"].item() == "downloaded"
    with part.writing(stamp, start=0) as file:
        file.write(content + b"more")
    (tmp_path / "a.nc").unlink()
    assert bring(f"{files.url}/a.nc", tmp_path)["status"].item() == "downloaded"
    assert (tmp_path / "a.nc").read_bytes() == content


def test_a_file_that_was_cut_is_not_taken_for_the_whole(files: Any, content: bytes, tmp_path: Path) -> None:
    bring(f"{files.url}/a.nc", tmp_path)
    (tmp_path / "a.nc").write_bytes(content[:1000])
    # By some other program, of which the manifest does not know.
    (tmp_path / "b.nc").write_bytes(content[:1000])
    (tmp_path / "c.nc").write_bytes(content)
    done = bring([f"{files.url}/{name}.nc" for name in "abc"], tmp_path)
    assert done["status"].tolist() == ["downloaded", "downloaded", "there"]
    assert (tmp_path / "a.nc").read_bytes() == (tmp_path / "b.nc").read_bytes() == content
    files.length = False
    (tmp_path / "manifest.json").unlink()
    unsure = bring(f"{files.url}/a.nc", tmp_path)
    assert (unsure["status"].item(), "could not be checked" in unsure["reason"].item()) == ("there", True)


def test_overwrite_fetches_anew(files: Any, tmp_path: Path) -> None:
    bring(f"{files.url}/a.nc", tmp_path)
    files.files["a.nc"] = b"new"
    assert bring(f"{files.url}/a.nc", tmp_path)["status"].item() == "there"
    assert bring(f"{files.url}/a.nc", tmp_path, overwrite=True)["size"].item() == 3
    assert (tmp_path / "a.nc").read_bytes() == b"new"


def test_what_passes_is_tried_again(files: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    waits: list[float] = []
    monkeypatch.setattr("altiflow.stop.Stop.sleep", lambda _, seconds: waits.append(seconds))
    files.status["a.nc"] = [503, 500]
    files.headers = {"Retry-After": "7"}
    assert bring(f"{files.url}/a.nc", tmp_path)["status"].item() == "downloaded"
    assert [wait for wait in waits if wait] == [7.0, 7.0]
    waits.clear()
    files.status["b.nc"] = [500, 502, 504]
    done = bring(f"{files.url}/b.nc", tmp_path, on_error="skip", retries=Retries(attempts=3, longest=5.0))
    assert done["reason"].item() == f"{files.url}/b.nc: the server answered HTTP 504 (3 tries)"
    assert [wait for wait in waits if wait] == [5.0, 5.0]


def test_a_slow_server_is_not_waited_for(files: Any, tmp_path: Path) -> None:
    files.wait = 0.6
    done = bring(f"{files.url}/a.nc", tmp_path, timeout=0.1, retries=Retries(attempts=1), on_error="skip")
    assert "no answer within 0.1 s" in done["reason"].item()


def test_secrets_are_never_shown_nor_kept(files: Any, tmp_path: Path) -> None:
    host = files.url.removeprefix("http://")
    urls = [f"http://me:hidden@{host}/{name}?X-Amz-Signature=hidden" for name in ("a.nc", "nowhere.nc", "b.nc")]
    files.status["b.nc"] = [500, 500, 500]
    files.cut["a.nc"] = [1000]
    done = bring([*urls, "http://me:hidden@127.0.0.1:9/x.nc?token=hidden"], tmp_path, on_error="skip")
    assert done["status"].tolist() == ["resumed", "failed", "failed", "failed"]
    with pytest.raises(GranuleError) as caught:
        bring(urls, tmp_path)
    kept = [path.read_text(errors="replace") for path in tmp_path.iterdir() if path.suffix == ".json"]
    assert len(kept) == 1
    shown = done.to_json() + str(caught.value) + repr(caught.value.__cause__) + "".join(kept)
    assert "hidden" not in shown
    assert done["url"][0] == f"{files.url}/a.nc"


def test_redirects_are_followed_but_not_for_ever(files: Any, content: bytes, tmp_path: Path) -> None:
    done = bring([f"{files.url}/moved/a.nc", f"{files.url}/round/b.nc"], tmp_path, on_error="skip")
    assert done["status"].tolist() == ["downloaded", "failed"]
    assert (tmp_path / "a.nc").read_bytes() == content
    assert "circle of redirects" in done["reason"][1]
    assert "hidden" not in done.to_json()


def test_a_login_page_is_no_data(files: Any, tmp_path: Path) -> None:
    files.page = True
    done = bring(f"{files.url}/a.nc", tmp_path, on_error="skip")
    assert "web page" in done["reason"].item()
    assert names(tmp_path) == ["manifest.json"]


def test_an_empty_file_and_one_of_unknown_length(files: Any, content: bytes, tmp_path: Path) -> None:
    files.files["empty.nc"] = b""
    assert bring(f"{files.url}/empty.nc", tmp_path)["size"].item() == 0
    files.length = False
    assert bring(f"{files.url}/a.nc", tmp_path)["size"].item() == len(content)


def test_a_session_brings_its_login(files: Any, tmp_path: Path) -> None:
    with requests.Session() as session:
        session.headers["Authorization"] = "Bearer hidden"
        bring(f"{files.url}/a.nc", tmp_path, session=session)
    assert files.gets("a.nc")[0]["authorization"] == "Bearer hidden"
    bring(f"{files.url}/b.nc", tmp_path)
    assert "authorization" not in files.gets("b.nc")[0]


def test_two_downloads_do_not_write_one_file(files: Any, tmp_path: Path) -> None:
    part = Part(tmp_path / "a.nc")
    with part.writing(Stamp(f"{files.url}/a.nc", "x"), start=0) as file:
        file.write(b"another")
        file.flush()
        done = bring(f"{files.url}/a.nc", tmp_path, on_error="skip")
        assert "another download is writing a.nc.part" in done["reason"].item()
    assert (tmp_path / "a.nc.part").read_bytes() == b"another"
    assert bring(f"{files.url}/a.nc", tmp_path)["status"].item() == "downloaded"


def test_files_of_this_machine(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a b.nc").write_bytes(content)
    folder = tmp_path / "out"
    done = bring([tmp_path / "a b.nc", f"file://{tmp_path}/nowhere.nc"], folder, on_error="skip")
    assert done["status"].tolist() == ["downloaded", "failed"]
    assert (folder / "a b.nc").read_bytes() == content
    assert bring((tmp_path / "a b.nc").as_uri(), tmp_path / "third")["size"].item() == len(content)


@pytest.mark.parametrize(
    ("urls", "message"),
    [
        ([], "nothing to download"),
        ([None], "addresses or paths"),
        (["ftp://host/a.nc"], "not http"),
        (["https://host/"], "names no file"),
        (["https://host/..%2f..%2fa.nc/.."], "names no file"),
        (["https://one/a.nc", "https://two/a.nc"], "same file name"),
        (["https://one/manifest.json"], "manifest"),
        (pd.DataFrame({"href": ["a"]}), "no column url"),
    ],
)
def test_what_cannot_be_downloaded_is_refused(urls: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        bring(urls, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_arguments_that_mean_nothing(tmp_path: Path) -> None:
    for arguments in ({"on_error": "ignore"}, {"timeout": 0}, {"workers": 0}):
        with pytest.raises(InputError):
            bring("a.nc", tmp_path, **arguments)
    with pytest.raises(InputError):
        Retries(attempts=0)
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(InputError, match="no manifest"):
        bring("a.nc", tmp_path)
    with pytest.raises(InputError, match="has no manifest"):
        read_manifest(tmp_path / "nowhere")


def test_the_manifest_moves_with_its_folder(files: Any, tmp_path: Path) -> None:
    bring(f"{files.url}/a.nc", tmp_path / "one")
    (tmp_path / "one").rename(tmp_path / "two")
    assert json.loads((tmp_path / "two" / "manifest.json").read_text())["files"][0]["path"] == "a.nc"
    assert bring(f"{files.url}/a.nc", tmp_path / "two")["status"].item() == "there"
    assert read_manifest(tmp_path / "two")["path"].item() == str(tmp_path / "two" / "a.nc")


def test_a_server_that_trickles_is_given_up(files: Any, tmp_path: Path) -> None:
    files.trickle = (1, 0.1)
    once = Retries(attempts=1)
    done = bring(f"{files.url}/a.nc", tmp_path, on_error="skip", timeout=0.4, retries=once)
    assert done["reason"].item() == f"{files.url}/a.nc: the server sends too slowly"
    assert 0 < (tmp_path / "a.nc.part").stat().st_size < 200
    files.trickle = None
    assert bring(f"{files.url}/a.nc", tmp_path)["status"].item() == "resumed"


@pytest.mark.skipif(sys.platform == "win32", reason="signals to threads are POSIX")
def test_an_interrupt_ends_downloads_and_the_next_run_continues_them(
    files: Any, content: bytes, tmp_path: Path
) -> None:
    names_of = [f"{number}.nc" for number in range(12)]
    files.files = dict.fromkeys(names_of, content)
    files.files["0.nc"] = b"small"
    files.trickle = (5_000, 0.02)
    main = threading.main_thread().ident or 0

    def interrupt() -> None:
        while sum(path.stat().st_size > 0 for path in tmp_path.glob("[12].nc.part")) < 2:
            time.sleep(0.01)
        signal.pthread_kill(main, signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        bring([f"{files.url}/{name}" for name in names_of], tmp_path, workers=2)
    thread.join()
    assert len({path for _, path, _ in files.asked}) <= 4
    assert read_manifest(tmp_path)["path"].tolist() == [str(tmp_path / "0.nc")]
    assert not any((tmp_path / name).exists() for name in names_of[1:])
    files.trickle = None
    done = bring([f"{files.url}/{name}" for name in names_of], tmp_path, workers=2)
    assert done["status"].value_counts().to_dict() == {"there": 1, "resumed": 2, "downloaded": 9}
    assert all((tmp_path / name).read_bytes() == content for name in names_of[1:])


def test_a_manifest_that_cannot_be_written_does_not_lose_the_account(
    files: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path) -> Any:
        raise WriteError(f"{path} cannot be written: No space left on device")

    monkeypatch.setattr("altiflow.readers.remote.manifest.whole_file", full)
    with pytest.warns(UserWarning, match=r"not up to date: .*manifest\.json cannot be written: No space"):
        done = bring([f"{files.url}/a.nc", f"{files.url}/none.nc"], tmp_path, on_error="skip")
    assert done["status"].tolist() == ["downloaded", "failed"]
