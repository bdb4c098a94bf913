"""Velocity fields of sea ice and land ice, out of the products' own files."""

from altiflow.readers.velocity.products import PRODUCTS
from altiflow.readers.velocity.source import read_velocity

__all__ = ["PRODUCTS", "read_velocity"]
