"""Servers of notebooks on this machine, and a page with the widget that is used as a user does."""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
import numpy as np
import pytest
from PIL import Image

import altiflow as af
from altiflow.explore.service import EmbeddedStore, make_app, start_app

PATIENT = ("--VoilaExecutor.startup_timeout=180", "--VoilaExecutor.iopub_timeout=180")
"""Voilà shows a page without what a busy kernel told too late."""
_OWN_FOLDERS = ("JUPYTER_CONFIG_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_WORKSPACES_DIR")
open_address = urllib.request.build_opener(urllib.request.ProxyHandler({})).open


@pytest.fixture(scope="session")
def pairs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SimpleNamespace]:
    """Return simulated image pairs, and the address of a service of them."""
    made = af.make_pairs(tmp_path_factory.mktemp("pairs"), pairs=12)
    with start_app(make_app(EmbeddedStore(made.index), show_paths=True)) as running:
        yield SimpleNamespace(index=made.index, paths=made.paths, url=running.url)


@pytest.fixture(scope="session")
def code(pairs: SimpleNamespace) -> str:
    """Return code that opens the widget over the first pair, to search the service."""
    return (
        "import altiflow as af\n"
        f"field = af.read_velocity({str(pairs.paths[0])!r})\n"
        f"explorer = af.open_explorer(field, source={pairs.url!r})\n"
        "explorer"
    )


class Servers:
    """Servers of notebooks that run in a folder of their own, one of each kind, begun when first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.notebooks = folder / "notebooks"
        self.notebooks.mkdir()
        self._begun: dict[str, tuple[subprocess.Popen[bytes], str]] = {}

    def address(self, module: str, *options: str) -> str:
        """Return the address of a server, which shows the notebooks of the folder."""
        if module not in self._begun:
            self._begun[module] = self._begin(module, options)
        return self._begun[module][1]

    def put(self, name: str, code: str) -> None:
        """Write a notebook of one cell."""
        spec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)], metadata={"kernelspec": spec})
        nbformat.write(made, self.notebooks / f"{name}.ipynb")

    def page(self, name: str, code: str) -> str:
        """Return the address of a page of Voilà that runs code."""
        self.put(name, code)
        return f"{self.address('voila', '--Voila.ip=127.0.0.1', *PATIENT)}/voila/render/{name}.ipynb"

    def _begin(self, module: str, options: tuple[str, ...]) -> tuple[subprocess.Popen[bytes], str]:
        if importlib.util.find_spec(module) is None:
            reason = f"{module} is not installed (pip install {module})"
            if "browser" in os.environ.get("ALTIFLOW_REQUIRE", ""):
                pytest.fail(reason)
            pytest.skip(reason)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        own = {name: str(self._folder / name) for name in _OWN_FOLDERS}
        log = self._folder / f"{module}.log"
        with log.open("wb") as told:
            command = [sys.executable, "-m", module, *options, "--no-browser", f"--port={port}"]
            # A group of its own, so that its kernels end with it.
            begun = subprocess.Popen(
                command, cwd=self.notebooks, env={**os.environ, **own}, stdout=told, stderr=told, start_new_session=True
            )
        address = f"http://127.0.0.1:{port}"
        end = time.monotonic() + 180
        while not _answers(address):
            if time.monotonic() > end or begun.poll() is not None:
                pytest.fail(f"{module} did not begin: {log.read_text()[-2000:]}")
            time.sleep(0.1)
        return begun, address

    def close(self) -> None:
        """End all servers, and the kernels that they began."""
        for process, _ in self._begun.values():
            process.terminate()
        for process, _ in self._begun.values():
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@pytest.fixture(scope="session")
def servers(browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Return servers of notebooks, which end with the tests."""
    made = Servers(tmp_path_factory.mktemp("servers"))
    yield made
    browser.show("about:blank", width=400)
    made.close()


