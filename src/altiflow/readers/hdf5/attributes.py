"""String attributes of HDF5 groups, whichever way they were written."""

from __future__ import annotations

from typing import Any

import numpy as np

__all__ = ["text_attribute"]


def text_attribute(node: Any, name: str) -> str | None:
    """Return attribute `name` of an h5py object as text, None where it is absent or not text."""
    value = node.attrs.get(name)
    if isinstance(value, np.ndarray):
        value = value.flat[0] if value.size == 1 else None
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    return str(value).strip() if isinstance(value, str) else None
