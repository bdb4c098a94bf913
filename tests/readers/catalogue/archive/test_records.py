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


def test_checksums_and_further_files(granule: Callable[..., dict[str, Any]]) -> None:
    record = granule(NAME)
    told = record["umm"]["DataGranule"]["ArchiveAndDistributionInformation"]
    assert read_record(record)["checksum"] is None
    told[1]["Checksum"] = {"Value": "00", "Algorithm": "MD5"}
    told[0]["Checksum"] = {"Value": "AB12", "Algorithm": "SHA-256"}
    row = read_record(record)
    assert (row["checksum"], row["more_https"]) == ("sha256:ab12", None)
    told[0]["Checksum"]["Algorithm"] = "Fletcher-32"
    assert read_record(record)["checksum"] is None


def test_a_velocity_granule_of_several_files(granule: Callable[..., dict[str, Any]]) -> None:
    record = granule(NAME)
    name = "GL_vel_mosaic_Annual_01Dec16_30Nov17"
    record["umm"]["CollectionReference"] = {"ShortName": "NSIDC-0725", "Version": "5"}
    record["umm"]["GranuleUR"] = name
    record["umm"]["DataGranule"] = {
        "ArchiveAndDistributionInformation": [
            {"Name": f"{name}_{v}_v05.0.tif", "Size": 2.0, "SizeUnit": "MB"} for v in "ab"
        ]
    }
    urls = [f"https://host/{name}_{variable}_v05.0.tif" for variable in ("vx", "vy", "ex")]
    links = [{"URL": url, "Type": "GET DATA"} for url in [*urls, urls[0], "https://host/browse.jpg"]]
    links += [{"URL": urls[1].replace("https", "s3"), "Type": "GET DATA VIA DIRECT ACCESS"}]
    record["umm"]["RelatedUrls"] = links
    row = read_record(record)
    assert (row["granule"], row["product"], row["version"]) == (name, "NSIDC-0725", "5")
    assert row["url_https"] == urls[0]
    assert row["more_https"].split() == urls[1:]
    assert row["url_s3"] == urls[1].replace("https", "s3")
    assert row["size_mb"] == 4.0


def test_a_record_may_tell_no_time_and_its_collection_by_title(granule: Callable[..., dict[str, Any]]) -> None:
    record = granule(NAME)
    del record["umm"]["TemporalExtent"]
    record["umm"]["CollectionReference"] = {"EntryTitle": "ATLAS/ICESat-2 L3A Sea Ice Freeboard V007"}
    row = read_record(record)
    assert (row["product"], row["version"], row["end"]) == ("ATL10", "007", None)
    assert str(row["start"]).startswith("2022-01-07")
    record["umm"]["DataGranule"]["Identifiers"], record["umm"]["GranuleUR"] = [], "other.tif"
    row = read_record(record)
    assert (row["product"], row["version"], row["start"]) == (None, None, None)
