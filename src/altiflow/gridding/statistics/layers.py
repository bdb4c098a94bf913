"""Layers of a gridded Dataset as statistics over time need them: which variable, which periods, which way up."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from altiflow.errors import InputError
from altiflow.version import __version__

__all__ = ["carry_history", "describe_value", "find_variable", "period_bounds", "turn_layers"]

Times = npt.NDArray[np.datetime64]

_CARRIED = ("title", "product", "doi", "releases", "granules", "beams", "screens", "source")


def turn_layers(dataset: xr.Dataset) -> xr.Dataset:
    """Return the Dataset with y from the top down, as a grid has it.

    Raises
    ------
    InputError
        If the Dataset has no dimensions y and x.
    """
    if not {"y", "x"} <= set(dataset.dims):
        raise InputError(f"the Dataset needs dimensions y and x, got {', '.join(map(str, dataset.dims))}")
    upward = dataset.sizes["y"] > 1 and float(dataset["y"][0]) < float(dataset["y"][-1])
    return dataset.isel(y=slice(None, None, -1)) if upward else dataset


def find_variable(dataset: xr.Dataset, value: str, endings: tuple[str, ...] = ("_mean", "")) -> str:
    """Return the name of the variable that holds `value`: with the first of `endings` that there is.

    Raises
    ------
    InputError
        If there is none.
    """
    names = [value + ending for ending in endings]
    for name in names:
        if name in dataset.data_vars:
            return name
    known = ", ".join(str(name) for name, found in dataset.data_vars.items() if {"y", "x"} <= set(found.dims))
    raise InputError(f"value={value!r} needs a variable {' or '.join(names)}; the Dataset has {known or 'none'}")


def period_bounds(dataset: xr.Dataset) -> Times:
    """Return [start, end) of the periods (t, 2).

    Raises
    ------
    InputError
        If the Dataset has no dimension time, no bounds of it, or an undated period.
    """
    if "time" not in dataset.dims or "time_bnds" not in dataset.variables:
        raise InputError("the Dataset needs a dimension time with time_bnds; grid with freq, such as freq='month'")
    bounds = dataset["time_bnds"].transpose("time", ...).to_numpy().astype("datetime64[ns]")
    if np.isnat(bounds).any():
        raise InputError("the Dataset has undated periods (NaT); grid with freq, such as freq='month'")
    return np.asarray(bounds)


def describe_value(dataset: xr.Dataset, name: str) -> dict[str, str]:
    """Return what statistics of a variable take over from it: its unit, if it has one, and the grid mapping."""
    unit = dataset[name].attrs.get("units")
    return {"grid_mapping": "crs"} | ({"units": str(unit)} if unit else {})


def carry_history(dataset: xr.Dataset, step: str) -> dict[str, Any]:
    """Return the attributes of a result made from a Dataset: its provenance, and the step on top of the history."""
    kept = {name: dataset.attrs[name] for name in _CARRIED if name in dataset.attrs}
    before = str(dataset.attrs.get("history", ""))
    said = f"altiflow {__version__}: {step}"
    return kept | {"history": f"{said}\n{before}".strip(), "altiflow_version": __version__}
