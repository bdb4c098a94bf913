"""ICESat-2 granules: products as data, beams, screens and two HDF5 engines."""

from altiflow.readers.icesat2.beams import BEAMS
from altiflow.readers.icesat2.products import PRODUCTS
from altiflow.readers.icesat2.screens import PRESETS, SCREENS

__all__ = ["BEAMS", "PRESETS", "PRODUCTS", "SCREENS"]
