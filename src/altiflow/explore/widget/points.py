"""The points panel: places picked on a map, their velocity in time, and the segments about them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
import xarray as xr

import altiflow
from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.widget.calls import Variable
from altiflow.explore.widget.panel import Panel, new_path
from altiflow.region import turn_longitudes

__all__ = ["PointPicker"]

Place = tuple[float, float]
Method = Literal["nearest", "linear"]

_PLAIN = ("point", "longitude", "latitude", "distance_m", "x", "y")
"""Numbers of a table of segments that are no measurements."""


class PointPicker(Panel):
    """Named places and what is known of them.

    Tells "changed", "found" (a series, or segments), "drawn" and "failed".

    Parameters
    ----------
    library
        Whose functions are called; altiflow itself where not given.

    Attributes
    ----------
    method
        Between cells, as for :func:`altiflow.series_at`.
    radius_m
        How far from a place segments count [m].
    moving
        Name of the place that the next click moves; empty if a click makes a new one.
    last
        What was found last: the "table" of velocities, the segments "near", or nothing.
    """

    def __init__(self, *, library: Any = altiflow) -> None:
        super().__init__(library)
        self._places: dict[str, Place] = {}
        self._velocity: Any = None
        self._segments: Any = None
        self.method: Method = "nearest"
        self.radius_m = 5000.0
        self.moving = ""
        self.last: Literal["", "table", "near"] = ""

    @property
    def places(self) -> dict[str, Place]:
        """Longitude and latitude [degrees] by name, in the order in which they were picked."""
        return dict(self._places)

    @property
    def series(self) -> pd.DataFrame | None:
        """Velocity in time, a row per place and layer; None before it is found."""
        found: pd.DataFrame | None = self._script.values.get("table")
        return found

    @property
    def segments(self) -> gpd.GeoDataFrame | None:
        """Segments about the places; None before they are found."""
        found: gpd.GeoDataFrame | None = self._script.values.get("near")
        return found

    @property
    def columns(self) -> tuple[str, ...]:
        """Measurements of the segments that can be drawn."""
        if self.segments is None:
            return ()
        numbers = self.segments.select_dtypes("number").columns
        return tuple(str(name) for name in numbers if name not in _PLAIN)

    def click(self, lon: float, lat: float) -> None:
        """Take a click on the map: a new place, or where :attr:`moving` is to be."""
        name, self.moving = self.moving, ""
        if name in self._places:
            self.move(name, lon, lat)
        else:
            self.add(lon, lat)

    def add(self, lon: float, lat: float, name: str = "") -> str | None:
        """Pick a place (degrees) and return its name, a number where none is given."""
        return self._change(lambda: self._add(lon, lat, name))

    def rename(self, name: str, new: str) -> str | None:
        """Give a place another name, and return it."""
        return self._change(lambda: self._rename(name, new))

    def move(self, name: str, lon: float, lat: float) -> str | None:
        """Put a place elsewhere, and return its name."""
        return self._change(lambda: self._move(name, lon, lat))

    def remove(self, name: str) -> str | None:
        """Take a place away, and return its name."""
        return self._change(lambda: self._remove(name))

    def clear(self) -> None:
        """Take all places away."""
        self._places.clear()
        self._script.forget("series", "table", "near")
        self._changed()

    def read_file(self, path: str | Path) -> dict[str, Place] | None:
        """Add the places of a file, as :func:`altiflow.as_places` reads them, and return them."""
        found: dict[str, Place] | None = self._try(lambda: self._read_file(path))
        return found

    def write_file(self, path: str | Path) -> Path | None:
        """Write the places as a CSV, where no file is yet, and return its path."""
        return self._write("places", path, "write_places", lambda: self._call_places())

    def set_velocity(self, source: Any, name: str = "velocity") -> None:
        """Say whose velocity is wanted.

        A velocity field or several, which the script knows by `name`; a file; or a field of a service
        (``http://host:port/fields/NAME``).
        """
        self._velocity, self._velocity_name = source, name
        self._script.forget("velocity", "series", "table")
        self._changed()

    def set_segments(self, source: Any, name: str = "segments") -> None:
        """Say whose segments are wanted: a table, which the script knows by `name`, or a file or data set."""
        self._segments, self._segments_name = source, name
        self._script.forget("near")
        self._changed()

    def find_series(self) -> pd.DataFrame | None:
        """Return the velocity in time at all places."""
        found: pd.DataFrame | None = self._try(self._find_series)
        return found

    def find_segments(self) -> gpd.GeoDataFrame | None:
        """Return the segments about all places."""
        found: gpd.GeoDataFrame | None = self._try(self._find_segments)
        return found

    def plot(self, value: str = "speed") -> Any:
        """Return a chart of the velocity ("speed", "vx" or "vy"), or of a column of the segments, by place."""
        return self._drawn(self._try(lambda: self._plot(value)))

    def write_series(self, path: str | Path) -> Path | None:
        """Write the velocity where no file is yet: .csv, .parquet, or .zip with a CSV of each place."""
        return self._write("table", path, "write_series", lambda: self._needed("table", "find the velocity first"))

    def write_segments(self, path: str | Path) -> Path | None:
        """Write the segments where no file is yet, as :func:`altiflow.write_table` does."""
        return self._write("near", path, "write_table", lambda: self._needed("near", "find segments first"))

    def _change(self, action: Callable[[], str]) -> str | None:
        """Return the name of a place that was changed."""
        name: str | None = self._try(action)
        if name is not None:
            self._script.forget("series", "table", "near")
            self._changed()
        return name

    def _add(self, lon: float, lat: float, name: str) -> str:
        plain = name.strip() or self._free_name()
        if plain in self._places:
            raise InputError(f"there is a place {plain!r} already; give another name")
        self._places[plain] = _checked(lon, lat)
        return plain

    def _free_name(self) -> str:
        number = len(self._places) + 1
        while f"P{number}" in self._places:
            number += 1
        return f"P{number}"

    def _rename(self, name: str, new: str) -> str:
        self._known(name)
        plain = new.strip()
        if not plain or (plain in self._places and plain != name):
            raise InputError(f"{new!r} is no name, or that of another place; give another")
        self._places = {plain if key == name else key: place for key, place in self._places.items()}
        return plain

    def _move(self, name: str, lon: float, lat: float) -> str:
        self._known(name)
        self._places[name] = _checked(lon, lat)
        return name

    def _remove(self, name: str) -> str:
        self._known(name)
        del self._places[name]
        return name

    def _known(self, name: str) -> None:
        if name not in self._places:
            raise InputError(f"there is no place {name!r}; there are {', '.join(self._places) or 'none'}")

    def _read_file(self, path: str | Path) -> dict[str, Place]:
        if not str(path).strip():
            raise InputError("no file of places is named; give one")
        found = self._script.call("as_places", str(path), result="places")
        told = {str(name): (float(point.x), float(point.y)) for name, point in found.items()}
        twice = sorted(set(told) & set(self._places))
        if twice:
            raise InputError(f"there is a place {twice[0]!r} already; rename it, or clear the list first")
        self._places |= told
        self._script.forget("series", "table", "near")
        self._changed(f"{len(told):,} places read")
        return told

    def _call_places(self) -> Variable:
        """Return the places as the script has them."""
        if not self._places:
            raise EmptyDataError("no place is picked; click on the map, or read a file")
        told = {name: (round(lon, 6), round(lat, 6)) for name, (lon, lat) in self._places.items()}
        self._script.call("as_places", told, result="places")
        return Variable("places")

    def _find_series(self) -> pd.DataFrame:
        source = self._velocity
        if source is None or (isinstance(source, str) and not source.strip()):
            raise InputError("no velocity is chosen; give a file, or the address of a field of a service")
        places = self._call_places()
        if isinstance(source, str) and source.startswith(("http://", "https://")) and "/fields/" in source:
            named: dict[str, Any] = {"method": self.method}
            table = self._script.call("read_served_series", source, places, result="table", named=named)
        else:
            velocity = self._call_velocity(source)
            self._script.call("series_at", velocity, places, result="series", named={"method": self.method})
            table = self._script.call("series_table", Variable("series"), result="table")
        self.last = "table"
        empty = [name for name in self._places if name not in set(table["point"].astype(str))]
        told = f"{len(table):,} velocities at {len(self._places) - len(empty)} of {len(self._places)} places"
        found: pd.DataFrame = self._found(table, told + (f"; none at {', '.join(empty[:5])}" if empty else ""))
        return found

    def _call_velocity(self, source: Any) -> Variable:
        """Return the velocity as the script has it."""
        if isinstance(source, (str, Path)):
            if "velocity" not in self._script.values:
                self._script.call("read_velocity", source, result="velocity")
            return Variable("velocity")
        if not isinstance(source, (xr.Dataset, list, tuple)):
            raise InputError(f"a {type(source).__name__} is no velocity; give a velocity field, or a file")
        self._script.values[self._velocity_name] = source
        return Variable(self._velocity_name)

    def _find_segments(self) -> gpd.GeoDataFrame:
        source = self._segments
        if source is None or (isinstance(source, str) and not source.strip()):
            raise InputError("no table of segments is chosen; give a file or data set")
        places = self._call_places()
        if not isinstance(source, (str, Path)):
            self._script.values[self._segments_name] = source
            source = Variable(self._segments_name)
        near = self._script.call("find_near", source, places, result="near", named={"radius_m": self.radius_m})
        self.last = "near"
        counts = near["point"].value_counts()
        told = ", ".join(f"{name} {counts.get(name, 0):,}" for name in list(self._places)[:8])
        return self._found(near, f"{len(near):,} segments within {self.radius_m:g} m: {told}")

    def _plot(self, value: str) -> Any:
        if value in ("speed", "vx", "vy"):
            table = self._needed("table", "find the velocity first")
            columns = self._script.values["table"].columns
            sigma = "v_sigma" if value == "speed" else f"{value}_sigma"
            units = str(self._script.values["table"].attrs.get("units", "")) or None
            named = {"sigma": sigma if sigma in columns else None, "by": "point", "time": "mid", "units": units}
            return self._script.call("draw_series", table, value, result="figure", named=named)
        near = self._needed("near", "find segments first")
        if value not in self.columns:
            raise InputError(f"the segments have no measurement {value!r}; they have {', '.join(self.columns)}")
        told = self._script.values["near"].attrs.get("altiflow", {}).get("units", {})
        named = {"by": "point", "units": told.get(value)}
        return self._script.call("draw_series", near, value, result="figure", named=named)

    def _needed(self, name: str, fix: str) -> Variable:
        if name not in self._script.values:
            raise EmptyDataError(f"nothing is found yet; {fix}")
        return Variable(name)

    def _write(self, what: str, path: str | Path, function: str, source: Callable[[], Variable]) -> Path | None:
        """Return the path that something was written to."""

        def action() -> Path:
            target = new_path(path, what)
            self._script.call(function, source(), str(target))
            self._changed(f"written: {target}")
            return target

        written: Path | None = self._try(action)
        return written


def _checked(lon: float, lat: float) -> Place:
    """Return a place on the globe, longitude -180 to 180."""
    if not (np.isfinite(lon) and abs(lon) <= 540 and abs(lat) <= 90):
        raise InputError(f"longitude {lon!r}, latitude {lat!r} is no place; give degrees, latitude -90 to 90")
    return float(turn_longitudes(np.array([lon]))[0]), float(lat)
