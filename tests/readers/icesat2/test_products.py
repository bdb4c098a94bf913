"""The products' paths against the names of real granules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import pytest

from altiflow.errors import InputError
from altiflow.readers.icesat2.products import ATL06, ATL07, ATL10, LEADS, product_named


def test_v006_paths_are_in_a_real_granule(data: Callable[[str], Path]) -> None:
    layout = ATL10.layouts[0]
    with h5py.File(data("atl10/processed_ATL10-01_20220107195849_02531401_006_01.h5")) as file:
        for path in (*layout.paths.values(), *layout.sections.values()):
            assert f"gt2l/{path}" in file


def test_v007_names_hold_the_same_paths(data: Callable[[str], Path]) -> None:
    names = set(data("atl10/V007_NAMES.txt").read_text().split())
    layout = ATL10.layouts[0]
    for path in (*layout.paths.values(), *layout.sections.values()):
        assert f"/gtXX/{path}" in names


def test_atl06_paths_are_in_a_real_granule(data: Callable[[str], Path]) -> None:
    with h5py.File(data("atl06/processed_ATL06_20190420093051_03380303_005_01.h5")) as file:
        for path in ATL06.layouts[0].paths.values():
            assert f"gt1l/{path}" in file


def test_atl07_and_lead_paths_are_in_real_granules(data: Callable[[str], Path]) -> None:
    with h5py.File(data("atl07/processed_ATL07-01_20190225115500_09020201_003_02.h5")) as file:
        for path in ATL07.layouts[0].paths.values():
            assert f"gt1l/{path}" in file
    names = set(data("atl10/V007_NAMES.txt").read_text().split())
    for path in LEADS.layouts[0].paths.values():
        assert f"/gtXX/{path}" in names


def test_every_column_has_a_path_or_is_derived() -> None:
    for product in (ATL10, LEADS, ATL07, ATL06):
        for variable in product.variables:
            derived = variable.name == "segment_length" and product.nominal_length is not None
            assert derived or any(variable.name in layout.paths for layout in product.layouts)


def test_an_unknown_product_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputError, match="ATL10, ATL07, ATL06"):
        product_named("ATL99")
