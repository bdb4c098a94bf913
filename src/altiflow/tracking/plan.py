"""Plans: how every pair of a batch is read and tracked, and what tells one plan from another."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import xarray as xr

from altiflow.gridding.cubes.building.stamps import field_stamp, file_stamp
from altiflow.readers.catalogue.moments import Moment
from altiflow.readers.remote import public_url
from altiflow.readers.scenes import ScenePair, read_scene_pair
from altiflow.readers.scenes.opening import Nodata
from altiflow.tracking.pairs import track_pair
from altiflow.tracking.parameters import TrackParameters
from altiflow.tracking.preparation import GroundSource, PreparedPair, prepare_pair
from altiflow.tracking.product.velocity import SIGNATURE, SpeedUnit
from altiflow.tracking.product.writing import Packing, check_packing
from altiflow.tracking.stable import CorrectionRule
from altiflow.units import YEAR_DAYS

__all__ = ["TrackPlan"]

_SOURCES = ("prior", "ground", "region")
"""What may be a file or an address: its content counts, and a login in the address does not."""

_FIELD_AXES = ("x", "y", "time", "time_bnds")
_FIELD_WORDS = ("crs", "units", "velocity_metric", "year_days")


@dataclass(frozen=True)
class TrackPlan:
    """How every pair of a batch is read and tracked; see :func:`altiflow.read_scene_pair` and :func:`track_pair`.

    Attributes
    ----------
    parameters, max_speed, prior, prior_radius, prior_gap_speed, ground, ground_crs, ground_radius, rule, units,
    year_days
        As for :func:`track_pair`.
    bounds, region, band, nodata
        As for :func:`altiflow.read_scene_pair`.
    packing
        As for :func:`write_tracked`.

    Raises
    ------
    InputError
        If the packing cannot hold the unit.
    """

    parameters: TrackParameters = field(default_factory=TrackParameters)
    max_speed: float | None = None
    prior: xr.Dataset | str | Path | None = None
    prior_radius: int | None = None
    prior_gap_speed: float | None = None
    ground: GroundSource = None
    ground_crs: Any = None
    ground_radius: int | None = None
    rule: CorrectionRule = field(default_factory=CorrectionRule)
    units: SpeedUnit = "m/yr"
    year_days: float = YEAR_DAYS
    bounds: tuple[float, float, float, float] | None = None
    region: Any = None
    band: int = 1
    nodata: Nodata = "auto"
    packing: Packing = "float"

    def __post_init__(self) -> None:
        """Refuse what would fail only after an hour of tracking."""
        check_packing(self.packing, self.units)

    def read(self, first: str | Path, second: str | Path, dates: tuple[Moment, Moment] | None = None) -> ScenePair:
        """Return two images as this plan reads them."""
        return read_scene_pair(
            first,
            second,
            bounds=self.bounds,
            region=self.region,
            dates=dates,
            band=self.band,
            nodata=self.nodata,
        )

    def track(self, pair: ScenePair, signature: str | None = None, *, quiet: bool = True) -> xr.Dataset:
        """Return the granule of a pair; `signature` is that of this plan, where it is known already."""
        granule = track_pair(
            pair,
            parameters=self.parameters,
            max_speed=self.max_speed,
            prior=self.prior,
            prior_radius=self.prior_radius,
            prior_gap_speed=self.prior_gap_speed,
            ground=self.ground,
            ground_crs=self.ground_crs,
            ground_radius=self.ground_radius,
            rule=self.rule,
            units=self.units,
            year_days=self.year_days,
            quiet=quiet,
        )
        return granule.assign_attrs({SIGNATURE: signature or self.signature})

    def prepare(self, pair: ScenePair) -> PreparedPair:
        """Return a pair with where to look in it, and what the ground is."""
        return prepare_pair(
            pair,
            parameters=self.parameters,
            max_speed=self.max_speed,
            prior=self.prior,
            prior_radius=self.prior_radius,
            prior_gap_speed=self.prior_gap_speed,
            ground=self.ground,
            ground_crs=self.ground_crs,
            ground_radius=self.ground_radius,
        )

    @property
    def signature(self) -> str:
        """What tells granules of this plan from those of another, as JSON; threads do not.

        Fields and arrays count by their content, files by path, size and time, addresses without what may be secret.
        """
        return json.dumps(self.told(), default=str, sort_keys=True)

    def told(self) -> dict[str, Any]:
        """Return what the signature is made of, by name."""
        told: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        told["parameters"] = {**asdict(self.parameters), "threads": None}
        told["rule"] = asdict(self.rule)
        told |= {name: _source(told[name]) for name in _SOURCES}
        return dict(json.loads(json.dumps(told, default=_shown, sort_keys=True)))


def _source(value: Any) -> Any:
    """Return what tells a file, address or other source from any other."""
    if isinstance(value, (str, Path)):
        return public_url(str(value)) if "://" in str(value) else _file(value)
    if isinstance(value, (list, tuple)):
        return [_source(part) for part in value]
    return value


def _file(place: str | Path) -> str:
    """Return path, size and time of a file, and of all files of a folder; the words themselves of what is no file."""
    path = Path(place)
    try:
        there = path.exists()
    except OSError:
        # An outline as text is too long for a name.
        there = False
    if not there:
        return str(place)
    if path.is_file():
        return file_stamp(path)
    below = sorted(file_stamp(part) for part in path.rglob("*") if part.is_file())
    return f"{path.resolve()} {_digest(*(line.encode() for line in below))}"


def _shown(value: Any) -> Any:
    """Return a value that JSON does not know in words, or by what tells its content from any other."""
    if isinstance(value, np.ndarray):
        return f"array {value.shape} {value.dtype} {_digest(np.ascontiguousarray(value).tobytes())}"
    if isinstance(value, (gpd.GeoDataFrame, gpd.GeoSeries)):
        return f"outlines {value.crs} {_digest(*value.geometry.to_wkb())}"
    if isinstance(value, xr.Dataset):
        return f"field {_digest(field_stamp(value).encode(), *_place(value))}"
    return str(value)


def _place(field: xr.Dataset) -> Sequence[bytes]:
    """Return where, when and in which unit the values of a field are."""
    axes = [np.ascontiguousarray(field[name].values).tobytes() for name in _FIELD_AXES if name in field.variables]
    return [*axes, *(f"{name} {field.attrs.get(name)}".encode() for name in _FIELD_WORDS)]


def _digest(*parts: bytes) -> str:
    found = hashlib.sha256()
    for part in parts:
        found.update(f"{len(part)} ".encode() + part)
    return found.hexdigest()
