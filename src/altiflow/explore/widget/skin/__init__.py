"""Skins: what the panels of the widget look like in a notebook; needs the extra ``explore``."""

from altiflow.explore.widget.skin.explorer import Explorer
from altiflow.explore.widget.skin.map import MapView
from altiflow.explore.widget.skin.points import PointsView
from altiflow.explore.widget.skin.search import SearchBox
from altiflow.explore.widget.skin.tracking import TrackingView

__all__ = ["Explorer", "MapView", "PointsView", "SearchBox", "TrackingView"]
