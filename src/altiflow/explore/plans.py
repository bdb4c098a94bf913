"""Plans: what a run is to do, and what it made."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import xarray as xr

from altiflow.explore.truth import TruthReport
from altiflow.readers import Ledger
from altiflow.readers.icesat2.beams import BeamChoice
from altiflow.readers.icesat2.engines import EngineName

__all__ = ["RunPlan", "RunResult"]


@dataclass(frozen=True)
class RunPlan:
    """What to do; every field is written to run.json.

    Attributes
    ----------
    altimetry, velocity
        Files, folders or addresses of granules, and velocity files (none: the run stops after the grid).
    out
        Folder of the results.
    product, beams, screens, region, on_error, engine, workers
        As in :func:`altiflow.read_segments`.
    start, end
        Keep segments of start <= time < end; ISO times.
    grid
        Name of a grid; "auto" takes EASE-Grid 2.0, 25 km, of the hemisphere of the data.
    freq
        Length of a layer, as in :func:`altiflow.grid_segments`.
    velocity_product, velocity_crs, velocity_metric
        As in :func:`altiflow.read_velocity`.
    method, max_dt_days
        As in :func:`altiflow.sample_velocity`: interpolation in space, and how many days a segment may lie
        outside the layer nearest in time.
    quiet
        No progress bars.
    sample
        Seed and hemisphere of the built-in sample, where it is what is read.
    command
        What was typed to get here, for the report; where not given, the call that does the same.
    """

    altimetry: tuple[str, ...]
    velocity: tuple[str, ...]
    out: str
    product: str | None = None
    beams: BeamChoice = "strong"
    screens: tuple[str, ...] = ("default",)
    region: Any = None
    start: str | None = None
    end: str | None = None
    grid: str = "auto"
    freq: str | None = "MS"
    velocity_product: str | None = None
    velocity_crs: str | None = None
    velocity_metric: Literal["map", "ground"] | None = None
    method: Literal["linear", "nearest"] = "linear"
    max_dt_days: float | None = 31.0
    on_error: Literal["raise", "skip"] = "raise"
    engine: EngineName = "auto"
    workers: int = 1
    quiet: bool = False
    sample: dict[str, Any] | None = None
    command: str | None = None


@dataclass
class RunResult:
    """What a run made.

    Attributes
    ----------
    files
        Paths of the results, by what they are.
    counts
        Numbers worth knowing, by name.
    ledger
        The account of the granules.
    truth
        Distances from the truth, on the sample.
    """

    files: dict[str, Path]
    counts: dict[str, Any]
    ledger: Ledger
    truth: TruthReport | None = None
    tables: dict[str, gpd.GeoDataFrame] = field(default_factory=dict)
    grids: dict[str, xr.Dataset] = field(default_factory=dict)
