"""The window, the errors, the units and the gaps of strain rates."""

from __future__ import annotations

import numpy as np
import pytest

from altiflow.errors import FieldError, InputError, ScienceWarning
from altiflow.fusion.kinematics import STRAIN_NAMES, strain_rates
from altiflow.fusion.kinematics.planes import Window, fit_layer
from altiflow.gridding.cubes import convert_field
from altiflow.gridding.grids.grid import Grid

SPACING = 500.0
AXIS = (np.arange(13) - 6) * SPACING


def middle(found, name):
    return found[name].values[0, 6, 6]


@pytest.mark.parametrize("options", [{}, {"window": 5}, {"fit": "central"}, {"window_m": 3500.0}])
def test_prescribed_tensor(make_linear, options):
    """(Spec test 16) Every quantity of one gradient, written out."""
    a, b, c, d = 3e-3, 5e-3, -1e-3, -7e-3
    found = strain_rates(make_linear([[a, b], [c, d]]), **options)
    shear = np.hypot(a - d, b + c)
    expected = {
        "divergence": a + d, "shear": shear, "vorticity": c - b, "total_deformation": np.hypot(a + d, shear),
        "e_xx": a, "e_yy": d, "e_xy": (b + c) / 2, "principal_1": (a + d + shear) / 2,
        "principal_2": (a + d - shear) / 2, "effective": np.sqrt((a**2 + d**2) / 2 + ((b + c) / 2) ** 2),
        "effective_incompressible": np.sqrt((a**2 + d**2 + (a + d) ** 2) / 2 + ((b + c) / 2) ** 2),
    }  # fmt: skip
    for name, value in expected.items():
        assert middle(found, name) == pytest.approx(value, rel=1e-5), name
    strain = np.array([[a, (b + c) / 2], [(b + c) / 2, d]])
    along = np.array([3.0, -2.0]) / np.hypot(3, 2)
    left = np.array([-along[1], along[0]])
    for name, value in (
        ("longitudinal", along @ strain @ along),
        ("transverse", left @ strain @ left),
        ("flow_shear", along @ strain @ left),
    ):
        assert middle(found, name) == pytest.approx(value, rel=1e-4), name
    values, vectors = np.linalg.eigh(strain)
    assert middle(found, "principal_1") == pytest.approx(values[1], rel=1e-5)
    direction = np.radians(middle(found, "principal_direction"))
    assert abs(np.cos(direction) * vectors[0, 1] + np.sin(direction) * vectors[1, 1]) == pytest.approx(1, abs=1e-6)


def test_planes_are_exact_on_planes_with_and_without_holes():
    x, y = np.meshgrid(AXIS, AXIS)
    values = np.stack([1e3 + 2e-3 * x - 5e-3 * y, -4e-3 * x + 1e-3 * y])
    for holes in ((), ((4, 4), (7, 8), (2, 9))):
        holed = values.copy()
        for row, col in holes:
            holed[:, row, col] = np.nan
        index, count, planes = fit_layer(holed, None, Window(5, 5, (SPACING, SPACING), "plane", 0.6))
        assert planes.terms[0, :, 1:] == pytest.approx(np.tile([2e-3, -5e-3], (index.size, 1)), rel=1e-9)
        assert planes.terms[1, :, 0] == pytest.approx(values[1].ravel()[index], abs=1e-9)
        assert count[6, 6] == 25 - sum(abs(row - 6) <= 2 and abs(col - 6) <= 2 for row, col in holes)


def test_planes_equal_least_squares_cell_by_cell():
    random = np.random.default_rng(3)
    values = random.normal(size=(2, 9, 8))
    values[:, 4, 4], values[0, 2, 5] = np.nan, np.nan
    index, _, planes = fit_layer(values, np.abs(values), Window(5, 3, (2.0, 3.0), "plane", 0.7))
    assert index.size > 10
    for place, cell in enumerate(index):
        row, col = divmod(int(cell), 8)
        near = [(i, j) for i in range(row - 2, row + 3) for j in range(col - 1, col + 2) if 0 <= i < 9 and 0 <= j < 8]
        near = [(i, j) for i, j in near if np.isfinite(values[:, i, j]).all()]
        design = np.array([[1.0, (j - col) * 2.0, (i - row) * 3.0] for i, j in near])
        for part in (0, 1):
            seen = np.array([values[part, i, j] for i, j in near])
            solver = np.linalg.pinv(design)
            assert planes.terms[part, place] == pytest.approx(solver @ seen, abs=1e-9)
            spread = solver @ np.diag(np.abs(seen)) @ solver.T
            assert planes.covariance[part, place] == pytest.approx(spread, abs=1e-9)


