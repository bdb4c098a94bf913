"""Fits: weighted least squares of a model to the pairs of each pixel, one after the other in compiled code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from altiflow.gridding.cubes.blocks import Samples
from altiflow.gridding.cubes.inversion.compiled.groups import make_model
from altiflow.gridding.cubes.inversion.compiled.lists import Stored, find_pairs, lay_flat, list_pairs
from altiflow.gridding.cubes.inversion.compiled.pixels import Answers, fit_pixels
from altiflow.gridding.cubes.inversion.compiled.sums import Model, Pairs
from altiflow.gridding.cubes.inversion.estimates import Estimate, Layout, Weighing, fill_rows
from altiflow.gridding.cubes.inversion.normals import Rows

__all__ = ["CompiledFits", "compile_fits"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]

_ROOM = 2**22
"""Pairs that are listed at once, at 12 to 20 bytes each as they are found, and 20 to 36 as they are listed."""


@dataclass(frozen=True)
class CompiledFits:
    """A fit for each pixel, as a computation on views for :func:`altiflow.gridding.cubes.blocks.map_pixels`.

    Attributes
    ----------
    layout
        Where in the result the parts lie.
    layers, rows
        Layers of the cube that may be used, in the order of the model, and which of all of the model's rows they are.
    model
        The rows of the model and the price of roughness.
    weighing
        How pairs weigh, and which count.
    """

    layout: Layout
    layers: Ints
    rows: Ints
    model: Model
    weighing: Weighing

    def __call__(self, samples: Samples) -> Floats:
        """Return the rows of :class:`Layout` for each pixel."""
        stored, known = self._weigh(samples)
        return self._fit(stored, known, samples.vx.shape[1])

    def _fit(self, stored: tuple[Stored, ...], known: Floats, pixels: int) -> Floats:
        """Return the rows for some pixels, in two halves where there is no room for all their pairs."""
        listed = self._list(stored, known, pixels)
        if listed is None:
            half = pixels // 2
            second = tuple(Stored(one.values[half:], one.step) for one in stored)
            return np.concatenate([self._fit(stored, known, half), self._fit(second, known, pixels - half)], axis=1)
        total, start, stop, lists = listed
        answers = _make_answers(self.model, pixels)
        fit_pixels(self.model, start, stop, lists, self.weighing.threshold, self.weighing.least, answers)
        return self._tell(answers, total, stop - start)

    def _list(self, stored: tuple[Stored, ...], known: Floats, pixels: int) -> tuple[Ints, Ints, Ints, Pairs] | None:
        """Return pairs in each pixel, where its list begins and ends (m,), and the lists; None if they are too many."""
        wide, total = len(stored) == 4, np.zeros(pixels, np.int64)
        # Room for a row more than there may be: what is not written to takes no memory.
        most = min(max(_ROOM, self.layers.size), self.layers.size * pixels) + pixels
        row, pixel = np.empty(self.layers.size + 1, np.int64), np.empty(most, np.int32)
        values = np.empty((most, len(stored)), stored[0].values.dtype)
        four = stored if wide else (*stored, *stored)
        if find_pairs(*four, self.layers, total, row, pixel, values) < 0:  # type: ignore[call-arg]
            return None
        bounds = np.concatenate([[0], np.cumsum(total)])
        size, start = int(bounds[-1]), bounds[:-1]
        lists = Pairs(np.empty(size, np.int32), np.empty((size, 2)), np.empty((size * wide, 2)), known)
        stop = start.copy()
        list_pairs(row, pixel, values, stop, lists)
        return total, start, stop, lists

    def _weigh(self, samples: Samples) -> tuple[tuple[Stored, ...], Floats]:
        """Return velocities, with sigmas where each pixel has its own, as they lie; else weights of layers (n, 2)."""
        given, told = (samples.vx_sigma, samples.vy_sigma), self.weighing.sigma
        if told is None and any(one is not None and one.shape[1] > 1 for one in given):
            wide = [np.broadcast_to(one, samples.vx.shape) for one in given if one is not None]
            return _alike(samples.vx, samples.vy, *wide), np.zeros((0, 2))
        if told is not None:
            sigma = np.repeat(told[self.rows], 2, axis=1)
        else:
            sigma = np.concatenate([one[self.layers] for one in given if one is not None], axis=1)
        good = np.isfinite(sigma) & (sigma > 0)
        return _alike(samples.vx, samples.vy), np.divide(1.0, sigma**2, out=np.zeros(sigma.shape), where=good)

    def _tell(self, answers: Answers, there: Ints, listed: Ints) -> Floats:
        """Return the rows of the result."""
        places = self.layout.places()
        found = np.full((self.layout.rows, there.size), np.nan)
        first, second = (
            Estimate(
                answers.factors[c],
                answers.apart[c],
                answers.variance[c],
                answers.beside[c],
                answers.squares[c],
                answers.parameters[c],
            )
            for c in (0, 1)
        )
        pairs = answers.pairs.astype(np.float64)
        fill_rows(
            found, self.layout, (first, second), count=answers.count, pairs=pairs, min_pairs=self.weighing.min_pairs
        )
        found[:, listed == 0] = np.nan
        found[places["count"]], found[places["overlap_days"]] = answers.count, answers.days
        found[places["n_pairs"]], found[places["n_rejected"]] = pairs, listed - pairs
        found[places["n_without_sigma"]] = there - listed
        return found


def compile_fits(layout: Layout, rows: Rows, days: Floats, penalty: Floats, weighing: Weighing) -> CompiledFits:
    """Return the fits to the rows of a model, whose layers, in their order, last so many days (n,)."""
    model, held = make_model(rows, days, penalty, layout.levels)
    return CompiledFits(layout, rows.order[held].astype(np.int64), held, model, weighing)


def _alike(*values: npt.NDArray[np.floating]) -> tuple[Stored, ...]:
    """Return arrays of one type that compiled code knows, as they lie if they are."""
    single = all(one.dtype == np.float32 and one.dtype.isnative for one in values)
    return tuple(lay_flat(one.astype(np.float32 if single else np.float64, copy=False)) for one in values)


def _make_answers(model: Model, pixels: int) -> Answers:
    """Return room for the answers for some pixels."""
    count = len(model.penalty)
    return Answers(
        factors=np.empty((2, count, pixels)),
        apart=np.empty((2, count, pixels), np.bool_),
        variance=np.empty((2, count, pixels)),
        beside=np.empty((2, pixels)),
        squares=np.empty((2, pixels)),
        parameters=np.empty((2, pixels)),
        count=np.zeros((model.levels, pixels)),
        days=np.zeros((model.levels, pixels)),
        pairs=np.empty(pixels, np.int64),
    )
