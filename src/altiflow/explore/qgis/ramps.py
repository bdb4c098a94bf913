"""Ramps: the colours of values as stops and classes, the same in a style file as on a map."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.colors import Colormap, LogNorm, Normalize, to_hex

from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.cartography.colours import colour_map, is_signed, usual_colours
from altiflow.explore.cartography.furniture import pretty_units
from altiflow.explore.cartography.layers import colour_limits
from altiflow.explore.cartography.sheet import Scale
from altiflow.explore.maps.speed import log_limits

__all__ = ["Ramp", "make_ramp", "usual_scale"]

Floats = npt.NDArray[np.float64]

_STOPS = 33
"""Stops of a ramp; between them QGIS runs straight in values and in red, green and blue."""


@dataclass(frozen=True)
class Ramp:
    """Colours of values.

    Attributes
    ----------
    limits
        Lowest and highest value of the colours.
    cmap
        Name of the colour map, or the map itself.
    scale
        "linear" or "log".
    units
        Units, for the legend.
    """

    limits: tuple[float, float]
    cmap: str | Colormap
    scale: Scale
    units: str

    def colours(self, values: npt.ArrayLike) -> list[str]:
        """Return the colours (n,) of values as hexadecimal red, green and blue.

        Examples
        --------
        >>> Ramp((0.0, 1.0), "viridis", "linear", "m").colours([-5.0, 1.0])
        ['#440154', '#fde725']
        """
        norm = (LogNorm if self.scale == "log" else Normalize)(*self.limits, clip=True)
        return [to_hex(colour) for colour in colour_map(self.cmap)(np.asarray(norm(np.asarray(values, float))))]

    def spread(self, count: int) -> Floats:
        """Return values (count,) from the lowest to the highest, as far apart as colours are."""
        if self.scale == "log":
            return np.geomspace(*self.limits, count)
        return np.linspace(*self.limits, count)

    def stops(self) -> list[tuple[float, str]]:
        """Return the values of a continuous legend and their colours."""
        values = self.spread(_STOPS)
        return list(zip(map(float, values), self.colours(values), strict=True))

    def classes(self, count: int) -> list[tuple[float, float, str]]:
        """Return lower and upper value of each class and the colour of its middle; the outer two have no end."""
        edges = self.spread(count + 1)
        middles = np.sqrt(edges[1:] * edges[:-1]) if self.scale == "log" else (edges[1:] + edges[:-1]) / 2
        ends = [-np.inf, *edges[1:-1], np.inf]
        return list(zip(map(float, ends[:-1]), map(float, ends[1:]), self.colours(middles), strict=True))

    def label(self, value: float) -> str:
        """Return a value with its units.

        Examples
        --------
        >>> Ramp((1.0, 2e4), "viridis", "log", "m yr-1").label(12000.0)
        '12,000 m yr⁻¹'
        """
        digits = 6 if abs(value) >= 1000 else 4
        sign = "\N{MINUS SIGN}" if value < 0 else ""
        return f"{sign}{abs(value):,.{digits}g} {pretty_units(self.units)}".rstrip()


def usual_scale(variable: str) -> Scale:
    """Return how colours go with a variable: logarithmic of speeds."""
    plain = variable.removesuffix("_eulerian").removesuffix("_mean")
    return "log" if plain in ("speed", "v") else "linear"


def make_ramp(
    variable: str,
    values: Floats,
    *,
    units: str = "",
    limits: tuple[float, float] | None = None,
    cmap: str | Colormap | None = None,
) -> Ramp:
    """Return the ramp that a map of a variable has.

    Parameters
    ----------
    variable
        Name, which tells whether it is a value, a count, an uncertainty, a difference or a speed.
    values
        What it holds, any shape; NaN is empty.
    units, limits, cmap
        As in :func:`altiflow.draw_map`.

    Raises
    ------
    InputError
        If the limits are no range, or none that a logarithmic scale may have, or there is no such colour map.
    EmptyDataError
        If there is no value.
    """
    known = np.asarray(values, float)[np.isfinite(values)]
    if known.size == 0:
        raise EmptyDataError(f"{variable!r} has no value, so there is nothing to colour")
    scale = usual_scale(variable)
    colours = cmap or usual_colours(variable)
    colour_map(colours)
    chosen = limits or (log_limits(known) if scale == "log" else None)
    low, high = colour_limits(known, chosen, signed=is_signed(variable))
    if scale == "log" and low <= 0:
        raise InputError(f"limits of {variable!r} are on a log scale and must be above zero, got {limits!r}")
    return Ramp((low, high), colours, scale, units)
