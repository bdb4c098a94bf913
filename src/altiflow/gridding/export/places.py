"""Places on disk: named points as a CSV that can be read again."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd

from altiflow.errors import InputError
from altiflow.files import whole_file

__all__ = ["write_places"]


def write_places(places: gpd.GeoSeries, path: str | Path, *, overwrite: bool = False) -> Path:
    """Write named points as a CSV with name, longitude and latitude, and return the path; whole or not at all.

    Parameters
    ----------
    places
        What :func:`altiflow.as_places` gives.
    path
        ``.csv``; :func:`altiflow.as_places` reads it.
    overwrite
        Whether a file that is there may be replaced.

    Raises
    ------
    InputError
        If the suffix is another, or the file is there.
    """
    target = Path(path)
    if target.suffix.lower() != ".csv":
        raise InputError(f"places are written as .csv; got {target.name!r}")
    if target.exists() and not overwrite:
        raise InputError(f"{target} is there already; choose another name, or pass overwrite=True")
    table = pd.DataFrame({"name": places.index, "longitude": places.x.to_numpy(), "latitude": places.y.to_numpy()})
    with whole_file(target) as part:
        table.to_csv(part, index=False)
    return target
