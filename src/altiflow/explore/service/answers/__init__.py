"""What the service answers: rows in several forms, and items of STAC."""

from altiflow.explore.service.answers.forms import MEDIA_TYPES, write_rows, zip_of

__all__ = ["MEDIA_TYPES", "write_rows", "zip_of"]
