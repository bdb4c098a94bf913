"""Layers: what may be known of each layer of a velocity field, and whether it is a cube of image pairs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from altiflow.errors import FieldError

__all__ = ["LAYER_COORDS", "check_layers", "is_cube", "layer_coords"]

LAYER_COORDS: Mapping[str, tuple[str, str, str]] = {
    "granule": ("U", "1", "image pair that the layer was measured on: file name without folder and extension"),
    "separation_days": ("f", "days", "time between the two images, with its fraction of a day"),
    "mission": ("U", "1", "mission of the images: landsat, sentinel1, sentinel2, nisar, or both joined by +"),
    "satellite": ("U", "1", "satellite of the images, such as L8, S2A, or both joined by + in alphabetical order"),
    "valid_percent": ("f", "percent", "share of the region of interest that the pair measures"),
    "stable_shift_x": ("f", "", "shift that was added to vx on account of stable surfaces"),
    "stable_shift_y": ("f", "", "shift that was added to vy on account of stable surfaces"),
    "stable_shift_flag": ("f", "1", "0 no shift, 1 by stable surfaces, 2 by the slowest quarter"),
    "valid_cells": ("f", "1", "cells of the grid that the pair gives a velocity"),
}
"""What may be known of each layer: coordinates (time,), by name: kind of dtype, unit ("" is the field's), meaning.

A field with ``granule`` is a cube of image pairs: layers may overlap in time, share their middle, and be in any
order; one granule is one layer.
"""


def is_cube(field: xr.Dataset) -> bool:
    """Return whether the layers of a field are image pairs, each with its granule."""
    return "granule" in field.coords


def check_layers(field: xr.Dataset) -> None:
    """Raise unless what is known of layers is known of each, and no image pair is there twice.

    Raises
    ------
    FieldError
        Naming what is wrong, and the way to mend it.
    """
    for name in LAYER_COORDS:
        if name in field.variables and (name not in field.coords or field[name].dims != ("time",)):
            raise FieldError(f"{name} must be a coordinate on ('time',), not {field[name].dims}; assign_coords does it")
    if is_cube(field):
        names = pd.Index(field["granule"].values)
        twice = names.duplicated()
        if twice.any():
            raise FieldError(
                f"{int(twice.sum())} image pairs are there more than once, first {names[twice][0]}; name each file "
                "once, or keep one layer of each: field.isel(time=~pandas.Index(field.granule).duplicated())"
            )


def layer_coords(layers: Mapping[str, npt.ArrayLike], unit: str) -> dict[str, xr.Variable]:
    """Return what is known of each layer as coordinates (time,); `unit` is that of the field.

    Raises
    ------
    FieldError
        If a name is not in ``LAYER_COORDS``.
    """
    unknown = set(layers) - set(LAYER_COORDS)
    if unknown:
        raise FieldError(f"nothing is known as {sorted(unknown)[0]!r} of a layer; known are {', '.join(LAYER_COORDS)}")
    coords = {}
    for name, values in layers.items():
        kind, own, meaning = LAYER_COORDS[name]
        data = np.asarray(values).astype(str if kind == "U" else np.float64)
        coords[name] = xr.Variable(("time",), data, {"long_name": meaning, "units": own or unit})
    return coords
