from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altiflow.errors import InputError
from altiflow.readers.catalogue import GranuleName, parse_granule_name


@given(
    product=st.sampled_from(["ATL07", "ATL10", "ATL20", "ATL21", "ATL03", "ATL06", "ATL08"]),
    start=st.datetimes(datetime(2018, 10, 13), datetime(2040, 1, 1)),
    numbers=st.tuples(st.integers(1, 1387), st.integers(0, 99), st.integers(1, 14), st.integers(0, 99)),
    hemisphere=st.sampled_from(["north", "south"]),
    version=st.integers(1, 999),
)
def test_round_trip(
    product: str, start: datetime, numbers: tuple[int, int, int, int], hemisphere: str, version: int
) -> None:
    rgt, cycle, segment, revision = numbers
    name = GranuleName(
        product=product,
        rgt=rgt,
        cycle=cycle,
        segment=segment,
        version=f"{version:03d}",
        revision=revision,
        hemisphere=hemisphere if product in {"ATL07", "ATL10", "ATL20", "ATL21"} else None,
        start=start.replace(microsecond=0),
    )
    assert parse_granule_name(name.format()) == name
    assert parse_granule_name(f"/data/x/processed_{name.stem}_subsetted.hdf5") == name
    assert parse_granule_name(Path("data") / name.stem) == name


def test_fields_of_the_four_forms() -> None:
    name = parse_granule_name("processed_ATL06_20190420093051_03380303_005_01.h5")
    assert (name.product, name.hemisphere, name.rgt, name.cycle, name.segment) == ("ATL06", None, 338, 3, 3)
    assert name.start == datetime(2019, 4, 20, 9, 30, 51)
    assert (name.version, name.revision, name.stem) == ("005", 1, "ATL06_20190420093051_03380303_005_01")
    assert parse_granule_name("ATL07-02_20190222003738_08490201_003_02.h5").hemisphere == "south"
    assert parse_granule_name("ATL20-01_20190301004639_09560201_004_02.h5").hemisphere == "north"
    passes = parse_granule_name("processed_ATL11_135803_0311_004_01.h5")
    assert (passes.rgt, passes.segment, passes.cycle, passes.last_cycle) == (1358, 3, 3, 11)
    assert passes.start is None
    assert passes.format() == "ATL11_135803_0311_004_01.h5"


def test_addresses_are_names_too() -> None:
    url = "https://host/ATLAS/ATL10/007/2022/ATL10-01_20220107195849_02531401_007_01.h5?A-userid=me"
    assert parse_granule_name(url).version == "007"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ATL10_20220107195849_02531401_006_01.h5", "known form"),
        ("ATL06-01_20220107195849_02531401_006_01.h5", "known form"),
        ("ATL15_A1_0318_40km_003_01.nc", "known form"),
        ("ATL10-01_20220107195849_02531401_006_01.h5.part", "known form"),
        ("ATL10-03_20220107195849_02531401_006_01.h5", "01 (north) or 02 (south)"),
        ("ATL10-01_20220107195849_13881401_006_01.h5", "1 to 1387"),
        ("ATL06_20220107195849_02531415_006_01.h5", "1 to 14"),
        ("ATL10-01_20221307195849_02531401_006_01.h5", "no moment"),
        ("ATL11_135803_1103_004_01.h5", "cycles run forward"),
        ("", "known form"),
    ],
)
def test_refusals_show_the_name(name: str, words: str) -> None:
    with pytest.raises(InputError) as caught:
        parse_granule_name(name)
    assert repr(name) in str(caught.value)
    assert words in str(caught.value)


def test_names_of_real_files(data) -> None:  # type: ignore[no-untyped-def]
    file = data("atl10/processed_ATL10-01_20220107195849_02531401_006_01.h5")
    assert parse_granule_name(file).stem == "ATL10-01_20220107195849_02531401_006_01"
