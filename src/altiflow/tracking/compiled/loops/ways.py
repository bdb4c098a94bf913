"""How loops are compiled: once for an installation, for what is called from Python; later processes read it from disk.

Code "inside" goes into what calls it before it is made better, as may be done with what is called in one place: else it
is made better, and better again, once for each function between it and the one that Python calls.
"""

from __future__ import annotations

from typing import Any

import numba

__all__ = ["entry", "fast", "fast_entry", "free_entry", "free_inside", "plain", "plain_inside", "sure"]

_WAYS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
_BARE: dict[str, Any] = {**_WAYS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}
"""Of what Python does not call."""
_FAST = {"reassoc", "contract", "nsz", "arcp"}
"""Sums may be added up in any order, and divisions be products, but NaN stays NaN."""
_FREE = {"reassoc", "contract"}
"""Sums may be added up in any order."""

entry = numba.njit(**_WAYS, cache=True)
"""Called from Python."""
free_entry = numba.njit(**_WAYS, cache=True, fastmath=_FREE)
fast_entry = numba.njit(**_WAYS, cache=True, fastmath=_FAST)
plain = numba.njit(**_BARE)
plain_inside = numba.njit(**_BARE, inline="always")
free_inside = numba.njit(**_BARE, fastmath=_FREE, inline="always")
"""What calls it must be of this kind too."""
fast = numba.njit(**_BARE, fastmath=_FAST)
sure = numba.njit(**_BARE, fastmath={"nnan", "nsz"})
"""Values are sure to be no NaN."""
