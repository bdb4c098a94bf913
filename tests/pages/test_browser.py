"""The browser that looks at pages sees what is on them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

PAGE = """<!doctype html><html lang="en"><title>t</title>
<meta name="viewport" content="width=device-width, initial-scale=1"><body style="margin:0">
<p id="word">ice</p><div style="width:{width}px">wide</div></body></html>"""


def test_a_page_wider_than_the_window_is_seen_as_such(browser: Any, tmp_path: Path) -> None:
    for width, wider in ((300, False), (700, True)):
        page = tmp_path / f"{width}.html"
        page.write_text(PAGE.format(width=width), encoding="utf-8")
        browser.show(page, width=390)
        assert browser.value("document.getElementById('word').textContent") == "ice"
        assert (browser.value("document.documentElement.scrollWidth") > 390) is wider


def test_a_picture_is_as_large_as_the_window(browser: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text(PAGE.format(width=10), encoding="utf-8")
    browser.show(page, width=320, height=200)
    picture = browser.picture(tmp_path / "page.png").read_bytes()
    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert [int.from_bytes(picture[at : at + 4]) for at in (16, 20)] == [320, 200]


def test_a_button_that_moves_away_from_a_click_is_clicked_once(browser: Any, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    away = "if (!window.moved++) e.style.marginTop = '60px'"
    page.write_text(
        "<!doctype html><html lang='en'><title>t</title><button style='width: 80px; height: 30px'>b</button>"
        "<script>window.moved = window.clicks = 0; const e = document.querySelector('button');"
        f"e.addEventListener('mousedown', () => {{{away}}});"
        "e.addEventListener('click', () => window.clicks++)</script>",
        encoding="utf-8",
    )
    browser.show(page, width=320, height=200)
    browser.click_on("document.querySelector('button')")
    assert browser.value("[window.moved, window.clicks]") == [2, 1]


def test_a_script_that_fails_is_an_error(browser: Any, tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="not defined"):
        browser.value("nothing.there")
