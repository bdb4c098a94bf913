"""Onboarding: commands that help to begin."""

from altiflow.cli.onboarding.completion import completion
from altiflow.cli.onboarding.doctor import doctor
from altiflow.cli.onboarding.tutorial import tutorial

__all__ = ["completion", "doctor", "tutorial"]
