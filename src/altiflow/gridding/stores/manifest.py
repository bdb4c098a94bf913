"""What a tally store says of itself: which granule is in which part; and who may write."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.files import whole_file
from altiflow.gridding.kernel import NO_TIME
from altiflow.gridding.tally.building.build import TallyOptions
from altiflow.gridding.tally.passes import Passes
from altiflow.gridding.tally.records import Records
from altiflow.gridding.tally.storage import describe_grid, restore_grid
from altiflow.gridding.tally.tally import Tally
from altiflow.version import __version__

__all__ = ["Entry", "Manifest", "parts_folder", "read_manifest", "write_manifest"]

_FORMAT = 1
_NAME = "manifest.json"


@dataclass(frozen=True)
class Entry:
    """Where a granule is, and what is known of it without reading it.

    Attributes
    ----------
    part
        File that holds its records.
    first, last
        Times of its segments in the grid [ns since 1970]; None where there are none.
    told
        Provenance of the tally it came with.
    """

    part: str
    first: int | None
    last: int | None
    told: dict[str, Any]

    def touches(self, low: int | None, high: int | None) -> bool:
        """Return whether there may be segments from `low` to before `high` [ns since 1970]."""
        if low is None and high is None:
            return True
        if self.first is None or self.last is None:
            return False
        return (low is None or self.last >= low) and (high is None or self.first < high)


@dataclass(frozen=True)
class Manifest:
    """What is in a store.

    Attributes
    ----------
    head
        Grid, values, weight and options, as a tally of nothing.
    details
        Kinds of details its records have; None until there are any.
    entries
        By name of the granule.
    sizes
        By name of the part, how many granules were written to it.
    """

    head: Tally
    details: tuple[str, ...] | None
    entries: dict[str, Entry]
    sizes: dict[str, int]

    @classmethod
    def of(cls, tally: Tally) -> Manifest:
        """Return the manifest of a store for such tallies, with nothing in it."""
        head = replace(tally.select(()), told={})
        return cls(head, tuple(tally.records.details) if tally.granules else None, {}, {})

    def holding(self, entries: dict[str, Entry]) -> Manifest:
        """Return the manifest with other entries, without the parts that none of them names."""
        used = {entry.part for entry in entries.values()}
        return replace(self, entries=entries, sizes={part: n for part, n in self.sizes.items() if part in used})

    def empty(self, told: dict[str, Any]) -> Tally:
        """Return a tally of nothing that merges with those of the store."""
        return replace(self.head, records=Records.empty(self.details or ()), told=told)

    def provenance(self, granules: Iterable[str]) -> list[dict[str, Any]]:
        """Return what the tallies told with which the granules came, each once."""
        found: dict[str, dict[str, Any]] = {}
        for name in sorted(granules):
            told = self.entries[name].told
            found.setdefault(json.dumps(told, sort_keys=True), told)
        return list(found.values())


def granule_spans(tally: Tally) -> dict[str, tuple[int | None, int | None]]:
    """Return the first and last time of each granule's segments [ns since 1970], None where there are none."""
    states = tally.records.states
    size = len(tally.passes.names)
    first, last = np.full(size, np.iinfo(np.int64).max), np.full(size, NO_TIME)
    known = states["first"] != NO_TIME
    np.minimum.at(first, states["unit"][known], states["first"][known])
    np.maximum.at(last, states["unit"][known], states["last"][known])
    spans: dict[str, tuple[int | None, int | None]] = dict.fromkeys(tally.granules, (None, None))
    for (granule, _), low, high in zip(tally.passes.names, first.tolist(), last.tolist(), strict=True):
        if high == NO_TIME:
            continue
        before, after = spans[granule]
        spans[granule] = (low if before is None else min(low, before), high if after is None else max(high, after))
    return spans


def parts_folder(folder: Path) -> Path:
    """Return where the parts of a store are."""
    return folder / "parts"


def read_manifest(folder: Path) -> Manifest:
    """Return the manifest of the store in a folder.

    Raises
    ------
    InputError
        If there is no store.
    UnsupportedFormatError
        If its format is not known.
    """
    try:
        told = json.loads((folder / _NAME).read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise InputError(f"there is no tally store at {folder}; TallyStore.create makes one") from error
    except ValueError as error:
        raise UnsupportedFormatError(f"{folder / _NAME} is no manifest of a tally store: {error}") from error
    if told.get("format") != _FORMAT:
        raise UnsupportedFormatError(f"{folder} has store format {told.get('format')}, known is {_FORMAT}")
    options = told["options"]
    values = tuple(told["values"])
    head = Tally(
        grid=restore_grid(told["grid"]),
        values=values,
        weight=told["weight"],
        options=TallyOptions(options["step"], options["quantiles"], tuple(options["histogram"])),
        passes=Passes((), np.zeros(0, np.int64), np.zeros((0, len(values)), np.int64)),
        records=Records.empty(told["details"] or ()),
        told={},
    )
    entries = {
        name: Entry(part, first, last, told["told"][number])
        for name, (part, first, last, number) in told["granules"].items()
    }
    return Manifest(head, None if told["details"] is None else tuple(told["details"]), entries, told["parts"])


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Put a manifest in the place of the old one, in one step."""
    head, options = manifest.head, manifest.head.options
    provenance = manifest.provenance(manifest.entries)
    number = {json.dumps(told, sort_keys=True): place for place, told in enumerate(provenance)}
    told = {
        "format": _FORMAT,
        "altiflow_version": __version__,
        "grid": describe_grid(head.grid),
        "values": list(head.values),
        "weight": head.weight,
        "options": {"step": options.step, "quantiles": options.quantiles, "histogram": list(options.histogram)},
        "details": None if manifest.details is None else list(manifest.details),
        "told": provenance,
        "parts": manifest.sizes,
        "granules": {
            name: [entry.part, entry.first, entry.last, number[json.dumps(entry.told, sort_keys=True)]]
            for name, entry in sorted(manifest.entries.items())
        },
    }
    with whole_file(folder / _NAME) as part:
        part.write_text(json.dumps(told, separators=(",", ":")), encoding="utf-8")


def sweep_parts(folder: Path, manifest: Manifest | None) -> None:
    """Delete files that the manifest does not name: parts no longer needed, and what a dead writer left."""
    kept = set() if manifest is None else set(manifest.sizes)
    for file in parts_folder(folder).glob("*"):
        if file.name not in kept:
            file.unlink(missing_ok=True)
    for file in folder.glob(f".{Path(_NAME).stem}.*"):
        file.unlink(missing_ok=True)
