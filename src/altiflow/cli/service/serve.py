"""`altiflow serve`: catalogues behind HTTP."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import click

from altiflow.cli.options import counted, quiet_option, told
from altiflow.errors import InputError
from altiflow.readers import read_velocity

__all__ = ["serve"]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@click.command()
@click.argument("catalogues", nargs=-1)
@click.option("--field", "fields", multiple=True, metavar="NAME=PATH", help="Cube or mosaic to serve.")
@click.option("--jobs", metavar="FOLDER", help="Take jobs (cubes, grids), kept with their results in this folder.")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to answer at; this machine alone.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8000, show_default=True, help="0 takes one that is free."
)
@click.option("--token-file", help="File with a secret that every request brings; needed beyond this machine.")
@click.option(
    "--allow-host", multiple=True, help="Name under which others ask, such as ice.example.org; several times."
)
@click.option("--show-paths", is_flag=True, help="Answer files that are on this disk alone with their path.")
@click.option(
    "--max-rows", type=click.IntRange(min=1), default=500_000, show_default=True, help="Most rows of an answer."
)
@click.option("--max-seconds", type=float, default=20.0, show_default=True, help="Longest search [s].")
@click.option("--max-vertices", type=click.IntRange(min=3), default=2000, show_default=True, help="Most corners.")
@click.option("--max-area", type=float, default=1.5e8, show_default=True, help="Largest area of a search [km2].")
@quiet_option
@told
def serve(
    catalogues: tuple[str, ...], host: str, port: int, token_file: str | None, quiet: bool, **options: Any
) -> None:
    """Answer searches of CATALOGUES (GeoParquet), one of image pairs and one of granules, or either.

    The addresses are those of ITS_LIVE's former search service (/velocities/urls/, /velocities/coverage/), the same
    for granules (/altimetry/urls/, /altimetry/coverage/), and a STAC service (/, /search). Velocity fields have tiles
    (/tiles/NAME/3413/ZOOM/X/Y.png) and series (/fields/NAME/series). /openapi.json tells all.

    \b
    altiflow serve pairs.parquet granules.parquet
    altiflow serve --field jakobshavn=cube.zarr
    curl 'http://127.0.0.1:8000/velocities/coverage/?bbox=-50,69,-48,70'

    Stop it with Ctrl-C. Needs the extra: pip install "altiflow[service]".
    """
    service = _load_service()
    if not (catalogues or options["fields"]):
        raise InputError("there is nothing to serve; give a catalogue, or --field NAME=PATH")
    token = None if token_file is None else _read_token(token_file)
    if host not in _LOOPBACK and token is None:
        raise InputError(f"--host {host} can be reached by others, who are to bring a secret; give --token-file")
    limits = service.ServiceLimits(
        vertices=options["max_vertices"],
        area_km2=options["max_area"],
        rows=options["max_rows"],
        seconds=options["max_seconds"],
    )
    stores = [service.EmbeddedStore(path) for path in catalogues]
    names = ("localhost", "127.0.0.1", "[::1]", *options["allow_host"], *([host] if host not in _LOOPBACK else []))
    fields = dict(_open_field(text) for text in options["fields"])
    app = service.make_app(
        stores,
        fields=fields,
        jobs=options["jobs"],
        limits=limits,
        token=token,
        hosts=names,
        show_paths=options["show_paths"],
    )

    def say(address: str) -> None:
        if not quiet:
            held = [counted(store.size, "image pair" if store.kind == "pairs" else "granule") for store in stores]
            held += [counted(len(fields), "velocity field")] if fields else []
            click.echo(f"serving {' and '.join(held)} at {address}")

    service.run_app(app, host=host, port=port, say=say)


def _open_field(text: str) -> tuple[str, Any]:
    """Return name and velocity of NAME=PATH; the data are read when they are asked for."""
    name, told, path = text.partition("=")
    if not (name and told and path):
        raise InputError(f"--field {text} is not NAME=PATH, such as jakobshavn=cube.zarr")
    return name, read_velocity(path if "://" in path else Path(path))


def _load_service() -> Any:
    """Return the service, which needs packages of its own."""
    try:
        return import_module("altiflow.explore.service")
    except ModuleNotFoundError as error:
        if str(error.name).startswith("altiflow"):
            raise
        raise InputError(
            f"altiflow serve needs {error.name}; install it with: pip install 'altiflow[service]'"
        ) from error


def _read_token(path: str) -> str:
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
