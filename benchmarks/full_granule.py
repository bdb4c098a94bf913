"""A simulated ATL10 granule of the size and layout of real ones: 6 beams, some 460 data sets, made from a seed."""

from __future__ import annotations

from pathlib import Path

import h5py
import numpy as np

__all__ = ["write_full_granule"]

NAME = "ATL10-02_20190101064003_00050201_006_01.h5"
FILL = np.float32(3.4028235e38)
SEGMENT = {
    "latitude": "f8",
    "longitude": "f8",
    "delta_time": "f8",
    "seg_dist_x": "f8",
    "beam_fb_height": "f4",
    "beam_fb_unc": "f4",
    "beam_fb_quality_flag": "i1",
    "beam_fb_confidence": "f4",
    "beam_refsurf_ndx": "i4",
    "heights/height_segment_length_seg": "f4",
    "heights/height_segment_height": "f4",
    "heights/height_segment_type": "i1",
    "heights/height_segment_ssh_flag": "i1",
    "heights/layer_flag": "i1",
    "heights/ice_conc_ssmi": "f4",
    "heights/ice_conc_amsr2": "f4",
    "heights/height_segment_dist2land": "f4",
}
SECTION = {"fbswath_ndx": "i4", "beam_refsurf_height": "f4", "beam_refsurf_sigma": "f4", "beam_fb_refsurf": "f4"}


def write_full_granule(
    path: Path, *, rows: int = 100_000, paged: bool = False, seed: int = 6, chunk: int = 10_000
) -> Path:
    """Write a granule with `rows` segments in strong beams and a third of that in weak ones; return its path.

    `paged` puts metadata into pages of 8 MiB and uses chunks of 100,000, as the archive's files for the cloud do.
    """
    rng = np.random.default_rng(seed)
    settings = {"fs_strategy": "page", "fs_page_size": 2**23} if paged else {}
    newest = "latest" if paged else "v108"
    with h5py.File(path, "w", libver=("earliest", newest), **settings) as file:
        text(
            file, short_name="ATL10", title="Simulated ATL10 granule", identifier_product_doi="10.5067/ATLAS/ATL10.006"
        )
        array(file, "orbit_info/sc_orient", np.zeros(1, "i1"), chunk)
        for place, beam in enumerate(("gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r")):
            strong = place % 2 == 0
            group = file.create_group(beam)
            text(group, atlas_beam_type="strong" if strong else "weak")
            count = rows if strong else rows // 3
            write_beam(group, rng, count, 100_000 if paged else chunk)
    return path


def write_beam(group: h5py.Group, rng: np.random.Generator, count: int, chunk: int) -> None:
    """Write what segment tables need, and the other variables of a beam."""
    along = np.cumsum(rng.lognormal(2.3, 0.7, count))
    angle = along / along[-1] * np.pi
    known = {
        "latitude": -60 - 18 * np.sin(angle),
        "longitude": (np.degrees(angle) * 2 + rng.normal(0, 1e-4, count)) % 360 - 180,
        "delta_time": 3.1e7 + along / 7000,
        "seg_dist_x": 2e7 + along,
        "beam_fb_height": rng.gamma(2, 0.15, count).astype("f4"),
        "beam_fb_quality_flag": rng.integers(1, 4, count),
        "beam_refsurf_ndx": np.arange(count) // 400,
        "heights/height_segment_length_seg": rng.lognormal(2.3, 0.7, count),
        "heights/height_segment_type": rng.integers(1, 3, count),
        "heights/height_segment_ssh_flag": (rng.random(count) < 0.05) * 2,
    }
    known["beam_fb_height"][rng.random(count) < 0.1] = FILL
    for name, kind in SEGMENT.items():
        values = known.get(name, np.round(rng.normal(0, 1, count), 3))
        array(group, f"freeboard_segment/{name}", np.asarray(values).astype(kind), chunk)
    for number in range(46):
        values = np.round(np.cumsum(rng.normal(0, 0.01, count)), 3).astype("f4")
        part = "geophysical" if number < 30 else "heights"
        array(group, f"freeboard_segment/{part}/other_{number:02d}", values, chunk)
    sections = count // 400 + 1
    for name, kind in SECTION.items():
        values = np.arange(sections) if kind == "i4" else rng.normal(0, 0.1, sections)
        array(group, f"reference_surface_section/{name}", values.astype(kind), chunk)
    for number in range(9):
        array(group, f"leads/lead_{number}", rng.normal(0, 1, count // 200 + 1), chunk)


def array(group: h5py.Group, path: str, values: np.ndarray, chunk: int) -> None:
    """Write one data set as the product does."""
    fill = {"fillvalue": FILL} if values.dtype == np.float32 else {}
    node = group.create_dataset(
        path,
        data=values,
        chunks=(min(values.size, chunk),),
        compression="gzip",
        compression_opts=6,
        shuffle=True,
        **fill,
    )
    text(
        node, units="1", long_name=path.rpartition("/")[2], description="Simulated, to be as long as it would be. " * 4
    )


def text(node: h5py.HLObject, **attributes: str) -> None:
    """Write text attributes as the product does."""
    for name, words in attributes.items():
        node.attrs[name] = np.bytes_(words.encode())
