"""Strain rates on the sphere and the ellipsoid, against what is known of the motion itself."""

from __future__ import annotations

import numpy as np
import pytest

from altiflow.fusion.kinematics import strain_rates
from altiflow.fusion.kinematics.ground import MetricSlopes
from altiflow.gridding.remap.resample import Lattice

RADIUS = 6371228.0
LAEA = "EPSG:3408"
STEREO = "+proj=stere +lat_0=90 +lat_ts=70 +lon_0=-45 +R=6371228 +units=m"
CONE = "+proj=lcc +lat_1=60 +lat_2=75 +lat_0=65 +lon_0=20 +R=6371228 +units=m"
RATE = 1e-7
"""Turns per radian and second."""


def about_axis(longitude_0, latitude_0):
    """Return solid rotation by RATE about an axis through a point: v = RATE a x r (ground east, north)."""
    a = np.array(
        [
            np.cos(latitude_0) * np.cos(longitude_0),
            np.cos(latitude_0) * np.sin(longitude_0),
            np.sin(latitude_0),
        ]
    )

    def motion(longitude, latitude):
        up = np.stack(
            [np.cos(latitude) * np.cos(longitude), np.cos(latitude) * np.sin(longitude), np.sin(latitude)], axis=-1
        )
        east = np.stack([-np.sin(longitude), np.cos(longitude), np.zeros_like(longitude)], axis=-1)
        speed = RATE * RADIUS * np.cross(a, up)
        return (speed * east).sum(-1), (speed * np.cross(up, east)).sum(-1)

    return motion, a


@pytest.mark.parametrize("metric", ["map", "ground"])
@pytest.mark.parametrize("crs", [LAEA, STEREO, CONE])
def test_solid_rotation_about_any_axis_strains_nothing(make_motion, crs, metric):
    motion, axis = about_axis(np.radians(30), np.radians(50))
    field = make_motion(motion, crs, centre=(10, 68), metric=metric, spacing=2e3)
    found = strain_rates(field, fit="central")
    for name in ("divergence", "shear", "e_xx", "e_yy", "e_xy", "effective", "longitudinal"):
        assert np.nanmax(np.abs(found[name])) < 1e-6 * RATE, name
    longitude, latitude = np.radians((10, 68))
    level = np.cos(latitude)
    up = np.array([level * np.cos(longitude), level * np.sin(longitude), np.sin(latitude)])
    assert found["vorticity"].values[0, 15, 15] == pytest.approx(2 * RATE * axis @ up, rel=1e-6)


@pytest.mark.parametrize("crs", ["EPSG:3413", "EPSG:6931", "EPSG:3408"])
@pytest.mark.parametrize("centre", [(20, 62), (0, 90)])
def test_solid_rotation_about_the_pole(make_motion, crs, centre):
    """Of the ellipsoid too: zonal motion by RATE times the distance from the axis."""
    square = 0.0 if crs == "EPSG:3408" else 0.0066943799901413165
    size = RADIUS if crs == "EPSG:3408" else 6378137.0

    def motion(longitude, latitude):
        distance = size * np.cos(latitude) / np.sqrt(1 - square * np.sin(latitude) ** 2)
        return RATE * distance, 0 * latitude

    found = strain_rates(make_motion(motion, crs, centre=centre, cells=9, spacing=2e4))
    assert np.nanmax(found["total_deformation"]) < 1e-6 * RATE
    expected = 2 * RATE * np.sin(np.radians(centre[1]))
    assert found["vorticity"].values[0, 4, 4] == pytest.approx(expected, rel=2e-5)


@pytest.mark.parametrize("metric", ["map", "ground"])
@pytest.mark.parametrize("crs", [LAEA, STEREO, CONE])
@pytest.mark.parametrize("latitude", [60, 65, 70, 80])
def test_northward_motion_as_the_cosine_of_latitude(make_motion, crs, metric, latitude):
    """(Spec test 15) The divergence of v_north = A cos(latitude) is -2 A sin(latitude) / R; strain is as known too."""
    field = make_motion(lambda lon, lat: (0 * lat, 0.1 * np.cos(lat)), crs, centre=(-20, latitude), metric=metric)
    found = strain_rates(field).isel(time=0, y=15, x=15)
    expected = -0.1 * np.sin(np.radians(latitude)) / RADIUS
    assert found["divergence"].item() == pytest.approx(2 * expected, rel=2e-5)
    assert found["longitudinal"].item() == pytest.approx(expected, rel=1e-4)
    assert found["transverse"].item() == pytest.approx(expected, rel=1e-4)
    assert abs(found["shear"].item()) < 1e-4 * abs(expected)
    assert abs(found["vorticity"].item()) < 1e-4 * abs(expected)


