"""ICESat-2 altimetry and ice velocity on one grid: read, grid, fuse and map."""

__version__ = "0.1.0"
