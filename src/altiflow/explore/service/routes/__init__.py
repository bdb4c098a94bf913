"""Routes: which address gives which answer."""

from altiflow.explore.service.routes.contract import contract_router
from altiflow.explore.service.routes.fields import field_router
from altiflow.explore.service.routes.jobs import job_router
from altiflow.explore.service.routes.scenes import scene_router
from altiflow.explore.service.routes.stac import stac_router

__all__ = ["contract_router", "field_router", "job_router", "scene_router", "stac_router"]
