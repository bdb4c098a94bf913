"""A column of a catalogue: its name, type, unit and meaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CATALOGUE_COLUMNS", "CatalogueColumn"]


@dataclass(frozen=True)
class CatalogueColumn:
    """A column of a catalogue.

    Attributes
    ----------
    name
        The column.
    dtype
        Its type in pandas.
    unit
        Unit, "" for none.
    meaning
        What it says.
    """

    name: str
    dtype: str
    unit: str
    meaning: str


_COLUMNS = (
    CatalogueColumn("granule", "str", "", "file name without processed_ and extension"),
    CatalogueColumn("product", "str", "", "short name, such as ATL10 or NSIDC-0776"),
    CatalogueColumn("version", "str", "", "version of the product, as the archive writes it"),
    CatalogueColumn("revision", "Int64", "", "revision of the granule; missing where its name tells none"),
    CatalogueColumn("start", "datetime64[us]", "UTC", "first moment; missing where not told"),
    CatalogueColumn("end", "datetime64[us]", "UTC", "last moment; missing where not told"),
    CatalogueColumn("rgt", "Int64", "", "reference ground track 1 ... 1387; missing for other missions"),
    CatalogueColumn("cycle", "Int64", "", "91-day repeat cycle; the first one of an ATL11 granule"),
    CatalogueColumn("hemisphere", "str", "", "north or south; missing where the granule has both, or it is not told"),
    CatalogueColumn(
        "orientation",
        "str",
        "",
        "forward, backward or transition; unknown until it is read, and where passes differ",
    ),
    CatalogueColumn("size_mb", "float64", "2**20 bytes", "size of the data file; NaN where not told"),
    CatalogueColumn("checksum", "str", "", "of the data file, such as md5:...; missing where not told"),
    CatalogueColumn("url_https", "str", "", "https address of the data file; missing where there is none"),
    CatalogueColumn("url_s3", "str", "", "s3 address of the data file; missing where there is none"),
    CatalogueColumn("more_https", "str", "", "https addresses of its further data files, with a space between"),
    CatalogueColumn("path", "str", "", "where the file is on this machine; missing where it is not"),
    CatalogueColumn("geometry", "geometry", "degree", "footprint, EPSG:4326, cut at the antimeridian; or missing"),
)

CATALOGUE_COLUMNS: Mapping[str, CatalogueColumn] = {column.name: column for column in _COLUMNS}
"""The columns of a catalogue by name."""
