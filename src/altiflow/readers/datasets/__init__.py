"""Data sets: folders of GeoParquet that hold the segments of thousands of granules."""
