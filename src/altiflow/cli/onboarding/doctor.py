"""`altiflow doctor`: whether this environment and this machine are fit for altiflow."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

import click

from altiflow.cli.options import ERROR, told
from altiflow.explore.doctor import examine, findings_text

__all__ = ["doctor"]


@click.command()
@click.option("--folder", default=".", show_default=True, help="Where results will go: is there room, may I write?")
@click.option("--online", is_flag=True, help="Also ask whether the archive's services can be reached.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, to put into a report of a fault.")
@told
def doctor(folder: str, online: bool, as_json: bool) -> None:
    """Look at versions, extras, logins, disk and map projections, and say what to do about what is amiss.

    Nothing is changed and no secret is shown. Exit code 1 if there is a problem.

    \b
    altiflow doctor
    altiflow doctor --online --json > doctor.json
    """
    found = examine(folder, online=online)
    problems = sum(one.state == "problem" for one in found)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in found], indent=1))
    else:
        click.echo(findings_text(found))
        notes = sum(one.state == "note" for one in found)
        click.echo(f"\n{problems} problem{'' if problems == 1 else 's'}, {notes} note{'' if notes == 1 else 's'}")
    sys.exit(ERROR if problems else 0)
