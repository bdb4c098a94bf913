"""`altiflow download`: the files of catalogues and lists, into a folder."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pandas as pd

from altiflow.cli.options import login_option, quiet_option, saying, told
from altiflow.readers import download_files
from altiflow.readers.catalogue import read_addresses
from altiflow.readers.remote import Retries, log_in

__all__ = ["download", "say_downloads"]

_LISTS = (".parquet", ".geojson", ".json", ".csv", ".txt")


@click.command(short_help="Bring files into a folder, each whole or not at all.")
@click.argument("sources", nargs=-1, required=True)
@click.option("--to", "folder", required=True, help="Folder for the files; made if it is not there.")
@click.option("--workers", type=click.IntRange(min=1), default=4, show_default=True, help="Files at a time.")
@click.option("--overwrite", is_flag=True, help="Fetch files anew that are there already.")
@click.option(
    "--on-error",
    type=click.Choice(["raise", "skip"]),
    default="raise",
    show_default=True,
    help="Files that cannot be had: an error at the end, when all others are there; or a line each.",
)
@click.option("--attempts", type=click.IntRange(min=1), default=4, show_default=True, help="Tries for each file.")
@click.option("--timeout", type=float, default=60.0, show_default=True, help="Longest wait for a server [s].")
@login_option
@quiet_option
@told
def download(
    sources: tuple[str, ...], folder: str, login: Any, attempts: int, timeout: float, quiet: bool, **options: Any
) -> None:
    """Bring the files of catalogues, lists or addresses into a folder; a second run completes the first.

    SOURCES are catalogues of `altiflow search` and `altiflow velocity search` (.parquet, .geojson, .csv), lists of one
    address a line (.txt; - reads one from the standard input), or addresses: https, s3 (public buckets), or paths.

    A file has its name only when it is whole, with the checksum that the catalogue tells; until then it is NAME.part,
    which the next run continues. manifest.json in the folder holds address, size and SHA-256 of every file.

    \b
    altiflow download granules.parquet --to granules --login netrc
    altiflow search ATL10 --start 2022-01 --end 2022-01 --format urls | altiflow download - --to granules
    """
    wanted: dict[str, str] = {}
    for source in sources:
        wanted |= _listed(source)
    done = download_files(
        wanted,
        folder,
        session=log_in(login) if login else None,
        retries=Retries(attempts=attempts),
        timeout=timeout,
        quiet=quiet,
        **options,
    )
    say_downloads(done, folder, saying(quiet))


def _listed(source: str) -> dict[str, str]:
    """Return the addresses that an argument means, with the checksums they must have."""
    if source == "-":
        lines = (line.strip() for line in sys.stdin)
        return {line: "" for line in lines if line and not line.startswith("#")}
    if "://" not in source and Path(source).suffix.lower() in _LISTS:
        return read_addresses(source)
    return {source: ""}


def say_downloads(done: pd.DataFrame, folder: str, say: Callable[[str], None]) -> None:
    """Say how many files came, were there and failed, and why."""
    counts = done["status"].value_counts(sort=False)
    say(f"{folder}: " + ", ".join(f"{number} {status}" for status, number in counts.items()))
    for reason in done.loc[done["status"] == "failed", "reason"]:
        click.echo(f"warning: {reason}", err=True)
