"""Granules become one table; nothing is lost silently."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest

from altiflow.errors import (
    CorruptGranuleError,
    EmptyDataError,
    InputError,
    MissingDataError,
    OrientationError,
    UnsupportedFormatError,
    WrongProductError,
)
from altiflow.readers import Ledger, read_segments
from altiflow.readers.icesat2.screens import SCREENS

ATL10_REAL = "atl10/processed_ATL10-01_20220107195849_02531401_006_01.h5"
ATL06_REAL = "atl06/processed_ATL06_20190420093051_03380303_005_01.h5"


def plain(table: pd.DataFrame) -> pd.DataFrame:
    """Return the table without geometry, for exact comparison."""
    return pd.DataFrame(table.drop(columns="geometry"))


@pytest.mark.parametrize(
    ("name", "screens", "count"),
    [
        (ATL10_REAL, "default", 864),
        (ATL10_REAL, "ice", 567),
        (ATL10_REAL, "best", 802),
        (ATL10_REAL, "none", 2110),
        (ATL06_REAL, "default", 441),
        (ATL06_REAL, "best", 424),
    ],
)
def test_screens_keep_the_known_counts_of_real_granules(
    name: str, screens: str, count: int, data: Callable[[str], Path]
) -> None:
    ledger = Ledger()
    table = read_segments(data(name), beams="all", screens=screens, ledger=ledger)
    row = ledger.rows[0]
    assert len(table) == count == row["segments_kept"]
    assert row["segments_found"] == count + sum(row[key] for key in row if key.startswith("dropped_"))


def test_section_means_and_histograms_of_the_real_granule_are_reproduced(data: Callable[[str], Path]) -> None:
    path = data(ATL10_REAL)
    table = read_segments(path, beams="all")
    known = 0
    with h5py.File(path) as file:
        for beam, segments in table.groupby("beam"):
            group = file[f"{beam}/reference_surface_section"]
            for place, number in enumerate(group["fbswath_ndx"][:]):
                rows = segments[segments["refsurf_ndx"] == number]
                if rows.empty:
                    continue
                known += 1
                length = rows["segment_length"].astype(float)
                mean = (rows["freeboard"] * length).sum() / length.sum()
                assert mean == pytest.approx(group["beam_fb_refsurf"][place], abs=1e-5)
                edges = np.arange(162) * 0.025 - 0.0125
                counts, _ = np.histogram(rows["freeboard"], bins=edges)
                assert counts.tolist() == group["beam_fb_hist_refsurf"][place].tolist()
                surface = rows["refsurf_height"].to_numpy()
                assert np.all(surface == group["beam_refsurf_height"][place])
    assert known == 11
    above = np.maximum(0.0, table["height"].astype(float) - table["refsurf_height"].astype(float))
    assert np.abs(above - table["freeboard"]).max() < 6e-8


@pytest.mark.parametrize("name", [ATL10_REAL, ATL06_REAL])
def test_both_engines_give_the_same_table(name: str, data: Callable[[str], Path]) -> None:
    tables = [read_segments(data(name), beams="all", screens="none", engine=engine) for engine in ("h5coro", "h5py")]
    pd.testing.assert_frame_equal(plain(tables[0]), plain(tables[1]), check_exact=True)


def test_times_are_utc_as_the_granule_states_them(data: Callable[[str], Path]) -> None:
    path = data(ATL10_REAL)
    table = read_segments(path, beams=["gt2l"], screens="none")
    with h5py.File(path) as file:
        stated = pd.Timestamp(file["ancillary_data/data_start_utc"][0].decode().rstrip("Z"))
        elapsed = file["gt2l/freeboard_segment/delta_time"][:] - file["ancillary_data/start_delta_time"][0]
    expected = stated + pd.to_timedelta(elapsed, unit="s")
    assert np.abs((table["time"] - expected).dt.total_seconds()).max() < 2e-6


def test_real_granules_without_freeboard_are_ledger_rows(data: Callable[[str], Path]) -> None:
    ledger = Ledger()
    table = read_segments(data(ATL10_REAL).parent, beams="all", ledger=ledger)
    told = ledger.table.set_index("granule")
    assert len(table) == 864
    assert told["status"].value_counts().to_dict() == {"empty": 3, "ok": 1}
    assert told.loc["ATL10-01_20220103200708_01921401_006_01", "beams_absent"] == "gt1l,gt1r"


@pytest.mark.parametrize("release", ["005", "006", "007"])
@pytest.mark.parametrize(("orientation", "strong"), [(0, {"gt1l", "gt2l", "gt3l"}), (1, {"gt1r", "gt2r", "gt3r"})])
def test_each_layout_and_orientation_gives_the_strong_beams(
    release: str, orientation: int, strong: set[str], simulated: Callable[..., Path]
) -> None:
    table = read_segments(simulated(release, orientation))
    assert set(table["beam"]) == strong
    assert table["strong"].all()
    assert set(table["spot"]) == {1, 3, 5}
    assert set(table["release"]) == {release}


def test_layouts_differ_in_the_variables_they_lack_only(simulated: Callable[..., Path]) -> None:
    ledger = Ledger()
    old, new, newest = (read_segments(simulated(r), ledger=ledger) for r in ("005", "006", "007"))
    late = ["dist2land", "ice_conc_amsr2"]
    same = [name for name in plain(new) if name not in (*late, "granule", "release")]
    pd.testing.assert_frame_equal(plain(old)[same], plain(new)[same], check_exact=True)
    pd.testing.assert_frame_equal(plain(newest)[same], plain(new)[same], check_exact=True)
    assert old[late].isna().all(axis=None)
    assert ledger.rows[0]["absent_variables"] == ",".join(late)


def test_weak_all_and_named_beams(simulated: Callable[..., Path]) -> None:
    path = simulated()
    counts = {choice: len(read_segments(path, beams=choice)) for choice in ("strong", "weak", "all")}
    assert counts["strong"] + counts["weak"] == counts["all"]
    assert set(read_segments(path, beams=["gt3l", "gt1r"])["beam"]) == {"gt1r", "gt3l"}


def test_transition_is_refused_unless_asked_for(simulated: Callable[..., Path]) -> None:
    path = simulated("006", 2)
    with pytest.raises(OrientationError, match=path.stem):
        read_segments(path)
    table = read_segments(path, beams="all", transition="keep")
    assert set(table["spot"]) == {0}
    assert not table["strong"].any()
    with pytest.raises(MissingDataError, match="beams='all'"):
        read_segments(path, transition="keep")


def test_a_region_is_counted_like_a_screen(simulated: Callable[..., Path]) -> None:
    everything, raw = read_segments(simulated()), read_segments(simulated(), screens="none")
    middle = float(everything["latitude"].median())
    ledger = Ledger()
    part = read_segments(simulated(), region=(-180, middle, 180, 90), ledger=ledger)
    assert (part["latitude"] >= middle).all()
    inside = everything[everything["latitude"] >= middle].reset_index(drop=True)
    pd.testing.assert_frame_equal(plain(part), plain(inside), check_exact=True)
    row = ledger.rows[0]
    assert row["dropped_outside_region"] == (raw["latitude"] < middle).sum() > 0
    assert row["segments_found"] == len(raw)
    assert row["segments_found"] == row["segments_kept"] + sum(row[name] for name in row if name.startswith("dropped_"))


def test_a_region_without_segments_leaves_an_empty_row(simulated: Callable[..., Path]) -> None:
    ledger = Ledger()
    assert read_segments(simulated(), region=(0, -10, 10, 10), ledger=ledger).empty
    row = ledger.rows[0]
    assert (row["status"], row["segments_kept"]) == ("empty", 0)
    assert row["beams_read"] == "gt1l,gt2l,gt3l"
    assert row["dropped_outside_region"] == row["segments_found"] == len(read_segments(simulated(), screens="none"))


def test_a_missing_beam_group_and_a_missing_segment_group_are_ledger_rows(
    altered: Callable[..., Path],
) -> None:
    path = altered()
    with h5py.File(path, "a") as file:
        del file["gt1l"]
        del file["gt2l/freeboard_segment"]
    ledger = Ledger()
    table = read_segments(path, ledger=ledger)
    assert set(table["beam"]) == {"gt3l"}
    assert ledger.rows[0]["beams_absent"] == "gt1l,gt2l"


def test_a_granule_without_any_segments_is_empty_not_an_error(altered: Callable[..., Path]) -> None:
    path = altered()
    with h5py.File(path, "a") as file:
        for beam in ("gt1l", "gt1r", "gt2l", "gt2r", "gt3l", "gt3r"):
            del file[f"{beam}/freeboard_segment"]
    ledger = Ledger()
    table = read_segments(path, ledger=ledger)
    assert table.empty
    assert "freeboard" in table
    assert table.crs == "EPSG:4326"
    assert (ledger.rows[0]["status"], ledger.rows[0]["reason"]) == ("empty", "no beam asked for has segments")


def spoil_missing(file: h5py.File) -> None:
    del file["gt2l/freeboard_segment/beam_fb_height"]


def spoil_latitude(file: h5py.File) -> None:
    del file["gt2l/freeboard_segment/latitude"]


def spoil_length(file: h5py.File) -> None:
    values = file["gt2l/freeboard_segment/delta_time"][:]
    del file["gt2l/freeboard_segment/delta_time"]
    file["gt2l/freeboard_segment/delta_time"] = values[:-1]


def spoil_type(file: h5py.File) -> None:
    del file["gt2l/freeboard_segment/latitude"]
    file["gt2l/freeboard_segment/latitude"] = np.array([b"x", b"y"])


@pytest.mark.parametrize(
    ("spoil", "kind", "words"),
    [
        (spoil_missing, MissingDataError, "beam_fb_height is missing"),
        (spoil_latitude, MissingDataError, "latitude is missing"),
        (spoil_length, CorruptGranuleError, "delta_time has .* values where latitude has"),
        (spoil_type, UnsupportedFormatError, "not numeric"),
    ],
)
@pytest.mark.parametrize("engine", ["h5coro", "h5py"])
def test_a_damaged_granule_is_named_with_its_reason(
    spoil: Callable[[h5py.File], None],
    kind: type[Exception],
    words: str,
    engine: str,
    altered: Callable[..., Path],
) -> None:
    path = altered()
    with h5py.File(path, "a") as file:
        spoil(file)
    with pytest.raises(kind, match=words) as caught:
        read_segments(path, engine=engine)
    assert path.stem in str(caught.value)


def test_a_wrong_product_is_refused_and_an_unknown_one_named(
    simulated: Callable[..., Path], altered: Callable[..., Path], tmp_path: Path
) -> None:
    with pytest.raises(WrongProductError, match="is ATL10, not ATL06"):
        read_segments(simulated(), product="ATL06")
    path = altered()
    with h5py.File(path, "a") as file:
        file.attrs["short_name"] = np.bytes_(b"ATL03")
    with pytest.raises(WrongProductError, match="granule of ATL03"):
        read_segments(path)
    stranger = tmp_path / "stranger.h5"
    with h5py.File(stranger, "w", libver=("earliest", "v108")) as file:
        file["x"] = np.arange(3)
    with pytest.raises(WrongProductError, match="not a granule of any product known"):
        read_segments(stranger)


def test_skip_keeps_the_others_and_the_ledger_tells(simulated: Callable[..., Path], tmp_path: Path) -> None:
    good, cut, page = simulated(), tmp_path / "cut.h5", tmp_path / "page.h5"
    cut.write_bytes(good.read_bytes()[:50_000])
    page.write_text("<html>")
    ledger = Ledger()
    table = read_segments([cut, good, page], on_error="skip", ledger=ledger)
    assert len(table) == len(read_segments(good))
    assert [row["status"] for row in ledger.rows] == ["ok", "failed", "failed"]
    assert "CorruptGranuleError" in ledger.rows[1]["reason"]
    failing = Ledger()
    with pytest.raises(CorruptGranuleError, match=r"cut\.h5"):
        read_segments([good, cut, page], ledger=failing)
    assert [row["status"] for row in failing.rows] == ["ok", "failed"]
    with pytest.raises(EmptyDataError, match="not one granule"):
        read_segments([cut, page], on_error="skip")


def test_threads_change_nothing(simulated: Callable[..., Path]) -> None:
    paths = [simulated("006", 0), simulated("007", 1)]
    pd.testing.assert_frame_equal(plain(read_segments(paths, workers=2)), plain(read_segments(paths)), check_exact=True)


def test_arguments_that_mean_nothing_are_refused(simulated: Callable[..., Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="on_error"):
        read_segments(simulated(), on_error="ignore")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="engine"):
        read_segments(simulated(), engine="fast")  # type: ignore[arg-type]
    with pytest.raises(InputError, match="screen 'clouds'"):
        read_segments(simulated(), screens="clouds")
    with pytest.raises(EmptyDataError):
        read_segments(tmp_path)
    with pytest.raises(InputError):
        read_segments(tmp_path / "nowhere")
    with pytest.raises(InputError, match="have no 'path'"):
        read_segments(pd.DataFrame({"name": ["a.h5"]}))


def test_products_are_not_mixed(simulated: Callable[..., Path], data: Callable[[str], Path]) -> None:
    with pytest.raises(InputError, match="ATL06 and ATL10"):
        read_segments([simulated(), data(ATL06_REAL)])


def test_a_granule_named_twice_is_read_once(simulated: Callable[..., Path]) -> None:
    assert len(read_segments([simulated(), simulated()])) == len(read_segments(simulated()))


def test_provenance_tells_how_the_table_came_about(simulated: Callable[..., Path]) -> None:
    table = read_segments(simulated(), screens=["default", "sea_surface"])
    told = table.attrs["altiflow"]
    assert told["granules"] == [simulated().stem]
    assert told["screens"]["sea_surface"] > 0
    assert set(told["screens"]) <= set(SCREENS)
    assert told["units"]["freeboard"] == "m"
    assert not (table["ssh_flag"] != 0).any()
