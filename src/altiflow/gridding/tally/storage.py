"""Tallies on disk: one Parquet table, a row per record, everything else in its footer."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyproj
from affine import Affine

from altiflow.errors import InputError, UnsupportedFormatError
from altiflow.files import whole_file
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.kernel import NO_TIME
from altiflow.gridding.tally.building.build import TallyOptions
from altiflow.gridding.tally.passes import Passes
from altiflow.gridding.tally.records import DETAIL, RECORD, Records
from altiflow.gridding.tally.tally import Tally
from altiflow.version import __version__

__all__ = ["describe_grid", "holds_tally", "read_tally", "restore_grid", "write_tally"]

_KEY = b"altiflow_tally"
_FORMAT = 1
_RENAMED = {"weight": "weight_sum", "weight2": "weight2_sum", "low": "min", "high": "max", "noise": "noise_sum"}


def write_tally(tally: Tally, path: str | Path) -> Path:
    """Write a tally and return the path; the file appears whole or not at all.

    One row per record: ``value``, ``granule``, ``beam``, ``row``, ``col``, ``bin_start`` (UTC; null without time
    bins), ``count``, ``weight_sum``, ``weight2_sum``, ``mean``, ``m2``, ``min``, ``max``, ``noise_sum``,
    ``time_first``, ``time_last``; of each kind of detail, lists ``<detail>_key``, ``<detail>_amount`` and
    ``<detail>_count``. The data dictionary says what they mean.
    """
    with whole_file(path) as part:
        pq.write_table(_to_arrow(tally), part, compression="zstd")
    return Path(path)


def read_tally(path: str | Path) -> Tally:
    """Return a tally that :func:`write_tally` wrote, the same to the bit.

    Raises
    ------
    InputError
        If there is no such file.
    UnsupportedFormatError
        If it is no tally.
    """
    source = Path(path)
    if not source.is_file():
        raise InputError(f"there is no tally at {source}")
    try:
        table = pq.read_table(source)
    except (pa.ArrowInvalid, OSError) as error:
        raise UnsupportedFormatError(f"{source.name} is not a Parquet file: {error}") from error
    told = (table.schema.metadata or {}).get(_KEY)
    if told is None:
        raise UnsupportedFormatError(f"{source.name} is Parquet, but no tally; write_tally makes them")
    head = json.loads(told)
    if head.get("format") != _FORMAT:
        raise UnsupportedFormatError(f"{source.name} has tally format {head.get('format')}, known is {_FORMAT}")
    return _from_arrow(table, head)


def holds_tally(path: str | Path) -> bool:
    """Return whether a file is a tally."""
    try:
        return _KEY in (pq.read_schema(path).metadata or {})
    except (pa.ArrowInvalid, OSError):
        return False


def describe_grid(grid: Grid) -> dict[str, Any]:
    """Return what defines a grid, ready for JSON, every digit kept."""
    return {
        "name": grid.name,
        "crs": grid.crs_name,
        "transform": [float(number).hex() for number in tuple(grid.transform)[:6]],
        "shape": list(grid.shape),
        "signature": grid.signature,
    }


def restore_grid(told: dict[str, Any]) -> Grid:
    """Return the grid that :func:`describe_grid` described."""
    numbers = [float.fromhex(number) for number in told["transform"]]
    return Grid(pyproj.CRS(told["crs"]), Affine(*numbers), tuple(told["shape"]), told["name"])


def _to_arrow(tally: Tally) -> pa.Table:
    """Return the tally as an Arrow table."""
    states = tally.records.states
    row, col = np.divmod(states["cell"], tally.grid.shape[1])
    granules, beams = zip(*tally.passes.names, strict=True) if tally.passes.names else ((), ())
    columns: dict[str, Any] = {
        "value": pa.DictionaryArray.from_arrays(np.ascontiguousarray(states["value"]), list(tally.values)),
        "granule": _words(states["unit"], granules),
        "beam": _words(states["unit"], beams),
        "row": row.astype(np.int32),
        "col": col.astype(np.int32),
        "bin_start": pa.array(states["bin"].astype("datetime64[s]"), mask=np.full(states.size, not tally.options.step)),
    }
    for name in ("count", "weight", "weight2", "mean", "m2", "low", "high", "noise"):
        columns[_RENAMED.get(name, name)] = np.ascontiguousarray(states[name])
    for name in ("first", "last"):
        times = np.ascontiguousarray(states[name])
        columns[f"time_{name}"] = pa.array(times, pa.timestamp("ns"), mask=times == NO_TIME)
    for name, detail in tally.records.details.items():
        offsets = np.searchsorted(detail["record"], np.arange(states.size + 1)).astype(np.int32)
        for field in ("key", "amount", "count"):
            columns[f"{name}_{field}"] = pa.ListArray.from_arrays(offsets, np.ascontiguousarray(detail[field]))
    head = {
        "format": _FORMAT,
        "grid": describe_grid(tally.grid),
        "values": list(tally.values),
        "weight": tally.weight,
        "options": {
            "step": tally.options.step,
            "quantiles": tally.options.quantiles,
            "histogram": list(tally.options.histogram),
        },
        "passes": {
            "granule": list(granules),
            "beam": list(beams),
            "rows": tally.passes.rows.tolist(),
            "left_out": tally.passes.left_out.tolist(),
        },
        "details": list(tally.records.details),
        "told": tally.told,
        "altiflow_version": __version__,
    }
    return pa.table(columns).replace_schema_metadata({_KEY: json.dumps(head, sort_keys=True).encode()})


def _words(numbers: npt.NDArray[np.int32], words: Sequence[str]) -> pa.DictionaryArray:
    """Return a column of words, each kept once."""
    known = sorted(set(words))
    place = {word: number for number, word in enumerate(known)}
    lookup = np.array([place[word] for word in words], np.int32)
    codes = lookup[numbers] if lookup.size else np.empty(0, np.int32)
    return pa.DictionaryArray.from_arrays(codes, pa.array(known, pa.string()))


def _from_arrow(table: pa.Table, head: dict[str, Any]) -> Tally:
    """Return the tally of an Arrow table and its footer."""
    grid = restore_grid(head["grid"])
    names = tuple(zip(head["passes"]["granule"], head["passes"]["beam"], strict=True))
    states = np.zeros(table.num_rows, RECORD)
    values = {name: number for number, name in enumerate(head["values"])}
    states["value"] = _numbered([(word,) for word in table["value"].to_pylist()], {(k,): v for k, v in values.items()})
    states["unit"] = _units(table, names)
    states["cell"] = table["row"].to_numpy().astype(np.int64) * grid.shape[1] + table["col"].to_numpy()
    if head["options"]["step"]:
        states["bin"] = table["bin_start"].to_numpy().astype("datetime64[s]").astype(np.int64)
    for name in ("count", "weight", "weight2", "mean", "m2", "low", "high", "noise"):
        states[name] = table[_RENAMED.get(name, name)].to_numpy()
    for name in ("first", "last"):
        states[name] = table[f"time_{name}"].cast(pa.int64()).fill_null(NO_TIME).to_numpy()
    details = {name: _detail(table, name) for name in head["details"]}
    left_out = np.array(head["passes"]["left_out"], np.int64).reshape(len(names), len(values))
    told = head["options"]
    return Tally(
        grid=grid,
        values=tuple(values),
        weight=head["weight"],
        options=TallyOptions(told["step"], told["quantiles"], tuple(told["histogram"])),
        passes=Passes(names, np.array(head["passes"]["rows"], np.int64), left_out),
        records=Records(states, details),
        told=head["told"],
    )


def _numbered(words: list[tuple[str, ...]], places: dict[tuple[str, ...], int]) -> npt.NDArray[np.int32]:
    """Return the number of each word."""
    return np.array([places[word] for word in words], np.int32)


def _units(table: pa.Table, names: tuple[tuple[str, str], ...]) -> npt.NDArray[np.int32]:
    """Return the number of each row's pass."""
    codes, sizes = [], []
    words = []
    for name in ("granule", "beam"):
        column = table[name].combine_chunks() if table[name].num_chunks != 1 else table[name].chunk(0)
        column = column if isinstance(column, pa.DictionaryArray) else column.dictionary_encode()
        codes.append(column.indices.to_numpy().astype(np.int64))
        words.append({word: number for number, word in enumerate(column.dictionary.to_pylist())})
        sizes.append(max(len(column.dictionary), 1))
    lookup = np.full(sizes[0] * sizes[1], -1, np.int32)
    for number, (granule, beam) in enumerate(names):
        if granule in words[0] and beam in words[1]:
            lookup[words[0][granule] * sizes[1] + words[1][beam]] = number
    return np.asarray(lookup[codes[0] * sizes[1] + codes[1]])


def _detail(table: pa.Table, name: str) -> npt.NDArray[np.void]:
    """Return one kind of detail of all rows."""
    column = table[f"{name}_key"].combine_chunks()
    counts = np.asarray(pc.list_value_length(column).to_numpy(zero_copy_only=False), np.int64)
    detail = np.zeros(int(counts.sum()), DETAIL)
    detail["record"] = np.repeat(np.arange(table.num_rows), counts)
    for field in ("key", "amount", "count"):
        detail[field] = table[f"{name}_{field}"].combine_chunks().flatten().to_numpy(zero_copy_only=False)
    return detail
