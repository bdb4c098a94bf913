"""Peers that group rows of a table: geopandas, pandas, polars, DuckDB and Arrow."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from benchmarks.candidates.points import (
    COLS,
    CRS,
    EDGE,
    WIDTH,
    Candidate,
    Cells,
    Points,
    cell_numbers,
    cells_from_sums,
    weighted,
)

__all__ = ["TABLES"]

SUMS = ("n", "w", "wh", "whh")


def _same(points: Points) -> Points:
    return points


def _columns(points: Points) -> dict[str, Any]:
    return {
        "longitude": points.longitude,
        "latitude": points.latitude,
        "length": points.length,
        "freeboard": points.freeboard,
    }


def _from_frame(found: Any) -> Cells:
    """Return the answer in a table with columns cell, n, w, wh, whh."""
    return cells_from_sums(*(np.asarray(found[name]) for name in ("cell", *SUMS)))


def _geo_frame(points: Points) -> Any:
    import geopandas as gpd

    geometry = gpd.points_from_xy(points.longitude, points.latitude)
    columns = {"length": points.length, "freeboard": points.freeboard}
    return gpd.GeoDataFrame(columns, geometry=geometry, crs="EPSG:4326")


def _geopandas(frame: Any) -> Any:
    moved = frame.to_crs(CRS)
    moved["row"] = np.floor((EDGE - moved.geometry.y) / WIDTH).astype("int64")
    moved["col"] = np.floor((moved.geometry.x + EDGE) / WIDTH).astype("int64")
    moved["w"] = moved["length"].astype(float)
    moved["wh"] = moved["w"] * moved["freeboard"].astype(float)
    moved["whh"] = moved["wh"] * moved["freeboard"].astype(float)
    groups = moved.groupby(["row", "col"])
    return groups[["w", "wh", "whh"]].sum().assign(n=groups.size())


def _geopandas_cells(found: Any) -> Cells:
    found = found.reset_index()
    return _from_frame(found.assign(cell=found["row"] * COLS + found["col"]))


def _point_loop(frame: Any) -> Any:
    moved = frame.to_crs(CRS)
    points = zip(moved.geometry.x, moved.geometry.y, strict=True)
    moved["cell"] = [_point_cell(x, y) for x, y in points]
    return moved.groupby("cell")[["length", "freeboard"]].mean()


def _point_cell(x: float, y: float) -> float:
    """Return the cell of one point, the grid made and turned over for each."""
    from affine import Affine

    col, row = ~Affine.from_gdal(-EDGE, WIDTH, 0.0, EDGE, 0.0, -WIDTH) @ (x, y)
    return np.floor(row) * COLS + np.floor(col)


def _point_loop_cells(found: Any) -> Cells:
    found = found.reset_index()
    cell = found["cell"].to_numpy().astype(np.int64)
    return Cells(cell, weight_mean=found["length"].to_numpy(float), mean=found["freeboard"].to_numpy(float))


def _pandas(points: Points) -> Any:
    import pandas as pd

    length, first, second = weighted(points)
    frame = pd.DataFrame({"cell": cell_numbers(points), "w": length, "wh": first, "whh": second}, copy=False)
    groups = frame.groupby("cell", sort=False)
    return groups.sum().assign(n=groups.size())


def _pandas_cells(found: Any) -> Cells:
    return _from_frame(found.reset_index())


def _polars_frame(points: Points) -> Any:
    import polars as pl

    return points, pl.DataFrame(_columns(points))


def _polars(given: Any) -> Any:
    import polars as pl

    points, frame = given
    length, freeboard = pl.col("length").cast(pl.Float64), pl.col("freeboard").cast(pl.Float64)
    lazy = frame.lazy().with_columns(cell=pl.Series(cell_numbers(points)))
    return (
        lazy.group_by("cell")
        .agg(
            n=pl.len(),
            w=length.sum(),
            wh=(length * freeboard).sum(),
            whh=(length * freeboard * freeboard).sum(),
        )
        .collect()
    )


def _arrow(points: Points) -> Any:
    import pyarrow as pa

    length, first, second = weighted(points)
    table = pa.table({"cell": cell_numbers(points), "w": length, "wh": first, "whh": second})
    asked = [("w", "count"), ("w", "sum"), ("wh", "sum"), ("whh", "sum")]
    return table.group_by("cell").aggregate(asked).rename_columns(["cell", *SUMS])


def equal_area_sql() -> str:
    """Return SQL that grids a table `points` by the south polar Lambert azimuthal equal-area formula itself.

    Snyder (1987), USGS Professional Paper 1395: q of equation 3-12, rho^2 = a^2 (q_pole + q) for the south pole,
    x = rho sin(longitude), y = rho cos(longitude).
    """
    axis, flattening = 6_378_137.0, 1.0 / 298.257223563
    squared = flattening * (2.0 - flattening)
    e = math.sqrt(squared)
    pole = 1.0 - (1.0 - squared) / (2.0 * e) * math.log((1.0 - e) / (1.0 + e))
    q = f"{1.0 - squared!r} * (s / (1 - {squared!r} * s * s) - ln((1 - {e!r} * s) / (1 + {e!r} * s)) / {2.0 * e!r})"
    width, edge = f"{WIDTH!r}::DOUBLE", f"{EDGE!r}::DOUBLE"
    return f"""
        WITH turned AS (
            SELECT sin(radians(latitude)) AS s, radians(longitude) AS turn,
                   length::DOUBLE AS w, freeboard::DOUBLE AS h FROM points
        ), placed AS (
            SELECT {axis!r}::DOUBLE * sqrt({pole!r}::DOUBLE + {q}) AS rho, turn, w, h FROM turned
        )
        SELECT floor(({edge} - rho * cos(turn)) / {width})::BIGINT * {COLS}
               + floor((rho * sin(turn) + {edge}) / {width})::BIGINT AS cell,
               count(*) AS n, sum(w) AS w, sum(w * h) AS wh, sum(w * h * h) AS whh
        FROM placed GROUP BY 1"""


def _duck(points: Points) -> Any:
    import duckdb
    import pyarrow as pa

    connection = duckdb.connect()
    connection.register("points", pa.table(_columns(points)))
    return connection


def _duckdb(connection: Any) -> Any:
    return connection.execute(equal_area_sql()).fetchnumpy()


GEO = ("geopandas", "shapely")
TABLES = (
    Candidate(
        "point-loop",
        "to_crs, a Python loop with one ~Affine a point, groupby mean",
        (*GEO, "affine"),
        _geo_frame,
        _point_loop,
        _point_loop_cells,
        cap=1_000_000,
        note="GeoDataFrame given; gives plain means only, so its mean freeboard is another quantity",
    ),
    Candidate(
        "geopandas",
        "geopandas vectorised: to_crs, floor, groupby sum",
        GEO,
        _geo_frame,
        _geopandas,
        _geopandas_cells,
        cap=10_000_000,
        note="GeoDataFrame given",
    ),
    Candidate("pandas", "pandas groupby (pyproj)", ("pandas",), _same, _pandas, _pandas_cells),
    Candidate("polars", "polars group_by (pyproj)", ("polars",), _polars_frame, _polars, _from_frame),
    Candidate("pyarrow", "pyarrow group_by (pyproj)", ("pyarrow",), _same, _arrow, _from_frame),
    Candidate(
        "duckdb",
        "DuckDB SQL, projection in SQL (all cores)",
        ("duckdb", "pyarrow"),
        _duck,
        _duckdb,
        _from_frame,
        note="Arrow table given",
    ),
)
