"""What every test may use: the real files, where they are at hand."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

REQUIRED = {word.strip() for word in os.environ.get("ALTIFLOW_REQUIRE", "").split(",") if word.strip()}
DATA = Path(os.environ.get("ALTIFLOW_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))


@pytest.fixture(scope="session")
def data() -> Callable[[str], Path]:
    """Return the path of a real science file; skip, saying so, where it is absent."""

    def locate(name: str) -> Path:
        path = DATA / name
        if not path.exists():
            reason = f"real science data are absent: {name} (set ALTIFLOW_DATA to their folder)"
            if "data" in REQUIRED:
                pytest.fail(reason)
            pytest.skip(reason)
        return path

    return locate