class Page:
    """A page with the widget, seen and moved as a user does."""

    MAP = "document.querySelector('.altiflow-map')"
    CODE = "document.querySelector('.altiflow-code pre').textContent"
    TILES = "[...document.querySelectorAll('.altiflow-map img.leaflet-tile')]"

    def __init__(self, browser: Any, folder: Path) -> None:
        self.browser, self._folder = browser, folder

    def show(self, address: str, *, width: int = 1300, height: int = 1100) -> None:
        """Load a page, until map and tiles are there and clicks reach the map."""
        self.browser.show(address, width=width, height=height)
        self.wait_for_map()

    def wait_for_map(self) -> None:
        """Wait until map and tiles are there and clicks reach the map."""
        self.wait_for_tiles()
        # Controls are the last that the map is given: it listens once they are there.
        self.browser.wait_for(f"{self.MAP}.querySelector('.leaflet-draw-draw-marker')")

    def wait_for_tiles(self) -> None:
        """Wait until all tiles are there."""
        self.browser.wait_for(
            f"{self.TILES}.length && {self.TILES}.every(each => each.complete && each.naturalWidth"
            " && each.classList.contains('leaflet-tile-loaded') && getComputedStyle(each).opacity == 1)"
        )

    def wait_for_text(self, text: str) -> None:
        """Wait until the page says something."""
        self.browser.wait_for(f"document.body.innerText.includes({text!r})")

    @staticmethod
    def seen(kind: str, text: str) -> str:
        """Return what finds an element of a text that is seen, in JavaScript."""
        plain = "e.textContent.replaceAll('\\u00a0', ' ').trim()"
        return f"[...document.querySelectorAll('{kind}')].find(e => {plain} == {text!r} && e.offsetParent)"

    @classmethod
    def field(cls, name: str) -> str:
        """Return what finds the field beside a name."""
        return f"{cls.seen('.widget-label', name)}?.parentElement.querySelector('input,textarea,select')"

    def press(self, text: str) -> None:
        """Click on a button, as soon as it can be clicked."""
        found = self.seen("button", text)
        self.browser.wait_for(f"{found} && !{found}.disabled")
        self.browser.click_on(found)

    def open_tab(self, text: str, until: str) -> None:
        """Open a tab, until a field of it is seen."""
        found = self.seen(".lm-TabBar-tabLabel", text)
        self.browser.wait_for(f"!!{found}")
        self.browser.click_on(found)
        self.browser.wait_for(f"!!{self.field(until)}")

    def write(self, name: str, text: str, *, enter: bool = True) -> None:
        """Write into a field, in the place of what is there, and press Enter."""
        self.browser.wait_for(f"!!{self.field(name)}")
        self.browser.click_on(self.field(name))
        self.browser.write(text, enter=enter)

    def choose(self, name: str, text: str) -> None:
        """Choose the first of a list whose line has a text."""
        # Widgets write spaces of lists as ones that break no line.
        at = f"[...{self.field(name)}.options].findIndex(o => o.text.replaceAll('\\u00a0', ' ').includes({text!r}))"
        self.browser.wait_for(f"!!{self.field(name)} && {at} >= 0")
        change = "e.dispatchEvent(new Event('change', {bubbles: true}))"
        self.browser.value(f"(() => {{const e = {self.field(name)}; e.selectedIndex = {at}; {change}}})()")

    def box_of(self, element: str) -> list[float]:
        """Return left, top, width and height of an element in the window [CSS pixels]."""
        shown = f"const e={element}; e.scrollIntoView({{block: 'nearest'}}); const r=e.getBoundingClientRect();"
        return list(self.browser.value(f"(() => {{{shown} return [r.x, r.y, r.width, r.height]}})()"))

    def click_map(self, across: float, down: float) -> None:
        """Click on the map at shares of its width and height."""
        left, top, width, height = self.box_of(self.MAP)
        self.browser.click(left + across * width, top + down * height)

    def draw(self, corners: list[tuple[float, float]]) -> None:
        """Draw a polygon on the map; corners are shares of its width and height."""
        self.browser.click_on("document.querySelector('.leaflet-draw-draw-polygon')")
        for number, corner in enumerate([*corners, corners[0]], 1):
            self.click_map(*corner)
            # The last click is on the first corner, and ends the shape.
            expected = number % (len(corners) + 1)
            self.browser.wait_for(f"{self.MAP}.querySelectorAll('.leaflet-editing-icon').length == {expected}")
            # The map takes no corner for a while after one, by its own clock.
            self.browser.value("new Promise(done => setTimeout(done, 300))")

    def wait_for_colours(self, element: str, *, above: int) -> None:
        """Wait until more than so many pixels of an element have the colours of speed."""
        end = time.monotonic() + self.browser.PATIENCE
        while (found := self.colours_in(element)) <= above:
            assert time.monotonic() < end, f"{found} pixels of {element} are coloured, not {above}"
            time.sleep(0.2)

    def colours_in(self, element: str) -> int:
        """Return how many pixels of an element have the colours of speed: strong ones, unlike land and sea."""
        left, top, width, height = (max(round(value), 0) for value in self.box_of(element))
        picture = Image.open(self.browser.picture(self._folder / "window.png")).convert("RGB")
        pixels = np.asarray(picture, int)[top : top + height, left : left + width]
        return int((np.ptp(pixels, axis=2) > 60).sum())


@pytest.fixture
def page(browser: Any, tmp_path: Path) -> Page:
    """Return a page to be shown."""
    return Page(browser, tmp_path)


def _answers(address: str) -> bool:
    """Return whether a server answers at all."""
    try:
        open_address(f"{address}/api/nothing", timeout=5).close()
    except urllib.error.HTTPError as error:
        error.close()
    except OSError:
        return False
    return True
