"""Where the disk is full, nothing half-written has the name of a file, and the error says what to do."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

SCRIPT = """
    import resource, sys
    from pathlib import Path
    from click.testing import CliRunner
    from altiflow.cli import main
    from altiflow.errors import AltiflowError
    from altiflow.readers import Ledger, download_files, list_granules, read_segments, write_catalogue, write_table
    source, out = Path(sys.argv[1]), Path(sys.argv[2])
    ledger = Ledger()
    table = read_segments(source, ledger=ledger)
    catalogue = list_granules(source)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, 2_000))
    for name, write in {
        "table.parquet": lambda path: write_table(table, path),
        "table.gpkg": lambda path: write_table(table, path),
        "ledger.parquet": ledger.write,
        "catalogue.parquet": lambda path: write_catalogue(catalogue, path),
        "files": lambda path: download_files([str(source)], path, quiet=True),
    }.items():
        try:
            write(out / name)
            print(name, "written")
        except AltiflowError as error:
            print(name, type(error).__name__)
    for words in (["read", str(source), "-o", str(out / "read.parquet")], ["search", "--source", str(source), "-o",
                  str(out / "found.parquet")], ["download", str(source), "--to", str(out / "more")]):
        result = CliRunner().invoke(main, words)
        print(words[0], result.exit_code, isinstance(result.exception, SystemExit))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file size limits are POSIX")
def test_nothing_half_written_is_left_where_the_system_takes_no_more(
    simulated: Callable[..., Path], tmp_path: Path
) -> None:
    command = [sys.executable, "-W", "ignore", "-c", textwrap.dedent(SCRIPT), str(simulated()), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, check=False, text=True)
    told = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert list(told) == [
        *("table.parquet", "table.gpkg", "ledger.parquet", "catalogue.parquet", "files"),
        *("read", "search", "download"),
    ], done.stderr
    assert "written" not in told.values()
    assert {told[name] for name in list(told)[:4]} == {"WriteError"}
    assert told["files"] == "GranuleError"
    assert {told[command] for command in ("read", "search", "download")} == {"1 True"}
    left = {path.name for path in tmp_path.rglob("*") if path.is_file()}
    # A download that broke off is kept to be continued.
    name = simulated().name
    assert left <= {"manifest.json", f"{name}.part", f"{name}.part.json"}
