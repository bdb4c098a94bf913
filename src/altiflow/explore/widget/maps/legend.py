"""The legend of the speed tiles: their colours, with speeds and unit, as a piece of a page."""

from __future__ import annotations

import html
import math

import matplotlib
from matplotlib.colors import to_hex

from altiflow.errors import InputError

__all__ = ["speed_legend"]

_STEPS = 24


def speed_legend(limits: tuple[float, float], unit: str, *, colours: str = "viridis", title: str = "ice speed") -> str:
    """Return a colour bar of a logarithmic scale as HTML, with numbers at its ends and at powers of ten.

    Parameters
    ----------
    limits
        Speeds of the first and the last colour, above 0 [unit].
    unit
        Unit that is said.
    colours
        Colour map of matplotlib.
    title
        What is shown.

    Raises
    ------
    InputError
        If the limits are no range above 0.

    Examples
    --------
    >>> [number in speed_legend((1.0, 1000.0), "m/yr") for number in (">1<", ">10<", ">1,000<", "[m/yr]")]
    [True, True, True, True]
    """
    low, high = limits
    if not 0 < low < high < math.inf:
        raise InputError(f"limits are two speeds above 0, the lower one first, got {limits!r}")
    chosen = matplotlib.colormaps[colours]
    bar = ", ".join(to_hex(chosen(step / (_STEPS - 1))) for step in range(_STEPS))
    powers = [10.0**power for power in range(math.ceil(math.log10(low)), math.floor(math.log10(high)) + 1)]
    shares = {speed: math.log(speed / low) / math.log(high / low) * 100 for speed in (low, high, *powers)}
    # Powers of ten that would run into the numbers of the ends go without one.
    told = {speed: speed in (low, high) or 14 < share < 86 for speed, share in shares.items()}
    ticks = [
        f'<span style="left:{share:.1f}%"><i></i><b>{f"{speed:,.10g}" if told[speed] else ""}</b></span>'
        for speed, share in shares.items()
    ]
    return (
        f'<div class="altiflow-legend"><div>{html.escape(title)} [{html.escape(unit)}]</div>'
        f'<div class="bar" style="background:linear-gradient(to right, {bar})"></div>'
        f'<div class="ticks">{"".join(ticks)}</div></div>'
    )
