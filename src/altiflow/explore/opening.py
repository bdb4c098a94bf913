"""Opening the widget, whose extra is not needed before."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import xarray as xr

if TYPE_CHECKING:
    from altiflow.explore.widget import Explorer

__all__ = ["open_explorer"]


def open_explorer(
    field: xr.Dataset | None = None,
    *,
    source: str | Path = "",
    epsg: int | None = None,
    region: Any = None,
    product: str = "pairs",
    reach: Literal["auto", "loopback", "proxy", "files"] = "auto",
    height: str = "560px",
) -> Explorer:
    """Return the widget: a map to search, read and look at altimetry and velocity, for a notebook or a page of Voilà.

    Nothing is asked of a network unless an archive is searched, or its imagery is asked for.

    Parameters
    ----------
    field
        A velocity field that lies under everything: a mosaic, a mean, a layer of a cube. None for land alone.
    source
        Where is searched first: a catalogue in a file or folder, or the address of a service, as
        ``altiflow serve`` is; empty for the archives.
    epsg
        Projection of the map: 3413, 3031 or 3857; that of the field if it is one of them, else that of its hemisphere.
    region
        Where is searched first; anything :func:`altiflow.as_region` takes.
    product
        What is searched first: "pairs" of images, or granules of "ATL10", "ATL07", "ATL06" or "ATL11".
    reach
        How the browser reaches pictures of the field: "loopback" from a server on this machine; "proxy" from that
        server through jupyter-server-proxy; "files" that are written below the notebook's folder. "auto" is loopback,
        and on a hub the proxy, or files where it is not installed.
    height
        Of the map, in CSS.

    Raises
    ------
    InputError
        If the extra ``explore`` is not installed, or an argument means nothing.
    FieldError
        If `field` is no velocity field.
    """
    widget = import_module("altiflow.explore.widget")
    explorer: Explorer = widget.Explorer(
        field, source=str(source), epsg=epsg, region=region, product=product, reach=reach, height=height
    )
    return explorer
