"""Scalars on another grid: what is conserved, what is exact, and against points projected one by one."""

from __future__ import annotations

import numpy as np
import pyproj
import pytest
import xarray as xr
from affine import Affine

from altiflow.errors import EmptyDataError, InputError, NoOverlapError
from altiflow.gridding.export import write_netcdf
from altiflow.gridding.frame import make_frame
from altiflow.gridding.grids.grid import Grid
from altiflow.gridding.remap.overlap import overlap_cells
from altiflow.gridding.remap.regridding import regrid

MONTHS = np.array([["2020-01-01", "2020-02-01"], ["2020-02-01", "2020-03-01"]], "datetime64[ns]")
DIMS = ("time", "y", "x")


def random_data(grid: Grid, seed: int = 0, empty: float = 0.3) -> xr.Dataset:
    rng = np.random.default_rng(seed)
    shape = (2, *grid.shape)
    number = np.where(rng.random(shape) < empty, 0, rng.integers(1, 50, shape))
    filled = number > 0
    data = make_frame(grid, MONTHS)
    mean = rng.normal(0.4, 0.1, shape)
    columns = {
        "n_segments": number,
        "length_sum": np.where(filled, number * rng.uniform(10, 60, shape), np.nan),
        "freeboard_mean": np.where(filled, mean, np.nan),
        "freeboard_std": np.where(filled, rng.uniform(0, 0.1, shape), np.nan),
        "freeboard_sigma": np.where(filled, rng.uniform(0.01, 0.02, shape), np.nan),
        "freeboard_min": np.where(filled, mean - 0.2, np.nan),
        "freeboard_max": np.where(filled, mean + 0.3, np.nan),
    }
    for name, values in columns.items():
        unit = {"units": "1" if name == "n_segments" else "m", "long_name": name.replace("_", " ")}
        data[name] = (DIMS, values, unit)
    data["length_mean"] = (DIMS, np.where(filled, data.length_sum / np.maximum(number, 1), np.nan), {"units": "m"})
    return data.assign_attrs(product="ATL10", history="made up")


def totals(variable: xr.DataArray) -> np.ndarray:
    return variable.sum(("y", "x")).to_numpy()


def polar(name: str, rows: slice, cols: slice) -> Grid:
    return Grid.named(name).window(rows, cols)


PAIRS = {
    "6931 to 3411": (polar("EASE2_N25km", slice(330, 390), slice(340, 400)), Grid.named("NSIDC_PS_N25km")),
    "3413 to 6931": (polar("NSIDC_PS_WGS84_N25km", slice(180, 260), slice(100, 180)), Grid.named("EASE2_N25km")),
    "3413 to fine 6931": (
        polar("NSIDC_PS_WGS84_N25km", slice(220, 232), slice(130, 145)),
        polar("EASE2_N6.25km", slice(1300, 1580), slice(1300, 1580)),
    ),
    "3411 to coarse 6931": (polar("NSIDC_PS_N12.5km", slice(400, 470), slice(250, 330)), Grid.named("EASE2_N100km")),
}


@pytest.mark.parametrize("pair", PAIRS)
def test_integrals_and_sums_are_kept_from_map_to_map(pair):
    source, target = PAIRS[pair]
    data = random_data(source)
    found = regrid(data, target)
    wanted = totals(data.freeboard_mean * source.cell_area)
    assert np.allclose(totals(found.freeboard_mean * found.covered_area), wanted, rtol=1e-9, atol=0)
    covered = totals(np.isfinite(data.freeboard_mean) * source.cell_area)
    assert np.allclose(totals(found.covered_area), covered, rtol=1e-9, atol=0)
    assert np.allclose(totals(found.n_segments), totals(data.n_segments), rtol=1e-12)
    assert np.allclose(totals(found.length_sum), totals(data.length_sum), rtol=1e-12)
    for layer in range(2):
        one, other = found.freeboard_mean[layer], data.freeboard_mean[layer]
        assert float(other.min()) <= float(one.min()) <= float(one.max()) <= float(other.max())
    assert np.array_equal(np.isfinite(found.freeboard_mean), found.covered_area > 0)
    assert float(found.coverage.min()) >= 0
    assert float(found.coverage.max()) <= 1


