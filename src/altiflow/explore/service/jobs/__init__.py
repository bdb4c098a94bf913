"""Jobs: work that takes longer than a request, kept in a folder so that it outlives the server."""

from altiflow.explore.service.jobs.book import Job, JobBook
from altiflow.explore.service.jobs.keeping import give_up, open_result
from altiflow.explore.service.jobs.plans import JOB_KINDS, plan_job
from altiflow.explore.service.jobs.runner import JobRunner

__all__ = [
    "JOB_KINDS",
    "Job",
    "JobBook",
    "JobRunner",
    "give_up",
    "open_result",
    "plan_job",
]
