"""The data dictionary has a line for every column that a reader returns or writes, and for no other."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from altiflow.readers import (
    Ledger,
    find_coincident,
    find_motion,
    make_sample,
    read_leads,
    read_segments,
    read_to_dataset,
)
from altiflow.readers.catalogue import CATALOGUE_COLUMNS, list_granules
from altiflow.readers.catalogue.column import CatalogueColumn
from altiflow.readers.catalogue.pairs.table import PAIR_COLUMNS
from altiflow.readers.datasets.layout import PartitionWord
from altiflow.readers.icesat2.product import COMMON_VARIABLES, Product, Variable
from altiflow.readers.icesat2.products import LEADS, PRODUCTS
from altiflow.readers.layers import LAYER_COORDS
from altiflow.readers.sample import Sample

PAGE = Path(__file__).parents[1] / "docs" / "data-dictionary.md"
COMMON = "Columns of every product"
UNITS = {"1": "", "degrees_north": "degrees", "degrees_east": "degrees"}


@cache
def lines(heading: str) -> dict[str, tuple[str, ...]]:
    """Return the cells of the tables of a section, by the names in the first column; several share a line."""
    text = PAGE.read_text()
    begin = re.search(rf"^##+ {re.escape(heading)}$", text, re.MULTILINE)
    assert begin, f"the data dictionary has no section {heading!r}"
    section = re.split(r"^##+ ", text[begin.end() :], maxsplit=1, flags=re.MULTILINE)[0]
    found: dict[str, tuple[str, ...]] = {}
    for line in section.splitlines():
        cells = tuple(cell.strip() for cell in line.strip("|").split("|"))
        if line.startswith("|") and cells[0] not in ("column", "variable", "coordinate", "---"):
            for name in cells[0].replace("`", "").split(", "):
                assert name not in found, f"{name} has two lines in {heading!r}"
                found[name] = cells[1:]
    return found


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    return make_sample(tmp_path_factory.mktemp("sample"), granules=2)


def as_told(dtype: object) -> str:
    """Return a type as the dictionary has it."""
    return "text" if str(dtype) in ("str", "object") else str(dtype)


@pytest.mark.parametrize("variable", COMMON_VARIABLES, ids=lambda variable: variable.name)
def test_columns_of_every_product_have_type_and_unit(variable: Variable) -> None:
    dtype, unit, meaning = lines(COMMON)[variable.name]
    assert (dtype, unit) == (as_told(variable.dtype), UNITS.get(variable.unit, variable.unit))
    assert meaning


@pytest.mark.parametrize(("heading", "product"), [*PRODUCTS.items(), ("Leads of ATL10", LEADS)])
def test_every_column_of_a_product_has_its_line_with_type_and_unit(heading: str, product: Product) -> None:
    own = {v.name: v for v in (*product.variables, *product.section_variables)}
    told = lines(heading)
    assert set(told) | {"segment_length"} == set(own) | {"segment_length"}
    for name, (dtype, unit, meaning) in told.items():
        assert (dtype, unit) == (own[name].dtype, UNITS.get(own[name].unit, own[name].unit)), name
        assert meaning, name


def test_tables_have_no_column_without_a_line(sample: Sample) -> None:
    for heading, table in (("ATL10", read_segments(sample.granules)), ("Leads of ATL10", read_leads(sample.granules))):
        known = {**lines(COMMON), **lines(heading)}
        assert set(table.columns) == set(known) - {"bbox"}
        for name in set(table.columns) - {"geometry"}:
            assert as_told(table[name].dtype) == known[name][0], name


def test_every_column_of_a_ledger_has_its_line_with_its_type(sample: Sample, tmp_path: Path) -> None:
    ledger = Ledger()
    read_segments(sample.granules, ledger=ledger)
    told = lines("Ledger")
    assert set(pq.read_schema(ledger.write(tmp_path / "ledger.parquet")).names) == set(told)
    for name, dtype in ledger.table.dtypes.items():
        assert told[str(name)][0] == as_told(dtype), name


def test_every_column_and_partition_of_a_data_set_has_its_line(sample: Sample, tmp_path: Path) -> None:
    words = list(PartitionWord.__args__)  # type: ignore[attr-defined]
    read_to_dataset(sample.granules, tmp_path / "set", partition=words)
    part = next((tmp_path / "set").rglob("ATL10*.parquet"))
    folders = [folder.split("=")[0] for folder in part.relative_to(tmp_path / "set").parts[:-1]]
    assert folders == words
    known = {**lines(COMMON), **lines("ATL10"), **lines("Data sets")}
    assert set(pq.read_schema(part).names) | set(words) == set(known)
    assert {*words, "__index_level_0__"} == set(lines("Data sets"))
    assert str(pq.read_schema(part).field("__index_level_0__").type) == lines("Data sets")["__index_level_0__"][0]


@pytest.mark.parametrize(
    ("heading", "columns"),
    [("Catalogue", CATALOGUE_COLUMNS), ("Pair catalogue", PAIR_COLUMNS)],
)
def test_every_column_of_a_catalogue_has_its_line(heading: str, columns: dict[str, CatalogueColumn]) -> None:
    assert {name: (c.dtype, c.unit, c.meaning) for name, c in columns.items()} == lines(heading)


def test_every_column_of_coincident_rows_has_its_line(sample: Sample) -> None:
    motion = find_motion("2019", "2019", hemisphere="north")
    found = find_coincident(list_granules(sample.granules, footprints="read"), motion, max_dt=1)
    assert set(found.columns) == set(lines("Coincident rows"))


def test_every_coordinate_of_a_layer_has_its_line() -> None:
    kinds = {"U": "text", "f": "float64"}
    expected = {
        name: (kinds[kind], {"": "the field's"}.get(unit, UNITS.get(unit, unit)), meaning)
        for name, (kind, unit, meaning) in LAYER_COORDS.items()
    }
    assert {name: lines("Velocity cubes and series")[name] for name in expected} == expected


@pytest.mark.parametrize(
    "name",
    [
        *("h", "h_sigma", "delta_h", "delta_h_sigma", "dhdt", "dhdt_sigma", "ice_area", "data_count", "misfit_rms"),
        *("misfit_scaled_rms", "height_change", "height_change_rmse", "quality_flag", "height", "glacier_basin"),
    ],
)
def test_every_variable_of_gridded_heights_has_its_line(name: str) -> None:
    assert lines("Heights on a grid")[name][1]


def test_a_column_without_a_line_is_noticed(monkeypatch: pytest.MonkeyPatch, sample: Sample) -> None:
    monkeypatch.setitem(lines("ATL10"), "new", ("float32", "m", "not there"))
    with pytest.raises(AssertionError):
        test_tables_have_no_column_without_a_line(sample)
