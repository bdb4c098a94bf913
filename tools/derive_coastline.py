"""Derive the polar coastlines that altiflow ships from Natural Earth's land polygons.

Natural Earth (public domain) comes as TopoJSON in the npm package world-atlas::

    npm pack world-atlas@2.0.2 && tar xzf world-atlas-2.0.2.tgz
    python tools/derive_coastline.py package/land-50m.json src/altiflow/explore/data
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pyproj
import shapely

Floats = npt.NDArray[np.float64]

HEMISPHERES = {"north": ("EPSG:6931", 1), "south": ("EPSG:6932", -1)}
LATITUDE_LIMIT = 30.0
"""Keep what is poleward of this [degrees]."""
TOLERANCE = 400.0
"""Largest move of the outline by simplification [m]; the source is drawn for a scale of 1:50 million."""
STEP = 100.0
"""Coordinates are rounded to this [m]."""
SMALLEST = 4e6
"""Islands below this area are dropped [m2]."""


def decode_arcs(topology: dict[str, Any]) -> list[Floats]:
    """Return the arcs as longitude and latitude (n, 2) [degrees]: deltas summed, scaled and shifted."""
    scale, shift = (np.array(topology["transform"][key]) for key in ("scale", "translate"))
    return [np.cumsum(np.array(arc), axis=0) * scale + shift for arc in topology["arcs"]]


def join_ring(arcs: list[Floats], numbers: list[int]) -> Floats:
    """Return one ring (n, 2); a negative number ~i is arc i backwards, and arcs share their end points."""
    parts = [arcs[number] if number >= 0 else arcs[~number][::-1] for number in numbers]
    return np.concatenate([parts[0], *(part[1:] for part in parts[1:])])


def project_polygon(rings: list[Floats], transformer: pyproj.Transformer) -> shapely.Geometry:
    """Return a polygon in the plane of the hemisphere.

    A ring of the map sheet that only walks along the pole's latitude is a point in the plane and goes.
    """
    shell, *holes = [
        np.column_stack(transformer.transform(ring[:, 0], ring[:, 1]))
        for ring in rings
        if np.abs(ring[:, 1]).min() < 89.9
    ]
    return shapely.make_valid(shapely.Polygon(shell, holes))


def derive_hemisphere(polygons: list[list[Floats]], crs: str, sign: int) -> gpd.GeoDataFrame:
    """Return the land of one hemisphere, one polygon a row, in `crs`.

    Sheets of the map that meet along 180 degrees share an edge in the plane: the union dissolves it.
    """
    transformer = pyproj.Transformer.from_crs("EPSG:4326", crs, always_xy=True)
    radius = transformer.transform(0.0, sign * LATITUDE_LIMIT)[1]
    disc = shapely.Point(0, 0).buffer(abs(radius), quad_segs=256)
    near = [rings for rings in polygons if (sign * rings[0][:, 1]).max() > LATITUDE_LIMIT]
    land = shapely.union_all([project_polygon(rings, transformer) for rings in near], grid_size=STEP)
    land = shapely.set_precision(shapely.simplify(land, TOLERANCE), STEP)
    land = shapely.set_precision(shapely.intersection(land, disc), STEP)
    parts = [part for part in shapely.get_parts(land) if part.geom_type == "Polygon" and part.area >= SMALLEST]
    parts.sort(key=lambda part: (-part.area, part.bounds))
    return gpd.GeoDataFrame(geometry=parts, crs=crs)


def main() -> None:
    """Write land_north.parquet and land_south.parquet."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("topojson", type=Path)
    parser.add_argument("folder", type=Path)
    wanted = parser.parse_args()
    topology = json.loads(wanted.topojson.read_text(encoding="utf-8"))
    arcs = decode_arcs(topology)
    polygons = [
        [join_ring(arcs, ring) for ring in rings]
        for geometry in topology["objects"]["land"]["geometries"]
        for rings in geometry["arcs"]
    ]
    for name, (crs, sign) in HEMISPHERES.items():
        path = wanted.folder / f"land_{name}.parquet"
        land = derive_hemisphere(polygons, crs, sign)
        land.to_parquet(path, compression="zstd", index=False)
        print(f"{path}: {len(land)} polygons, {shapely.get_num_coordinates(land.geometry).sum()} points")


if __name__ == "__main__":
    main()
