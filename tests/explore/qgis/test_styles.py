"""QGIS styles, read as QGIS reads them: by elements and attributes."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
import shapely
import xarray as xr
from affine import Affine
from matplotlib import colormaps
from matplotlib.colors import LogNorm, Normalize, to_hex, to_rgb

from altiflow import Grid, write_cells, write_geotiffs, write_style
from altiflow.errors import EmptyDataError, InputError, UnsupportedFormatError
from altiflow.explore.qgis import make_ramp, write_styles
from altiflow.gridding.frame import make_frame


@pytest.fixture(scope="module")
def dataset() -> xr.Dataset:
    grid = Grid.from_bounds("EPSG:3413", (0, -1.0e6, 40_000, -0.96e6), 1000)
    frame = make_frame(grid, [["2019-01-01", "2019-02-01"], ["2019-02-01", "2019-03-01"]])
    rng = np.random.default_rng(5)
    values = rng.lognormal(-1.2, 0.5, (2, *grid.shape))
    values[:, :5] = np.nan
    held = {"freeboard_mean": (values, "m"), "speed": (10 ** (6 * rng.random(values.shape) - 1), "m yr-1")}
    held["freeboard_difference"] = (values - 0.2, "m")
    for name, (data, unit) in held.items():
        frame[name] = (("time", "y", "x"), data, {"units": unit, "grid_mapping": "crs", "long_name": name})
    count = np.where(np.isfinite(values), rng.integers(1, 90, values.shape), 0)
    frame["n_segments"] = (("time", "y", "x"), count, {"units": "1", "grid_mapping": "crs"})
    return frame


def root_of(path: Path) -> ElementTree.Element:
    text = path.read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n<qgis version=\"3.")
    return ElementTree.fromstring(text)


def items_of(root: ElementTree.Element) -> list[tuple[float, str, str]]:
    shader = root.find("pipe/rasterrenderer/rastershader/colorrampshader")
    assert shader is not None
    return [(float(one.get("value", "")), one.get("color", ""), one.get("label", "")) for one in shader.findall("item")]


def test_a_raster_has_the_colours_of_the_map(dataset: xr.Dataset, tmp_path: Path) -> None:
    paths = write_geotiffs(dataset, tmp_path)
    styles = {path.stem: root_of(path) for path in write_styles(paths)}
    assert set(styles) == {"freeboard_mean", "speed", "freeboard_difference", "n_segments"}
    low, high = np.nanpercentile(dataset["freeboard_mean"], [2, 98])
    renderer = styles["freeboard_mean"].find("pipe/rasterrenderer")
    assert renderer is not None
    assert (renderer.get("type"), renderer.get("band")) == ("singlebandpseudocolor", "1")
    assert float(renderer.get("classificationMin", "")) == pytest.approx(low, rel=1e-12)
    items = items_of(styles["freeboard_mean"])
    assert [items[0][0], items[-1][0]] == pytest.approx([low, high])
    norm = Normalize(low, high)
    assert [colour for _, colour, _ in items] == [to_hex(colormaps["viridis"](norm(value))) for value, _, _ in items]
    assert all(label.endswith(" m") for _, _, label in items)
    assert float(items[0][2].split()[0]) == pytest.approx(low, rel=1e-3)
    suffix = styles["freeboard_mean"].find(".//rampLegendSettings")
    assert suffix is not None
    assert suffix.get("suffix") == " m"
    assert suffix.find("numericFormat") is not None


def test_between_the_stops_qgis_shows_what_the_map_shows(dataset: xr.Dataset, tmp_path: Path) -> None:
    """QGIS interpolates red, green and blue between stops; the map's colours differ by no more than an eye forgives."""
    path = next(path for path in write_geotiffs(dataset, tmp_path, variables=["speed"]))
    items = items_of(root_of(write_style(path)))
    stops = np.array([value for value, _, _ in items])
    np.testing.assert_allclose(np.diff(np.log(stops)), np.log(stops[1] / stops[0]), rtol=1e-6)
    norm = LogNorm(stops[0], stops[-1])
    speeds = np.geomspace(stops[0], stops[-1], 500)
    colours = np.array([to_rgb(colour) for _, colour, _ in items])
    shown = np.column_stack([np.interp(speeds, stops, colours[:, part]) for part in range(3)])
    assert np.abs(shown - colormaps["viridis"](norm(speeds))[:, :3]).max() < 0.03
    assert items[-1][2].endswith(" m yr⁻¹")


def test_a_difference_is_symmetric_and_a_count_of_nothing_transparent(dataset: xr.Dataset, tmp_path: Path) -> None:
    paths = write_geotiffs(dataset, tmp_path, variables=["freeboard_difference", "n_segments"])
    change, count = (root_of(path) for path in write_styles(paths))
    items = items_of(change)
    assert items[0][0] == -items[-1][0]
    assert items[16][0] == 0.0
    red, green, blue = to_rgb(items[16][1])
    assert red == pytest.approx(green, abs=0.01)
    assert green == pytest.approx(blue, abs=0.01)
    assert items[0][2].startswith("\N{MINUS SIGN}")
    entry = count.find(".//pixelListEntry")
    assert entry is not None
    assert (entry.get("min"), entry.get("percentTransparent")) == ("0.0", "100")
    assert items_of(count)[0][0] >= 1
    assert items_of(count)[0][2] == f"{items_of(count)[0][0]:.4g}"


