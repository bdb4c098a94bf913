"""Layout of a tracked granule: what was measured, where, between which images, and how."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr
from affine import Affine

from altiflow.errors import InputError
from altiflow.gridding.frame import CONVENTIONS, crs_variable
from altiflow.gridding.grids.grid import Grid
from altiflow.readers.ground import GROUND
from altiflow.readers.scenes import Acquisition, ScenePair
from altiflow.tracking.displacements import Offsets
from altiflow.tracking.parameters import TrackParameters
from altiflow.tracking.status import STATUS
from altiflow.version import __version__

__all__ = ["MAPPING", "centre_columns", "centre_rows", "image_id", "lay_out", "restore_offsets"]

MAPPING = "mapping"
"""Name of the grid mapping, that of ITS_LIVE granules."""

_PIXEL = {"units": "pixel"}
_TEXTS: Mapping[str, str] = {
    "dx": "displacement to the right in the image: not corrected by stable ground",
    "dy": "displacement down in the image: not corrected by stable ground",
    "dx_error": "standard error of dx",
    "dy_error": "standard error of dy",
    "corr": "normalised correlation of the chip with its match",
    "del_corr": "lead of the correlation over the second peak",
    "snr": "correlation over the root mean square of those beside its peak, within 7 pixels",
    "dxy_covariance": "covariance of the errors of dx and dy",
    "curvature_x": "second difference of the correlation to the right at the best whole displacement",
    "curvature_y": "second difference of the correlation down at the best whole displacement",
}


def lay_out(
    pair: ScenePair,
    offsets: Offsets,
    *,
    parameters: TrackParameters,
    ground: npt.NDArray[np.uint8] | None = None,
    log: Sequence[str] = (),
) -> xr.Dataset:
    """Return displacements on the map, without a velocity yet; see :func:`add_velocity`.

    Parameters
    ----------
    pair, offsets, parameters
        The images, what was found between them, and how it was looked for.
    ground
        Codes of the ground (rows, cols), as :func:`altiflow.read_ground` gives them.
    log
        What was done, line by line.

    Returns
    -------
    xarray.Dataset
        (y, x), y from the top down: ``dx, dy``, their errors [px] and the covariance of these, ``corr, del_corr, snr,
        curvature_x, curvature_y, search_radius, status, interp_mask, chip_size_width, chip_size_height`` [m] and
        ``ground``; ``mapping`` with the corner of the first cell as GDAL has it; ``img_pair_info``. The part of a pixel
        between the lattices of the images is added to dx and dy. The attributes hold what :func:`recorrect` needs.

    Raises
    ------
    InputError
        If the ground is not on the lattice.
    """
    x, y = pair.xy(0.0, offsets.column)[0], pair.xy(offsets.row, 0.0)[1]
    grid = Grid.from_centres(pair.crs, x, y)
    dataset = xr.Dataset(coords={"y": ("y", y, _axis("y")), "x": ("x", x, _axis("x"))})
    for name, values in _layers(pair, offsets).items():
        dataset[name] = (("y", "x"), *values)
    if ground is not None:
        if ground.shape != offsets.shape:
            raise InputError(f"ground has shape {ground.shape}, the lattice is {offsets.shape}; lay it on its cells")
        flags = {"flag_values": np.array([*GROUND.values()], np.uint8), "flag_meanings": " ".join(GROUND)}
        dataset["ground"] = (("y", "x"), ground, {"long_name": "kind of ground", **flags})
    for variable in dataset.data_vars.values():
        variable.attrs["grid_mapping"] = MAPPING
    mapping = crs_variable(grid)
    epsg = grid.crs.to_epsg()
    mapping.attrs |= {} if epsg is None else {"spatial_epsg": epsg}
    dataset[MAPPING] = mapping
    dataset["img_pair_info"] = ((), np.int8(0), _pair_info(pair, offsets))
    ids = [image_id(name, taken) for name, taken in zip(pair.names, pair.acquired, strict=True)]
    dataset.attrs = {
        "Conventions": CONVENTIONS,
        "title": f"Displacement between {' and '.join(ids)}",
        "source": f"tracked by altiflow {__version__} in {' and '.join(ids)}",
        "altiflow_version": __version__,
        "track_parameters": parameters.to_json(),
        "image_transform": json.dumps([*pair.transform][:6]),
        "image_shape": json.dumps([*pair.shape]),
        "track_log": "\n".join([*pair.notes, *log]),
    }
    return dataset


def restore_offsets(granule: xr.Dataset) -> Offsets:
    """Return the displacements of a tracked granule, as they were tracked.

    Raises
    ------
    InputError
        If the Dataset is no tracked granule.
    """
    lacking = [name for name in ("dx", "dy", "corr", "del_corr", "interp_mask", "status") if name not in granule]
    if lacking or "image_transform" not in granule.attrs:
        missing = ", ".join(lacking) or "the attribute image_transform"
        raise InputError(f"the Dataset has no {missing}, so it is no granule that altiflow tracked")
    transform = Affine(*json.loads(granule.attrs["image_transform"]))
    empty = np.full((granule.sizes["y"], granule.sizes["x"]), np.nan, np.float32)
    floats = {name: np.asarray(granule[name].values, np.float32) if name in granule else empty for name in _TEXTS}
    chip = granule["chip_size_width"].values / transform.a if "chip_size_width" in granule else empty
    radius = granule["search_radius"].values if "search_radius" in granule else np.zeros(empty.shape)
    return Offsets(
        row=centre_rows(granule["y"].values, transform),
        column=centre_columns(granule["x"].values, transform),
        **floats,
        chip=np.round(np.nan_to_num(chip)).astype(np.uint16),
        radius=np.nan_to_num(radius).astype(np.uint16),
        status=np.asarray(granule["status"].values).astype(np.uint8),
        interpolated=np.asarray(granule["interp_mask"].values) == 1,
    )


def centre_rows(y: npt.ArrayLike, transform: Affine) -> npt.NDArray[np.float64]:
    """Return rows (n,) in pixel coordinates, halves exact, of y [m]."""
    return np.round(((np.asarray(y, float) - transform.f) / transform.e - 0.5) * 2, 6) / 2


def centre_columns(x: npt.ArrayLike, transform: Affine) -> npt.NDArray[np.float64]:
    """Return columns (n,) in pixel coordinates, halves exact, of x [m]."""
    return np.round(((np.asarray(x, float) - transform.c) / transform.a - 0.5) * 2, 6) / 2


def _layers(pair: ScenePair, offsets: Offsets) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return values and attributes of what was measured, by name."""
    layers: dict[str, tuple[Any, dict[str, Any]]] = {
        name: (np.asarray(getattr(offsets, name), np.float32), {"long_name": text}) for name, text in _TEXTS.items()
    }
    for name, shift in zip(("dx", "dy"), pair.shift, strict=True):
        layers[name] = ((getattr(offsets, name) + shift).astype(np.float32), layers[name][1])
    for name in ("dx", "dy", "dx_error", "dy_error"):
        layers[name][1].update(_PIXEL)
    for name in ("corr", "del_corr", "snr"):
        layers[name][1].update(units="1")
    layers["dxy_covariance"][1].update(units="pixel2")
    for name in ("curvature_x", "curvature_y"):
        layers[name][1].update(units="pixel-2")
    sizes = {"width": pair.pixel[0], "height": pair.pixel[1]}
    for side, size in sizes.items():
        metres = np.round(offsets.chip * size).astype(np.uint16)
        layers[f"chip_size_{side}"] = (
            metres,
            {"long_name": f"{side} of the chip, 0 where there is none", "units": "m"},
        )
    layers["search_radius"] = (
        offsets.radius.astype(np.uint16),
        {"long_name": "displacements looked through along each axis", **_PIXEL},
    )
    masks = [value for value in STATUS.values() if value]
    words = " ".join(word for word, value in STATUS.items() if value)
    layers["status"] = (
        offsets.status.astype(np.uint8),
        {
            "long_name": "0 measured, else why there is no displacement, or where it is from",
            "flag_masks": np.array(masks, np.uint8),
            "flag_meanings": words,
        },
    )
    layers["interp_mask"] = (
        offsets.interpolated.astype(np.uint8),
        {
            "long_name": "1 where the displacement was interpolated, 0 where it was measured or is not there",
            "flag_values": np.array([0, 1], np.uint8),
            "flag_meanings": "measured interpolated",
        },
    )
    return layers


