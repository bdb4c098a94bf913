"""From records to cells: statistics, uncertainty and quantiles of each cell and period."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError
from altiflow.gridding.kernel import merge_states, run_starts
from altiflow.gridding.periods import Times, bin_times
from altiflow.gridding.tally.records import Records, regroup

__all__ = ["Cells", "cells_of", "histograms", "quantiles_of"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cells:
    """Statistics of every cell and period that holds anything (m,), in the order (period, cell).

    Attributes
    ----------
    period, cell
        Which.
    states
        Of dtype STATE: all its segments merged in the order of the names of their passes.
    passes, sections
        Number of passes, and of reference-surface sections (0 where they are not known).
    between
        Sum over the passes g of the squared change of the mean where g is left out; 0 for one pass.
    correlated
        Sum over the sections s of (sum of w sigma_ref)^2; with a correlation of neighbours, their products beside it.
    starts, records
        The records they are made of, one per pass, and where those of each cell start.
    """

    period: Ints
    cell: Ints
    states: npt.NDArray[np.void]
    passes: Ints
    sections: Ints
    between: Floats
    correlated: Floats
    starts: Ints
    records: Records

    @property
    def std(self) -> Floats:
        """Weighted population standard deviation of the segments."""
        return np.asarray(np.sqrt(self.states["m2"] / self.states["weight"]))

    @property
    def sigma(self) -> Floats:
        """1-sigma of the mean from those of the segments; NaN where one of them is not known.

        Var = [sum over sections s of (sum of w sigma_ref)^2 + sum over segments of f w^2 sigma^2] / W^2: the error of
        a reference surface is common to all segments of its section, the rest is the segments' own; f is how often
        segments cover the same ground, since those photons are counted f times.
        """
        return np.asarray(np.sqrt(self.correlated + self.states["noise"]) / self.states["weight"])

    @property
    def sigma_passes(self) -> Floats:
        """1-sigma of the mean from the scatter of the passes; NaN for one pass.

        Passes are taken as independent clusters, and each is left out in turn (the delete-one jackknife, Wolter 2007,
        Introduction to Variance Estimation, 4.2): Var = (G-1)/G sum over the G passes of the squared change of the
        mean, which is W_g (mean_g - mean) / (W - W_g).
        """
        group = self.passes.astype(float)
        return np.asarray(np.sqrt(np.where(group > 1, (group - 1.0) / group * self.between, np.nan)))


def cells_of(records: Records, value: int, periods: Times, step: int | None, *, section_rho: float = 0.0) -> Cells:
    """Return the statistics of one value per cell and period, from records of any number of passes and bins.

    Parameters
    ----------
    records
        The records.
    value
        Number of the value.
    periods
        [start, end) (t, 2); records in none of them are left out.
    step
        Length of the bins of the records [s]; None puts all records into the one period, whatever their bins.
    section_rho
        Correlation of the errors of two reference-surface sections of a pass that follow each other; of those k apart
        it is the power k of it.

    Raises
    ------
    InputError
        If a period begins or ends inside a bin, or the correlation is not from 0 to 1.
    """
    if not 0 <= section_rho <= 1:
        raise InputError(f"section_rho is a correlation from 0 to 1, got {section_rho!r}")
    chosen = records.where(records.states["value"] == value)
    bins = chosen.states["bin"]
    place = np.zeros(bins.size, np.int64)
    if step is not None and bins.size:
        begin = bins.astype("datetime64[s]")
        place = bin_times(begin, periods)
        if _cut(bins, periods, step):
            raise InputError(
                f"the periods cut through the tally's time bins of {step} s; take longer periods, or make the tally "
                "with a shorter step"
            )
        chosen, place = chosen.where(place >= 0), place[place >= 0]
    states = chosen.states.copy()
    states["bin"] = place
    chosen = Records(states, chosen.details)
    merged = regroup(chosen.states, chosen.details)
    states = merged.states
    if states.size == 0:
        nothing, zeros = np.empty(0, np.int64), np.empty(0)
        return Cells(nothing, nothing, merge_states(states, nothing), nothing, nothing, zeros, zeros, nothing, merged)
    starts = run_starts((states["cell"][1:] != states["cell"][:-1]) | (states["bin"][1:] != states["bin"][:-1]))
    found = merge_states(states, starts)
    passes = np.diff(starts, append=states.size)
    away = (states["mean"] - np.repeat(found["mean"], passes)) * states["weight"]
    rest = np.repeat(found["weight"], passes) - states["weight"]
    change = np.divide(away, rest, out=np.zeros(away.size), where=np.repeat(passes, passes) > 1)
    sections, correlated = _section_sums(merged, starts, section_rho)
    return Cells(
        period=np.ascontiguousarray(states["bin"][starts]),
        cell=np.ascontiguousarray(states["cell"][starts]),
        states=found,
        passes=passes,
        sections=sections,
        between=np.add.reduceat(change * change, starts),
        correlated=correlated,
        starts=starts,
        records=merged,
    )


def _cut(bins: Ints, periods: Times, step: int) -> bool:
    """Return whether a period begins or ends inside a bin that holds anything."""
    edges = np.unique(periods[~np.isnat(periods)]).astype(np.int64)
    held, second = np.unique(bins), 10**9
    later = np.searchsorted(edges, held * second, side="right")
    inside = edges[np.minimum(later, edges.size - 1)] < (held + step) * second if edges.size else np.zeros(1, bool)
    return bool((inside & (later < edges.size)).any())


def _section_sums(records: Records, starts: Ints, rho: float) -> tuple[Ints, Floats]:
    """Return the number of sections of each cell, and the variance of the sum of their amounts."""
    found = records.details.get("sections")
    if found is None or found.size == 0:
        return np.zeros(starts.size, np.int64), np.zeros(starts.size)
    cell = _cell_of(records, starts)[found["record"]]
    first = run_starts(cell[1:] != cell[:-1])
    sections, sums = np.zeros(starts.size, np.int64), np.zeros(starts.size)
    sections[cell[first]] = np.diff(first, append=found.size)
    sums[cell[first]] = np.add.reduceat(found["amount"] ** 2, first)
    if rho > 0:
        np.add.at(sums, *_neighbour_products(found, cell, rho))
    return sections, sums


def _neighbour_products(found: npt.NDArray[np.void], cell: Ints, rho: float) -> tuple[Ints, Floats]:
    """Return cell and 2 rho^k times the product of the amounts of every two sections of a record, k apart."""
    order = np.lexsort((found["key"], found["record"]))
    record, key, amount, owner = found["record"][order], found["key"][order], found["amount"][order], cell[order]
    cells, products = [np.empty(0, np.int64)], [np.empty(0)]
    for lag in range(1, order.size):
        pair = np.flatnonzero(record[lag:] == record[:-lag])
        if pair.size == 0:
            break
        apart = (key[pair + lag] - key[pair]).astype(float)
        cells.append(owner[pair])
        products.append(2 * rho**apart * amount[pair] * amount[pair + lag])
    return np.concatenate(cells), np.concatenate(products)


def _cell_of(records: Records, starts: Ints) -> Ints:
    """Return which cell each record belongs to."""
    return np.repeat(np.arange(starts.size), np.diff(starts, append=records.states.size))


def quantiles_of(cells: Cells, shares: npt.ArrayLike) -> dict[str, Floats]:
    """Return weighted quantiles, median absolute deviation and mode of each cell, by name.

    A quantile is the smallest value at which the cumulative weight reaches its share of the whole; ``mad`` is the
    median of the distances from the median; ``mode`` the value of the greatest weight, the smallest of several.
    """
    owner, key, amount = _samples(cells)
    found = {_share_name(share): _quantile(owner, key, amount, share) for share in np.atleast_1d(np.asarray(shares))}
    median = _quantile(owner, key, amount, 0.5)
    away = np.abs(key - median[owner])
    order = np.lexsort((away, owner))
    found["mad"] = _quantile(owner, away[order], amount[order], 0.5)
    greatest = np.lexsort((key, -amount, owner))
    found["mode"] = key[greatest][_first(owner)]
    return found


def _share_name(share: float) -> str:
    """Return the name of a quantile.

    Examples
    --------
    >>> [_share_name(share) for share in (0.5, 0.05, 0.975)]
    ['median', 'q05', 'q97_5']
    """
    if share == 0.5:
        return "median"
    whole, _, rest = f"{share * 100:.10g}".partition(".")
    return f"q{whole.zfill(2)}" + (f"_{rest}" if rest else "")


def _samples(cells: Cells) -> tuple[Ints, Floats, Floats]:
    """Return cell, value and weight of the samples, in the order (cell, value), equal values added up."""
    detail = cells.records.details["samples"]
    owner = _cell_of(cells.records, cells.starts)[detail["record"]]
    order = np.lexsort((detail["key"], owner))
    owner, key, amount = owner[order], detail["key"][order], detail["amount"][order]
    starts = run_starts((owner[1:] != owner[:-1]) | (key[1:] != key[:-1])) if owner.size else np.empty(0, np.int64)
    if starts.size == 0:
        return owner, key, amount
    return owner[starts], key[starts], np.add.reduceat(amount, starts)


def _first(owner: Ints) -> Ints:
    """Return the first sample of each cell."""
    return run_starts(owner[1:] != owner[:-1]) if owner.size else np.empty(0, np.int64)


def _quantile(owner: Ints, key: Floats, amount: Floats, share: float) -> Floats:
    """Return one quantile of each cell from samples in the order (cell, value)."""
    if not 0.0 <= share <= 1.0:
        raise InputError(f"quantiles are shares from 0 to 1, got {share!r}")
    first = _first(owner)
    if first.size == 0:
        return np.empty(0)
    total = np.cumsum(amount)
    before = np.concatenate([[0.0], total[first[1:] - 1]])
    whole = np.append(total[first[1:] - 1], total[-1]) - before
    # Rounding of the running sum must not push a share past the value that reaches it.
    wanted = before + share * whole - np.maximum(1e-12 * whole, 4 * np.finfo(float).eps * total[-1])
    last = np.append(first[1:], owner.size) - 1
    place = np.clip(np.searchsorted(total, wanted, side="left"), first, last)
    return np.asarray(key[place])


def histograms(cells: Cells, bins: int) -> Any:
    """Return the weight in each bin of each cell (m, bins)."""
    weights = np.zeros((cells.cell.size, bins))
    detail = cells.records.details["histogram"]
    owner = _cell_of(cells.records, cells.starts)[detail["record"]]
    np.add.at(weights, (owner, detail["key"].astype(np.int64)), detail["amount"])
    return weights
