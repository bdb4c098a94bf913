"""The widget: a map to search, read and look at altimetry and velocity; its skin needs the extra ``explore``."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from altiflow.explore.widget.calls import Variable, call_text
from altiflow.explore.widget.extra import check_extra
from altiflow.explore.widget.observing import Observed
from altiflow.explore.widget.points import PointPicker
from altiflow.explore.widget.search import SearchPanel, SearchQuestion
from altiflow.explore.widget.tracking import TrackingPanel

if TYPE_CHECKING:
    from altiflow.explore.widget.maps import write_tiles
    from altiflow.explore.widget.skin import Explorer, MapView, PointsView, TrackingView

__all__ = [
    "Explorer",
    "MapView",
    "Observed",
    "PointPicker",
    "PointsView",
    "SearchPanel",
    "SearchQuestion",
    "TrackingPanel",
    "TrackingView",
    "Variable",
    "call_text",
    "write_tiles",
]

_SKINS = {
    "Explorer": "skin",
    "MapView": "skin",
    "PointsView": "skin",
    "TrackingView": "skin",
    "write_tiles": "maps",
}

# Hidden from type checkers, which would take any name for one that is there.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Return what needs the extra, loaded when it is first asked for."""
        if name in _SKINS:
            check_extra()
            module = import_module(f"altiflow.explore.widget.{_SKINS[name]}")
            return globals().setdefault(name, getattr(module, name))
        raise AttributeError(f"module 'altiflow.explore.widget' has no attribute {name!r}")
