"""Simulated granules and motion with a known truth: no login, no network."""

from altiflow.readers.sample.bundle import Sample, make_sample, simulate_granule
from altiflow.readers.sample.tracks import Pass, find_passes
from altiflow.readers.sample.truth import GYRES, Gyre

__all__ = ["GYRES", "Gyre", "Pass", "Sample", "find_passes", "make_sample", "simulate_granule"]
