"""What is in a file, in a few lines of text."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import xarray as xr

from altiflow.errors import AltiflowError, InputError, UnsupportedFormatError
from altiflow.explore.inventories import dataset_lines, find_catalogue, folder_lines, ledger_lines
from altiflow.gridding import Grid, Tally, is_tally, open_tally
from altiflow.gridding.export import is_sparse, read_sparse
from altiflow.readers import Ledger, read_gridded, read_segments, read_table, read_velocity
from altiflow.readers.datasets.layout import holds_dataset
from altiflow.readers.datasets.netcdf import is_point_table
from altiflow.readers.field import Metric
from altiflow.readers.gridded import grid_kind, raster_head
from altiflow.readers.layers import is_cube
from altiflow.readers.velocity.formats.stores import is_remote, store_name
from altiflow.units import YEAR_DAYS

__all__ = ["describe_file", "describe_tally"]

_NO_VELOCITY = (".parquet", ".geoparquet", ".gpkg", ".fgb", ".h5", ".hdf5")
"""Files of granules, tables, ledgers, tallies and sparse grids."""


def describe_file(
    path: str | Path, *, product: str | None = None, crs: object = None, metric: Metric | None = None
) -> str:
    """Return what a granule, table, catalogue, ledger, grid or velocity file holds, as lines of text.

    Parameters
    ----------
    path
        A file, a Zarr store (a folder, or an address), a data set of segments, or a folder of granules or of velocity
        files.
    product, crs, metric
        Of velocity, where the file does not say or not rightly; as in :func:`altiflow.read_velocity`.

    Raises
    ------
    InputError
        If there is no such file, or product, CRS or metric are given for a file that is no velocity.
    UnsupportedFormatError
        If it is none of these.
    """
    said = {"product": product, "crs": crs, "metric": metric}
    if is_remote(path) or any(value is not None for value in said.values()):
        lines = _told_velocity_lines(path, product, crs, metric)
        return "\n".join([store_name(path), *(f"  {line}" for line in lines)])
    source = Path(path)
    if not source.exists():
        raise InputError(f"there is no file {source}")
    if is_tally(source):
        lines = describe_tally(open_tally(source)).splitlines()
    elif holds_dataset(source):
        lines = dataset_lines(source)
    elif source.suffix == ".parquet" and is_sparse(source):
        lines = _grid_lines(read_sparse(source))
    elif source.suffix in (".parquet", ".geoparquet", ".gpkg", ".fgb"):
        lines = find_catalogue(source) or _ledger_lines(source) or _table_lines(source)
    elif source.suffix == ".csv" or (source.suffix == ".nc" and is_point_table(source)):
        lines = _table_lines(source)
    elif source.suffix in (".geojson", ".json"):
        lines = find_catalogue(source)
    elif source.suffix in (".h5", ".hdf5"):
        lines = _granule_lines(source)
    else:
        lines = (folder_lines(source) if source.is_dir() else []) or _raster_lines(source)
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
        return ledger_lines(Ledger.read(path))
    except UnsupportedFormatError:
        return []


def _table_lines(path: Path) -> list[str]:
    """Return rows, columns and provenance of a table."""
    table = read_table(path)
    told = table.attrs.get("altiflow", {})
    lines = [f"table        {len(table)} rows, CRS {table.crs.to_string() if table.crs else 'not stated'}"]
    if "granules" in told:
        lines.append(
            f"product      {told.get('product') or told.get('title', 'not stated')} "
            f"{', '.join(told.get('releases', ()))} from {len(told['granules'])} granules"
        )
        lines.append(f"screens      {', '.join(f'{k} dropped {v}' for k, v in told['screens'].items()) or 'none'}")
    units = told.get("units", {})
    lines.append("columns")
    for name in table.columns:
        unit = units.get(name, "")
        lines.append(f"  {name:<22} {table[name].dtype!s:<16} {unit if unit != '1' else ''}".rstrip())
    return lines


def _told_velocity_lines(path: str | Path, product: str | None, crs: object, metric: Metric | None) -> list[str]:
    """Return what a velocity file holds of which the caller says something, or that is far away."""
    if not is_remote(path):
        if not Path(path).exists():
            raise InputError(f"there is no file {path}")
        if Path(path).suffix in _NO_VELOCITY or (Path(path).is_dir() and is_tally(path)):
            raise InputError(
                f"{Path(path).name} is no velocity; product, CRS and metric are said of velocity alone, leave them out"
            )
    return _field_lines(read_velocity(path, product=product, crs=crs, metric=metric))


def _raster_lines(path: Path) -> list[str]:
    """Return what a gridded result, or else a velocity file, holds."""
    kind = grid_kind(path)
    if kind == "velocity":
        return _field_lines(read_velocity(path))
    if kind is not None:
        lines = _grid_lines(read_gridded(path))
        return lines + _field_lines(read_velocity(path)) if kind == "fused" else lines
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
    """Return all that a velocity field states; of its values, none is read."""
    told = field.attrs
    crs = told["crs"] if len(told["crs"]) < 40 else "WKT"
    sides = [abs(float(np.diff(field[axis].values[[0, -1]])[0])) / (field.sizes[axis] - 1) for axis in ("x", "y")]
    cell = f"{sides[0]:.6g} m" if np.isclose(sides[0], sides[1], rtol=1e-6) else f"{sides[0]:.6g} x {sides[1]:.6g} m"
    units = str(told["units"])
    if units.endswith("yr-1"):
        units += f", year of {float(told.get('year_days', YEAR_DAYS)):g} days"
    errors = [name for name in ("vx_sigma", "vy_sigma", "vxy_covariance") if name in field]
    rest = [str(name) for name in field.data_vars if name not in ("vx", "vy", *errors)]
    lines = [
        f"velocity     {told['source']}",
        f"CRS          {crs}, {field.sizes['y']} rows x {field.sizes['x']} cols of {cell}",
        f"metric       {told['velocity_metric']} metric ({told['metric_source']})",
        f"kind         {told['velocity_kind']}, {told['time_rule']}",
        f"units        {units}",
        *_time_lines(field),
        f"errors       {', '.join(errors) or 'none'}",
    ]
    return lines + ([f"beside       {', '.join(rest)}"] if rest else [])


def _time_lines(field: xr.Dataset) -> list[str]:
    """Return number, period, length and missions of the layers of a velocity field."""
    pair = "an image pair" if field.sizes["time"] == 1 else "each an image pair"
    lines = [f"layers       {field.sizes['time']}" + (f", {pair}" if is_cube(field) else "")]
    if field.attrs["time_rule"] != "undated":
        bounds = field["time_bnds"].values
        days = (bounds[:, 1] - bounds[:, 0]) / np.timedelta64(1, "D")
        shortest, longest = f"{days.min():.6g}", f"{days.max():.6g}"
        lines += [
            f"time         {str(bounds[:, 0].min())[:19]} to {str(bounds[:, 1].max())[:19]} UTC",
            f"intervals    {shortest if shortest == longest else f'{shortest} to {longest}'} days",
        ]
    for name, heading in (("mission", "missions"), ("satellite", "satellites")):
        if name in field.coords:
            words, counts = np.unique(field[name].values.astype(str), return_counts=True)
            texts = [f"{word or 'not stated'} {count}" for word, count in zip(words, counts, strict=True)]
            lines.append(f"{heading:<12} {', '.join(texts)}")
    return lines
