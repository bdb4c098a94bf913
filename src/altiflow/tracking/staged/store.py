"""Stores of stages: arrays and what tells what they were made of, in files that are read back to the bit."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt
from affine import Affine

from altiflow.files import whole_file
from altiflow.readers.scenes import Acquisition, ScenePair
from altiflow.tracking.displacements import Offsets
from altiflow.tracking.parameters import TrackParameters
from altiflow.tracking.preparation import PreparedPair

__all__ = ["as_offsets", "as_prepared", "keep_arrays", "kept_arrays", "of_offsets", "of_prepared"]

Arrays = dict[str, npt.NDArray[Any]]
_TOLD = "told"
_IMAGES = ("first", "second", "valid_first", "valid_second")


def keep_arrays(path: Path, key: str, arrays: Mapping[str, npt.NDArray[Any]], told: Mapping[str, Any]) -> None:
    """Write arrays and words under a key; the file appears whole or not at all."""
    words = json.dumps({"key": key, **told})
    with whole_file(path) as part, part.open("wb") as opened:
        np.savez(opened, allow_pickle=False, **{_TOLD: np.array(words)}, **dict(arrays))


def kept_arrays(path: Path, key: str) -> tuple[Arrays, dict[str, Any]] | None:
    """Return the arrays and words of a file; None where there is none of this key, or it cannot be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as opened:
            told = json.loads(str(opened[_TOLD]))
            if told.pop("key") != key:
                return None
            return {name: opened[name] for name in opened.files if name != _TOLD}, told
    except (OSError, ValueError, KeyError, EOFError, BadZipFile):
        return None


def of_offsets(offsets: Offsets) -> Arrays:
    """Return displacements as arrays by name."""
    return {each.name: getattr(offsets, each.name) for each in fields(offsets)}


def as_offsets(arrays: Arrays) -> Offsets:
    """Return displacements of arrays by name."""
    return Offsets(**arrays)


def of_prepared(ready: PreparedPair) -> tuple[Arrays, dict[str, Any]]:
    """Return a prepared pair as arrays and words."""
    pair = ready.pair
    arrays: Arrays = {name: np.asarray(getattr(pair, name)) for name in _IMAGES}
    if ready.ground is not None:
        arrays["ground"] = ready.ground
    if ready.prior is not None:
        arrays["prior_dx"], arrays["prior_dy"] = ready.prior
    if ready.prior_radius is not None:
        arrays["prior_radius"] = np.asarray(ready.prior_radius)
    taken = [{"time": str(each.time), **{name: getattr(each, name) for name in _ACQUIRED}} for each in pair.acquired]
    told = {
        "transform": [*pair.transform][:6],
        "crs": pair.crs,
        "acquired": taken,
        "shift": list(pair.shift),
        "names": list(pair.names),
        "pair_notes": list(pair.notes),
        "notes": list(ready.notes),
        "radius": ready.parameters.radius,
    }
    return arrays, told


_ACQUIRED = ("time_source", "scene", "mission", "satellite")


def as_prepared(arrays: Arrays, told: Mapping[str, Any], parameters: TrackParameters) -> PreparedPair:
    """Return a prepared pair of arrays and words."""
    first, second = (
        Acquisition(np.datetime64(each["time"], "ns"), *(each[name] for name in _ACQUIRED)) for each in told["acquired"]
    )
    pair = ScenePair(
        arrays["first"],
        arrays["second"],
        arrays["valid_first"],
        arrays["valid_second"],
        transform=Affine(*told["transform"]),
        crs=told["crs"],
        acquired=(first, second),
        shift=(told["shift"][0], told["shift"][1]),
        names=(told["names"][0], told["names"][1]),
        notes=tuple(told["pair_notes"]),
    )
    prior = (arrays["prior_dx"], arrays["prior_dy"]) if "prior_dx" in arrays else None
    radius: Any = arrays.get("prior_radius")
    if radius is not None and radius.ndim == 0:
        radius = int(radius)
    return PreparedPair(pair, parameters, arrays.get("ground"), prior, radius, tuple(told["notes"]))
