"""The store of a cube: Zarr filled piece by piece, that goes on after an interruption and appears when whole."""

from __future__ import annotations

import json
import shutil
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from altiflow.errors import InputError
from altiflow.files import whole_file
from altiflow.gridding.cubes.building.pieces import NAMES
from altiflow.gridding.cubes.building.plan import CubePlan
from altiflow.gridding.export.zarr import swap_store
from altiflow.gridding.frame import crs_variable
from altiflow.readers.layers import LAYER_COORDS
from altiflow.version import __version__

if TYPE_CHECKING:
    import zarr

__all__ = ["CubeStore", "cube_frame", "layer_texts"]

_FILL = -32767
_TIME = {"standard_name": "time", "bounds": "time_bnds"}

_TEXTS = {
    "vx": "ice velocity along the x axis of the map",
    "vy": "ice velocity along the y axis of the map",
    "vx_sigma": "standard error of vx",
    "vy_sigma": "standard error of vy",
    "vxy_covariance": "covariance of the errors of vx and vy",
}


@dataclass(frozen=True)
class CubeStore:
    """A cube that is being written.

    Attributes
    ----------
    target
        Where it will be.
    part
        Where it is until it is whole, beside the target.
    precision
        None for float32; else the step of int16 in which components and sigmas are kept, in the cube's unit.
    """

    target: Path
    part: Path
    precision: float | None

    @classmethod
    def begin(cls, plan: CubePlan, target: Path, *, precision: float | None, extra: dict[str, Any]) -> CubeStore:
        """Return the store of a plan: a new one, or the one that an interrupted run of the same plan left.

        Raises
        ------
        InputError
            If an unfinished store of another plan is there.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        store = cls(target, target.with_name(f".{target.stem}.part.zarr"), precision)
        signature = f"{plan.signature}-{precision}-{sorted(extra.items())}"
        if store._log.exists() and store.part.exists():
            if store._progress()["signature"] != signature:
                raise InputError(
                    f"{store.part} is an unfinished cube of other sources or options; delete it and {store._log.name} "
                    "to begin anew, or build the same cube again to go on with it"
                )
            return store
        shutil.rmtree(store.part, ignore_errors=True)
        store._create(plan, extra)
        store._note(signature, [])
        return store

    def done(self) -> set[str]:
        """Return the names of the pieces that are written."""
        return set(self._progress()["done"])

    def write(self, layers: npt.NDArray[np.intp], rows: slice, cols: slice, values: npt.NDArray[np.float32]) -> None:
        """Put values (variables, n, rows, cols) into layers (n,) where the store has none yet.

        A layer that comes from two sources keeps what the first has given, cell by cell. vx is written last: what it
        does not hold counts as not written, wherever a run was interrupted.
        """
        once = np.flatnonzero(~pd.Index(layers).duplicated())
        if once.size < layers.size:
            again = np.setdiff1d(np.arange(layers.size), once)
            self.write(layers[once], rows, cols, values[:, once])
            self.write(layers[again], rows, cols, values[:, again])
            return
        root = self._open()
        run = slice(int(layers[0]), int(layers[-1]) + 1)
        straight = run.stop - run.start == len(layers) and bool((np.diff(layers) == 1).all())
        place = (run if straight else layers, rows, cols)
        before = self._component(root, "vx", place)
        free = ~np.isfinite(before)
        ready = [(name, self._encode(name, new)) for name, new in zip(NAMES, values, strict=False)]
        for name, raw in reversed(ready):
            if not free.all():
                old = self._array(root, name).oindex[place]
                raw = np.where(free, raw, old)
            self._array(root, name).oindex[place] = raw

    def note(self, piece: str) -> None:
        """Write down that a piece is done."""
        progress = self._progress()
        self._note(progress["signature"], [*progress["done"], piece])

    def publish(self, *, replace: bool) -> Path:
        """Count the valid cells of every layer, and put the store in its place."""
        from zarr import consolidate_metadata

        root = self._open()
        vx = self._array(root, "vx")
        depth = vx.chunks[0]
        count = np.zeros(vx.shape[0])
        for first in range(0, vx.shape[0], depth):
            values = self._component(root, "vx", (slice(first, first + depth), slice(None), slice(None)))
            count[first : first + depth] = np.isfinite(values).sum(axis=(1, 2))
        self._array(root, "valid_cells")[:] = count
        consolidate_metadata(root.store, zarr_format=2)
        if self.target.exists() and not replace:
            raise InputError(f"something came to {self.target} meanwhile; the cube is whole at {self.part}, rename it")
        swap_store(self.part, self.target)
        self._log.unlink()
        return self.target

    @property
    def _log(self) -> Path:
        """Where it is written down which pieces are done."""
        return self.part.with_suffix(".json")

    def _progress(self) -> dict[str, Any]:
        return dict(json.loads(self._log.read_text()))

    def _note(self, signature: str, done: list[str]) -> None:
        with whole_file(self._log) as part:
            part.write_text(json.dumps({"signature": signature, "done": done}))

    def _create(self, plan: CubePlan, extra: dict[str, Any]) -> None:
        """Write coordinates and attributes, and make room for the variables."""
        from zarr.errors import UnstableSpecificationWarning

        frame = cube_frame(plan, extra)
        encoding: dict[str, Any] = {name: {"dtype": "float64"} for name in ("x", "y")}
        since = {"units": "nanoseconds since 1970-01-01", "dtype": "int64", "calendar": "proleptic_gregorian"}
        encoding |= {"time": dict(since), "time_bnds": dict(since)}
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", category=UnstableSpecificationWarning)
            frame.to_zarr(self.part, mode="w", zarr_format=2, consolidated=False, encoding=encoding)
        root = self._open()
        shape = (len(plan.layers), *plan.grid.shape)
        for name in NAMES[: plan.variables]:
            packed = self.precision is not None and name != "vxy_covariance"
            attrs: dict[str, Any] = {"_ARRAY_DIMENSIONS": ["time", "y", "x"], **layer_texts(plan, name)}
            attrs |= {"scale_factor": self.precision, "_FillValue": _FILL} if packed else {}
            dtype, fill = ("i2", _FILL) if packed else ("f4", np.nan)
            array = root.create_array(name, shape=shape, chunks=plan.chunks, dtype=dtype, fill_value=fill)
            array.attrs.update(attrs)

    def _open(self) -> zarr.Group:
        """Return the store, to be written to."""
        # Zarr takes a third of a second to import, which only who builds a cube should pay.
        from zarr import open_group

        return open_group(str(self.part), mode="r+", zarr_format=2)

    def _array(self, root: zarr.Group, name: str) -> zarr.Array[Any]:
        """Return an array of the store."""
        from zarr import Array

        found = root[name]
        if not isinstance(found, Array):
            raise InputError(f"{self.part} holds no array {name!r}; delete it and build the cube anew")
        return found

    def _component(self, root: zarr.Group, name: str, place: Any) -> npt.NDArray[np.float32]:
        """Return values of the store, NaN where there are none."""
        raw = np.asarray(self._array(root, name).oindex[place])
        if self.precision is None:
            return raw.astype(np.float32)
        return np.where(raw == _FILL, np.nan, raw * self.precision).astype(np.float32)

    def _encode(self, name: str, values: npt.NDArray[np.float32]) -> npt.NDArray[Any]:
        """Return values as they are stored."""
        if self.precision is None or name == "vxy_covariance":
            return values
        steps = np.rint(values.astype(float) / self.precision)
        if name.endswith("_sigma"):
            # An error below half a step is not none.
            steps = np.where(values > 0, np.maximum(steps, 1.0), steps)
        if np.nanmax(np.abs(steps), initial=0.0) > 32766:
            largest = float(np.nanmax(np.abs(values)))
            raise InputError(
                f"precision={self.precision!r} cannot hold {name} of {largest:g} in int16 (largest "
                f"{32766 * self.precision:g}); give {largest / 32766:.1g} or more, or None for float32"
            )
        return np.where(np.isfinite(steps), steps, _FILL).astype(np.int16)


def layer_texts(plan: CubePlan, name: str) -> dict[str, str]:
    """Return the attributes of a variable of a cube."""
    unit = str(plan.attrs["units"])
    told = f"({unit})2" if name == "vxy_covariance" else unit
    return {"units": told, "long_name": _TEXTS[name], "grid_mapping": "crs"}


def cube_frame(plan: CubePlan, extra: dict[str, Any]) -> xr.Dataset:
    """Return the coordinates and attributes of a cube, without velocities."""
    frame = xr.Dataset(coords=_coordinates(plan), attrs={"crs": plan.grid.crs_name, **plan.attrs, **extra})
    frame["crs"] = crs_variable(plan.grid)
    frame.attrs["history"] = f"altiflow {__version__}: build_cube"
    frame.attrs["title"] = f"Cube of {len(plan.layers)} velocity layers on {plan.grid.name}"
    return frame


def _coordinates(plan: CubePlan) -> dict[str, Any]:
    """Return the coordinates of a cube."""
    bounds = plan.layers[["start", "end"]].to_numpy().astype("datetime64[ns]")
    coords: dict[str, Any] = {
        "time": ("time", bounds[:, 0] + (bounds[:, 1] - bounds[:, 0]) // 2, dict(_TIME)),
        "time_bnds": (("time", "nv"), bounds),
        "y": ("y", plan.grid.y, {"units": "m", "standard_name": "projection_y_coordinate"}),
        "x": ("x", plan.grid.x, {"units": "m", "standard_name": "projection_x_coordinate"}),
    }
    for name, (kind, unit, meaning) in LAYER_COORDS.items():
        values = plan.layers[name].to_numpy() if name in plan.layers else np.full(len(bounds), np.nan)
        data = values.astype(str) if kind == "U" else values.astype(float)
        coords[name] = ("time", data, {"long_name": meaning, "units": unit or str(plan.attrs["units"])})
    return coords
