"""Words of a choice of pairs: months, seasons, missions, versions, moments, and what they mean."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from altiflow.errors import InputError

__all__ = [
    "MISSIONS",
    "SEASONS",
    "Months",
    "as_words",
    "mission_words",
    "month_numbers",
    "season_months",
    "version_word",
]

Months = int | str | Sequence[int | str]

MISSIONS = ("landsat", "sentinel1", "sentinel2", "nisar")
SEASONS = {"DJF": (12, 1, 2), "MAM": (3, 4, 5), "JJA": (6, 7, 8), "SON": (9, 10, 11)}
"""Three months each, by their first letters: northern winter, spring, summer and autumn."""

# Written out, as the names that calendar knows change with the locale.
_MONTHS = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
_ALIASES = {
    "landsatoli": "landsat",
    "l": "landsat",
    "s1": "sentinel1",
    "s2": "sentinel2",
    **{f"l{number}": "landsat" for number in range(4, 10)},
}


def month_numbers(months: Months) -> tuple[int, ...]:
    """Return months as numbers 1 to 12, sorted, each once.

    Parameters
    ----------
    months
        Numbers, English names ("November", "nov") or ranges that may run over the end of the year ("Nov-Feb");
        one, several, or several in one text, separated by commas.

    Raises
    ------
    InputError
        If a month means nothing, or none is given.

    Examples
    --------
    >>> month_numbers("Nov-Feb"), month_numbers([6, "july"]), month_numbers("1,12")
    ((1, 2, 11, 12), (6, 7), (1, 12))
    """
    given: list[int | str] = [months] if isinstance(months, (int, str)) else list(months)
    words = [word for item in given for word in (item.split(",") if isinstance(item, str) else [item])]
    if not words:
        raise InputError("months is empty; name at least one, such as 'November' or 11")
    return tuple(sorted({month for word in words for month in _month_range(word)}))


def _month_range(word: int | str) -> list[int]:
    """Return the months of a name, a number or a range."""
    if isinstance(word, str) and "-" in word.strip("-"):
        first, last = (_month(part) for part in word.split("-", 1))
        return [(first - 1 + step) % 12 + 1 for step in range((last - first) % 12 + 1)]
    return [_month(word)]


def _month(word: int | str) -> int:
    """Return the number of a month."""
    text = str(word).strip().lower()
    if text.isdigit() and 1 <= int(text) <= 12 and not isinstance(word, bool):
        return int(text)
    found = [number for number, name in enumerate(_MONTHS, 1) if len(text) >= 3 and name.startswith(text)]
    if len(found) != 1:
        raise InputError(f"month {word!r} means nothing; use 1 to 12, an English name such as 'Nov', or 'Nov-Feb'")
    return found[0]


def season_months(seasons: str | Sequence[str]) -> tuple[int, ...]:
    """Return the months of seasons, "DJF", "MAM", "JJA" or "SON".

    Raises
    ------
    InputError
        If a season is none of these.
    """
    words = as_words(seasons)
    unknown = [word for word in words if word.upper() not in SEASONS]
    if unknown or not words:
        raise InputError(f"season {', '.join(unknown) or 'of no name'} means nothing; known are {', '.join(SEASONS)}")
    return tuple(sorted({month for word in words for month in SEASONS[word.upper()]}))


def as_words(words: str | Iterable[str]) -> tuple[str, ...]:
    """Return one word or several, also separated by commas, as a tuple."""
    given = words.split(",") if isinstance(words, str) else list(words)
    return tuple(str(word).strip() for word in given if str(word).strip())


def mission_words(missions: str | Iterable[str]) -> tuple[str, ...]:
    """Return missions as the catalogue writes them, sorted; "Sentinel-1", "S1" and "landsatOLI" are understood.

    Raises
    ------
    InputError
        If a mission is not known.

    Examples
    --------
    >>> mission_words("Sentinel-1, landsatOLI")
    ('landsat', 'sentinel1')
    """
    found = []
    for word in as_words(missions):
        plain = re.sub(r"[\s_-]", "", word.lower())
        plain = _ALIASES.get(plain, plain)
        if plain not in MISSIONS:
            raise InputError(f"mission {word!r} is not known; known are {', '.join(MISSIONS)}")
        found.append(plain)
    return tuple(sorted(set(found)))


def version_word(version: str | int) -> str:
    """Return a version as the catalogue writes it.

    Raises
    ------
    InputError
        If it is no number.

    Examples
    --------
    >>> version_word(2), version_word("002"), version_word("V01")
    ('v02', 'v02', 'v01')
    """
    match = re.fullmatch(r"[vV]?0*(\d{1,2})", str(version).strip())
    if match is None or isinstance(version, bool):
        raise InputError(f"version {version!r} is no version of ITS_LIVE; use 'v02', '002' or 2")
    return f"v{int(match[1]):02d}"
