"""Simulated granules, motion and image pairs with a known truth: no login, no network."""

from altiflow.readers.sample.archive import LocalArchive, serve_archive
from altiflow.readers.sample.bundle import Sample, make_sample, make_season, simulate_granule
from altiflow.readers.sample.glacier import GLACIER, Glacier
from altiflow.readers.sample.images import ImageSample, make_images
from altiflow.readers.sample.pairs import PairSample, make_pairs
from altiflow.readers.sample.tracks import Pass, find_passes
from altiflow.readers.sample.truth import GYRES, ROSS_SEA, Gyre

__all__ = [
    "GLACIER",
    "GYRES",
    "ROSS_SEA",
    "Glacier",
    "Gyre",
    "ImageSample",
    "LocalArchive",
    "PairSample",
    "Pass",
    "Sample",
    "find_passes",
    "make_images",
    "make_pairs",
    "make_sample",
    "make_season",
    "serve_archive",
    "simulate_granule",
]
