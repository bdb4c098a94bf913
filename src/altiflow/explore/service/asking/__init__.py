"""What a request asks: its parameters, its places, and the query they make."""

from altiflow.explore.service.asking.parameters import (
    Parameter,
    limit_parameter,
    openapi_parameters,
    read_parameters,
    whole_number,
)
from altiflow.explore.service.asking.places import geojson_region, text_region
from altiflow.explore.service.asking.searches import (
    check_period,
    form_parameters,
    granule_parameters,
    make_query,
    pair_parameters,
    place_parameters,
    take_region,
)

__all__ = [
    "Parameter",
    "check_period",
    "form_parameters",
    "geojson_region",
    "granule_parameters",
    "limit_parameter",
    "make_query",
    "openapi_parameters",
    "pair_parameters",
    "place_parameters",
    "read_parameters",
    "take_region",
    "text_region",
    "whole_number",
]
