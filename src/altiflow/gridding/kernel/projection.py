"""Forward polar projections as polynomials: PROJ's answer to the micrometre, fifty times as fast."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pyproj

__all__ = ["COSINE", "REACH", "SINE", "TERMS", "PolarProjection", "polar_projection", "sine_cosine"]

Floats = npt.NDArray[np.float64]

REACH = 90.0
"""Colatitude up to which the polynomials hold [degrees]: the equator."""
TERMS = 14
"""Terms of the polynomial of the radius in the squared colatitude, at most."""
_FIT_TOLERANCE = 1e-15
"""Relative error of the fitted radius at which fewer terms will do: 10 nm at the equator."""
_NODES = 400
_DEGREE = np.pi / 180.0

# Taylor coefficients of sin(d)/d and cos(d) in d^2, d in degrees from -45 to 45: the first term left out is below
# 1e-16 of the whole.
SINE = tuple((-1.0) ** k * _DEGREE ** (2 * k + 1) / float(np.prod(np.arange(1.0, 2 * k + 2))) for k in range(8))
COSINE = tuple((-1.0) ** k * _DEGREE ** (2 * k) / float(np.prod(np.arange(1.0, 2 * k + 1))) for k in range(9))


@dataclass(frozen=True)
class PolarProjection:
    """A map about a pole: x = r sin(lon - lon0), y = -+ r cos(lon - lon0), r = t P(t^2), t the colatitude.

    Attributes
    ----------
    pole
        1 north, -1 south.
    origin
        Longitude that points down the map (north) or up it (south) [degrees].
    radius
        Coefficients of P, from the constant up [m per degree, ...].
    equal_area
        Whether it is an equal-area map, which ends at the equator, or a stereographic one.

    Notes
    -----
    The colatitude in degrees is exact near the pole, where the latitude's cosine is not. P is fitted to the exact
    radius: Lambert azimuthal equal-area r = a (∫2(1-e²)sin t / (1-e²cos²t)² dt)^½ and polar stereographic
    r = a m(c) T(t)/T(c) with T(t) = tan(t/2) ((1+e cos t)/(1-e cos t))^(e/2), c the colatitude of true scale
    (Snyder 1987, USGS Professional Paper 1395, equations 3-12, 24-23, 14-15, 15-9 and 21-33).
    """

    pole: int
    origin: float
    radius: tuple[float, ...]
    equal_area: bool

    def project(self, longitude: npt.ArrayLike, latitude: npt.ArrayLike) -> tuple[Floats, Floats]:
        """Return (x, y) [m] of longitudes and latitudes [degrees], (n,); not finite beyond the equator.

        Longitudes may have any number of turns. Latitudes beyond a pole are nowhere.
        """
        lat = np.asarray(latitude, np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            colatitude = 90.0 - lat if self.pole > 0 else 90.0 + lat
            square = colatitude * colatitude
            distance = np.full_like(square, self.radius[-1])
            for coefficient in self.radius[-2::-1]:
                distance *= square
                distance += coefficient
            distance *= colatitude
            distance[~((colatitude >= 0.0) & (colatitude <= REACH))] = np.inf
            sine, cosine = sine_cosine(np.asarray(longitude, np.float64) - self.origin)
            sine *= distance
            cosine *= distance if self.pole < 0 else -distance
        return sine, cosine


def sine_cosine(degrees: Floats) -> tuple[Floats, Floats]:
    """Return sine and cosine (n,) of angles (n,) [degrees]; exact at the quarter turns.

    Examples
    --------
    >>> sine, cosine = sine_cosine(np.array([-270.0, 30.0, 540.0]))
    >>> sine.round(15).tolist(), cosine[2:].tolist()
    ([1.0, 0.5, -0.0], [-1.0])
    """
    with np.errstate(invalid="ignore"):
        quarter = np.rint(degrees * (1.0 / 90.0))
        rest = degrees - 90.0 * quarter
        quadrant = quarter.astype(np.int64) & 3
    square = rest * rest
    sine, cosine = np.full_like(rest, SINE[-1]), np.full_like(rest, COSINE[-1])
    for coefficient in SINE[-2::-1]:
        sine *= square
        sine += coefficient
    sine *= rest
    for coefficient in COSINE[-2::-1]:
        cosine *= square
        cosine += coefficient
    if quadrant.size and quadrant.min() == quadrant.max():
        return _turned(sine, cosine, int(quadrant[0]))
    odd = (quadrant & 1).astype(bool)
    sine, cosine = np.where(odd, cosine, sine), np.where(odd, sine, cosine)
    sine *= 1.0 - (quadrant & 2)
    cosine *= 1.0 - ((quadrant + 1) & 2)
    return sine, cosine


def _turned(sine: Floats, cosine: Floats, quadrant: int) -> tuple[Floats, Floats]:
    """Return sine and cosine after `quadrant` quarter turns."""
    if quadrant & 1:
        sine, cosine = cosine, sine
    if quadrant & 2:
        np.negative(sine, out=sine)
    if (quadrant + 1) & 2:
        np.negative(cosine, out=cosine)
    return sine, cosine


@cache
def polar_projection(crs: str) -> PolarProjection | None:
    """Return the polynomial form of a CRS, or None where it is no polar map that can be written so.

    Parameters
    ----------
    crs
        Authority string or WKT.

    Examples
    --------
    >>> south = polar_projection("EPSG:6932")
    >>> [round(float(value[0]), 3) for value in south.project([0.0], [-60.0])]
    [0.0, 3309819.551]
    >>> polar_projection("EPSG:32607") is None
    True
    """
    known = _parameters(pyproj.CRS(crs))
    if known is None:
        return None
    method, told, ellipsoid = known
    pole = _pole(method, told)
    if pole == 0 or ellipsoid is None:
        return None
    square = ellipsoid.semi_major_metre**2
    eccentricity = np.sqrt(max(0.0, 1.0 - ellipsoid.semi_minor_metre**2 / square))
    nodes = REACH / 2 * (1.0 - np.cos(np.pi * (np.arange(_NODES) + 0.5) / _NODES))
    equal_area = method.startswith("Lambert")
    if equal_area:
        exact = _equal_area_radius(nodes, float(eccentricity))
    else:
        exact = _stereographic_radius(nodes, float(eccentricity), method, told)
    return PolarProjection(
        pole=pole,
        origin=float(told[_ORIGINS[method]]),
        radius=_fitted(nodes, exact * ellipsoid.semi_major_metre),
        equal_area=equal_area,
    )


_ORIGINS = {
    "Lambert Azimuthal Equal Area": "Longitude of natural origin",
    "Lambert Azimuthal Equal Area (Spherical)": "Longitude of natural origin",
    "Polar Stereographic (variant A)": "Longitude of natural origin",
    "Polar Stereographic (variant B)": "Longitude of origin",
}


def _parameters(crs: pyproj.CRS) -> tuple[str, dict[str, float], Any] | None:
    """Return method, parameters by name and ellipsoid of a polar map without false origin on Greenwich degrees."""
    projection = crs.coordinate_operation
    if crs.is_bound or projection is None or projection.method_name not in _ORIGINS:
        return None
    told = {parameter.name: float(parameter.value) for parameter in projection.params}
    eastward = crs.prime_meridian is not None and crs.prime_meridian.longitude == 0.0
    plain = not told.get("False easting") and not told.get("False northing")
    in_metres = all(axis.unit_conversion_factor == 1.0 for axis in crs.axis_info)
    return (projection.method_name, told, crs.ellipsoid) if eastward and plain and in_metres else None


def _pole(method: str, told: dict[str, float]) -> int:
    """Return 1 for a map about the north pole, -1 about the south pole, 0 about neither."""
    if method == "Polar Stereographic (variant B)":
        return int(np.sign(told["Latitude of standard parallel"]))
    return {90.0: 1, -90.0: -1}.get(told["Latitude of natural origin"], 0)


def _equal_area_radius(colatitude: Floats, e: float) -> Floats:
    """Return the radius (n,) in units of the semi-major axis; the integral loses no digits at the pole."""
    nodes, weights = np.polynomial.legendre.leggauss(48)
    half = np.radians(colatitude)[:, None] / 2
    angle = half * (1.0 + nodes)
    integrand = 2 * (1 - e**2) * np.sin(angle) / (1 - (e * np.cos(angle)) ** 2) ** 2
    return np.asarray(np.sqrt((half * integrand * weights).sum(axis=1)))


def _stereographic_radius(colatitude: Floats, e: float, method: str, told: dict[str, float]) -> Floats:
    """Return the radius (n,) in units of the semi-major axis."""

    def spread(t: Floats) -> Floats:
        return np.asarray(np.tan(t / 2) * ((1 + e * np.cos(t)) / (1 - e * np.cos(t))) ** (e / 2))

    angle = np.radians(colatitude)
    if method == "Polar Stereographic (variant A)":
        scale = told["Scale factor at natural origin"]
        return np.asarray(scale * 2 * spread(angle) / np.sqrt((1 + e) ** (1 + e) * (1 - e) ** (1 - e)))
    true = np.radians(90.0 - abs(told["Latitude of standard parallel"]))
    size = np.sin(true) / np.sqrt(1 - (e * np.cos(true)) ** 2) / spread(np.asarray(true))
    return np.asarray(spread(angle) * size)


def _fitted(colatitude: Floats, radius: Floats) -> tuple[float, ...]:
    """Return the coefficients of P in radius = t P(t^2), as few as the digits allow."""
    basis = np.polynomial.chebyshev.Chebyshev.fit(
        colatitude**2, radius / colatitude, TERMS - 1, domain=[0.0, REACH**2], window=[-1.0, 1.0]
    )
    size = np.abs(basis.coef)
    terms = int(np.flatnonzero(size > _FIT_TOLERANCE * size[0])[-1]) + 1
    short = np.polynomial.chebyshev.Chebyshev(basis.coef[:terms], domain=basis.domain, window=basis.window)
    return tuple(float(value) for value in short.convert(kind=np.polynomial.Polynomial).coef)
