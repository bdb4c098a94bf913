"""Kinds of catalogues: of image pairs and of granules, and the columns that each has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import geopandas as gpd

from altiflow.readers.catalogue.column import CATALOGUE_COLUMNS, CatalogueColumn
from altiflow.readers.catalogue.pairs.table import PAIR_COLUMNS, check_pairs

__all__ = ["columns_of", "is_catalogue"]


def is_catalogue(table: Any) -> bool:
    """Return whether a table is a catalogue of granules rather than one of image pairs."""
    return isinstance(table, gpd.GeoDataFrame) and set(CATALOGUE_COLUMNS) <= set(table.columns)


def columns_of(table: Any) -> Mapping[str, CatalogueColumn]:
    """Return the columns of the kind that a table is of.

    Raises
    ------
    InputError
        If it is neither a catalogue of granules nor one of image pairs.
    """
    if is_catalogue(table):
        return CATALOGUE_COLUMNS
    check_pairs(table)
    return PAIR_COLUMNS
