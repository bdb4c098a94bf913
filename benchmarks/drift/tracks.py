"""Tracks of three strong beams through clouds, over the ice of a world."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd
from pyproj import Transformer

from altiflow.readers.sample.tracks import BEAM_OFFSETS, argument_at, beam_positions, distance_along, find_passes
from benchmarks.drift.world import CENTRE, TARGET, WINDOW_DAYS, World, seconds_of, start_of, transported

__all__ = ["NOISE", "SAMPLE", "SURFACE", "fly", "freeboard_below", "measured"]

Floats = npt.NDArray[np.float64]

STRONG = ("gt1l", "gt2l", "gt3l")
REACH = 1_300e3
"""Tracks are those within this distance of the middle [m]: ice comes into the scored square from outside."""
SAMPLE = 1_000.0
"""Distance of samples along the track [m]; each stands for the segments of a kilometre."""
CLEAR, CLOUD = 0.25, 50e3
"""Share of the way under clear sky, and length of a piece that is clear or not [m]."""
SECTION = 10e3
"""Length of a section with one reference surface [m]."""
NOISE, SURFACE = 0.05, 0.02
"""1-sigma of a sample, and of a reference surface, which its samples share [m]."""


def fly(crs: str, rng: np.random.Generator, target: np.datetime64 = TARGET) -> pd.DataFrame:
    """Return the samples of the window: granule, beam, time, place (also x, y in `crs`), length, section."""
    parts = []
    for crossing in find_passes(*CENTRE, REACH, days=2 * WINDOW_DAYS):
        along = np.arange(*distance_along([crossing.first, crossing.last]), SAMPLE)
        sky = rng.random(int(along[-1] / CLOUD) + 2) < CLEAR
        along = along[sky[(along / CLOUD).astype(int)]]
        for number, beam in enumerate(STRONG):
            longitude, latitude, seconds = beam_positions(argument_at(along), crossing.orbit, BEAM_OFFSETS[beam])
            columns = {
                "granule": f"orbit {crossing.orbit:03d}",
                "beam": beam,
                "time": start_of(target) + (seconds * 1e9).astype("m8[ns]"),
                "longitude": longitude,
                "latitude": latitude,
                "refsurf_ndx": (along / SECTION).astype(np.int64),
                "section": (along / SECTION).astype(np.int64) + 10_000 * (3 * crossing.orbit + number),
            }
            parts.append(pd.DataFrame(columns))
    table = pd.concat(parts, ignore_index=True)
    x, y = Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(table["longitude"], table["latitude"])
    lengths = np.clip(rng.lognormal(np.log(75.0), 0.5, len(table)), 15.0, 140.0)
    return table.assign(x=x, y=y, segment_length=lengths)


def freeboard_below(tracks: pd.DataFrame, world: World) -> Floats:
    """Return the true freeboard (n,) [m] of the ice at the place and time of each sample; NaN where it is not known.

    Every third sample is carried back to the start; those between come from the nearest of these, moved alike.
    """
    x, y, moment = tracks["x"].to_numpy(), tracks["y"].to_numpy(), seconds_of(tracks["time"])
    _, group = np.unique(np.stack([tracks["section"], np.arange(len(tracks)) // 3]), axis=1, return_inverse=True)
    _, first = np.unique(group, return_index=True)
    middle = np.minimum(first + 1, len(tracks) - 1)
    middle = np.where(group[middle] == np.arange(middle.size), middle, first)
    until = np.full(middle.size, seconds_of(world.start))
    back = transported(world.motion, x[middle], y[middle], moment[middle], until)
    found = world.at_start(x + (back.x - x[middle])[group], y + (back.y - y[middle])[group])
    return np.where(back.status[group] == 0, found, np.nan)


def measured(tracks: pd.DataFrame, truth: Floats, rng: np.random.Generator) -> pd.DataFrame:
    """Return the tracks with a freeboard that has errors; without those whose true freeboard (n,) [m] is not known."""
    _, section = np.unique(tracks["section"], return_inverse=True)
    shared = rng.normal(0.0, SURFACE, section.max() + 1)[section]
    freeboard = truth + shared + rng.normal(0.0, NOISE, truth.size)
    table = tracks.assign(freeboard=freeboard, freeboard_sigma=np.hypot(NOISE, SURFACE), refsurf_sigma=SURFACE)
    return table[np.isfinite(truth)].drop(columns=["section", "x", "y"]).reset_index(drop=True)
