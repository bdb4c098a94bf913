"""Where two catalogues coincide: rows whose footprints meet and whose periods are near each other."""

from __future__ import annotations

import re
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import shapely

from altiflow.errors import InputError, NoOverlapError
from altiflow.readers.catalogue.conversion import as_catalogue
from altiflow.readers.catalogue.tables.filters import row_periods

__all__ = ["find_coincident"]

Rows = npt.NDArray[np.int64]
_DAY = np.timedelta64(86_400_000_000, "us")
_DAYS = re.compile(r"^([-+\d.eE]*\d)\s*d?$")
_BLOCK = 500
"""Parts of footprints that are compared at a time."""
_CHUNK = 100_000
"""Pairs of rows whose footprints are cut at a time."""


def find_coincident(
    altimetry: Any,
    velocity: Any,
    *,
    max_dt: str | float | pd.Timedelta | np.timedelta64,
    undated: Literal["keep", "drop"] = "keep",
    overlap: Literal["yes", "no"] = "yes",
) -> gpd.GeoDataFrame:
    """Return the pairs of altimetry granules and velocity files that coincide in space and time.

    Parameters
    ----------
    altimetry, velocity
        Catalogues, or anything :func:`as_catalogue` takes: a folder, a file, image pairs, cubes.
    max_dt
        Longest time between the two periods: days, or text such as "12h" or "5d". Periods that overlap are 0 apart.
    undated
        Rows without a period, such as a cube of all years or a composite: "keep" takes them to coincide with any time,
        "drop" leaves them out.
    overlap
        "yes" cuts the footprints with each other; "no" returns that of the altimetry, which is faster.

    Returns
    -------
    geopandas.GeoDataFrame
        One row per pair, sorted by both rows: altimetry and velocity (granules), altimetry_row and velocity_row (places
        in the catalogues, from 0), dt_days (how long velocity is after the altimetry, negative before, 0 where
        periods overlap, NaN where one is undated) and geometry (where both are, EPSG:4326).
        ``attrs["altiflow"]`` counts rows without a footprint and undated ones.

    Raises
    ------
    InputError
        If an argument means nothing, or a catalogue has no footprint at all.
    NoOverlapError
        If no two rows coincide.

    Notes
    -----
    Footprints that touch count as meeting, also from the two sides of the antimeridian. Edges are straight in
    longitude and latitude. A footprint is a promise of the archive: data may be missing within it.

    Examples
    --------
    >>> from altiflow.readers.catalogue.tables import build_catalogue
    >>> def row(name, day, west, east):
    ...     area = shapely.box(west, 70, east, 72)
    ...     return {"granule": name, "product": "x", "start": day, "end": day, "geometry": area}
    >>> tracks = build_catalogue([row("track", "2020-01-10", 175, 180)])
    >>> fields = build_catalogue([row("field", "2020-01-08", -180, -170), row("late", "2020-03-01", 170, 178)])
    >>> found = find_coincident(tracks, fields, max_dt=5)
    >>> found[["altimetry", "velocity", "dt_days"]].values.tolist()
    [['track', 'field', -2.0]]
    """
    limit = _as_days(max_dt)
    for name, value, known in (("undated", undated, ("keep", "drop")), ("overlap", overlap, ("yes", "no"))):
        if value not in known:
            raise InputError(f"{name}={value!r} means nothing; use {known[0]!r} or {known[1]!r}")
    left, right = as_catalogue(altimetry), as_catalogue(velocity)
    for table, name in ((left, "altimetry"), (right, "velocity")):
        _check_footprints(table, name)
    first, second = _meeting(left, right, limit, undated)
    if not first.size:
        raise NoOverlapError(_explain_nothing(left, right, limit))
    table = gpd.GeoDataFrame(
        {
            "altimetry": left["granule"].to_numpy()[first],
            "velocity": right["granule"].to_numpy()[second],
            "altimetry_row": first,
            "velocity_row": second,
            "dt_days": _apart(left, right, first, second),
        },
        geometry=_shared(left, right, first, second) if overlap == "yes" else left.geometry.to_numpy()[first],
        crs="EPSG:4326",
    )
    table.attrs["altiflow"] = {"max_dt_days": limit, "undated": undated, **_counts(left, right)}
    return table


def _as_days(value: Any) -> float:
    """Return a length of time in days."""
    try:
        if isinstance(value, bool):
            raise TypeError("a truth value is no time")
        # A text without a unit would be nanoseconds, and pandas wants days as a capital.
        text = _DAYS.sub(r"\1D", value.strip()) if isinstance(value, str) else value
        days = float(text) if isinstance(text, (int, float)) else pd.Timedelta(text) / pd.Timedelta(days=1)
    except (TypeError, ValueError) as error:
        raise InputError(f"max_dt is days, or text such as '12h', got {value!r} ({error})") from error
    if not days >= 0:
        raise InputError(f"max_dt is 0 or more, got {value!r}")
    return days


def _check_footprints(table: gpd.GeoDataFrame, name: str) -> None:
    """Raise if no row has a footprint."""
    if table.geometry.isna().all():
        raise InputError(
            f"no row of {name} has a footprint, so nothing can be said of where it is; for files on this machine, "
            "list_granules(..., footprints='read') reads them"
        )


