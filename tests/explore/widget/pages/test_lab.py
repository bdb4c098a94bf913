"""The widget works in a browser, in JupyterLab."""

from __future__ import annotations

from typing import Any

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
