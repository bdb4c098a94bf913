"""The command `altiflow`: parse, call the library, print."""

from altiflow.cli.main import main

__all__ = ["main"]
