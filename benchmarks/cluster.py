"""A PostgreSQL of the benchmark's own, in a folder that goes with it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg


@contextmanager
def own_cluster(settings: tuple[str, ...] = ("shared_buffers=1GB", "max_wal_size=4GB")) -> Iterator[str]:
    """Yield the address of a database with PostGIS; all settings but these are PostgreSQL's own, fsync included."""
    programs = max(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    user: dict[str, object] = {}
    if os.getuid() == 0:
        user = {"user": "postgres", "group": "postgres", "extra_groups": []}
        shutil.chown(folder, "postgres", "postgres")
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port = held.getsockname()[1]

    def run(program: str, *words: str) -> None:
        command = [str(programs / program), "-D", str(folder / "data"), *words]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **user)  # type: ignore[call-overload]

    run("initdb", "-U", "postgres", "--auth=trust", "--no-instructions", "--no-locale", "-E", "UTF8")
    chosen = " ".join(f"-c {setting}" for setting in (*settings, f"port={port}", "listen_addresses=127.0.0.1"))
    run("pg_ctl", "start", "-w", "-s", "-o", f"-k {folder} {chosen}", "-l", str(folder / "log"))
    address = f"postgresql://postgres@127.0.0.1:{port}/postgres"
    try:
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION postgis")
        yield address
    finally:
        run("pg_ctl", "stop", "-w", "-s", "-m", "fast")
        shutil.rmtree(folder)
