"""The job: what a service tells of one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from altiflow.errors import ServiceError

__all__ = ["ServiceJob", "read_job"]


@dataclass(frozen=True)
class ServiceJob:
    """A job of a service, as it was when it was asked.

    Attributes
    ----------
    url
        Its address.
    id, kind
        Its name; "cube", "grid" or "track".
    state
        "waiting", "running", "done", "failed", "cancelled", or "deleted" where its result is gone.
    progress
        How much of the work is done, 0 to 1; None where the service does not know.
    stage
        What it is at.
    attempts
        How often it was begun.
    taken_up
        From where it went on after the server stopped: "where it was" or "after its last stage"; None if it did not.
    message
        Why it failed, or its result is gone.
    asked
        What was asked for.
    """

    url: str
    id: str
    kind: str
    state: str
    progress: float | None = None
    stage: str = ""
    attempts: int = 0
    taken_up: str | None = None
    message: str = ""
    asked: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @property
    def ended(self) -> bool:
        """Whether it neither waits nor runs."""
        return self.state not in ("waiting", "running")


def read_job(told: Any, service: str, shown: str) -> ServiceJob:
    """Return a job from what a service told of it.

    Parameters
    ----------
    told
        JSON.
    service
        Address of the service; a job's own address is made of it, as an answer does not send a token elsewhere.
    shown
        The address for messages.

    Raises
    ------
    ServiceError
        If it tells of no job.

    Examples
    --------
    >>> read_job({"id": "0" * 32, "kind": "track", "state": "running"}, "http://host", "host").url[:24]
    'http://host/jobs/0000000'
    """
    try:
        name, state = str(told["id"]), str(told["state"])
        if not (name.isascii() and name.isalnum()):
            raise ValueError(name)
        progress = float("nan" if told.get("progress") is None else told["progress"])
        return ServiceJob(
            url=f"{service}/jobs/{name}",
            id=name,
            kind=str(told.get("kind") or ""),
            state=state,
            progress=None if math.isnan(progress) else min(max(progress, 0.0), 1.0),
            stage=str(told.get("stage") or ""),
            attempts=int(told.get("attempts") or 0),
            taken_up=told.get("taken_up"),
            message=str(told.get("message") or ""),
            asked=dict(told.get("asked") or {}),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ServiceError(f"{shown} told of no job ({type(error).__name__}); is it an altiflow service?") from error
