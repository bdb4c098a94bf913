"""The whole way in one call: granules and motion in; table, grid, fusion, map and a record of it out."""

from __future__ import annotations

import json
import platform
from collections.abc import Callable
from dataclasses import asdict, fields, replace
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.maps import draw_map
from altiflow.explore.plans import RunPlan, RunResult
from altiflow.explore.qgis import write_styles
from altiflow.explore.report import run_report
from altiflow.explore.truth import check_truth, compare_truth
from altiflow.files import whole_file
from altiflow.fusion import Overlap, fuse
from altiflow.gridding import Grid, grid_segments, make_periods, window_with_data, write_geotiffs, write_netcdf
from altiflow.readers import Ledger, RemoteAccess, Sample, read_segments, read_velocity, write_table
from altiflow.readers.icesat2 import PRODUCTS
from altiflow.readers.remote.addresses import public_url
from altiflow.version import __version__

__all__ = ["RunPlan", "RunResult", "run_fusion", "run_sample"]

Say = Callable[[str], None]

_RESULTS = (
    "run.json",
    "segments.parquet",
    "ledger.parquet",
    "grid.nc",
    "velocity.nc",
    "fused.parquet",
    "fused.nc",
    "map.png",
    "report.html",
)
"""Files of a run; what an earlier run left in the folder is removed first."""

_RECORDED = ("geopandas", "h5coro", "h5py", "numpy", "pyarrow", "pyproj", "xarray")
"""Packages whose versions go into run.json."""


def run_fusion(plan: RunPlan, *, access: RemoteAccess | None = None, say: Say = lambda line: None) -> RunResult:
    """Read, grid, fuse, map and record, and return what was made.

    Writes segments.parquet, ledger.parquet, grid.nc, GeoTIFFs with QGIS styles, map.png, run.json and report.html, a
    page that shows it all; with velocity also velocity.nc (on the grid and its periods), fused.parquet (velocity at
    every segment) and fused.nc.

    Parameters
    ----------
    plan
        What to do.
    access
        How granules at addresses are read, and as whom; what it holds is not recorded.
    say
        Called with a line of text after each step.

    Raises
    ------
    AltiflowError
        What went wrong, and where; the ledger is written all the same.
    """
    result = _run(plan, access, say)
    _record(plan, result)
    return result


def _run(plan: RunPlan, access: RemoteAccess | None, say: Say) -> RunResult:
    """Do all of it but the record and the report."""
    out = Path(plan.out)
    motion = _prepare(plan)
    result = RunResult({"ledger": out / "ledger.parquet"}, {}, Ledger())
    try:
        _read(plan, access, result)
    finally:
        result.ledger.write(result.files["ledger"])
    say(result.ledger.summary())
    _grid(plan, result)
    cells = int((result.grids["grid"]["n_segments"] > 0).sum())
    periods = result.grids["grid"].sizes["time"]
    say(f"gridded on {result.counts['grid']}: {cells} cells with data in {periods} period{'s' * (periods != 1)}")
    if motion is not None:
        say(_fuse(plan, motion, result).text)
    _map(plan, result)
    return result


def run_sample(plan: RunPlan, sample: Sample, *, say: Say = lambda line: None) -> RunResult:
    """Run on the built-in sample and compare the result with its truth.

    Raises
    ------
    TruthError
        If the result is further from the truth than allowed.
    """
    result = _run(plan, None, say)
    result.truth = compare_truth(
        result.tables["fused"], result.grids["grid"], sample.truth, value=result.counts["value"]
    )
    _record(plan, result)
    for line in result.truth.lines():
        say(line)
    check_truth(result.truth)
    return result


