"""Commands that take altimetry and velocity together."""

from altiflow.cli.fusion.dhdt import dhdt
from altiflow.cli.fusion.drift import drift
from altiflow.cli.fusion.flux import flux
from altiflow.cli.fusion.fuse import fuse

__all__ = ["dhdt", "drift", "flux", "fuse"]
