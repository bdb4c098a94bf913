"""ICESat-2 products as data: which variables a segment table takes, and where each release keeps them."""

from __future__ import annotations

from dataclasses import dataclass

from altiflow.errors import InputError
from altiflow.readers.icesat2.beams import BEAMS, PAIRS

__all__ = ["ATL06", "ATL10", "ATL11", "PRODUCTS", "Layout", "Product", "Variable", "product_named"]

DELTA_TIME_EPOCH = "2018-01-01"
"""UTC = 2018-01-01 + delta_time: no leap second since, so no GPS offset either (the granules' own
``data_start_utc`` agrees to the microsecond)."""


@dataclass(frozen=True)
class Variable:
    """One column of a segment table.

    Attributes
    ----------
    name
        Column name.
    dtype
        NumPy dtype of the column.
    unit
        Unit, "1" for none.
    meaning
        One line for the data dictionary.
    missing
        What an optional integer column holds where the granule lacks it; floats hold NaN. ``None`` makes the
        variable required.
    """

    name: str
    dtype: str
    unit: str
    meaning: str
    missing: float | None = None


@dataclass(frozen=True)
class Layout:
    """Where one release family of a product keeps its variables.

    Attributes
    ----------
    name
        Name of the layout.
    group
        Segment group below the beam group; its presence tells the layout.
    paths
        Path of each variable below the beam group, by column name.
    sections
        Path of each section variable below the beam group (empty where the product has none).
    cycles
        Path of the cycle numbers where variables lie on (point, cycle); empty where they lie on segments.
    """

    name: str
    group: str
    paths: dict[str, str]
    sections: dict[str, str]
    cycles: str = ""


@dataclass(frozen=True)
class Product:
    """An along-track product: its columns, its layouts, and what its screens look at.

    Attributes
    ----------
    short_name
        The archive's short name.
    title
        What it is.
    value
        Column of the main measurement.
    best_quality
        Value of `quality` that marks the best segments.
    variables
        Columns read from the granule.
    section_variables
        Columns looked up from the section a segment belongs to.
    layouts
        Known layouts, newest first.
    nominal_length
        Segment length [m] where the product has no such variable.
    tracks
        Groups that hold its segments: beams, or pairs of them.
    """

    short_name: str
    title: str
    value: str
    best_quality: int
    variables: tuple[Variable, ...]
    section_variables: tuple[Variable, ...]
    layouts: tuple[Layout, ...]
    nominal_length: float | None = None
    tracks: tuple[str, ...] = BEAMS

    @property
    def units(self) -> dict[str, str]:
        """Unit of every column of the table that has one."""
        own = {v.name: v.unit for v in (*self.variables, *self.section_variables)}
        return {**{v.name: v.unit for v in COMMON_VARIABLES}, **own, "segment_length": "m"}


COMMON_VARIABLES = (
    Variable("granule", "str", "1", "file name without the archive's processed_ prefix and the extension"),
    Variable("beam", "str", "1", "ground track gt1l ... gt3r; ATL11: pair of them pt1 ... pt3"),
    Variable("spot", "int8", "1", "ATLAS spot 1 ... 6; 0 where the orientation cannot be told"),
    Variable("strong", "bool", "1", "spot 1, 3 or 5"),
    Variable("time", "datetime64[us]", "UTC", "2018-01-01 + delta_time"),
    Variable("latitude", "float64", "degrees_north", "WGS84 latitude"),
    Variable("longitude", "float64", "degrees_east", "WGS84 longitude"),
    Variable("x_atc", "float64", "m", "along-track distance from the equator crossing"),
)
"""Columns every product's table starts with."""

