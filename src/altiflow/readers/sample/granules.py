"""Simulated granules as HDF5 files in the layouts of the releases."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import h5py
import numpy as np
import numpy.typing as npt

from altiflow.files import whole_file
from altiflow.readers.sample.segments import SimulatedBeam

__all__ = ["GranuleHeader", "ReleaseLayout", "write_granule"]

ReleaseLayout = Literal["005", "006", "007"]

_FLOAT_FILL = np.float32(3.4028235e38)
_GPS_EPOCH = 1_198_800_018.0
"""``atlas_sdp_gps_epoch``: 2018-01-01T00:00:00 UTC in GPS seconds."""

# Written apart from the readers' own tables, so that a wrong path there is not repeated here.
_NEW = "freeboard_segment"
_OLD = "freeboard_beam_segment"
_PATHS: dict[str, tuple[str, str]] = {
    # column: (release 006 and 007, release 005)
    "latitude": (f"{_NEW}/latitude", f"{_OLD}/beam_freeboard/latitude"),
    "longitude": (f"{_NEW}/longitude", f"{_OLD}/beam_freeboard/longitude"),
    "delta_time": (f"{_NEW}/delta_time", f"{_OLD}/beam_freeboard/delta_time"),
    "x_atc": (f"{_NEW}/seg_dist_x", f"{_OLD}/beam_freeboard/seg_dist_x"),
    "freeboard": (f"{_NEW}/beam_fb_height", f"{_OLD}/beam_freeboard/beam_fb_height"),
    "freeboard_sigma": (f"{_NEW}/beam_fb_unc", f"{_OLD}/beam_freeboard/beam_fb_sigma"),
    "quality": (f"{_NEW}/beam_fb_quality_flag", f"{_OLD}/beam_freeboard/beam_fb_quality_flag"),
    "confidence": (f"{_NEW}/beam_fb_confidence", f"{_OLD}/beam_freeboard/beam_fb_confidence"),
    "refsurf_ndx": (f"{_NEW}/beam_refsurf_ndx", f"{_OLD}/beam_freeboard/beam_refsurf_ndx"),
    "segment_length": (
        f"{_NEW}/heights/height_segment_length_seg",
        f"{_OLD}/height_segments/height_segment_length_seg",
    ),
    "height": (f"{_NEW}/heights/height_segment_height", f"{_OLD}/height_segments/height_segment_height"),
    "segment_type": (f"{_NEW}/heights/height_segment_type", f"{_OLD}/height_segments/height_segment_type"),
    "ssh_flag": (
        f"{_NEW}/heights/height_segment_ssh_flag",
        f"{_OLD}/height_segments/height_segment_ssh_flag",
    ),
    "layer_flag": (f"{_NEW}/heights/layer_flag", f"{_OLD}/height_segments/layer_flag"),
    "ice_conc_ssmi": (f"{_NEW}/heights/ice_conc_ssmi", f"{_OLD}/height_segments/ice_conc"),
    "ice_conc_amsr2": (f"{_NEW}/heights/ice_conc_amsr2", ""),
    "dist2land": (f"{_NEW}/heights/height_segment_dist2land", ""),
}
_UNITS = {
    "latitude": "degrees_north",
    "longitude": "degrees_east",
    "delta_time": "seconds since 2018-01-01",
    "x_atc": "meters",
    "freeboard": "meters",
    "freeboard_sigma": "meters",
    "segment_length": "meters",
    "height": "meters",
    "dist2land": "meters",
}


@dataclass(frozen=True)
class GranuleHeader:
    """What a granule says about itself.

    Attributes
    ----------
    name
        File name, ``ATL10-01_yyyymmddhhmmss_ttttccss_vvv_rr.h5``.
    release
        "005", "006" or "007"; decides the layout.
    orientation
        ``sc_orient``: 0 backward, 1 forward, 2 transition.
    rgt, cycle, orbit
        Reference ground track, cycle and orbit number.
    start, end
        ISO times of the first and last segment (UTC).
    start_seconds, end_seconds
        The same in seconds since 2018-01-01.
    """

    name: str
    release: ReleaseLayout
    orientation: int
    rgt: int
    cycle: int
    orbit: int
    start: str
    end: str
    start_seconds: float
    end_seconds: float


def write_granule(folder: Path, header: GranuleHeader, beams: dict[str, SimulatedBeam]) -> Path:
    """Write an ATL10 granule and return its path; the file appears whole or not at all.

    Of the product's variables those that segment tables, sections and leads need are written, at their true
    paths, types and fill values; the geophysical corrections are left out.
    """
    path = folder / header.name
    with whole_file(path) as part, h5py.File(part, "w", libver=("earliest", "v108")) as file:
        _write_header(file, header)
        for beam, content in beams.items():
            _write_beam(file, beam, content, header)
    return path


def _write_header(file: h5py.File, header: GranuleHeader) -> None:
    _text(
        file,
        short_name="ATL10",
        level="L3A",
        title="Simulated ATL10 granule: not a measurement",
        identifier_product_doi=f"doi:10.5067/ATLAS/ATL10.{header.release}",
        time_coverage_start=header.start,
        time_coverage_end=header.end,
        source="altiflow sample",
    )
    orbit = file.create_group("orbit_info")
    for name, value, kind in (
        ("sc_orient", header.orientation, "i1"),
        ("sc_orient_time", header.start_seconds, "f8"),
        ("rgt", header.rgt, "i2"),
        ("cycle_number", header.cycle, "i1"),
        ("orbit_number", header.orbit, "u2"),
    ):
        orbit.create_dataset(name, data=np.array([value], dtype=kind))
    ancillary = file.create_group("ancillary_data")
    for name, seconds in (
        ("atlas_sdp_gps_epoch", _GPS_EPOCH),
        ("start_delta_time", header.start_seconds),
        ("end_delta_time", header.end_seconds),
    ):
        ancillary.create_dataset(name, data=np.array([seconds], dtype="f8"))
    for name, words in (
        ("release", header.release.ljust(80)),
        ("data_start_utc", header.start),
        ("data_end_utc", header.end),
    ):
        ancillary.create_dataset(name, data=np.array([words.encode()]))


def _write_beam(file: h5py.File, beam: str, content: SimulatedBeam, header: GranuleHeader) -> None:
    """Write one beam group: its segments, sections and leads."""
    group = file.create_group(beam)
    strong = header.orientation in (0, 1) and (header.orientation == 0) == beam.endswith("l")
    place = ("gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r").index(beam)
    spot = place + 1 if header.orientation == 0 else 6 - place
    _text(group, groundtrack_id=beam)
    if header.orientation in (0, 1):
        _text(
            group,
            atlas_beam_type="strong" if strong else "weak",
            atlas_spot_number=str(spot),
            sc_orientation=("Backward", "Forward")[header.orientation],
        )
    old = header.release == "005"
    for column, paths in _PATHS.items():
        if paths[old]:
            _array(group, paths[old], content.columns[column], units=_UNITS.get(column, "1"))
    _write_sections(group, content, _OLD if old else "reference_surface_section")
    _write_leads(group, content)


def _write_sections(group: h5py.Group, content: SimulatedBeam, where: str) -> None:
    """Write the sections: number, surface, and the product's own length-weighted mean of each."""
    columns = content.columns
    freeboard = columns["freeboard"].astype(float)
    valid = freeboard < 1e30
    length = columns["segment_length"].astype(float)
    means = []
    for section in content.sections:
        rows = valid & (columns["refsurf_ndx"] == section.number)
        total = length[rows].sum()
        means.append((freeboard[rows] * length[rows]).sum() / total if total > 0 else _FLOAT_FILL)
    sections = content.sections
    _array(group, f"{where}/fbswath_ndx", np.array([s.number for s in sections], dtype=np.int32))
    _array(
        group,
        f"{where}/beam_refsurf_height",
        np.array([s.height for s in sections], dtype=np.float32),
        "meters",
    )
    _array(
        group,
        f"{where}/beam_refsurf_sigma",
        np.array([s.sigma for s in sections], dtype=np.float32),
        "meters",
    )
    _array(group, f"{where}/beam_fb_refsurf", np.array(means, dtype=np.float32), "meters")


