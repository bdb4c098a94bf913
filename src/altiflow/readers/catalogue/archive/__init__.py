"""The archive: its search service, its records as rows, and the sea-ice motion that the service does not list."""

from altiflow.readers.catalogue.archive.motion import find_motion, motion_urls
from altiflow.readers.catalogue.archive.search import search_granules
from altiflow.readers.catalogue.archive.service import Archive, open_archive

__all__ = ["Archive", "find_motion", "motion_urls", "open_archive", "search_granules"]
