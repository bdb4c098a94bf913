"""The built-in sample: simulated granules and motion with a known truth."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from altiflow.errors import InputError
from altiflow.readers.icesat2.beams import BEAMS, is_strong, spot_numbers
from altiflow.readers.sample.granules import GranuleHeader, ReleaseLayout, write_granule
from altiflow.readers.sample.motion import write_motion
from altiflow.readers.sample.segments import simulate_beam
from altiflow.readers.sample.tracks import Pass, find_passes
from altiflow.readers.sample.truth import GYRES, ROSS_SEA, Gyre, Hemisphere

__all__ = ["Sample", "make_sample", "make_season", "simulate_granule"]

_DAYS = 59
"""January and February of a common year."""
_SEASON_DAYS = 92
"""July to September."""
_CYCLE_2 = np.datetime64("2018-12-28", "us")
"""First day of the second repeat cycle of ICESat-2."""


@dataclass(frozen=True)
class Sample:
    """A sample on disk.

    Attributes
    ----------
    granules
        ATL10 granules, in order of time.
    motion
        The motion file.
    truth
        The gyre both were made from.
    """

    granules: tuple[Path, ...]
    motion: Path
    truth: Gyre

    def __iter__(self) -> Iterator[Path]:
        """Iterate over the granules, so that a sample can be read as the list of them."""
        return iter(self.granules)


def make_sample(
    folder: str | Path,
    *,
    seed: int = 0,
    hemisphere: Hemisphere = "north",
    granules: int = 32,
    release: ReleaseLayout = "006",
) -> Sample:
    """Write two simulated months of ATL10 granules and daily sea-ice motion, and return what they were made from.

    A disc of ice turns like a solid body and carries a freeboard pattern round; granules cross it with strong
    and weak beams, forward in January and backward in February; leads, fill, clouds and noise are in them. The
    same seed gives the same files.

    Parameters
    ----------
    folder
        Where to write; made if it is not there.
    seed
        Of noise, clouds and segment lengths.
    hemisphere
        "north" (western Arctic Ocean) or "south" (Weddell Sea).
    granules
        How many crossings, spread evenly over the two months.
    release
        Layout of the granules: "005", "006" or "007".

    Raises
    ------
    InputError
        For a hemisphere or number of granules that means nothing.
    """
    if hemisphere not in GYRES:
        raise InputError(f"hemisphere={hemisphere!r} means nothing; use 'north' or 'south'")
    return _write_sample(Path(folder), GYRES[hemisphere], _DAYS, granules, release, seed)


def make_season(folder: str | Path, *, seed: int = 0, granules: int = 60) -> Sample:
    """Write a simulated winter of the Ross Sea: ATL10 and daily motion from July to September 2019.

    A disc of ice across the antimeridian, as in :func:`make_sample`; forward in July, backward after it.

    Parameters
    ----------
    folder
        Where to write; made if it is not there.
    seed
        Of noise, clouds and segment lengths.
    granules
        How many crossings, spread evenly over the three months.

    Raises
    ------
    InputError
        For a number of granules that means nothing.
    """
    return _write_sample(Path(folder), ROSS_SEA, _SEASON_DAYS, granules, "006", seed)


def _write_sample(target: Path, gyre: Gyre, days: int, granules: int, release: ReleaseLayout, seed: int) -> Sample:
    """Write granules and motion of a gyre."""
    passes = find_passes(gyre.longitude, gyre.latitude, 0.9 * gyre.radius, days=days)
    if not 1 <= granules <= len(passes):
        raise InputError(f"granules={granules} must be 1 ... {len(passes)}, the crossings in {days} days")
    target.mkdir(parents=True, exist_ok=True)
    chosen = [passes[i] for i in np.linspace(0, len(passes) - 1, granules).round().astype(int)]
    paths = []
    for crossing in chosen:
        turned = crossing.seconds[0] > 31 * 86_400
        paths.append(
            simulate_granule(target, gyre, crossing, orientation=0 if turned else 1, release=release, seed=seed)
        )
    return Sample(tuple(paths), write_motion(target, gyre, days=days), gyre)


def simulate_granule(
    folder: Path,
    gyre: Gyre,
    crossing: Pass,
    *,
    orientation: int,
    release: ReleaseLayout = "006",
    seed: int = 0,
) -> Path:
    """Write the granule of one crossing and return its path.

    Parameters
    ----------
    folder
        An existing folder.
    gyre, crossing
        What is measured, and when.
    orientation
        ``sc_orient``: 0 backward, 1 forward, 2 transition (beam groups then do not say which is strong).
    release
        Layout: "005", "006" or "007".
    seed
        Of noise, clouds and segment lengths.
    """
    epoch = float((gyre.start - np.datetime64("2018-01-01", "us")) / np.timedelta64(1, "s"))
    spots = spot_numbers([orientation % 2], {}, granule="sample")
    beams = {
        beam: simulate_beam(
            gyre,
            crossing,
            beam,
            strong=is_strong(spots[beam]),
            epoch_seconds=epoch,
            rng=np.random.default_rng([seed, crossing.orbit, place]),
        )
        for place, beam in enumerate(BEAMS)
    }
    first, last = crossing.seconds
    start, end = (gyre.start + np.timedelta64(round(s * 1e6), "us") for s in (first, last))
    stamp = str(start.astype("datetime64[s]")).translate(str.maketrans("", "", "-:T"))
    pole = {"north": "01", "south": "02"}[gyre.hemisphere]
    cycle = 2 + int((gyre.start - _CYCLE_2) / np.timedelta64(91, "D")) + crossing.orbit // 1387
    header = GranuleHeader(
        name=f"ATL10-{pole}_{stamp}_{crossing.rgt:04d}{cycle:02d}01_{release}_01.h5",
        release=release,
        orientation=orientation,
        rgt=crossing.rgt,
        cycle=cycle,
        orbit=crossing.orbit,
        start=f"{start}Z",
        end=f"{end}Z",
        start_seconds=epoch + first,
        end_seconds=epoch + last,
    )
    return write_granule(folder, header, beams)
