"""How displacement is looked for: one frozen value, checked when it is made, written and read as JSON."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from altiflow.errors import InputError
from altiflow.tracking.matching.kernels import find_kernel
from altiflow.tracking.neighbours.gaps import Filling

__all__ = [
    "DEFAULT_RADIUS",
    "Backend",
    "Prefilter",
    "Search",
    "Subpixel",
    "TrackParameters",
    "fastest_motion",
    "search_radius",
]

Search = str
"""\"coarse-to-fine\", \"full\", or the name of a kernel that was registered."""
Backend = Literal["opencv", "torch-cpu", "torch-cuda"]
Prefilter = Literal[
    "gaussian",
    "box",
    "wallis",
    "wallis-fill",
    "orientation",
    "laplacian",
    "sobel",
    "canny",
    "stripes",
    "low-pass",
    "none",
]
Subpixel = Literal["spline", "parabola", "gaussian", "pyramid", "dft"]

DEFAULT_RADIUS = 25
"""Search radius [px] where neither a radius nor a prior is given."""
_TOLERANCES = {
    "median_threshold": 0.1,
    "coherence": 0.1,
    "coherence_share": 0.001,
    "touching": 0.1,
    "residual_threshold": 0.1,
}
"""Parameters that may be None, and their least values."""
_LEAST_CHIP, _LARGEST_CHIP = 8, 512
_LARGEST_RADIUS = 1000


