"""Searches: the parameters of the searches for pairs and for granules, and the queries they make."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from altiflow.errors import InputError, RequestError
from altiflow.explore.service.asking.parameters import Parameter
from altiflow.explore.service.asking.places import text_region
from altiflow.explore.service.limits import ServiceLimits
from altiflow.explore.service.stores import Query, granule_query, pair_query
from altiflow.readers.catalogue.moments import as_moment
from altiflow.readers.catalogue.pairs.choosing.words import as_words
from altiflow.readers.catalogue.pairs.request import make_search
from altiflow.region import Region

__all__ = [
    "SERIALIZATIONS",
    "check_period",
    "form_parameters",
    "granule_parameters",
    "make_query",
    "pair_parameters",
    "place_parameters",
    "take_region",
]

SERIALIZATIONS = ("json", "text", "html", "zip")
_YES, _NO = ("true", "1", "yes"), ("false", "0", "no")
_DAY = "give a day, month, year or moment, such as 2019-04-20"


def form_parameters() -> tuple[Parameter, ...]:
    """Return the parameters that say how an answer is written."""
    return (
        Parameter(
            "serialization",
            "Form of the answer; zip holds the JSON.",
            partial(_one_of, words=SERIALIZATIONS),
            f"give {', '.join(SERIALIZATIONS)}",
            schema={"type": "string", "enum": list(SERIALIZATIONS), "default": "json"},
        ),
        Parameter(
            "compression",
            "Whether the answer comes in a zip archive.",
            _truth,
            "give true or false",
            aliases=("compressed",),
            schema={"type": "boolean", "default": False},
        ),
    )


def _one_of(text: str, words: tuple[str, ...]) -> str:
    """Return a word if it is known."""
    if text.lower() not in words:
        raise ValueError(text)
    return text.lower()


def _truth(text: str) -> bool:
    """Return whether a word says yes."""
    return _one_of(text, _YES + _NO) in _YES


def place_parameters(limits: ServiceLimits) -> tuple[Parameter, ...]:
    """Return where and when."""
    area = {"type": "string", "pattern": r"^-?[0-9.]+(,-?[0-9.]+)+$"}
    return (
        Parameter(
            "polygon",
            "Corners lon,lat,lon,lat,... [degrees]; a step of more than 180 degrees crosses the antimeridian.",
            lambda text: text_region("polygon", text, limits),
            "give lon,lat of each corner",
            schema={**area, "example": "-50,69,-48,69,-48,70,-50,70"},
        ),
        Parameter(
            "bbox",
            "west,south,east,north [degrees]; west above east crosses the antimeridian.",
            lambda text: text_region("bbox", text, limits),
            "give west,south,east,north",
            schema={**area, "example": "-50,69,-48,70"},
        ),
        Parameter("start", "First moment (UTC); a day, month or year is meant whole.", _moment("start"), _DAY),
        Parameter("end", "Last moment (UTC); a day, month or year is meant whole.", _moment("end"), _DAY),
    )


def _moment(name: str) -> Callable[[str], str]:
    """Return what reads a moment, kept as text so that a day stays whole."""

    def convert(text: str) -> str:
        as_moment(text, name, last=name == "end")
        return text

    return convert


def pair_parameters(limits: ServiceLimits) -> tuple[Parameter, ...]:
    """Return the parameters of a search for image pairs: those of ITS_LIVE's former service, and more."""
    days = {"type": "number", "minimum": 0}
    return (
        *place_parameters(limits),
        Parameter(
            "percent_valid_pixels",
            "Least share of valid pixels [percent].",
            lambda text: make_search(percent_valid_pixels=float(text)).percent_valid_pixels,
            "give 0 to 100, such as 40",
            schema={"type": "number", "minimum": 0, "maximum": 100},
        ),
        Parameter(
            "min_separation",
            "Least days between the images.",
            lambda text: make_search(min_separation=float(text)).min_separation,
            "give a number of days from 0 on, such as 6",
            aliases=("min_interval",),
            schema=days,
        ),
        Parameter(
            "max_separation",
            "Most days between the images.",
            lambda text: make_search(max_separation=float(text)).max_separation,
            "give a number of days from 0 on, such as 120",
            aliases=("max_interval",),
            schema=days,
        ),
        Parameter(
            "mission",
            "landsat, sentinel1, sentinel2 or nisar, or several with commas; both images are of these.",
            lambda text: make_search(mission=text).mission,
            "give landsat, sentinel1, sentinel2 or nisar",
            several=True,
        ),
        Parameter(
            "satellite",
            "L8, S1A ..., or several with commas; both images are of these.",
            partial(_words, limits=limits, pattern=re.compile(r"[A-Za-z0-9]{1,8}")),
            "give names such as L8 or S2A, with commas between",
            several=True,
        ),
        Parameter(
            "version",
            "v00, v01 or v02, or several with commas.",
            lambda text: make_search(version=_words(text, limits)).version,
            "give v02, 002 or 2",
            several=True,
        ),
        Parameter(
            "months",
            "Months of the middle: Nov-Feb, or 11,12,1.",
            lambda text: make_search(months=text).months,
            "give 1 to 12, a name such as Nov, or Nov-Feb",
            several=True,
        ),
        Parameter(
            "period_rule",
            "Pairs of the period: middle in it, both images inside it, or any moment between them touching it.",
            partial(_one_of, words=("middle", "inside", "touching")),
            "give middle, inside or touching",
            schema={"type": "string", "enum": ["middle", "inside", "touching"], "default": "middle"},
        ),
    )