def _pair_info(pair: ScenePair, offsets: Offsets) -> dict[str, Any]:
    """Return what is known of the images, under the names of ITS_LIVE."""
    start, end = pair.time_bnds
    info: dict[str, Any] = {}
    for number, (name, taken) in enumerate(zip(pair.names, pair.acquired, strict=True), start=1):
        info |= {f"{key}_img{number}": text for key, text in _taken(name, taken).items()}
    info["date_center"] = _stamp(start + (end - start) // 2)
    info["date_dt"] = pair.separation_days
    info["time_standard_img1"] = info["time_standard_img2"] = "UTC"
    valid = np.isfinite(offsets.dx)
    info["roi_valid_percentage"] = float(100 * valid.mean())
    return info


def _taken(name: str, taken: Acquisition) -> dict[str, str]:
    """Return what is known of an image; mission and satellite are the two parts of a label such as L8 or S2A."""
    return {
        "id": image_id(name, taken),
        "acquisition_date": _stamp(taken.time),
        "acquisition_date_source": taken.time_source,
        "mission": taken.satellite[:1],
        "satellite": taken.satellite[1:],
    }


def image_id(name: str, taken: Acquisition) -> str:
    """Return the identifier of an image, or its file name without extension."""
    return taken.scene or name.rpartition(".")[0] or name


def _stamp(time: np.datetime64) -> str:
    """Return a moment as ITS_LIVE writes it, 20160718T20:37:06.339158."""
    text = str(time.astype("datetime64[us]"))
    return text[:10].replace("-", "") + text[10:]


def _axis(name: str) -> dict[str, str]:
    return {
        "standard_name": f"projection_{name}_coordinate",
        "long_name": f"{name} coordinate of projection, cell centre",
        "units": "m",
        "axis": name.upper(),
    }
