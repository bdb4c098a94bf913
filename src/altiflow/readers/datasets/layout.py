"""How a data set lies on disk: its partitions, the names of its files, and what it says of itself."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.files import whole_file
from altiflow.readers.datasets.geoparquet import PointEncoding

__all__ = [
    "PARTITION",
    "PartitionWord",
    "Settings",
    "holds_dataset",
    "part_files",
    "read_settings",
    "split_rows",
    "write_settings",
]

PartitionWord = Literal["product", "hemisphere", "year", "month", "day", "beam"]
PARTITION: tuple[PartitionWord, ...] = ("product", "hemisphere", "month")
"""The folders of a data set, outermost first."""

_FORMAT = 1
_NAME = "_dataset.json"
_UNITS_OF_TIME = {"year": "M8[Y]", "month": "M8[M]", "day": "M8[D]"}

Columns = dict[str, npt.NDArray[np.generic]]


@dataclass(frozen=True)
class Settings:
    """What every row of a data set was read with; written when it is begun, and never changed.

    Attributes
    ----------
    product
        Short name.
    beams, screens, region, transition
        As for :func:`altiflow.read_segments`; screens by name, the region as WKT.
    partition
        Words that make the folders, outermost first.
    geometry
        How points are stored.
    """

    product: str
    beams: str | tuple[str, ...]
    screens: tuple[str, ...]
    region: str | None
    transition: Literal["refuse", "keep"]
    partition: tuple[PartitionWord, ...]
    geometry: PointEncoding

    def __post_init__(self) -> None:
        known = get_args(PartitionWord)
        unknown = [word for word in self.partition if word not in known]
        if unknown or len(set(self.partition)) < len(self.partition):
            raise InputError(
                f"partition={list(self.partition)!r} means nothing; use words among {', '.join(known)}, each once"
            )
        if self.geometry not in get_args(PointEncoding):
            raise InputError(f"geometry={self.geometry!r} means nothing; use 'WKB' or 'point'")

    def differences(self, other: Settings) -> list[str]:
        """Return, for each setting that differs, what it is here and there."""
        mine, theirs = asdict(self), asdict(other)
        return [f"{name}={mine[name]!r}, not {theirs[name]!r}" for name in mine if mine[name] != theirs[name]]


def holds_dataset(folder: str | Path) -> bool:
    """Return whether a folder holds a data set."""
    return (Path(folder) / _NAME).is_file()


def read_settings(folder: Path) -> Settings:
    """Return what the data set in a folder was read with.

    Raises
    ------
    InputError
        If there is none.
    UnsupportedFormatError
        If it is not of a form that is known.
    """
    if not holds_dataset(folder):
        raise InputError(f"there is no data set at {folder}; read_to_dataset makes one")
    try:
        told: dict[str, Any] = json.loads((folder / _NAME).read_text(encoding="utf-8"))
        if told.pop("format") != _FORMAT:
            raise UnsupportedFormatError(f"the data set at {folder} is of a form that is not known; update altiflow")
        told.pop("altiflow_version")
        lists = {name: tuple(value) for name, value in told.items() if isinstance(value, list)}
        return Settings(**{**told, **lists})
    except (ValueError, KeyError, TypeError) as error:
        raise UnsupportedFormatError(f"{folder / _NAME} does not describe a data set: {error!r}") from error


def write_settings(folder: Path, settings: Settings, version: str) -> None:
    """Write what a new data set is read with."""
    told = {"format": _FORMAT, "altiflow_version": version, **asdict(settings)}
    with whole_file(folder / _NAME) as part:
        part.write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")


def part_files(folder: Path, partition: Sequence[PartitionWord]) -> Iterator[Path]:
    """Yield the files that lie where a data set puts those of its rows, but none of a data set within it."""
    places = folder.glob("/".join(f"{word}=*" for word in partition)) if partition else [folder]
    for place in places:
        above = [place, *place.parents][: len(partition)]
        if place.is_dir() and not any(holds_dataset(one) for one in above):
            yield from (file for file in place.glob("*.parquet") if file.name[0] != "_")


def split_rows(
    columns: Columns, partition: Sequence[PartitionWord], product: str
) -> Iterator[tuple[str, slice | npt.NDArray[np.intp]]]:
    """Yield the folder of each partition that rows fall into, and which rows those are, in their order.

    Examples
    --------
    >>> columns = {"latitude": np.array([80.0, -70.0]), "time": np.array(["2020-01-31", "NaT"], "M8[us]")}
    >>> [folder for folder, _ in split_rows(columns, ("product", "hemisphere", "month"), "ATL06")]
    ['product=ATL06/hemisphere=north/month=2020-01', 'product=ATL06/hemisphere=south/month=undated']
    """
    keys = [_values(columns, word, product) for word in partition]
    size = len(columns["latitude"])
    if all((key == key[:1]).all() for key in keys):
        if size:
            yield _folder(partition, [str(key[0]) for key in keys]), slice(None)
        return
    codes = np.zeros(size, dtype=np.int64)
    for key in keys:
        found, place = np.unique(key, return_inverse=True)
        codes = codes * len(found) + place
    for code in np.unique(codes):
        rows = np.flatnonzero(codes == code)
        yield _folder(partition, [str(key[rows[0]]) for key in keys]), rows


def _values(columns: Columns, word: PartitionWord, product: str) -> npt.NDArray[np.generic]:
    """Return the value of a word for every row, as text."""
    if word == "product":
        return np.full(len(columns["latitude"]), product)
    if word == "beam":
        return columns["beam"].astype("U8")
    if word == "hemisphere":
        latitude = columns["latitude"].astype(np.float64)
        placed = np.where(latitude < 0, "south", "north")
        return np.where(np.isfinite(latitude), placed, "unplaced")
    days = columns["time"].astype(_UNITS_OF_TIME[word])
    if days.size and (days == days[0]).all():
        return np.full(days.size, str(days[0]))
    return np.where(np.isnat(days), "undated", days.astype("U10"))


def _folder(partition: Sequence[PartitionWord], values: Sequence[str]) -> str:
    """Return the folder of a partition, named as Hive does so that other readers know its columns."""
    return "/".join(f"{word}={value}" for word, value in zip(partition, values, strict=True)) or "."
