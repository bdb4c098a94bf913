"""QGIS: style files that show the package's outputs in the colours of its maps."""

from altiflow.explore.qgis.ramps import Ramp, make_ramp
from altiflow.explore.qgis.styles import write_style, write_styles

__all__ = ["Ramp", "make_ramp", "write_style", "write_styles"]
