"""Guards: do altimetry and velocity meet at all, how much of them does, and why not."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import xarray as xr

from altiflow.errors import EmptyDataError, FieldError, InputError, NoOverlapError
from altiflow.fusion.fields.intervals import layer_bounds
from altiflow.fusion.fields.layers import (
    PointVelocity,
    SampleMethod,
    is_undated,
    sample_points,
    table_points,
    within_days,
)
from altiflow.gridding.remap.resample import Lattice
from altiflow.readers.field import check_field

__all__ = ["Overlap", "check_overlap", "measure_overlap", "refuse_empty", "refuse_surfaces"]

_SEA_ICE_PRODUCTS = ("ATL07", "ATL10", "ATL20", "ATL21")
_LAND_ICE_PRODUCTS = ("ATL06", "ATL11", "ATL14", "ATL15")
_SEA_ICE_SOURCES = ("0116", "OSI-4", "OSI SAF", "OSISAF", "SEA ICE", "SEA-ICE", "ICEMOTION", "KIMURA")
_LAND_ICE_SOURCES = ("ITS_LIVE", "MEASURES", "0776", "0775", "0725", "0478", "0481", "0484", "GLACIER")


@dataclass(frozen=True)
class Overlap:
    """How much of a segment table meets a velocity field.

    Attributes
    ----------
    segments
        Number of segments.
    in_extent
        Fraction that lies on the field's lattice.
    in_period
        Fraction whose time lies within the field's first start and last end; None for an undated field.
    with_velocity
        Fraction that gets a velocity.
    farthest_days
        Longest time between a segment that gets a velocity and the layer it is from; 0 if all lie inside a
        layer or none gets one, None for an undated field.
    table_text, field_text
        What the two are: product or source, longitudes and latitudes, period.
    reason
        Why the two do not meet, or what to look at where they meet in part.
    """

    segments: int
    in_extent: float
    in_period: float | None
    with_velocity: float
    farthest_days: float | None
    table_text: str
    field_text: str
    reason: str

    @property
    def text(self) -> str:
        """The fractions in one sentence."""
        period = "the field is undated" if self.in_period is None else f"{self.in_period:.1%} within its period"
        if self.farthest_days:
            period += f" (velocity up to {self.farthest_days:.1f} days away in time)"
        return (
            f"of {self.segments} segments {self.in_extent:.1%} lie within the velocity field's extent, {period}, "
            f"{self.with_velocity:.1%} get a velocity"
        )


def check_overlap(
    table: gpd.GeoDataFrame, field: xr.Dataset, *, method: SampleMethod = "linear", max_dt_days: float | None = None
) -> Overlap:
    """Return how much of the altimetry lies where the velocity is valid.

    Parameters
    ----------
    table
        Segments with a CRS and a column ``time``.
    field
        A velocity field.
    method, max_dt_days
        As for :func:`~altiflow.fusion.colocate.sample_velocity`.

    Raises
    ------
    NoOverlapError
        If not one segment gets a velocity; the message says why.
    EmptyDataError
        If the table has no segments.
    FieldError
        If the field does not state what a velocity field must.
    """
    checked = check_field(field)
    x, y, times = table_points(table, checked.attrs["crs"])
    velocity = within_days(sample_points(checked, x, y, times, method=method), max_dt_days)
    overlap = measure_overlap(table, checked, velocity)
    refuse_empty(overlap)
    return overlap


def measure_overlap(table: gpd.GeoDataFrame, field: xr.Dataset, velocity: PointVelocity) -> Overlap:
    """Return the :class:`Overlap` of a table and the velocity sampled at its segments from a checked field."""
    x, y, times = table_points(table, field.attrs["crs"])
    lattice = Lattice.from_axes(field["x"].values, field["y"].values)
    in_extent = _fraction(lattice.contains(x, y))
    in_period, farthest_days = None, None
    if not is_undated(field):
        farthest_days = float(np.abs(velocity.dt_days[velocity.valid]).max(initial=0.0))
        bounds = layer_bounds(field)
        in_period = _fraction((times >= bounds[:, 0].min()) & (times < bounds[:, 1].max()))
    product = str(table.attrs.get("altiflow", {}).get("product", "altimetry"))
    geographic = pyproj.Transformer.from_crs(table.crs, "EPSG:4326", always_xy=True)
    points = geographic.transform(table.geometry.x.to_numpy(), table.geometry.y.to_numpy())
    source = str(field.attrs["source"])
    return Overlap(
        segments=len(table),
        in_extent=in_extent,
        in_period=in_period,
        with_velocity=_fraction(velocity.valid),
        farthest_days=farthest_days,
        table_text=f"{product}: {_region_text(*points)}, {_period_text(times, times)}",
        field_text=f"{source} [{field.attrs['units']}]: {_field_text(field, lattice)}",
        reason=_reason(product, source, str(field.attrs["units"]), in_extent, in_period),
    )


def refuse_empty(overlap: Overlap) -> None:
    """Raise if no segment gets a velocity, with the extents and periods of both sides and the likely reason.

    Raises
    ------
    NoOverlapError
        If not one segment gets a velocity.
    EmptyDataError
        If there are no segments.
    """
    if overlap.segments == 0:
        raise EmptyDataError("the table has no segments, so there is nothing to give a velocity to")
    if overlap.with_velocity == 0:
        raise NoOverlapError(
            f"altimetry and velocity do not meet: {overlap.text}.\n  altimetry  {overlap.table_text}\n"
            f"  velocity   {overlap.field_text}\n{overlap.reason}"
        )


def refuse_surfaces(table: gpd.GeoDataFrame, field: xr.Dataset | None = None) -> None:
    """Raise if heights are not of land ice, or a field by the name of its source is motion of sea ice.

    Raises
    ------
    InputError
        If the table is none, or of a sea-ice product.
    FieldError
        If the field is of sea ice.
    """
    if not isinstance(table, gpd.GeoDataFrame):
        raise InputError(
            f"the table must be a GeoDataFrame as read_segments and read_table return it, got {type(table).__name__}"
        )
    product = str(table.attrs.get("altiflow", {}).get("product", ""))
    if _surface_of_product(product) == "sea ice":
        raise InputError(
            f"the table is of {product}, which measures sea ice; height change takes land ice: ATL06 or ATL11"
        )
    source = "" if field is None else str(field.attrs.get("source", ""))
    if any(name in source.upper() for name in _SEA_ICE_SOURCES):
        raise FieldError(
            f"the field is sea-ice motion ({source}), and heights are of land ice; "
            "pass land-ice velocity, such as ITS_LIVE"
        )


def _reason(product: str, source: str, units: str, in_extent: float, in_period: float | None) -> str:
    """Return why the two may not meet."""
    table_on, field_on = _surface_of_product(product), _surface_of_field(source, units)
    if table_on == "sea ice" and field_on == "land ice":
        return (
            f"{product} measures sea ice, and the field looks like land-ice velocity: "
            "freeboard needs sea-ice motion, such as NSIDC-0116."
        )
    if table_on == "land ice" and field_on == "sea ice":
        return (
            f"{product} measures land ice, and the field looks like sea-ice motion: "
            "land-ice heights need land-ice velocity, such as ITS_LIVE."
        )
    if in_extent == 0:
        return "The regions differ: pass a field that covers the altimetry, and check the field's CRS."
    if in_period == 0:
        return "The periods differ: pass motion of the days of the altimetry, or a larger max_dt_days."
    return (
        "The regions meet, but the field has no valid velocity at the segments in the layers nearest in time "
        "(open water, coast, rock or a gap)."
    )


def _surface_of_product(product: str) -> str:
    """Return "sea ice", "land ice" or nothing."""
    upper = product.upper()
    if any(name in upper for name in _SEA_ICE_PRODUCTS):
        return "sea ice"
    return "land ice" if any(name in upper for name in _LAND_ICE_PRODUCTS) else ""


def _surface_of_field(source: str, units: str) -> str:
    """Return "sea ice" or "land ice" by the name of the source, else by the unit people use there."""
    upper = source.upper()
    if any(name in upper for name in _SEA_ICE_SOURCES):
        return "sea ice"
    if any(name in upper for name in _LAND_ICE_SOURCES) or units.endswith("yr-1"):
        return "land ice"
    return "sea ice"


def _field_text(field: xr.Dataset, lattice: Lattice) -> str:
    """Return where and when a field is, in words."""
    x_min, y_min, x_max, y_max = lattice.bounds
    x, y = np.meshgrid(np.linspace(x_min, x_max, 41), np.linspace(y_min, y_max, 41))
    transformer = pyproj.Transformer.from_crs(field.attrs["crs"], "EPSG:4326", always_xy=True)
    where = _region_text(*transformer.transform(x.ravel(), y.ravel()))
    if is_undated(field):
        return f"{where}, undated"
    bounds = layer_bounds(field)
    return f"{where}, {_period_text(bounds[:, 0], bounds[:, 1])}"


def _region_text(longitude: npt.ArrayLike, latitude: npt.ArrayLike) -> str:
    """Return the shortest arc of longitudes and the latitudes that hold the points (n,) [degrees]."""
    lon, lat = np.asarray(longitude, float), np.asarray(latitude, float)
    known = np.isfinite(lon) & np.isfinite(lat)
    if not known.any():
        return "nowhere"
    south_north = f"latitude {lat[known].min():.2f} to {lat[known].max():.2f}"
    around = np.unique(np.mod(lon[known], 360.0))
    gaps = np.diff(np.append(around, around[0] + 360.0))
    widest = int(np.argmax(gaps))
    if gaps[widest] < 30.0:
        return f"all longitudes, {south_north}"
    west, east = around[(widest + 1) % around.size], around[widest]
    west, east = (float((value + 180.0) % 360.0 - 180.0) for value in (west, east))
    return f"longitude {west:.2f} to {east:.2f}, {south_north}"


def _period_text(starts: npt.NDArray[np.datetime64], ends: npt.NDArray[np.datetime64]) -> str:
    """Return the first and the last day, or "undated"."""
    first, last = starts[~np.isnat(starts)], ends[~np.isnat(ends)]
    if first.size == 0 or last.size == 0:
        return "undated"
    return f"{first.min().astype('M8[D]')} to {last.max().astype('M8[D]')}"


def _fraction(mask: npt.NDArray[np.bool_]) -> float:
    """Return the fraction that is true, 0 for none at all."""
    return float(mask.mean()) if mask.size else 0.0
