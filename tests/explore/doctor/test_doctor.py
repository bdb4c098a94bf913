"""The doctor, on environments and logins made for the purpose."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pyproj
import pytest
from click.testing import CliRunner

from altiflow.cli import main
from altiflow.explore.doctor import examine, findings_text
from altiflow.explore.doctor.logins import examine_logins
from altiflow.explore.doctor.machine import examine_machine
from altiflow.explore.doctor.network import examine_network
from altiflow.explore.doctor.packages import examine_extras, examine_packages, find_version

SECRET = "correct-horse-battery"


def token(end: float) -> str:
    """Return a token like those of Earthdata, which holds until a moment (seconds since 1970)."""
    claims = base64.urlsafe_b64encode(json.dumps({"uid": SECRET, "exp": end}).encode()).decode().rstrip("=")
    return f"eyJhbGciOiJSUzI1NiJ9.{claims}.{SECRET}"


def states(findings: object) -> dict[str, str]:
    return {one.name: one.state for one in findings}


def test_this_environment_has_what_altiflow_needs(tmp_path: Path) -> None:
    found = [one for one in examine(tmp_path) if one.part in ("environment", "packages", "machine")]
    assert {one.state for one in found} <= {"ok", "note"}, findings_text(found)
    assert {"numpy", "h5coro", "map projections", "Python"} <= set(states(found))


def test_a_package_that_is_old_or_not_there_is_a_problem_with_its_fix() -> None:
    held = {"numpy": "0.1", "xarray": None}
    found = {one.name: one for one in examine_packages(lambda name: held.get(name, find_version(name)))}
    assert (found["numpy"].state, found["xarray"].state) == ("problem", "problem")
    assert "0.1" in found["numpy"].text
    assert found["numpy"].fix.startswith('pip install --upgrade "numpy>=')
    assert {one.state for name, one in found.items() if name not in held} == {"ok"}


def test_an_extra_that_is_not_there_is_a_note_that_says_what_it_gains() -> None:
    fast = next(one for one in examine_extras(lambda name: None if name == "numba" else "99") if one.name == "fast")
    assert (fast.state, fast.fix) == ("note", 'pip install "altiflow[fast]"')
    assert "numba" in fast.text
    assert "as fast" in fast.text


def test_jupyter_is_named_where_it_is_lacking() -> None:
    lacking = {one.name: one for one in examine_extras(lambda name: None if name == "jupyterlab" else "99")}
    assert (lacking["jupyterlab"].state, lacking["jupyterlab"].fix) == ("note", "pip install jupyterlab")
    assert {one.name: one for one in examine_extras(lambda name: "99")}["jupyterlab"].state == "ok"


@pytest.mark.parametrize(
    ("end", "state", "words"), [(4e9, "ok", "holds until 2096-10-02"), (1e9, "problem", "expired on 2001-09-09")]
)
def test_a_token_is_judged_by_its_end_and_never_shown(end: float, state: str, words: str, tmp_path: Path) -> None:
    found = examine_logins({"EARTHDATA_TOKEN": token(end)}, tmp_path)
    assert found[0].state == state
    assert words in found[0].text
    assert SECRET not in findings_text(found)


@pytest.mark.parametrize("odd", ["opaque", "a.b.c", "a.e30.c", "a.bm8.c", f"a.{base64.b64encode(b'[1]').decode()}.c"])
def test_a_token_that_says_no_end_is_taken(odd: str, tmp_path: Path) -> None:
    found = examine_logins({"EARTHDATA_TOKEN": odd}, tmp_path)
    assert found[0].state == "ok"
    assert "does not say" in found[0].text


def test_netrc_must_be_the_users_alone_and_name_earthdata(tmp_path: Path) -> None:
    path = tmp_path / ".netrc"
    assert states(examine_logins({}, tmp_path))["Earthdata"] == "note"
    path.write_text("machine example.org login a password b\n")
    path.chmod(0o600)
    assert "no entry" in {one.name: one.text for one in examine_logins({}, tmp_path)}[str(path)]
    path.write_text(f"machine urs.earthdata.nasa.gov login me password {SECRET}\n")
    found = examine_logins({}, tmp_path)
    assert states(found)[str(path)] == "ok"
    assert SECRET not in findings_text(found)
    if os.name == "posix":
        path.chmod(0o644)
        found = examine_logins({"NETRC": str(path)}, None)
        assert states(found)[str(path)] == "problem"
        assert f"chmod 600 {path}" in findings_text(found)
    path.write_text(f"machine urs.earthdata.nasa.gov login me passwort {SECRET}\n")
    path.chmod(0o600)
    found = examine_logins({}, tmp_path)
    assert states(found)[str(path)] == "problem"
    assert SECRET not in findings_text(found)


def test_a_user_name_needs_its_password(tmp_path: Path) -> None:
    both = {"EARTHDATA_USERNAME": "me", "EARTHDATA_PASSWORD": SECRET}
    assert states(examine_logins(both, tmp_path))["EARTHDATA_USERNAME"] == "ok"
    assert "EARTHDATA_USERNAME" not in states(examine_logins({"EARTHDATA_USERNAME": "me"}, tmp_path))


def test_a_folder_that_cannot_be_written_to_is_a_problem(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("no folder")
    disk = next(one for one in examine_machine(file / "results") if one.name == "disk for results")
    assert (disk.state, "Not a directory" in disk.text) == ("problem", True)
    assert "--folder" in disk.fix


def test_a_folder_that_is_not_there_yet_is_judged_by_the_one_it_goes_into(tmp_path: Path) -> None:
    disk = next(one for one in examine_machine(tmp_path / "new" / "run") if one.name == "disk for results")
    assert disk.state != "problem"
    assert f"free in {tmp_path.resolve()}, where run will be made" in disk.text
    assert list(tmp_path.iterdir()) == []


def test_projections_that_are_off_are_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    real = pyproj.Transformer.from_crs
    monkeypatch.setattr(pyproj.Transformer, "from_crs", lambda *_, **known: real(4326, 3411, **known))
    assert states(examine_machine())["map projections"] == "problem"

    def fail(*_: object, **__: object) -> None:
        raise pyproj.exceptions.CRSError("no database context specified")

    monkeypatch.setattr(pyproj.Transformer, "from_crs", fail)
    found = next(one for one in examine_machine() if one.name == "map projections")
    assert "no database context" in found.text
    assert "PROJ_DATA" in found.fix


@pytest.fixture
def server() -> Iterator[str]:
    """Yield the address of a service that answers as its path says, and keeps its askers' headers."""

    class Service(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert "Authorization" not in self.headers
            if self.path == "/slow":
                time.sleep(2)
            self.send_response(503 if self.path == "/down" else 200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    made = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    Thread(target=made.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{made.server_port}"
    made.shutdown()
    made.server_close()


def test_services_are_asked_and_their_silence_is_told(server: str) -> None:
    services = {"well": f"{server}/", "down": f"{server}/down", "slow": f"{server}/slow", "gone": "http://127.0.0.1:9"}
    found = {one.name: one for one in examine_network(services, timeout=0.5)}
    assert {name: one.state for name, one in found.items()} == {
        "well": "ok",
        "down": "problem",
        "slow": "problem",
        "gone": "problem",
    }
    assert "503" in found["down"].text
    assert "no answer within 0.5 s" in found["slow"].text


def test_the_command_prints_lines_or_json_and_tells_problems_by_its_exit_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EARTHDATA_TOKEN", raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "none"))
    result = CliRunner().invoke(main, ["doctor", "--folder", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert "0 problems" in result.output
    monkeypatch.setenv("EARTHDATA_TOKEN", token(0))
    result = CliRunner().invoke(main, ["doctor", "--folder", str(tmp_path), "--json"])
    assert result.exit_code == 1
    assert SECRET not in result.output
    assert [one["name"] for one in json.loads(result.output) if one["state"] == "problem"] == ["EARTHDATA_TOKEN"]
