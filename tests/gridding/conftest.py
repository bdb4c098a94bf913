"""Small segment tables for the gridding tests, simulated passes, and tallies compared to the bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.tally import Tally

CRS = "EPSG:6931"
BEAMS = ("gt1r", "gt2r", "gt3r")


@pytest.fixture(scope="session")
def grid() -> Grid:
    """Four by five cells of 1 km beside the pole, on x 10..15 km, y 20..24 km."""
    return Grid.from_bounds(CRS, (10e3, 20e3, 15e3, 24e3), 1e3)


@pytest.fixture(scope="session")
def make_table() -> Callable[..., gpd.GeoDataFrame]:
    """Return a maker of segment tables from map coordinates, values, lengths and more columns."""

    def make(x: Any, y: Any, freeboard: Any, length: Any = None, **columns: Any) -> gpd.GeoDataFrame:
        values = np.asarray(freeboard, float)
        lengths = np.ones(values.size) if length is None else np.asarray(length, float)
        content = {"freeboard": values, "segment_length": lengths, "time": pd.Timestamp("2020-01-15"), **columns}
        x, y = np.broadcast_to(x, values.shape), np.broadcast_to(y, values.shape)
        table = gpd.GeoDataFrame(content, geometry=gpd.points_from_xy(x, y), crs=CRS)
        table.attrs["altiflow"] = {
            "product": "ATL10",
            "units": {"freeboard": "m", "segment_length": "m"},
            "granules": ["a.h5", "b.h5"],
            "screens": {"fill": 3},
        }
        return table

    return make


@pytest.fixture(scope="session")
def make_passes() -> Callable[..., gpd.GeoDataFrame]:
    """Return a maker of tables: granules of three beams that run over the Arctic, some across midnight."""

    def make(granules: int = 4, rows: int = 700, seed: int = 0) -> gpd.GeoDataFrame:
        rng = np.random.default_rng(seed)
        parts = []
        for granule in range(granules):
            start = np.datetime64("2019-01-30T23:59:58", "us") + np.timedelta64(int(granule * 5.7 * 3600), "s")
            heading, origin = rng.uniform(0, 2 * np.pi), rng.uniform(-4e5, 4e5, 2)
            for number, beam in enumerate(BEAMS):
                length = np.clip(rng.lognormal(3.0, 0.5, rows), 10, 200).astype(np.float32)
                along = np.cumsum(length.astype(float) * 2.0)
                x = origin[0] + along * np.cos(heading) - 3300.0 * number * np.sin(heading)
                y = origin[1] + along * np.sin(heading) + 3300.0 * number * np.cos(heading)
                section = np.arange(rows) // 130 + 1
                parts.append(
                    pd.DataFrame(
                        {
                            "granule": f"ATL10-01_20190130{granule:02d}",
                            "beam": beam,
                            "time": start + (along / 7e3 * 1e6).astype("timedelta64[us]"),
                            "x": x,
                            "y": y,
                            "x_atc": along,
                            "segment_length": length,
                            "freeboard": rng.lognormal(-1.2, 0.6, rows).astype(np.float32),
                            "freeboard_sigma": rng.uniform(0.03, 0.05, rows).astype(np.float32),
                            "height": 3000.0 + rng.normal(0, 0.1, rows),
                            "refsurf_ndx": section.astype(np.int32),
                            "refsurf_sigma": (0.01 + 0.001 * section).astype(np.float32),
                        }
                    )
                )
        frame = pd.concat(parts, ignore_index=True)
        points = gpd.GeoSeries(gpd.points_from_xy(frame.x, frame.y), crs="EPSG:6931").to_crs("EPSG:4326")
        frame["longitude"], frame["latitude"] = points.x.to_numpy(), points.y.to_numpy()
        table = gpd.GeoDataFrame(frame.drop(columns=["x", "y"]), geometry=points, crs="EPSG:4326")
        table.attrs["altiflow"] = {
            "product": "ATL10",
            "title": "ICESat-2 L3A Sea Ice Freeboard",
            "units": {"freeboard": "m", "height": "m", "segment_length": "m"},
            "screens": {"fill_value": 3},
        }
        return table

    return make


@pytest.fixture(scope="session")
def bits() -> Callable[[Tally], tuple[object, ...]]:
    """Return what two tallies have in common if and only if they are the same to the bit."""

    def all_of(tally: Tally) -> tuple[object, ...]:
        return (
            tally.grid,
            tally.values,
            tally.weight,
            tally.options,
            tally.passes.names,
            tally.passes.rows.tobytes(),
            tally.passes.left_out.tobytes(),
            tally.records.states.tobytes(),
            tuple((name, detail.tobytes()) for name, detail in tally.records.details.items()),
            repr(sorted(tally.told.items())),
        )

    return all_of
