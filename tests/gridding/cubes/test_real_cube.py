"""Annual means of the real Tibet cube, against a loop in plain Python and numpy's singular values."""

from __future__ import annotations

import numpy as np
import pytest
import zarr

from altiflow import invert_displacements, reject_locked, weighted_mean
from altiflow.readers.field import build_field

YEARS = np.arange("2013", "2023", dtype="M8[Y]").astype("M8[ns]")
PIXELS = [(0, 2), (1, 1), (2, 5)]


@pytest.fixture(scope="module")
def tibet(data):
    """Return four by six pixels of the ITS_LIVE cube with all of its 47,892 pairs."""
    store = zarr.open(str(data("itslive/cube/single_glacier_itslive.zarr")), mode="r")
    rows, cols = slice(18, 22), slice(19, 25)
    parts = {}
    for name in ("vx", "vy"):
        packed = store[name][:, rows, cols]
        parts[name] = np.where(packed == -32767, np.nan, packed.astype(np.float32))
    moments = [(np.asarray(store[f"acquisition_date_img{image}"][:]) * 86400e9).astype("M8[ns]") for image in (1, 2)]
    return build_field(
        **parts,
        x=store["x"][cols],
        y=store["y"][rows],
        time_bnds=np.sort(np.stack(moments, axis=1), axis=1),
        crs=32646,
        units="m/yr",
        year_days=365.0,
        velocity_metric="map",
        metric_source="assumed",
        source="ITS_LIVE v2 cube",
        vx_sigma=np.asarray(store["vx_error"][:], float),
        vy_sigma=np.asarray(store["vy_error"][:], float),
    )


def test_annual_means_equal_a_loop_over_pairs(tibet):
    found = weighted_mean(tibet, YEARS)
    bounds = tibet["time_bnds"].values.astype("i8")
    edges = YEARS.astype("i8")
    for row, col in PIXELS:
        for year in (2, 5, 8):
            first, last = int(edges[year]), int(edges[year + 1])
            for name in ("vx", "vy"):
                values, sigmas = tibet[name].values[:, row, col], tibet[f"{name}_sigma"].values
                other = tibet["vy" if name == "vx" else "vx"].values[:, row, col]
                total, weighted, count = 0.0, 0.0, 0
                for i in np.flatnonzero(np.isfinite(values) & np.isfinite(other)):
                    start, end = int(bounds[i, 0]), int(bounds[i, 1])
                    overlap = min(end, last) - max(start, first)
                    if overlap <= 0 or overlap / (end - start) < 0.25:
                        continue
                    weight = overlap / (end - start) * overlap / (last - first) / float(sigmas[i]) ** 2
                    total += weight
                    weighted += weight * float(values[i])
                    count += 1
                at = {"time": year, "y": row, "x": col}
                assert found["count"].isel(at).item() == count
                assert count > 100
                assert found[name].isel(at).item() == pytest.approx(weighted / total, rel=1e-10)


def test_annual_inversion_equals_singular_values(tibet):
    found = invert_displacements(tibet, model="annual", outlier_mad=None)
    edges = found["time_bnds"].values.astype("i8")
    bounds = tibet["time_bnds"].values.astype("i8")
    shared = np.minimum(bounds[:, None, 1], edges[:, 1]) - np.maximum(bounds[:, None, 0], edges[:, 0])
    rows = np.maximum(shared, 0) / (bounds[:, 1] - bounds[:, 0])[:, None]
    for row, col in PIXELS:
        for name in ("vx", "vy"):
            values = tibet[name].values[:, row, col].astype(float)
            there = np.isfinite(values) & np.isfinite(tibet["vy" if name == "vx" else "vx"].values[:, row, col])
            sigma = tibet[f"{name}_sigma"].values[there]
            weighted = rows[there] / sigma[:, None]
            solved, _, rank, sizes = np.linalg.lstsq(weighted, values[there] / sigma, rcond=1e-10)
            _, _, vectors = np.linalg.svd(weighted, full_matrices=False)
            known = (np.abs(vectors[rank:]) < 1e-6).all(axis=0)
            mine = found[name].values[:, row, col]
            assert np.isfinite(mine).tolist() == known.tolist()
            assert mine[known] == pytest.approx(solved[known], rel=1e-7, abs=1e-7)
            assert found["n_pairs"].values[row, col] == there.sum()
            assert sizes[0] > 0


def test_slow_ice_keeps_most_of_its_pairs(tibet):
    clean = reject_locked(tibet)
    valid = np.isfinite(tibet["vx"].values).sum(axis=0)
    assert (clean["n_locked"].values + np.isfinite(clean["vx"].values).sum(axis=0) == valid).all()
