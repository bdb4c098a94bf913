"""The work of a job of the service, in a process of its own that loads what this kind of job needs and no more."""

from altiflow.explore.work.process import PLAN, REASON, main
from altiflow.explore.work.progress import PROGRESS, STAGES, ProgressFile, read_progress

__all__ = ["PLAN", "PROGRESS", "REASON", "STAGES", "ProgressFile", "main", "read_progress"]
