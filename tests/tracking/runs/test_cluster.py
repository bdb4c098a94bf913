"""Batches on a Dask cluster: what one process makes, failures told, and going on where a run stopped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from altiflow.errors import InputError
from altiflow.readers.ground import LAND
from altiflow.tracking import CorrectionRule, TrackParameters, TrackPlan, read_pair_list, track_pairs

PLAN = TrackPlan(
    parameters=TrackParameters(spacing=10, chip=20, radius=8, threads=1),
    ground=np.full((16, 16), LAND, np.uint8),
    rule=CorrectionRule(min_count=20),
)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    if "dask" not in os.environ.get("ALTIFLOW_REQUIRE", ""):
        pytest.importorskip("distributed", reason="dask is not installed (extra dask)")
    import distributed

    options = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": ":0"}
    with distributed.LocalCluster(**options) as cluster, distributed.Client(cluster) as opened:
        yield opened


def granules(folder: Path) -> dict[str, xr.Dataset]:
    """Return the granules of a folder by name, without how long each took."""
    found = {path.name: xr.load_dataset(path) for path in sorted(folder.glob("*.nc"))}
    for granule in found.values():
        assert granule.attrs.pop("track_seconds") > 0
    return found


def check_same(one: xr.Dataset, other: xr.Dataset) -> None:
    """Check that two granules are the same but for rounding.

    Each process compiles for itself what it does not find compiled, and sums of single precision may then be taken in
    another order.
    """
    assert set(one.variables) == set(other.variables)
    measured = ("correction", "track_log")
    assert one.attrs.keys() == other.attrs.keys()
    assert [one.attrs[key] for key in one.attrs if key not in measured] == [
        other.attrs[key] for key in one.attrs if key not in measured
    ]
    for name, variable in one.variables.items():
        values, expected = variable.to_numpy(), other[name].to_numpy()
        assert variable.attrs.keys() == other[name].attrs.keys()
        if values.dtype.kind == "f" and variable.ndim == 2:
            # A thousandth of a pixel, in metres per year of these images too.
            largest = 1e-3 * max(1.0, float(np.nanmax(np.abs(expected))))
            np.testing.assert_allclose(values, expected, rtol=0, atol=largest, err_msg=str(name))
        else:
            np.testing.assert_array_equal(values, expected, err_msg=str(name))


def test_a_cluster_makes_what_one_process_makes(listed: Path, tmp_path: Path, client: Any) -> None:
    alone = track_pairs(listed, tmp_path / "alone", plan=PLAN)
    spread = track_pairs(listed, tmp_path / "spread", plan=PLAN, client=client)
    assert spread["status"].tolist() == ["tracked", "tracked", "failed"]
    assert "no valid pixel" in spread["reason"][2]
    pd.testing.assert_frame_equal(spread.drop(columns="seconds"), alone.drop(columns="seconds"))
    one, other = granules(tmp_path / "alone"), granules(tmp_path / "spread")
    assert list(one) == list(other) == sorted(alone["granule"][:2])
    for name, granule in one.items():
        assert granule["vx"].attrs["stable_shift_flag"] == 1
        check_same(other[name], granule)
    assert not [path for path in (tmp_path / "spread").iterdir() if path.suffix not in (".nc", ".csv")]


def test_a_cluster_goes_on_where_a_run_stopped(listed: Path, tmp_path: Path, client: Any) -> None:
    pairs = read_pair_list(listed)
    # The last pair fails: what is in work beside it is finished or given up, and never half written.
    with pytest.raises(Exception, match="no valid pixel"):
        track_pairs(pairs[2:], tmp_path / "out", plan=PLAN, client=client, on_error="raise")
    track_pairs(pairs[1:2], tmp_path / "out", plan=PLAN, client=client)
    stamp = {path.name: path.stat().st_mtime_ns for path in (tmp_path / "out").glob("*.nc")}
    report = track_pairs(pairs, tmp_path / "out", plan=PLAN, client=client)
    assert report["status"].tolist() == ["tracked", "there", "failed"]
    (name,) = stamp
    assert (tmp_path / "out" / name).stat().st_mtime_ns == stamp[name]
    # A change of the plan is not taken for it on a cluster either.
    other = replace(PLAN, parameters=replace(PLAN.parameters, snr_min=3.0))
    again = track_pairs(pairs[:2], tmp_path / "out", plan=other, client=client)
    assert again["reason"].str.contains("tracked in another way").tolist() == [True, True]


def test_an_error_of_a_cluster_is_raised_as_it_is(listed: Path, tmp_path: Path, client: Any) -> None:
    rows = [{"first": tmp_path / "none.tif", "second": tmp_path / "nothing.tif"}]
    with pytest.raises(InputError, match="there is no image"):
        track_pairs(rows, tmp_path / "out", plan=PLAN, client=client, on_error="raise")
    told = track_pairs(rows, tmp_path / "out", plan=PLAN, client=client)
    assert told["reason"][0].startswith("InputError: there is no image")
