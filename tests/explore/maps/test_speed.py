"""Maps of speed: what the colours say, where arrows point, where lines lie."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
import xarray as xr
from matplotlib.collections import LineCollection, QuadMesh
from matplotlib.colors import LogNorm, Normalize
from matplotlib.quiver import Quiver

from altiflow import flow_lines, read_velocity
from altiflow.errors import EmptyDataError, FieldError, InputError
from altiflow.explore.maps import draw_speed
from altiflow.gridding.vectors import east_north, from_east_north
from altiflow.readers.field import build_field


def field_of(vx, vy, x, y, *, crs="EPSG:3413", metric="ground", **attrs) -> xr.Dataset:
    stated = {
        "time_bnds": np.array([["2020-01-01", "2020-02-01"]], "M8[ns]"),
        "units": "m yr-1",
        "year_days": 365.25,
        "velocity_kind": "velocity",
        "metric_source": "user",
        "source": "known flow",
    }
    arrays = (np.broadcast_to(part, (1, y.size, x.size)).astype(float) for part in (vx, vy))
    return build_field(*arrays, x=x, y=y, crs=crs, velocity_metric=metric, **{**stated, **attrs})


def around(crs, longitude, latitude, cells=30, cell=2e4):
    """Return axes (x, y) round a place."""
    x, y = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True).transform(longitude, latitude)
    offset = (np.arange(cells) - cells / 2) * cell
    return x + offset, y + offset


def ramp():
    """Return a field of 1 to 10,000 m/yr from left to right, still in the first column."""
    x, y = around("EPSG:3413", -40.0, 70.0)
    speed = np.where(np.arange(30) == 0, 0.0, 10 ** (np.arange(30) * 4 / 29))
    return field_of(speed, 0.0, x, y)


def found_in(figure, kind):
    return [artist for artist in figure.axes[0].get_children() if isinstance(artist, kind)]


def mesh_of(figure):
    """Return the mesh of cells, the one on the map."""
    return found_in(figure, QuadMesh)[0]


@pytest.mark.parametrize("metric", ["map", "ground"])
@pytest.mark.parametrize(
    ("crs", "place"),
    [
        ("EPSG:3413", (-140, 62)),
        ("EPSG:6931", (100, 58)),
        ("EPSG:3031", (20, -66)),
        ("EPSG:32624", (-39, 70)),
        ("EPSG:6931", (0, 90)),
    ],
)
def test_arrows_point_where_the_ice_goes(crs, place, metric):
    """Towards 30 degrees east of north everywhere: so say the arrows, read back off the map."""
    x, y = around(crs, *place, cell=1e4)
    across, up = np.meshgrid(x, y)
    vx, vy = from_east_north(0 * across + 50.0, 0 * up + 86.6, across, up, crs=crs, metric=metric)
    (arrows,) = found_in(draw_speed(field_of(vx, vy, x, y, crs=crs, metric=metric)), Quiver)
    east, north = east_north(arrows.U, arrows.V, arrows.X, arrows.Y, crs=crs, metric="map")
    assert arrows.N > 100
    far = np.hypot(arrows.X, arrows.Y) > 8e4
    assert np.degrees(np.arctan2(east, north))[far] == pytest.approx(30.0, abs=2.0 if place[1] == 90 else 0.01)
    assert np.hypot(arrows.U, arrows.V) == pytest.approx(1.0)


def test_arrows_are_block_means_of_components():
    """Opposite velocities in a block cancel: there is no arrow, and never one of the mean speed."""
    x, y = around("EPSG:3413", -40.0, 70.0, cells=120, cell=1e3)
    turning = np.tile([100.0, -100.0, 50.0, -50.0, 0.0], 24)
    assert found_in(draw_speed(field_of(turning, 0.0, x, y)), Quiver) == []
    (arrows,) = found_in(draw_speed(field_of(100.0, 0.0, x, y)), Quiver)
    assert 200 < arrows.N < 30**2


def test_colours_are_the_ground_speed_on_a_log_scale():
    figure = draw_speed(ramp())
    mesh = mesh_of(figure)
    assert isinstance(mesh.norm, LogNorm)
    assert (mesh.norm.vmin, mesh.norm.vmax) == (1.0, 10_000.0)
    values = np.asarray(mesh.get_array()).reshape(30, 30)
    assert values[0, 1:] == pytest.approx(10 ** (np.arange(1, 30) * 4 / 29))
    assert values[0, 0] == 1.0, "what stands still has the lowest colour and is no hole"
    assert figure.axes[1].get_ylabel() == "ice speed [m yr⁻¹]"
    labels = [label.get_text() for label in figure.axes[1].get_yticklabels()]
    assert labels[:4] + labels[-1:] == ["1", "2", "5", "10", "10,000"]


def test_map_velocity_is_drawn_as_ground_speed_and_in_the_unit_asked_for():
    """At 60 N of EPSG:3413 the map runs 3.9 % ahead; 365.25 m/yr are 1 m/d."""
    x, y = around("EPSG:3413", -45.0, 60.0, cells=30, cell=100.0)
    figure = draw_speed(field_of(365.25, 0.0, x, y, metric="map"), units="m/d", scale="linear")
    mesh = mesh_of(figure)
    assert type(mesh.norm) is Normalize
    assert mesh.get_array().reshape(30, 30)[15, 15] == pytest.approx(1 / 1.03943, abs=1e-4)
    assert figure.axes[1].get_ylabel() == "ice speed [m d⁻¹]"


def test_limits_are_in_the_unit_of_the_map():
    figure = draw_speed(ramp(), limits=(5.0, 500.0))
    assert (mesh_of(figure).norm.vmin, mesh_of(figure).norm.vmax) == (5.0, 500.0)
    with pytest.raises(InputError, match="above zero"):
        draw_speed(ramp(), limits=(0.0, 500.0))
    assert mesh_of(draw_speed(ramp(), limits=(0.0, 500.0), scale="linear")).norm.vmin == 0.0


def test_lines_lie_where_they_are_in_any_crs():
    field = ramp()
    lines = flow_lines(field, [[field.x.values[5], field.y.values[9]], [9e9, 0.0]]).lines
    for given in (lines, lines.to_crs("EPSG:4326"), lines.geometry):
        figure = draw_speed(field, lines=given)
        assert found_in(figure, Quiver) == []
        drawn = [each for each in found_in(figure, LineCollection) if len(each.get_segments()) == 1]
        path = drawn[-1].get_segments()[0]
        assert path == pytest.approx(np.array(lines.geometry.iloc[0].coords), abs=1e-2)
    assert found_in(draw_speed(field, lines=lines, arrows="directions"), Quiver)
    none = gpd.GeoSeries([None], crs="EPSG:3413")
    assert draw_speed(field, lines=none)
    with pytest.raises(InputError, match="no CRS"):
        draw_speed(field, lines=gpd.GeoSeries([shapely.LineString([(0, 0), (1, 1)])]))


def test_order_of_rows_changes_nothing(tmp_path):
    """(Spec test 28)."""
    field = ramp()
    for name, each in (("up", field), ("down", field.isel(y=slice(None, None, -1)))):
        draw_speed(each, path=tmp_path / f"{name}.png")
    assert (tmp_path / "up.png").read_bytes() == (tmp_path / "down.png").read_bytes()


def test_what_is_refused():
    field = ramp()
    for options, match in (
        ({"arrows": "long"}, "arrows must be"),
        ({"scale": "root"}, "scale must be"),
        ({"units": "knots"}, "velocity unit"),
        ({"time": 3}, "no layer 3"),
        ({"path": "map.gif"}, "a map is written as"),
        ({"cmap": "nocolours"}, "no colour map"),
    ):
        with pytest.raises(InputError, match=match):
            draw_speed(field, **options)
    with pytest.raises(EmptyDataError, match="no value"):
        draw_speed(field_of(np.nan, np.nan, field.x.values, field.y.values))
    moved = field_of(1.0, 1.0, field.x.values, field.y.values, velocity_kind="displacement", units="km")
    with pytest.raises(FieldError, match="displacement"):
        draw_speed(moved)


@pytest.mark.parametrize(
    ("metric", "source", "said"),
    [
        ("ground", "file", "speed in ground metres  ·"),
        ("map", "user", "speed in ground metres, from velocity in map metres  ·"),
        ("map", "assumed", "from velocity in map metres (assumed)  ·"),
    ],
)
def test_the_small_print_names_the_metric(metric, source, said):
    x, y = around("EPSG:3413", -40.0, 70.0, cells=4)
    figure = draw_speed(field_of(5.0, 5.0, x, y, metric=metric, metric_source=source))
    note = figure.texts[-1].get_text().replace("\N{NO-BREAK SPACE}", " ").replace("\n", "  ·  ")
    assert said in note


def test_still_ice_is_a_map_without_arrows():
    field = ramp()
    figure = draw_speed(field_of(0.0, 0.0, field.x.values, field.y.values), scale="linear")
    assert found_in(figure, Quiver) == []


def test_a_real_mosaic(data, tmp_path):
    """The fastest ice of Jakobshavn Isbrae has colours of its own, and its dates are said to be unknown."""
    field = read_velocity(data("itslive/mosaic/its_live_jak.nc"), crs="EPSG:3413")
    figure = draw_speed(field, path=tmp_path / "jakobshavn.png")
    assert mesh_of(figure).norm.vmax == 10_000
    assert "undated" in [text.get_text() for text in figure.texts]
    assert (tmp_path / "jakobshavn.png").stat().st_size > 50_000
