"""What every test may use: the real files, a browser and PostgreSQL, where they are at hand."""

from __future__ import annotations

import base64
import gc
import json
import os
import secrets
import select
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

REQUIRED = {word.strip() for word in os.environ.get("ALTIFLOW_REQUIRE", "").split(",") if word.strip()}
DATA = Path(os.environ.get("ALTIFLOW_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


def pytest_configure() -> None:
    """Look for no garbage in all that is collected, which stays: a search of it takes most of a second."""
    gc.disable()


def pytest_collection_finish() -> None:
    """Look for garbage in what comes after the collection alone."""
    gc.freeze()
    gc.enable()


def pytest_unconfigure() -> None:
    """Let go of everything at the end, as libraries that count what is left expect."""
    gc.unfreeze()


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """Return the path of a real science file; skip, saying so, where it is absent."""

    def locate(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            reason = f"real science data are absent: {name} (set ALTIFLOW_DATA to their folder)"
            if "data" in REQUIRED:
                pytest.fail(reason)
            pytest.skip(reason)
        return path

    return locate


class Browser:
    """Headless Chromium, told what to do over two pipes in its DevTools protocol.

    It sees local files, and servers on 127.0.0.1 if it is shown a page of one.
    """

    FLAGS = (
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-quic",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
        "--no-proxy-server",
        "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
        "--remote-debugging-pipe",
    )
    PATIENCE = 180.0
    """Seconds that anything may take: a limit for what never comes, on machines however busy."""

    def __init__(self, program: str, folder: Path) -> None:
        import fcntl  # Not on every system, and only a browser needs it.

        ends = os.pipe(), os.pipe()
        self._ask, self._answers = ends[0][1], ends[1][0]
        # Chromium reads its orders from descriptor 3 and answers on descriptor 4.
        told, tell = (fcntl.fcntl(end, fcntl.F_DUPFD, 10) for end in (ends[0][0], ends[1][1]))
        start = f"import os, sys; os.dup2({told}, 3); os.dup2({tell}, 4); os.execvp(sys.argv[1], sys.argv[1:])"
        self._process = subprocess.Popen(
            [sys.executable, "-c", start, program, *self.FLAGS, f"--user-data-dir={folder}", "about:blank"],
            pass_fds=(told, tell),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        for end in (ends[0][0], ends[1][1], told, tell):
            os.close(end)
        self._held, self._number, self._session = b"", 0, ""
        target = self.order("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.order("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self.order("Page.enable")
        self.order("Network.enable")

    def _next(self, seconds: float = PATIENCE) -> dict[str, Any]:
        """Return the next answer or event."""
        end = time.monotonic() + seconds
        while b"\0" not in self._held:
            if not select.select([self._answers], [], [], max(0.0, end - time.monotonic()))[0]:
                raise TimeoutError(f"Chromium said nothing for {seconds:g} s")
            more = os.read(self._answers, 1 << 20)
            if not more:
                raise ConnectionError("Chromium went away")
            self._held += more
        message, _, self._held = self._held.partition(b"\0")
        return dict(json.loads(message))

    def order(self, method: str, *, until: str = "", **parameters: Any) -> dict[str, Any]:
        """Return the answer to an order, when the event `until` has come too."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._ask, json.dumps(message).encode() + b"\0")
        answer: dict[str, Any] | None = None
        while answer is None or until:
            got = self._next()
            if got.get("id") == self._number:
                answer = got
            elif got.get("method") == "Page.javascriptDialogOpening":
                self._accept_dialog()
            until = "" if got.get("method") == until else until
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return dict(answer["result"])

    def _accept_dialog(self) -> None:
        """Answer a question of the page, such as whether it may be left, with yes; nobody waits for what follows."""
        message = {"id": 0, "method": "Page.handleJavaScriptDialog", "params": {"accept": True}}
        os.write(self._ask, json.dumps({**message, "sessionId": self._session}).encode() + b"\0")

    def show(self, page: str | Path, *, width: int, height: int = 900) -> None:
        """Load a page (a file, or an address with what follows #) in a window of so many CSS pixels."""
        address = page.resolve().as_uri() if isinstance(page, Path) else page
        served = address.startswith("http://127.0.0.1:")
        self.order("Network.setBlockedURLs", urls=["https://*"] if served else ["http://*", "https://*"])
        self.resize(width=width, height=height)
        self.order("Page.navigate", until="Page.loadEventFired", url=address)

    def resize(self, *, width: int, height: int) -> None:
        """Give the window so many CSS pixels."""
        self.order(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def value(self, script: str) -> Any:
        """Return what an expression of JavaScript is on the page."""
        got = self.order("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in got:
            raise RuntimeError(got["exceptionDetails"]["exception"]["description"])
        return got["result"].get("value")

    def wait_for(self, script: str, *, seconds: float = PATIENCE) -> Any:
        """Return what an expression of JavaScript is, as soon as it is something."""
        end = time.monotonic() + seconds
        # Elements have no value here: they are something, if there are any.
        asked = f"(found => found instanceof Node ? true : found)({script})"
        while not (found := self.value(asked)):
            if time.monotonic() > end:
                raise TimeoutError(f"{script} was nothing for {seconds:g} s")
            time.sleep(0.1)
        return found

    def middle_of(self, element: str) -> tuple[float, float]:
        """Return the middle of what an expression of JavaScript finds, scrolled to, in the window [CSS pixels]."""
        script = f"(()=>{{const e={element}; e.scrollIntoView({{block:'nearest'}}); const r=e.getBoundingClientRect();"
        across, down = self.value(script + "return [r.x+r.width/2, r.y+r.height/2]})()")
        return float(across), float(down)

    def click(
        self, across: float, down: float, *, count: int = 1, while_held: Callable[[], object] = lambda: None
    ) -> None:
        """Click at a point of the window; what is given is done between press and release."""
        at = {"x": across, "y": down, "button": "left", "clickCount": count}
        self.order("Input.dispatchMouseEvent", type="mouseMoved", x=across, y=down)
        self.order("Input.dispatchMouseEvent", type="mousePressed", buttons=1, **at)
        while_held()
        self.order("Input.dispatchMouseEvent", type="mouseReleased", **at)

    def click_on(self, element: str) -> None:
        """Click on the middle of what an expression of JavaScript finds, again if it moved away meanwhile."""
        end = time.monotonic() + self.PATIENCE
        while True:
            told = "() => { window.wasReached = true }, {capture: true, once: true}"
            self.value(f"window.wasReached = false; ({element}).addEventListener('click', {told})")
            self.click(*self.middle_of(element))
            if self.value("window.wasReached"):
                return
            if time.monotonic() > end:
                raise TimeoutError(f"no click reached {element} for {self.PATIENCE:g} s")
            time.sleep(0.1)

    def write(self, text: str, *, enter: bool = True) -> None:
        """Write text where the cursor is, in the place of what is there, and press Enter."""
        self.order("Input.dispatchKeyEvent", type="keyDown", key="a", code="KeyA", modifiers=2, commands=["selectAll"])
        self.order("Input.dispatchKeyEvent", type="keyUp", key="a", code="KeyA", modifiers=2)
        self.order("Input.insertText", text=text)
        if enter:
            key = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": 13}
            self.order("Input.dispatchKeyEvent", type="keyDown", text="\r", **key)
            self.order("Input.dispatchKeyEvent", type="keyUp", **key)

    def picture(self, path: Path) -> Path:
        """Write the window as PNG."""
        path.write_bytes(base64.b64decode(self.order("Page.captureScreenshot", format="png")["data"]))
        return path

    def close(self) -> None:
        """End the browser."""
        os.close(self._ask)
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        os.close(self._answers)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """Return a browser; skip, saying so, where there is none."""
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        reason = "no Chromium on this machine (Debian: apt-get install chromium)"
        if "browser" in REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
    opened = Browser(program, tmp_path_factory.mktemp("chromium"))
    yield opened
    opened.close()


class Cluster:
    """A PostgreSQL of its own in a folder that goes with it, run by the user postgres where the tests run as root."""

    def __init__(self, programs: Path) -> None:
        self._programs = programs
        self._folder = Path(tempfile.mkdtemp(prefix="pg"))
        self.password = secrets.token_hex(8)
        with socket.socket() as held:
            held.bind(("127.0.0.1", 0))
            self.port = held.getsockname()[1]
        (self._folder / "password").write_text(self.password)
        self._user: dict[str, Any] = {}
        if os.name == "posix" and os.getuid() == 0:
            self._user = {"user": "postgres", "group": "postgres", "extra_groups": []}
            for path in (self._folder, self._folder / "password"):
                shutil.chown(path, "postgres", "postgres")
        secret = ("--pwfile", str(self._folder / "password"), "--auth-host=scram-sha-256", "--auth-local=trust")
        self._run("initdb", "-U", "postgres", "--no-sync", "--no-instructions", "--no-locale", "-E", "UTF8", *secret)
        self.start()

    def _run(self, program: str, *words: str) -> None:
        command = [str(self._programs / program), "-D", str(self._folder / "data"), *words]
        with (self._folder / "said").open("ab") as said:
            subprocess.run(command, check=True, cwd=self._folder, stdout=said, stderr=said, **self._user)

    def start(self) -> None:
        """Answer at the port."""
        words = f"-p {self.port} -k {self._folder} -c listen_addresses=127.0.0.1 -c fsync=off -c shared_buffers=64MB"
        self._run("pg_ctl", "start", "-w", "-s", "-o", words, "-l", str(self._folder / "log"))

    def stop(self) -> None:
        """Go away at once, as when the power fails."""
        self._run("pg_ctl", "stop", "-w", "-s", "-m", "immediate")

    def address(self, database: str = "ice", *, user: str = "postgres", password: str | None = None) -> str:
        """Return the address of a database."""
        secret = self.password if password is None else password
        return f"postgresql://{user}:{secret}@127.0.0.1:{self.port}/{database}"

    def close(self) -> None:
        """End, and leave nothing."""
        self.stop()
        shutil.rmtree(self._folder)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Cluster]:
    """Return a PostgreSQL with a database `ice` that has PostGIS; skip, saying so, where there is none."""
    places = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name), reverse=True)
    extensions = (Path("/usr/share/postgresql") / path.parent.name / "extension" / "postgis.control" for path in places)
    programs = next((path for path, control in zip(places, extensions, strict=True) if control.exists()), None)
    if programs is None:
        reason = "no PostgreSQL with PostGIS on this machine (Debian: apt-get install postgresql postgresql-postgis)"
        if "postgres" in REQUIRED:
            pytest.fail(reason)
        pytest.skip(reason)
    import psycopg

    cluster = Cluster(programs)
    try:
        with psycopg.connect(cluster.address("postgres"), autocommit=True) as connection:
            # Of a language, as most are; where it can be had without the system's own.
            language = "LOCALE_PROVIDER icu ICU_LOCALE 'en-US'" if connection.info.server_version >= 150000 else ""
            connection.execute(f"CREATE DATABASE ice TEMPLATE template0 {language}")
        with psycopg.connect(cluster.address(), autocommit=True) as connection:
            connection.execute("CREATE EXTENSION postgis")
        yield cluster
    finally:
        cluster.close()