def _write_leads(group: h5py.Group, content: SimulatedBeam) -> None:
    """Write the leads: first segment (1-based), number of segments, position."""
    index = np.flatnonzero(content.columns["ssh_flag"] == 2)
    _array(group, "leads/ssh_ndx", (index + 1).astype(np.int32))
    _array(group, "leads/ssh_n", np.ones(index.size, dtype=np.int32))
    for name in ("latitude", "longitude", "delta_time"):
        _array(group, f"leads/{name}", content.columns[name][index], _UNITS[name])
    for name, column in (
        ("lead_height", "height"),
        ("lead_length", "segment_length"),
        ("lead_sigma", "freeboard_sigma"),
        ("lead_dist_x", "x_atc"),
    ):
        _array(group, f"leads/{name}", content.columns[column][index], "meters")


def _array(group: h5py.Group, path: str, values: npt.NDArray[np.generic], units: str = "1") -> None:
    """Write one data set as the product does: chunked, deflated, floats with a fill value."""
    options: dict[str, Any] = {}
    if values.size:
        options = {"chunks": (min(values.size, 10_000),), "compression": "gzip", "compression_opts": 4}
    if values.dtype == np.float32:
        options["fillvalue"] = _FLOAT_FILL
    node = group.create_dataset(path, data=values, **options)
    _text(node, units=units)
    if values.dtype == np.float32:
        node.attrs["_FillValue"] = _FLOAT_FILL


def _text(node: Any, **attributes: str) -> None:
    """Write text attributes as the product does: fixed-length bytes."""
    for name, value in attributes.items():
        node.attrs[name] = np.bytes_(value.encode())
