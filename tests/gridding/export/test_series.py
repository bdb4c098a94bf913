"""Series on disk: every row of every point, whichever the form."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from altiflow.errors import InputError
from altiflow.gridding.export import write_series


def test_an_archive_has_a_table_of_each_point_with_all_its_rows(tmp_path: Path) -> None:
    points = ["stake 1", "stake/1", "Stake_1", "..", "b"]
    rng = np.random.default_rng(4)
    table = pd.DataFrame({"point": np.repeat(points, 3), "vx": rng.random(15), "vx_sigma": [np.nan, 1.5, 2.5] * 5})
    path = write_series(table, tmp_path / "series.zip")
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        parts = [pd.read_csv(io.BytesIO(archive.read(name))) for name in names]
    assert names == ["stake_1.csv", "stake_1_2.csv", "Stake_1_3.csv", "point.csv", "b.csv"]
    pd.testing.assert_frame_equal(pd.concat(parts, ignore_index=True), table, rtol=1e-15, check_dtype=False)
    before = path.read_bytes()
    assert write_series(table, path).read_bytes() == before
    plain = pd.read_csv(write_series(table, tmp_path / "series.csv"))
    pd.testing.assert_frame_equal(plain, table, rtol=1e-15, check_dtype=False)
    pd.testing.assert_frame_equal(pd.read_parquet(write_series(table, tmp_path / "s.parquet")), table)


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"series.xlsx: the suffix is one of .csv, .parquet, .zip"):
        write_series(pd.DataFrame({"point": ["a"]}), tmp_path / "series.xlsx")
