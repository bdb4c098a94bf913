"""Simulated granules for the readers' tests."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from altiflow.readers.sample import GYRES, find_passes, simulate_granule

GYRE = GYRES["north"]
CROSSING = find_passes(GYRE.longitude, GYRE.latitude, 0.9 * GYRE.radius, days=2)[3]


@pytest.fixture(scope="session")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Return a maker of one simulated granule; ask for release and orientation."""
    made: dict[tuple[str, int], Path] = {}

    def make(release: str = "006", orientation: int = 0) -> Path:
        if (release, orientation) not in made:
            folder = tmp_path_factory.mktemp(f"granule-{release}-{orientation}")
            made[release, orientation] = simulate_granule(
                folder, GYRE, CROSSING, orientation=orientation, release=release
            )
        return made[release, orientation]

    return make


@pytest.fixture
def altered(simulated: Callable[..., Path], tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of a private copy of a simulated granule, to be spoilt."""

    def copy(release: str = "006", orientation: int = 0) -> Path:
        source = simulated(release, orientation)
        target = tmp_path / source.name
        target.write_bytes(source.read_bytes())
        return target

    return copy
