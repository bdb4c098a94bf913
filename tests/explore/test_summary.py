"""What `altiflow info` says of every kind of file that altiflow writes."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from altiflow.errors import UnsupportedFormatError
from altiflow.explore import describe_file
from altiflow.gridding import (
    Grid,
    TallyStore,
    tally_segments,
    write_cells,
    write_geotiffs,
    write_netcdf,
    write_sparse,
    write_tally,
    write_zarr,
)


@pytest.fixture(scope="module")
def tally():
    table = pd.DataFrame({"longitude": [0.0, 0, 45], "latitude": 80.0, "h": [1.0, 1, 3], "granule": "one"})
    table["time"] = pd.to_datetime(["2019-03-05", "2019-03-06", "2019-04-01"])
    return tally_segments(table, Grid.named("EASE2_N25km"), value="h", weight=None)


@pytest.fixture(scope="module")
def months(tally):
    return tally.to_dataset("MS", crop=True)


@pytest.mark.parametrize(
    ("write", "name"), [(write_netcdf, "m.nc"), (write_zarr, "m.zarr"), (write_sparse, "m.parquet")]
)
def test_a_grid_is_told_alike_in_every_format(months, tmp_path, write, name):
    path = tmp_path / name
    write(months, path)
    lines = describe_file(path).splitlines()
    assert lines[0] == name
    assert lines[1].startswith("  grid         ")
    assert "EPSG:6931" in lines[1]
    assert lines[2] == "  periods      2: 2019-03-01T00:00:00 to 2019-05-01T00:00:00"
    told = {line.split()[0]: line.split()[-4] for line in lines[4:]}
    assert (told["n_segments"], told["h_mean"], told["h_sigma_passes"]) == ("2", "2", "0")


def test_cells_and_rasters_are_told(months, tmp_path):
    cells = describe_file(write_cells(months, tmp_path / "cells.parquet"))
    assert "table        2 rows, CRS EPSG:6931" in cells
    raster = next(path for path in write_geotiffs(months, tmp_path) if path.stem == "h_mean")
    lines = describe_file(raster).splitlines()
    grid = Grid.from_dataset(months)
    assert lines[1] == f"  raster       {grid.shape[0]} rows x {grid.shape[1]} cols of 25000, CRS EPSG:6931"
    assert np.allclose([float(part) for part in lines[2].split(maxsplit=1)[1].split(", ")], grid.bounds)
    assert lines[4:] == ["  band 1       2019-03-01T00:00:00", "  band 2       2019-04-01T00:00:00"]


def test_a_tally_is_told_as_a_file_and_as_a_store(tally, tmp_path):
    write_tally(tally, tmp_path / "a.parquet")
    TallyStore.create(tmp_path / "store", tally)
    file, store = (describe_file(tmp_path / name).splitlines()[1:] for name in ("a.parquet", "store"))
    assert file == store
    assert file[0] == "  tally        h, weighted by nothing"


def test_a_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "note.txt").write_text("nothing")
    with pytest.raises(UnsupportedFormatError, match="is no granule, table or grid that is known"):
        describe_file(tmp_path)
