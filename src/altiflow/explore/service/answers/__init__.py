"""What the service answers: rows in several forms, and items of STAC."""

from altiflow.explore.service.answers.forms import MEDIA_TYPES, write_rows, zip_of
from altiflow.explore.service.answers.links import next_address, root_of
from altiflow.explore.service.answers.sending import send_rows, take_form

__all__ = ["MEDIA_TYPES", "next_address", "root_of", "send_rows", "take_form", "write_rows", "zip_of"]
