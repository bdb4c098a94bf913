"""Vectors between maps: rotations, scales and round trips against numbers worked out elsewhere."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest

from altiflow.errors import InputError
from altiflow.gridding.vectors import (
    convert_metric,
    east_north,
    from_east_north,
    jacobian,
    metric_matrix,
    reproject_vectors,
    rotation,
    transfer_matrix,
)

RNG = np.random.default_rng(20)
NORTH = (RNG.uniform(-180, 180, 400), RNG.uniform(60, 89.9, 400))
SOUTH = (RNG.uniform(-180, 180, 400), RNG.uniform(-89.9, -60, 400))
UTM = (RNG.uniform(-42, -36, 400), RNG.uniform(60, 83, 400))
PAIRS = [
    ("EPSG:3413", "EPSG:6931", NORTH),
    ("EPSG:6931", "EPSG:3413", NORTH),
    ("EPSG:32624", "EPSG:3413", UTM),
    ("EPSG:32624", "EPSG:6931", UTM),
    ("EPSG:3031", "EPSG:6932", SOUTH),
    ("EPSG:3408", "EPSG:6931", NORTH),
]


def project(crs, longitude, latitude):
    return pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(longitude, latitude)


def move(source, target, x, y):
    return pyproj.Transformer.from_crs(source, target, always_xy=True).transform(x, y)


def singular_values(source, target, longitude, latitude):
    return np.linalg.svd(jacobian(source, target, *project(source, longitude, latitude)))[1]


def test_rotation_from_3413_to_6931_is_45_degrees_everywhere():
    angle = np.degrees(rotation("EPSG:3413", "EPSG:6931", *project("EPSG:3413", *NORTH)))
    assert np.abs(angle + 45.0).max() < 1e-6


def test_rotation_from_3031_to_6932_is_zero():
    angle = np.degrees(rotation("EPSG:3031", "EPSG:6932", *project("EPSG:3031", *SOUTH)))
    assert np.abs(angle).max() < 1e-6


@pytest.mark.parametrize(
    ("source", "longitude", "latitude", "degrees"),
    [("EPSG:32624", -39, 70, 6.0), ("EPSG:32607", -140, 60, -95.87)],
)
def test_rotation_from_utm_to_3413(source, longitude, latitude, degrees):
    angle = np.degrees(rotation(source, "EPSG:3413", *project(source, longitude, latitude)))
    assert float(angle) == pytest.approx(degrees, abs=5e-3 if source == "EPSG:32607" else 1e-6)


@pytest.mark.parametrize(
    ("source", "target", "longitude", "latitude", "expected"),
    [
        ("EPSG:3413", "EPSG:6931", 10, 70, (1.0154, 0.9848)),
        ("EPSG:3413", "EPSG:6931", 10, 80, (1.0272, 1.0194)),
        ("EPSG:3413", "EPSG:6931", 10, 65, (1.0067, 0.9595)),
        ("EPSG:3031", "EPSG:6932", 10, -75, (1.0192, 1.0018)),
        ("EPSG:6931", "EPSG:3408", 10, 70, (0.9967, 0.9960)),
    ],
)
def test_stretch_between_maps(source, target, longitude, latitude, expected):
    assert singular_values(source, target, longitude, latitude) == pytest.approx(expected, abs=6e-5)


def test_sphere_and_ellipsoid_share_their_axes():
    assert np.abs(rotation("EPSG:6931", "EPSG:3408", *project("EPSG:6931", *NORTH))).max() < 1e-8


def test_jacobian_of_a_conformal_pair_is_scale_times_rotation():
    x, y = project("EPSG:32607", -140, 60)
    assert np.linalg.svd(jacobian("EPSG:32607", "EPSG:3413", x, y))[1] == pytest.approx([1.0398, 1.0398], abs=5e-5)


def test_jacobian_predicts_where_a_step_leads():
    x, y = project("EPSG:3413", *NORTH)
    step = np.array([120.0, -70.0])
    moved = np.stack(move("EPSG:3413", "EPSG:6931", x + step[0], y + step[1]), axis=-1)
    start = np.stack(move("EPSG:3413", "EPSG:6931", x, y), axis=-1)
    predicted = jacobian("EPSG:3413", "EPSG:6931", x, y) @ step
    assert np.abs(moved - start - predicted).max() < 0.01


@pytest.mark.parametrize("metric", ["map", "ground"])
@pytest.mark.parametrize(("source", "target", "where"), PAIRS)
def test_round_trip_keeps_vectors_and_covariances(source, target, where, metric):
    x, y = project(source, *where)
    vx, vy = RNG.normal(size=(2, x.size))
    root = RNG.normal(size=(x.size, 2, 2))
    covariance = root @ np.swapaxes(root, -1, -2)
    there = reproject_vectors(vx, vy, x, y, source_crs=source, target_crs=target, metric=metric, covariance=covariance)
    moved = move(source, target, x, y)
    back = reproject_vectors(
        there[0], there[1], *moved, source_crs=target, target_crs=source, metric=metric, covariance=there[2]
    )
    assert np.hypot(back[0] - vx, back[1] - vy).max() < 1e-7 * np.hypot(vx, vy).max()
    assert np.abs(back[2] - covariance).max() < 1e-6 * np.abs(covariance).max()


@pytest.mark.parametrize(("source", "target", "where"), PAIRS)
def test_ground_speed_and_total_variance_do_not_change(source, target, where):
    x, y = project(source, *where)
    vx, vy = RNG.normal(size=(2, x.size))
    covariance = np.broadcast_to(np.array([[4.0, 1.0], [1.0, 2.0]]), (x.size, 2, 2))
    found = reproject_vectors(
        vx, vy, x, y, source_crs=source, target_crs=target, metric="ground", covariance=covariance
    )
    assert np.hypot(found[0], found[1]) == pytest.approx(np.hypot(vx, vy), rel=1e-14)
    assert np.trace(found[2], axis1=-2, axis2=-1) == pytest.approx(np.full(x.size, 6.0), rel=1e-14)


@pytest.mark.parametrize(("source", "target", "where"), PAIRS[:5])
def test_ground_and_map_paths_agree(source, target, where):
    # Ground to map here, J, map to ground there: the same as turning the ground vector.
    x, y = project(source, *where)
    vx, vy = RNG.normal(size=(2, x.size))
    on_map = convert_metric(vx, vy, x, y, crs=source, source="ground", target="map")
    turned = reproject_vectors(*on_map, x, y, source_crs=source, target_crs=target, metric="map")
    moved = move(source, target, x, y)
    long_way = convert_metric(*turned[:2], *moved, crs=target, source="map", target="ground")
    short_way = reproject_vectors(vx, vy, x, y, source_crs=source, target_crs=target, metric="ground")
    assert np.hypot(long_way[0] - short_way[0], long_way[1] - short_way[1]).max() < 1e-6


def test_ground_vectors_of_an_oblique_map_keep_their_east_and_north():
    # EPSG:3035 is not centred on the pole: its graticule is not at right angles on the map.
    x, y = project("EPSG:3035", RNG.uniform(-10, 30, 100), RNG.uniform(50, 70, 100))
    moved = move("EPSG:3035", "EPSG:3413", x, y)
    vx, vy = RNG.normal(size=(2, 100))
    for metric in ("map", "ground"):
        east, north = east_north(vx, vy, x, y, crs="EPSG:3035", metric=metric)
        found = reproject_vectors(vx, vy, x, y, source_crs="EPSG:3035", target_crs="EPSG:3413", metric=metric)
        expected = from_east_north(east, north, *moved, crs="EPSG:3413", metric=metric)
        assert np.hypot(found[0] - expected[0], found[1] - expected[1]).max() < 1e-6


@pytest.mark.parametrize(("latitude", "scale"), [(60, 1.03943), (65, 1.01750), (70, 1.0), (80, 0.97728), (90, 0.96986)])
def test_scale_of_polar_stereographic(latitude, scale):
    x, y = project("EPSG:3413", 25.0, latitude)
    speed = np.hypot(*convert_metric(3.0, -4.0, x, y, crs="EPSG:3413", source="ground", target="map"))
    assert float(speed) / 5 == pytest.approx(scale, abs=1e-5)


def test_scale_of_polar_stereographic_against_snyder():
    # Snyder (1987), Map Projections, eq. 14-15, 15-9 and 21-32 to 21-34.
    eccentricity = pyproj.CRS("EPSG:3413").ellipsoid
    e = np.sqrt(1 - (eccentricity.semi_minor_metre / eccentricity.semi_major_metre) ** 2)

    def t(phi):
        return np.tan(np.pi / 4 - phi / 2) / ((1 - e * np.sin(phi)) / (1 + e * np.sin(phi))) ** (e / 2)

    def m(phi):
        return np.cos(phi) / np.sqrt(1 - (e * np.sin(phi)) ** 2)

    phi, true = np.radians([60.0, 70.0, 80.0, 89.0]), np.radians(70.0)
    expected = m(true) * t(phi) / (t(true) * m(phi))
    x, y = project("EPSG:3413", np.full(4, 12.0), np.degrees(phi))
    found = np.hypot(*convert_metric(0.0, 1.0, x, y, crs="EPSG:3413", source="ground", target="map"))
    assert found == pytest.approx(expected, rel=1e-8)


@pytest.mark.parametrize(
    ("latitude", "along", "across"), [(80, 0.99620, 1.00382), (70, 0.98481, 1.01542), (60, 0.96595, 1.03526)]
)
def test_scales_of_equal_area(latitude, along, across):
    x, y = project("EPSG:6931", 130.0, latitude)
    assert np.linalg.svd(metric_matrix("EPSG:6931", x, y))[1] == pytest.approx([across, along], abs=1e-5)


@pytest.mark.parametrize("crs", ["EPSG:3413", "EPSG:6931", "EPSG:3408", "EPSG:3411"])
def test_everything_is_finite_at_the_pole(crs):
    points = np.array([0.0, 1e-6, 1.0, -50.0]), np.array([0.0, 0.0, -1.0, 20.0])
    matrix = metric_matrix(crs, *points)
    assert np.abs(matrix - matrix[0, 0, 0] * np.eye(2)).max() < 1e-6
    east, north = east_north(1.0, 1.0, *points, crs=crs, metric="ground")
    assert np.hypot(east, north) == pytest.approx(np.full(4, np.sqrt(2)))
    assert np.isfinite(jacobian(crs, "EPSG:6931", *points)).all()


def test_antimeridian_is_no_edge():
    x, y = project("EPSG:3413", np.array([179.9999, 180.0, -179.9999]), np.full(3, 72.0))
    found = jacobian("EPSG:3413", "EPSG:6931", x, y)
    assert np.abs(found - found[0]).max() < 1e-5


def test_a_seam_gives_nan_and_no_giant_velocity():
    x, y = project("EPSG:6931", np.array([180.0, 0.0]), np.array([70.0, 70.0]))
    found = jacobian("EPSG:6931", "EPSG:6933", x, y)
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()


@pytest.mark.parametrize(
    ("crs", "major", "flattening"), [("EPSG:3408", 6371228.0, 0.0), ("EPSG:6931", 6378137.0, 1 / 298.257223563)]
)
def test_zonal_rotation_about_the_pole_has_no_north_component(crs, major, flattening):
    omega = 1e-8
    proj = pyproj.Proj(crs)
    longitude, latitude = NORTH[0], np.clip(NORTH[1], 50, 89)
    x, y = proj(longitude, latitude)
    vx, vy = -omega * np.asarray(y), omega * np.asarray(x)
    e2 = flattening * (2 - flattening)
    radius = major / np.sqrt(1 - e2 * np.sin(np.radians(latitude)) ** 2)
    speed = omega * radius * np.cos(np.radians(latitude))
    east, north = east_north(vx, vy, x, y, crs=crs, metric="map")
    assert np.abs(north).max() < 1e-7 * speed.max()
    assert east == pytest.approx(speed, rel=1e-6)
    assert np.hypot(*from_east_north(east, north, x, y, crs=crs, metric="map")) == pytest.approx(np.hypot(vx, vy))


def test_east_and_north_of_ease_grid_follow_the_published_formula():
    # NSIDC: e = u cos(lon) + v sin(lon), n = -u sin(lon) + v cos(lon) in the north.
    longitude, latitude = NORTH
    x, y = project("EPSG:6931", longitude, latitude)
    u, v = RNG.normal(size=(2, x.size))
    angle = np.radians(longitude)
    east, north = east_north(u, v, x, y, crs="EPSG:6931", metric="ground")
    assert np.abs(east - (u * np.cos(angle) + v * np.sin(angle))).max() < 1e-6
    assert np.abs(north - (-u * np.sin(angle) + v * np.cos(angle))).max() < 1e-6


def test_east_and_north_of_southern_ease_grid():
    longitude, latitude = SOUTH
    x, y = project("EPSG:6932", longitude, latitude)
    u, v = RNG.normal(size=(2, x.size))
    angle = np.radians(longitude)
    east, north = east_north(u, v, x, y, crs="EPSG:6932", metric="ground")
    assert np.abs(east - (u * np.cos(angle) - v * np.sin(angle))).max() < 1e-6
    assert np.abs(north - (u * np.sin(angle) + v * np.cos(angle))).max() < 1e-6


def test_same_crs_changes_nothing_to_the_bit():
    x, y = project("EPSG:3413", *NORTH)
    vx, vy = RNG.normal(size=(2, x.size))
    for metric in ("map", "ground"):
        found = reproject_vectors(vx, vy, x, y, source_crs="EPSG:3413", target_crs="EPSG:3413", metric=metric)
        assert np.array_equal(found[0], vx)
        assert np.array_equal(found[1], vy)
        assert found[2] is None


def test_nan_stays_nan():
    found = reproject_vectors(
        [np.nan, 1.0], [1.0, 1.0], [0.0, 0.0], [1e6, 1e6], source_crs="EPSG:3413", target_crs="EPSG:6931", metric="map"
    )
    assert np.isnan(found[0]).tolist() == [True, False]
    assert np.isnan(transfer_matrix("EPSG:3413", "EPSG:6931", np.nan, 0.0, metric="ground")).all()


@pytest.mark.parametrize("crs", ["EPSG:4326", "EPSG:2263"])
def test_a_map_in_metres_is_asked_for(crs):
    with pytest.raises(InputError, match="projected CRS in metres"):
        jacobian(crs, "EPSG:6931", 0.0, 0.0)


def test_an_unknown_metric_is_refused():
    with pytest.raises(InputError, match="'map' or 'ground', got 'true'"):
        convert_metric(1.0, 1.0, 0.0, 0.0, crs="EPSG:3413", source="true", target="map")