def _meeting(left: gpd.GeoDataFrame, right: gpd.GeoDataFrame, limit: float, undated: str) -> tuple[Rows, Rows]:
    """Return the rows, two of (n,), that are near in time and whose footprints meet, each pair once and in order."""
    own, own_row = _parts(left.geometry.to_numpy())
    other, other_row = _parts(right.geometry.to_numpy())
    # The antimeridian is one line with two longitudes: parts that touch it are also there from the other side.
    bounds = shapely.bounds(other)
    turned, turned_row = [other], [other_row]
    for side, shift in ((bounds[:, 2] >= 180.0, 360.0), (bounds[:, 0] <= -180.0, -360.0)):
        turned.append(shapely.transform(other[side], lambda xy, shift=shift: xy - [shift, 0.0]))
        turned_row.append(other_row[side])
    shapes, rows = np.concatenate(turned), np.concatenate(turned_row)
    tree = shapely.STRtree(shapes)
    shapely.prepare(own)
    found = [np.empty((0, 2), dtype=np.int64)]
    for begin in range(0, own.size, _BLOCK):
        mine, theirs = tree.query(own[begin : begin + _BLOCK])
        mine += begin
        # Time first: comparing two numbers costs less than comparing two outlines.
        near = _near(_apart(left, right, own_row[mine], rows[theirs]), limit, undated)
        mine, theirs = mine[near], theirs[near]
        meet = shapely.intersects(own[mine], shapes[theirs])
        found.append(np.column_stack([own_row[mine[meet]], rows[theirs[meet]]]))
    pairs = np.unique(np.concatenate(found), axis=0)
    return pairs[:, 0], pairs[:, 1]


def _near(apart: npt.NDArray[np.float64], limit: float, undated: str) -> npt.NDArray[np.bool_]:
    """Return which of two periods that are so far apart [d], NaN for undated, count as near."""
    with np.errstate(invalid="ignore"):
        near = np.abs(apart) <= limit
    return near | np.isnan(apart) if undated == "keep" else near


def _parts(shapes: npt.NDArray[np.object_]) -> tuple[npt.NDArray[np.object_], Rows]:
    """Return the parts of footprints, and the row of each."""
    parts, rows = shapely.get_parts(shapes, return_index=True)
    return np.asarray(parts, dtype=object), np.asarray(rows, dtype=np.int64)


def _apart(left: gpd.GeoDataFrame, right: gpd.GeoDataFrame, first: Rows, second: Rows) -> npt.NDArray[np.float64]:
    """Return how long [d] the second period is after the first, (n,); 0 where they overlap, NaN where undated."""
    begin, end = (values.to_numpy("datetime64[us]")[first] for values in row_periods(left))
    other_begin, other_end = (values.to_numpy("datetime64[us]")[second] for values in row_periods(right))
    after, before = (other_begin - end) / _DAY, (begin - other_end) / _DAY
    return np.where(after > 0, after, np.where(before > 0, -before, np.where(np.isnan(after), np.nan, 0.0)))


def _shared(left: gpd.GeoDataFrame, right: gpd.GeoDataFrame, first: Rows, second: Rows) -> npt.NDArray[np.object_]:
    """Return where both footprints are; the altimetry's seam where they meet across the antimeridian alone."""
    own, other = left.geometry.to_numpy(), right.geometry.to_numpy()
    pieces = [
        shapely.intersection(own[first[at : at + _CHUNK]], other[second[at : at + _CHUNK]])
        for at in range(0, first.size, _CHUNK)
    ]
    shared = np.concatenate(pieces)
    for row in np.flatnonzero(shapely.is_empty(shared)):
        seam = shapely.MultiLineString([[(180, -90), (180, 90)], [(-180, -90), (-180, 90)]])
        shared[row] = shapely.intersection(own[first[row]], seam)
    return np.asarray(shared, dtype=object)


def _counts(left: gpd.GeoDataFrame, right: gpd.GeoDataFrame) -> dict[str, Any]:
    """Return how many rows could not be compared as they should."""
    return {
        name: {"rows": len(table), "no_footprint": int(table.geometry.isna().sum()), "undated": int(_undated(table))}
        for name, table in (("altimetry", left), ("velocity", right))
    }


def _undated(table: gpd.GeoDataFrame) -> int:
    """Return how many rows have no period."""
    return int(table["start"].isna().sum())


def _explain_nothing(left: gpd.GeoDataFrame, right: gpd.GeoDataFrame, limit: float) -> str:
    """Return the message for two catalogues that do not coincide."""
    text = f"none of {len(left)} x {len(right)} rows coincide: "
    meeting = _meeting(left, right, np.inf, "keep")[0].size
    if not meeting:
        return (
            f"{text}no footprints meet; sea-ice products end 25 km off the coast, and velocity of land ice does not "
            "reach beyond it"
        )
    return f"{text}{meeting} pairs of footprints meet, none of them within {limit:g} days; raise max_dt"
