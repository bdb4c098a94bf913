"""ICESat-2 products as data: their columns, and the paths of every release."""

from __future__ import annotations

from altiflow.errors import InputError
from altiflow.readers.icesat2.beams import PAIRS
from altiflow.readers.icesat2.product import COMMON_VARIABLES, DELTA_TIME_EPOCH, Layout, Product, Variable

__all__ = [
    "ATL06",
    "ATL07",
    "ATL10",
    "ATL11",
    "COMMON_VARIABLES",
    "DELTA_TIME_EPOCH",
    "LEADS",
    "PRODUCTS",
    "Layout",
    "Product",
    "Variable",
    "product_named",
]

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

_ATL07_PATHS = {
    "latitude": "sea_ice_segments/latitude",
    "longitude": "sea_ice_segments/longitude",
    "delta_time": "sea_ice_segments/delta_time",
    "x_atc": "sea_ice_segments/seg_dist_x",
    "segment_length": "sea_ice_segments/heights/height_segment_length_seg",
    "height": "sea_ice_segments/heights/height_segment_height",
    "height_sigma": "sea_ice_segments/heights/height_segment_surface_error_est",
    "quality": "sea_ice_segments/heights/height_segment_fit_quality_flag",
    "confidence": "sea_ice_segments/heights/height_segment_confidence",
    "height_rms": "sea_ice_segments/heights/height_segment_rms",
    "segment_type": "sea_ice_segments/heights/height_segment_type",
    "ssh_flag": "sea_ice_segments/heights/height_segment_ssh_flag",
    "mss": "sea_ice_segments/geophysical/height_segment_mss",
    "ice_conc_amsr2": "sea_ice_segments/stats/ice_conc_amsr2",
    "ice_conc_ssmi": "sea_ice_segments/stats/ice_conc_ssmi",
    "dist2land": "sea_ice_segments/stats/dist2land",
    "layer_flag": "sea_ice_segments/stats/layer_flag",
}
_OLD_CONCENTRATION = "sea_ice_segments/stats/ice_conc"

ATL07 = Product(
    short_name="ATL07",
    title="ICESat-2 L3A Sea Ice Height",
    value="height",
    best_quality=1,
    variables=(
        Variable("segment_length", "float32", "m", "along-track length of the segment, the weight of averages"),
        Variable("height", "float32", "m", "segment height above the mean sea surface, tides and pressure taken off"),
        Variable("height_sigma", "float32", "m", "1-sigma of height (height_segment_surface_error_est)", 0),
        Variable("quality", "int8", "1", "height_segment_fit_quality_flag: -1 invalid, 1 best ... 5 poor"),
        Variable("confidence", "float32", "1", "confidence of the height", 0),
        Variable("height_rms", "float32", "m", "misfit of the height distribution to that expected", 0),
        Variable("segment_type", "int8", "1", "0 cloud, 1 ice, 2-5 specular leads, 6-9 dark leads, -1 unknown", -1),
        Variable("ssh_flag", "int8", "1", "0 ice, 1 sea-surface candidate, -1 unknown", -1),
        Variable("mss", "float32", "m", "mean sea surface that the height is above", 0),
        Variable("ice_conc_amsr2", "float32", "percent", "sea-ice concentration, AMSR2 (late releases)", 0),
        Variable("ice_conc_ssmi", "float32", "percent", "sea-ice concentration, SSM/I", 0),
        Variable("dist2land", "float32", "m", "distance to land (late releases)", 0),
        Variable("layer_flag", "int8", "1", "1 = clouds or blowing snow likely, 0 = not, -1 unknown", -1),
    ),
    section_variables=(),
    layouts=(
        Layout(
            name="v003",
            group="sea_ice_segments",
            paths={
                name: _OLD_CONCENTRATION if name == "ice_conc_ssmi" else path
                for name, path in _ATL07_PATHS.items()
                if name not in ("ice_conc_amsr2", "dist2land")
            },
            sections={},
            probe=_OLD_CONCENTRATION,
        ),
        Layout(name="v007", group="sea_ice_segments", paths=_ATL07_PATHS, sections={}),
    ),
)
"""Sea-ice height. Early releases have one concentration, whose name tells them; their lengths may be negative."""

LEADS = Product(
    short_name="ATL10",
    title="ICESat-2 L3A Sea Ice Freeboard, leads",
    value="height",
    best_quality=1,
    variables=(
        Variable("segment_length", "float32", "m", "length of the lead along the track (lead_length)"),
        Variable("height", "float32", "m", "height of the lead above the tide-free mean sea surface (lead_height)"),
        Variable("height_sigma", "float32", "m", "1-sigma of the height (lead_sigma)", 0),
        Variable("ssh_n", "int32", "1", "number of sea-surface segments in the lead", -1),
        Variable("ssh_ndx", "int32", "1", "the first of them, from 1 within the beam of the whole granule", -1),
    ),
    section_variables=(),
    layouts=(
        Layout(
            name="v005",
            group="leads",
            paths={
                "latitude": "leads/latitude",
                "longitude": "leads/longitude",
                "delta_time": "leads/delta_time",
                "x_atc": "leads/lead_dist_x",
                "segment_length": "leads/lead_length",
                "height": "leads/lead_height",
                "height_sigma": "leads/lead_sigma",
                "ssh_n": "leads/ssh_n",
                "ssh_ndx": "leads/ssh_ndx",
            },
            sections={},
        ),
    ),
)
"""Leads of ATL10, from which its sea surface comes; the same paths in all releases."""

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
        Layout(
            name="v002",
            group="corrected_h",
            paths={
                "latitude": "corrected_h/latitude",
                "longitude": "corrected_h/longitude",
                "delta_time": "corrected_h/delta_time",
                "x_atc": "ref_surf/x_atc",
                "y_atc": "ref_surf/y_atc",
                "height": "corrected_h/h_corr",
                "height_sigma": "corrected_h/h_corr_sigma",
                "height_sigma_common": "corrected_h/h_corr_sigma_systematic",
                "quality": "corrected_h/quality_summary",
                "cycle": "corrected_h/cycle_number",
                "ref_pt": "corrected_h/ref_pt",
                "slope_east": "ref_surf/e_slope",
                "slope_north": "ref_surf/n_slope",
                "tide_ocean": "cycle_stats/tide_ocean",
            },
            sections={},
            cycles="corrected_h/cycle_number",
        ),
    ),
    nominal_length=60.0,
    tracks=PAIRS,
)
"""Land-ice height at reference points every 60 m, one row for each point and cycle."""

PRODUCTS = {product.short_name: product for product in (ATL10, ATL07, ATL06, ATL11)}
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
