"""The benchmark's way to other people's programs, with small programs in their place."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

ROOT = Path(__file__).parents[3]
STAND_IN = Path(__file__).with_name("stand_in.py")
LOOK = {"chip": 20, "spacing": 10, "radius": 12}


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(ROOT))
    return import_module("benchmarks.tracking.outside")


@pytest.fixture
def scene(outside: Any) -> Any:
    """Return a surface that moved 4 px to the right and 3 up."""
    scenes = import_module("benchmarks.tracking.scenes")
    image = np.random.default_rng(0).integers(1, 60_000, (160, 200), np.uint16)
    moved = [np.full(image.shape, value, np.float32) for value in (4, -3)]
    return scenes.Scene(image, np.roll(image, (-3, 4), axis=(0, 1)), *moved, *np.zeros((2, *image.shape), bool))


def test_the_command_line_and_the_file_of_pycorr_are_those_that_it_has(outside: Any, scene: Any) -> None:
    found = outside.run_pycorr(STAND_IN, scene, **LOOK)
    assert [each[:3].tolist() for each in found.middles] == [[5, 15, 25], [5, 15, 25]]
    known = np.isfinite(found.dx)
    assert known[3:-3, 3:-3].all()
    assert not known[:1].any()
    np.testing.assert_allclose(found.dx[known], 4, atol=1e-4)
    np.testing.assert_allclose(found.dy[known], -3, atol=1e-4)
    assert 0 < found.cpu < 60


def test_what_fails_says_why(outside: Any, scene: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("import sys\nsys.exit('no gdal here')\n", encoding="utf-8")
    (tmp_path / "idle.py").write_text("", encoding="utf-8")
    with pytest.raises(outside.OutsideError, match="no gdal here"):
        outside.run_pycorr(tmp_path / "broken.py", scene, **LOOK)
    with pytest.raises(outside.OutsideError, match=r"idle\.py wrote no pair"):
        outside.run_pycorr(tmp_path / "idle.py", scene, **LOOK)
    with pytest.raises(outside.OutsideError, match="autoRIFT"):
        outside.run_autorift(sys.executable, scene, **LOOK)


def test_autorift_is_driven_by_its_class(
    outside: Any, scene: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        "class autoRIFT:",
        "    steps = ()",
        "    def preprocess_filt_hps(self): self.steps += ('filter',)",
        "    def uniform_data_type(self): self.steps += ('type',)",
        "    def runAutorift(self):",
        "        assert self.steps == ('filter', 'type') and self.I1.dtype == 'float32'",
        "        assert (self.ChipSizeMinX, self.ChipSizeMaxX) == (20, 40) and self.xGrid[0, 1] == 15",
        "        self.Dx, self.Dy = self.SearchLimitX * 1.0 - 8, self.SearchLimitY * 0.25",
    ]
    (tmp_path / "autoRIFT.py").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    found = outside.run_autorift(sys.executable, scene, **LOOK)
    assert found.dx.shape == (16, 20)
    assert (found.dx == 4).all()
    # autoRIFT counts upwards.
    assert (found.dy == -3).all()


def test_the_report_tells_what_was_compared_and_what_was_not_at_hand(outside: Any, scene: Any) -> None:
    main, report = (import_module(f"benchmarks.tracking.{name}") for name in ("__main__", "report"))
    rows = main.score_outside("trunk", scene, {"pycorr": lambda **_: outside.run_pycorr(STAND_IN, scene, **LOOK)})
    assert rows[0]["median"] < 1e-3
    rows += main.score_outside(
        "hard", scene, {"autoRIFT": lambda **_: outside.run_autorift("/none/python", scene, **LOOK)}
    )
    told = report._outside({"outside": rows, "cold": {"cpu": 1.0}})
    assert "pycorr took" in told[0]
    assert told[1].startswith("* autoRIFT failed on hard")
    told = report._outside({"outside": [], "cold": {"cpu": 1.0}})
    assert "was not at hand (`--pycorr PATH`)" in told[0]
