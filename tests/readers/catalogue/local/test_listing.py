"""Folders of granules as catalogues, by names and by what is in the files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
import shapely

from altiflow.errors import CorruptGranuleError, EmptyDataError, InputError, UnsupportedFormatError
from altiflow.gridding import Grid, tally_files
from altiflow.readers import list_granules, make_sample, read_segments

NAMES = [
    "ATL10-01_20220107195849_02531401_006_01.h5",
    "ATL10-01_20220107195849_02531401_006_02.h5",
    "processed_ATL10-01_20220107195850_02531401_007_01.h5",
    "ATL10-02_20220107195849_02531401_006_01.h5",
    "ATL06_20190420093051_03380303_005_01.h5",
    "ATL06_20190420100051_03380312_005_01.h5",
    "ATL11_135803_0311_004_01.h5",
    "cube.h5",
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in NAMES:
        (tmp_path / name).write_bytes(b"0123")
    return tmp_path


def test_names_are_enough_for_a_catalogue(folder: Path) -> None:
    table = list_granules(folder)
    told = table.set_index("granule")
    assert len(table) == 5
    assert table.attrs["altiflow"]["superseded"] == 2
    assert table.attrs["altiflow"]["unknown_names"] == ["cube.h5"]
    newest = told.loc["ATL10-01_20220107195850_02531401_007_01"]
    assert (newest["version"], newest["cycle"], newest["rgt"], newest["hemisphere"]) == ("007", 14, 253, "north")
    assert newest["start"] == pd.Timestamp("2022-01-07T19:58:50")
    assert Path(newest["path"]) == folder / NAMES[2]
    assert newest["size_mb"] == 4 / 2**20
    assert newest["orientation"] == "unknown"
    assert told["hemisphere"]["ATL06_20190420093051_03380303_005_01"] == "north"
    assert told["hemisphere"]["ATL06_20190420100051_03380312_005_01"] == "south"
    assert pd.isna(told["start"]["ATL11_135803_0311_004_01"])
    assert table.geometry.isna().all()


def test_versions_that_are_wanted(folder: Path) -> None:
    assert len(list_granules(folder, version="all")) == 7
    assert list_granules(folder, version="6")["revision"].tolist() == [2, 1]
    with pytest.raises(EmptyDataError, match="of version 009"):
        list_granules(folder, version="009")
    with pytest.raises(EmptyDataError, match="none of the 1 files"):
        list_granules(folder / "cube.h5")
    with pytest.raises(InputError, match="footprints='yes'"):
        list_granules(folder, footprints="yes")  # type: ignore[arg-type]
    with pytest.raises(UnsupportedFormatError, match="not an HDF5 file"):
        list_granules(folder, footprints="read")


def test_the_readers_take_it(tmp_path: Path) -> None:
    sample = make_sample(tmp_path / "sample", granules=2)
    folder = next(iter(sample.granules)).parent
    table = list_granules(folder, footprints="read", workers=2)
    segments = read_segments(table)
    assert len(segments) == len(read_segments(folder)) > 0
    bounds = segments.groupby("granule").agg(
        first=("time", "min"), last=("time", "max"), south=("latitude", "min"), north=("latitude", "max")
    )
    for row in table.itertuples():
        if row.granule not in bounds.index:
            continue
        own = bounds.loc[row.granule]
        assert row.start <= own["first"] <= own["last"] <= row.end
        assert row.geometry.bounds[1] <= own["south"] <= own["north"] <= row.geometry.bounds[3]
        assert row.orientation in ("forward", "backward")
    grid = Grid.named("EASE2_N25km")
    counts = [
        tally_files(source, grid, value="freeboard").to_dataset()["n_segments"].sum() for source in (table, folder)
    ]
    assert int(counts[0]) == int(counts[1]) == len(segments)


@pytest.mark.parametrize("product", ["atl06", "atl07", "atl10", "atl11"])
def test_real_tracks_hold_every_segment(product: str, data: Any) -> None:
    table = list_granules(data(product), footprints="read")
    for row in table.itertuples():
        with h5py.File(row.path) as file:
            groups = [
                node
                for beam in file.values()
                if isinstance(beam, h5py.Group)
                for name in ("freeboard_segment", "sea_ice_segments", "land_ice_segments", ".")
                if isinstance(node := beam.get(name), h5py.Group) and "latitude" in node and "longitude" in node
            ]
            points = [np.stack([node["longitude"][()], node["latitude"][()]]).astype(float) for node in groups]
        lon, lat = np.concatenate(points, axis=1)
        lon, lat = lon[np.abs(lat) <= 90], lat[np.abs(lat) <= 90]
        if lat.size == 0:
            assert row.geometry is None
            continue
        west, south, east, north = row.geometry.bounds
        assert (south, north) == pytest.approx((lat.min(), lat.max()), abs=0.011)
        assert (west, east) == pytest.approx((lon.min(), lon.max()), abs=0.06)
        away = shapely.distance(row.geometry, shapely.points(lon[::50], lat[::50]))
        assert away.max() < 1e-3
    assert set(table["orientation"]) <= {"forward", "backward", "transition", "unknown"}


def write_track(path: Path, longitude: Any, latitude: Any, orientation: Any = (1,)) -> Path:
    with h5py.File(path, "w") as file:
        group = file.create_group("gt1l/freeboard_segment")
        group["longitude"], group["latitude"] = np.asarray(longitude, float), np.asarray(latitude, float)
        group["delta_time"] = np.arange(float(len(group["latitude"])))
        if orientation is not None:
            file["orbit_info/sc_orient"] = np.array(orientation, np.int8)
    return path


def test_tracks_across_the_antimeridian_and_past_the_pole(tmp_path: Path) -> None:
    name = "ATL10-01_20220107195849_02531401_006_01.h5"
    longitude = np.mod(np.linspace(175, 185, 101) + 180, 360) - 180
    path = write_track(tmp_path / name, longitude, np.linspace(70, 75, 101))
    row = list_granules(path, footprints="read").iloc[0]
    assert row["geometry"].bounds == pytest.approx((-180, 70, 180, 75))
    assert row["geometry"].length == pytest.approx(np.hypot(10, 5))
    assert row["orientation"] == "forward"
    assert (row["start"], row["end"]) == (pd.Timestamp("2018-01-01"), pd.Timestamp("2018-01-01T00:01:40"))
    write_track(path, [10.0] * 4, [60.0, 60.5, 70.0, 70.5], orientation=[0, 1])
    row = list_granules(path, footprints="read").iloc[0]
    assert row["geometry"].length == pytest.approx(1.0)
    assert row["orientation"] == "transition"
    write_track(path, [3.4e38], [3.4e38], orientation=None)
    row = list_granules(path, footprints="read").iloc[0]
    assert row["geometry"] is None
    assert row["start"] == pd.Timestamp("2022-01-07T19:58:49")
    assert row["orientation"] == "unknown"


def test_a_damaged_granule_is_named(tmp_path: Path) -> None:
    path = write_track(tmp_path / "ATL10-01_20220107195849_02531401_006_01.h5", [1.0, 2.0], [60.0, 61.0])
    with h5py.File(path, "a") as file:
        del file["gt1l/freeboard_segment/delta_time"]
    with pytest.raises(CorruptGranuleError, match="ATL10-01_20220107195849"):
        list_granules(path, footprints="read")


def test_passes_of_many_cycles_that_differ_are_no_transition(tmp_path: Path) -> None:
    path = tmp_path / "ATL11_135803_0311_004_01.h5"
    with h5py.File(path, "w") as file:
        file["orbit_info/sc_orient"] = np.array([0, 1, 0], np.int8)
        pair = file.create_group("pt1")
        pair["latitude"], pair["longitude"], pair["delta_time"] = np.r_[70.0, 70.1], np.r_[1.0, 1.0], np.ones((2, 3))
    assert list_granules(path, footprints="read")["orientation"].tolist() == ["unknown"]
