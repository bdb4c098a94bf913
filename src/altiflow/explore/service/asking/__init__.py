"""What a request asks: its parameters, its places, and the query they make."""

from altiflow.explore.service.asking.parameters import Parameter, openapi_parameters, read_parameters
from altiflow.explore.service.asking.places import geojson_region, text_region
from altiflow.explore.service.asking.searches import form_parameters, granule_parameters, make_query, pair_parameters

__all__ = [
    "Parameter",
    "form_parameters",
    "geojson_region",
    "granule_parameters",
    "make_query",
    "openapi_parameters",
    "pair_parameters",
    "read_parameters",
    "text_region",
]
