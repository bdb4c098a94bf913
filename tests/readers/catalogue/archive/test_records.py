from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import shapely

from altiflow.readers.catalogue.archive.records import read_record

NAME = "ATL10-01_20220107195850_02531401_007_02"


def points(*corners: tuple[float, float]) -> dict[str, Any]:
    return {"Points": [{"Longitude": lon, "Latitude": lat} for lon, lat in corners]}


def test_footprints(granule: Callable[..., dict[str, Any]]) -> None:
    def footprint(**geometry: Any) -> Any:
        return read_record(granule(NAME, geometry=geometry))["geometry"]

    seam = {"Boundary": points((170, 60), (-170, 60), (-170, 70), (170, 70), (170, 60))}
    assert footprint(GPolygons=[seam]).bounds == (-180, 60, 180, 70)
    assert footprint(GPolygons=[seam]).area == pytest.approx(200)
    hole = {"Boundaries": [points((-179, 62), (-175, 62), (-175, 65), (-179, 65), (-179, 62))]}
    assert footprint(GPolygons=[{**seam, "ExclusiveZone": hole}]).area == pytest.approx(188)
    rectangle = {
        "WestBoundingCoordinate": 175,
        "EastBoundingCoordinate": -175,
        "SouthBoundingCoordinate": 60,
        "NorthBoundingCoordinate": 70,
    }
    assert footprint(BoundingRectangles=[rectangle]).area == pytest.approx(100)
    track = footprint(Lines=[points((175, 60), (-175, 70))])
    assert track.geom_type == "MultiLineString"
    assert footprint(Points=points((5, 60))["Points"]).equals(shapely.Point(5, 60))
    orbit = granule(NAME)
    orbit["umm"]["SpatialExtent"]["HorizontalSpatialDomain"] = {"Orbit": {"AscendingCrossing": 12.5}}
    assert read_record(orbit)["geometry"] is None
