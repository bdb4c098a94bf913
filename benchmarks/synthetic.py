"""Seeded synthetic sea-ice tracks: a 92-degree orbit, three strong beams, an ice belt round Antarctica, cloud gaps."""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["COLUMNS", "default_folder", "draw_granule", "load_tracks", "make_tracks", "parse_size"]

Array = npt.NDArray[np.generic]
Floats = npt.NDArray[np.float64]

COLUMNS = {
    "longitude": np.float64,
    "latitude": np.float64,
    "segment_length": np.float32,
    "freeboard": np.float32,
    "granule": np.int32,
    "beam": np.int8,
}
"""Columns of a track, each one .npy file (n,), in the order of flight: granule, then beam, then along the track."""

RADIUS = 6_371_000.0
INCLINATION = np.radians(92.0)
PERIOD = 94.22 * 60.0
EARTH_RATE = 7.292115e-5
ACROSS = (-3300.0, 0.0, 3300.0)
"""Where the three strong beams are, across the track [m]."""
STEP = 500.0
"""Spacing at which ice and cloud are looked up [m]."""
CLEAR, CLOUDY = 120_000.0, 30_000.0
"""Mean length of clear and of cloudy stretches [m], exponential; the three beams share them."""
MEDIAN_LENGTH, SPREAD = 18.75, 0.6
"""Lognormal segment length [m], clipped to 10 to 200 m: 22.8 m on average."""


def make_tracks(folder: Path, size: int, seed: int = 0) -> Path:
    """Write `size` segments below `folder`, if they are not there yet, and return their folder.

    A smaller size is the beginning of a larger one of the same seed.
    """
    target = folder / f"tracks-1-{seed}-{size}"
    if all((target / f"{name}.npy").is_file() for name in COLUMNS):
        return target
    target.mkdir(parents=True, exist_ok=True)
    whole = {
        name: np.lib.format.open_memmap(target / f"{name}.part", mode="w+", dtype=kind, shape=(size,))
        for name, kind in COLUMNS.items()
    }
    held = number = 0
    while held < size:
        granule = draw_granule(number, seed=seed)
        room = min(size - held, granule["latitude"].size)
        for name, column in whole.items():
            column[held : held + room] = granule[name][:room]
        held, number = held + room, number + 1
    for column in whole.values():
        column.flush()
    for name in COLUMNS:
        (target / f"{name}.part").rename(target / f"{name}.npy")
    return target


def load_tracks(folder: Path, size: int) -> dict[str, Any]:
    """Return the first `size` segments as arrays in memory."""
    return {name: np.array(np.load(folder / f"{name}.npy", mmap_mode="r")[:size]) for name in COLUMNS}


def draw_granule(number: int, *, seed: int = 0, stretch: float = 1.0) -> dict[str, Array]:
    """Return the segments of one southern half-orbit; `stretch` makes segments longer, and so fewer."""
    rng = np.random.default_rng([seed, number])
    node = rng.uniform(0.0, 2.0 * np.pi)
    ends = np.radians([235.0, 305.0])
    steps = np.arange(0.0, RADIUS * (ends[1] - ends[0]), STEP)
    clear = _clear(rng, steps)
    beams = []
    for beam, across in enumerate(ACROSS):
        longitude, latitude = _ground(ends[0] + steps / RADIUS, node, across)
        kept = clear & _icy(longitude, latitude)
        lengths, along = _segments(rng, steps[-1], stretch)
        inside = kept[(along / STEP).astype(np.int64)]
        lengths, along = lengths[inside], along[inside]
        longitude, latitude = _ground(ends[0] + along / RADIUS, node, across)
        swell = 0.32 + 0.12 * np.sin(along / 40_000.0) + 0.05 * np.sin(along / 900.0)
        columns = {
            "longitude": longitude,
            "latitude": latitude,
            "segment_length": lengths,
            "freeboard": np.maximum(swell + rng.normal(0.0, 0.09, along.size), 0.0),
            "granule": np.full(along.size, number),
            "beam": np.full(along.size, beam),
        }
        beams.append({name: columns[name].astype(kind) for name, kind in COLUMNS.items()})
    return {name: np.concatenate([part[name] for part in beams]) for name in COLUMNS}


def _segments(rng: np.random.Generator, end: float, stretch: float) -> tuple[Floats, Floats]:
    """Return length and centre of the segments from 0 to `end` along the track [m]."""
    number = int(end / (20.0 * stretch))
    lengths = np.clip(rng.lognormal(np.log(MEDIAN_LENGTH), SPREAD, number), 10.0, 200.0)
    along = (np.cumsum(lengths) - 0.5 * lengths) * stretch
    inside = along < end
    return lengths[inside], along[inside]


def _ground(argument: Floats, node: float, across: float) -> tuple[Floats, Floats]:
    """Return longitude and latitude [degrees] at arguments of latitude [rad], `across` metres beside the track."""
    side = across / RADIUS
    sine, cosine = np.sin(argument), np.cos(argument)
    x = np.cos(side) * cosine
    y = np.cos(side) * np.cos(INCLINATION) * sine - np.sin(side) * np.sin(INCLINATION)
    z = np.cos(side) * np.sin(INCLINATION) * sine + np.sin(side) * np.cos(INCLINATION)
    turned = np.arctan2(y, x) + node - EARTH_RATE * PERIOD * argument / (2.0 * np.pi)
    longitude = np.degrees(turned)
    return (longitude + 180.0) % 360.0 - 180.0, np.degrees(np.arcsin(z))


def _icy(longitude: Floats, latitude: Floats) -> npt.NDArray[np.bool_]:
    """Return whether there is sea ice: between a coast with two deep bays and a wavy ice edge."""
    weddell = np.exp(-(((longitude + 45.0) / 22.0) ** 2))
    ross = np.exp(-((((longitude % 360.0) - 182.0) / 20.0) ** 2))
    coast = -68.0 - 8.0 * weddell - 9.5 * ross
    edge = -60.6 + 2.2 * np.cos(np.radians(longitude - 100.0)) + 0.8 * np.sin(np.radians(5.0 * longitude))
    return np.logical_and(latitude > coast, latitude < edge)


def _clear(rng: np.random.Generator, steps: Floats) -> npt.NDArray[np.bool_]:
    """Return which steps are free of cloud, in stretches of exponential length."""
    number = int(4 * steps[-1] / (CLEAR + CLOUDY)) + 16
    stretches = np.column_stack([rng.exponential(CLEAR, number), rng.exponential(CLOUDY, number)])
    return np.equal(np.searchsorted(np.cumsum(stretches.ravel()), steps) % 2, 0)


def default_folder() -> Path:
    """Return where tracks are kept unless told otherwise: outside the repository."""
    return Path(tempfile.gettempdir()) / "altiflow-benchmarks"


def parse_size(text: str) -> int:
    """Return a number of segments from "1e6" or "1000000"."""
    size = float(text)
    if size < 1000 or size != int(size):
        raise argparse.ArgumentTypeError(f"a size is a whole number of at least 1000, got {text!r}")
    return int(size)


def main() -> None:
    """Make tracks and say what they are like."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=parse_size, default=parse_size("1e7"))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, default=default_folder())
    told = parser.parse_args()
    tracks = load_tracks(make_tracks(told.folder, told.size, told.seed), told.size)
    print(f"{told.size} segments, {int(tracks['granule'][-1]) + 1} granules")
    print(f"mean length {tracks['segment_length'].mean(dtype=float):.2f} m")
    print(f"latitudes {tracks['latitude'].min():.2f} to {tracks['latitude'].max():.2f}")


if __name__ == "__main__":
    main()