ATL10 = Product(
    short_name="ATL10",
    title="ICESat-2 L3A Sea Ice Freeboard",
    value="freeboard",
    best_quality=1,
    variables=(
        Variable("segment_length", "float32", "m", "along-track length of the segment, the weight of averages"),
        Variable("freeboard", "float32", "m", "total freeboard: height above the local sea surface, snow included"),
        Variable(
            "freeboard_sigma",
            "float32",
            "m",
            "1-sigma of freeboard (beam_fb_unc; beam_fb_sigma before v006)",
            0,
        ),
        Variable("quality", "int8", "1", "-1 invalid, 1 best ... 5 poor"),
        Variable("confidence", "float32", "1", "confidence of the freeboard", 0),
        Variable("height", "float32", "m", "segment height above the tide-free mean sea surface", 0),
        Variable("segment_type", "int8", "1", "0 cloud, 1 ice, 2-5 specular leads, 6-9 dark leads, -1 unknown", -1),
        Variable(
            "ssh_flag",
            "int8",
            "1",
            "0 ice, 1 sea-surface candidate, 2 used for the sea surface, -1 unknown",
            -1,
        ),
        Variable("refsurf_ndx", "int32", "1", "reference-surface section (1-based within granule and beam)", -1),
        Variable("ice_conc_amsr2", "float32", "percent", "sea-ice concentration, AMSR2 (v006 on)", 0),
        Variable("ice_conc_ssmi", "float32", "percent", "sea-ice concentration, SSM/I", 0),
        Variable("dist2land", "float32", "m", "distance to land (v006 on)", 0),
        Variable("layer_flag", "int8", "1", "1 = clouds or blowing snow likely, 0 = not, -1 unknown", -1),
    ),
    section_variables=(
        Variable("refsurf_height", "float32", "m", "sea-surface height of the segment's section", 0),
        Variable("refsurf_sigma", "float32", "m", "1-sigma of the section's sea-surface height", 0),
    ),
    layouts=(
        Layout(
            name="v006",
            group="freeboard_segment",
            paths={
                "latitude": "freeboard_segment/latitude",
                "longitude": "freeboard_segment/longitude",
                "delta_time": "freeboard_segment/delta_time",
                "x_atc": "freeboard_segment/seg_dist_x",
                "segment_length": "freeboard_segment/heights/height_segment_length_seg",
                "freeboard": "freeboard_segment/beam_fb_height",
                "freeboard_sigma": "freeboard_segment/beam_fb_unc",
                "quality": "freeboard_segment/beam_fb_quality_flag",
                "confidence": "freeboard_segment/beam_fb_confidence",
                "height": "freeboard_segment/heights/height_segment_height",
                "segment_type": "freeboard_segment/heights/height_segment_type",
                "ssh_flag": "freeboard_segment/heights/height_segment_ssh_flag",
                "refsurf_ndx": "freeboard_segment/beam_refsurf_ndx",
                "ice_conc_amsr2": "freeboard_segment/heights/ice_conc_amsr2",
                "ice_conc_ssmi": "freeboard_segment/heights/ice_conc_ssmi",
                "dist2land": "freeboard_segment/heights/height_segment_dist2land",
                "layer_flag": "freeboard_segment/heights/layer_flag",
            },
            sections={
                "index": "reference_surface_section/fbswath_ndx",
                "refsurf_height": "reference_surface_section/beam_refsurf_height",
                "refsurf_sigma": "reference_surface_section/beam_refsurf_sigma",
            },
        ),
        Layout(
            name="v005",
            group="freeboard_beam_segment/beam_freeboard",
            paths={
                "latitude": "freeboard_beam_segment/beam_freeboard/latitude",
                "longitude": "freeboard_beam_segment/beam_freeboard/longitude",
                "delta_time": "freeboard_beam_segment/beam_freeboard/delta_time",
                "x_atc": "freeboard_beam_segment/beam_freeboard/seg_dist_x",
                "segment_length": "freeboard_beam_segment/height_segments/height_segment_length_seg",
                "freeboard": "freeboard_beam_segment/beam_freeboard/beam_fb_height",
                "freeboard_sigma": "freeboard_beam_segment/beam_freeboard/beam_fb_sigma",
                "quality": "freeboard_beam_segment/beam_freeboard/beam_fb_quality_flag",
                "confidence": "freeboard_beam_segment/beam_freeboard/beam_fb_confidence",
                "height": "freeboard_beam_segment/height_segments/height_segment_height",
                "segment_type": "freeboard_beam_segment/height_segments/height_segment_type",
                "ssh_flag": "freeboard_beam_segment/height_segments/height_segment_ssh_flag",
                "refsurf_ndx": "freeboard_beam_segment/beam_freeboard/beam_refsurf_ndx",
                "ice_conc_ssmi": "freeboard_beam_segment/height_segments/ice_conc",
                "layer_flag": "freeboard_beam_segment/height_segments/layer_flag",
            },
            sections={
                "index": "freeboard_beam_segment/fbswath_ndx",
                "refsurf_height": "freeboard_beam_segment/beam_refsurf_height",
                "refsurf_sigma": "freeboard_beam_segment/beam_refsurf_sigma",
            },
        ),
    ),
)
"""Sea-ice freeboard. v007 keeps the v006 paths (its reference surface is interpolated to the segment)."""

