"""What every test may use: the real files and a browser, where they are at hand."""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

REQUIRED = {word.strip() for word in os.environ.get("ALTIFLOW_REQUIRE", "").split(",") if word.strip()}
DATA = Path(os.environ.get("ALTIFLOW_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


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
    """Headless Chromium, told what to do over two pipes in its DevTools protocol; it sees local files alone."""

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
        "--remote-debugging-pipe",
    )

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
        self.order("Network.setBlockedURLs", urls=["http://*", "https://*"])

    def _next(self, seconds: float = 60.0) -> dict[str, Any]:
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
            until = "" if got.get("method") == until else until
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return dict(answer["result"])

    def show(self, page: str | Path, *, width: int, height: int = 900) -> None:
        """Load a page (a file, or an address with what follows #) in a window of so many CSS pixels."""
        address = page.resolve().as_uri() if isinstance(page, Path) else page
        self.order(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.order("Page.navigate", until="Page.loadEventFired", url=address)

    def value(self, script: str) -> Any:
        """Return what an expression of JavaScript is on the page."""
        got = self.order("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in got:
            raise RuntimeError(got["exceptionDetails"]["exception"]["description"])
        return got["result"].get("value")

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
