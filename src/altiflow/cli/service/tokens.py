"""Tokens: secrets in files, as the command line and its history are read by others."""

from __future__ import annotations

from pathlib import Path

from altiflow.errors import InputError

__all__ = ["read_token"]


def read_token(path: str) -> str:
    """Return the secret in a file."""
    try:
        token = Path(path).read_text(encoding="ascii").strip()
    except UnicodeDecodeError as error:
        raise InputError(
            f"--token-file {path} holds letters that a header cannot have; use letters and digits"
        ) from error
    if not token:
        raise InputError(f"--token-file {path} is empty; write a secret of 16 letters or more into it")
    return token
