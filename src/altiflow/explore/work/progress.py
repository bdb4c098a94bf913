"""Progress of a job: how far its work is, in a file that the server reads."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Any

from altiflow.errors import WriteError
from altiflow.files import whole_file

__all__ = ["PROGRESS", "STAGES", "ProgressFile", "read_progress"]

PROGRESS = "progress.json"
_EVERY = 0.25
"""Shortest time [s] between two writes, but for a new stage."""

STAGES: Mapping[str, Mapping[str, tuple[float, float]]] = {
    "cube": {"open": (0.0, 0.1), "cube": (0.1, 0.95), "packing": (0.95, 1.0)},
    "grid": {"tallying": (0.0, 0.95), "writing": (0.95, 1.0)},
    "track": {
        "reading": (0.0, 0.05),
        "coarse search": (0.05, 0.2),
        "full search": (0.05, 0.8),
        "search": (0.2, 0.5),
        "between pixels": (0.5, 0.65),
        "widths of chip": (0.65, 0.9),
        "writing": (0.95, 1.0),
    },
}
"""Stages of each kind of job, by the labels of the library's bars: from which share of the work to which."""


class ProgressFile:
    """Tells in the folder of a job how far it is; within an attempt progress never goes back.

    Examples
    --------
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> told = ProgressFile(folder, "track")
    >>> told.hear("coarse search", 1, 2)
    >>> told.hear("reading", 1, 1)
    >>> read_progress(folder)
    (0.125, 'reading')
    """

    def __init__(self, folder: Path, kind: str) -> None:
        self._path = folder / PROGRESS
        self._stages = STAGES.get(kind, {})
        self._stage, self._share, self._written = "", 0.0, -math.inf
        self._write()

    def hear(self, label: str, done: int, total: int) -> None:
        """Take what a bar of the library tells; labels that are no stage are passed over."""
        if label not in self._stages:
            return
        begin, end = self._stages[label]
        share = begin + (end - begin) * min(done / total, 1.0) if total > 0 else begin
        new = label != self._stage
        self._stage, self._share = label, max(self._share, share)
        if new or done >= total or monotonic() - self._written >= _EVERY:
            self._write()

    def _write(self) -> None:
        """Write the file; work goes on where it cannot be written."""
        with suppress(OSError, WriteError), whole_file(self._path) as part:
            part.write_text(json.dumps({"progress": round(self._share, 4), "stage": self._stage}), encoding="utf-8")
            self._written = monotonic()


def read_progress(folder: Path) -> tuple[float | None, str]:
    """Return how far a job is (0 to 1, None where nobody knows) and its stage ("" where none has begun)."""
    try:
        told: Any = json.loads((folder / PROGRESS).read_text(encoding="utf-8"))
        return min(max(float(told["progress"]), 0.0), 1.0), str(told["stage"])
    except (OSError, ValueError, KeyError, TypeError):
        return None, ""
