"""Published grids as data: CRS, outer upper-left corner, cell size and shape, each with its source."""

from __future__ import annotations

from dataclasses import dataclass

from altiflow.errors import InputError

__all__ = ["GRID_NAMES", "ITS_LIVE_CORNERS", "GridDefinition", "grid_definition", "grid_definitions"]


@dataclass(frozen=True)
class GridDefinition:
    """What defines a named grid.

    Attributes
    ----------
    name
        The grid's name.
    crs
        Authority string of the CRS.
    corner
        Outer upper-left corner (x, y) [m].
    cell
        Cell size [m].
    shape
        Number of (rows, cols).
    source
        Where the numbers are published.
    """

    name: str
    crs: str
    corner: tuple[float, float]
    cell: float
    shape: tuple[int, int]
    source: str


_EASE2_SOURCE = "NSIDC mapx grid parameter definitions EASE2_N*/EASE2_S* (Brodzik et al. 2012)"
_EASE2_GLOBAL_SOURCE = "NSIDC mapx grid parameter definitions EASE2_M* (Brodzik et al. 2012, 2014)"
_EASE1_SOURCE = "NSIDC EASE-Grid (Armstrong and Brodzik 1995), cell-centre registered on the pole"
_PS_SOURCE = "NSIDC Polar Stereographic Projection and Grid"

# Equal-area polar grids: half-width 9000 km, the pole on a cell corner.
_EASE2_POLAR_KM = ("100", "36", "25", "24", "12.5", "10", "9", "6.25", "5", "3.125", "3", "1.5625", "1")
# Global equal-area cylindrical grids: two families that share no lattice. (km, cell m, cols, rows)
_EASE2_GLOBAL_36 = (
    ("36", 36032.220840584, 964, 406),
    ("24", 24021.480560389347, 1446, 609),
    ("9", 9008.055210146, 3856, 1624),
    ("8", 8007.160186796, 4338, 1827),
    ("3", 3002.6850700487, 11568, 4872),
    ("1", 1000.89502334956, 34704, 14616),
)
_EASE2_GLOBAL_25 = (
    ("25", 25025.26, 1388, 584),
    ("12.5", 12512.63, 2776, 1168),
    ("6.25", 6256.315, 5552, 2336),
    ("3.125", 3128.1575, 11104, 4672),
    ("1.5625", 1564.07875, 22208, 9344),
)
_PS_KM = (("25", 1), ("12.5", 2), ("6.25", 4))


def _definitions() -> dict[str, GridDefinition]:
    """Return every named grid by name."""
    rows = [
        GridDefinition(
            f"EASE2_{pole}{km}km",
            crs,
            (-9_000_000.0, 9_000_000.0),
            float(km) * 1000,
            (round(18_000 / float(km)),) * 2,
            _EASE2_SOURCE,
        )
        for pole, crs in (("N", "EPSG:6931"), ("S", "EPSG:6932"))
        for km in _EASE2_POLAR_KM
    ]
    for family, corner in (
        (_EASE2_GLOBAL_36, (-17_367_530.4451615, 7_314_540.8306386)),
        (_EASE2_GLOBAL_25, (-17_367_530.44, 7_307_375.92)),
    ):
        rows += [
            GridDefinition(f"EASE2_M{km}km", "EPSG:6933", corner, cell, (high, wide), _EASE2_GLOBAL_SOURCE)
            for km, cell, wide, high in family
        ]
    for name, crs, cells in (
        ("EASE_Nl25km", "EPSG:3408", 721),
        ("EASE_Sl25km", "EPSG:3409", 721),
        ("EASE_Na25km", "EPSG:3408", 361),
        ("EASE_Sa25km", "EPSG:3409", 321),
    ):
        half = cells * 25_067.525 / 2
        rows.append(GridDefinition(name, crs, (-half, half), 25_067.525, (cells, cells), _EASE1_SOURCE))
    for name, crs, corner, (wide, high) in (
        ("NSIDC_PS_N", "EPSG:3411", (-3_850_000.0, 5_850_000.0), (304, 448)),
        ("NSIDC_PS_S", "EPSG:3412", (-3_950_000.0, 4_350_000.0), (316, 332)),
        ("NSIDC_PS_WGS84_N", "EPSG:3413", (-3_850_000.0, 5_850_000.0), (304, 448)),
        ("NSIDC_PS_WGS84_S", "EPSG:3976", (-3_950_000.0, 4_350_000.0), (316, 332)),
    ):
        rows += [
            GridDefinition(f"{name}{km}km", crs, corner, float(km) * 1000, (high * times, wide * times), _PS_SOURCE)
            for km, times in _PS_KM
        ]
    return {row.name: row for row in rows}


_BY_NAME = _definitions()

GRID_NAMES: tuple[str, ...] = tuple(_BY_NAME)
"""Names that :meth:`altiflow.Grid.named` takes."""

ITS_LIVE_CORNERS: dict[int, tuple[float, float]] = {120: (-7.5, 7.5), 240: (-7.5, 7.5)}
"""Cell size [m] of an ITS_LIVE lattice -> a point (x, y) [m] of the map that is a cell corner of it.

Coordinates in the files are cell centres. The corners are those of the version 2 granules, cubes and mosaics (120 m,
EPSG:3031, EPSG:3413 and UTM) and of the version 1 granules (240 m, EPSG:3031); the coarse corners are fine corners.
"""


def grid_definitions(crs: str) -> list[GridDefinition]:
    """Return the named grids of a CRS, given as its authority string.

    Examples
    --------
    >>> [found.name for found in grid_definitions("EPSG:3976")]
    ['NSIDC_PS_WGS84_S25km', 'NSIDC_PS_WGS84_S12.5km', 'NSIDC_PS_WGS84_S6.25km']
    """
    return [known for known in _BY_NAME.values() if known.crs == crs]


def grid_definition(name: str) -> GridDefinition:
    """Return the definition of a named grid.

    Raises
    ------
    InputError
        If there is no grid of that name.

    Examples
    --------
    >>> grid_definition("NSIDC_PS_N25km").shape
    (448, 304)
    """
    try:
        return _BY_NAME[name]
    except KeyError:
        families = sorted({known.rstrip("0123456789.km") for known in GRID_NAMES})
        raise InputError(
            f"no grid is named {name!r}; the families are {', '.join(families)}, each with its cell size, "
            "e.g. 'EASE2_N6.25km' (altiflow.gridding.GRID_NAMES lists all)"
        ) from None
