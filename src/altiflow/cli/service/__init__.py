"""Commands of the search service."""

from altiflow.cli.service.catalog import catalog
from altiflow.cli.service.jobs import jobs
from altiflow.cli.service.serve import serve

__all__ = ["catalog", "jobs", "serve"]
