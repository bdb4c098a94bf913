"""A page of Voilà with the widget: places picked on the map, a pair of images tracked, by mouse and keyboard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from affine import Affine
from scipy.ndimage import gaussian_filter, shift

import altiflow as af

CODE = """
import altiflow as af
field = af.read_velocity("velocity.nc")
widget = af.open_explorer(field, epsg=3413)
widget.points.set_velocity("velocity.nc")
widget.box
"""


PICTURE = "[...document.querySelectorAll('img.widget-image')].some(e => e.offsetParent && e.naturalWidth > 300)"


def write_inputs(folder: Path) -> None:
    """Write a velocity field and two images that show a motion of 2 px to the right."""
    axis = 20_000.0 * np.arange(100)
    bounds = np.array([["2020-01-01", "2020-02-01"], ["2020-02-01", "2020-03-01"]], "M8[ns]")
    velocity = af.build_field(
        np.full((2, 100, 100), 300.0),
        np.full((2, 100, 100), 400.0),
        x=-1e6 + axis,
        y=-1e6 + axis[::-1],
        crs=3413,
        time_bnds=bounds,
        units="m/yr",
        year_days=365.25,
        velocity_metric="map",
        metric_source="user",
        source="page",
    )
    af.write_velocity(velocity, folder / "velocity.nc")
    texture = 20_000 + 9000 * gaussian_filter(np.random.default_rng(1).normal(size=(160, 160)), 1.5)
    (folder / "images").mkdir()
    for day, image in ((200, texture), (216, shift(texture, (0, 2), order=5, mode="nearest"))):
        profile = {"driver": "GTiff", "height": 160, "width": 160, "count": 1, "dtype": "uint16", "crs": "EPSG:32607"}
        where = Affine(15, 0, 465_067.5, 0, -15, 6_681_577.5)
        with rasterio.open(
            folder / "images" / f"LC80630182016{day}LGN00_B8.TIF", "w", **profile, transform=where
        ) as out:
            out.write(np.clip(image, 1, 65535).astype(np.uint16), 1)


def test_places_and_tracking_by_mouse_and_keyboard(page: Any, servers: Any) -> None:
    browser, folder = page.browser, servers.notebooks
    write_inputs(folder)
    page.show(servers.page("panels", CODE))
    page.open_tab("Points", "longitude [°]")
    browser.wait_for("!document.querySelector('.leaflet-draw').offsetParent")
    page.click_map(0.5, 0.5)
    # The last field that the place which was picked fills.
    browser.wait_for(f"{page.field('latitude [°]')}.value != ''")
    page.write("longitude [°]", "-45")
    page.write("latitude [°]", "79")
    page.write("name", "typed")
    page.press("add")
    browser.wait_for(f"[...{page.field('places')}.options].map(e => e.text).includes('typed')")
    page.press("velocity in time")
    page.wait_for_text("velocities at")
    browser.wait_for(PICTURE)

    page.open_tab("Tracking", "images")
    page.write("images", str(folder / "images"))
    page.press("list")
    browser.wait_for(f"{page.field('first image')}.options.length == 2")
    page.choose("first image", "2016")
    page.choose("second image", "2016")
    page.wait_for_text("16.00 days apart")
    browser.click_on(page.seen(".jupyter-widget-Collapse-header", "How it is searched"))
    page.write("spacing [px]", "0")
    page.wait_for_text("use a whole number from 1 to 10000")
    # What is refused gives way to what was there.
    browser.wait_for(f"{page.field('spacing [px]')}.value != '0'")
    page.write("spacing [px]", "8")
    page.write("radius [px]", "6")
    page.wait_for_text("looks 6 px far")
    page.press("track")
    page.wait_for_text("velocity on ")
    browser.wait_for(PICTURE)
    page.write("save as", str(folder / "pair.nc"))
    page.press("save")
    page.wait_for_text("written: ")
    found = af.read_velocity(folder / "pair.nc")
    # 2 px of 15 m in 16 days.
    assert float(found["vx"].median()) == pytest.approx(30 / 16 * 365.25, rel=0.01)
    assert "af.track_pair(" in browser.value(page.CODE)
