"""Jobs of a search service elsewhere: asked for, followed and fetched; needs no extra."""

from altiflow.explore.jobs.client import cancel_job, fetch_result, find_job, follow_job, list_jobs, submit_job
from altiflow.explore.jobs.job import ServiceJob

__all__ = ["ServiceJob", "cancel_job", "fetch_result", "find_job", "follow_job", "list_jobs", "submit_job"]