def test_full_cells_are_covered_and_hold_constants():
    source = polar("EASE2_N25km", slice(330, 390), slice(340, 400))
    data = make_frame(source, MONTHS[:1])
    data["height_mean"] = (DIMS, np.full((1, *source.shape), 0.1))
    target = Grid.named("NSIDC_PS_WGS84_N25km")
    found = regrid(data, target)
    assert set(np.unique(found.height_mean.to_numpy()[np.isfinite(found.height_mean)])) == {0.1}
    row, col = target.rowcol(*target.project(*source.lonlat()))
    inner = np.zeros(target.shape, bool)
    inner[row[5:-5, 5:-5], col[5:-5, 5:-5]] = True
    ratio = (found.covered_area[0].to_numpy() / target.cell_area)[inner]
    assert ratio.min() > 0.85
    assert ratio.max() < 1.15
    assert abs(ratio.mean() - 1) < 0.01


def test_more_pieces_come_closer_to_the_true_overlap():
    source = polar("EASE2_N25km", slice(355, 357), slice(380, 382))
    target = Grid.named("NSIDC_PS_WGS84_N25km")
    exact = overlap_cells(source, target, np.arange(4), cuts=(300, 300)).area.toarray()
    away = [np.abs(overlap_cells(source, target, np.arange(4), cuts=(k, k)).area - exact).max() for k in (2, 8, 64)]
    assert away[0] > away[1] > away[2]
    assert away[1] < 0.06 * 625e6


def test_pieces_fall_where_pyproj_puts_them():
    source = polar("NSIDC_PS_WGS84_N25km", slice(230, 233), slice(140, 144))
    target = Grid.named("EASE2_N12.5km")
    found = overlap_cells(source, target, np.array([0, 5, 11]), cuts=(3, 3))
    to_target = pyproj.Transformer.from_crs("EPSG:3413", "EPSG:6931", always_xy=True)
    to_globe = pyproj.Transformer.from_crs("EPSG:3413", "EPSG:4326", always_xy=True)
    geodesic = pyproj.Geod(ellps="WGS84")
    wanted: dict[tuple[int, int], float] = {}
    for place, cell in enumerate((0, 5, 11)):
        row, col = divmod(cell, 4)
        left, top = source.transform @ (col, row)
        for i, j in np.ndindex(3, 3):
            x, y, h = left + (j + 0.5) * 25e3 / 3, top - (i + 0.5) * 25e3 / 3, 12.5e3 / 3
            at = target.rowcol(*to_target.transform(x, y))
            edge = np.linspace(-h, h, 20)
            ring_x = np.r_[x + edge, np.full(20, x + h), x - edge, np.full(20, x - h)]
            ring_y = np.r_[np.full(20, y - h), y + edge, np.full(20, y + h), y - edge]
            area = abs(geodesic.polygon_area_perimeter(*to_globe.transform(ring_x, ring_y))[0])
            key = int(at[0]) * target.shape[1] + int(at[1]), place
            wanted[key] = wanted.get(key, 0.0) + area
    pairs = found.area.tocoo()
    got = {(int(n), int(m)): float(a) for n, m, a in zip(pairs.row, pairs.col, pairs.data, strict=True)}
    assert got.keys() == wanted.keys()
    assert np.allclose([got[key] for key in wanted], list(wanted.values()), rtol=1e-5)


def test_a_coarser_grid_of_the_family_has_exact_area_means():
    fine = polar("EASE2_N12.5km", slice(700, 740), slice(700, 732))
    coarse = polar("EASE2_N25km", slice(350, 370), slice(350, 366))
    data = random_data(fine)
    found = regrid(data, coarse)

    def boxes(values: np.ndarray) -> np.ndarray:
        return values.reshape(2, 20, 2, 16, 2).transpose(0, 1, 3, 2, 4).reshape(2, 20, 16, 4)

    mean, std = boxes(data.freeboard_mean.to_numpy()), boxes(data.freeboard_std.to_numpy())
    sigma = boxes(data.freeboard_sigma.to_numpy())
    there = np.isfinite(mean).sum(axis=-1)
    some = there > 0
    assert np.allclose(found.freeboard_mean.to_numpy()[some], np.nanmean(mean[some], axis=-1), rtol=1e-14)
    pooled = np.nanmean(std[some] ** 2, axis=-1) + np.nanvar(mean[some], axis=-1)
    assert np.allclose(found.freeboard_std.to_numpy()[some], pooled**0.5, rtol=1e-10)
    # As if the errors of the four were one.
    assert np.allclose(found.freeboard_sigma.to_numpy()[some], np.nanmean(sigma[some], axis=-1), rtol=1e-12)
    low, high = boxes(data.freeboard_min.to_numpy())[some], boxes(data.freeboard_max.to_numpy())[some]
    assert np.array_equal(found.freeboard_min.to_numpy()[some], np.nanmin(low, axis=-1))
    assert np.array_equal(found.freeboard_max.to_numpy()[some], np.nanmax(high, axis=-1))
    assert np.array_equal(found.n_segments, boxes(data.n_segments.to_numpy()).sum(axis=-1))
    assert np.allclose(found.coverage, there / 4, rtol=1e-9)
    assert np.allclose(found.length_mean.to_numpy()[some], (found.length_sum / found.n_segments).to_numpy()[some])
    assert np.isnan(found.freeboard_mean.to_numpy()[~some]).all()
    assert (found.n_segments.to_numpy()[~some] == 0).all()


