"""The same bits, whatever holds the cube and whoever computes."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

from altiflow import (
    invert_displacements,
    lowess,
    mean_of_speeds,
    mid_date_mean,
    reject_locked,
    reject_outliers,
    running_mean,
    weighted_mean,
)

WAYS = {
    "annual": lambda cube: invert_displacements(cube, model="annual"),
    "seasonal": lambda cube: invert_displacements(cube, model="seasonal", level="trend", outlier_mad=3.0),
    "quarterly": lambda cube: invert_displacements(cube, "QS", smooth=1e-4),
    "cyclic": lambda cube: invert_displacements(cube, model="cyclic"),
    "annual, numpy": lambda cube: invert_displacements(cube, model="annual", engine="numpy"),
    "seasonal, numpy": lambda cube: invert_displacements(cube, model="seasonal", level="trend", engine="numpy"),
    "cyclic, numpy": lambda cube: invert_displacements(cube, model="cyclic", engine="numpy"),
    "weighted": lambda cube: weighted_mean(cube, "YS"),
    "mid_date": lambda cube: mid_date_mean(cube, "QS", weights="inverse_variance"),
    "speeds": lambda cube: mean_of_speeds(cube, "YS"),
    "outliers": lambda cube: reject_outliers(cube, window_days=200),
    "locked": lambda cube: reject_locked(cube),
    "running": lambda cube: running_mean(cube, step_days=90, window_days=120),
    "medians": lambda cube: running_mean(cube, step_days=90, window_days=120, statistic="median"),
    "lowess": lambda cube: lowess(cube, np.array(["2001-01-01", "2002-01-01"], "M8[ns]"), span_days=300),
}


@pytest.fixture(scope="module")
def cube(make_cube, seasonal_pairs):
    """Return a cube of 11 x 13 pixels: full ones, sparse ones, empty ones."""
    rng = np.random.default_rng(11)
    start, end, mean, sigma = seasonal_pairs(rng, 260)
    shape = (260, 11, 13)
    errors = sigma[:, None, None] * rng.uniform(0.8, 1.2, shape)
    vx = mean[:, None, None] + rng.normal(size=shape) * errors
    vx[rng.uniform(size=shape) < 0.05] = 8000.0
    vy = rng.normal(300, 50, shape)
    gone = rng.uniform(size=shape) > np.linspace(0.0, 1.1, 13)
    vx[gone], vy[gone] = np.nan, np.nan
    return make_cube(start, end, vx.astype("f4"), vy.astype("f4"), errors.astype("f4"))


def same(first, second):
    """Raise unless two Datasets have the same variables, bit for bit."""
    assert set(first.data_vars) == set(second.data_vars)
    for name in first.data_vars:
        one, two = first[name].values, second[name].values
        assert one.dtype == two.dtype, name
        assert np.array_equal(one, two, equal_nan=one.dtype.kind == "f"), name


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("chunks", [{"time": 40, "y": 4, "x": 5}, {"time": -1, "y": 11, "x": 3}])
def test_dask_chunks_change_no_bit_and_stay_lazy(cube, way, chunks):
    pytest.importorskip("dask.array")
    lazy = WAYS[way](cube.chunk(chunks))
    for name in lazy.data_vars:
        assert lazy[name].chunks is not None, name
    same(lazy.compute(), WAYS[way](cube))


@pytest.mark.parametrize("way", ["annual", "annual, numpy", "seasonal", "seasonal, numpy", "quarterly", "weighted"])
def test_pixels_alone_or_in_another_order_keep_their_bits(cube, way):
    whole = WAYS[way](cube)
    same(whole.isel(y=slice(2, 5), x=slice(1, 9)), WAYS[way](cube.isel(y=slice(2, 5), x=slice(1, 9))))
    same(whole.isel(y=slice(None, None, -1)), WAYS[way](cube.isel(y=slice(None, None, -1))))


@pytest.mark.parametrize("way", ["seasonal", "seasonal, numpy", "weighted"])
def test_a_stored_cube_is_read_in_blocks(cube, way, tmp_path, monkeypatch):
    path = tmp_path / "cube.nc"
    encoding = {name: {"chunksizes": (50, 4, 4)} for name in ("vx", "vy")}
    cube.drop_encoding().to_netcdf(path, engine="h5netcdf", encoding=encoding)
    with xr.open_dataset(path, engine="h5netcdf", chunks=None) as stored:
        monkeypatch.setattr("altiflow.gridding.cubes.blocks._BLOCK", 64 * cube.sizes["time"])
        same(WAYS[way](stored), WAYS[way](cube))


@pytest.mark.parametrize("size", [1, 2**15])
def test_sizes_of_panels_change_no_bit(cube, size, monkeypatch):
    expected = {way: WAYS[way](cube) for way in ("seasonal", "seasonal, numpy", "cyclic", "cyclic, numpy", "weighted")}
    monkeypatch.setattr("altiflow.gridding.cubes.blocks._PANEL", size)
    for way, answer in expected.items():
        same(WAYS[way](cube), answer)


SCRIPT = """
import sys, pickle, hashlib
import numpy as np
from altiflow import invert_displacements, weighted_mean
with open(sys.argv[1], "rb") as file:
    cube = pickle.load(file)
digest = hashlib.sha256()
batched = [invert_displacements(cube, engine="numpy", **told) for told in ({"model": "cyclic"}, {"periods": "MS"})]
for result in (*batched, invert_displacements(cube, "MS"), weighted_mean(cube, "YS")):
    for name in sorted(result.data_vars):
        digest.update(np.ascontiguousarray(result[name].values).tobytes())
print(digest.hexdigest())
"""


def test_threads_of_blas_change_no_bit(cube, tmp_path):
    path = tmp_path / "cube.pickle"
    path.write_bytes(pickle.dumps(cube))
    command, running = [sys.executable, "-c", SCRIPT, str(path)], []
    for threads in ("1", "5"):
        told = os.environ | {"OPENBLAS_NUM_THREADS": threads, "PYTHONPATH": os.pathsep.join(sys.path)}
        running.append(subprocess.Popen(command, env=told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))
    said = [one.communicate() for one in running]
    assert all(one.returncode == 0 for one in running), said
    assert said[0][0] == said[1][0]
