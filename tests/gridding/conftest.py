"""Small segment tables for the gridding tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest

from altiflow.gridding.grid import Grid

CRS = "EPSG:6931"


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
