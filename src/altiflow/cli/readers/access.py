"""What commands share that read granules: files, addresses and catalogues, and as whom."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from altiflow.cli.options import login_option
from altiflow.errors import InputError
from altiflow.readers import RemoteAccess, Retries
from altiflow.readers.catalogue import read_addresses, read_catalogue
from altiflow.readers.remote import file_grants, log_in
from altiflow.readers.segments import granule_places

__all__ = ["access_told", "remote_options", "sources_told"]

Command = TypeVar("Command", bound=Callable[..., Any])


def remote_options(command: Command) -> Command:
    """Add the options of reading granules at addresses; :func:`access_told` takes them out again."""
    for option in reversed(
        [
            click.option(
                "--catalogue",
                "catalogues",
                multiple=True,
                help="Granules of a catalogue (altiflow search: .parquet, .geojson) or of a list of addresses (.txt); "
                "may be given several times.",
            ),
            click.option("--s3", is_flag=True, help="Of catalogues, the addresses in buckets."),
            click.option(
                "--reader",
                type=click.Choice(["auto", "h5py", "h5coro", "indexed"]),
                default="auto",
                show_default=True,
                help="How granules are opened; auto: h5py for files, h5coro for addresses.",
            ),
            click.option(
                "--first-read",
                type=click.Choice(["few_requests", "few_bytes"]),
                default="few_requests",
                show_default=True,
                help="What is spared of a file that has no index yet (--reader indexed); few_bytes for slow links.",
            ),
            click.option("--index", help="Folder to keep where the data of granules lie (--reader indexed)."),
            click.option(
                "--token-file",
                help="File with the token of another archive, shown to the one host of the addresses that "
                "--login is not for; read anew when it is refused.",
            ),
            click.option("--attempts", type=click.IntRange(min=1), default=4, show_default=True, help="Tries in all."),
            click.option(
                "--timeout", type=float, default=30.0, show_default=True, help="Longest wait for a server [s]."
            ),
            login_option,
        ]
    ):
        command = option(command)
    return command


def access_told(options: dict[str, Any]) -> dict[str, Any]:
    """Take the options of reading granules at addresses out of all options; return ``reader`` and ``access``."""
    login, token, attempts = (options.pop(name) for name in ("login", "token_file", "attempts"))
    access = RemoteAccess(
        session=log_in(login) if login else None,
        tokens=file_grants(token) if token else None,
        retries=Retries(attempts=attempts),
        timeout=options.pop("timeout"),
        index=options.pop("index"),
        first_read=options.pop("first_read"),
    )
    return {"reader": options.pop("reader"), "access": access}


def sources_told(sources: Sequence[str], options: dict[str, Any]) -> list[str]:
    """Take the catalogues out of the options; return what they list beside what the command line names.

    Raises
    ------
    click.UsageError
        If nothing is named.
    InputError
        If a catalogue cannot be read.
    """
    catalogues, in_buckets = options.pop("catalogues"), options.pop("s3")
    if in_buckets and not catalogues:
        raise InputError("--s3 has no effect without --catalogue; leave it out")
    found = [*sources, *(place for path in catalogues for place in _listed(path, in_buckets))]
    if not found:
        raise click.UsageError("nothing is named; give files, folders, addresses, or --catalogue")
    return found


def _listed(path: str, in_buckets: bool) -> list[str]:
    """Return files and addresses of the granules that a catalogue or a list of addresses names."""
    if Path(path).suffix == ".txt":
        return list(read_addresses(path))
    table = read_catalogue(path)
    if not in_buckets:
        return [str(place) for place in granule_places(table)]
    absent = int(table["url_s3"].isna().sum())
    if absent:
        raise InputError(f"{absent} of {len(table)} granules of {path} have no address in a bucket; leave out --s3")
    return [str(url) for url in table["url_s3"]]