def _prepare(plan: RunPlan) -> xr.Dataset | None:
    """Check what can be checked before anything is read, clear earlier results, and return the velocity field."""
    out = Path(plan.out)
    if out.is_file():
        raise InputError(f"{out} is a file; results go into a folder")
    if plan.grid != "auto":
        Grid.named(plan.grid)
    make_periods(np.datetime64("2020-01-01"), np.datetime64("2020-01-01"), plan.freq)
    _moment(plan.start), _moment(plan.end)
    motion = None
    if plan.velocity:
        motion = read_velocity(
            [Path(path) for path in plan.velocity],
            product=plan.velocity_product,
            crs=plan.velocity_crs,
            metric=plan.velocity_metric,
        )
    _clear_earlier(plan, out)
    return motion


def _clear_earlier(plan: RunPlan, out: Path) -> None:
    """Remove what an earlier run left in the folder, which would belong to other data; nothing else is touched."""
    results = [out / name for name in _RESULTS]
    inputs = {Path(path).resolve() for path in (*plan.altimetry, *plan.velocity)}
    clash = [path for path in results if path.resolve() in inputs]
    if clash:
        raise InputError(f"{clash[0]} is an input and would be overwritten; choose another folder for the results")
    record = out / "run.json"
    if not (record.exists() or (out / "ledger.parquet").exists()):
        return
    try:
        rasters = json.loads(record.read_text())["counts"]["geotiffs"] if record.exists() else []
    except (ValueError, KeyError, TypeError):
        rasters = []
    earlier = [out / "geotiff" / Path(str(name)).name for name in rasters]
    for path in (*results, *earlier, *(raster.with_suffix(".qml") for raster in earlier)):
        path.unlink(missing_ok=True)


def _moment(text: str | None) -> pd.Timestamp | None:
    """Return an ISO time as UTC without zone."""
    if text is None:
        return None
    try:
        moment = pd.Timestamp(datetime.fromisoformat(text))
    except ValueError as error:
        raise InputError(f"{text!r} is no ISO time such as 2019-01-31 or 2019-01-31T12:00:00Z") from error
    return moment if moment.tz is None else moment.tz_convert("UTC").tz_localize(None)


def _read(plan: RunPlan, access: RemoteAccess | None, result: RunResult) -> None:
    """Read the segments of the period and write their table."""
    table = read_segments(
        list(plan.altimetry),
        product=plan.product,
        beams=plan.beams,
        screens=plan.screens,
        region=plan.region,
        on_error=plan.on_error,
        ledger=result.ledger,
        engine=plan.engine,
        access=access,
        workers=plan.workers,
        quiet=plan.quiet,
    )
    read = len(table)
    table = _in_period(table, plan.start, plan.end)
    if table.empty:
        raise EmptyDataError(
            f"no segment is left to grid: {result.ledger.summary()}; {read - len(table)} outside the period. "
            "The ledger tells which screen dropped what"
        )
    result.tables["segments"] = table
    result.files["segments"] = write_table(table, Path(plan.out) / "segments.parquet")
    result.counts |= {
        "granules": len(result.ledger.rows),
        "granules_failed": len(result.ledger.failures),
        "segments": len(table),
        "segments_outside_period": read - len(table),
        "value": PRODUCTS[table.attrs["altiflow"]["product"]].value,
    }


def _in_period(table: gpd.GeoDataFrame, start: str | None, end: str | None) -> gpd.GeoDataFrame:
    """Return the segments of start <= time < end."""
    kept = pd.Series(True, index=table.index)
    if start is not None:
        kept &= table["time"] >= _moment(start)
    if end is not None:
        kept &= table["time"] < _moment(end)
    return table[kept].reset_index(drop=True)


def _grid(plan: RunPlan, result: RunResult) -> None:
    """Grid the segments on the window that holds them, and write it."""
    table, out = result.tables["segments"], Path(plan.out)
    grid = window_with_data(table, _chosen_grid(plan.grid, table))
    gridded = grid_segments(table, grid, value=result.counts["value"], freq=plan.freq)
    result.grids["grid"] = gridded
    result.files["grid"] = write_netcdf(gridded, out / "grid.nc")
    result.files["geotiff"] = out / "geotiff"
    rasters = write_geotiffs(gridded, out / "geotiff")
    write_styles(rasters)
    result.counts |= {
        "grid": grid.name,
        "grid_signature": grid.signature,
        "grid_shape": list(grid.shape),
        "geotiffs": [path.name for path in rasters],
    }


