"""Made displacements and a pair to lay them on, for tests of the product that track nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr
from affine import Affine

from altiflow.readers.ground import LAND
from altiflow.readers.scenes import Acquisition, ScenePair
from altiflow.tracking.offsets import Offsets, lattice_centres
from altiflow.tracking.parameters import TrackParameters
from altiflow.tracking.product import add_velocity, lay_out

SPACING = 8


def make_pair(*, crs: str = "EPSG:32607", shape: tuple[int, int] = (240, 320)) -> ScenePair:
    rng = np.random.default_rng(0)
    image = rng.normal(size=shape).astype(np.float32)
    valid = np.ones(shape, bool)
    taken = [
        Acquisition(np.datetime64(f"2016-07-18T20:37:06.{number}", "ns"), "metadata", f"LC8063018201620{number}LGN00",
                    "landsat", "L8") for number in (1, 2)
    ]  # fmt: skip
    taken[1] = Acquisition(np.datetime64("2016-08-03T20:37:06.1", "ns"), "metadata", "LC80630182016216LGN00",
                           "landsat", "L8")  # fmt: skip
    transform = Affine(15, 0, 465_067.5, 0, -15, 6_681_577.5)
    return ScenePair(image, image, valid, valid, transform, crs, (taken[0], taken[1]), names=("a.tif", "b.tif"))


def make_offsets(pair: ScenePair, *, seed: int = 0) -> Offsets:
    """Return a shift of (0.3, -0.2) px everywhere, and a glacier that moves 4 px to the right and 2 down."""
    row, column = (lattice_centres(size, SPACING) for size in pair.shape)
    shape = (row.size, column.size)
    rng = np.random.default_rng(seed)
    dx, dy = 0.3 + 0.02 * rng.standard_normal(shape), -0.2 + 0.02 * rng.standard_normal(shape)
    dx[shape[0] // 2 :] += 4.0
    dy[shape[0] // 2 :] += 2.0
    status = np.zeros(shape, np.uint8)
    status[:, 0] = 4
    dx[:, 0] = dy[:, 0] = np.nan
    filled = np.zeros(shape, bool)
    filled[20, 20], status[20, 20] = True, 32

    def layer(value: float) -> np.ndarray:
        return np.where(np.isfinite(dx), value, np.nan).astype(np.float32)

    chip = np.where(np.isfinite(dx), 24, 0).astype(np.uint16)
    return Offsets(
        row, column, dx.astype(np.float32), dy.astype(np.float32), layer(0.05), layer(0.04), layer(0.8), layer(0.4),
        chip, np.full(shape, 9, np.uint16), status, filled, layer(5.0), layer(0.001), layer(-0.1),
        layer(-0.2),
    )  # fmt: skip


@pytest.fixture
def pair() -> ScenePair:
    return make_pair()


@pytest.fixture
def offsets(pair: ScenePair) -> Offsets:
    return make_offsets(pair)


@pytest.fixture
def granule_of() -> Callable[..., xr.Dataset]:
    """Return a maker of a granule whose upper half is rock."""

    def make(pair: ScenePair | None = None, **options: Any) -> xr.Dataset:
        used = pair or make_pair()
        offsets = make_offsets(used, seed=options.pop("seed", 0))
        ground = np.zeros(offsets.shape, np.uint8)
        ground[: offsets.shape[0] // 2 - 1] = LAND
        raw = lay_out(used, offsets, parameters=TrackParameters(spacing=SPACING, radius=9), ground=ground, log=["made"])
        return add_velocity(raw, **options)

    return make
