"""Granules on this machine: which there are, and what their names and insides tell of them."""

from altiflow.readers.catalogue.local.files import find_local_granules
from altiflow.readers.catalogue.local.listing import list_granules
from altiflow.readers.catalogue.local.velocity import find_velocity_files

__all__ = ["find_local_granules", "find_velocity_files", "list_granules"]