def test_a_stereographic_family_weighs_by_true_area():
    fine = polar("NSIDC_PS_WGS84_N12.5km", slice(0, 40), slice(0, 40))
    coarse = polar("NSIDC_PS_WGS84_N25km", slice(0, 20), slice(0, 20))
    data = random_data(fine, empty=0.0)
    found = regrid(data, coarse)
    weighed = (data.freeboard_mean.to_numpy() * fine.cell_area).reshape(2, 20, 2, 20, 2).sum(axis=(2, 4))
    assert np.allclose(found.freeboard_mean, weighed / coarse.cell_area, rtol=1e-9)
    assert np.allclose(found.coverage, 1, atol=1e-9)


def test_there_and_back_in_one_family_is_where_it_began():
    coarse = polar("EASE2_N25km", slice(350, 370), slice(350, 366))
    fine = polar("EASE2_N6.25km", slice(1400, 1480), slice(1400, 1464))
    data = random_data(coarse)
    back = regrid(regrid(data, fine), coarse)
    for name in ("freeboard_mean", "freeboard_std", "length_sum", "n_segments", "length_mean", "freeboard_min"):
        assert np.allclose(back[name], data[name], rtol=1e-12, equal_nan=True), name


def test_partly_covered_cells_go_when_asked():
    fine = polar("EASE2_N12.5km", slice(700, 740), slice(700, 732))
    coarse = polar("EASE2_N25km", slice(350, 370), slice(350, 366))
    data = random_data(fine)
    free, strict = regrid(data, coarse), regrid(data, coarse, min_coverage=0.75)
    assert np.array_equal(np.isfinite(strict.freeboard_mean), free.coverage > 0.7)
    assert np.array_equal(strict.n_segments, free.n_segments)


def test_a_plane_comes_through_bilinear_and_nearest():
    source = polar("EASE2_N25km", slice(330, 390), slice(340, 400))
    target = polar("NSIDC_PS_WGS84_N12.5km", slice(440, 470), slice(290, 310))
    data = make_frame(source, MONTHS[:1])
    x, y = np.meshgrid(source.x, source.y)
    data["height_mean"] = (DIMS, (2e-6 * x - 3e-6 * y)[None])
    data["n_segments"] = (DIMS, np.full((1, *source.shape), 1000))
    to_source = pyproj.Transformer.from_crs("EPSG:3413", "EPSG:6931", always_xy=True)
    at_x, at_y = to_source.transform(*np.meshgrid(target.x, target.y))
    inside = (np.abs(at_x - source.x.mean()) < 29 * 25e3) & (np.abs(at_y - source.y.mean()) < 29 * 25e3)
    assert inside.sum() > 400
    found = regrid(data, target, method="bilinear")
    assert np.allclose(found.height_mean.to_numpy()[0][inside], (2e-6 * at_x - 3e-6 * at_y)[inside], atol=1e-9)
    density = 1000 * target.cell_area / 25e3**2
    assert np.allclose(found.n_segments.to_numpy()[0][inside], density[inside], rtol=1e-9)
    near = regrid(data, target, method="nearest")
    row, col = source.rowcol(at_x, at_y)
    places = [(at_x - source.transform.c) / 25e3, (at_y - source.transform.f) / 25e3]
    inside &= np.all([np.abs(place - place.round()) > 1e-6 for place in places], axis=0)
    assert np.array_equal(near.height_mean.to_numpy()[0][inside], data.height_mean.to_numpy()[0][row, col][inside])
    assert "coverage" not in found


@pytest.mark.parametrize("method", ["conservative", "bilinear", "nearest"])
def test_the_order_of_rows_does_not_matter(method):
    source, target = PAIRS["6931 to 3411"]
    data = random_data(source)
    turned = data.isel(y=slice(None, None, -1)).transpose("x", "y", ...)
    wanted, found = (regrid(one, target, method=method) for one in (data, turned))
    for name in wanted.data_vars:
        assert np.array_equal(
            wanted[name].transpose(*wanted[name].dims),
            found[name].transpose(*wanted[name].dims),
            equal_nan=wanted[name].dtype.kind == "f",
        ), name


