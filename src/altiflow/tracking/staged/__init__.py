"""Tracking stage by stage: what each stage comes to is kept, and made again only where what it is made of changed."""

from altiflow.tracking.staged.stages import STAGES, Stage, Staged, track_stages

__all__ = ["STAGES", "Stage", "Staged", "track_stages"]
