"""Commands that put segments on a grid."""

from altiflow.cli.gridding.grid import grid
from altiflow.cli.gridding.tally import tally

__all__ = ["grid", "tally"]
