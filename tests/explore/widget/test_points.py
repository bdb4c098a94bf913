"""The points panel: places, their velocity, segments about them; its code does the same again."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import xarray as xr

import altiflow as af
from altiflow.explore.service import make_app, start_app
from altiflow.explore.widget import PointPicker

SIZE = 8


@pytest.fixture(scope="module")
def cube() -> xr.Dataset:
    """Return a cube of which the second layer has no errors, with a hole."""
    rng = np.random.default_rng(0)
    bounds = np.array(
        [["2020-01-01", "2020-01-17"], ["2020-02-01", "2020-02-17"], ["2021-01-01", "2021-02-01"]], "M8[ns]"
    )
    vx, vy = rng.normal(100, 20, (2, 3, SIZE, SIZE))
    vx[:, 0, 0] = np.nan
    sigma = np.full((3, SIZE, SIZE), 5.0)
    sigma[1] = np.nan
    return af.build_field(
        vx,
        vy,
        vx_sigma=sigma,
        vy_sigma=sigma,
        x=-180_000 + 240.0 * np.arange(SIZE),
        y=-2_280_000 + 240.0 * np.arange(SIZE)[::-1],
        crs=3413,
        time_bnds=bounds,
        units="m/yr",
        year_days=365.25,
        velocity_metric="map",
        metric_source="user",
        source="test",
    )


def degrees(cube: xr.Dataset, row: int, col: int) -> tuple[float, float]:
    to_globe = pyproj.Transformer.from_crs(3413, 4326, always_xy=True)
    lon, lat = to_globe.transform(float(cube["x"][col]), float(cube["y"][row]))
    return float(lon), float(lat)


class Told:
    """Counts what a panel tells."""

    def __init__(self, panel: Any) -> None:
        self.events: list[str] = []
        for event in ("changed", "found", "failed"):
            panel.listen(event, lambda event=event: self.events.append(event))


@pytest.fixture
def picker(cube: xr.Dataset) -> PointPicker:
    made = PointPicker()
    made.add(*degrees(cube, 3, 4), name="trunk")
    made.add(*degrees(cube, 6, 1))
    made.set_velocity(cube, "cube")
    return made


def test_places_are_picked_named_moved_and_taken_away() -> None:
    picker = PointPicker()
    told = Told(picker)
    picker.click(370, 80)
    assert picker.places == {"P1": (10.0, 80.0)}
    assert picker.add(20, 81, " front ") == "front"
    assert picker.rename("P1", "trunk") == "trunk"
    assert list(picker.places) == ["trunk", "front"]
    picker.moving = "front"
    picker.click(21, 82)
    assert picker.places["front"] == (21.0, 82.0)
    picker.click(1, 2)
    assert list(picker.places) == ["trunk", "front", "P3"]
    assert picker.remove("front") == "front"
    assert picker.add(0, 0) == "P4"
    assert told.events == ["changed"] * 7
    picker.clear()
    assert picker.places == {}


@pytest.mark.parametrize(
    ("act", "told"),
    [
        (lambda picker: picker.add(0, 91), "latitude 91 is no place"),
        (lambda picker: picker.add(float("nan"), 1), "is no place"),
        (lambda picker: picker.add(0, 1, "trunk"), "place 'trunk' already"),
        (lambda picker: picker.rename("trunk", " "), "is no name"),
        (lambda picker: picker.rename("trunk", "P2"), "that of another"),
        (lambda picker: picker.rename("x", "y"), "no place 'x'; there are trunk, P2"),
        (lambda picker: picker.move("x", 0, 0), "no place 'x'"),
        (lambda picker: picker.remove("x"), "no place 'x'"),
        (lambda picker: picker.read_file(""), "no file of places is named"),
        (lambda picker: picker.read_file("nowhere.csv"), "no file nowhere.csv"),
        (lambda picker: picker.plot(), "find the velocity first"),
        (lambda picker: picker.plot("height"), "find segments first"),
        (lambda picker: picker.write_series("a.zip"), "find the velocity first"),
        (lambda picker: picker.write_segments("a.csv"), "find segments first"),
        (lambda picker: picker.write_file(" "), "no file is named for places"),
        (lambda picker: picker.find_segments(), "no table of segments is chosen"),
    ],
)
def test_what_cannot_be_done_is_said_and_changes_nothing(picker: PointPicker, act: Any, told: str) -> None:
    before, heard = picker.places, Told(picker)
    assert act(picker) is None
    assert told in picker.message
    assert heard.events == ["failed"]
    assert picker.places == before


def test_the_velocity_is_that_of_the_library_and_the_code_finds_it_again(
    picker: PointPicker, cube: xr.Dataset, tmp_path: Path
) -> None:
    table = picker.find_series()
    assert table is not None
    assert picker.message == "6 velocities at 2 of 2 places"
    own = table[table["point"] == "trunk"]
    np.testing.assert_allclose(own["vx"], cube["vx"][:, 3, 4])
    assert own["v_sigma"].isna().tolist() == [False, True, False]
    figure = picker.plot()
    assert figure.axes[0].get_ylabel() == "speed [m yr⁻¹]"
    assert sorted(text.get_text() for text in figure.axes[0].get_legend().get_texts()) == ["P2: 3", "trunk: 3"]
    assert picker.write_series(tmp_path / "series.zip")
    with zipfile.ZipFile(tmp_path / "series.zip") as archive:
        assert sorted(archive.namelist()) == ["P2.csv", "trunk.csv"]
        with archive.open("trunk.csv") as held:
            assert len(pd.read_csv(held)) == 3
    assert picker.write_series(tmp_path / "series.zip") is None
    assert "there already" in picker.message
    (tmp_path / "series.zip").unlink()
    names: dict[str, Any] = {"cube": cube}
    exec(picker.code, names)
    pd.testing.assert_frame_equal(names["table"], table)
    assert (tmp_path / "series.zip").exists()


def test_a_place_without_velocity_is_named(picker: PointPicker, cube: xr.Dataset) -> None:
    picker.add(*degrees(cube, 0, 0), name="hole")
    picker.add(0.0, -80.0, name="far")
    assert picker.find_series() is not None
    assert picker.message == "6 velocities at 2 of 4 places; none at hole, far"
    for name in ("trunk", "P2", "hole"):
        picker.remove(name)
    assert picker.find_series() is None
    assert "none of 1 points lies on the field" in picker.message
    picker.clear()
    assert picker.find_series() is None
    assert "no place is picked" in picker.message


def test_a_file_of_velocity_is_read_once(picker: PointPicker, cube: xr.Dataset, tmp_path: Path) -> None:
    path = af.write_velocity(cube, tmp_path / "cube.nc")
    picker.set_velocity(str(path))
    first = picker.find_series()
    picker.method = "linear"
    second = picker.find_series()
    assert first is not None
    assert second is not None
    assert picker.code.count("af.read_velocity(") == 1
    names: dict[str, Any] = {}
    exec(picker.code, names)
    pd.testing.assert_frame_equal(names["table"], second)
    for source, told in ((None, "no velocity is chosen"), ("  ", "no velocity is chosen"), (3, "a int is no velocity")):
        picker.set_velocity(source)
        assert picker.find_series() is None
        assert told in picker.message


def test_a_service_is_asked_for_the_velocity(picker: PointPicker, cube: xr.Dataset) -> None:
    expected = picker.find_series()
    assert expected is not None
    with start_app(make_app([], fields={"test": cube})) as running:
        picker.set_velocity(f"{running.url}/fields/test")
        table = picker.find_series()
        assert table is not None, picker.message
        names: dict[str, Any] = {"cube": cube}
        exec(picker.code, names)
    np.testing.assert_allclose(table["vx"], expected["vx"], rtol=1e-6)
    pd.testing.assert_frame_equal(names["table"], table)


@pytest.fixture
def segments(cube: xr.Dataset) -> gpd.GeoDataFrame:
    lon, lat = degrees(cube, 3, 4)
    shapes = gpd.points_from_xy(lon + np.array([0, 0.001, 1]), np.full(3, lat))
    time = pd.to_datetime(["2020-03-01", "2020-02-01", "2020-01-01"])
    table = gpd.GeoDataFrame({"time": time, "freeboard": [0.1, 0.2, 0.3]}, geometry=shapes, crs=4326)
    table["longitude"], table["latitude"] = table.geometry.x, table.geometry.y
    table.attrs["altiflow"] = {"units": {"freeboard": "m"}}
    return table


def test_segments_about_the_places_are_found_drawn_and_written(
    picker: PointPicker, segments: gpd.GeoDataFrame, tmp_path: Path
) -> None:
    picker.set_segments(segments)
    picker.radius_m = 500.0
    near = picker.find_segments()
    assert near is not None
    assert near["freeboard"].tolist() == [0.2, 0.1]
    assert picker.message == "2 segments within 500 m: trunk 2, P2 0"
    assert picker.columns == ("freeboard",)
    assert picker.plot("freeboard").axes[0].get_ylabel() == "freeboard [m]"
    assert picker.plot("depth") is None
    assert "no measurement 'depth'; they have freeboard" in picker.message
    assert picker.write_segments(tmp_path / "near.csv") is not None
    (tmp_path / "near.csv").unlink()
    names: dict[str, Any] = {"segments": segments}
    exec(picker.code, names)
    assert names["near"]["freeboard"].tolist() == near["freeboard"].tolist()
    picker.radius_m = 0.0
    assert picker.find_segments() is None
    assert "radius_m" in picker.message


def test_places_go_to_a_file_and_come_back(picker: PointPicker, tmp_path: Path) -> None:
    assert picker.write_file(tmp_path / "p.csv") == tmp_path / "p.csv"
    assert picker.read_file(tmp_path / "p.csv") is None
    assert "place 'P2' already" in picker.message
    other = PointPicker()
    found = other.read_file(tmp_path / "p.csv")
    assert found is not None
    assert {name: np.round(place, 5).tolist() for name, place in found.items()} == {
        name: np.round(place, 5).tolist() for name, place in picker.places.items()
    }


def test_one_thing_runs_at_a_time(picker: PointPicker) -> None:
    from threading import Event

    gate = Event()
    assert picker.start("waiting", gate.wait)
    assert not picker.start("more", gate.wait)
    assert "waiting is not done yet" in picker.message
    gate.set()
    assert picker.work.wait(600)
