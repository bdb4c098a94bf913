"""Small cubes and series of image pairs with a known truth, for the statistics in time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import xarray as xr

from altiflow.readers.field import build_field, check_series

EPOCH = np.datetime64("2000-01-01", "ns")
ATTRS = {
    "crs": "EPSG:3413",
    "units": "m yr-1",
    "velocity_metric": "map",
    "velocity_kind": "velocity",
    "time_rule": "interval_mean",
    "metric_source": "user",
    "year_days": 365.25,
    "source": "simulated",
}


def as_bounds(start: Any, end: Any) -> Any:
    """Return intervals (n, 2) from days since 2000-01-01."""
    return EPOCH + np.round(np.stack([start, end], axis=1) * 86400e9).astype("m8[ns]")


@pytest.fixture(scope="session")
def make_cube() -> Callable[..., xr.Dataset]:
    """Return a maker of cubes from starts and ends (days since 2000-01-01) and velocities (time, y, x)."""

    def make(start: Any, end: Any, vx: Any, vy: Any = None, sigma: Any = None, **more: Any) -> xr.Dataset:
        vx = np.asarray(vx)
        vy = vx if vy is None else np.asarray(vy)
        told = {
            "crs": 3413,
            "units": "m/yr",
            "year_days": 365.25,
            "velocity_metric": "map",
            "metric_source": "user",
            "source": "simulated",
        }
        return build_field(
            vx,
            vy,
            x=np.arange(vx.shape[2]) * 120.0,
            y=np.arange(vx.shape[1])[::-1] * 120.0,
            time_bnds=as_bounds(np.asarray(start, float), np.asarray(end, float)),
            vx_sigma=sigma,
            vy_sigma=sigma,
            **(told | more),
        )

    return make


@pytest.fixture(scope="session")
def make_series() -> Callable[..., xr.Dataset]:
    """Return a maker of series at points from starts and ends and velocities (time, point)."""

    def make(start: Any, end: Any, vx: Any, vy: Any, sigma: Any = None) -> xr.Dataset:
        bounds = as_bounds(np.asarray(start, float), np.asarray(end, float))
        parts: dict[str, Any] = {"vx": (("time", "point"), vx), "vy": (("time", "point"), vy)}
        if sigma is not None:
            parts |= {"vx_sigma": ("time", sigma), "vy_sigma": ("time", sigma)}
        coords = {
            "time": bounds[:, 0] + (bounds[:, 1] - bounds[:, 0]) // 2,
            "time_bnds": (("time", "nv"), bounds),
            "x": ("point", np.arange(vx.shape[1]) * 1e3),
            "y": ("point", np.arange(vx.shape[1]) * 2e3),
        }
        return check_series(xr.Dataset(parts, coords=coords, attrs=ATTRS))

    return make


@pytest.fixture(scope="session")
def seasonal_pairs() -> Callable[..., Any]:
    """Return a maker of start, end, mean velocity and sigma of pairs over 1000 + 300 sin(2 pi t) m/yr."""

    def make(rng: np.random.Generator, count: int = 3000, years: float = 3.0) -> Any:
        days = rng.choice([16.0, 32.0, 96.0, 180.0, 365.0], count)
        start = rng.uniform(0, years * 365.25, count)
        end = start + days
        return start, end, seasonal_mean(start, end), 20.0 * 16.0 / days

    return make


def seasonal_mean(start: Any, end: Any) -> Any:
    """Return the means of 1000 + 300 sin(2 pi t) over intervals, by the antiderivative."""
    turn = 2 * np.pi / 365.25
    return 1000 + 300 * (np.cos(turn * start) - np.cos(turn * end)) / (turn * (end - start))


@pytest.fixture(scope="session")
def month_truth() -> Any:
    """Return the means of 1000 + 300 sin(2 pi t) over the months of 2001 to 2003, averaged to 12."""
    edges = (np.arange("2000-01", "2003-02", dtype="M8[M]").astype("M8[ns]") - EPOCH) / np.timedelta64(1, "D")
    return seasonal_mean(edges[:-1], edges[1:])[:36].reshape(3, 12).mean(axis=0)


@pytest.fixture(params=["numpy", "numba"])
def either_engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Let invert_displacements take one engine, then the other, where it is left to choose."""
    if request.param == "numba":
        pytest.importorskip("numba")
    chosen = "altiflow.gridding.cubes.inversion.displacements.choose_engine"
    monkeypatch.setattr(chosen, lambda asked: request.param if asked == "auto" else asked)
    return str(request.param)
