"""Velocity along and across a line."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely

from altiflow.errors import FieldError, InputError
from altiflow.fusion.lines.transects import line_components

AXIS = np.arange(-5e4, 5.01e4, 1e3)
TO_MAP = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:3413", always_xy=True)


def test_bend_and_sides(make_field):
    """(Spec test 26) Eastward flow: along the first leg, across from left to right on the second."""
    line = shapely.LineString([(0, 0), (1e4, 0), (1e4, 1e4)])
    found = line_components(make_field(100.0, 0.0, x=AXIS, y=AXIS, sigma=3.0), line, spacing=500)
    assert found["v_along"].values[0, [1, -1]] == pytest.approx([100, 0], abs=1e-9)
    assert found["v_across"].values[0, [1, -1]] == pytest.approx([0, -100], abs=1e-9)
    whole = np.hypot(found["v_along"].values, found["v_across"].values)
    assert whole == pytest.approx(100)
    assert found["v_along_sigma"].values == pytest.approx(3.0)
    back = line_components(make_field(100.0, 0.0, x=AXIS, y=AXIS), line.reverse())
    assert back["v_across"].values[0] == pytest.approx([100, np.sqrt(5e3), 0], abs=1e-9)
    assert back["v_along"].values[0, [0, -1]] == pytest.approx([0, -100], abs=1e-9)
    assert "vx_sigma" not in back


def test_distance_is_that_on_the_ground(make_field):
    """Along the meridian of 45 W at 60 N, where the map of EPSG:3413 is 3.9 % longer."""
    longitude, latitude = np.array([-45.0, -45.0]), np.array([60.0, 60.4])
    x, y = TO_MAP.transform(longitude, latitude)
    field = make_field(0.0, 50.0, x=AXIS, y=AXIS + y.mean(), velocity_metric="ground")
    line = gpd.GeoSeries([shapely.LineString(zip(longitude, latitude, strict=True))], crs="EPSG:4326")
    found = line_components(field, line, spacing=5e3)
    length = pyproj.Geod(ellps="WGS84").inv(-45, 60, -45, 60.4)[2]
    assert found["distance"].values[-1] == pytest.approx(length, rel=1e-7)
    assert np.diff(found["distance"].values)[:-1] == pytest.approx(5e3, rel=1e-6)
    assert (np.hypot(np.diff(x), np.diff(y)) / length).item() == pytest.approx(1.038, abs=2e-3)
    assert found["v_along"].values[0] == pytest.approx(50)
    assert found["latitude"].values[[0, -1]] == pytest.approx(latitude)


def test_every_layer_and_gaps(make_field):
    weeks = [["2020-01-01", "2020-01-08"], ["2020-01-08", "2020-01-15"]]
    field = make_field(np.array([1.0, 2.0])[:, None, None], 0.0, x=AXIS, y=AXIS, bounds=weeks)
    field["vx"][1, :, 60:] = np.nan
    found = line_components(field, shapely.LineString([(0, 0), (2e4, 0), (9e4, 0)]))
    assert found["v_along"].values.tolist()[0][:2] == [1, 1]
    assert np.isnan(found["v_along"].values).tolist() == [[False, False, True], [False, True, True]]
    assert found["time"].equals(field["time"])
    turned = line_components(field.isel(y=slice(None, None, -1)), shapely.LineString([(0, 0), (2e4, 0), (9e4, 0)]))
    assert turned.identical(found)


def test_ground_tangent_of_a_ground_velocity(make_field):
    """Flow along the line on the ground of a map that is not conformal has no part across it."""
    there = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:6931", always_xy=True)
    x, y = there.transform(20.0, 55.0)
    from_map = {"crs": "EPSG:6931", "units": "m s-1"}
    vx, vy = 3.0, 4.0
    on_map = make_field(vx, vy, x=AXIS + x, y=AXIS + y, **from_map)
    line = shapely.LineString([(x, y), (x + 3e3, y + 4e3)])
    assert line_components(on_map, line)["v_across"].values == pytest.approx(0, abs=1e-9)
    on_ground = on_map.assign_attrs(velocity_metric="ground")
    assert abs(line_components(on_ground, line)["v_across"].values).min() > 0.01


@pytest.mark.parametrize(
    ("line", "spacing", "match"),
    [
        (shapely.Point(0, 0), None, "must be a LineString"),
        (shapely.LineString([(0, 0), (0, 0)]), None, "no length"),
        (shapely.LineString(), None, "must be a LineString"),
        (shapely.LineString([(0, 0), (1e3, 0)]), -5.0, "spacing is a length"),
        (gpd.GeoSeries([shapely.LineString([(0, 0), (1e3, 0)])]), None, "a CRS"),
    ],
)
def test_what_is_refused(make_field, line, spacing, match):
    with pytest.raises(InputError, match=match):
        line_components(make_field(1.0, 0.0, x=AXIS, y=AXIS), line, spacing=spacing)


def test_displacements_are_refused(make_field):
    moved = make_field(1.0, 0.0, x=AXIS, y=AXIS, units="km", velocity_kind="displacement")
    with pytest.raises(FieldError, match="displacement"):
        line_components(moved, shapely.LineString([(0, 0), (1e3, 0)]))
