"""Simulated segments of one beam over a pattern of known freeboard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from altiflow.readers.sample.tracks import BEAM_OFFSETS, Pass, argument_at, beam_positions, distance_along
from altiflow.readers.sample.truth import Gyre

__all__ = ["Section", "SimulatedBeam", "simulate_beam"]

Array = npt.NDArray[np.generic]
Floats = npt.NDArray[np.float64]

SECTION_LENGTH = 10_000.0
"""Length [m] of a reference-surface section (``freeboard_estimation/l`` of the granules)."""

_CLEAR_SKY = 0.1
"""Share of the sections that are cloud-free and hold segments."""
_LENGTHS = {True: (15.0, 140.0, 2.0), False: (60.0, 570.0, 7.0)}
"""Shortest and longest segment [m] and length over spacing, strong and weak, as in real granules."""
_MEDIAN = 5.0
"""Median length over the shortest."""
_FILL = np.float32(3.4028235e38)
_NOISE = 0.02
_LEAD_SHARE = 0.02
_FILL_SHARE = 0.01


@dataclass(frozen=True)
class Section:
    """A 10-km section with one reference surface."""

    number: int
    height: float
    sigma: float


@dataclass(frozen=True)
class SimulatedBeam:
    """What a beam group holds.

    Attributes
    ----------
    columns
        Array (n,) by the column names of segment tables, plus delta_time; fill values as in the product.
    sections
        The sections that hold its segments.
    """

    columns: dict[str, Array]
    sections: tuple[Section, ...]


def simulate_beam(
    gyre: Gyre,
    crossing: Pass,
    beam: str,
    *,
    strong: bool,
    epoch_seconds: float,
    rng: np.random.Generator,
) -> SimulatedBeam:
    """Return one beam's crossing of a gyre.

    Parameters
    ----------
    gyre
        The pattern and its motion.
    crossing
        Where and when the satellite crosses.
    beam
        Ground track.
    strong
        Strong beams have short segments, weak beams long ones that overlap more.
    epoch_seconds
        Start of the simulation [s since 2018-01-01].
    rng
        Source of noise, gaps and lengths.
    """
    along, length, number = _layout(crossing, strong, rng)
    lon, lat, seconds = beam_positions(argument_at(along), crossing.orbit, BEAM_OFFSETS[beam])
    x, y = gyre.project(lon, lat)
    times = gyre.start + np.round(seconds * 1e6).astype("timedelta64[us]")
    kept = gyre.inside(x, y)
    truth = gyre.freeboard(x, y, times)
    columns: dict[str, Array] = {
        "latitude": lat,
        "longitude": lon,
        "delta_time": epoch_seconds + seconds,
        "x_atc": along,
        "segment_length": length.astype(np.float32),
        **_measured(truth, number, rng),
    }
    columns = {name: np.asarray(values)[kept] for name, values in columns.items()}
    numbers = np.unique(columns["refsurf_ndx"]).astype(np.int64)
    heights, sigmas = _reference_surface(numbers)
    return SimulatedBeam(columns, tuple(map(Section, numbers.tolist(), heights.tolist(), sigmas.tolist())))


def _layout(crossing: Pass, strong: bool, rng: np.random.Generator) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    """Return along-track distance [m], length [m] and section number of the segments under clear sky."""
    begin, end = distance_along([crossing.first, crossing.last])
    shortest, longest, overlap = _LENGTHS[strong]
    edges = np.arange(begin, end, SECTION_LENGTH)
    numbers = np.flatnonzero(rng.random(edges.size) < _CLEAR_SKY)
    per_section = int(SECTION_LENGTH * overlap / shortest)
    lengths = np.clip(rng.lognormal(np.log(_MEDIAN * shortest), 0.5, (numbers.size, per_section)), shortest, longest)
    reach = np.cumsum(lengths / overlap, axis=1)
    chosen = reach < SECTION_LENGTH
    along = (edges[numbers][:, None] + reach)[chosen]
    return along, lengths[chosen], np.repeat(numbers + 1, chosen.sum(axis=1))


def _reference_surface(number: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
    """Return height and 1-sigma (n,) [m] of the reference surface of each section."""
    return 0.05 * np.sin(number / 7.0), 0.01 + 0.005 * np.cos(number / 3.0) ** 2


def _measured(truth: Floats, number: npt.NDArray[np.int64], rng: np.random.Generator) -> dict[str, Array]:
    """Return the measured columns: noise, leads near zero, and some fill."""
    n = truth.size
    surface, sigma_surface = _reference_surface(number)
    lead = rng.random(n) < _LEAD_SHARE
    above = np.where(lead, 0.005 * rng.standard_normal(n), truth + _NOISE * rng.standard_normal(n))
    freeboard = np.maximum(above, 0.0).astype(np.float32)
    fill = rng.random(n) < _FILL_SHARE
    freeboard[fill] = _FILL
    sigma = np.hypot(_NOISE, sigma_surface).astype(np.float32)
    sigma[fill] = _FILL
    return {
        "freeboard": freeboard,
        "freeboard_sigma": sigma,
        "quality": np.where(fill, -1, np.where(lead, 2, 1)).astype(np.int8),
        "confidence": np.where(fill, _FILL, np.float32(0.9)).astype(np.float32),
        "height": (surface + above).astype(np.float32),
        "segment_type": np.where(lead, 2, 1).astype(np.int8),
        "ssh_flag": np.where(lead, 2, 0).astype(np.int8),
        "refsurf_ndx": number.astype(np.int32),
        "ice_conc_amsr2": np.full(n, 97.0, dtype=np.float32),
        "ice_conc_ssmi": np.full(n, 96.0, dtype=np.float32),
        "dist2land": np.full(n, 200_000.0, dtype=np.float32),
        "layer_flag": np.zeros(n, dtype=np.int8),
    }
