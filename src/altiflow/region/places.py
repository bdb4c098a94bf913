"""Places: named points to look at, from numbers, a CSV or a vector file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
from pyogrio.errors import DataSourceError

from altiflow.errors import EmptyDataError, InputError, UnsupportedFormatError

__all__ = ["as_places"]

_PAIRS = (("longitude", "latitude"), ("lon", "lat"), ("long", "lat"), ("lng", "lat"))
_LABELS = ("name", "id", "point", "stake", "station", "site")


def as_places(given: Any) -> gpd.GeoSeries:
    """Return named points in EPSG:4326; their names are the index.

    Parameters
    ----------
    given
        Longitude and latitude [degrees] by name; a CSV with columns longitude and latitude (or lon and lat, in capitals
        or not) and, if names are wanted, one called name, id, point, stake, station or site; a vector file of points;
        or a GeoSeries or GeoDataFrame of points with a CRS. Longitudes may run from 0 to 360.

    Raises
    ------
    InputError
        If there is no such file, a column is missing or holds no number, a place lies beyond the globe, or two have
        one name.
    EmptyDataError
        If there is no place.
    UnsupportedFormatError
        If the file cannot be read.

    Examples
    --------
    >>> as_places({"front": (310.54, 69.11)}).x.round(2).to_dict()
    {'front': -49.46}
    """
    if isinstance(given, Mapping):
        pairs = _pairs_of(given)
        return _checked([str(name) for name in given], pairs[:, 0], pairs[:, 1], "places")
    if isinstance(given, (gpd.GeoSeries, gpd.GeoDataFrame)):
        return _from_points(given, "places")
    path = Path(given) if isinstance(given, (str, Path)) else None
    if path is None:
        raise InputError(f"places are (longitude, latitude) by name, or a file; got {type(given).__name__}")
    if not path.is_file():
        raise InputError(f"there is no file {path}")
    if path.suffix.lower() in (".csv", ".txt"):
        return _from_csv(path)
    try:
        return _from_points(gpd.read_file(path), path.name)
    except DataSourceError as error:
        raise UnsupportedFormatError(f"{path.name} is neither a CSV nor a vector file: {error}") from error


def _pairs_of(given: Mapping[Any, Any]) -> npt.NDArray[np.float64]:
    """Return longitudes and latitudes (n, 2)."""
    for name, pair in given.items():
        try:
            longitude, latitude = pair
            float(longitude), float(latitude)
        except (TypeError, ValueError) as error:
            raise InputError(f"place {name!r} is {pair!r}; give (longitude, latitude) in degrees") from error
    return np.array([tuple(pair) for pair in given.values()], float).reshape(-1, 2)


def _from_csv(path: Path) -> gpd.GeoSeries:
    """Return the places of a CSV."""
    try:
        head = path.read_text(encoding="utf-8-sig").partition("\n")[0]
        separator = max(",;\t", key=head.count)
        table = pd.read_csv(path, sep=separator, skipinitialspace=True, index_col=False, encoding="utf-8-sig")
    except pd.errors.EmptyDataError as error:
        raise EmptyDataError(f"{path.name} has no line") from error
    except (pd.errors.ParserError, UnicodeDecodeError) as error:
        raise UnsupportedFormatError(f"{path.name} is not a table of text: {error}") from error
    names = {str(name).strip().lower(): name for name in table.columns}
    pair = next((pair for pair in _PAIRS if set(pair) <= set(names)), None)
    if pair is None:
        lacking = "longitude" if not {"longitude", "lon", "long", "lng"} & set(names) else "latitude"
        told = ", ".join(map(str, table.columns))
        raise InputError(f"{path.name} has no column {lacking} (or {lacking[:3]}); it has {told}")
    values = []
    for column in (names[axis] for axis in pair):
        numbers = pd.to_numeric(table[column], errors="coerce")
        wrong = np.flatnonzero(numbers.isna())
        if wrong.size:
            shown = table[column].iloc[wrong[0]]
            raise InputError(f"{path.name}: column {column!r} has {str(shown)!r} in row {wrong[0] + 1}; give degrees")
        values.append(numbers.to_numpy(float))
    label = next((names[word] for word in _LABELS if word in names), None)
    labels = [str(number + 1) for number in range(len(table))] if label is None else table[label].astype(str).tolist()
    return _checked(labels, values[0], values[1], path.name)


def _from_points(given: gpd.GeoSeries | gpd.GeoDataFrame, source: str) -> gpd.GeoSeries:
    """Return the places of geometries."""
    points = given.geometry
    if points.crs is None:
        raise InputError(f"{source} states no CRS; set it, such as places.set_crs(4326)")
    if not (points.geom_type == "Point").all():
        raise InputError(f"{source} holds other geometries than points; take their centroids")
    label = None
    if isinstance(given, gpd.GeoDataFrame):
        label = next((name for name in given.columns if str(name).lower() in _LABELS), None)
    names = [str(name) for name in (given.index if label is None else given[label])]
    moved = points.to_crs(4326)
    return _checked(names, moved.x.to_numpy(float), moved.y.to_numpy(float), source)


def _checked(
    names: list[str], longitude: npt.NDArray[np.float64], latitude: npt.NDArray[np.float64], source: str
) -> gpd.GeoSeries:
    """Return places that lie on the globe and can be told apart."""
    if not names:
        raise EmptyDataError(f"{source} holds no place")
    off = ~((np.abs(latitude) <= 90) & (longitude >= -180) & (longitude <= 360))
    if off.any():
        first = int(np.flatnonzero(off)[0])
        raise InputError(
            f"{source}: place {names[first]!r} is at longitude {longitude[first]:g}, latitude {latitude[first]:g}, "
            "which is not on the globe; is one the other?"
        )
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{source}: two places are called {twice[0]!r}; give each a name of its own")
    turned = np.where(longitude > 180, longitude - 360, longitude)
    return gpd.GeoSeries.from_xy(turned, latitude, index=pd.Index(names, name="name"), crs="EPSG:4326")