@dataclass(frozen=True)
class TrackParameters:
    """Parameters of :func:`track_offsets`, all in pixels of the images.

    Attributes
    ----------
    spacing
        Distance of the output cells [px].
    chip
        Full width of the square chip of image 1 that is looked for, even [px].
    chips
        Widths to choose from in each cell, even and ascending [px]; None keeps `chip` everywhere.
    radius
        Largest displacement along an axis that is looked for [px]; None is what :func:`search_radius` finds from a
        speed and a separation where these are known, else 25.
    search
        "coarse-to-fine", or "full": every integer displacement within `radius`, then the peak of a spline through the
        7 x 7 correlations about the best; or the name of a kernel (:func:`altiflow.tracking.register_kernel`).
    subpixel
        Where the full search takes the peak between pixels to be: of a spline, of a parabola or Gaussian along each
        axis, of a pyramid of 16 places a pixel, or of an up-sampled Fourier transform. "coarse-to-fine" settles by the
        images themselves, and has no other way.
    prefilter, prefilter_width
        Filter of both images (:func:`altiflow.tracking.matching.prefilters.prefilter_image`), and its width: sigma of
        "gaussian", "stripes" and "low-pass" [px]; "box", "canny" and both "wallis" use windows of
        ``2 * prefilter_width`` to the next odd number; the others have none.
    min_valid_first, min_valid_second
        Least share of valid pixels of a chip in image 1, and of its match in image 2.
    corr_min, del_corr_min, corr_always
        A match is kept if its correlation is at least `corr_min`, and either exceeds the second-best peak by
        `del_corr_min` or is at least `corr_always` (1: none is).
    snr_min
        Least ratio of the correlation to those beside it (:attr:`Offsets.snr`) that a match is kept with; 0 keeps all.
    median_threshold
        Threshold of the normalised median test; None leaves it out.
    coherence
        What a displacement and three of its neighbours may differ by along an axis [px], where there are six to tell
        (normalised displacement coherence, NDC); None leaves it out.
    coherence_share
        In place of `coherence`: that tolerance as a share of the radius, as autoRIFT has it (0.2 there).
    touching
        What a displacement and three of the eight cells that touch it may differ by along an axis [px]
        (:func:`altiflow.tracking.neighbours.masks.lonely_cells`); None leaves it out.
    residual_threshold
        Threshold of the residual from a Gaussian mean of the neighbours, in standard deviations of all residuals; None
        leaves it out.
    opening
        Width of the square of kept cells that must cover a cell for it to be kept [cells]; 1 leaves it out.
    min_clump
        Fewest cells of a group that touches along edges, to be kept; 1 keeps all.
    fill_gaps
        Largest gap that is filled from its neighbours [cells]; 0 fills none.
    filling
        How: medians of neighbours from the rim inwards, inverse distance, or an even skin over the gap; see
        :func:`altiflow.tracking.neighbours.gaps.fill_small_gaps`.
    backend
        What finds the correlations of the full search: OpenCV chip by chip, or torch many at a time, on the processor
        or on a graphics card. Their best whole displacements are the same; see the page on tracking.
    threads
        Number of threads; None takes those this process may use. No answer depends on it.

    Raises
    ------
    InputError
        If a value means nothing.

    Examples
    --------
    >>> TrackParameters(chip=24, radius=12).widths
    (16, 20, 24, 32, 48)
    >>> TrackParameters(chip=24, chips=None).widths
    (24,)
    >>> TrackParameters.from_json(TrackParameters(chips=(16, 32)).to_json()) == TrackParameters(chips=(16, 32))
    True
    """

    spacing: int = 10
    chip: int = 20
    chips: tuple[int, ...] | None = (16, 20, 24, 32, 48)
    radius: int | None = None
    search: Search = "coarse-to-fine"
    subpixel: Subpixel = "spline"
    prefilter: Prefilter = "gaussian"
    prefilter_width: float = 3.0
    min_valid_first: float = 1.0
    min_valid_second: float = 0.9
    corr_min: float = 0.0
    del_corr_min: float = 0.05
    corr_always: float = 1.0
    snr_min: float = 0.0
    median_threshold: float | None = 4.0
    coherence: float | None = 1.5
    coherence_share: float | None = None
    touching: float | None = None
    residual_threshold: float | None = None
    opening: int = 1
    min_clump: int = 1
    fill_gaps: int = 0
    filling: Filling = "median"
    backend: Backend = "opencv"
    threads: int | None = None

    def __post_init__(self) -> None:
        _whole("spacing", self.spacing, 1, 10_000)
        _chip("chip", self.chip)
        if self.chips is not None:
            object.__setattr__(self, "chips", _chips(self.chips))
        if self.radius is not None:
            _whole("radius", self.radius, 1, _LARGEST_RADIUS)
        self._check_words()
        _between("prefilter_width", self.prefilter_width, 0.5, 100.0)
        for name in ("min_valid_first", "min_valid_second"):
            _between(name, getattr(self, name), 0.05, 1.0)
        for name in ("corr_min", "del_corr_min", "corr_always"):
            _between(name, getattr(self, name), -1.0, 1.0)
        _between("snr_min", self.snr_min, 0.0, 1e6)
        for name, least in _TOLERANCES.items():
            if getattr(self, name) is not None:
                _between(name, getattr(self, name), least, 1e6)
        _whole("opening", self.opening, 1, 1000)
        _whole("min_clump", self.min_clump, 1, 1_000_000)
        _whole("fill_gaps", self.fill_gaps, 0, 10_000)
        if self.threads is not None:
            _whole("threads", self.threads, 1, 1024)

    def _check_words(self) -> None:
        """Raise InputError for words that are not known, or do not go together."""
        if self.search not in ("coarse-to-fine", "full"):
            # What is not built in must be there when it is asked for.
            find_kernel(self.search)
        _word("subpixel", self.subpixel, get_args(Subpixel))
        _word("backend", self.backend, get_args(Backend))
        _word("prefilter", self.prefilter, get_args(Prefilter))
        _word("filling", self.filling, get_args(Filling))
        for name, usual in (("backend", "opencv"), ("subpixel", "spline")):
            value = getattr(self, name)
            if value != usual and self.search != "full":
                raise InputError(f"{name}={value!r} is for search='full'; leave it out with {self.search!r}")

    @property
    def widths(self) -> tuple[int, ...]:
        """Widths of chip that are tried [px]."""
        return self.chips if self.chips is not None and self.search == "coarse-to-fine" else (self.chip,)

    @property
    def tolerance(self) -> float | None:
        """What a displacement and its neighbours may differ by [px]; None for any."""
        return self.coherence if self.coherence_share is None else self.coherence_share * self.reach

    @property
    def reach(self) -> int:
        """Search radius in use [px]."""
        return DEFAULT_RADIUS if self.radius is None else self.radius

    def to_json(self) -> str:
        """Return all parameters as JSON."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> TrackParameters:
        """Return what :meth:`to_json` wrote; names that are left out have their defaults.

        Raises
        ------
        InputError
            If the text is not a JSON object, or a name or value in it means nothing.
        """
        try:
            found: Any = json.loads(text)
        except ValueError as error:
            raise InputError(f"the parameters are not JSON: {error}") from error
        known = [each.name for each in fields(cls)]
        if not isinstance(found, dict) or set(found) - set(known):
            strange = sorted(set(found) - set(known)) if isinstance(found, dict) else found
            raise InputError(f"{strange!r} are no parameters of tracking; use {', '.join(known)}")
        if isinstance(found.get("chips"), list):
            found["chips"] = tuple(found["chips"])
        return cls(**found)


def search_radius(max_speed: float, *, days: float, pixel: float) -> int:
    """Return the search radius that a motion needs [px].

    Parameters
    ----------
    max_speed
        Largest speed along an axis [m/d].
    days
        Separation of the images [d].
    pixel
        Size of a pixel [m].

    Raises
    ------
    InputError
        If one of them is not above 0, or the radius is beyond 1000 px.

    Examples
    --------
    >>> search_radius(30.0, days=15, pixel=10.0)
    45
    """
    for name, value in (("max_speed", max_speed), ("days", days), ("pixel", pixel)):
        _between(name, value, 1e-9, 1e9)
    # A hair below the next whole number is rounding, not motion.
    radius = max(1, math.ceil(max_speed * days / pixel - 1e-9))
    if radius > _LARGEST_RADIUS:
        raise InputError(
            f"max_speed={max_speed:g} m/d over {days:g} d is {radius} px of {pixel:g} m, and no more than "
            f"{_LARGEST_RADIUS} are looked through; give a prior, a smaller speed or coarser images"
        )
    return radius


def fastest_motion(radius: int, *, days: float, pixel: float) -> float:
    """Return the speed along an axis that a search radius [px] reaches [m/d].

    Raises
    ------
    InputError
        If one of them is not above 0.

    Examples
    --------
    Half chips of 10 px in half windows of 55 px:

    >>> fastest_motion(55 - 10, days=15, pixel=10.0)
    30.0
    """
    for name, value in (("radius", radius), ("days", days), ("pixel", pixel)):
        _between(name, value, 1e-9, 1e9)
    return radius * pixel / days


def _whole(name: str, value: Any, least: int, most: int) -> None:
    """Raise InputError unless a value is a whole number in its range."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InputError(f"{name}={value!r} means nothing; use a whole number from {least} to {most}")


def _between(name: str, value: Any, least: float, most: float) -> None:
    """Raise InputError unless a value is a number in its range."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise InputError(f"{name}={value!r} means nothing; use a number from {least:g} to {most:g}")


def _word(name: str, value: Any, words: tuple[str, ...]) -> None:
    """Raise InputError unless a word is known."""
    if value not in words:
        raise InputError(f"{name}={value!r} means nothing; use one of {', '.join(words)}")


def _chip(name: str, value: Any) -> None:
    """Raise InputError unless a value is a width of chip."""
    _whole(name, value, _LEAST_CHIP, _LARGEST_CHIP)
    if value % 2:
        raise InputError(f"{name}={value} is odd, and chips of all widths share their centre; use {value + 1}")


def _chips(values: Any) -> tuple[int, ...]:
    """Return widths of chip; raise InputError unless they are ascending."""
    if not isinstance(values, tuple | list) or not values:
        raise InputError(f"chips={values!r} means nothing; use widths such as (16, 20, 24, 32, 48), or None")
    for each in values:
        _chip("chips", each)
    if list(values) != sorted(set(values)):
        raise InputError(f"chips={values!r} are not ascending; use {tuple(sorted(set(values)))}")
    return tuple(values)
