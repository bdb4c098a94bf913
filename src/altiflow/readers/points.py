"""Points: measurements of other instruments out of text files, as a table like that of segments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd

from altiflow.errors import EmptyDataError, InputError, UnsupportedFormatError
from altiflow.version import __version__

__all__ = ["read_points"]

Floats = npt.NDArray[np.float64]

_STEPS = {"seconds": 1e6, "minutes": 60e6, "hours": 3600e6, "days": 86400e6}


def read_points(
    path: str | Path,
    *,
    longitude: str,
    latitude: str,
    time: str,
    time_format: str | None = None,
    values: Sequence[str] | None = None,
    missing: Sequence[float] = (),
    units: Mapping[str, str] | None = None,
    product: str | None = None,
    separator: str = ",",
) -> gpd.GeoDataFrame:
    r"""Return a table of points out of a CSV file, such as one of CryoSat-2.

    Parameters
    ----------
    path
        A text file with a line of names, packed (.gz) or not.
    longitude, latitude
        Columns of degrees on WGS84; longitudes may run from -180 or from 0.
    time
        Column of moments (UTC; with another offset it is taken off).
    time_format
        None for dates as ISO 8601 writes them; else how they are written, such as "%Y%m%d", or "seconds since
        2000-01-01" (also minutes, hours and days) for numbers. Leap seconds are not known: TAI has to be made UTC.
    values
        Columns to keep; None keeps all.
    missing
        Numbers that stand for no value, such as -9999; they become NaN in columns of numbers.
    units
        By column, kept in ``attrs["altiflow"]["units"]``.
    product
        Name of what it is; that of the file where not given.
    separator
        Between columns.

    Returns
    -------
    geopandas.GeoDataFrame
        Points in EPSG:4326 in the order of the file, with ``time, longitude, latitude`` and the values. Rows without a
        place or a time are left out; ``attrs["altiflow"]["dropped"]`` counts them.

    Raises
    ------
    InputError
        If there is no such file, it lacks a column, a time is not written as said, or latitudes exceed 90 degrees.
    UnsupportedFormatError
        If it is not a table of text.
    EmptyDataError
        If no row has a place and a time.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "radar.csv"
    >>> _ = path.write_text("lon,lat,day,fb\n190.5,75.0,20200131,0.31\n10.0,76.0,20200201,-9999\n")
    >>> table = read_points(path, longitude="lon", latitude="lat", time="day", time_format="%Y%m%d", missing=[-9999])
    >>> table.longitude.tolist(), table.fb.tolist(), str(table.time[0])
    ([-169.5, 10.0], [0.31, nan], '2020-01-31 00:00:00')
    """
    source = Path(path)
    named = (longitude, latitude, time)
    plain = _read_columns(source, named, values, separator)
    plain = plain.replace({column: dict.fromkeys(missing, np.nan) for column in plain.select_dtypes("number")})
    places = [_numbers(plain[column], source) for column in (longitude, latitude)]
    moments = _moments(plain[time], time_format, source)
    _refuse_swapped(places[1], latitude, source)
    off = ~(np.isfinite(places[0]) & np.isfinite(places[1]))
    late = np.isnat(moments)
    keep = ~off & ~late
    if not keep.any():
        raise EmptyDataError(f"{source.name}: none of {keep.size} rows has both a place and a time")
    rest = plain.drop(columns=list(named)).loc[keep].reset_index(drop=True)
    clash = {"time", "longitude", "latitude", "geometry"} & set(rest)
    if clash:
        raise InputError(f"{source.name}: column {min(clash)!r} is kept as a value; choose others with values=")
    lon = (places[0][keep] + 180.0) % 360.0 - 180.0
    head = pd.DataFrame({"time": moments[keep], "longitude": lon, "latitude": places[1][keep]})
    points = gpd.points_from_xy(lon, head["latitude"], crs="EPSG:4326")
    table = gpd.GeoDataFrame(pd.concat([head, rest], axis=1), geometry=points)
    table.attrs["altiflow"] = {
        "product": product or source.name,
        "source": source.name,
        "units": {"longitude": "degrees_east", "latitude": "degrees_north", **(units or {})},
        "dropped": {"no_place": int(off.sum()), "no_time": int((late & ~off).sum())},
        "version": __version__,
    }
    return table


def _read_columns(source: Path, named: tuple[str, ...], values: Sequence[str] | None, separator: str) -> pd.DataFrame:
    """Return the columns asked for."""
    if not source.exists():
        raise InputError(f"there is no file {source}")
    try:
        plain = pd.read_csv(source, sep=separator, skipinitialspace=True)
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise UnsupportedFormatError(f"{source.name} is not a table of text: {error}") from error
    plain.columns = plain.columns.str.strip()
    wanted = list(dict.fromkeys([*named, *(plain.columns if values is None else values)]))
    absent = [column for column in wanted if column not in plain]
    if absent:
        raise InputError(f"{source.name} has no column {', '.join(absent)}; it has {', '.join(plain.columns)}")
    return plain[wanted]


def _numbers(column: pd.Series, source: Path) -> Floats:
    """Return a column as numbers."""
    try:
        return np.asarray(pd.to_numeric(column), float)
    except (TypeError, ValueError) as error:
        raise InputError(f"{source.name}: column {column.name!r} is not one of numbers: {error}") from error


def _moments(column: pd.Series, time_format: str | None, source: Path) -> npt.NDArray[np.datetime64]:
    """Return a column as moments (UTC)."""
    step, since, epoch = (time_format or "").partition(" since ")
    try:
        if since:
            micro = np.rint(_numbers(column, source) * _STEPS[step.strip()])
            known = np.isfinite(micro)
            start = np.datetime64(epoch.strip(), "us")
            return np.where(known, start + np.where(known, micro, 0).astype("m8[us]"), np.datetime64("NaT"))
        text = column if time_format is None else column.astype("string")
        if time_format is None and pd.api.types.is_numeric_dtype(column.dtype):
            raise InputError(
                f"{source.name}: column {column.name!r} holds numbers such as {column.iloc[0]!r}; say time_format, "
                "such as '%Y%m%d' or 'seconds since 2000-01-01'"
            )
        parsed = pd.to_datetime(text, format=time_format or "ISO8601", utc=True)
    except (KeyError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{source.name}: column {column.name!r} is not written as {time_format or 'ISO 8601'}: {error}"
        ) from error
    return np.asarray(parsed.dt.tz_localize(None).to_numpy().astype("datetime64[us]"))


def _refuse_swapped(latitude: Floats, name: str, source: Path) -> None:
    """Raise if latitudes are none."""
    beyond = np.flatnonzero(np.abs(latitude) > 90)
    if beyond.size:
        raise InputError(
            f"{source.name}: {beyond.size} values of {name!r} are no latitude, the first {latitude[beyond[0]]:g}; swap "
            "longitude and latitude, or name what stands for no value in missing="
        )
