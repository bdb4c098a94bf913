"""Cycles: arrays on (point, cycle) as one row for each point and cycle."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from altiflow.errors import MissingDataError
from altiflow.readers.icesat2.engines import Arrays
from altiflow.readers.icesat2.products import Layout

__all__ = ["CycleEngine"]

Array = npt.NDArray[np.generic]


class CycleEngine:
    """A granule whose arrays come with one value for each point and cycle, cycles of a point together."""

    def __init__(self, source: Arrays, layout: Layout, granule: str) -> None:
        self._source, self._layout, self._granule = source, layout, granule

    def read(self, paths: Sequence[str]) -> dict[str, Array | None]:
        """Return the arrays (points * cycles,) of each path, None where there is no such data set.

        Raises
        ------
        MissingDataError
            If points have no cycle numbers.
        """
        groups = {path.split("/")[0] for path in paths}
        axes = [f"{group}/{name}" for group in groups for name in (self._layout.paths["latitude"], self._layout.cycles)]
        arrays = self._source.read(list(dict.fromkeys([*paths, *axes])))
        return {path: self._flat(path, arrays) for path in paths}

    def _flat(self, path: str, arrays: dict[str, Array | None]) -> Array | None:
        """Return an array along points and cycles; as it is where it lies on neither."""
        group, name = path.split("/", 1)
        values = arrays[path]
        points = arrays[f"{group}/{self._layout.paths['latitude']}"]
        cycles = arrays[f"{group}/{self._layout.cycles}"]
        if values is None or points is None:
            return values
        if cycles is None:
            raise MissingDataError(
                f"{self._granule}: {group}/{self._layout.cycles} is missing, so nothing tells the cycles apart; "
                "the granule may have been subset by variable"
            )
        shape = (points.size, cycles.size)
        if name == self._layout.cycles:
            return np.tile(values.ravel(), points.size)
        if values.shape == shape[:1]:
            return np.repeat(values, cycles.size)
        return values.ravel()