def test_sigma_of_differences_and_planes(make_linear):
    """(Spec 2.6, 3.7) sigma_divergence = s / d and sigma_e = s / (d sqrt 2) by differences, sqrt 3 less by planes."""
    field = make_linear([[1e-3, 0], [0, 2e-3]], sigma=0.3)
    central = strain_rates(field, fit="central")
    assert middle(central, "divergence_sigma") == pytest.approx(0.3 / SPACING, rel=1e-6)
    assert middle(central, "e_xx_sigma") == pytest.approx(0.3 / (np.sqrt(2) * SPACING), rel=1e-6)
    assert middle(strain_rates(field), "e_xx_sigma") == pytest.approx(0.3 / (np.sqrt(6) * SPACING), rel=1e-6)
    eleven = 0.3 / (SPACING * np.sqrt(110 * 11))
    assert middle(strain_rates(field, window=11), "e_xx_sigma") == pytest.approx(eleven, rel=1e-6)
    assert "e_xx_sigma" not in strain_rates(make_linear([[1e-3, 0], [0, 2e-3]]))


def test_sigma_is_the_scatter_of_noisy_fields(make_linear):
    """All quantities, with different errors of the two components."""
    random = np.random.default_rng(5)
    calm = make_linear([[3e-3, 5e-3], [-1e-3, -7e-3]])
    noisy = make_linear([[3e-3, 5e-3], [-1e-3, -7e-3]], sigma=0.2)
    noisy["vy_sigma"] = noisy["vy_sigma"] * 0 + 0.05
    stated = strain_rates(noisy)
    draws = {name: [] for name in STRAIN_NAMES if name != "principal_direction"}
    x = slice(5, 8)
    for _ in range(150):
        field = calm.isel(x=x, y=x).copy(deep=True)
        field["vx"] += random.normal(0, 0.2, (1, 3, 3))
        field["vy"] += random.normal(0, 0.05, (1, 3, 3))
        found = strain_rates(field, names=list(draws))
        for name, values in draws.items():
            values.append(found[name].values[0, 1, 1])
    for name, values in draws.items():
        assert np.std(values) == pytest.approx(middle(stated, f"{name}_sigma"), rel=0.25), name


def test_ice_edge_has_no_one_sided_differences(make_linear):
    field = make_linear([[1e-3, 0], [0, 2e-3]])
    field["vx"][0, 6, 9:] = np.nan
    for options in ({}, {"fit": "central"}):
        found = strain_rates(field, **options)
        assert np.isfinite(found["divergence"].values[0, 6, 7])
        assert np.isnan(found["divergence"].values[0, 6, 8:]).all()
        assert np.isnan(found["divergence"].values[0, [0, -1]]).all()
    assert found["n_valid"].values[0, 6, 8] == 8
    loose = strain_rates(field, min_valid=0.6)
    assert loose["e_yy"].values[0, 6, 8] == pytest.approx(2e-3, rel=1e-5)
    assert np.isnan(loose["e_yy"].values[0, 6, 9])


def test_invalid_cells_do_not_count(make_linear):
    field = make_linear([[1e-3, 0], [0, 2e-3]])
    valid = np.ones((1, 13, 13), bool)
    valid[0, 2, 2] = False
    field["valid"] = (("time", "y", "x"), valid)
    assert np.isnan(strain_rates(field)["divergence"].values[0, 1:4, 1:4]).all()


def test_order_of_rows_changes_no_bit(make_linear):
    """(Spec test 28)."""
    random = np.random.default_rng(1)
    field = make_linear([[1e-3, 0], [0, 2e-3]], sigma=0.1)
    field["vx"] += random.normal(size=field["vx"].shape)
    up, down = strain_rates(field), strain_rates(field.isel(y=slice(None, None, -1)))
    assert down["y"].values[0] > down["y"].values[-1]
    assert up.drop_vars("crs").identical(down.isel(y=slice(None, None, -1)).drop_vars("crs"))
    assert Grid.from_dataset(up) == Grid.from_dataset(down)