def test_periods_attributes_and_crs_come_along(tmp_path):
    source, target = PAIRS["6931 to 3411"]
    data = random_data(source)
    data["drift"] = ((), 3.0)
    found = regrid(data, target)
    assert np.array_equal(found.time_bnds, data.time_bnds)
    assert found.time.attrs == data.time.attrs
    assert found.freeboard_mean.attrs["long_name"] == "freeboard mean"
    assert found.attrs["product"] == "ATL10"
    assert found.attrs["history"].endswith("\nmade up")
    assert float(found.drift) == 3.0
    assert Grid.from_dataset(found) == target
    assert found.attrs["grid_signature"] == target.signature
    with xr.open_dataset(write_netcdf(found, tmp_path / "r.nc"), engine="h5netcdf") as back:
        assert np.array_equal(back.freeboard_mean, found.freeboard_mean, equal_nan=True)
        assert pyproj.CRS(back.crs.attrs["crs_wkt"]) == target.crs


def test_layers_without_time_and_of_months_are_taken():
    source, target = PAIRS["6931 to 3411"]
    values = np.arange(float(source.shape[0] * source.shape[1])).reshape(source.shape)
    data = make_frame(source, MONTHS[:1]).isel(time=0)
    data["height_trend"] = (("y", "x"), values)
    data["normal"] = (("month", "y", "x"), np.stack([values, values + 1]))
    found = regrid(data, target)
    assert found.height_trend.dims == ("y", "x")
    assert found.normal.dims == ("month", "y", "x")
    there = np.isfinite(found.height_trend).to_numpy()
    assert np.allclose((found.normal[1] - found.height_trend).to_numpy()[there], 1)


def test_blocks_change_nothing(monkeypatch):
    source, target = PAIRS["3413 to 6931"]
    wanted = overlap_cells(source, target, np.arange(0, 6400, 3))
    monkeypatch.setattr("altiflow.gridding.remap.overlap._BLOCK", 20_000)
    found = overlap_cells(source, target, np.arange(0, 6400, 3))
    assert np.array_equal(wanted.area.indices, found.area.indices)
    assert np.allclose(wanted.area.data, found.area.data, rtol=1e-9)
    assert np.allclose(wanted.source_area, found.source_area, rtol=1e-9)


def test_cells_beyond_the_equator_have_no_area():
    source = Grid.named("EASE2_N100km")
    data = make_frame(source, MONTHS[:1])
    data["n_segments"] = (DIMS, np.ones((1, *source.shape), int))
    found = regrid(data, Grid.named("NSIDC_PS_N25km"), cuts=2)
    assert np.isfinite(found.n_segments).all()
    assert float(found.n_segments.sum()) < source.valid.sum()


def test_what_cannot_be_put_on_another_grid_is_refused(grid):
    target = Grid(grid.crs, grid.transform @ Affine.translation(1, 0), grid.shape)
    data = make_frame(grid, MONTHS[:1])
    with pytest.raises(InputError, match="no variable"):
        regrid(data, target)
    empty = data.assign(height_mean=(DIMS, np.full((1, 4, 5), np.nan)))
    with pytest.raises(EmptyDataError, match="empty"):
        regrid(empty, target)
    full = data.assign(height_mean=(DIMS, np.ones((1, 4, 5))))
    with pytest.raises(InputError, match=r"vx, vy_sigma are components.*drop_vars"):
        regrid(full.assign(vx=full.height_mean, vy_sigma=full.height_mean), target)
    with pytest.raises(InputError, match=r"surface .flags or phases.*nearest"):
        regrid(full.assign(surface=full.height_mean > 0), target)
    assert float(regrid(full.assign(surface=full.height_mean > 0), target, method="nearest").surface.min()) == 1
    far = Grid(grid.crs, grid.transform @ Affine.translation(500, 0), grid.shape)
    for method in ("conservative", "bilinear", "nearest"):
        with pytest.raises(NoOverlapError):
            regrid(full, far, method=method)
    with pytest.raises(InputError, match="bilinear"):
        regrid(full, Grid.from_bounds("EPSG:3413", (0, 0, 10, 10), 2))
    with pytest.raises(InputError, match="y and x"):
        regrid(xr.Dataset(), target)


@pytest.mark.parametrize("options", [{"method": "cubic"}, {"min_coverage": 2}, {"cuts": 0}])
def test_arguments_are_checked(grid, options):
    with pytest.raises(InputError, match=next(iter(options))):
        regrid(make_frame(grid, MONTHS), grid, **options)
