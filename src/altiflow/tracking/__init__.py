"""Velocity from image pairs: where the chips of one image lie in the other, and the granule that is made of it."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from altiflow.tracking.batch import read_pair_list, track_pairs
    from altiflow.tracking.matching.kernels import ChipMatches, ChipTask, kernel_names, register_kernel
    from altiflow.tracking.neighbours.screens import screen_offsets
    from altiflow.tracking.offsets import STATUS, Offsets, measure_offsets, track_offsets
    from altiflow.tracking.pairs import track_pair
    from altiflow.tracking.parameters import TrackParameters, fastest_motion, search_radius
    from altiflow.tracking.plan import TrackPlan
    from altiflow.tracking.preparation import PreparedPair, prepare_pair
    from altiflow.tracking.prior import expect_offsets
    from altiflow.tracking.product import (
        add_velocity,
        lay_out,
        recorrect,
        rename_as_pycorr,
        restore_offsets,
        tracked_field,
        tracked_name,
        write_tracked,
    )
    from altiflow.tracking.quality import (
        Closure,
        Spread,
        close_triplet,
        combine_offsets,
        compare_granules,
        measure_spread,
        strain_quality,
        terrain_quality,
    )
    from altiflow.tracking.stable import (
        Correction,
        CorrectionRule,
        StableStatistics,
        correct_offsets,
        stable_statistics,
    )
    from altiflow.tracking.staged import STAGES, Staged, track_stages

__all__ = [
    "STAGES",
    "STATUS",
    "ChipMatches",
    "ChipTask",
    "Closure",
    "Correction",
    "CorrectionRule",
    "Offsets",
    "PreparedPair",
    "Spread",
    "StableStatistics",
    "Staged",
    "TrackParameters",
    "TrackPlan",
    "add_velocity",
    "close_triplet",
    "combine_offsets",
    "compare_granules",
    "correct_offsets",
    "expect_offsets",
    "fastest_motion",
    "kernel_names",
    "lay_out",
    "measure_offsets",
    "measure_spread",
    "prepare_pair",
    "read_pair_list",
    "recorrect",
    "register_kernel",
    "rename_as_pycorr",
    "restore_offsets",
    "screen_offsets",
    "search_radius",
    "stable_statistics",
    "strain_quality",
    "terrain_quality",
    "track_offsets",
    "track_pair",
    "track_pairs",
    "track_stages",
    "tracked_field",
    "tracked_name",
    "write_tracked",
]

_HOMES = (
    "parameters",
    "offsets",
    "neighbours.screens",
    "matching.kernels",
    "prior",
    "stable",
    "quality",
    "product",
    "preparation",
    "pairs",
    "plan",
    "staged",
    "batch",
)
"""Modules and packages of the names, those that load least first."""

# Hidden from type checkers, which would take any name for one that is there.
if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """Return a name of tracking, loaded when it is first asked for: arrays are tracked without what reads files."""
        if name in _HOMES:
            return import_module(f"altiflow.tracking.{name}")
        for home in _HOMES if name in __all__ else ():
            module = import_module(f"altiflow.tracking.{home}")
            if name in module.__all__:
                return globals().setdefault(name, getattr(module, name))
        raise AttributeError(f"module 'altiflow.tracking' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return the names of tracking, and of its modules."""
    return sorted({*globals(), *__all__, *_HOMES})
