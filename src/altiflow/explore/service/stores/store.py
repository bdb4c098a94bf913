"""The store: where the rows of a catalogue are looked up, whatever database holds them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from altiflow.explore.service.stores.query import Query
from altiflow.readers.catalogue.collecting import CatalogueKind

__all__ = ["COLUMNS", "NO_YEAR", "Found", "Store", "sort_found"]

NO_YEAR = -(2**31)
"""Year of a row that tells no time."""

COLUMNS = {
    "pairs": (
        "granule", "url", "start", "end", "mid", "separation_days", "time_resolution", "mission", "satellite",
        "percent_valid", "version", "epsg",
    ),
    "granules": (
        "granule", "product", "version", "revision", "start", "end", "rgt", "cycle", "hemisphere", "orientation",
        "size_mb", "checksum", "url_https", "url_s3", "path",
    ),
}  # fmt: skip
"""Columns of each kind of catalogue that a store holds; all have ``address``, ``local`` and ``wkb`` besides: where the
file is for everybody, where it is on this machine, and its footprint."""


@dataclass(frozen=True, eq=False)
class Found:
    """Which rows meet a query.

    Attributes
    ----------
    places
        (n,) int64 places of the rows in the catalogue, rising: pairs by their middle, granules by their start.
    years
        (n,) int32 year of the middle or of the start; ``NO_YEAR`` where no time is told.
    public
        (n,) bool, whether the row has an address for everybody, and not a path alone.
    without_footprint
        Rows that meet every test but tell no footprint, so that they are in no region.
    """

    places: npt.NDArray[np.int64]
    years: npt.NDArray[np.int32]
    public: npt.NDArray[np.bool_]
    without_footprint: int = 0


class Store(Protocol):
    """A catalogue that can be asked by many at once.

    Attributes
    ----------
    kind
        "pairs" or "granules".
    size
        Number of rows.
    version
        Number of what is held, which is another one when the catalogue was replaced; places of one version mean nothing
        in another.
    """

    @property
    def kind(self) -> CatalogueKind:
        """What the rows are."""

    @property
    def size(self) -> int:
        """How many rows there are."""

    @property
    def version(self) -> int:
        """Which catalogue of those that stood here is held."""

    def find(self, query: Query, *, seconds: float) -> Found:
        """Return which rows meet a query, exactly.

        Raises
        ------
        TimeoutError
            If it takes longer.
        DatabaseError
            If the database does not answer.
        """

    def rows(self, places: npt.NDArray[np.int64], columns: Sequence[str]) -> Iterator[list[tuple[Any, ...]]]:
        """Yield columns of the rows at rising places, some thousand at a time; what is not told is None."""

    def place_of(self, granule: str) -> int | None:
        """Return the place of a granule, None if it is not there."""

    def extent(self) -> dict[str, Any]:
        """Return the first and last moment (``start``, ``end``) and the box of all (``bbox``), None where not told."""

    def close(self) -> None:
        """Let go of what is held; closing twice is the same as once."""


def sort_found(
    places: Sequence[npt.NDArray[Any]],
    years: Sequence[npt.NDArray[Any]],
    public: Sequence[npt.NDArray[Any]],
    without_footprint: int,
) -> Found:
    """Return what batches of rows hold, in the order of the catalogue."""
    joined = np.concatenate([np.empty(0, np.int64), *places]).astype(np.int64)
    order = np.argsort(joined)
    return Found(
        joined[order],
        np.concatenate([np.empty(0, np.int32), *years]).astype(np.int32)[order],
        np.concatenate([np.empty(0, bool), *public]).astype(bool)[order],
        without_footprint,
    )
