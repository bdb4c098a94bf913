"""A small season of simulated granules, and a data set of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from altiflow.readers import make_sample, read_to_dataset


@pytest.fixture(scope="session")
def season(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    """Return four granules of a few days, around the turn of a month or not."""
    return make_sample(tmp_path_factory.mktemp("season"), granules=4).granules


@pytest.fixture(scope="session")
def kept(season: tuple[Path, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a data set of the season, not to be changed."""
    folder = tmp_path_factory.mktemp("kept") / "data"
    read_to_dataset(list(season), folder, beams="all", screens="none", partition=["hemisphere", "day"])
    return folder
