"""GeoTIFFs of velocity that altiflow wrote: read back they are the field, and never half of two."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
import rasterio
import xarray as xr

from altiflow import build_field, read_velocity, write_geotiffs, write_velocity
from altiflow.errors import CorruptGranuleError, EmptyDataError, FieldError, InputError
from altiflow.explore import describe_file

BOUNDS = np.array([["2020-01-01", "2020-01-11T06:00:00.25"], ["2020-01-05", "2020-02-04"]], "M8[ns]")


def field_of(bounds=BOUNDS, **more) -> xr.Dataset:
    """Return two layers with holes, errors on the grid and of layers, counts, and what is known of the pairs."""
    size = len(bounds)
    values = np.arange(12.0 * size).reshape(size, 4, 3) / 7
    values[0, 1, 1] = np.nan
    stated = {"crs": "EPSG:3413", "units": "m/yr", "year_days": 365.0, "velocity_metric": "ground"}
    field = build_field(
        values, -values, x=np.arange(3) * 240.0 - 1e5, y=2e5 - np.arange(4) * 240.0, time_bnds=bounds,
        metric_source="file", source="known pairs", vx_sigma=np.arange(size) + 0.1, vy_sigma=values / 3,
        count=np.isfinite(values).astype(np.int32), **{**stated, **more},
    )  # fmt: skip
    return field.assign(valid=np.isfinite(field.vx))


def cube_of() -> xr.Dataset:
    known = {"granule": ["a", "b"], "mission": ["landsat", ""], "separation_days": [10.25, np.nan]}
    return field_of(layers=known)


def test_what_was_written_comes_back(tmp_path):
    field = cube_of()
    written = write_velocity(field, tmp_path / "field")
    found = read_velocity(written)
    assert {"grid_name", "grid_signature"} <= set(found.attrs)
    assert {key: found.attrs[key] for key in field.attrs} == field.attrs
    assert set(found.variables) == set(field.variables)
    for name in field.variables:
        np.testing.assert_array_equal(found[name].values, field[name].values, err_msg=str(name))
        assert found[name].dims == field[name].dims
    assert (found.valid.dtype, found["count"].dtype, found.vx.attrs["units"]) == (bool, np.int32, "m yr-1")


def test_any_way_to_name_it_is_the_same_field(tmp_path):
    folder = write_velocity(field_of(), tmp_path / "field")
    whole = read_velocity(folder)
    for source in (folder / "vx.tif", folder / "vy.tif", sorted(folder.iterdir()), folder):
        assert read_velocity(source).identical(whole)
    assert read_velocity(folder, product="altiflow", crs=3413, metric="ground", units="m/yr").identical(whole)


def test_the_same_comes_from_netcdf_zarr_and_rasters(tmp_path):
    field = cube_of().isel(y=slice(None, None, -1))
    found = [read_velocity(write_velocity(field, tmp_path / name)).load() for name in ("a.nc", "a.zarr", "a")]
    for other in found[1:]:
        xr.testing.assert_equal(other, found[0])
    assert found[0].granule.values.tolist() == ["a", "b"]


def test_an_undated_field_stays_undated(tmp_path):
    field = field_of(np.full((1, 2), np.datetime64("NaT", "ns")), time_rule="undated")
    found = read_velocity(write_velocity(field, tmp_path / "field"))
    assert np.isnat(found.time_bnds.values).all()
    np.testing.assert_array_equal(found.vx.values, field.vx.values)


def test_a_period_and_a_window_are_parts_of_it(tmp_path):
    folder = write_velocity(field_of(), tmp_path / "field")
    whole = read_velocity(folder)
    assert read_velocity(folder, period=("2020-01-20", "2021-01-01")).identical(whole.isel(time=[1]))
    part = read_velocity(folder, bounds=(-1e5 + 200, 0, 0, 199800))
    assert part.identical(whole.isel(y=slice(1, 4), x=slice(1, 3)))
    with pytest.raises(EmptyDataError, match="no layer touches"):
        read_velocity(folder, period=("2021-01-20", "2022-01-01"))


def test_rasters_with_a_stem_lie_beside_others(tmp_path):
    from altiflow.gridding.export import gridded_field

    ready = [gridded_field(field_of(bounds)) for bounds in (BOUNDS[:1], BOUNDS[1:])]
    for stem, field in zip(("one_", "two_"), ready, strict=True):
        write_geotiffs(field, tmp_path, stem=stem)
    np.testing.assert_array_equal(read_velocity(tmp_path / "two_vx.tif").time_bnds.values, BOUNDS[1:])
    assert read_velocity(tmp_path).sizes["time"] == 2


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (field_of().isel(time=[0]), "layers"),
        (field_of(units="m/d", year_days=None), "attributes"),
        (field_of().isel(x=[0, 1]), "grid"),
    ],
)
def test_files_of_two_fields_are_not_mixed(tmp_path, other, what):
    folder = write_velocity(field_of(), tmp_path / "field")
    shutil.copy(write_velocity(other, tmp_path / "other") / "count.tif", folder / "count.tif")
    with pytest.raises(FieldError, match=f"count.tif has other {what} than vx.tif"):
        read_velocity(folder)


def test_what_is_left_of_another_field_or_no_velocity_is_left_alone(tmp_path):
    folder = write_velocity(field_of().assign(landice=field_of().vx), tmp_path / "field")
    write_velocity(field_of(), folder)
    assert (folder / "landice.tif").is_file()
    whole = read_velocity(folder)
    with rasterio.open(folder / "vx.tif") as source:
        profile = source.profile
    with rasterio.open(folder / "slope.tif", "w", **{**profile, "driver": "GTiff"}) as file:
        file.write(np.zeros((2, 4, 3)))
    assert read_velocity(folder / "vx.tif").identical(whole)
    (folder / "count.tif").unlink()
    assert read_velocity(folder / "vx.tif").identical(whole.drop_vars("count"))


def test_contradictions_and_parts_that_are_missing_are_refused(tmp_path):
    folder = write_velocity(field_of(), tmp_path / "field")
    for said, message in (({"metric": "map"}, "metric='map'"), ({"crs": 3031}, "crs"), ({"units": "m/d"}, "units")):
        with pytest.raises(InputError, match=message):
            read_velocity(folder, **said)
    (folder / "vy.tif").rename(tmp_path / "vy.tif")
    with pytest.raises(InputError, match=r"vy\.tif is not beside it"):
        read_velocity(folder / "vx.tif")


@pytest.mark.parametrize("kept", [0, 500, -40])
def test_a_damaged_file_beside_the_components_is_told_not_left_out(tmp_path, kept):
    folder = write_velocity(field_of(), tmp_path / "field")
    whole = (folder / "vy_sigma.tif").read_bytes()
    (folder / "vy_sigma.tif").write_bytes(whole[:kept])
    with pytest.raises((CorruptGranuleError, FieldError), match=r"fetch it again|damaged"):
        read_velocity(folder / "vx.tif")


def test_info_tells_them_as_velocity(tmp_path):
    text = describe_file(write_velocity(cube_of(), tmp_path / "field"))
    assert "metric       ground metric (file)" in text
    assert "missions     not stated 1, landsat 1" in text
