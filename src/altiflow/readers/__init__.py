"""Everything that opens an input: granules, tables, velocity fields, searches, and the built-in sample."""

from altiflow.readers.atl20 import read_atl20
from altiflow.readers.catalogue import (
    PairSearch,
    as_catalogue,
    cap_per_year,
    collect_catalogue,
    count_by,
    filter_catalogue,
    filter_pairs,
    find_coincident,
    find_cubes,
    find_motion,
    list_granules,
    motion_urls,
    pair_scenes,
    read_catalogue,
    search_catalogue,
    search_granules,
    search_pairs,
    write_catalogue,
    write_pairs,
)
from altiflow.readers.datasets.reading import read_table
from altiflow.readers.datasets.writing import read_to_dataset
from altiflow.readers.field import build_field, check_field
from altiflow.readers.gridded import holds_grid, read_gridded
from altiflow.readers.ground import read_ground, read_outlines
from altiflow.readers.heights import read_atl14, read_atl15, read_height_change
from altiflow.readers.ledger import Ledger
from altiflow.readers.measurement import value_column
from altiflow.readers.points import read_points
from altiflow.readers.raster import read_raster
from altiflow.readers.remote import Grant, Grants, RemoteAccess, Retries, download_files, file_grants
from altiflow.readers.sample import (
    ImageSample,
    LocalArchive,
    PairSample,
    Sample,
    make_images,
    make_pairs,
    make_sample,
    make_season,
    serve_archive,
)
from altiflow.readers.scenes import ScenePair, list_scenes, read_scene_pair, search_scenes
from altiflow.readers.segments import read_leads, read_segments
from altiflow.readers.table import join_tables, write_table
from altiflow.readers.velocity import read_composite_static, read_point_series, read_served_series, read_velocity

__all__ = [
    "Grant",
    "Grants",
    "ImageSample",
    "Ledger",
    "LocalArchive",
    "PairSample",
    "PairSearch",
    "RemoteAccess",
    "Retries",
    "Sample",
    "ScenePair",
    "as_catalogue",
    "build_field",
    "cap_per_year",
    "check_field",
    "collect_catalogue",
    "count_by",
    "download_files",
    "file_grants",
    "filter_catalogue",
    "filter_pairs",
    "find_coincident",
    "find_cubes",
    "find_motion",
    "holds_grid",
    "join_tables",
    "list_granules",
    "list_scenes",
    "make_images",
    "make_pairs",
    "make_sample",
    "make_season",
    "motion_urls",
    "pair_scenes",
    "read_atl14",
    "read_atl15",
    "read_atl20",
    "read_catalogue",
    "read_composite_static",
    "read_gridded",
    "read_ground",
    "read_height_change",
    "read_leads",
    "read_outlines",
    "read_point_series",
    "read_points",
    "read_raster",
    "read_scene_pair",
    "read_segments",
    "read_served_series",
    "read_table",
    "read_to_dataset",
    "read_velocity",
    "search_catalogue",
    "search_granules",
    "search_pairs",
    "search_scenes",
    "serve_archive",
    "value_column",
    "write_catalogue",
    "write_pairs",
    "write_table",
]
