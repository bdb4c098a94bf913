"""Stand-ins for the work of jobs, which begin at once, and what waits for them."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from altiflow.explore.service.jobs import runner

# All are told the folder of the job and the process that began them.
BEGIN = "import json, os, pathlib, signal, sys, time; folder = pathlib.Path(sys.argv[1]); "
WAITS = BEGIN + "(folder / 'pid').write_text(str(os.getpid())); (folder / 'begun').touch(); time.sleep(60)"
MAKES = BEGIN + "(folder / json.loads((folder / 'plan.json').read_text())['result']).write_bytes(b'made')"
FAILS = BEGIN + "(folder / 'reason.txt').write_text('OSError: /none/deep/a.nc is not in /none/deep'); sys.exit(1)"
FULL = BEGIN + (
    "(folder / 'reason.txt').write_text(f'OSError: no space left on device: {str(folder / \"cube.zip.part\")!r}');"
    "sys.exit(1)"
)
BREAKS = "raise SystemExit('Traceback:\\nKeyError: 3')"
STOPPED = BEGIN + "(folder / 'begun').touch(); os.kill(os.getpid(), signal.SIGTERM); time.sleep(60)"
"""Ends as systemd ends the processes of a service, all at once."""


def use(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a program do the work of the jobs."""
    monkeypatch.setattr(runner, "PROGRAM", (sys.executable, "-I", "-S", "-c", program))


def wait_until(met: Any) -> None:
    """Wait until a condition is met."""
    # Long enough for a process that compiles first, beside others.
    deadline = time.monotonic() + 180
    while not met():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_there(pid: int) -> bool:
    """Return whether a process runs; one that ended and that nobody asked for does not."""
    try:
        os.kill(pid, 0)
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except ProcessLookupError:
        return False
    except FileNotFoundError:
        # Not every system tells.
        return True
