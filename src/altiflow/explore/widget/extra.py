"""The extra of the widget: what it needs that altiflow itself does not."""

from __future__ import annotations

from importlib.util import find_spec

from altiflow.errors import InputError

__all__ = ["check_extra"]

_NEEDED = ("ipyleaflet", "ipywidgets", "fastapi", "uvicorn", "duckdb")


def check_extra() -> None:
    """Raise InputError, with what to do, where the extra ``explore`` is not installed."""
    lacking = [name for name in _NEEDED if find_spec(name) is None]
    if lacking:
        raise InputError(
            f"the widget needs {', '.join(lacking)}, not installed here; install with pip install 'altiflow[explore]'"
        )
