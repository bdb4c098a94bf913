"""The command `altiflow dhdt`, used as a person would."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from click.testing import CliRunner

from altiflow.cli import main
from altiflow.errors import InputError
from altiflow.gridding import write_velocity
from altiflow.readers import join_tables, read_table, write_table
from altiflow.readers.field import build_field

X = np.arange(0, 20e3, 20.0)
START = np.datetime64("2019-01-01", "us")


@pytest.fixture
def altiflow() -> Callable[..., object]:
    """Return a caller of the command that shows output and exit code."""
    return lambda *words: CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    """Return tables of two passes over a wave that moves by 1000 m/yr and sinks by 2."""
    paths = []
    for year in (0, 1):
        height = 50 + 5 * np.sin(2 * np.pi / 3000.0 * (X - 1000.0 * year)) - 2 * year
        points = gpd.GeoSeries.from_xy(X, 0 * X, crs="EPSG:3413").to_crs("EPSG:4326")
        moment = START + year * np.timedelta64(31_557_600, "s")
        columns = {"granule": f"pass{year}", "beam": "gt1l", "time": moment, "height": height, "height_sigma": 0.1}
        table = gpd.GeoDataFrame(columns, geometry=points)
        table.attrs["altiflow"] = {"product": "ATL06", "granules": [f"pass{year}"], "screens": {"position": year}}
        paths.append(write_table(table, tmp_path / f"pass{year}.parquet"))
    return paths


@pytest.fixture
def make_velocity(tmp_path: Path) -> Callable[..., Path]:
    def make(**attrs) -> Path:
        axis = np.arange(-50e3, 51e3, 1e3)
        ones = np.ones((1, axis.size, axis.size))
        stated = {"time_bnds": np.array([["2018-01-01", "2021-01-01"]], "M8[ns]"), "source": "land ice, made up"}
        field = build_field(
            1000.0 * ones,
            0 * ones,
            x=axis,
            y=axis,
            crs="EPSG:3413",
            units="m/yr",
            year_days=365.25,
            velocity_metric="map",
            metric_source="user",
            **{**stated, **attrs},
        )
        path = tmp_path / "velocity.nc"
        write_velocity(field, path)
        return path

    return make


def test_help_says_what_it_does_with_examples(altiflow: Callable) -> None:
    result = altiflow("dhdt", "--help")
    assert result.exit_code == 0
    assert any(line.startswith("  altiflow dhdt ") for line in result.output.splitlines())
    for word in ("--frame", "--steady", "--velocity", "--beams all", "--across"):
        assert word in result.output
    assert "\\b" not in result.output


def test_heights_at_a_place_and_of_moving_ice(
    tables: list[Path], make_velocity: Callable[..., Path], altiflow: Callable, tmp_path: Path
) -> None:
    still, moving = tmp_path / "still.parquet", tmp_path / "moving.parquet"
    at_place = altiflow("dhdt", *tables, "-o", still)
    assert at_place.exit_code == 0, at_place.output
    assert "eulerian height change, 1000 pairs of heights" in at_place.output
    assert "looked for 1000, matched 1000, without later epoch 1000" in at_place.output
    assert "1000 pairs without a slope" in at_place.output
    with_ice = altiflow("dhdt", *tables, "--velocity", make_velocity(), "-o", moving)
    assert with_ice.exit_code == 0, with_ice.output
    assert "lagrangian" in with_ice.output
    assert "dh/dt median -2.00 m/yr, the middle half -2.00 to -2.00" in with_ice.output
    assert "no track near" in with_ice.output
    table = read_table(moving)
    assert table["dhdt"].std() < 1e-6
    about = table.attrs["altiflow"]
    assert about["granules"] == ["pass0", "pass1"]
    assert about["velocity"]["source"].startswith("land ice")
    assert about["height_change"]["counts"]["matched"] == len(table)
    assert altiflow("dhdt", *tables, "-o", still, "--quiet").output == ""
    described = altiflow("info", moving)
    assert described.exit_code == 0, described.output
    assert "dhdt" in described.output


def test_an_undated_mosaic_has_to_be_said_to_be_steady(
    tables: list[Path], make_velocity: Callable[..., Path], altiflow: Callable, tmp_path: Path
) -> None:
    mosaic = make_velocity(time_rule="undated", time_bnds=np.array([["NaT", "NaT"]], "M8[ns]"))
    out = tmp_path / "moving.parquet"
    refused = altiflow("dhdt", *tables, "--velocity", mosaic, "-o", out)
    assert refused.exit_code == 1
    assert "undated" in refused.stderr
    assert "--steady" in refused.stderr
    assert not out.exists()
    taken = altiflow("dhdt", *tables, "--velocity", mosaic, "--steady", "-o", out)
    assert taken.exit_code == 0, taken.output
    assert read_table(out)["dhdt"].std() < 1e-6


def test_wrong_use_and_wrong_data_are_told(tables: list[Path], altiflow: Callable, tmp_path: Path) -> None:
    assert altiflow("dhdt").exit_code == 2
    assert altiflow("dhdt", tables[0], "--frame", "lagrangian").exit_code == 2
    assert altiflow("dhdt", tables[0], "--frame", "eulerian", "--velocity", "v.nc").exit_code == 2
    for words, message in (
        ((tables[0],), "without later epoch 1000"),
        ((tables[0], tables[0]), "in two of the tables"),
        ((*tables, "--max-gap", "0"), "--max-gap must be"),
        ((tmp_path / "nothing.parquet",), "no table"),
    ):
        result = altiflow("dhdt", *words, "-o", tmp_path / "out.parquet")
        assert result.exit_code == 1
        assert message in result.stderr
        assert len(result.stderr.strip().splitlines()) == 1


def test_tables_are_joined_with_their_provenance_or_refused(tables: list[Path]) -> None:
    one, two = (read_table(path) for path in tables)
    joined = join_tables([one, two])
    assert len(joined) == 2000
    assert joined.index.equals(joined.reset_index(drop=True).index)
    assert joined.attrs["altiflow"]["granules"] == ["pass0", "pass1"]
    assert joined.attrs["altiflow"]["screens"] == {"position": 1}
    assert join_tables([one]) is one
    with pytest.raises(InputError, match="no table"):
        join_tables([])
    two.attrs["altiflow"] = {"product": "ATL10"}
    with pytest.raises(InputError, match="ATL06, ATL10"):
        join_tables([one, two])
    with pytest.raises(InputError, match="CRSs"):
        join_tables([one, one.to_crs("EPSG:3413")])
