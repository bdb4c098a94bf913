"""Stable ground: what the displacement of things that do not move says of the rest."""

from altiflow.tracking.stable.correction import Correction, CorrectionRule, correct_offsets
from altiflow.tracking.stable.statistics import StableStatistics, stable_statistics

__all__ = ["Correction", "CorrectionRule", "StableStatistics", "correct_offsets", "stable_statistics"]
