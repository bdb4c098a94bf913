"""Bad input through the library and the command: a typed error that says what to do, or flags and no number at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import xarray as xr
from affine import Affine
from click.testing import CliRunner
from scipy.ndimage import gaussian_filter

from altiflow.cli import main
from altiflow.errors import AltiflowError, EmptyDataError, GridMismatchError, InputError, NoOverlapError
from altiflow.readers.scenes import read_scene_pair
from altiflow.tracking import TrackParameters, track_pair

SIZE = 120
TRANSFORM = Affine(15, 0, 465_067.5, 0, -15, 6_681_577.5)
DATES = ("2020-01-01", "2020-01-11")


@pytest.fixture(scope="module")
def texture() -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(SIZE, SIZE))
    return np.clip(20_000 + 9000 * gaussian_filter(noise, 1.2), 1, 60_000)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., str]:
    def made(name: str, values: Any, kind: str = "uint16", **more: Any) -> str:
        profile = {"driver": "GTiff", "height": SIZE, "width": SIZE, "count": 1, "dtype": kind, "crs": "EPSG:32607"}
        with rasterio.open(tmp_path / name, "w", **{**profile, "transform": TRANSFORM, **more}) as out:
            out.write(np.asarray(values).astype(kind), 1)
        return str(tmp_path / name)

    return made


def by_both(first: str, second: str, dates: Any, words: list[str], out: Path) -> tuple[Any, Any]:
    """Return what the library and the command come to: an error, or a granule."""
    options = dict(zip((word.lstrip("-") for word in words[::2]), map(int, words[1::2]), strict=True))
    try:
        parameters = TrackParameters(**{"radius": 6, "threads": 1, **options})
        library: Any = track_pair(read_scene_pair(first, second, dates=dates), parameters=parameters)
    except AltiflowError as error:
        library = error
    told = ["--dates", *dates] if dates else []
    given = words if "--radius" in words else ["--radius", "6", *words]
    done = CliRunner().invoke(
        main, ["track", first, second, "-o", str(out), "--quiet", "--threads", "1", *given, *told]
    )
    assert done.exception is None or isinstance(done.exception, SystemExit)
    if done.exit_code:
        assert done.exit_code == 1
        return library, done.output
    return library, xr.load_dataset(out)


BAD: dict[str, tuple[dict[str, Any], type[Exception], str]] = {
    "another map": ({"crs": "EPSG:32608"}, GridMismatchError, "warp one of them"),
    "no map": ({"crs": None}, InputError, "states no CRS"),
    "another pixel": ({"transform": TRANSFORM @ Affine.scale(2)}, GridMismatchError, "resample one of them"),
    "elsewhere": ({"transform": Affine.translation(1e5, 0) @ TRANSFORM}, NoOverlapError, "do not share a pixel"),
    "rotated": ({"transform": TRANSFORM @ Affine.rotation(10)}, InputError, "is rotated"),
    "upside down": ({"transform": Affine(15, 0, 465_067.5, 0, 15, 6_679_777.5)}, InputError, "run right and down"),
    "all nodata": ({"nodata": 0}, EmptyDataError, "no valid pixel"),
}


@pytest.mark.parametrize("name", BAD)
def test_images_that_are_no_pair_are_refused(name: str, texture: Any, write: Any, tmp_path: Path) -> None:
    more, kind, message = BAD[name]
    values = 0 * texture if name == "all nodata" else np.roll(texture, 2, axis=1)
    library, command = by_both(write("a.tif", texture), write("b.tif", values, **more), DATES, [], tmp_path / "x.nc")
    assert type(library) is kind
    assert message in str(library)
    assert message in command


@pytest.mark.parametrize(
    ("dates", "words", "message"),
    [
        (None, [], "does not tell when it was taken"),
        (DATES[::-1], [], "must be the earlier"),
        ((DATES[0], DATES[0]), [], "must be the earlier"),
        (("x", "y"), [], "is a date such as"),
        (DATES, ["--chip", "400"], "smaller chip"),
        (DATES, ["--chip", "21"], "is odd"),
        (DATES, ["--spacing", "0"], "spacing=0 means nothing"),
        (DATES, ["--spacing", "500"], "fewer than 2 x 2 cells"),
        (DATES, ["--radius", "0"], "radius=0 means nothing"),
        (DATES, ["--radius", "100000"], "radius=100000 means nothing"),
    ],
)
def test_dates_and_parameters_that_mean_nothing_are_refused(
    dates: Any, words: list[str], message: str, texture: Any, write: Any, tmp_path: Path
) -> None:
    library, command = by_both(write("a.tif", texture), write("b.tif", texture), dates, words, tmp_path / "x.nc")
    assert type(library) is InputError
    assert message in str(library)
    assert message in command


@pytest.mark.parametrize("level", [500, 65535])
@pytest.mark.parametrize("both", [True, False])
def test_flat_and_saturated_images_have_flags_and_no_number(
    level: int, both: bool, texture: Any, write: Any, tmp_path: Path
) -> None:
    even = np.full_like(texture, level)
    first = write("a.tif", even if both else texture)
    for granule in by_both(first, write("b.tif", even), DATES, [], tmp_path / "x.nc"):
        assert not np.isfinite(granule["vx"].values).any()
        assert (granule["status"].values > 0).all()


@pytest.mark.parametrize("kind", ["uint8", "int8", "int16", "int32", "uint32", "float32", "float64"])
def test_every_type_of_number_is_tracked(kind: str, texture: Any, write: Any, tmp_path: Path) -> None:
    scaled = texture / (60_000 / 250) - (120 if kind == "int8" else 0) if kind in ("uint8", "int8") else texture / 2
    second = np.roll(scaled, 2, axis=1)
    for granule in by_both(write("a.tif", scaled, kind), write("b.tif", second, kind), DATES, [], tmp_path / "x.nc"):
        assert np.isfinite(granule["dx"].values).mean() > 0.6
        assert float(granule["dx"].median()) == pytest.approx(2.0, abs=0.01)
