"""Velocity fields of sea ice and land ice, out of the products' own files."""

from altiflow.readers.velocity.itslive.composite import read_composite_static
from altiflow.readers.velocity.itslive.points import read_point_series
from altiflow.readers.velocity.products import PRODUCTS
from altiflow.readers.velocity.served import read_served_series
from altiflow.readers.velocity.source import read_velocity

__all__ = ["PRODUCTS", "read_composite_static", "read_point_series", "read_served_series", "read_velocity"]
