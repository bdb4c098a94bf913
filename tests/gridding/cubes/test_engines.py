"""The two engines of displacement least squares: one answer, the same pairs rejected, the same gaps."""

from __future__ import annotations

import numpy as np
import pytest

from altiflow import invert_displacements
from altiflow.errors import InputError

numba = pytest.importorskip("numba")

COUNTS = ("count", "n_pairs", "n_rejected", "n_without_sigma")
WAYS = (
    {"model": "annual"},
    {"model": "annual", "outlier_mad": None},
    {"model": "seasonal", "outlier_mad": 3.0},
    {"model": "seasonal", "level": "trend", "weights": "velocity"},
    {"model": "cyclic", "smooth": 1e-5},
    {"periods": "QS", "min_pairs": 2, "outlier_mad": None},
    {"periods": "QS", "smooth": 1e-4, "weights": "constant", "displacement_sigma": 15.0},
    {"periods": "QS", "outlier_mad": 0.4},
)


@pytest.fixture(scope="module", params=["float32", "float64", "layers", "ragged"])
def cube(request, make_cube, seasonal_pairs):
    """Return a cube of full, sparse and empty pixels, with sigmas for each value or each layer, some missing."""
    rng = np.random.default_rng(17)
    start, end, mean, sigma = seasonal_pairs(rng, 300)
    shape = (300, 7, 9)
    errors = sigma[:, None, None] * rng.uniform(0.8, 1.2, shape)
    vx = mean[:, None, None] + rng.normal(size=shape) * errors
    vy = rng.normal(300, 50, shape)
    vx[rng.uniform(size=shape) < 0.05] = 8000.0
    vx[rng.uniform(size=shape) > np.linspace(0.0, 1.1, 9)] = np.nan
    vy[rng.uniform(size=shape) < 0.05] = np.nan
    errors[rng.uniform(size=shape) < 0.03] = np.nan
    errors[rng.uniform(size=shape) < 0.01] = 0.0
    if request.param == "layers":
        return make_cube(start, end, vx, vy, np.where(rng.uniform(size=300) < 0.05, np.nan, sigma))
    kind = "f8" if request.param == "float64" else "f4"
    made = make_cube(start, end, vx.astype(kind), vy.astype(kind), errors.astype("f8" if kind == "f8" else "f4"))
    return made.isel(y=slice(None, None, -2), x=slice(None, None, 2)) if request.param == "ragged" else made


@pytest.mark.parametrize("way", WAYS, ids=str)
def test_the_engines_give_one_answer(cube, way):
    batched, compiled = (invert_displacements(cube, engine=engine, **way) for engine in ("numpy", "numba"))
    assert set(batched.data_vars) == set(compiled.data_vars)
    for name in batched.data_vars:
        one, two = batched[name].values, compiled[name].values
        assert one.dtype == two.dtype, name
        if name in COUNTS:
            assert np.array_equal(one, two), name
        else:
            assert np.array_equal(np.isnan(one), np.isnan(two)), name
            scale = float(np.nanmax(np.abs(one), initial=0.0))
            assert np.nanmax(np.abs(one - two), initial=0.0) <= 1e-9 * scale, name
    assert (batched["n_pairs"] > 50).any()


def test_an_engine_that_is_not_known_is_refused(cube):
    with pytest.raises(InputError, match="engine must be"):
        invert_displacements(cube, model="annual", engine="fortran")


def test_medians_by_selection_are_those_of_numpy():
    from altiflow.gridding.cubes.inversion.compiled.medians import median

    rng = np.random.default_rng(18)
    for size in (1, 2, 3, 16, 17, 18, 127, 128, 129, 383, 384, 385, 1000, 5001):
        kinds = (
            rng.normal(size=size),
            rng.integers(0, 4, size).astype(float),
            np.sort(rng.normal(size=size)),
            np.abs(np.arange(size) - size / 2),
            np.zeros(size),
            np.where(rng.uniform(size=size) < 0.4, 1e9, rng.normal(size=size)),
            rng.normal(size=size) ** 9,
            np.repeat([-1.0, 2.0], size)[size // 2 : size // 2 + size],
            np.where(np.arange(size) % max(size // 16, 1), rng.normal(size=size), -50.0),
            1e-300 * rng.normal(size=size),
        )
        for values in kinds:
            assert median(values.copy(), np.empty(size)) == pytest.approx(np.median(values), rel=1e-15, abs=0)
    assert np.isnan(median(np.empty(0), np.empty(0)))


def test_sums_stay_within_the_band_where_layers_of_unlike_reach_share_a_group(cube, monkeypatch):
    from altiflow.gridding.cubes.inversion.compiled import fits, sums, work

    held = {}
    real = fits.fit_pixels

    def keep(model, start, stop, lists, *others):
        held.setdefault("args", (model, start.copy(), stop.copy(), lists))
        real(model, start, stop, lists, *others)

    monkeypatch.setattr(fits, "fit_pixels", keep)
    invert_displacements(cube, "MS", engine="numba", outlier_mad=None)
    model, start, stop, lists = held["args"]
    pixel = int(np.argmax(stop - start))
    room = work.make_work(model, stop[pixel] - start[pixel])
    work.load_pairs(model, lists, start[pixel], stop[pixel], room)
    sums.activate(room, stop[pixel] - start[pixel])
    reach = max(int(np.ptp(model.column[a:b].astype(int))) for a, b in zip(model.begin, model.begin[1:], strict=False))
    # Arrays that are not compiled refuse what lies beyond them.
    sums.add_products.py_func(model, room)
    assert np.isfinite(room.normal).all()
    assert reach >= 1


def test_small_cubes_are_not_compiled_for_and_large_ones_are(cube, monkeypatch):
    from altiflow.gridding.cubes.inversion import displacements

    def differing() -> list[str]:
        engines = [invert_displacements(cube, model="annual", engine=engine) for engine in ("auto", "numpy", "numba")]
        return [name for name, one in zip(("numpy", "numba"), engines[1:], strict=True) if not engines[0].equals(one)]

    assert differing() == ["numba"]
    monkeypatch.setattr(displacements, "_MANY", cube.vx.size)
    assert differing() == ["numpy"]
