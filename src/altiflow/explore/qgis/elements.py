"""Elements of a QGIS style file, as QGIS 3.28 and later write them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from matplotlib.colors import to_rgb

from altiflow.explore.qgis.ramps import Ramp

__all__ = ["raster_style", "vector_style"]

_DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
_VERSION = "3.28.0"
_FILLS = {"fill": "SimpleFill", "marker": "SimpleMarker", "line": "SimpleLine"}


def raster_style(ramp: Ramp, *, name: str, band: int = 1, empty: float | None = None) -> str:
    """Return the style of a raster: one band in a continuous ramp, its empty cells transparent.

    Parameters
    ----------
    ramp
        Colours of the values.
    name
        What the band holds.
    band
        Which band, from 1.
    empty
        A value that is transparent, as that of a count of nothing.
    """
    low, high = ramp.limits
    root = Element("qgis", version=_VERSION, styleCategories="Symbology|LayerConfiguration")
    pipe = SubElement(root, "pipe")
    SubElement(
        SubElement(pipe, "provider"), "resampling", enabled="false", maxOversampling="2",
        zoomedInResamplingMethod="nearestNeighbour", zoomedOutResamplingMethod="nearestNeighbour",
    )  # fmt: skip
    renderer = SubElement(
        pipe, "rasterrenderer", type="singlebandpseudocolor", band=str(band), alphaBand="-1", opacity="1",
        nodataColor="", classificationMin=_number(low), classificationMax=_number(high),
    )  # fmt: skip
    transparent = SubElement(renderer, "rasterTransparency")
    if empty is not None:
        SubElement(
            SubElement(transparent, "singleValuePixelList"), "pixelListEntry", min=_number(empty), max=_number(empty),
            percentTransparent="100",
        )  # fmt: skip
    origin = SubElement(renderer, "minMaxOrigin")
    for tag, text in (("limits", "None"), ("extent", "WholeRaster"), ("statAccuracy", "Estimated")):
        SubElement(origin, tag).text = text
    shader = SubElement(
        SubElement(renderer, "rastershader"), "colorrampshader", colorRampType="INTERPOLATED", clip="0",
        classificationMode="1", labelPrecision="4", minimumValue=_number(low), maximumValue=_number(high),
    )  # fmt: skip
    stops = ramp.stops()
    _add_ramp(shader, [((value - low) / (high - low), colour) for value, colour in stops])
    for value, colour in stops:
        SubElement(shader, "item", alpha="255", value=_number(value), label=ramp.label(value), color=colour)
    _add_legend(shader, ramp)
    SubElement(pipe, "brightnesscontrast", brightness="0", contrast="0", gamma="1")
    SubElement(pipe, "huesaturation", saturation="0", grayscaleMode="0", colorizeOn="0")
    SubElement(pipe, "rasterresampler", maxOversampling="2")
    SubElement(pipe, "resamplingStage").text = "resamplingFilter"
    SubElement(root, "blendMode").text = "0"
    return _text_of(root, name)


def vector_style(ramp: Ramp, column: str, *, kind: str, classes: int) -> str:
    """Return the style of features: classes of a column in colours.

    Parameters
    ----------
    ramp
        Colours of the values.
    column
        Column that is shown.
    kind
        "fill" of polygons, "marker" of points, "line" of lines.
    classes
        Number of classes.
    """
    root = Element("qgis", version=_VERSION, styleCategories="Symbology")
    renderer = SubElement(
        root, "renderer-v2", type="graduatedSymbol", attr=column, graduatedMethod="GraduatedColor", symbollevels="0",
        enableorderby="0", forceraster="0", referencescale="-1",
    )  # fmt: skip
    ranges, symbols = SubElement(renderer, "ranges"), SubElement(renderer, "symbols")
    found = ramp.classes(classes)
    for number, (low, high, colour) in enumerate(found):
        SubElement(
            ranges, "range", symbol=str(number), render="true", label=_class_label(ramp, low, high),
            lower=_number(max(low, -1e300)), upper=_number(min(high, 1e300)),
        )  # fmt: skip
        _add_symbol(symbols, str(number), colour, kind)
    _add_symbol(SubElement(renderer, "source-symbol"), "0", found[0][2], kind)
    _add_ramp(renderer, [(place / (len(found) - 1 or 1), one[2]) for place, one in enumerate(found)])
    SubElement(renderer, "rotation")
    SubElement(renderer, "sizescale")
    for tag in ("blendMode", "featureBlendMode"):
        SubElement(root, tag).text = "0"
    SubElement(root, "layerOpacity").text = "1"
    return _text_of(root, column)


def _class_label(ramp: Ramp, low: float, high: float) -> str:
    """Return what the legend says of a class; the outer two hold all beyond."""
    if low == float("-inf"):
        return f"below {ramp.label(high)}"
    return f"{ramp.label(low)} and above" if high == float("inf") else f"{ramp.label(low)} to {ramp.label(high)}"


def _add_symbol(parent: Element, name: str, colour: str, kind: str) -> None:
    """Add the symbol of a class; cells have no outline, which would hide small ones."""
    symbol = SubElement(parent, "symbol", name=name, type=kind, alpha="1", clip_to_extent="1", force_rhr="0")
    layer = SubElement(symbol, "layer", {"class": _FILLS[kind], "enabled": "1", "locked": "0", "pass": "0"})
    filled = _rgba(colour)
    options: Mapping[str, str] = {
        "fill": {"color": filled, "style": "solid", "outline_style": "no", "joinstyle": "miter"},
        "marker": {
            "color": filled, "name": "circle", "size": "1.4", "size_unit": "MM", "outline_style": "no",
        },
        "line": {"line_color": filled, "line_style": "solid", "line_width": "0.5", "line_width_unit": "MM"},
    }[kind]  # fmt: skip
    _add_options(layer, options)


def _add_ramp(parent: Element, stops: Sequence[tuple[float, str]]) -> None:
    """Add a gradient of stops (place from 0 to 1, colour)."""
    ramp = SubElement(parent, "colorramp", name="[source]", type="gradient")
    between = ":".join(f"{place:.9g};{_rgba(colour)};rgb;ccw" for place, colour in stops[1:-1])
    ends = {"color1": _rgba(stops[0][1]), "color2": _rgba(stops[-1][1])}
    _add_options(ramp, {**ends, "direction": "ccw", "discrete": "0", "rampType": "gradient", "stops": between})


def _add_legend(shader: Element, ramp: Ramp) -> None:
    """Add the settings of the legend, which writes units behind its numbers; of a log scale it lists the stops."""
    unit = ramp.label(1.0).removeprefix("1")
    settings = SubElement(
        shader, "rampLegendSettings", suffix=unit, prefix="", direction="0", minimumLabel="", maximumLabel="",
        orientation="2", useContinuousLegend="1" if ramp.scale == "linear" else "0",
    )  # fmt: skip
    numbers = SubElement(settings, "numericFormat", id="basic")
    options = SubElement(numbers, "Option", type="Map")
    for name, kind, value in (("decimals", "int", "4"), ("show_thousand_separator", "bool", "true")):
        SubElement(options, "Option", name=name, type=kind, value=value)


def _add_options(parent: Element, options: Mapping[str, str]) -> None:
    """Add options as QGIS holds them."""
    whole = SubElement(parent, "Option", type="Map")
    for name, value in options.items():
        SubElement(whole, "Option", name=name, type="QString", value=value)


def _rgba(colour: str) -> str:
    """Return red, green, blue and alpha as QGIS writes them."""
    return ",".join(str(round(255 * part)) for part in to_rgb(colour)) + ",255"


def _number(value: float) -> str:
    """Return a number with every digit."""
    return repr(float(value))


def _text_of(root: Element, name: str) -> str:
    """Return the file, with what it shows among the properties of the layer."""
    properties = SubElement(root, "customproperties")
    _add_options(properties, {"altiflow/variable": name})
    indent(root)
    return _DOCTYPE + tostring(root, encoding="unicode") + "\n"
