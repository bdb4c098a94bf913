"""Series hold what the cells hold."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
import zarr

from altiflow import read_velocity
from altiflow.errors import FieldError, InputError, NoOverlapError
from altiflow.gridding.cubes import series_along, series_at, series_in, series_table
from altiflow.gridding.vectors import reproject_vectors
from altiflow.readers.field import build_field

CUBE = "itslive/cube/single_glacier_itslive.zarr"


def make(count=4, *, epsg=32646, west=784_260.0, y_down=True, **changes):
    """Return a cube whose vx tells layer, row and column, 6 rows from the top and 5 columns."""
    layer, row, col = np.meshgrid(np.arange(count), np.arange(6), np.arange(5), indexing="ij")
    vx = (100.0 * layer + 10.0 * row + col).astype("f4")
    vx[1, 2, 3] = np.nan
    y = 3_315_000.0 - 120.0 * np.arange(6)
    order = slice(None) if y_down else slice(None, None, -1)
    start = np.datetime64("2020-01-01", "ns") + np.arange(count) * np.timedelta64(1, "D")
    told = {
        "crs": epsg, "units": "m/yr", "year_days": 365.0, "velocity_metric": "map", "metric_source": "user",
        "source": "made", "vx_sigma": np.arange(count) + 1.0, "vy_sigma": np.full(count, 2.0),
        "layers": {"granule": [f"pair{n}" for n in range(count)]}, **changes,
    }  # fmt: skip
    return build_field(
        vx[:, order], -vx[:, order], x=west + 120.0 * np.arange(5), y=y[order],
        time_bnds=np.stack([start, start + np.timedelta64(16, "D")], axis=1), **told,
    )  # fmt: skip


@pytest.mark.parametrize("y_down", [True, False])
def test_a_point_has_the_values_of_its_cell(y_down):
    cube = make(y_down=y_down)
    series = series_at(cube, [(784_260 + 240 + 30, 3_315_000 - 360 - 40)], crs=32646)
    assert series.vx.values[:, 0].tolist() == [32.0, 132.0, 232.0, 332.0]
    assert series.cell_distance.item() == pytest.approx(50.0)
    assert series.vx_sigma.values.tolist() == [1, 2, 3, 4]


def test_many_points_equal_indexing_in_any_order():
    cube, rng = make(), np.random.default_rng(0)
    rows, cols = rng.integers(0, 6, 500), rng.integers(0, 5, 500)
    series = series_at(cube, np.column_stack([cube.x.values[cols], cube.y.values[rows]]), crs=32646)
    np.testing.assert_array_equal(series.vx.values, cube.vx.values[:, rows, cols])


def test_linear_between_centres():
    series = series_at(make(), [(784_260 + 60, 3_315_000 - 60)], crs=32646, method="linear")
    assert series.vx.values[:, 0].tolist() == [5.5, 105.5, 205.5, 305.5]


def test_layers_without_a_value_are_kept_and_the_table_leaves_them_out():
    cube = make()
    series = series_at(cube, [(cube.x.values[3], cube.y.values[2])], crs=32646)
    assert np.isnan(series.vx.values[1, 0])
    table = series_table(series)
    assert table["granule"].tolist() == ["pair0", "pair2", "pair3"]
    assert table["speed"].tolist() == pytest.approx(np.sqrt(2) * np.array([23.0, 223.0, 323.0]))
    assert table["v_sigma"].tolist() == pytest.approx(np.sqrt((np.array([1, 9, 16]) + 4) / 2))
    assert len(series_table(series, empty=True)) == 4


def test_points_of_geopandas_keep_their_names():
    points = gpd.GeoDataFrame(geometry=[shapely.Point(95.95, 29.93)], index=["tongue"], crs=4326)
    x, y = pyproj.Transformer.from_crs(4326, 32646, always_xy=True).transform(95.95, 29.93)
    cube = make(west=x - 240).assign_coords(y=y + 360 - 120.0 * np.arange(6))
    series = series_at(cube, points)
    assert series.point.values.tolist() == ["tongue"]
    assert (series.longitude.item(), series.latitude.item()) == pytest.approx((95.95, 29.93))


def test_cubes_of_two_zones_are_one_series():
    east = make(2)
    x, y = pyproj.Transformer.from_crs(32646, 32647, always_xy=True).transform(east.x.values[2], east.y.values[3])
    wide = make(3, epsg=32647).assign_coords(x=x + 120.0 * (np.arange(5) - 2), y=y - 120.0 * (np.arange(6) - 3))
    point = [(east.x.values[2], east.y.values[3])]
    series = series_at([east, wide], point, crs=32646)
    assert series.granule.values.tolist() == ["pair0", "pair1", "pair2"]
    assert series.vx.values[:2, 0].tolist() == [32.0, 132.0]
    expected = reproject_vectors(232.0, -232.0, x, y, source_crs=32647, target_crs=32646, metric="map")
    assert (series.vx.values[2, 0], series.vy.values[2, 0]) == pytest.approx(expected[:2], rel=1e-6)
    assert abs(np.degrees(np.arctan2(series.vy.values[2, 0], series.vx.values[2, 0])) + 45) > 1


def test_a_point_on_the_seam_of_two_cubes_has_both_and_stays_where_it_is():
    left, right = make(2), make(2, west=784_260.0 + 5 * 120, layers={"granule": ["pair7", "pair8"]})
    seam = 784_260.0 + 4.5 * 120
    series = series_at([left, right], [(seam, 3_315_000.0)], crs=32646)
    assert series.x.item() == seam
    assert sorted(series.granule.values.tolist()) == ["pair0", "pair1", "pair7", "pair8"]
    assert np.isfinite(series.vx.values).all()


def test_along_a_line_the_distance_is_on_the_ground():
    cube = make()
    line = shapely.LineString([(784_260, 3_315_000), (784_260 + 300, 3_315_000 - 400)])
    series = series_along(cube, line, crs=32646, spacing=100.0)
    assert series.sizes["point"] == 6
    lon, lat = series.longitude.values, series.latitude.values
    assert series.distance.values[-1] == pytest.approx(pyproj.Geod(ellps="WGS84").line_length(lon, lat), rel=1e-9)
    assert series.distance.values[-1] == pytest.approx(500, rel=2e-3)


def test_the_mean_of_an_area_is_of_components():
    cube = make()
    lon, lat = pyproj.Transformer.from_crs(32646, 4326, always_xy=True).transform(
        784_260 + np.array([150.0, 450.0]), 3_315_000 - np.array([450.0, 150.0])
    )
    series = series_in(cube, {"box": (lon[0], lat[0], lon[1], lat[1])})
    cells = cube.vx.values[:, 2:4, 2:4].reshape(4, -1)
    np.testing.assert_allclose(series.vx.values[:, 0], np.nanmean(cells, axis=1), rtol=1e-6)
    assert series["count"].values[:, 0].tolist() == [4, 3, 4, 4]
    assert series.vx_sigma.values[:, 0].tolist() == [1, 2, 3, 4]
    strict = series_in(cube, {"box": (lon[0], lat[0], lon[1], lat[1])}, min_valid=1.0)
    assert np.isnan(strict.vx.values[1, 0])


@pytest.mark.parametrize(
    ("points", "error", "message"),
    [
        ([(0.0, 0.0)], NoOverlapError, "none of 1 points lies on the field"),
        ([], InputError, "pairs"),
        ([(np.nan, 0.0)], InputError, "has no place on the map"),
        (shapely.LineString([(0, 0), (1, 1)]), InputError, "points must be points"),
    ],
)
def test_what_is_no_point(points, error, message):
    with pytest.raises(error, match=message):
        series_at(make(), points, crs=32646)


def test_metrics_are_not_mixed_silently():
    fields = [make(), make(velocity_metric="ground")]
    point = [(784_260.0, 3_315_000.0)]
    with pytest.raises(FieldError, match="map and in ground metres"):
        series_at(fields, point, crs=32646)
    ground = series_at(fields[0], point, crs=32646, metric="ground")
    scale = pyproj.Proj(32646).get_factors(*pyproj.Proj(32646)(*point[0], inverse=True)).meridional_scale
    assert ground.vx.values[3, 0] == pytest.approx(300 / scale, rel=1e-6)


class TestRealCube:
    @pytest.mark.parametrize(("row", "col"), [(12, 13), (20, 30), (0, 0)])
    def test_a_series_is_the_store_pair_for_pair(self, data, row, col):
        store, cube = zarr.open_group(str(data(CUBE)), mode="r"), read_velocity(data(CUBE))
        point = [(float(cube.x[col]), float(cube.y[row]))]
        table = series_table(series_at(cube, point, crs=cube.attrs["crs"]))
        raw = {name: store[name][:, row, col] for name in ("vx", "vy")}
        valid = (raw["vx"] != -32767) & (raw["vy"] != -32767)
        urls = np.array([str(url).rsplit("/", 1)[1].removesuffix(".nc") for url in store["granule_url"][:][valid]])
        assert len(table) == valid.sum()
        assert table["granule"].is_unique
        by_name = table.set_index("granule").loc[urls]
        for name in ("vx", "vy"):
            np.testing.assert_array_equal(by_name[name].to_numpy(), raw[name][valid])
            np.testing.assert_array_equal(by_name[f"{name}_sigma"].to_numpy(), store[f"{name}_error"][:][valid])
        if len(table):
            assert table["mid"].duplicated().any()
            assert table["start"].is_monotonic_increasing
