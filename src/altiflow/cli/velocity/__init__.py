"""`altiflow velocity`: image pairs of ice velocity."""

from altiflow.cli.velocity.group import velocity

__all__ = ["velocity"]
