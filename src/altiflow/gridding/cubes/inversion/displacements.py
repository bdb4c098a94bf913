"""Displacements: velocity in time from the displacements of many image pairs, by least squares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import EmptyDataError, InputError
from altiflow.gridding.cubes.blocks import map_pixels
from altiflow.gridding.cubes.inversion.batched import PixelFits
from altiflow.gridding.cubes.inversion.batched.tables import make_tables
from altiflow.gridding.cubes.inversion.estimates import Layout, Weighing
from altiflow.gridding.cubes.inversion.models import SEASON_DAYS, Level, Model, ModelName, make_model
from altiflow.gridding.cubes.inversion.normals import Rows, slice_rows
from altiflow.gridding.cubes.layers import (
    EPOCH,
    Spans,
    bin_field,
    carry_attrs,
    count_without_sigma,
    find_bins,
    has_sigmas,
    layer_spans,
)
from altiflow.gridding.kernel import Engine, choose_engine
from altiflow.readers.field import space_dims
from altiflow.units import YEAR_DAYS, convert_factor

__all__ = ["PairWeights", "invert_displacements"]

Floats = npt.NDArray[np.float64]

PairWeights = Literal["displacement", "constant", "velocity"]
"""What pairs weigh by: sigmas of the cube, one error of displacement for all, or one error of velocity for all."""

_TEXTS = {
    "vx": "velocity along x, by least squares of displacements",
    "vy": "velocity along y, by least squares of displacements",
    "vx_sigma": "standard error of vx",
    "vy_sigma": "standard error of vy",
    "count": "image pairs that the period shares time with",
    "overlap_days": "days that image pairs share with the period, summed over pairs",
    "n_pairs": "image pairs in the fit",
    "n_rejected": "image pairs left out as outliers",
    "n_without_sigma": "image pairs left out as they have no standard error",
    "misfit": "root of the weighted mean square residual per degree of freedom",
    "trend": "change of velocity per year of 365.25 days",
    "amp": "amplitude of the annual wave",
    "phase": "day of the year (0 is 1 January) on which the annual wave is largest",
}

_BINNED = ("vx", "vy", "vx_sigma", "vy_sigma", "vx_sigma_empirical", "vy_sigma_empirical", "count", "overlap_days")
"""What has a value in each period; the rest has one for each pixel."""

_MANY = 1_000_000
"""Values of a cube from which on compiling pays."""
_TABLE = 1024
"""Layers whose rows of the model are made at once where they go into a table."""

_COUNTS = ("count", "n_pairs", "n_rejected", "n_without_sigma")


def invert_displacements(
    cube: xr.Dataset,
    periods: Any = None,
    *,
    model: ModelName = "piecewise",
    level: Level = "annual",
    weights: PairWeights = "displacement",
    displacement_sigma: float | None = None,
    smooth: float = 0.0,
    outlier_mad: float | None = 6.0,
    min_pairs: int = 1,
    engine: Engine = "auto",
    quiet: bool = True,
) -> xr.Dataset:
    """Return velocity in periods of time such that its mean over every image pair is what the pair measured.

    Parameters
    ----------
    cube
        Cube (time, y, x) or series (time, point) of velocities, in memory, lazily stored, or of dask arrays.
    periods
        Bins of time: a length ("MS", "YS", "year"), edges, bins (n, 2), an IntervalIndex, or a gridded Dataset. None
        takes calendar years (and, for "piecewise", is refused).
    model
        "piecewise": one velocity in each period. "annual": the same, in calendar years. "seasonal": that and one
        annual wave. "cyclic": one velocity for each of the 12 calendar months, the same in all years.
    level
        Of "seasonal": what the wave rides on. "annual": one velocity in each period; "constant": one for all of
        time; "trend": a straight line.
    weights
        "displacement": by the cube's sigmas, sigma_d = sigma_v dt; where it has none, as "constant". "constant": one
        error of displacement for all pairs, so that sigma_v goes as 1/dt. "velocity": one error of velocity.
    displacement_sigma
        Standard error of a displacement [m] for "constant"; None takes the scale of errors from the residuals.
    smooth
        Price L of roughness: ``L |second differences of consecutive bins|^2`` is added to the sum of squares, with
        L = 1/s^2 for second differences expected to be about s [units of the cube].
    outlier_mad
        Pairs whose residual over its sigma is beyond this many times 1.4826 times the median, and beyond this many
        where sigmas are known, in either component, are left out whole, and all are judged again until none changes.
        The first fit is to the pairs that lie within as many scaled median deviations of their pixel's median. Pairs
        that alone tell of a period leave no residual: they have no say in the median, and stay. None keeps all.
    min_pairs
        Periods that share time with fewer pairs are NaN.
    engine
        "numba" goes through the pairs of one pixel after the other in compiled code, several times as fast; "numpy"
        needs nothing. The two differ in the last digits. "auto" takes numba where it is installed, for cubes of a
        million values and more: compiling takes longer than smaller ones, once on a machine.
    quiet
        Show no progress bar.

    Returns
    -------
    xarray.Dataset
        Checked field or series in the periods: ``vx``, ``vy``; ``vx_sigma``, ``vy_sigma`` from the covariance of the
        fit; ``vx_sigma_empirical`` ..., the same times the misfit; ``count`` and ``overlap_days`` of pairs in each
        period. Of each pixel: ``n_pairs``, ``n_rejected``, ``n_without_sigma`` (left out for
        want of one), ``vx_misfit``, ``vy_misfit``; of "seasonal" ``vx_amp``
        and ``vx_phase`` (day on which the wave is largest, 0 for 1 January), of "trend" ``vx_trend`` per year of
        365.25 d, each with its ``_sigma``. A period whose velocity the pairs do not determine is NaN. Without sigmas
        the scale of ``vx_sigma`` is that of the residuals, and there is no ``vx_sigma_empirical``.

    Raises
    ------
    FieldError
        If the cube is no field of dated velocities.
    EmptyDataError
        If no pair lies within the periods.
    InputError
        If an argument means nothing, periods overlap, or the engine is not installed.

    Notes
    -----
    A pair measures ``d = ∫ v dt`` over its interval, so that with the mean ``a_ij`` of function j of the model over
    the interval of pair i (its share of the interval, for a period), each component is the minimum of::

        sum_i ((sum_j a_ij x_j - v_i) / sigma_i)^2 + smooth |D2 x|^2

    Sine and cosine are averaged exactly. Pairs that reach beyond the periods are left out and counted
    (``layers_outside``): what is not modelled cannot be taken off. With `smooth`, ``vx_sigma`` takes the price of
    roughness for knowledge. The least squares of displacements is that of Lacroix et al. (2019) and of the ITS_LIVE
    composites; residuals are refined once (Björck 1987).

    Examples
    --------
    A pair over two months and one over the second give the first, which none has measured alone:

    >>> from altiflow.readers.field import build_field
    >>> pairs = np.array([["2020-01-01", "2020-03-01"], ["2020-02-01", "2020-03-01"]], "M8[ns]")
    >>> v = np.array([(31 * 40.0 + 29 * 100.0) / 60, 100.0])[:, None, None] * np.ones((2, 2, 2))
    >>> cube = build_field(v, v, x=[0, 120], y=[0, 120], time_bnds=pairs, crs=3413, units="m/yr", year_days=365.25,
    ...                    velocity_metric="map", metric_source="user", source="example")
    >>> invert_displacements(cube, "MS").vx[:, 0, 0].values.round(6).tolist()
    [40.0, 100.0]
    """
    rules = _Rules(weights, displacement_sigma, smooth, outlier_mad, min_pairs)
    rules.check()
    spans = layer_spans(cube)
    bins = find_bins(cube, _default_periods(periods, model))
    made = make_model(model, bins, level=level)
    chosen = _choose_engine(cube, engine)
    if chosen == "numba":
        rows = slice_rows(spans, made.means, made.unknowns, length=_TABLE)
    else:
        rows = slice_rows(spans, made.means, made.unknowns, products="all")
    if not rows.held.any():
        raise EmptyDataError(f"no image pair lies within the periods {bins[0, 0]} to {bins[-1, 1]}; give more of them")
    sigma, known = _pair_sigma(cube, spans, rules)
    penalty = _penalty(made, rows, smooth)
    layout = Layout(made.levels, made.wave, made.trend)
    weighing = Weighing(None if sigma is None else sigma[rows.order], known, outlier_mad, min_pairs)
    if chosen == "numba":
        from altiflow.gridding.cubes.inversion.compiled import compile_fits

        compiled = compile_fits(layout, rows, spans.days[rows.order], penalty, weighing)
        found = map_pixels(cube, compiled, layout.rows, given="views", label="least squares", quiet=quiet)
    else:
        support = slice_rows(spans, partial(_meetings, made), made.levels * 2)
        fits = PixelFits(layout, rows, support, make_tables(rows, support, len(penalty) - 1), penalty, weighing)
        depth = 3 * made.unknowns * len(penalty)
        found = map_pixels(
            cube, fits, layout.rows, order=rows.order, depth=depth, given="stored", label="least squares", quiet=quiet
        )
    told = _tell(cube, rules, known) | _tell_model(made) | _tell_layers(spans, rows)
    step = f"invert_displacements(model={model!r}, weights={weights!r}, smooth={smooth}, outlier_mad={outlier_mad})"
    result = bin_field(cube, made.bins, _variables(found, layout, cube, known), carry_attrs(cube, step, told))
    if model == "cyclic":
        return result.assign_coords(month=("time", np.arange(1, 13), {"long_name": "calendar month of all years"}))
    return result


@dataclass(frozen=True)
class _Rules:
    """How pairs weigh, and which are left out; see :func:`invert_displacements`."""

    weights: PairWeights
    displacement_sigma: float | None
    smooth: float
    outlier_mad: float | None
    min_pairs: int

    def check(self) -> None:
        """Raise unless all of it means something."""
        if self.weights not in ("displacement", "constant", "velocity"):
            raise InputError(f"weights must be 'displacement', 'constant' or 'velocity', got {self.weights!r}")
        if not np.isfinite(self.smooth) or self.smooth < 0:
            raise InputError(f"smooth must be 0 or more, got {self.smooth!r}")
        if self.outlier_mad is not None and not self.outlier_mad > 0:
            raise InputError(f"outlier_mad must be above 0, or None to keep all pairs, got {self.outlier_mad!r}")
        if self.min_pairs < 1:
            raise InputError(f"min_pairs must be at least 1, got {self.min_pairs!r}")
        if self.displacement_sigma is not None and not self.displacement_sigma > 0:
            raise InputError(f"displacement_sigma must be above 0 m, got {self.displacement_sigma!r}")


def _choose_engine(cube: xr.Dataset, engine: Engine) -> Literal["numpy", "numba"]:
    """Return the engine to use; "auto" compiles for large cubes only."""
    few = engine == "auto" and cube["vx"].size < _MANY
    return "numpy" if few else choose_engine(engine)


def _default_periods(periods: Any, model: str) -> Any:
    """Return the periods, calendar years where none are given."""
    if model == "annual" and periods is not None:
        raise InputError("model='annual' has calendar years for periods; give model='piecewise' with others")
    if periods is None and model == "piecewise":
        raise InputError("model='piecewise' needs periods, such as 'MS' or edges; model='annual' takes calendar years")
    return "YS" if periods is None else periods


def _meetings(model: Model, start: Floats, end: Floats) -> tuple[Floats, npt.NDArray[np.bool_]]:
    """Return for each interval and bin of a model whether they meet, and the days that they share."""
    means, held = model.means(start, end)
    share = means[:, : model.levels]
    return np.concatenate([(share > 0).astype(float), share * (end - start)[:, None]], axis=1), held


def _pair_sigma(cube: xr.Dataset, spans: Spans, rules: _Rules) -> tuple[Floats | None, bool]:
    """Return standard errors (layers, 1) that stand for those of the cube, and whether their scale is known.

    None takes the sigmas of the cube.
    """
    if rules.weights == "displacement" and has_sigmas(cube):
        return None, True
    if rules.weights == "velocity":
        return np.where(spans.usable, 1.0, np.nan)[:, None], False
    days = np.where(spans.usable, spans.days, np.nan)[:, None]
    year = float(cube.attrs.get("year_days", YEAR_DAYS))
    factor = convert_factor("m d-1", cube.attrs["units"], target_year_days=year)
    return (rules.displacement_sigma or 1.0) * factor / days, rules.displacement_sigma is not None


def _penalty(model: Model, rows: Rows, smooth: float) -> Floats:
    """Return the upper band (b + 1, p) of ``smooth D2.T D2``, as wide as the normal matrix needs to be."""
    count, cyclic = model.unknowns, model.name == "cyclic"
    # Second differences reach two bins on, and the error of a wave needs the covariance of sine and cosine.
    reach = max(rows.reach, 2 if smooth else 1 if model.wave else 0)
    band = count - 1 if cyclic else min(reach, count - 1)
    found = np.zeros((band + 1, count))
    if not smooth:
        return found
    if model.levels < 3:
        raise InputError(f"smooth={smooth} needs at least 3 periods, the model has {model.levels}; give smooth=0")
    if not cyclic and (model.bins[1:, 0] != model.bins[:-1, 1]).any():
        raise InputError("smooth needs periods that follow one another without gaps")
    for first in range(model.levels if cyclic else model.levels - 2):
        three = [(first + k) % model.levels for k in range(3)]
        for i, a in zip(three, (1.0, -2.0, 1.0), strict=True):
            for j, b in zip(three, (1.0, -2.0, 1.0), strict=True):
                if j >= i:
                    found[j - i, i] += smooth * a * b
    return found


def _tell(cube: xr.Dataset, rules: _Rules, known: bool) -> dict[str, Any]:
    """Return what the attributes say of weights and limits."""
    told: dict[str, Any] = {
        "time_method": "least squares of displacements",
        "weights": rules.weights,
        "smooth": float(rules.smooth),
        "outlier_mad": "none" if rules.outlier_mad is None else float(rules.outlier_mad),
        "min_pairs": int(rules.min_pairs),
        "sigma_source": "covariance of the fit" if known else "residuals",
    }
    if rules.displacement_sigma is not None:
        told["displacement_sigma"] = float(rules.displacement_sigma)
    if rules.weights == "displacement" and known:
        told |= count_without_sigma(cube)
    return told


def _tell_model(model: Model) -> dict[str, Any]:
    """Return what the attributes say of the model."""
    told: dict[str, Any] = {"model": model.name}
    if model.wave:
        told |= {"level": model.level, "season_days": SEASON_DAYS, "phase_origin": str(EPOCH)[:10]}
    if model.trend:
        told["trend_origin_days"] = model.middle
    return told


def _tell_layers(spans: Spans, rows: Rows) -> dict[str, Any]:
    """Return how many layers there were, and how many went in nowhere."""
    return {
        "layers": int(spans.usable.size),
        "layers_without_length": int((~spans.usable).sum()),
        "layers_outside": int((~rows.held).sum()),
    }


def _variables(
    found: Any, layout: Layout, cube: xr.Dataset, known: bool
) -> dict[str, tuple[tuple[str, ...], Any, Mapping[str, Any]]]:
    """Return dimensions, data and attributes of the variables of a result (rows, ...)."""
    dims, units = space_dims(cube), str(cube.attrs["units"])
    parts = {name: found[place] for name, place in layout.places().items()}
    for name in ("vx", "vy"):
        widened = parts[f"{name}_sigma"] * parts[f"{name}_misfit"]
        parts |= {f"{name}_sigma_empirical": widened} if known else {f"{name}_sigma": widened}
    variables: dict[str, tuple[tuple[str, ...], Any, Mapping[str, Any]]] = {}
    for name, data in parts.items():
        attrs = {"long_name": _text(name), "units": _unit(name, units)}
        data = data.astype(np.int32) if name in _COUNTS else data
        variables[name] = (("time", *dims), data, attrs) if name in _BINNED else (dims, data[0], attrs)
    return variables


def _text(name: str) -> str:
    """Return what a variable is, in words."""
    if name in _TEXTS:
        return _TEXTS[name]
    component, part = name.split("_", 1)
    if part == "sigma_empirical":
        return f"standard error of {component} times the misfit"
    kind = part.removesuffix("_sigma")
    of = "standard error of the " if part.endswith("_sigma") else ""
    return f"{of}{_TEXTS[kind]}, {component}"


def _unit(name: str, units: str) -> str:
    """Return the unit of a variable."""
    if name in _COUNTS or name.endswith("misfit"):
        return "1"
    if name == "overlap_days" or "_phase" in name:
        return "days"
    return f"{units} yr-1" if "_trend" in name else units
