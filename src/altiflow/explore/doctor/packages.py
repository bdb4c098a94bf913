"""Packages: whether those that altiflow asks for are there, in versions that it works with."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterable
from importlib import metadata

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from altiflow.explore.doctor.findings import Finding
from altiflow.version import __version__

__all__ = ["examine_extras", "examine_packages", "examine_python"]

Version = Callable[[str], str | None]
"""Gives the installed version of a distribution; None if there is none."""

_USERS = ("fast", "dask", "track", "service", "postgres")
"""Extras that are for users; the others are for work on altiflow itself."""

_GAINS = {
    "fast": "tallies, cubes and least squares several times as fast",
    "dask": "cubes larger than memory, clusters",
    "track": "velocity from image pairs of your own",
    "service": "a search service of your own catalogues",
    "postgres": "catalogues of the search service in PostgreSQL",
}


def examine_python() -> list[Finding]:
    """Return what is to be said of Python and altiflow itself."""
    asked = str(metadata.metadata("altiflow").json.get("requires_python", ""))
    told = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    if platform.python_version() in SpecifierSet(asked, prereleases=True):
        python = Finding("environment", "Python", "ok", told)
    else:
        python = Finding("environment", "Python", "problem", f"{told}; altiflow needs {asked}", "use another Python")
    return [
        Finding("environment", "altiflow", "ok", __version__),
        python,
        Finding("environment", "prefix", "ok", sys.prefix),
    ]


def examine_packages(version: Version | None = None) -> list[Finding]:
    """Return what is to be said of each package that altiflow cannot do without."""
    asked = [one for one in _requirements() if one.marker is None or one.marker.evaluate({"extra": ""})]
    return [_judge(one, version or find_version) for one in sorted(asked, key=lambda one: one.name.lower())]


def examine_extras(version: Version | None = None) -> list[Finding]:
    """Return what is to be said of each extra for users."""
    every, found = _requirements(), []
    for extra in (one for one in _USERS if one in (metadata.metadata("altiflow").get_all("Provides-Extra") or [])):
        asked = [one for one in every if one.marker is not None and _only_with(one, extra)]
        lacking = [one for one in (_judge(each, version or find_version) for each in asked) if one.state != "ok"]
        if lacking:
            told = "; ".join(f"{one.name} {one.text}" for one in lacking)
            fix = f'pip install "altiflow[{extra}]"'
            found.append(Finding("extras", extra, "note", f"{told} ({_GAINS[extra]})", fix))
        else:
            found.append(Finding("extras", extra, "ok", _GAINS[extra]))
    return [*found, _jupyter(version or find_version)]


def _jupyter(version: Version) -> Finding:
    """Return whether tutorials can be opened; Jupyter is no extra, as users have one of their own."""
    held, gain = version("jupyterlab"), "altiflow tutorial --open"
    if held is None:
        return Finding("extras", "jupyterlab", "note", f"not installed ({gain})", "pip install jupyterlab")
    return Finding("extras", "jupyterlab", "ok", gain)


def find_version(name: str) -> str | None:
    """Return the installed version of a distribution; None if there is none."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _only_with(asked: Requirement, extra: str) -> bool:
    """Return whether a package is asked for with an extra, and not without."""
    marker = asked.marker
    return marker is not None and marker.evaluate({"extra": extra}) and not marker.evaluate({"extra": ""})


def _requirements() -> Iterable[Requirement]:
    """Return all that altiflow's own description asks for."""
    return [Requirement(line) for line in metadata.requires("altiflow") or []]


def _judge(asked: Requirement, version: Version) -> Finding:
    """Return what is to be said of one package."""
    found, fix = version(asked.name), f'pip install --upgrade "{asked.name}{asked.specifier}"'
    if found is None:
        return Finding("packages", asked.name, "problem", "not installed", fix)
    if not asked.specifier.contains(found, prereleases=True):
        return Finding("packages", asked.name, "problem", f"{found}, altiflow needs {asked.specifier}", fix)
    return Finding("packages", asked.name, "ok", found)