def test_blocks_of_rows_change_no_bit(make_linear, monkeypatch):
    random = np.random.default_rng(2)
    field = make_linear([[1e-3, 0], [0, 2e-3]], sigma=0.1, velocity_metric="ground")
    field["vx"] += random.normal(size=field["vx"].shape)
    whole = strain_rates(field, window=5)
    monkeypatch.setattr("altiflow.fusion.kinematics.strain._CELLS", 13 * 2)
    assert whole.identical(strain_rates(field, window=5))


@pytest.mark.parametrize(
    ("stated", "units", "expected", "out"),
    [
        ({"units": "m yr-1", "year_days": 365.25}, None, 1e-3, "yr-1"),
        ({"units": "m yr-1", "year_days": 365.0}, None, 1e-3 * 365.25 / 365, "yr-1"),
        ({"units": "m yr-1", "year_days": 365.25}, "d-1", 1e-3 / 365.25, "d-1"),
        ({"units": "cm s-1"}, None, 1e-5, "s-1"),
        ({"units": "km d-1"}, None, 1.0, "d-1"),
    ],
)
def test_units(make_linear, stated, units, expected, out):
    found = strain_rates(make_linear([[1e-3, 0], [0, 0]], **stated), units=units)
    assert found["e_xx"].attrs["units"] == out
    assert middle(found, "e_xx") == pytest.approx(expected, rel=1e-6)
    assert found["principal_direction"].attrs["units"] == "degrees"


def test_wider_window_for_components_in_whole_metres_per_year(make_field):
    cell = (np.arange(41) - 20) * 120.0
    x, y = np.meshgrid(cell, cell)
    smooth = make_field(100 + 0.01 * x, 5e-3 * y, x=cell, y=cell, crs="EPSG:6931", units="m yr-1", year_days=365.25)
    rounded = smooth.assign(vx=smooth["vx"].round(), vy=smooth["vy"].round())
    assert strain_rates(smooth).attrs["window"] == "3 x 3 cells, 360 x 360 m (the smallest)"
    found = strain_rates(rounded)
    assert found.attrs["window"].startswith("11 x 11 cells, 1320 x 1320 m (components come in whole m yr-1")
    with pytest.warns(ScienceWarning, match=r"9\.8e-04 per year over the window of 360 m"):
        narrow = strain_rates(rounded, window=3)
    noise = [float(np.nanstd(each["e_xx"].values)) for each in (found, narrow)]
    assert noise[0] < noise[1] / 3


def test_displacement_is_divided_by_its_interval(make_linear):
    moved = make_linear([[2e-3, 0], [0, 0]], units="m", velocity_kind="displacement", sigma=7.0)
    found = strain_rates(moved)
    assert found["e_xx"].attrs["units"] == "d-1"
    assert middle(found, "e_xx") == pytest.approx(2e-3 / 7, rel=1e-6)
    velocity = convert_field(moved)
    assert velocity["vx_sigma"].values == pytest.approx(1.0)
    assert convert_field(velocity) is velocity
    undated = moved.assign_coords(
        time=("time", np.array(["NaT"], "M8[ns]")), time_bnds=(("time", "nv"), np.array([["NaT", "NaT"]], "M8[ns]"))
    ).assign_attrs(time_rule="undated")
    with pytest.raises(FieldError, match="only over an interval"):
        strain_rates(undated)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"window": 4}, "odd number"),
        ({"window": 1}, "odd number"),
        ({"window": 3, "window_m": 1e3}, "not both"),
        ({"window_m": -1.0}, "length in metres"),
        ({"fit": "cubic"}, "'plane' or 'central'"),
        ({"fit": "central", "window": 5}, "has no window"),
        ({"min_valid": 0.2}, "share of the window"),
        ({"names": ["curl"]}, "names must be of"),
        ({"names": []}, "names must be of"),
        ({"units": "h-1"}, "units must be one of"),
    ],
)
def test_what_is_refused(make_linear, options, match):
    with pytest.raises(InputError, match=match):
        strain_rates(make_linear([[0, 0], [0, 0]]), **options)


def test_standing_ice_has_no_flow_direction(make_field):
    still = make_field(0.0, 0.0, x=AXIS[:5], y=AXIS[:5], crs="EPSG:6931", sigma=0.1)
    found = strain_rates(still)
    assert found["shear"].values[0, 2, 2] == 0
    assert np.isnan(found["longitudinal"].values[0, 2, 2])
    assert np.isnan(found["principal_direction"].values[0, 2, 2])
