"""The figure: the true map, both ways of gridding, and how far each is off."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow import Panel, draw_side_by_side
from altiflow.files import whole_file

__all__ = ["draw"]


def draw(found: xr.Dataset, truth: npt.NDArray[np.float64], path: Path) -> None:
    """Write six maps of the target: the truth, Eulerian, drift-aware; their difference, and what each is off by."""
    dims, metres = ("time", "y", "x"), {"units": "m", "grid_mapping": "crs"}
    told = found.assign(
        truth=(dims, truth[None], metres | {"long_name": "freeboard"}),
        still=(dims, found["freeboard_mean_eulerian"].values, metres | {"long_name": "mean freeboard"}),
        moved=(dims, found["freeboard_mean"].values, metres | {"long_name": "mean freeboard"}),
        apart=(dims, found["freeboard_difference"].values, metres | {"long_name": "difference of mean freeboard"}),
    )
    for name in ("still", "moved"):
        away = metres | {"long_name": "error of the mean freeboard"}
        told[f"{name}_off"] = (dims, told[name].values - truth[None], away)
    height = {"limits": (0.1, 0.5), "cmap": "viridis"}
    error = {"limits": (-0.2, 0.2), "cmap": "RdYlBu_r"}
    figure = draw_side_by_side(
        [
            Panel(told, "truth", title="Truth", **height),
            Panel(told, "still", title="Where it was measured (Eulerian)", **height),
            Panel(told, "moved", title="Along with the drift (realistic motion)", **height),
            Panel(told, "apart", title="Drift-aware less Eulerian", **error),
            Panel(told, "still_off", title="Eulerian less truth", **error),
            Panel(told, "moved_off", title="Drift-aware less truth", **error),
        ],
        title="Freeboard on 1 March 2018 from tracks of a month (simulated)",
    )
    # Coarser than a map for print: the page on drift-aware gridding carries it.
    with whole_file(path) as part:
        figure.savefig(part, dpi=140, format="png")
