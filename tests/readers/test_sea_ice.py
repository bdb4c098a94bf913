"""Sea-ice heights, leads, and the reformatted granule: the same names, units and screens as freeboard."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from altiflow.errors import EmptyDataError, MissingDataError, WrongProductError
from altiflow.readers import Ledger, read_leads, read_segments, value_column, write_table

ATL07_REAL = "atl07/processed_ATL07-01_20190225115500_09020201_003_02.h5"
ATL07_NAME = "ATL07-01_20181201123226_09760101_{}_01.h5"
FILL = np.float32(3.4028235e38)


@pytest.fixture
def heights(tmp_path: Path) -> Callable[..., Path]:
    """Return a maker of ATL07 granules in the published layout of a release."""

    def make(release: str) -> Path:
        path = tmp_path / ATL07_NAME.format(release)
        count = 6
        with h5py.File(path, "w", libver=("earliest", "v108")) as file:
            file.attrs["short_name"] = np.bytes_("ATL07")
            file.attrs["identifier_product_doi"] = np.bytes_(f"10.5067/ATLAS/ATL07.{release}")
            for beam, kind in (("gt1l", "weak"), ("gt1r", "strong")):
                group = file.create_group(f"{beam}/sea_ice_segments")
                file[beam].attrs["atlas_beam_type"] = np.bytes_(kind)
                values = {
                    "latitude": 80 + np.arange(count) / 100,
                    "longitude": np.full(count, 179.99),
                    "delta_time": 2.8e7 + np.arange(count),
                    "seg_dist_x": np.arange(count) * 20.0,
                    "heights/height_segment_height": np.array([0.1, 0.2, FILL, 0.4, 0.5, 0.6], "f4"),
                    "heights/height_segment_fit_quality_flag": np.array([1, 2, -1, 1, 1, 1], "i1"),
                }
                if release == "001":
                    values["stats/ice_conc"] = np.full(count, 97.0, "f4")
                else:
                    values["heights/height_segment_length_seg"] = np.array([20, -5, 9900, np.nan, 30, 25], "f4")
                    values["heights/height_segment_surface_error_est"] = np.full(count, 0.02, "f4")
                    values["heights/height_segment_type"] = np.array([1, 1, 0, 1, 3, 1], "i1")
                    values["heights/height_segment_ssh_flag"] = np.array([0, 0, 0, 0, 1, 0], "i1")
                    values["stats/ice_conc_ssmi"] = np.full(count, 96.0, "f4")
                    values["stats/ice_conc_amsr2"] = np.full(count, 98.0, "f4")
                    values["stats/dist2land"] = np.full(count, 4e4, "f4")
                    values["stats/layer_flag"] = np.zeros(count, "i2")
                for name, column in values.items():
                    group[name] = column
                if release == "007" and kind == "strong":
                    for name, column in values.items():
                        file[f"{beam}/sea_ice_segments_10m/{name}"] = column
        return path

    return make


def test_real_heights_of_v003_are_read_and_negative_lengths_dropped(data: Callable[[str], Path]) -> None:
    ledger = Ledger()
    path = data(ATL07_REAL)
    table = read_segments(path, beams="all", screens=["position", "fill_value", "segment_length"], ledger=ledger)
    row = ledger.rows[0]
    with h5py.File(path) as file:
        groups = [file[f"{beam}/sea_ice_segments"] for beam in ("gt1l", "gt1r")]
        height = np.concatenate([group["heights/height_segment_height"][:] for group in groups])
        length = np.concatenate([group["heights/height_segment_length_seg"][:] for group in groups])
        latitude = np.concatenate([group["latitude"][:] for group in groups])
        conc = np.concatenate([group["stats/ice_conc"][:] for group in groups])
    valid = height < 1e30
    assert (row["segments_found"], row["dropped_fill_value"]) == (1756, int((~valid).sum()))
    assert row["dropped_segment_length"] == int((valid & (length <= 0)).sum()) == 8
    keep = valid & (length > 0)
    assert np.array_equal(table["height"], height[keep])
    assert np.array_equal(table["latitude"], latitude[keep])
    assert np.array_equal(table["ice_conc_ssmi"], conc[keep])
    assert (row["product"], row["release"], row["beams_absent"]) == ("ATL07", "003", "gt2l,gt2r,gt3l,gt3r")
    assert row["absent_variables"] == "dist2land,ice_conc_amsr2"
    assert value_column(path) == "height"


def test_both_engines_give_the_same_heights(data: Callable[[str], Path]) -> None:
    folder = data(ATL07_REAL).parent
    first, second = (read_segments(folder, beams="all", screens="none", engine=e) for e in ("h5coro", "h5py"))
    pd.testing.assert_frame_equal(pd.DataFrame(first), pd.DataFrame(second), check_exact=True)


def test_heights_of_v007_have_what_late_releases_have(heights: Callable[..., Path]) -> None:
    ledger = Ledger()
    table = read_segments(heights("007"), beams="all", ledger=ledger)
    assert table["beam"].value_counts().to_dict() == {"gt1l": 3, "gt1r": 3}
    assert table.loc[table["beam"] == "gt1r", "height"].tolist() == pytest.approx([0.1, 0.5, 0.6])
    assert set(table["ice_conc_amsr2"]) == {98.0}
    assert ledger.rows[0]["dropped_segment_length"] == 4
    ice = read_segments(heights("007"), screens="ice")
    assert ice["height"].tolist() == pytest.approx([0.1, 0.6])
    # The strong beam on the right flies forward, where gt1r is spot 5.
    assert ice["spot"].unique().tolist() == [5]


def test_a_subset_without_lengths_says_what_is_missing(heights: Callable[..., Path]) -> None:
    path = heights("001")
    with pytest.raises(MissingDataError, match=r"gt1r/sea_ice_segments/heights/height_segment_length_seg is missing"):
        read_segments(path)
    ledger = Ledger()
    with pytest.raises(EmptyDataError, match="not one granule"):
        read_segments(path, on_error="skip", ledger=ledger)
    assert "height_segment_length_seg" in ledger.failures[0]["reason"]


def test_leads_of_real_granules_are_all_there(data: Callable[[str], Path]) -> None:
    ledger = Ledger()
    path = data("atl10/processed_ATL10-01_20220107195849_02531401_006_01.h5")
    table = read_leads(path.parent, beams="all", ledger=ledger)
    assert sorted(ledger.table["segments_kept"]) == [160, 560, 605, 6290]
    one = table[table["granule"] == path.stem.removeprefix("processed_")]
    with h5py.File(path) as file:
        groups = [file[f"{beam}/leads"] for beam in ("gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r")]
        for column, name in (("height", "lead_height"), ("segment_length", "lead_length"), ("ssh_ndx", "ssh_ndx")):
            assert np.array_equal(one[column], np.concatenate([group[name][:] for group in groups]))
    assert table.attrs["altiflow"]["title"].endswith("leads")


def test_leads_of_every_layout_are_the_segments_the_sea_surface_was_taken_from(
    simulated: Callable[..., Path], tmp_path: Path
) -> None:
    for release in ("005", "006", "007"):
        leads = read_leads(simulated(release))
        segments = read_segments(simulated(release), screens="none")
        surface = segments[segments["ssh_flag"] == 2]
        assert leads["height"].tolist() == surface["height"].tolist()
        assert leads["x_atc"].tolist() == surface["x_atc"].tolist()
    assert value_column(write_table(leads, tmp_path / "leads.parquet")) == "height"
    box = (-180, float(leads["latitude"].median()), 180, 90)
    assert 0 < len(read_leads(simulated("006"), region=box)) < len(leads)


def test_other_products_have_no_leads(heights: Callable[..., Path]) -> None:
    with pytest.raises(WrongProductError, match="is ATL07, not ATL10"):
        read_leads(heights("007"))


@pytest.mark.parametrize("engine", ["h5coro", "h5py"])
def test_the_reformatted_granule_gives_the_same_table(
    simulated: Callable[..., Path], engine: str, tmp_path: Path
) -> None:
    source = simulated()
    path = tmp_path / f"processed_{source.stem}.nc"
    with h5py.File(source) as old, h5py.File(path, "w", libver=("earliest", "v108")) as new:
        for name, value in old.attrs.items():
            new.attrs[name] = np.array([value.decode()], dtype=h5py.string_dtype())

        def copy(key: str, node: h5py.Group | h5py.Dataset) -> None:
            if isinstance(node, h5py.Dataset):
                values = node[()]
                lone = values.shape == (1,)
                if values.dtype.kind == "S":
                    new.create_dataset(key, data=values[0].decode(), dtype=h5py.string_dtype())
                elif lone:
                    new[key] = values[0]
                else:
                    made = new.create_dataset(key, data=values, chunks=values.shape, compression="gzip", shuffle=True)
                    made.attrs["_FillValue"] = np.array([FILL], values.dtype) if values.dtype == "f4" else 0
            else:
                new.require_group(key)
            for name, value in node.attrs.items():
                if isinstance(value, bytes):
                    new[key].attrs[name] = np.array([value.decode()], dtype=h5py.string_dtype())

        old.visititems(copy)
    found, expected = (read_segments(p, beams="all", engine=engine) for p in (path, source))
    pd.testing.assert_frame_equal(pd.DataFrame(found), pd.DataFrame(expected), check_exact=True)
    assert len(read_leads(path, engine=engine)) == len(read_leads(source))
    (tmp_path / "icemotion_weekly_nh_25km_20180101_20181231_v4.1.nc").touch()
    assert len(read_segments(tmp_path, beams="all", engine=engine)) == len(found)
