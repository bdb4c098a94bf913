"""Simulated granules, motion and image pairs with a known truth: no login, no network."""

from altiflow.readers.sample.bundle import Sample, make_sample, simulate_granule
from altiflow.readers.sample.glacier import GLACIER, Glacier
from altiflow.readers.sample.pairs import PairSample, make_pairs
from altiflow.readers.sample.tracks import Pass, find_passes
from altiflow.readers.sample.truth import GYRES, Gyre

__all__ = [
    "GLACIER",
    "GYRES",
    "Glacier",
    "Gyre",
    "PairSample",
    "Pass",
    "Sample",
    "find_passes",
    "make_pairs",
    "make_sample",
    "simulate_granule",
]
