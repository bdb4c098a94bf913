"""Flux through gates, against integrals, other maps and sums by hand."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import shapely
import xarray as xr

from altiflow.errors import InputError, NoOverlapError
from altiflow.fusion.gates import Gate, Uncertain, area_flux, mass_flux, volume_flux
from altiflow.gridding.vectors import from_east_north, metric_matrix

AXIS = np.arange(-150.0, 151) * 1e3
CENTRE = (3e5, -1.5e6)
MONTH = 30.4375 * 86400.0


@pytest.fixture
def make_channel(make_field):
    """Return a maker of uniform eastward flow round CENTRE in m/s; each cell 1 km."""

    def make(vx=0.1, vy=0.0, **attrs):
        stated = {"crs": "EPSG:6931", "units": "m s-1", **attrs}
        return make_field(vx, vy, x=AXIS + CENTRE[0], y=AXIS + CENTRE[1], **stated)

    return make


def layer(values, field, **attrs):
    """Return a DataArray on the cells of a field."""
    size = (field.sizes["y"], field.sizes["x"])
    return xr.DataArray(
        np.broadcast_to(values, size), coords={"y": field["y"], "x": field["x"]}, dims=("y", "x"), attrs=attrs
    )


def circle(radius=1e5, spacing=5e3):
    count = int(np.ceil(2 * np.pi * radius / spacing))
    angle = 2 * np.pi * np.arange(count) / count
    return shapely.Polygon(np.stack([CENTRE[0] + radius * np.cos(angle), CENTRE[1] + radius * np.sin(angle)], axis=-1))


def test_flux_out_of_a_closed_gate_is_the_integral_of_the_divergence(make_channel):
    """(Spec test 17) Linear thickness times linear velocity on an equal-area map, against the integral over the area.

    div(Hv) is linear, so its integral over a polygon is the area times the value at the centroid.
    """
    x, y = np.meshgrid(AXIS, AXIS)
    field = make_channel(0.1 + 1e-6 * x - 2e-6 * y, -0.2 + 3e-6 * y + 5e-7 * x)
    thickness = layer(1000.0 + 2e-3 * x - 1e-3 * y, field)
    ring = circle()
    found = volume_flux(Gate.of(ring, crs="EPSG:6931", spacing=5e3), field, thickness=thickness, per="s")
    a, b = (np.array(ring.centroid.coords[0]) - CENTRE) @ np.eye(2)
    vx, vy = 0.1 + 1e-6 * a - 2e-6 * b, -0.2 + 3e-6 * b + 5e-7 * a
    divergence = (1000.0 + 2e-3 * a - 1e-3 * b) * 4e-6 + 2e-3 * vx - 1e-3 * vy
    assert found["volume_flux_total"].item() == pytest.approx(divergence * ring.area * 1e-9, rel=2e-4)
    disc = divergence * np.pi * 1e10 * 1e-9
    misses = [
        volume_flux(Gate.of(circle(spacing=each), crs="EPSG:6931", spacing=each), field, thickness=thickness, per="s")
        for each in (20e3, 10e3, 5e3, 2.5e3)
    ]
    rates = np.array([abs(each["volume_flux_total"].item() / disc - 1) for each in misses])
    assert rates[-1] < 2e-4
    assert np.log2(rates[:-1] / rates[1:]) == pytest.approx(2, abs=0.1)


def test_flux_changes_sign_when_the_gate_is_reversed(make_channel):
    """(Spec test 17)"""
    gate = Gate(
        shapely.LineString([(CENTRE[0], CENTRE[1] - 5e4), (CENTRE[0] - 2e4, CENTRE[1] + 5e4)]), "EPSG:6931", 5e3
    )
    field = make_channel(sigma=0.01)
    forth, back = (volume_flux(each, field, thickness=Uncertain(2.0, sigma=0.5)) for each in (gate, gate.reverse()))
    assert forth["volume_flux_total"].item() > 0
    assert back["volume_flux_total"].item() == pytest.approx(-forth["volume_flux_total"].item(), rel=1e-12)
    assert back["volume_flux_sigma"].item() == pytest.approx(forth["volume_flux_sigma"].item(), rel=1e-12)
    assert back["volume_flux"].values[0] == pytest.approx(-forth["volume_flux"].values[0, ::-1], rel=1e-9)


@pytest.mark.parametrize("crs", ["EPSG:6931", "EPSG:3413"])
def test_what_enters_a_channel_leaves_it(make_channel, crs):
    """(Spec test 17) Without divergence on the ground: map velocity as the areal scale; one gate straight, one bent."""
    x, y = np.meshgrid(AXIS + CENTRE[0], AXIS + CENTRE[1])
    area = np.linalg.det(metric_matrix(crs, x, y))
    field = make_channel(0.3 * area, 0.0 * area, crs=crs)
    low, high = CENTRE[1] - 4e4, CENTRE[1] + 4e4
    inlet = [(CENTRE[0] - 5e4, low), (CENTRE[0] - 5e4, high)]
    outlet = [(CENTRE[0] + 9e4, low), (CENTRE[0] + 2e4, CENTRE[1]), (CENTRE[0] + 6e4, high)]
    totals = [
        area_flux(Gate(shapely.LineString(line), crs, 1e3), field)["area_flux_total"].item() for line in (inlet, outlet)
    ]
    assert totals[0] == pytest.approx(totals[1], rel=1e-6)
    assert totals[0] > 0


def parallel(crs, count=101):
    """Return the line along 60 N from 46 W to 44 W."""
    there = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    return shapely.LineString(np.stack(there.transform(np.linspace(-46, -44, count), np.full(count, 60.0)), axis=-1))


@pytest.mark.parametrize("metric", ["map", "ground"])
@pytest.mark.parametrize("onto", ["EPSG:3413", "EPSG:6931"])
@pytest.mark.parametrize("crs", ["EPSG:3413", "EPSG:6931", "EPSG:4326"])
def test_flux_is_that_on_the_ground_whatever_the_map(make_field, crs, onto, metric):
    """(Spec test 18) Southward at 0.2 m/s through two degrees of 60 N: the length of the parallel times the speed."""
    x_0, y_0 = np.array(parallel(onto).coords).mean(axis=0)
    x, y = np.meshgrid(x_0 + AXIS, y_0 + AXIS)
    vx, vy = from_east_north(0 * x, 0 * x - 0.2, x, y, crs=onto, metric=metric)
    field = make_field(vx, vy, x=x[0], y=y[:, 0], crs=onto, units="m s-1", velocity_metric=metric)
    found = area_flux(Gate(parallel(crs), crs, 1e3), field, per="s")
    width = 6378137.0 / np.sqrt(1 - 0.0066943799901413165 * 0.75) * 0.5 * np.radians(2)
    assert found["area_flux_total"].item() * 1e6 == pytest.approx(0.2 * width, rel=1e-3)


def test_map_speed_times_map_width_is_8_percent_too_much_at_60_north(make_field):
    """(Spec test 18) k² of EPSG:3413 is 1.080: what flux would be without it."""
    line = parallel("EPSG:3413")
    x_0, y_0 = np.array(line.coords).mean(axis=0)
    x, y = np.meshgrid(x_0 + AXIS, y_0 + AXIS)
    vx, vy = from_east_north(0 * x, 0 * x - 0.2, x, y, crs="EPSG:3413", metric="map")
    field = make_field(vx, vy, x=x[0], y=y[:, 0], units="m s-1")
    found = area_flux(Gate(line, "EPSG:3413", 1e3), field, per="s")["area_flux_total"].item() * 1e6
    assert np.hypot(vx, vy)[150, 150] * line.length / found == pytest.approx(1.0804, abs=2e-3)


def test_units_and_amounts(make_channel):
    """0.1 m/s through 100 km of ground, 2 m thick, 0.8 covered: by hand, at 70.9 N."""
    field = make_channel(velocity_metric="ground")
    south, north = (CENTRE[0], CENTRE[1] - 5e4), (CENTRE[0], CENTRE[1] + 5e4)
    gate = Gate(shapely.LineString([south, north]), "EPSG:6931", 1e3)
    pieces = gate.pieces("EPSG:6931")
    rate = float((0.1 * pieces.normal[:, 0] * pieces.length).sum())
    assert area_flux(gate, field)["area_flux_total"].item() == pytest.approx(rate * MONTH * 1e-6)
    assert area_flux(gate, field)["area_flux"].attrs["units"] == "km2 month-1"
    volume = volume_flux(gate, field, thickness=2.0, concentration=0.8, per="d")
    assert volume["volume_flux_total"].item() == pytest.approx(rate * 1.6 * 86400e-9)
    assert volume["volume_flux_total"].attrs["units"] == "km3 d-1"
    mass = mass_flux(gate, field, thickness=2.0, density=915.0, depth_factor=0.9, per="yr")
    assert mass["mass_flux_total"].item() == pytest.approx(rate * 2 * 0.9 * 915 * 365.25 * 86400e-12)
    yearly = make_channel(0.1 * 365 * 86400, units="m yr-1", year_days=365.0, velocity_metric="ground")
    assert area_flux(gate, yearly)["area_flux_total"].item() == pytest.approx(rate * 365.25 * 86400e-6)


def test_displacements_are_divided_by_their_intervals(make_channel):
    gate = Gate(shapely.LineString([CENTRE, (CENTRE[0], CENTRE[1] - 5e4)]), "EPSG:6931", 5e3)
    moved = make_channel(0.1 * 7 * 86.4, units="km", velocity_kind="displacement")
    assert area_flux(gate, moved, per="d")["area_flux_total"].item() == pytest.approx(
        area_flux(gate, make_channel(), per="d")["area_flux_total"].item()
    )


def test_sigma_of_one_piece_to_each_cell_is_the_sum_in_quadrature(make_channel):
    """σ_F² = Σ L²[(H C σ_v)² + (v H σ_C)² + (v C σ_H)²], and common errors added linearly: by hand."""
    random = np.random.default_rng(2)
    field = make_channel(0.1, 0.03, sigma=0.02)
    along = np.arange(20) * 1e3
    line = shapely.LineString([(CENTRE[0], CENTRE[1] - 500 + each * 1e3) for each in range(21)])
    gate = Gate(line, "EPSG:6931", 2e3)
    pieces = gate.pieces("EPSG:6931")
    assert pieces.y == pytest.approx(CENTRE[1] + along, abs=1e-3)
    h, c = random.uniform(1, 3, 20), random.uniform(0.5, 1, 20)
    s_h, s_c = random.uniform(0.1, 0.5, 20), random.uniform(0.01, 0.1, 20)
    found = volume_flux(
        gate,
        field,
        thickness=Uncertain(h, sigma=s_h, bias=0.2),
        concentration=Uncertain(c, sigma=s_c, bias=0.03),
        velocity_bias=0.01,
        per="s",
    )
    v, length = found["v_normal"].values[0], pieces.length
    inverse = np.linalg.inv(metric_matrix("EPSG:6931", pieces.x, pieces.y))
    turned = np.einsum("ni,nij->nj", pieces.normal, inverse)
    s_v = 0.02 * np.hypot(*turned.T)
    assert found["volume_flux_total"].item() == pytest.approx((h * c * v * length).sum() * 1e-9)
    variance = (length**2 * ((h * c * s_v) ** 2 + (v * h * s_c) ** 2 + (v * c * s_h) ** 2)).sum()
    assert found["volume_flux_sigma"].item() == pytest.approx(np.sqrt(variance) * 1e-9, rel=1e-3)
    bias = (h * c * length).sum() * 0.01 + (v * c * length).sum() * 0.2 + (v * h * length).sum() * 0.03
    assert found["volume_flux_bias"].item() == pytest.approx(bias * 1e-9)
    assert found.attrs["sigma_of"] == "concentration thickness velocity"


def test_shorter_pieces_do_not_make_the_error_smaller(make_channel):
    """Pieces within a cell share its error; sums over ten times as many of them have the same one."""
    field = make_channel(0.1, 0.03, sigma=0.02)
    thickness = Uncertain(layer(2.0, field), sigma=0.4)
    line = shapely.LineString([CENTRE, (CENTRE[0] + 2e4, CENTRE[1] - 5e4)])
    sigmas = [
        volume_flux(Gate(line, "EPSG:6931", spacing), field, thickness=thickness)["volume_flux_sigma"].item()
        for spacing in (250.0, 50.0)
    ]
    assert sigmas[0] == pytest.approx(sigmas[1], rel=0.01)


def test_sigma_is_the_scatter_of_noisy_fields(make_channel, make_field):
    """Errors of velocity and thickness cells, with a covariance of the components, against drawn ones."""
    random = np.random.default_rng(7)
    part = {"x": slice(130, 171), "y": slice(130, 171)}
    calm = make_channel(0.1, 0.03).isel(part)
    field = make_channel(0.1, 0.03, sigma=0.02).isel(part)
    field["vxy_covariance"] = field["vx"] * 0 + 0.6 * 0.02**2
    gate = Gate(shapely.LineString([CENTRE, (CENTRE[0] + 1e4, CENTRE[1] - 8e3)]), "EPSG:6931", 400.0)
    stated = volume_flux(gate, field, thickness=Uncertain(layer(2.0, calm), sigma=layer(0.3, calm)), per="s")
    noise = random.multivariate_normal([0, 0], 0.02**2 * np.array([[1, 0.6], [0.6, 1]]), (200, 41, 41))
    days = np.datetime64("2020-01-01", "ns") + np.arange(201) * np.timedelta64(1, "D")
    noisy = make_field(0.1 + noise[..., 0], 0.03 + noise[..., 1], x=calm["x"], y=calm["y"], crs="EPSG:6931",
                       units="m s-1", bounds=np.stack([days[:-1], days[1:]], axis=-1))  # fmt: skip
    deep = 2 + random.normal(0, 0.3, (200, 41, 41))
    thickness = xr.DataArray(deep, coords=noisy["vx"].coords, dims=("time", "y", "x"))
    draws = volume_flux(gate, noisy, thickness=thickness, per="s")["volume_flux_total"].values
    assert np.std(draws) == pytest.approx(stated["volume_flux_sigma"].item(), rel=0.15)


def test_one_number_for_the_gate_has_one_error(make_channel):
    gate = Gate(shapely.LineString([CENTRE, (CENTRE[0], CENTRE[1] - 5e4)]), "EPSG:6931", 1e3)
    found = volume_flux(gate, make_channel(), thickness=Uncertain(2.0, sigma=0.5))
    assert found["volume_flux_sigma"].item() == pytest.approx(abs(found["volume_flux_total"].item()) / 4)
    assert found.attrs["sigma_of"] == "thickness"
    bare = volume_flux(gate, make_channel(), thickness=2.0)
    assert "volume_flux_sigma" not in bare
    assert bare["volume_flux_bias"].item() == 0
    given = volume_flux(gate, make_channel(), thickness=2.0, velocity_sigma=0.02)
    own = volume_flux(gate, make_channel(sigma=0.02), thickness=2.0)
    assert given["volume_flux_sigma"].item() == pytest.approx(own["volume_flux_sigma"].item())


def test_a_gap_leaves_no_total_unless_it_may_be_there(make_channel):
    field = make_channel()
    field["vx"][0, :120] = np.nan
    gate = Gate(shapely.LineString([CENTRE, (CENTRE[0], CENTRE[1] - 1e5)]), "EPSG:6931", 1e3)
    strict, loose = area_flux(gate, field), area_flux(gate, field, min_cover=0.25)
    assert strict["coverage"].item() == pytest.approx(0.305, abs=0.01)
    assert np.isnan(strict["area_flux_total"].item())
    assert np.isnan(strict["area_flux_bias"].item())
    assert np.isnan(strict["area_flux"].values).sum() == 70
    assert loose["area_flux_total"].item() == pytest.approx(np.nansum(strict["area_flux"].values))
    with pytest.raises(NoOverlapError, match="velocity missing all along it"):
        area_flux(gate, field.isel(y=slice(140, None)).assign(vx=field["vx"] * np.nan))


def test_layers_of_thickness_in_their_own_time_and_map(make_field):
    """Two months of thickness in EPSG:3413, weekly drift in EPSG:6931."""
    weeks = [["2020-01-01", "2020-01-08"], ["2020-02-08", "2020-02-15"]]
    field = make_field(0.1, 0.0, x=AXIS, y=AXIS - 1.5e6, bounds=weeks, crs="EPSG:6931", units="m s-1")
    bounds = np.array([["2020-01-01", "2020-02-01"], ["2020-02-01", "2020-03-01"]], "M8[ns]")
    axis = np.arange(-3e6, 3e6, 2e4)
    data = np.broadcast_to(np.array([2.0, 3.0])[:, None, None], (2, 300, 300))
    months = xr.Dataset(
        {"h": (("time", "y", "x"), data)},
        coords={"time": bounds[:, 0], "time_bnds": (("time", "nv"), bounds), "y": axis, "x": axis},
        attrs={"crs": "EPSG:3413"},
    )
    gate = Gate(shapely.LineString([(0, -1.55e6), (0, -1.45e6)]), "EPSG:6931", 5e3)
    found = volume_flux(gate, field, thickness=(months, "h"))
    assert found["thickness"].values[:, 0] == pytest.approx([2, 3])
    assert np.divide(*found["volume_flux_total"].values) == pytest.approx(2 / 3)
    assert found["time"].equals(field["time"])
    stamped = months["h"].assign_coords(time=field["time"]).assign_attrs(crs="EPSG:3413")
    assert volume_flux(gate, field, thickness=stamped)["volume_flux"].equals(found["volume_flux"])
    for wrong, match in (
        ((months.isel(time=[0, 0]), "h"), "no layer for 2020-02-11"),
        (months["h"].assign_attrs(crs="EPSG:3413"), "no layer for 2020-01-04"),
        ((months.drop_attrs(), "h"), "states no CRS"),
        ((months, "z"), "which the Dataset has not"),
    ):
        with pytest.raises(InputError, match=match):
            volume_flux(gate, field, thickness=wrong)


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"thickness": -1.0}, "thickness is -1"),
        ({"thickness": 2.0, "concentration": 80.0}, "divide percent by 100"),
        ({"thickness": [1.0, 2.0]}, "has shape"),
        ({"thickness": Uncertain(2.0, bias=-1.0)}, "bias of thickness"),
        ({"thickness": 2.0, "depth_factor": 1.2}, "depth_factor"),
        ({"thickness": 2.0, "per": "week"}, "per must be one of"),
        ({"thickness": 2.0, "min_cover": 0.0}, "min_cover"),
        ({"thickness": 2.0, "velocity_sigma": -1.0}, "velocity_sigma"),
        ({"thickness": xr.DataArray([1.0], dims=("z",))}, "needs .y, x."),
        ({"thickness": Uncertain(2.0, sigma=xr.DataArray([1.0], dims=("z",)))}, "layer and its value is not"),
    ],
)
def test_what_is_refused(make_channel, options, match):
    gate = Gate(shapely.LineString([CENTRE, (CENTRE[0], CENTRE[1] - 5e4)]), "EPSG:6931", 1e3)
    with pytest.raises(InputError, match=match):
        volume_flux(gate, make_channel(), **options)


def test_a_bare_line_is_no_gate(make_channel):
    with pytest.raises(InputError, match=r"got LineString; Gate\.of\(line"):
        area_flux(shapely.LineString([(0, 0), (1, 1)]), make_channel())


def test_a_density_that_is_not_of_ice_is_refused(make_channel):
    gate = Gate(shapely.LineString([CENTRE, (CENTRE[0], CENTRE[1] - 5e4)]), "EPSG:6931", 1e3)
    with pytest.raises(InputError, match=r"density is 0\.917"):
        mass_flux(gate, make_channel(), thickness=2.0, density=0.917)


def test_order_of_rows_changes_no_bit(make_channel):
    field = make_channel(np.random.default_rng(1).normal(size=(1, 301, 301)), sigma=0.1)
    gate = Gate(shapely.LineString([CENTRE, (CENTRE[0] + 1e4, CENTRE[1] - 5e4)]), "EPSG:6931", 1e3)
    up, down = (area_flux(gate, each) for each in (field, field.isel(y=slice(None, None, -1))))
    for name in ("area_flux_total", "v_normal"):
        assert (up[name].values == down[name].values).all()
    assert up["area_flux_sigma"].item() == pytest.approx(down["area_flux_sigma"].item(), rel=1e-12)
