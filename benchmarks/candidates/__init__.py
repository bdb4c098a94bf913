"""Every way to grid that is compared, by name."""

from benchmarks.candidates.histograms import HISTOGRAMS
from benchmarks.candidates.ours import OURS, YARDSTICKS
from benchmarks.candidates.points import Candidate, Cells, Points
from benchmarks.candidates.tables import TABLES

__all__ = ["CANDIDATES", "Candidate", "Cells", "Points"]

CANDIDATES: dict[str, Candidate] = {found.name: found for found in (*OURS, *YARDSTICKS, *HISTOGRAMS, *TABLES)}
