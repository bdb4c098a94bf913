"""The passes of a tally: which granule and beam each is, and how many rows it brought."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import pandas as pd

from altiflow.errors import InputError
from altiflow.gridding.kernel import NO_TIME
from altiflow.readers.catalogue.names import granule_key, parse_granule_name

__all__ = ["Passes", "check_granules", "check_once", "granule_release", "join_passes"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Passes:
    """Granule and beam of every pass, sorted, and its rows.

    Attributes
    ----------
    names
        (granule, beam) of each pass, in order.
    rows
        Rows of the table (passes,).
    left_out
        Rows without a usable value, weight or time (passes, values).
    """

    names: tuple[tuple[str, str], ...]
    rows: Ints
    left_out: Ints

    @property
    def granules(self) -> tuple[str, ...]:
        """The granules, sorted."""
        return tuple(sorted({granule for granule, _ in self.names}))

    @property
    def beams(self) -> tuple[str, ...]:
        """The beams, sorted."""
        return tuple(sorted({beam for _, beam in self.names}))

    def where(self, keep: npt.NDArray[np.bool_]) -> Passes:
        """Return the passes for which `keep` (passes,) is true."""
        names = tuple(name for name, kept in zip(self.names, keep, strict=True) if kept)
        return Passes(names, self.rows[keep], self.left_out[keep])


def join_passes(parts: Sequence[Passes]) -> tuple[Passes, list[npt.NDArray[np.int32]]]:
    """Return the passes of all parts, rows of the same pass added up, and each part's new numbers.

    Examples
    --------
    >>> one = Passes((("b", "gt1l"),), np.array([3]), np.array([[1]]))
    >>> two = Passes((("a", "gt1l"), ("b", "gt1l")), np.array([5, 4]), np.array([[0], [2]]))
    >>> joined, numbers = join_passes([one, two])
    >>> joined.rows.tolist(), [part.tolist() for part in numbers]
    ([5, 7], [[1], [0, 1]])
    """
    names = sorted({name for part in parts for name in part.names})
    place = {name: number for number, name in enumerate(names)}
    numbers = [np.array([place[name] for name in part.names], np.int32) for part in parts]
    rows = np.zeros(len(names), np.int64)
    left_out = np.zeros((len(names), parts[0].left_out.shape[1]), np.int64)
    for part, own in zip(parts, numbers, strict=True):
        rows[own] += part.rows
        left_out[own] += part.left_out
    return Passes(tuple(names), rows, left_out), numbers


@lru_cache(maxsize=200_000)
def granule_release(name: str) -> tuple[str, str]:
    """Return product and release that the name of a granule tells; "" where it tells none.

    Examples
    --------
    >>> granule_release("ATL10-01_20190101000000_00010201_006_02")
    ('ATL10', '006')
    """
    try:
        found = parse_granule_name(name)
    except InputError:
        return "", ""
    return found.product, found.version


def check_granules(names: Iterable[str]) -> None:
    """Refuse granules that are there in two releases, revisions or subsets: their segments would count twice.

    Raises
    ------
    InputError
        With both names.
    """
    held: dict[str, str] = {}
    for name in names:
        other = held.setdefault(granule_key(name), name)
        if other != name:
            raise InputError(
                f"{other} and {name} are one granule in two releases, revisions or subsets, which would count twice; "
                "leave one of them out"
            )


_SAME = ("unit", "value", "bin", "cell", "first", "last", "count", "weight", "mean")
_WHOLE_SECOND = 10**9


def check_once(parts: Sequence[npt.NDArray[np.void]], passes: Passes, numbers: Sequence[npt.NDArray[np.int32]]) -> None:
    """Refuse states of tallies with the same segments of a granule: of one beam no two segments have one time.

    Records of a beam, cell and bin that begin or end at the same time hold the same segment. Where times are whole
    seconds, records must be the same in all, and without times nothing is found.
    """
    times = np.bincount(np.concatenate(numbers), minlength=len(passes.names))
    shared = (times > 1) & np.array([granule != "" for granule, _ in passes.names], bool)
    if not shared.any():
        return
    rows = []
    for states, own in zip(parts, numbers, strict=True):
        keep = shared[own[states["unit"]]] & (states["first"] != NO_TIME)
        columns = {name: states[name][keep] for name in _SAME} | {"unit": own[states["unit"][keep]]}
        rows.append(pd.DataFrame(columns))
    found = pd.concat(rows, ignore_index=True)
    same = found.duplicated(list(_SAME), keep=False)
    for name in ("first", "last"):
        fine = found[name] % _WHOLE_SECOND != 0
        same |= fine & found.duplicated(["unit", "value", "bin", "cell", name], keep=False)
    if same.any():
        granule, beam = passes.names[int(found.loc[same, "unit"].min())]
        raise InputError(
            f"segments of granule {granule}, beam {beam or 'not stated'}, are there twice; parts of a beam can be "
            "added, the same part only once"
        )
