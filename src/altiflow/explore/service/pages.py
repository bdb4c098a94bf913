"""Pages: which items of several catalogues stand on one, in the order of the catalogues or sorted."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from threading import Lock
from time import monotonic
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from altiflow.errors import RequestError
from altiflow.explore.service.answers.items import COLLECTIONS
from altiflow.explore.service.asking.items import ItemSearch
from altiflow.explore.service.asking.queryables import QUERYABLES
from altiflow.explore.service.asking.shaping import SortKey, check_sort
from altiflow.explore.service.catalogues import ServedCatalogue

__all__ = ["Page", "Pager"]

_TYPES = {"text": pa.string(), "number": pa.float64(), "whole": pa.int64(), "moment": pa.timestamp("us")}
_REMEMBERED = 8
"""Sorted searches that are remembered, for the next page."""
_MOST_ROWS = 10_000_000
"""Most rows of all these but the last; each takes 9 bytes."""


@dataclass(frozen=True)
class Order:
    """Rows of several catalogues in an order: which catalogue (n,) uint8, and which place in it (n,) int64."""

    numbers: npt.NDArray[np.uint8]
    places: npt.NDArray[np.int64]

    def part(self, first: int, count: int) -> Order:
        """Return some of the rows."""
        return Order(self.numbers[first : first + count], self.places[first : first + count])


@dataclass(frozen=True)
class Page:
    """A page: its rows in order, where the next one begins ("" where there is none), and how many rows there are."""

    rows: Order
    following: str
    matched: int


class Pager:
    """Finds the pages of searches; the order of a sorted one is remembered, so that only its first page sorts."""

    def __init__(self) -> None:
        self._orders: OrderedDict[Hashable, Order] = OrderedDict()
        self._lock = Lock()

    def find(self, catalogues: Sequence[ServedCatalogue], search: ItemSearch) -> Page:
        """Return the page that a search asks for.

        A row of a page that is not there any more, as its catalogue was replaced, is as none: the first page comes.

        Raises
        ------
        RequestError
            If the search means nothing or takes too long.
        """
        kinds = [one.store.kind for one in catalogues]
        check_sort(search.sort, kinds or list(QUERYABLES))
        wanted = [(search.query(kind), search.filter(kind, kinds, catalogues[0].limits)) for kind in kinds]
        versions = [one.store.version for one in catalogues]
        found = [one.shown(one.find(*each)).places for one, each in zip(catalogues, wanted, strict=True)]
        if search.sort:
            order = self._sorted((*versions, *wanted, *kinds, search.sort), catalogues, found, search.sort)
            first = _place_in(order, search.after)
        else:
            order = _joined(found)
            first = _first_from(found, search.after)
        following = order.part(first + search.limit, 1)
        token = f"{following.numbers[0]}.{following.places[0]}" if len(following.places) else ""
        return Page(order.part(first, search.limit), token, len(order.places))

    def _sorted(
        self,
        asked: Hashable,
        catalogues: Sequence[ServedCatalogue],
        found: Sequence[npt.NDArray[np.int64]],
        keys: Sequence[SortKey],
    ) -> Order:
        """Return the rows found in the order that is asked for."""
        with self._lock:
            if asked in self._orders:
                self._orders.move_to_end(asked)
                return self._orders[asked]
        order = _sort(catalogues, found, keys)
        with self._lock:
            self._orders[asked] = order
            held = sum(len(one.places) for one in self._orders.values())
            while len(self._orders) > _REMEMBERED or (held > _MOST_ROWS and len(self._orders) > 1):
                held -= len(self._orders.popitem(last=False)[1].places)
        return order


def _joined(found: Sequence[npt.NDArray[np.int64]]) -> Order:
    """Return the rows of one catalogue after those of the other."""
    numbers = np.repeat(np.arange(len(found), dtype=np.uint8), [len(places) for places in found])
    return Order(numbers, np.concatenate([np.empty(0, np.int64), *found]))


def _first_from(found: Sequence[npt.NDArray[np.int64]], after: tuple[int, int] | None) -> int:
    """Return which of the rows of one catalogue after the other is the first from one on."""
    number, place = after or (0, 0)
    before = sum(len(places) for places in found[:number])
    return before + (int(np.searchsorted(found[number], place)) if number < len(found) else 0)


def _place_in(order: Order, after: tuple[int, int] | None) -> int:
    """Return which of sorted rows a row is, the first where it is not there."""
    if after is None:
        return 0
    there = np.flatnonzero((order.numbers == after[0]) & (order.places == after[1]))
    return int(there[0]) if len(there) else 0


def _sort(
    catalogues: Sequence[ServedCatalogue], found: Sequence[npt.NDArray[np.int64]], keys: Sequence[SortKey]
) -> Order:
    """Return rows sorted by keys; what is the same in all of them stays in the order of the catalogues."""
    deadline = monotonic() + min(one.limits.seconds for one in catalogues) if catalogues else 0.0
    whole = _joined(found)
    tables = [_keys(one, places, keys, deadline) for one, places in zip(catalogues, found, strict=True)]
    if not tables:
        return whole
    by = [(str(number), "descending" if key.descending else "ascending") for number, key in enumerate(keys)]
    order = pc.sort_indices(pa.concat_tables(tables).combine_chunks(), sort_keys=by).to_numpy()
    return Order(whole.numbers[order], whole.places[order])


def _keys(one: ServedCatalogue, places: npt.NDArray[np.int64], keys: Sequence[SortKey], deadline: float) -> pa.Table:
    """Return what the rows of a catalogue are sorted by, a column for each key; what is not told is null."""
    kind = one.store.kind
    columns = list(dict.fromkeys(QUERYABLES[kind][key.name].column for key in keys if key.name in QUERYABLES[kind]))
    values: dict[str, list[Any]] = {name: [] for name in columns}
    for batch in one.store.rows(places, columns) if columns else ():
        if monotonic() > deadline:
            reason = f"the search took longer than {one.limits.seconds:g} s"
            raise RequestError("", "", reason, "ask for fewer items, or leave sortby out", 503)
        for name, told in zip(columns, zip(*batch, strict=True), strict=True):
            values[name].extend(told)
    arrays = [_array(kind, key, values, len(places)) for key in keys]
    return pa.table({str(number): array for number, array in enumerate(arrays)})


def _array(kind: str, key: SortKey, values: dict[str, list[Any]], count: int) -> pa.Array:
    """Return the values of a key."""
    if key.name == "collection":
        return pa.array([COLLECTIONS[kind]] * count, pa.string())
    queryable = QUERYABLES[kind].get(key.name)
    if queryable is None:
        other = next(named[key.name] for named in QUERYABLES.values() if key.name in named)
        return pa.nulls(count, _TYPES[other.kind])
    return pa.array(values[queryable.column], _TYPES[queryable.kind])
