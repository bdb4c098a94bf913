"""A served field: velocity on a map, whole and in coarser steps, so that any tile is drawn from few cells."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr

from altiflow.errors import InputError
from altiflow.gridding.remap.layers import read_layer, refuse_displacement
from altiflow.gridding.remap.resample import Lattice
from altiflow.gridding.vectors import convert_metric
from altiflow.readers.field import check_field

__all__ = ["ServedField"]

Floats = npt.NDArray[np.float64]
Cells = npt.NDArray[np.float32]

_KEPT = 4
"""Layers that are kept in memory."""
_MOST_CELLS = 40_000_000
"""Cells of a layer that is kept whole; of a larger one, means of blocks are."""
_ROWS = 2048
"""Rows read at a time."""


@dataclass(frozen=True)
class _Step:
    """A layer in one coarseness: vx and vy (2, rows, cols), and where its cells lie."""

    values: Cells
    lattice: Lattice


@dataclass(frozen=True, eq=False)
class ServedField:
    """A velocity field as requests see it.

    Attributes
    ----------
    name
        Name in addresses.
    dataset
        A velocity field, read as far as it is needed.

    Raises
    ------
    FieldError
        If it is no velocity field.
    """

    name: str
    dataset: xr.Dataset
    _layers: OrderedDict[int, list[_Step]] = field(default_factory=OrderedDict, repr=False)
    _lock: Any = field(default_factory=Lock, repr=False)

    def __post_init__(self) -> None:
        """Refuse what is no velocity."""
        refuse_displacement(check_field(self.dataset))

    def describe(self) -> dict[str, Any]:
        """Return name, CRS, unit, number of layers, period and edges on the map [m]."""
        bounds = self.dataset["time_bnds"].values
        known = bounds[~np.isnat(bounds)]
        period = [f"{moment.astype('M8[s]')}Z" for moment in (known.min(), known.max())] if known.size else [None, None]
        return {
            "name": self.name,
            "crs": str(self.dataset.attrs["crs"]) if len(str(self.dataset.attrs["crs"])) < 40 else self._epsg(),
            "units": str(self.dataset.attrs["units"]),
            "layers": int(self.dataset.sizes["time"]),
            "period": period,
            "bounds": list(Lattice.from_axes(self.dataset["x"].values, self.dataset["y"].values).bounds),
        }

    def _epsg(self) -> str:
        """Return the CRS by its code, or by its name where it has none."""
        crs = pyproj.CRS(self.dataset.attrs["crs"])
        code = crs.to_epsg()
        return str(crs.name) if code is None else f"EPSG:{code}"

    def speed_at(self, layer: int, x: Floats, y: Floats, *, spacing: float) -> Floats:
        """Return the speed on the ground at points (n,) of the map [unit of the field], NaN where there is none.

        Parameters
        ----------
        layer
            Which layer, from 0; negative counts from the end.
        x, y
            Points [m, map of the field]; not finite where the map does not reach.
        spacing
            Distance between neighbouring points [m]: the coarsest cells not larger than that are taken.

        Raises
        ------
        InputError
            If there is no such layer.
        """
        steps = self._steps(layer)
        fitting = [step for step in steps if max(step.lattice.step) <= spacing * 1.01]
        chosen = fitting[-1] if fitting else steps[0]
        speed = np.full(x.shape, np.nan)
        inside = np.isfinite(x) & np.isfinite(y)
        inside[inside] = chosen.lattice.contains(x[inside], y[inside])
        if not inside.any():
            return speed
        stencil = chosen.lattice.stencil(x[inside], y[inside], "nearest")
        vx, vy = (np.asarray(stencil.apply(part.astype(float)), float).ravel() for part in chosen.values)
        speed[inside] = self._ground_speed(vx, vy, x[inside], y[inside])
        return speed

    def _ground_speed(self, vx: Floats, vy: Floats, x: Floats, y: Floats) -> Floats:
        """Return speed on the ground, whichever metres the field is in."""
        known = np.isfinite(vx) & np.isfinite(vy)
        speed = np.full(vx.shape, np.nan)
        if known.any():
            attrs = self.dataset.attrs
            parts = convert_metric(
                vx[known],
                vy[known],
                x[known],
                y[known],
                crs=attrs["crs"],
                source=attrs["velocity_metric"],
                target="ground",
            )
            speed[known] = np.hypot(*parts)
        return speed

    def _steps(self, layer: int) -> list[_Step]:
        """Return a layer in all coarsenesses, the finest first."""
        count = self.dataset.sizes["time"]
        if not -count <= layer < count:
            raise InputError(f"layer {layer} is not there; the field has 0 to {count - 1}")
        number = layer % count
        # One reads and the others wait: the same layer is not read twice.
        with self._lock:
            if number not in self._layers:
                self._layers[number] = list(self._coarsen(number))
            self._layers.move_to_end(number)
            while len(self._layers) > _KEPT:
                self._layers.popitem(last=False)
            return self._layers[number]

    def _coarsen(self, number: int) -> Iterator[_Step]:
        """Yield a layer, and means of 2 x 2 cells of the one before until few are left."""
        x, y = (np.asarray(self.dataset[axis].values, float) for axis in ("x", "y"))
        block = 1
        while (len(x) // block) * (len(y) // block) > _MOST_CELLS:
            block *= 2
        height = max(_ROWS // block, 1) * block
        parts = [
            _block_means(read_layer(self.dataset, number, slice(top, top + height), slice(None))[:2], block)
            for top in range(0, len(y), height)
        ]
        values = np.concatenate(parts, axis=1)
        x, y = _block_centres(x, block), _block_centres(y, block)
        while min(values.shape[1:]) >= 2:
            yield _Step(values, Lattice.from_axes(x, y))
            if min(values.shape[1:]) < 4:
                return
            values, x, y = _block_means(values, 2), _block_centres(x, 2), _block_centres(y, 2)


def _block_means(values: npt.NDArray[np.floating[Any]], block: int) -> Cells:
    """Return means of blocks of cells (2, rows, cols), those at the end with the cells that are there.

    Examples
    --------
    >>> _block_means(np.array([[[1.0, 3.0, 5.0]], [[np.nan, 2.0, np.nan]]]), 2).tolist()
    [[[2.0, 5.0]], [[2.0, nan]]]
    """
    if block == 1:
        return values.astype(np.float32)
    rows, cols = (-(-size // block) for size in values.shape[1:])
    padded = np.full((2, rows * block, cols * block), np.nan, np.float32)
    padded[:, : values.shape[1], : values.shape[2]] = values
    blocks = padded.reshape(2, rows, block, cols, block)
    known = np.isfinite(blocks)
    count = known.sum(axis=(2, 4))
    total = np.where(known, blocks, 0.0).sum(axis=(2, 4), dtype=np.float64)
    means = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
    return np.asarray(means, dtype=np.float32)


def _block_centres(centres: Floats, block: int) -> Floats:
    """Return the centres of blocks of cells, as if the last one were whole."""
    if block == 1:
        return centres
    step = (centres[-1] - centres[0]) / (len(centres) - 1)
    count = -(-len(centres) // block)
    return np.asarray(centres[0] + step * (block * np.arange(count) + (block - 1) / 2))