@pytest.mark.parametrize(("latitude", "percent"), [(60, 7.5), (65, 5.1), (70, 3.2)])
def test_naive_divergence_of_ground_components_is_off(make_motion, latitude, percent):
    """(Spec test 15) The guard against taking differences of ground components on the map."""
    field = make_motion(
        lambda lon, lat: (0 * lat, 0.1 * np.cos(lat)), LAEA, centre=(-20, latitude), metric="ground", cells=3
    )
    vx, vy = field["vx"].values[0], field["vy"].values[0]
    naive = (vx[1, 2] - vx[1, 0] + vy[2, 1] - vy[0, 1]) / 1e4
    expected = -0.2 * np.sin(np.radians(latitude)) / RADIUS
    assert 100 * abs(naive / expected - 1) == pytest.approx(percent, abs=0.1)


def test_meridional_motion_of_even_speed(make_motion):
    """On the sphere e_north = 0 and e_east = -v tan(latitude) / R: a pure strain that the map must not change."""
    for crs in (LAEA, STEREO):
        for metric in ("map", "ground"):
            field = make_motion(lambda lon, lat: (0 * lat, 0 * lat + 0.2), crs, centre=(100, 66), metric=metric)
            found = strain_rates(field).isel(time=0, y=15, x=15)
            expected = -0.2 * np.tan(np.radians(66)) / RADIUS
            assert found["transverse"].item() == pytest.approx(expected, rel=1e-4)
            assert abs(found["longitudinal"].item()) < 1e-4 * abs(expected)
            assert found["principal_2"].item() == pytest.approx(expected, rel=1e-4)


def test_both_metrics_and_maps_give_one_answer(make_motion):
    """A motion without symmetry, in two metrics on three maps of one sphere."""

    def motion(longitude, latitude):
        return 0.1 * np.sin(3 * longitude + 4 * latitude), 0.08 * np.cos(5 * latitude - 2 * longitude)

    names = ("divergence", "shear", "vorticity", "effective", "principal_1", "principal_2", "longitudinal")
    found = [
        strain_rates(make_motion(motion, crs, centre=(35, 72), metric=metric, spacing=2e3)).isel(time=0, y=15, x=15)
        for crs in (LAEA, STEREO, CONE)
        for metric in ("map", "ground")
    ]
    scale = found[0]["total_deformation"].item()
    for other in found[1:]:
        for name in names:
            assert other[name].item() == pytest.approx(found[0][name].item(), abs=2e-6 * scale), name


def test_invariants_do_not_see_the_grid_turn(make_motion):
    """(Spec test 16) The map turned by 37 degrees about the pole: components turn, invariants stay."""

    def motion(longitude, latitude):
        return 0.1 * np.sin(3 * longitude), 0.08 * np.cos(2 * latitude - longitude)

    turned = "+proj=laea +lat_0=90 +lon_0=37 +R=6371228 +units=m"
    straight = "+proj=laea +lat_0=90 +lon_0=0 +R=6371228 +units=m"
    found = [
        strain_rates(make_motion(motion, crs, centre=(35, 78), spacing=1e3)).isel(time=0, y=15, x=15)
        for crs in (straight, turned)
    ]
    scale = found[0]["total_deformation"].item()
    for name in ("divergence", "shear", "vorticity", "effective", "principal_1", "principal_2", "transverse"):
        assert found[1][name].item() == pytest.approx(found[0][name].item(), abs=1e-5 * scale)
    turn = found[1]["principal_direction"].item() - found[0]["principal_direction"].item()
    assert (turn + 37 + 90) % 180 - 90 == pytest.approx(0, abs=1e-2)
    assert abs(found[1]["e_xx"].item() - found[0]["e_xx"].item()) > 0.1 * scale


@pytest.mark.parametrize(("crs", "place"), [("EPSG:3413", (5e5, -3e6)), ("EPSG:6931", (0.0, 0.0)), (CONE, (4e5, 8e5))])
def test_slopes_between_nodes_are_those_at_the_place(crs, place):
    """To the noise of PROJ's scales, which is larger round a pole; times 100 m/yr that is below 1e-8 per year."""
    axis = np.arange(-100, 101) * 240.0
    fine = Lattice.from_axes(place[0] + axis, place[1] + axis)
    x, y = (place[i] + np.random.default_rng(i).uniform(-2e4, 2e4, 200) for i in (0, 1))
    between = MetricSlopes.over(crs, fine).at(x, y)
    there = MetricSlopes(crs, None, np.empty((8, 0, 0))).at(x, y)
    for one, two in zip(between, there, strict=True):
        assert one == pytest.approx(two, abs=5e-11)
