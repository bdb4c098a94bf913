"""`altiflow serve`: catalogues behind HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from altiflow.cli.options import counted, quiet_option, told
from altiflow.cli.service.extras import database_option, import_extra, schema_option
from altiflow.cli.service.tokens import read_token
from altiflow.errors import InputError
from altiflow.readers import list_scenes, read_velocity

__all__ = ["serve"]

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


@click.command()
@click.argument("catalogues", nargs=-1)
@database_option
@schema_option
@click.option(
    "--connections", type=click.IntRange(min=1), default=8, show_default=True, help="Most connections to the database."
)
@click.option("--field", "fields", multiple=True, metavar="NAME=PATH", help="Cube or mosaic to serve.")
@click.option(
    "--jobs", metavar="FOLDER", help="Take jobs (cubes, grids, tracking), kept with their results in this folder."
)
@click.option("--scenes", metavar="FOLDER_OR_LIST", help="Images to track: a folder, a .txt, or STAC items.")
@click.option(
    "--keep-days",
    type=click.FloatRange(0, min_open=True),
    default=30.0,
    show_default=True,
    help="How long results of jobs stay.",
)
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
@click.option("--max-seconds", type=float, default=20.0, show_default=True, help="Longest search, series or tile [s].")
@click.option("--max-vertices", type=click.IntRange(min=3), default=2000, show_default=True, help="Most corners.")
@click.option("--max-area", type=float, default=1.5e8, show_default=True, help="Largest area of a search [km2].")
@quiet_option
@told
def serve(
    catalogues: tuple[str, ...], host: str, port: int, token_file: str | None, quiet: bool, **options: Any
) -> None:
    """Answer searches of CATALOGUES (GeoParquet), one of image pairs and one of granules, or either.

    With --database they are those that `altiflow catalog load` put into PostgreSQL.

    The addresses are those of ITS_LIVE's former search service (/velocities/urls/, /velocities/coverage/), the same
    for granules (/altimetry/urls/, /altimetry/coverage/), and a STAC service (/, /search). Velocity fields have tiles
    (/tiles/NAME/3413/ZOOM/X/Y.png) and series (/fields/NAME/series). Jobs (/jobs) are asked for with `altiflow jobs`.
    /openapi.json tells all.

    \b
    altiflow serve pairs.parquet granules.parquet
    altiflow serve --field jakobshavn=cube.zarr
    altiflow serve --database postgresql://reader@db.example.org/ice
    altiflow serve pairs.parquet --jobs jobs/ --scenes images/
    curl 'http://127.0.0.1:8000/velocities/coverage/?bbox=-50,69,-48,70'

    Stop it with Ctrl-C. Needs the extra: pip install "altiflow[service]", for a database
    "altiflow[postgres]".
    """
    service = import_extra("altiflow.explore.service", "altiflow serve", "service")
    if not (catalogues or any(options[name] for name in ("fields", "database", "scenes"))):
        raise InputError("there is nothing to serve; give a catalogue, --database, --field or --scenes")
    token = None if token_file is None else read_token(token_file)
    if host not in _LOOPBACK and token is None:
        raise InputError(f"--host {host} can be reached by others, who are to bring a secret; give --token-file")
    limits = service.ServiceLimits(
        vertices=options["max_vertices"],
        area_km2=options["max_area"],
        rows=options["max_rows"],
        seconds=options["max_seconds"],
    )
    stores = [service.EmbeddedStore(path) for path in catalogues] + _open_database(options)
    names = ("localhost", "127.0.0.1", "[::1]", *options["allow_host"], *([host] if host not in _LOOPBACK else []))
    fields = dict(_open_field(text) for text in options["fields"])
    scenes = None if options["scenes"] is None else list_scenes(options["scenes"])
    app = service.make_app(
        stores,
        fields=fields,
        jobs=options["jobs"],
        scenes=scenes,
        keep_days=options["keep_days"],
        limits=limits,
        token=token,
        hosts=names,
        show_paths=options["show_paths"],
    )

    def say(address: str) -> None:
        if not quiet:
            held = [counted(store.size, "image pair" if store.kind == "pairs" else "granule") for store in stores]
            held += [counted(len(fields), "velocity field")] if fields else []
            held += [counted(int((scenes["problem"] == "").sum()), "scene")] if scenes is not None else []
            for row in () if scenes is None else scenes[scenes["problem"] != ""].itertuples():
                click.echo(f"warning: {row.scene} is left out: {row.problem}", err=True)
            click.echo(f"serving {' and '.join(held)} at {address}")

    service.run_app(app, host=host, port=port, say=say)


def _open_field(text: str) -> tuple[str, Any]:
    """Return name and velocity of NAME=PATH; the data are read when they are asked for."""
    name, told, path = text.partition("=")
    if not (name and told and path):
        raise InputError(f"--field {text} is not NAME=PATH, such as jakobshavn=cube.zarr")
    return name, read_velocity(path if "://" in path else Path(path))


def _open_database(options: dict[str, Any]) -> list[Any]:
    """Return the stores of the database that is named, if one is."""
    if options["database"] is None:
        return []
    postgis = import_extra("altiflow.explore.service.stores.postgis", "altiflow serve --database", "postgres")
    found: list[Any] = postgis.open_stores(
        options["database"], schema=options["schema"], connections=options["connections"]
    )
    return found
