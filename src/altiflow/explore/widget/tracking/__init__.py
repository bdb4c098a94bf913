"""Tracking in the widget: images, a pair of them, how it is tracked, what comes of it."""

from altiflow.explore.widget.tracking.forms import Form, Question, ask_about
from altiflow.explore.widget.tracking.scenes import ScenePicker
from altiflow.explore.widget.tracking.tracker import LOOKS, Look, TrackingPanel

__all__ = ["LOOKS", "Form", "Look", "Question", "ScenePicker", "TrackingPanel", "ask_about"]
