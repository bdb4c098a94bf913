"""Doctor: whether this environment, its logins and this machine are fit for altiflow."""

from __future__ import annotations

from pathlib import Path

from altiflow.explore.doctor.findings import Finding, findings_text
from altiflow.explore.doctor.logins import examine_logins
from altiflow.explore.doctor.machine import examine_machine
from altiflow.explore.doctor.network import examine_network
from altiflow.explore.doctor.packages import examine_extras, examine_packages, examine_python

__all__ = ["Finding", "examine", "findings_text"]


def examine(folder: str | Path = ".", *, online: bool = False) -> list[Finding]:
    """Return what was found of Python, packages, extras, logins, the machine and, if asked, the network.

    Nothing is changed, no one is asked, and no secret is read further than whether it still holds.

    Parameters
    ----------
    folder
        Where results will go.
    online
        Also ask the archive's services whether they can be reached.
    """
    found = examine_python() + examine_packages() + examine_extras() + examine_logins() + examine_machine(folder)
    return found + (examine_network() if online else [])
