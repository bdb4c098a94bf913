"""The product of tracking: a granule in the layout of ITS_LIVE's image pairs, with what else is known of each cell."""

from altiflow.tracking.product.layout import lay_out, restore_offsets
from altiflow.tracking.product.names import rename_as_pycorr
from altiflow.tracking.product.velocity import add_velocity, recorrect
from altiflow.tracking.product.writing import tracked_field, tracked_name, write_tracked

__all__ = [
    "add_velocity",
    "lay_out",
    "recorrect",
    "rename_as_pycorr",
    "restore_offsets",
    "tracked_field",
    "tracked_name",
    "write_tracked",
]