def granule_parameters(limits: ServiceLimits) -> tuple[Parameter, ...]:
    """Return the parameters of a search for granules."""
    word = re.compile(r"[A-Za-z0-9 _.-]{1,40}")
    return (
        *place_parameters(limits),
        Parameter(
            "product",
            "Short name such as ATL10, or several with commas.",
            partial(_words, limits=limits, pattern=word),
            "give short names such as ATL10, with commas between",
            several=True,
        ),
        Parameter(
            "version",
            "Version as the archive writes it, such as 006, or several with commas.",
            partial(_words, limits=limits, pattern=word),
            "give versions such as 006, with commas between",
            several=True,
        ),
        *(
            Parameter(
                name,
                meaning,
                partial(_numbers, limits=limits, greatest=greatest),
                f"give whole numbers from 1 to {greatest}, with commas between",
                schema={"type": "string", "pattern": r"^[0-9]{1,5}(,[0-9]{1,5})*$"},
                several=True,
            )
            for name, meaning, greatest in (
                ("cycle", "91-day repeat cycle, or several with commas.", 9999),
                ("rgt", "Reference ground track, or several with commas.", 1387),
            )
        ),
        Parameter(
            "hemisphere",
            "north or south.",
            partial(_one_of, words=("north", "south")),
            "give north or south",
            schema={"type": "string", "enum": ["north", "south"]},
        ),
    )


def _words(text: str, limits: ServiceLimits, pattern: re.Pattern[str] | None = None) -> tuple[str, ...]:
    """Return the words of a list, not too many."""
    words = as_words(text)
    if not 0 < len(words) <= limits.values or (pattern and not all(pattern.fullmatch(word) for word in words)):
        raise ValueError(text)
    return words


def _numbers(text: str, limits: ServiceLimits, greatest: int) -> tuple[int, ...]:
    """Return the whole numbers of a list, not too many."""
    words = _words(text, limits, re.compile(r"[0-9]{1,5}"))
    numbers = tuple(int(word) for word in words)
    if not all(1 <= number <= greatest for number in numbers):
        raise ValueError(text)
    return numbers


def take_region(values: dict[str, Any]) -> Region | None:
    """Return where, None for everywhere, and take it out of the values of a request.

    Raises
    ------
    RequestError
        If it is said twice.
    """
    told = {name: values.pop(name) for name in [*values] if name in ("polygon", "bbox")}
    if len(told) > 1:
        raise RequestError(next(iter(told)), "", "polygon and bbox are both given", "give the one or the other")
    return next(iter(told.values()), None)


def check_period(values: Mapping[str, Any]) -> None:
    """Raise RequestError for a period that ends before it begins."""
    first, last = (as_moment(values.get(side), side, last=side == "end") for side in ("start", "end"))
    if first and last and first > last:
        raise RequestError(
            "start", str(values["start"]), f"start {first} is after end {last}", "turn start and end round"
        )


def make_query(kind: str, values: Mapping[str, Any]) -> Query:
    """Return the query of the values of a request.

    Raises
    ------
    RequestError
        If two values contradict each other.
    """
    given = dict(values)
    region = take_region(given)
    try:
        if kind == "pairs":
            return pair_query(make_search(region=region, **given))
        check_period(given)
        return granule_query(region=region, **given)
    except InputError as error:
        about = ("start", "start and end") if "start" in str(error) else ("min_separation", "the limits")
        raise RequestError(about[0], given.get(about[0], ""), str(error), f"turn {about[1]} round") from error
