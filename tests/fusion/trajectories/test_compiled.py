"""Steps compiled by numba and those of numpy."""

from __future__ import annotations

import numpy as np
import pytest

from altiflow.errors import InputError
from altiflow.fusion.trajectories import advect_arrays, motion_of

AXIS = np.arange(-5e5, 5.1e5, 25e3)


@pytest.fixture
def motion(make_field):
    random = np.random.default_rng(5)
    shape = (6, AXIS.size, AXIS.size)
    vx, vy = random.normal(0, 9, (2, *shape))
    vx[random.uniform(size=shape) < 0.01] = np.nan
    starts = np.datetime64("2020-01-01") + 3 * np.arange(6) * np.timedelta64(1, "D")
    bounds = np.stack([starts, starts + np.timedelta64(3, "D")], axis=-1)
    field = make_field(vx, vy, x=AXIS, y=AXIS[::-1], units="km d-1", crs="EPSG:6931", bounds=bounds)
    return motion_of(field)


@pytest.mark.parametrize("scheme", ["rk4", "midpoint", "euler"])
def test_both_engines_give_the_same_bits(motion, scheme):
    pytest.importorskip("numba")
    random = np.random.default_rng(6)
    x, y = random.uniform(-5.3e5, 5.3e5, (2, 3000))
    # On the very centres and rims of cells too, where neighbours have no weight.
    x[:400], y[200:600] = random.choice(AXIS, 400), random.choice(AXIS, 400)
    start, end = 6.3114e8 + random.uniform(-2, 20, (2, 3000)) * 86400
    numpy, numba = (advect_arrays(motion, x, y, start, end, scheme=scheme, engine=e) for e in ("numpy", "numba"))
    assert np.bincount(numpy.status, minlength=4).min() > 10
    for name in ("x", "y", "seconds", "status", "path_m", "distance_m"):
        assert np.array_equal(getattr(numpy, name), getattr(numba, name)), name


def test_an_engine_that_is_none_is_refused(motion):
    one = np.zeros(1)
    with pytest.raises(InputError, match="engine must be"):
        advect_arrays(motion, one, one, one, one, engine="fortran")
    with pytest.raises(InputError, match="longest step"):
        advect_arrays(motion, one, one, one, one, dt=0.0)
