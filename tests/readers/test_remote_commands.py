"""Tallies and commands read granules at addresses as they read files."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner

from altiflow import Grid, Ledger, RemoteAccess, Retries, grid_dataset, tally_files
from altiflow.cli import main
from altiflow.errors import EmptyDataError, GranuleError, InputError, LoginError
from altiflow.readers import make_sample, read_segments, read_table, read_to_dataset, value_column, write_table
from altiflow.readers.catalogue import list_granules, write_catalogue
from altiflow.readers.remote import file_grants

GRID = Grid.named("EASE2_N25km")
SECRET = "aVerySecretToken"


@pytest.fixture(scope="module")
def granules(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ...]:
    return make_sample(tmp_path_factory.mktemp("granules"), granules=3).granules


@pytest.fixture
def web(serve: Callable[..., Any], granules: tuple[Path, ...]) -> Any:
    server = serve()
    server.files |= {path.name: path.read_bytes() for path in granules}
    server.places = [f"{server.url}/{path.name}" for path in granules]
    return server


@pytest.fixture
def altiflow() -> Callable[..., Any]:
    def run(*arguments: object, code: int = 0) -> Any:
        result = CliRunner().invoke(main, [str(argument) for argument in arguments])
        assert result.exit_code == code, result.output
        assert SECRET not in result.output
        return result

    return run


def access(**told: Any) -> RemoteAccess:
    return RemoteAccess(retries=Retries(attempts=2, wait=0.0), timeout=5.0, **told)


def test_addresses_are_tallied_to_the_bits_of_the_files(web: Any, granules: tuple[Path, ...], tmp_path: Path) -> None:
    whole = tally_files(list(granules), GRID, value="freeboard")
    for reader, places in (
        ("h5coro", web.places),
        ("indexed", web.places[::-1]),
        ("auto", [granules[0], *web.places[1:]]),
    ):
        web.asked.clear()
        web.sent = 0
        ledger = Ledger()
        found = tally_files(places, GRID, value="freeboard", reader=reader, access=access(), ledger=ledger)  # type: ignore[arg-type]
        assert found.records.states.tobytes() == whole.records.states.tobytes()
        assert found.granules == whole.granules
        assert sum(row["requests"] for row in ledger.rows) == len(web.asked) > 0
        remote = [row for row in ledger.rows if "://" in row["path"]]
        assert sum(row["bytes"] for row in remote) == web.sent
    (tmp_path / "token").write_text(SECRET)
    web.tokens = {path.name: {SECRET} for path in granules}
    told = access(tokens=file_grants(tmp_path / "token"))
    catalogue = pd.DataFrame({"url_https": web.places})
    found = tally_files(catalogue, GRID, value="freeboard", access=told, workers=2)
    assert found.records.states.tobytes() == whole.records.states.tobytes()
    gridded = grid_dataset(catalogue, GRID, value="freeboard", freq="MS", access=told)
    xr.testing.assert_identical(
        gridded["freeboard_mean"], grid_dataset(list(granules), GRID, value="freeboard", freq="MS")["freeboard_mean"]
    )
    with pytest.raises(LoginError, match="wants a login"):
        tally_files(catalogue, GRID, value="freeboard", access=access())


def test_addresses_that_fail_are_told_with_what_they_cost(web: Any, granules: tuple[Path, ...]) -> None:
    web.plan[granules[1].name] = [500] * 9
    ledger = Ledger()
    tally = tally_files(web.places, GRID, value="freeboard", access=access(), on_error="skip", ledger=ledger)
    assert [row["status"] for row in ledger.rows] == ["read", "failed", "read"]
    assert (ledger.rows[1]["requests"], ledger.rows[1]["retries"]) == (2, 1)
    assert ledger.rows[1]["path"] == web.places[1]
    assert tally.told["missing"] == [granules[1].name]
    signed = [f"{place}?X-Amz-Signature=bad" for place in web.places]
    ledger = Ledger()
    with pytest.raises(GranuleError, match=r"gone\.h5: there is no such file"):
        tally_files([web.places[0], f"{web.url}/gone.h5"], GRID, value="freeboard", access=access())
    with pytest.raises(EmptyDataError) as refused:
        tally_files(signed, GRID, value="freeboard", access=access(), on_error="skip", ledger=ledger)
    assert "Signature" not in str(refused.value)
    assert "Signature" not in str(ledger.rows)


def test_addresses_of_anything_but_granules_are_refused(web: Any) -> None:
    with pytest.raises(InputError, match=r"a\.parquet: addresses are those of granules"):
        tally_files([f"{web.url}/a.parquet?token=b"], GRID, value="freeboard")
    with pytest.raises(InputError, match="'h5' is not known"):
        tally_files(web.places, GRID, value="freeboard", reader="h5")  # type: ignore[arg-type]


def test_the_measurement_of_a_granule_at_an_address_is_known(web: Any, granules: tuple[Path, ...]) -> None:
    assert value_column(web.places[0]) == "freeboard"
    assert web.asked == []
    web.files["mine.h5"] = web.files[granules[0].name]
    assert value_column(f"{web.url}/mine.h5", access=access()) == "freeboard"


def test_read_to_a_data_set_takes_addresses_and_catalogues_and_goes_on(
    web: Any, granules: tuple[Path, ...], altiflow: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "token").write_text(SECRET)
    web.tokens = {path.name: {SECRET} for path in granules}
    quick = ("--attempts", 1, "--timeout", 5)
    into = ("--to", tmp_path / "out", "--token-file", tmp_path / "token", *quick)
    told = altiflow("read", f"{web.places[0]}?token={SECRET}", *into, code=1)
    assert SECRET not in told.output
    told = altiflow("read", web.places[0], *into, "--reader", "indexed", "--index", tmp_path / "index")
    assert "1 granule: 1 read" in told.output
    assert list((tmp_path / "index").glob("*.json"))
    listed = tmp_path / "list.txt"
    listed.write_text("\n".join(web.places))
    web.asked.clear()
    told = altiflow("read", "--catalogue", listed, *into, "--workers", 2, "--ledger", tmp_path / "l.parquet")
    assert "3 granules: 3 read" in told.output
    assert {path[1:] for path, _, _ in web.asked} == {path.name for path in granules[1:]}
    rows = Ledger.read(tmp_path / "l.parquet").rows
    assert all(row["requests"] > 0 and row["bytes"] > 0 for row in rows)
    read_to_dataset(list(granules), tmp_path / "local")
    assert read_table(tmp_path / "out").equals(read_table(tmp_path / "local"))

    shrunk = altiflow("read", web.places[0], *into, code=1)
    assert "--allow-shrink" in shrunk.stderr
    altiflow("read", web.places[0], *into, "--allow-shrink")
    web.plan[granules[1].name] = [404] * 9
    failed = altiflow("read", *web.places, *into, code=1)
    assert "no such file" in failed.stderr
    skipped = altiflow("read", *web.places, *into, "--on-error", "skip")
    assert "1 of 3 files were left out" in skipped.stderr
    assert SECRET.encode() not in b"".join(p.read_bytes() for p in (tmp_path / "out").rglob("*") if p.is_file())
    lacking = altiflow("read", web.places[2], "--to", tmp_path / "none", *quick, code=1)
    assert "wants a login" in lacking.stderr


def test_one_table_a_grid_and_a_tally_come_from_a_catalogue(
    web: Any, granules: tuple[Path, ...], altiflow: Callable[..., Any], tmp_path: Path
) -> None:
    catalogue = list_granules(list(granules))
    catalogue["path"] = None
    catalogue["url_https"] = [f"{web.url}/{name}.h5" for name in catalogue["granule"]]
    path = write_catalogue(catalogue, tmp_path / "found.parquet")
    altiflow("read", "--catalogue", path, "-o", tmp_path / "all.parquet")
    expected = read_segments(list(granules))
    assert read_table(tmp_path / "all.parquet").equals(expected)
    write_table(expected, tmp_path / "local.parquet")
    altiflow("grid", "--catalogue", path, "-o", tmp_path / "a.nc")
    altiflow("grid", *granules, "-o", tmp_path / "b.nc")
    with xr.open_dataset(tmp_path / "a.nc") as one, xr.open_dataset(tmp_path / "b.nc") as two:
        xr.testing.assert_identical(one["freeboard_mean"], two["freeboard_mean"])
    altiflow("tally", "add", tmp_path / "store", web.places[0])
    told = altiflow("tally", "add", tmp_path / "store", *web.places[1:], "--reader", "indexed")
    assert "2 granules added, 3 in" in told.output
    refused = altiflow("read", "--catalogue", path, "--s3", "-o", tmp_path / "none.parquet", code=1)
    assert "3 of 3 granules" in refused.stderr
    assert "--s3 has no effect" in altiflow("read", web.places[0], "--s3", code=1).stderr
    assert "nothing is named" in altiflow("read", code=2).stderr


def test_the_whole_run_takes_a_catalogue_and_a_token_that_no_record_holds(
    web: Any, granules: tuple[Path, ...], altiflow: Callable[..., Any], tmp_path: Path
) -> None:
    catalogue = list_granules([granules[0]])
    catalogue["path"] = None
    catalogue["url_https"] = [web.places[0]]
    path = write_catalogue(catalogue, tmp_path / "found.parquet")
    (tmp_path / "token").write_text(SECRET)
    web.tokens = {granules[0].name: {SECRET}}
    refused = altiflow("run", "--catalogue", path, "--attempts", 1, "--out", tmp_path / "none", code=1)
    assert "wants a login" in refused.stderr
    words = ("--catalogue", path, "--token-file", tmp_path / "token", "--reader", "indexed")
    altiflow("run", *words, "--out", tmp_path / "out")
    assert read_table(tmp_path / "out" / "segments.parquet").equals(read_segments(granules[0]))
    record = json.loads((tmp_path / "out" / "run.json").read_text())
    assert record["parameters"]["engine"] == "indexed"
    assert record["parameters"]["altimetry"] == [web.places[0]]
    for name in ("run.json", "report.html"):
        assert SECRET not in (tmp_path / "out" / name).read_text()
    clash = altiflow("run", "--sample", *words, code=2)
    assert "leave --catalogue and --reader and --token-file out" in clash.stderr
    assert "--catalogue" in altiflow("run", code=2).stderr