@pytest.mark.parametrize(
    ("name", "kind", "empty"),
    [("dhdt_mean", "int16", False), ("n_segments", "int32", True), ("dhdt_mean", "uint8", True)],
)
def test_nought_is_a_value_where_numbers_may_be_below_it(name: str, kind: str, empty: bool, tmp_path: Path) -> None:
    values = np.array([[-3, 0, 5], [0, 1, 2]]).clip(0 if empty else -3, None).astype(kind)
    profile = {"driver": "GTiff", "height": 2, "width": 3, "count": 1, "dtype": kind, "crs": "EPSG:3413"}
    with rasterio.open(tmp_path / f"{name}.tif", "w", transform=Affine(1e3, 0, 0, 0, -1e3, 0), **profile) as out:
        out.write(values, 1)
    root = root_of(write_style(tmp_path / f"{name}.tif"))
    assert (root.find(".//pixelListEntry") is not None) == empty
    if not empty:
        assert items_of(root)[16][0] == 0.0


@pytest.mark.parametrize("suffix", [".parquet", ".gpkg"])
def test_cells_have_classes_without_gaps_in_the_colours_of_the_map(
    dataset: xr.Dataset, tmp_path: Path, suffix: str
) -> None:
    path = write_cells(dataset, tmp_path / f"cells{suffix}", variables=["freeboard_mean", "n_segments"])
    root = root_of(write_style(path, classes=6, limits=(0.1, 0.7), units="m"))
    renderer = root.find("renderer-v2")
    assert renderer is not None
    assert (renderer.get("type"), renderer.get("attr")) == ("graduatedSymbol", "freeboard_mean")
    ranges = renderer.findall("ranges/range")
    edges = [(float(one.get("lower", "")), float(one.get("upper", ""))) for one in ranges]
    assert [low for low, _ in edges[1:]] == [high for _, high in edges[:-1]]
    assert [high for _, high in edges[:-1]] == pytest.approx([0.2, 0.3, 0.4, 0.5, 0.6])
    assert (edges[0][0], edges[-1][1]) == (-1e300, 1e300)
    labels = [one.get("label") for one in ranges]
    assert labels[:2] == ["below 0.2 m", "0.2 m to 0.3 m"]
    assert labels[-1] == "0.6 m and above"
    symbols = renderer.findall("symbols/symbol")
    assert [one.get("name") for one in symbols] == [one.get("symbol") for one in ranges]
    middles = Normalize(0.1, 0.7)([0.15, 0.25, 0.35, 0.45, 0.55, 0.65])
    for symbol, place in zip(symbols, middles, strict=True):
        assert symbol.get("type") == "fill"
        colour = symbol.find("layer/Option/Option[@name='color']")
        assert colour is not None
        expected = [round(255 * part) for part in to_rgb(to_hex(colormaps["viridis"](place)))]
        assert colour.get("value") == ",".join(map(str, [*expected, 255]))


def test_points_lines_and_the_column_asked_for(tmp_path: Path) -> None:
    table = gpd.GeoDataFrame(
        {"speed": [1.0, 10.0, 100.0], "name": list("abc"), "time": pd.to_datetime(["2019-01-01"] * 3)},
        geometry=shapely.points([0, 1, 2], [70, 70, 70]),
        crs=4326,
    )
    table.to_file(tmp_path / "points.gpkg")
    root = root_of(write_style(tmp_path / "points.gpkg", variable="speed", classes=3, limits=(1, 1000), units="m yr-1"))
    assert [one.get("type") for one in root.findall("renderer-v2/symbols/symbol")] == ["marker"] * 3
    assert [one.get("label") for one in root.findall(".//range")][1] == "10 m yr⁻¹ to 100 m yr⁻¹"
    mixed = table.assign(geometry=[shapely.Point(0, 70), shapely.LineString([(0, 70), (1, 71)]), shapely.Point(1, 70)])
    mixed.to_file(tmp_path / "mixed.geojson")
    with pytest.raises(InputError, match="no features of one kind"):
        write_style(tmp_path / "mixed.geojson", variable="speed")
    with pytest.raises(InputError, match="no column of numbers 'name'; it has speed"):
        write_style(tmp_path / "points.gpkg", variable="name")


def test_what_has_no_style_is_refused(dataset: xr.Dataset, tmp_path: Path) -> None:
    cases: list[tuple[type[Exception], str, dict[str, Any]]] = [
        (InputError, "must be above zero", {"variable": "speed", "limits": (0.0, 5.0)}),
        (InputError, "no colour map 'rainbows'", {"cmap": "rainbows"}),
        (InputError, "lowest, highest", {"limits": (2.0, 1.0)}),
    ]
    path = write_geotiffs(dataset, tmp_path, variables=["freeboard_mean"])[0]
    for error, words, changed in cases:
        with pytest.raises(error, match=words):
            write_style(path, **changed)
    with pytest.raises(InputError, match="there is no file"):
        write_style(tmp_path / "none.tif")
    (tmp_path / "a.csv").write_text("a")
    with pytest.raises(UnsupportedFormatError, match=r"got a\.csv"):
        write_style(tmp_path / "a.csv")
    with rasterio.open(path) as file:
        profile = file.profile
    profile |= {"driver": "GTiff", "count": 1}
    with rasterio.open(tmp_path / "empty.tif", "w", **profile) as out:
        out.write(np.full((1, profile["height"], profile["width"]), np.nan, profile["dtype"]))
    with pytest.raises(EmptyDataError, match="has no value"):
        write_style(tmp_path / "empty.tif")
    assert write_styles([tmp_path / "empty.tif"]) == []
    assert not list(tmp_path.glob("*.qml"))
    with pytest.raises(EmptyDataError, match="nothing to colour"):
        make_ramp("speed", np.array([np.nan]))