ATL06 = Product(
    short_name="ATL06",
    title="ICESat-2 L3A Land Ice Height",
    value="height",
    best_quality=0,
    variables=(
        Variable("height", "float32", "m", "land-ice height above the WGS84 ellipsoid (h_li)"),
        Variable("height_sigma", "float32", "m", "1-sigma of height (h_li_sigma)", 0),
        Variable("quality", "int8", "1", "atl06_quality_summary: 0 best, 1 potential problem"),
        Variable("segment_id", "int32", "1", "segment number along the reference track", -1),
        Variable("y_atc", "float32", "m", "across-track distance from the reference track", 0),
        Variable("dh_fit_dx", "float32", "1", "along-track slope of the segment", 0),
        Variable("dh_fit_dy", "float32", "1", "across-track slope of the segment", 0),
        Variable("sigma_geo_h", "float32", "m", "geolocation part of the height error", 0),
    ),
    section_variables=(),
    layouts=(
        Layout(
            name="v003",
            group="land_ice_segments",
            paths={
                "latitude": "land_ice_segments/latitude",
                "longitude": "land_ice_segments/longitude",
                "delta_time": "land_ice_segments/delta_time",
                "x_atc": "land_ice_segments/ground_track/x_atc",
                "y_atc": "land_ice_segments/ground_track/y_atc",
                "height": "land_ice_segments/h_li",
                "height_sigma": "land_ice_segments/h_li_sigma",
                "quality": "land_ice_segments/atl06_quality_summary",
                "segment_id": "land_ice_segments/segment_id",
                "dh_fit_dx": "land_ice_segments/fit_statistics/dh_fit_dx",
                "dh_fit_dy": "land_ice_segments/fit_statistics/dh_fit_dy",
                "sigma_geo_h": "land_ice_segments/sigma_geo_h",
            },
            sections={},
        ),
    ),
    nominal_length=40.0,
)
"""Land-ice height: 40 m segments every 20 m."""

ATL11 = Product(
    short_name="ATL11",
    title="ICESat-2 L3B Slope-Corrected Land Ice Height Time Series",
    value="height",
    best_quality=0,
    variables=(
        Variable("height", "float32", "m", "height at the reference point, above the WGS84 ellipsoid (h_corr)"),
        Variable("height_sigma", "float32", "m", "1-sigma of height (h_corr_sigma)", 0),
        Variable("height_sigma_common", "float32", "m", "1-sigma common to a cycle (h_corr_sigma_systematic)", 0),
        Variable("quality", "int8", "1", "quality_summary: 0 best, 1 potential problem"),
        Variable("cycle", "int16", "1", "91-day repeat cycle"),
        Variable("ref_pt", "int32", "1", "number of the reference point along the reference track"),
        Variable("y_atc", "float32", "m", "across-track distance from the reference track", 0),
        Variable("slope_east", "float32", "1", "slope of the reference surface to the east", 0),
        Variable("slope_north", "float32", "1", "slope of the reference surface to the north", 0),
        Variable("tide_ocean", "float32", "m", "ocean tide, not taken off the height", 0),
        Variable("dac", "float32", "m", "dynamic atmosphere correction, not taken off the height", 0),
    ),
    section_variables=(),
    layouts=(
        Layout(
            name="v003",
            group="ref_surf",
            paths={
                "latitude": "latitude",
                "longitude": "longitude",
                "delta_time": "delta_time",
                "x_atc": "ref_surf/x_atc",
                "y_atc": "ref_surf/y_atc",
                "height": "h_corr",
                "height_sigma": "h_corr_sigma",
                "height_sigma_common": "h_corr_sigma_systematic",
                "quality": "quality_summary",
                "cycle": "cycle_number",
                "ref_pt": "ref_pt",
                "slope_east": "ref_surf/e_slope",
                "slope_north": "ref_surf/n_slope",
                "tide_ocean": "cycle_stats/tide_ocean",
                "dac": "cycle_stats/dac",
            },
            sections={},
            cycles="cycle_number",
        ),
    ),
    nominal_length=60.0,
    tracks=PAIRS,
)
"""Land-ice height at reference points every 60 m, one row for each point and cycle."""

PRODUCTS = {product.short_name: product for product in (ATL10, ATL06, ATL11)}
"""Products that can be read into a segment table, by short name."""


def product_named(name: str) -> Product:
    """Return the product of that short name, in any case.

    Raises
    ------
    InputError
        If no reader knows it.
    """
    found = PRODUCTS.get(name.upper())
    if found is None:
        raise InputError(f"product {name!r} cannot be read into a table; known are {', '.join(PRODUCTS)}")
    return found
