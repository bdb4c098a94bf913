"""The widget works in a browser, as a page of Voilà."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

BARS = "[...document.querySelectorAll('.altiflow-bars')]"
PICTURE = "[...document.querySelectorAll('img.widget-image')].find(e => e.offsetParent && e.naturalWidth > 300)"


def test_a_page_of_voila_is_searched_by_drawing(page: Any, servers: Any, code: str, pairs: SimpleNamespace) -> None:
    browser = page.browser
    page.show(servers.page("search", code))
    page.wait_for_colours(page.MAP, above=5000)
    assert "ice speed [m/yr]" in browser.value(page.MAP + ".innerText")

    page.draw([(0.3, 0.25), (0.7, 0.25), (0.7, 0.75), (0.3, 0.75)])
    page.wait_for_text("polygon of 4 corners drawn in EPSG:3031")
    page.press("Search")
    page.wait_for_text("12 image pairs found")
    years = browser.value(f"{BARS}[0].innerText.split('\\n').map(Number)")
    assert sum(years[1::2]) == 12
    assert min(years[::2]) >= 2015
    assert browser.value("document.querySelectorAll('.altiflow-map .leaflet-overlay-pane path').length") >= 12

    before = browser.value(f"{page.TILES}[0].src")
    page.press("Build cube")
    page.wait_for_text("a cube of 12 image pairs")
    # The mean lies on the map in the place of the first pair, and fills more of it.
    browser.wait_for(f"{page.TILES}.length && {page.TILES}.every(e => e.src.split('/')[2] != '{before.split('/')[2]}')")
    page.wait_for_tiles()
    page.wait_for_colours(page.MAP, above=30_000)

    page.choose("picture", "mean speed")
    page.press("Draw")
    browser.wait_for(f"!!{PICTURE}")
    browser.value(f"{PICTURE}.scrollIntoView()")
    page.wait_for_colours(PICTURE, above=5000)
    text = browser.value(page.CODE)
    assert "figure = af.draw_speed(mean)" in text
    made: dict[str, Any] = {}
    exec(text, made)
    assert len(made["pairs"]) == 12
    assert made["mean"].sizes["time"] == 1
    assert made["figure"].axes

    # On a narrow page the panels lie between the map and its pictures.
    places = [f"{each}.getBoundingClientRect()" for each in (page.MAP, page.seen("button", "Search"), PICTURE)]
    ordered = "{0}.bottom <= {1}.top && {1}.bottom <= {2}.top".format(*places)
    for width, is_so in ((700, "true"), (1300, "false")):
        browser.resize(width=width, height=1100)
        browser.wait_for(f"({ordered}) == {is_so}")
        assert browser.value("document.documentElement.scrollWidth") <= width

    # What means nothing is said in words, and nothing breaks. What is typed is taken when the button is pressed, which
    # takes away what is drawn; the button stays below the mouse until it is let go.
    page.write("region", "somewhere nice", enter=False)
    search = page.seen("button", "Search")
    browser.wait_for(f"!{search}.disabled")
    gone = "!document.body.innerText.includes('polygon of 4 corners drawn')"
    browser.click(*browser.middle_of(search), while_held=lambda: browser.wait_for(gone))
    browser.wait_for("document.querySelector('.altiflow-bad')?.textContent.includes('somewhere nice')")
    assert "Traceback" not in browser.value("document.body.innerText")


@pytest.mark.parametrize(("title", "epsg", "pole"), [("Arctic", 3413, 90.0), ("Antarctic", 3031, -90.0)])
def test_a_polygon_around_the_pole_is_drawn_by_mouse(
    page: Any, servers: Any, title: str, epsg: int, pole: float
) -> None:
    """The pole, the antimeridian, a point at the pole, and all of it in another projection."""
    browser = page.browser
    made = f"import altiflow as af\nall = af.open_explorer(epsg={epsg})\nall.view.map.center = ({pole}, 0)\nall"
    browser.show(servers.page(title, made), width=1300, height=1100)
    browser.wait_for(f"{page.MAP}?.querySelector('.leaflet-draw-draw-marker')")
    browser.wait_for(f"{page.MAP}.querySelectorAll('.leaflet-land-pane path').length")
    paths = f"[...{page.MAP}.querySelectorAll('.leaflet-overlay-pane path')].filter(e => e.getBBox().width > 0).length"
    icons = f"{page.MAP}.querySelectorAll('.leaflet-marker-pane img').length"

    page.draw([(0.4, 0.4), (0.6, 0.4), (0.6, 0.6), (0.4, 0.6)])
    page.wait_for_text("-180.00 to 180.00 °E")
    assert f"{pole:.2f}" in browser.value("document.body.innerText")
    browser.wait_for(f"{paths} == 1")

    # Across the antimeridian, which runs up on the left of 3413 and down in 3031.
    across = (0.43, 0.25) if epsg == 3413 else (0.47, 0.75)
    page.draw(
        [across, (across[0] + 0.06, across[1]), (across[0] + 0.06, across[1] + 0.06), (across[0], across[1] + 0.06)]
    )
    browser.wait_for(f"!document.body.innerText.includes('{pole:.2f}')")
    browser.wait_for(f"{paths} == 1")

    browser.click_on("document.querySelector('.leaflet-draw-draw-marker')")
    page.click_map(0.5, 0.5)
    page.wait_for_text("within 5 km of")
    browser.wait_for(f"{icons} == 1 && {paths} == 0")
    page.press("Web Mercator")
    browser.wait_for(f"{page.MAP}?.querySelector('.leaflet-draw-draw-rectangle')")
    assert "within 5 km of" in browser.value("document.body.innerText")
    page.press("No region")
    browser.wait_for("!document.body.innerText.includes('within 5 km of')")


def test_tiles_of_files_need_no_server_but_the_notebooks(page: Any, servers: Any, code: str) -> None:
    address = servers.page("files", code.replace("source=", "reach='files', source="))
    page.show(address, width=1100, height=900)
    assert page.browser.value(f"{page.TILES}[0].src").startswith(servers.address("voila"))
    page.wait_for_colours(page.MAP, above=5000)
