"""The report, as a browser would take it: one file, all in it, nothing fetched."""

from __future__ import annotations

import re
import shlex
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from click.testing import CliRunner

from altiflow.cli import main
from altiflow.errors import InputError
from altiflow.explore.report import Page, series_report
from altiflow.explore.report.series import draw_fates
from altiflow.readers import make_sample


class Reader(HTMLParser):
    """Collects tags, addresses, words for pictures and text; fails on tags that do not close in order."""

    EMPTY = ("meta", "img", "br")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.addresses: list[str] = []
        self.alts: list[str] = []
        self.ids: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        held = dict(attrs)
        self.addresses += [held[name] or "" for name in ("src", "href") if name in held]
        self.ids += [held["id"] or ""] if "id" in held else []
        if tag == "img":
            self.alts.append(held.get("alt") or "")
        if tag not in self.EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data + " "


def read_page(path: Path) -> Reader:
    reader = Reader()
    reader.feed(path.read_text(encoding="utf-8"))
    assert reader.open == []
    return reader


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a run with a granule that failed."""
    folder = tmp_path_factory.mktemp("report")
    made = make_sample(folder / "in", granules=4)
    bad = folder / "in" / made.granules[0].name.replace("20190101", "20190102").replace("_0001", "_0999")
    bad.write_bytes(made.granules[0].read_bytes()[:5000])
    words = ["run", "--altimetry", folder / "in", "--velocity", made.motion, "--out", folder / "out"]
    words += ["--on-error", "skip", "--region=-180,60,180,90", "--quiet"]
    result = CliRunner().invoke(main, [str(word) for word in words])
    assert (folder / "out" / "report.html").exists(), result.output
    return folder


def test_a_page_holds_all_it_shows_and_its_links_lead_somewhere(folder: Path) -> None:
    page = read_page(folder / "out" / "report.html")
    inside = [one for one in page.addresses if one.startswith("#")]
    held = [one for one in page.addresses if one.startswith("data:image/png;base64,")]
    assert sorted(inside + held) == sorted(page.addresses)
    assert {one[1:] for one in inside} == set(page.ids)
    assert len(held) == len(page.alts) >= 3
    assert all(len(words) > 20 for words in page.alts)


def test_a_page_has_maps_uncertainty_screens_and_parameters(folder: Path) -> None:
    page = read_page(folder / "out" / "report.html")
    for words in ("Map of freeboard", "1-sigma uncertainty", "Histogram of freeboard", "length of track of each day"):
        assert [alt for alt in page.alts if words in alt]
    for words in ("All parameters", "dropped: fill value", "[m]", "on error", "skip"):
        assert words in page.text


def test_failures_come_first_and_stand_out(folder: Path) -> None:
    text = (folder / "out" / "report.html").read_text()
    granules = text[text.index(">Granules</h2>") :]
    first = re.search(r"<tr[^>]*>(<td.*?)</tr>", granules)
    assert first is not None
    assert first[0].startswith('<tr class="bad">')
    assert "failed" in first[1]
    assert "20190102" in first[1]
    assert re.search(r'class="warn">5 granules: \d read', granules)


def test_numbers_are_those_of_the_record(folder: Path) -> None:
    page = read_page(folder / "out" / "report.html")
    ledger = __import__("altiflow").Ledger.read(folder / "out" / "ledger.parquet").table
    assert f"{ledger['segments_found'].sum():,}" in page.text
    assert f"{ledger['segments_kept'].sum():,}" in page.text
    assert f"{ledger['dropped_fill_value'].sum():,}" in page.text


def test_the_command_of_a_report_repeats_the_run(folder: Path, tmp_path: Path) -> None:
    line = unescape((folder / "out" / "report.html").read_text().split("<pre>")[1].split("</pre>")[0])
    assert line.startswith("altiflow run --altimetry=")
    words = shlex.split(line.replace(str(folder / "out"), str(tmp_path / "again")))[1:]
    result = CliRunner().invoke(main, words)
    assert (tmp_path / "again" / "report.html").exists(), result.output
    before, after = (path / "grid.nc" for path in (folder / "out", tmp_path / "again"))
    assert before.stat().st_size == after.stat().st_size


def test_a_drift_report_tells_what_was_lost(folder: Path, tmp_path: Path) -> None:
    motion = next((folder / "in").glob("icemotion*.nc"))
    words = ["drift", folder / "out" / "segments.parquet", motion, "--target", "2019-01-03", "-o", tmp_path / "d.nc"]
    words = [str(word) for word in (*words, "--report", tmp_path / "d.html")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    page = read_page(tmp_path / "d.html")
    assert "What was lost on the way" in page.text
    assert "brought to 3 Jan 2019" in page.text
    told = re.search(r"of (\d+) segments in the window", result.output)
    assert told is not None
    assert f"{int(told[1]):,}" in page.text


def test_a_series_writes_a_report_of_all_its_dates(folder: Path, tmp_path: Path) -> None:
    motion = next((folder / "in").glob("icemotion*.nc"))
    words = ["drift", folder / "out" / "segments.parquet", motion, "--every", "3D", "--window", "1D", "-o", tmp_path]
    words = [str(word) for word in (*words, "--start", "2019-01-02", "--end", "2019-01-20")]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    page = read_page(tmp_path / "report.html")
    files = sorted(tmp_path.glob("drift_*.nc"))
    assert f"{len(files)} dates from 2019-01-" in page.text
    missing = 7 - len(files)
    assert missing > 0
    assert page.text.count("no altimetry in the window") == missing
    fates = (tmp_path / "report.html").read_text()
    fates = fates[fates.index(">What was lost on the way</h2>") :]
    assert fates.index("no altimetry in the window") < fates.index("brought to")
    assert len(page.alts) >= 3
    assert all(len(words) > 20 for words in page.alts)
    assert not [one for one in page.addresses if not one.startswith(("#", "data:image/png;base64,"))]
    assert "altiflow drift" in page.text
    assert "--every=3D" in page.text
    (tmp_path / "report.html").unlink()
    assert CliRunner().invoke(main, [*words, "--report", "none"]).exit_code == 0
    assert not (tmp_path / "report.html").exists()


def test_numbers_of_a_series_are_those_of_its_files(folder: Path, tmp_path: Path) -> None:
    from altiflow import DriftPlan, Grid, drift_series, read_table
    from altiflow.readers import read_gridded

    table = read_table(folder / "out" / "segments.parquet")
    days = pd.date_range("2019-01-01", "2019-01-20", freq="2D")
    plan = DriftPlan(window="1D", mode="eulerian")
    made = drift_series(table, None, Grid.named("EASE2_N25km"), tmp_path, targets=days, plan=plan, value="freeboard")
    page = series_report(made.paths, "freeboard", command="again", targets=days)
    html = page.html()
    assert "Freeboard where it was measured: report of a series" in html
    whole = [read_gridded(path) for path in made.paths]
    assert f"<b>{made.empty}</b><span>dates without altimetry" in html
    for one in whole:
        assert f"{int(one['segments_in_window'][0]):,}</td>" in html
    cells = sorted(int(np.isfinite(one["freeboard_mean"].values).sum()) for one in whole)
    assert f'cells with data</td><td></td><td class="n">{cells[0]}</td>' in html
    figure = draw_fates(xr.concat([one[list(FATES)] for one in whole], dim="time"))
    heights = [bar.get_height() for bar in figure.axes[0].patches]
    told = [float(one[name][0]) for name in FATES for one in whole]
    assert heights == pytest.approx(told)
    with pytest.raises(InputError, match="the series has none"):
        series_report([], "freeboard", command="")
    with pytest.raises(InputError, match="no drift-aware grid of 'freeboard_mean'"):
        series_report([folder / "out" / "grid.nc"], "freeboard", command="")


FATES = ("segments_gridded", "segments_outside_grid", "segments_lost")


def test_text_of_others_cannot_change_the_page(tmp_path: Path) -> None:
    page = Page("<b>", "a & b")
    page.section("<script>alert(1)</script>")
    page.table(("<i>",), [('"><img src=x onerror=alert(1)>',)])
    page.code("</pre><script>")
    page.text("<p>", "warn")
    reader = read_page(page.write(tmp_path / "p.html"))
    assert reader.alts == []
    assert "<script>" not in page.html().replace("&lt;script&gt;", "")


def test_secrets_of_addresses_are_in_no_command_and_no_record() -> None:
    import click

    from altiflow.cli.options import typed_command
    from altiflow.explore.run import RunPlan, _call

    @click.command()
    @click.argument("files", nargs=-1)
    @click.option("--velocity", multiple=True)
    def show(files: tuple[str, ...], velocity: tuple[str, ...]) -> None:
        click.echo(typed_command())

    signed = "https://me:word@host.example/a.h5?X-Amz-Signature=SECRET"
    told = CliRunner().invoke(show, [signed, "--velocity", signed, "--velocity", "motion.nc"]).output
    assert told.split() == ["altiflow", "https://host.example/a.h5", *_words("https://host.example/a.h5", "motion.nc")]
    plan = RunPlan(("a.h5",), ("b.nc",), out="out", beams="weak")
    assert _call(plan) == (
        "altiflow.run_fusion(altiflow.RunPlan(altimetry=('a.h5',), velocity=('b.nc',), out='out', beams='weak'))"
    )


def _words(*places: str) -> list[str]:
    return [f"--velocity={place}" for place in places]


def test_a_record_names_addresses_without_their_secrets(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import altiflow.explore.run as run
    from altiflow import read_table
    from altiflow.readers import Ledger

    kept: dict[str, object] = {}
    monkeypatch.setattr(run, "run_report", lambda **told: kept.update(told) or Page("a", "b"))
    table = read_table(folder / "out" / "segments.parquet")
    out = folder / "again"
    out.mkdir()
    signed = "https://me:word@host.example/a.h5?X-Amz-Signature=SECRET"
    result = run.RunResult({}, {}, Ledger(), tables={"segments": table}, grids={"grid": None})
    run._record(run.RunPlan((signed,), (signed,), out=str(out)), result)
    for text in ((out / "run.json").read_text(), str(kept["command"])):
        assert "SECRET" not in text
        assert "word" not in text
        assert "https://host.example/a.h5" in text
