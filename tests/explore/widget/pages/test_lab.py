"""The widget works in a browser, in JupyterLab."""

from __future__ import annotations

import time
from typing import Any
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import ProxyHandler, build_opener

APP = "window.jupyterapp"
NOTEBOOK = "window.jupyterapp?.shell.currentWidget"
READY = f"{NOTEBOOK}?.context?.isReady && {NOTEBOOK}?.sessionContext?.isReady"
OPTIONS = (
    "--ServerApp.ip=127.0.0.1",
    "--IdentityProvider.token=",
    "--allow-root",
    "--expose-app-in-browser",
    "--LabApp.news_url=",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
)


def test_a_notebook_of_jupyterlab_is_searched_by_drawing(page: Any, servers: Any, code: str) -> None:
    browser = page.browser
    servers.put("lab", code)
    browser.show(f"{servers.address('jupyterlab', *OPTIONS)}/lab/tree/lab.ipynb?reset", width=1280, height=1100)
    browser.wait_for(READY)
    browser.value(f"(() => {{{APP}.commands.execute('notebook:run-all-cells'); return 1}})()")
    page.wait_for_map()
    page.wait_for_colours(page.MAP, above=5000)
    assert "ice speed [m/yr]" in browser.value(page.MAP + ".innerText")
    page.draw([(0.2, 0.25), (0.8, 0.25), (0.8, 0.75), (0.2, 0.75)])
    page.wait_for_text("polygon of 4 corners drawn in EPSG:3031")
    page.press("Search")
    page.wait_for_text("12 image pairs found")
    made: dict[str, Any] = {}
    exec(browser.value(page.CODE), made)
    assert len(made["pairs"]) == 12

    # The cell runs again: the tiles of the widget that was seen are served no more.
    old = browser.value(f"{page.TILES}[0].src")
    assert answers(old)
    browser.value(f"(() => {{{APP}.commands.execute('notebook:run-all-cells'); return 1}})()")
    browser.wait_for(f"{page.TILES}.length && {page.TILES}.every(e => e.src.split('/')[2] != {urlsplit(old).netloc!r})")
    page.wait_for_map()
    end = time.monotonic() + browser.PATIENCE
    while answers(old):
        assert time.monotonic() < end, f"{old} is served still"
        time.sleep(0.2)
    assert answers(browser.value(f"{page.TILES}[0].src"))


def answers(address: str) -> bool:
    """Return whether what serves an address answers."""
    try:
        build_opener(ProxyHandler({})).open(address).close()
    except URLError:
        return False
    return True
