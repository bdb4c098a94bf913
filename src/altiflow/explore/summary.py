"""What is in a file, in a few lines of text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from altiflow.errors import AltiflowError, InputError, UnsupportedFormatError
from altiflow.gridding import Grid, Tally, is_tally, open_tally
from altiflow.gridding.export import is_sparse, read_sparse
from altiflow.readers import Ledger, holds_grid, read_gridded, read_segments, read_table, read_velocity
from altiflow.readers.gridded import raster_head

__all__ = ["describe_file", "describe_tally"]


def describe_file(path: str | Path) -> str:
    """Return what a granule, table, grid or velocity file holds, as lines of text.

    Raises
    ------
    InputError
        If there is no such file.
    UnsupportedFormatError
        If it is none of these.
    """
    source = Path(path)
    if not source.exists():
        raise InputError(f"there is no file {source}")
    if is_tally(source):
        lines = describe_tally(open_tally(source)).splitlines()
    elif source.suffix == ".parquet" and is_sparse(source):
        lines = _grid_lines(read_sparse(source))
    elif source.suffix in (".parquet", ".geoparquet", ".gpkg", ".fgb"):
        lines = _ledger_lines(source) or _table_lines(source)
    elif source.suffix in (".h5", ".hdf5"):
        lines = _granule_lines(source)
    else:
        lines = _raster_lines(source)
    return "\n".join([source.name, *(f"  {line}" for line in lines)])


def describe_tally(tally: Tally) -> str:
    """Return what a tally holds, as lines of text."""
    states, kept = tally.records.states, tally.options
    first, last = (str(time)[:19] for time in tally.span)
    step = {None: "none", 86_400: "days"}.get(kept.step, f"{kept.step} s")
    rows, left_out = int(tally.passes.rows.sum()), tally.passes.left_out.sum(axis=0).tolist()
    lines = [
        f"tally        {', '.join(tally.values)}, weighted by {tally.weight or 'nothing'}",
        f"grid         {tally.grid.name} {tally.grid.shape[0]} x {tally.grid.shape[1]}, {tally.grid.crs_name}, "
        f"signature {tally.grid.signature}",
        f"granules     {len(tally.granules)}, {len(tally.passes.names)} passes",
        f"time         {first} to {last} UTC, in bins of: {step}",
        f"segments     {rows}, of which without a value: "
        + ", ".join(f"{number} ({name})" for name, number in zip(tally.values, left_out, strict=True)),
        f"records      {states.size} in {np.unique(states['cell']).size} cells, {states.nbytes / 1e6:.1f} MB",
        f"details      {', '.join(tally.records.details) or 'none'}",
    ]
    if tally.told.get("product"):
        lines.insert(
            1, f"product      {tally.told['product']}, screens {', '.join(tally.told.get('screens', [])) or 'none'}"
        )
    if tally.told.get("missing"):
        lines.append(f"missing      {', '.join(tally.told['missing'])}")
    return "\n".join(lines)


def _granule_lines(path: Path) -> list[str]:
    """Return product, orientation, beams, times and screens of a granule."""
    ledger = Ledger()
    table = read_segments(path, beams="all", transition="keep", ledger=ledger)
    row = ledger.rows[0]
    orientation = {0: "backward", 1: "forward", 2: "transition"}.get(row["sc_orient"], "not stated")
    lines = [
        f"granule      {row['product']} release {row['release'] or 'not stated'}, orientation {orientation}",
        f"beams        {row['beams_read'] or 'none with segments'}"
        + (f"; without segments: {row['beams_absent']}" if row["beams_absent"] else ""),
        f"segments     {row['segments_found']}, of which {row['segments_kept']} pass the default screens",
    ]
    dropped = [f"{name.removeprefix('dropped_')} {n}" for name, n in row.items() if name.startswith("dropped_") and n]
    if dropped:
        lines.append(f"dropped      {', '.join(dropped)}")
    if row["absent_variables"]:
        lines.append(f"lacks        {row['absent_variables']}")
    if len(table):
        west, south, east, north = table.total_bounds
        lines += [
            f"time         {table['time'].min()} to {table['time'].max()} UTC",
            f"extent       {west:.3f} to {east:.3f} E, {south:.3f} to {north:.3f} N",
        ]
    return lines


def _ledger_lines(path: Path) -> list[str]:
    """Return the account in a ledger, [] where the file is something else."""
    try:
        ledger = Ledger.read(path)
    except UnsupportedFormatError:
        return []
    lines = [f"ledger       {ledger.summary()}"]
    return lines + [f"{row['status']:<12} {row['granule']}: {row['reason']}" for row in ledger.rows if row["reason"]]


def _table_lines(path: Path) -> list[str]:
    """Return rows, columns and provenance of a table."""
    table = read_table(path)
    told = table.attrs.get("altiflow", {})
    lines = [f"table        {len(table)} rows, CRS {table.crs.to_string() if table.crs else 'not stated'}"]
    if "granules" in told:
        lines.append(
            f"product      {told['product']} {', '.join(told['releases'])} from {len(told['granules'])} granules"
        )
        lines.append(f"screens      {', '.join(f'{k} dropped {v}' for k, v in told['screens'].items()) or 'none'}")
    units = told.get("units", {})
    lines.append("columns")
    for name in table.columns:
        unit = units.get(name, "")
        lines.append(f"  {name:<22} {table[name].dtype!s:<16} {unit if unit != '1' else ''}".rstrip())
    return lines


def _raster_lines(path: Path) -> list[str]:
    """Return what a gridded result, or else a velocity file, holds."""
    if holds_grid(path):
        return _grid_lines(read_gridded(path))
    try:
        return _field_lines(read_velocity(path))
    except AltiflowError as error:
        if path.suffix in (".tif", ".tiff"):
            return _geotiff_lines(path)
        raise UnsupportedFormatError(
            f"{path.name} is no granule, table or grid that is known; as velocity: {error}"
        ) from error


def _geotiff_lines(path: Path) -> list[str]:
    """Return CRS, cells and bands of a GeoTIFF."""
    head = raster_head(path)
    rows, cols = head["shape"]
    lines = [
        f"raster       {rows} rows x {cols} cols of {head['resolution'][0]:g}, CRS {head['crs']}",
        "bounds       {:.10g}, {:.10g}, {:.10g}, {:.10g}".format(*head["bounds"]),
        f"units        {head['units'] or 'not stated'}",
    ]
    return lines + [f"band {number:<7} {name}" for number, name in enumerate(head["bands"], start=1)]


def _grid_lines(dataset: xr.Dataset) -> list[str]:
    """Return grid, periods and variables of a gridded Dataset."""
    grid = Grid.from_dataset(dataset)
    lines = [f"grid         {grid.name} {grid.crs_name}, {grid.shape[0]} rows x {grid.shape[1]} cols, {grid.signature}"]
    if "time" in dataset.dims:
        bounds = dataset["time_bnds"].values if "time_bnds" in dataset else dataset["time"].values[:, None]
        lines.append(f"periods      {dataset.sizes['time']}: {str(bounds[0, 0])[:19]} to {str(bounds[-1, -1])[:19]}")
    lines.append("variables")
    for name, variable in dataset.data_vars.items():
        if variable.dims[-2:] == ("y", "x"):
            whole = variable.dtype.kind in "iu"
            filled = int(((variable > 0) if whole else variable.notnull()).sum())
            lines.append(f"  {name!s:<22} {variable.attrs.get('units', ''):<8} {filled} of {variable.size} filled")
    return lines


def _field_lines(field: xr.Dataset) -> list[str]:
    """Return CRS, metric, units and times of a velocity field."""
    told = field.attrs
    crs = told["crs"] if len(told["crs"]) < 40 else "WKT"
    metric = f"{told['velocity_metric']} metric ({told['metric_source']})"
    lines = [
        f"velocity     {told['source']}",
        f"CRS          {crs}, {field.sizes['y']} rows x {field.sizes['x']} cols",
        f"units        {told['units']}, {metric}, {told['time_rule']}",
        f"layers       {field.sizes['time']}",
    ]
    if told["time_rule"] != "undated":
        bounds = field["time_bnds"].values
        lines.append(f"time         {bounds[:, 0].min()} to {bounds[:, 1].max()}")
    return lines
