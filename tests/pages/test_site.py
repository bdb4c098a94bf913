"""The built pages: links lead somewhere, pictures say what they show, and a telephone shows all of it."""

from __future__ import annotations

import os
import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest

SITE = Path(os.environ.get("ALTIFLOW_SITE", ""))
pytestmark = pytest.mark.skipif(
    not os.environ.get("ALTIFLOW_SITE"), reason="ALTIFLOW_SITE names no folder of built pages (make pages)"
)

PHONE = 390
"""Width of a telephone [CSS pixel]."""

TOO_WIDE = """[...document.querySelectorAll('article *')].filter(one => {
  const box = one.getBoundingClientRect();
  if (box.width === 0 || box.right <= innerWidth + 1) return false;
  for (let up = one.parentElement; up; up = up.parentElement)
    if (['auto', 'scroll', 'hidden'].includes(getComputedStyle(up).overflowX) && up.scrollWidth > up.clientWidth)
      return up.getBoundingClientRect().right > innerWidth + 1;
  return true;
}).slice(0, 3).map(one => one.outerHTML.slice(0, 120))"""
"""Elements that reach beyond the window and lie in no box that scrolls."""


class Page(HTMLParser):
    """What a page links to, shows, and can be linked at."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.anchors: set[str] = {""}
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        self.anchors |= {held[key] or "" for key in ("id", "name") if key in held}
        if tag == "img":
            self.pictures.append(held)
        self.links += [held[key] or "" for key in ("href", "src") if held.get(key)]


@cache
def pages() -> dict[Path, Page]:
    """Return all pages of the site."""
    found = {path.resolve(): Page(path) for path in sorted(SITE.rglob("*.html"))}
    assert found, f"{SITE} holds no pages; build them first (make docs)"
    return found


def shown() -> list[str]:
    """Return the names of the pages that are for readers."""
    return sorted(str(path.relative_to(SITE)) for path in SITE.rglob("*.html") if "_static" not in path.parts)


def test_links_within_the_site_lead_to_a_file_and_an_anchor_that_are_there() -> None:
    broken = []
    for path, page in pages().items():
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.is_file():
                broken.append(f"{path.name}: {link}")
            elif target in pages() and unquote(parts.fragment) not in pages()[target].anchors:
                broken.append(f"{path.name}: {link} (no such anchor)")
    assert broken == []


def test_addresses_elsewhere_are_well_formed_and_listed() -> None:
    """None is fetched; the list is for whoever looks at them with a network."""
    found = sorted({link for page in pages().values() for link in page.links if urlsplit(link).scheme})
    wrong = []
    for link in found:
        parts = urlsplit(link)
        if parts.scheme in {"data", "mailto"}:
            continue
        host = re.fullmatch(r"([a-z0-9-]+\.)+[a-z]{2,}", parts.hostname or "")
        digital = parts.hostname != "doi.org" or re.fullmatch(r"/10\.\d{4,9}/\S+", parts.path)
        if parts.scheme not in {"https", "http"} or not host or not digital or re.search(r"[\s<>]", link):
            wrong.append(link)
    (SITE.parent / "addresses.txt").write_text("\n".join(found) + "\n", encoding="utf-8")
    assert wrong == []


def test_every_picture_says_in_words_what_it_shows() -> None:
    mute = [
        f"{path.name}: {picture.get('src')}"
        for path, page in pages().items()
        for picture in page.pictures
        if len((picture.get("alt") or "").split()) < 3 and "_static/" not in (picture.get("src") or "")
    ]
    assert mute == []


@pytest.mark.parametrize("name", shown() if os.environ.get("ALTIFLOW_SITE") else [])
def test_a_telephone_shows_the_page_without_scrolling_sideways(browser: Any, name: str) -> None:
    browser.show(SITE / name, width=PHONE)
    assert browser.value("document.documentElement.scrollWidth") <= PHONE
    assert browser.value(TOO_WIDE) == []
