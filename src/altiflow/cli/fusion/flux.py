"""`altiflow flux`: how much ice passes a gate."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import xarray as xr

from altiflow.cli.options import counted, quiet_option, saying, told, velocity_file_options
from altiflow.errors import InputError, NoOverlapError
from altiflow.files import whole_file
from altiflow.fusion import Gate, Uncertain, area_flux, mass_flux, volume_flux
from altiflow.gridding import write_netcdf
from altiflow.readers import read_raster, read_velocity

__all__ = ["flux"]

_LINES = ("LineString", "MultiLineString", "Polygon")


@click.command()
@click.argument("velocity", nargs=-1, required=True)
@click.option(
    "--gate",
    required=True,
    help="Vector file of one line (or polygon: flux out of it), or 'lon,lat lon,lat ...' in degrees.",
)
@click.option("--spacing", type=float, help="Pieces of the gate are this long [m]; half a cell of the velocity.")
@click.option("--thickness", help="Number [m], GeoTIFF, or NetCDF as FILE:VARIABLE. Without it: the area of ice.")
@click.option("--thickness-sigma", help="Its standard error: number [m], GeoTIFF, or FILE:VARIABLE.")
@click.option("--thickness-bias", type=float, default=0.0, help="Its error common to all of the gate [m].")
@click.option("--concentration", help="Share of ice from 0 to 1: number, GeoTIFF, or FILE:VARIABLE.")
@click.option("--density", type=float, help="Of the ice [kg/m3], 917 for glaciers: flux of mass instead of volume.")
@click.option(
    "--depth-factor",
    type=float,
    default=1.0,
    show_default=True,
    help="Mean velocity over depth by that at the surface.",
)
@click.option("--velocity-sigma", type=float, help="Standard error of a component; that of the velocity's own file.")
@click.option("--velocity-bias", type=float, default=0.0, help="Error common to all of the gate [the velocity's unit].")
@click.option("--per", type=click.Choice(["s", "d", "month", "yr"]), help="By default as the velocity; month for s.")
@click.option(
    "--min-cover", type=float, default=1.0, show_default=True, help="Least share of the gate with values for a total."
)
@click.option("--raster-crs", help="CRS of a thickness or concentration file that states none.")
@click.option(
    "--out", "-o", default="flux.csv", show_default=True, help="Totals (.csv), or all pieces of the gate too (.nc)."
)
@velocity_file_options
@quiet_option
@told
def flux(velocity: tuple[str, ...], gate: str, out: str, quiet: bool, **asked: Any) -> None:
    """Add up the ice that passes a gate: its area, volume with --thickness, mass with --density too.

    VELOCITY are files of one product. The gate runs from its first point to its last, and flux from its left to its
    right is positive; flux out of a polygon is. Lengths and speeds are those on the ground, whatever the map.

    Each layer of the velocity is one row: the total, its standard error by errors independent from cell to cell
    (sigma), its error by errors common to all of the gate (bias), and the share of the gate with values (coverage).
    Without enough of it there is no total; nothing is made up for what is missing.

    \b
    altiflow flux icemotion_weekly_nh_25km_2018.nc --gate="-14,81 12,81" --thickness 2.1 --per month --min-cover 0.5
    altiflow flux mosaic.nc --gate gate.geojson --thickness BedMachine.nc:thickness --density 917 -o flux.nc
    """
    suffix = Path(out).suffix
    if suffix not in (".csv", ".nc"):
        raise InputError(f"{out}: flux is written as .csv (totals) or .nc (all of it)")
    if asked["thickness"] is None and (asked["density"] is not None or asked["thickness_sigma"] is not None):
        raise InputError("--density and --thickness-sigma belong to a thickness; give --thickness")
    paths = [one if "://" in one else Path(one) for one in velocity]
    field = read_velocity(
        paths, product=asked["velocity_product"], crs=asked["velocity_crs"], metric=asked["velocity_metric"]
    )
    cell = min(abs(float(field[axis].values[1] - field[axis].values[0])) for axis in ("x", "y"))
    line = _read_gate(gate, asked["spacing"] or cell / 2)
    found = _flux_of(line, field, asked)
    _refuse_none(found)
    if suffix == ".nc":
        write_netcdf(found, out)
    else:
        with whole_file(out) as part:
            _totals(found).to_csv(part, index=False)
    _tell(found, line, out, saying(quiet))


def _read_gate(text: str, spacing: float) -> Gate:
    """Return the gate of a file, or of longitudes and latitudes."""
    if Path(text).exists():
        table = gpd.read_file(text)
        lines = table[table.geometry.geom_type.isin(_LINES)]
        if len(lines) != 1:
            raise InputError(f"{text} has {counted(len(lines), 'line')} or polygons; a gate is one")
        return Gate.of(lines, spacing=spacing)
    try:
        places = [tuple(float(part) for part in pair.split(",")) for pair in text.split()]
    except ValueError:
        raise InputError(f"--gate {text}: no such file, and no longitude,latitude pairs") from None
    if len(places) < 2 or any(len(place) != 2 for place in places):
        raise InputError(f"--gate {text}: a gate has two or more points, each longitude,latitude")
    if any(not (-360 <= place[0] <= 360 and -90 <= place[1] <= 90) for place in places):
        raise InputError(f"--gate {text}: points are longitude,latitude in degrees")
    return Gate.of(shapely.LineString(places), spacing=spacing, crs="EPSG:4326")


def _flux_of(gate: Gate, field: xr.Dataset, asked: dict[str, Any]) -> xr.Dataset:
    """Return the flux that the command line asks for."""
    common: dict[str, Any] = {name: asked[name] for name in ("per", "min_cover", "velocity_sigma", "velocity_bias")}
    if asked["concentration"] is not None:
        common["concentration"] = _value(asked["concentration"], "--concentration", asked["raster_crs"])
    if asked["thickness"] is None:
        return area_flux(gate, field, **common)
    sigma = asked["thickness_sigma"]
    common["thickness"] = Uncertain(
        _value(asked["thickness"], "--thickness", asked["raster_crs"]),
        sigma=None if sigma is None else _value(sigma, "--thickness-sigma", asked["raster_crs"]),
        bias=asked["thickness_bias"],
    )
    common["depth_factor"] = asked["depth_factor"]
    if asked["density"] is None:
        return volume_flux(gate, field, **common)
    return mass_flux(gate, field, density=asked["density"], **common)


def _value(text: str, option: str, crs: str | None) -> float | tuple[xr.Dataset, str]:
    """Return a number, or the layers of a file and their name."""
    try:
        return float(text)
    except ValueError:
        path, _, variable = (text, "", "") if Path(text).exists() else text.rpartition(":")
    if not path or not Path(path).exists():
        raise InputError(f"{option} {text} is no number, and there is no such file (NetCDF: FILE:VARIABLE)")
    try:
        layers = read_raster(path, variable or None, crs=crs)
    except InputError as error:
        raise InputError(str(error).replace("crs=", "raster_crs=")) from error
    return layers, str(next(iter(layers.data_vars)))


def _totals(found: xr.Dataset) -> pd.DataFrame:
    """Return a row per layer."""
    bounds = found["time_bnds"].values
    table = pd.DataFrame({"time": found["time"].values, "start": bounds[:, 0], "end": bounds[:, 1]})
    for name, data in found.data_vars.items():
        if data.dims == ("time",):
            unit = str(data.attrs["units"]).replace(" ", "_").replace("-1", "").replace("_", "_per_", 1)
            table[str(name) if name == "coverage" else f"{name}_{unit}"] = data.values
    return table


def _refuse_none(found: xr.Dataset) -> None:
    """Raise if not one layer has a total."""
    total = next(data for name, data in found.data_vars.items() if str(name).endswith("_total"))
    if not np.isfinite(total.values).any():
        cover = found["coverage"].values
        raise NoOverlapError(
            f"not one of {counted(cover.size, 'layer')} has values along enough of the gate, {cover.min():.0%} to "
            f"{cover.max():.0%} of it; move the gate, or take less with min_cover"
        )


def _tell(found: xr.Dataset, gate: Gate, out: str, say: Any) -> None:
    """Say what was found."""
    name = next(str(one) for one in found.data_vars if str(one).endswith("_total"))
    kind, unit = name.removesuffix("_total"), found[name].attrs["units"]
    totals, cover = found[name].values, found["coverage"].values
    known = np.isfinite(totals)
    say(f"gate of {gate.length / 1e3:.1f} km on the ground, {counted(found.sizes['piece'], 'piece')}")
    say(f"{found.attrs['velocity_metric']} metres ({found.attrs['metric_source']}); positive from left to right")
    if known.any():
        mean = f"mean {kind.replace('_', ' ')} {totals[known].mean():.4g} {unit}"
        spread = f", from {totals[known].min():.4g} to {totals[known].max():.4g}" if known.sum() > 1 else ""
        say(f"{mean}{spread}")
        parts = [("sigma", f"{kind}_sigma"), ("bias", f"{kind}_bias")]
        sizes = {word: float(np.nanmedian(found[part].values)) for word, part in parts if part in found}
        errors = [f"{word} {size:.2g}" for word, size in sizes.items() if size > 0]
        told = f"{', '.join(errors)} {unit}" if errors else "none given, by the files or by options"
        say(f"errors of a layer (median): {told}; sigma of: {found.attrs['sigma_of']}")
    say(f"{int(known.sum())} of {counted(known.size, 'layer')} with a total: {out}")
    if not known.all():
        click.echo(
            f"warning: {counted(int((~known).sum()), 'layer')} without a total, coverage {cover.min():.0%} to "
            f"{cover.max():.0%} of the gate; --min-cover takes less",
            err=True,
        )
