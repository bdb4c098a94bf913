"""Other people's trackers, run where a user has them: the same scenes, in processes of their own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from affine import Affine

from altiflow import read_velocity
from benchmarks.measure import cpu_seconds
from benchmarks.tracking.scenes import Scene

__all__ = ["Outside", "OutsideError", "run_autorift", "run_pycorr"]

DAYS, PIXEL = 10, 10.0
_FIRST, _SECOND = "20200601", "20200611"
_PLACE = Affine(PIXEL, 0, 500_000, 0, -PIXEL, 6_700_000)
_DRIVER = Path(__file__).with_name("autorift_driver.py")


class OutsideError(Exception):
    """Another program failed, or wrote nothing that can be read."""


@dataclass(frozen=True)
class Outside:
    """What another program found.

    Attributes
    ----------
    middles
        Rows and columns of the pixels behind the middles of its chips.
    dx, dy
        Displacement to the right and down (rows, cols) [px]; NaN where it keeps none.
    cpu, wall
        Of its whole process [s].
    """

    middles: tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]
    dx: npt.NDArray[np.float64]
    dy: npt.NDArray[np.float64]
    cpu: float
    wall: float


def run_pycorr(
    script: Path, scene: Scene, *, chip: int, spacing: int, radius: int, python: str = sys.executable
) -> Outside:
    """Return what pycorr (``pycorr_iceflow_v1.1.py``) finds in a scene, by its own masked components.

    Parameters
    ----------
    script
        Path of the script.
    scene
        Its images become GeoTIFFs of 10 m, ten days apart.
    chip, spacing, radius
        Width of the chips, distance of the cells, and largest displacement [px].
    python
        The interpreter that has what the script needs.

    Raises
    ------
    OutsideError
        If it fails, or writes no NetCDF.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, image in (("first.tif", scene.first), ("second.tif", scene.second)):
            _write(folder / file, image)
        words = {
            "imgdir": folder, "output_dir": folder, "out_name_base": "pair", "img1datestr": _FIRST,
            "img2datestr": _SECOND, "datestrfmt": "%Y%m%d", "inc": spacing, "half_source_chip": chip // 2,
            "half_target_chip": chip // 2 + radius,
        }  # fmt: skip
        told = [part for key, value in words.items() for part in (f"-{key}", str(value))]
        cpu, wall = _timed([python, str(script.resolve()), *told, "first.tif", "second.tif"], folder)
        made = sorted(folder.glob("pair*.nc"))
        if not made:
            raise OutsideError(f"{script.name} wrote no pair*.nc, but {sorted(each.name for each in folder.iterdir())}")
        field = read_velocity(made[0])
        factor = DAYS / PIXEL
        return Outside(
            (_behind(_PLACE.f - field["y"].values), _behind(field["x"].values - _PLACE.c)),
            np.asarray(field["vx"].values[0], float) * factor,
            -np.asarray(field["vy"].values[0], float) * factor,
            cpu,
            wall,
        )


def run_autorift(python: str, scene: Scene, *, chip: int, spacing: int, radius: int) -> Outside:
    """Return what autoRIFT finds in a scene with chips of one width and twice that, by its Python class.

    Parameters
    ----------
    python
        An interpreter that can import autoRIFT.
    scene, chip, spacing, radius
        As for :func:`run_pycorr`.

    Raises
    ------
    OutsideError
        If it fails, or writes nothing.
    """
    middles = tuple(np.arange(size // spacing) * spacing + spacing // 2 for size in scene.first.shape)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = {"first": scene.first, "second": scene.second, "rows": middles[0], "cols": middles[1]}
        np.savez(folder / "given.npz", chip=chip, spacing=spacing, radius=radius, **given)
        cpu, wall = _timed([python, str(_DRIVER), "given.npz", "found.npz"], folder)
        if not (folder / "found.npz").is_file():
            raise OutsideError(f"autoRIFT in {python} wrote nothing")
        with np.load(folder / "found.npz") as found:
            return Outside((middles[0], middles[1]), found["dx"], -found["dy_up"], cpu, wall)


def _write(path: Path, image: npt.NDArray[Any]) -> None:
    profile = {"driver": "GTiff", "height": image.shape[0], "width": image.shape[1], "count": 1, "nodata": 0}
    with rasterio.open(path, "w", **profile, dtype=image.dtype, crs="EPSG:32607", transform=_PLACE) as out:
        out.write(image, 1)


def _behind(metres: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    """Return the pixels that begin at a distance from the corner of the image [m]."""
    return np.rint(metres / PIXEL).astype(np.int64)


def _timed(words: list[str], folder: Path) -> tuple[float, float]:
    """Run a program in a folder; return CPU and wall seconds."""
    before, start = cpu_seconds(), time.perf_counter()
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=False)
    cpu, wall = cpu_seconds() - before, time.perf_counter() - start
    if done.returncode:
        last = "\n".join((done.stderr or done.stdout).strip().splitlines()[-5:])
        raise OutsideError(f"{' '.join(words[:2])} ended with {done.returncode}:\n{last}")
    return cpu, wall
