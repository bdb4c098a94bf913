"""Names of what is made from pairs, and of sea-ice motion: cubes, composites, mosaics, drift files."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from altiflow.errors import InputError
from altiflow.readers.catalogue.pairs.naming.pair import PairName, file_name, parse_pair_name

__all__ = ["CubeName", "MosaicName", "MotionName", "VelocityName", "parse_velocity_name"]


@dataclass(frozen=True)
class CubeName:
    """What the name of an ITS_LIVE cube, or of the annual composite of one, says.

    Attributes
    ----------
    kind
        "cube" (every pair) or "composite" (one layer a year).
    epsg
        Code of the map projection.
    posting
        Spacing of the grid [m].
    x, y
        Centre of the tile [m].
    """

    kind: Literal["cube", "composite"]
    epsg: int
    posting: int
    x: int
    y: int

    def format(self) -> str:
        """Return the name of the Zarr store."""
        if self.kind == "cube":
            return f"ITS_LIVE_vel_EPSG{self.epsg}_G{self.posting:04d}_X{self.x}_Y{self.y}.zarr"
        return f"ITS_LIVE_velocity_EPSG{self.epsg}_{self.posting}m_X{self.x}_Y{self.y}.zarr"


@dataclass(frozen=True)
class MosaicName:
    """What the name of an ITS_LIVE regional mosaic says.

    Attributes
    ----------
    archive
        "its-live" (the project's bucket) or "nsidc" (the archived NSIDC-0776).
    region
        "GRE", "ANT", "ALA" ... for version 1, "RGI01A" ... for version 2.
    years
        First and last year; None for the multi-year mosaic that the bucket calls 0000.
    posting
        Spacing of the grid [m]; None where the name does not tell.
    version
        As the name has it, "v02" or "V02.1"; "" for version 1, which does not tell.
    layer
        Of a GeoTIFF, its variable, such as "vx"; "" for a NetCDF file.
    """

    archive: Literal["its-live", "nsidc"]
    region: str
    years: tuple[int, int] | None
    posting: int | None
    version: str
    layer: str = ""

    def format(self) -> str:
        """Return the file name."""
        tail = f"_{self.layer}.tif" if self.layer else ".nc"
        year = "0000" if self.years is None else f"{self.years[0]:04d}"
        if self.archive == "nsidc":
            if self.years is not None and self.years[0] != self.years[1]:
                year = f"{self.years[0]:04d}-{self.years[1]:04d}"
            return f"NSIDC-0776_{self.region}_{year}_{self.version}{tail}"
        if not self.version:
            return f"{self.region}_G{self.posting:04d}_{year}{tail}"
        return f"ITS_LIVE_velocity_{self.posting}m_{self.region}_{year}_{self.version}{tail}"


@dataclass(frozen=True)
class MotionName:
    """What the name of a file of sea-ice motion says.

    Attributes
    ----------
    product
        "NSIDC-0116", "NSIDC-0748" (its quicklook), "OSI-405" or "OSI-455".
    hemisphere
        "nh" or "sh".
    grid
        Grid as the name has it, such as "25km" or "polstere-625".
    variety
        "daily" or "weekly"; for OSI SAF the source, such as "multi-oi" or "cdr-v1p0".
    start
        First day; None for OSI-455, whose names tell the end alone.
    end
        Last day, or the end of the drift.
    version
        Such as "v4.1"; "" where the name does not tell.
    """

    product: Literal["NSIDC-0116", "NSIDC-0748", "OSI-405", "OSI-455"]
    hemisphere: str
    grid: str
    variety: str
    start: datetime | None
    end: datetime
    version: str = ""

    def format(self) -> str:
        """Return the file name."""
        if self.product.startswith("NSIDC"):
            ending = "ql" if self.product == "NSIDC-0748" else self.version
            days = f"{self.start:%Y%m%d}_{self.end:%Y%m%d}"
            return f"icemotion_{self.variety}_{self.hemisphere}_{self.grid}_{days}_{ending}.nc"
        head = f"ice_drift_{self.hemisphere}_{self.grid}_{self.variety}"
        if self.product == "OSI-455":
            return f"{head}_24h-{self.end:%Y%m%d%H%M}.nc"
        return f"{head}_{self.start:%Y%m%d%H%M}-{self.end:%Y%m%d%H%M}.nc"


VelocityName = PairName | CubeName | MosaicName | MotionName


def parse_velocity_name(name: str | Path) -> VelocityName:
    """Return what the name of a velocity file says: a pair, cube, composite, mosaic or file of ice motion.

    Parameters
    ----------
    name
        File name, path or URL.

    Raises
    ------
    InputError
        If the name is of no known form, or tells a date that cannot be.

    Notes
    -----
    The forms are those of the ITS_LIVE project, of NSIDC-0776, NSIDC-0116 and NSIDC-0748, and of the EUMETSAT Ocean
    and Sea Ice SAF (products 405 and 455).

    Examples
    --------
    >>> parse_velocity_name("cubes/N70W040/ITS_LIVE_vel_EPSG3413_G0120_X-350000_Y-2650000.zarr").x
    -350000
    >>> parse_velocity_name("NSIDC-0776_RGI05A_2014-2022_V02.0.nc").years
    (2014, 2022)
    >>> parse_velocity_name("GRE_G0240_0000_vx.tif")
    MosaicName(archive='its-live', region='GRE', years=None, posting=240, version='', layer='vx')
    """
    text = file_name(name)
    if "_X_" in text:
        return parse_pair_name(text)
    for pattern, build in _FORMS:
        match = pattern.fullmatch(text)
        if match:
            try:
                return build(match)
            except ValueError as error:
                raise InputError(f"velocity file name {text!r} cannot be: {error}") from error
    raise InputError(
        f"velocity file name {text!r} is of no known form: image pairs (..._X_..._G0120V02_P059.nc), "
        "ITS_LIVE_vel_EPSG....zarr, ITS_LIVE_velocity_..., GRE_G0240_2018.nc, NSIDC-0776_..., "
        "icemotion_... or ice_drift_..."
    )


def _cube(match: re.Match[str]) -> CubeName:
    kind: Literal["cube", "composite"] = "cube" if match["word"] == "vel" else "composite"
    return CubeName(kind, int(match["epsg"]), int(match["posting"]), int(match["x"]), int(match["y"]))


def _mosaic(match: re.Match[str]) -> MosaicName:
    parts = match.groupdict()
    first, last = int(parts["year"]), int(parts.get("last") or parts["year"])
    archive: Literal["its-live", "nsidc"] = "nsidc" if match[0].startswith("NSIDC") else "its-live"
    if last < first:
        raise ValueError(f"{last} is before {first}")
    return MosaicName(
        archive,
        parts["region"],
        (first, last) if first else None,
        int(parts["posting"]) if parts.get("posting") else None,
        parts.get("version") or "",
        parts["layer"] or "",
    )


def _nsidc_motion(match: re.Match[str]) -> MotionName:
    start, end = (datetime.strptime(match[key], "%Y%m%d") for key in ("start", "end"))
    quick = match["ending"] == "ql"
    return MotionName(
        "NSIDC-0748" if quick else "NSIDC-0116",
        match["hemisphere"],
        match["grid"],
        match["variety"],
        start,
        end,
        "" if quick else match["ending"],
    )


def _osi_motion(match: re.Match[str]) -> MotionName:
    start = datetime.strptime(match["start"], "%Y%m%d%H%M") if match["start"] else None
    end = datetime.strptime(match["end"], "%Y%m%d%H%M")
    product: Literal["OSI-405", "OSI-455"] = "OSI-405" if start else "OSI-455"
    return MotionName(product, match["hemisphere"], match["grid"], match["variety"], start, end)


_LAYER = r"(_(?P<layer>[a-z]\w*)\.tif|\.nc)"
_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], VelocityName]], ...] = (
    (
        re.compile(r"ITS_LIVE_(?P<word>vel)_EPSG(?P<epsg>\d+)_G(?P<posting>\d{4})_X(?P<x>-?\d+)_Y(?P<y>-?\d+)\.zarr"),
        _cube,
    ),
    (
        re.compile(
            r"ITS_LIVE_(?P<word>velocity)_EPSG(?P<epsg>\d+)_(?P<posting>\d+)m_X(?P<x>-?\d+)_Y(?P<y>-?\d+)\.zarr"
        ),
        _cube,
    ),
    (re.compile(rf"(?P<region>[A-Z]{{3}})_G(?P<posting>\d{{4}})_(?P<year>\d{{4}}){_LAYER}"), _mosaic),
    (
        re.compile(
            rf"ITS_LIVE_velocity_(?P<posting>\d+)m_(?P<region>RGI\d\d[A-Z])_(?P<year>\d{{4}})_(?P<version>[vV]\d\d(\.\d)?){_LAYER}"
        ),
        _mosaic,
    ),
    (
        re.compile(
            rf"NSIDC-0776_(?P<region>RGI\d\d[A-Z])_(?P<year>\d{{4}})(-(?P<last>\d{{4}}))?_(?P<version>V\d\d\.\d){_LAYER}"
        ),
        _mosaic,
    ),
    (
        re.compile(
            r"icemotion_(?P<variety>daily|weekly)_(?P<hemisphere>nh|sh)_(?P<grid>\d+km)_(?P<start>\d{8})_(?P<end>\d{8})"
            r"_(?P<ending>v\d+(\.\d+)?|ql)\.nc"
        ),
        _nsidc_motion,
    ),
    (
        re.compile(
            r"ice_drift_(?P<hemisphere>nh|sh)_(?P<grid>[a-z0-9]+-\d+)_(?P<variety>[\w-]+?)_"
            r"((?P<start>\d{12})-|24h-)(?P<end>\d{12})\.nc"
        ),
        _osi_motion,
    ),
)