def _chosen_grid(name: str, table: gpd.GeoDataFrame) -> Grid:
    """Return the named grid; "auto" takes EASE-Grid 2.0, 25 km, of the hemisphere of the data."""
    if name != "auto":
        return Grid.named(name)
    north = table["latitude"] >= 0
    if north.any() and not north.all():
        raise InputError("the segments lie in both hemispheres; choose a grid by name, or a region, for each")
    return Grid.named("EASE2_N25km" if north.all() else "EASE2_S25km")


def _fuse(plan: RunPlan, field_: xr.Dataset, result: RunResult) -> Overlap:
    """Put velocity at every segment and on the grid, write both, and return how the two meet."""
    out = Path(plan.out)
    table = result.tables["segments"]
    gridded = result.grids["grid"]
    found = fuse(
        table,
        field_,
        Grid.from_dataset(gridded),
        value=result.counts["value"],
        freq=plan.freq,
        method=plan.method,
        max_dt_days=plan.max_dt_days,
    )
    result.tables["fused"] = found.table
    result.grids |= {"velocity": found.velocity, "fused": found.grid}
    result.files |= {
        "velocity": write_netcdf(found.velocity, out / "velocity.nc"),
        "fused_table": write_table(found.table, out / "fused.parquet"),
        "fused_grid": write_netcdf(found.grid, out / "fused.nc"),
    }
    met = {name: value for name, value in asdict(found.overlap).items() if name != "reason"}
    result.counts |= {"velocity_valid": int(found.table["v_valid"].sum()), "overlap": met}
    return found.overlap


def _map(plan: RunPlan, result: RunResult) -> None:
    """Draw the first period: the gridded value, and velocity over it where there is any."""
    path = Path(plan.out) / "map.png"
    draw_map(result.grids["grid"], f"{result.counts['value']}_mean", velocity=result.grids.get("velocity"), path=path)
    result.files["map"] = path


def _record(plan: RunPlan, result: RunResult) -> None:
    """Write run.json (parameters, versions, counts, files), and the report."""
    path = Path(plan.out) / "run.json"
    told = result.tables["segments"].attrs["altiflow"]
    # A signed address, or one with a password, opens the archive to whoever the record is forwarded to.
    shown = replace(plan, altimetry=_public(plan.altimetry), velocity=_public(plan.velocity))
    record = {
        "altiflow": __version__,
        "versions": {"python": platform.python_version()} | {name: version(name) for name in _RECORDED},
        "parameters": {name: getattr(shown, name) for name in plan.__dataclass_fields__},
        "product": told["product"],
        "releases": told["releases"],
        "granules": told["granules"],
        "screens": told["screens"],
        "counts": result.counts,
        "truth": None if result.truth is None else result.truth.to_dict(),
        "files": {name: file.name for name, file in result.files.items()},
    }
    with whole_file(path) as part:
        part.write_text(json.dumps(record, indent=2, default=str) + "\n")
    result.files["record"] = path
    page = run_report(
        table=result.tables["segments"],
        grid=result.grids["grid"],
        velocity=result.grids.get("velocity"),
        ledger=result.ledger,
        record=record,
        command=plan.command or _call(shown),
    )
    result.files["report"] = page.write(Path(plan.out) / "report.html")


def _public(places: tuple[str, ...]) -> tuple[str, ...]:
    """Return files and addresses without what may be secret."""
    return tuple(public_url(str(place)) for place in places)


def _call(plan: RunPlan) -> str:
    """Return the call that does what a plan says."""
    changed = [
        f"{one.name}={getattr(plan, one.name)!r}"
        for one in fields(plan)
        if one.name != "quiet" and getattr(plan, one.name) != one.default
    ]
    return f"altiflow.run_fusion(altiflow.RunPlan({', '.join(changed)}))"
