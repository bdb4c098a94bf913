"""The tracking panel: images, a pair of them, how it is tracked, what comes of it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import xarray as xr

import altiflow
from altiflow.errors import EmptyDataError, InputError
from altiflow.explore.widget.calls import Variable
from altiflow.explore.widget.panel import new_path
from altiflow.explore.widget.tracking.forms import Form, Question
from altiflow.explore.widget.tracking.scenes import ScenePicker
from altiflow.files import whole_file
from altiflow.readers import read_scene_pair
from altiflow.readers.ground import LAND
from altiflow.tracking import (
    CorrectionRule,
    TrackParameters,
    TrackPlan,
    fastest_motion,
    kernel_names,
    search_radius,
    track_pair,
)
from altiflow.tracking.parameters import DEFAULT_RADIUS
from altiflow.units import canonical_unit

__all__ = ["LOOKS", "Look", "TrackingPanel"]

Look = Literal["speed", "directions", "correlation", "histogram"]
"""A map of the speed, the same with arrows of its direction, of the correlation, or how the speed is distributed."""

LOOKS: tuple[Look, ...] = get_args(Look)

_READING = ("band",)
_RUNNING = (
    "max_speed",
    "prior",
    "prior_radius",
    "prior_gap_speed",
    "ground",
    "ground_crs",
    "ground_radius",
    "units",
    "year_days",
)


class TrackingPanel(ScenePicker):
    """State of tracking. Tells "changed", "found" (images, or a velocity), "drawn" and "failed".

    Every parameter of :class:`altiflow.TrackParameters`, of :class:`altiflow.CorrectionRule` and of
    :class:`altiflow.TrackPlan` is a question; these say what is allowed.

    Parameters
    ----------
    library
        Whose functions are called; altiflow itself where not given.

    Attributes
    ----------
    parameters, rule, plan
        How displacements are looked for, how stable ground corrects them, and what else is known.
    """

    def __init__(self, *, library: Any = altiflow) -> None:
        super().__init__(library=library)
        self.parameters = Form(TrackParameters, words={"search": kernel_names()})
        self.rule = Form(CorrectionRule)
        self.plan = Form(TrackPlan, (*_READING, *_RUNNING), (track_pair, read_scene_pair))

    @property
    def questions(self) -> dict[str, Question]:
        """All parameters by name."""
        return {name: question for form in self._forms() for name, question in form.questions.items()}

    @property
    def answers(self) -> dict[str, Any]:
        """Values of all parameters by name."""
        return {name: value for form in self._forms() for name, value in form.answers().items()}

    @property
    def granule(self) -> xr.Dataset | None:
        """Velocity of the pair that was tracked last; None before."""
        found: xr.Dataset | None = self._script.values.get("granule")
        return found

    @property
    def window(self) -> str:
        """How far apart the images are, and how far is looked, in words."""
        if self.first is None or self.second is None:
            return "choose two images"
        days, pixel = self._days(), float(self._row(self.second).get("pixel", np.nan))
        told = f"{days:.2f} days apart"
        radius, speed = self.parameters.value.radius, self.plan.value.max_speed
        if not np.isfinite(pixel):
            return f"{told}; the size of a pixel is known when they are opened"
        if radius is None and speed is not None:
            radius = search_radius(speed, days=days, pixel=pixel)
        used = radius or DEFAULT_RADIUS
        reached = fastest_motion(used, days=days, pixel=pixel)
        return f"{told}, pixels of {pixel:g} m: looks {used} px far, which is {reached:.3g} m/d along an axis"

    def set(self, name: str, given: Any) -> bool:
        """Answer a question by a text or a value, and return whether it is allowed; if not, nothing changes."""

        def action() -> bool:
            form = next((form for form in self._forms() if name in form.questions), self.parameters)
            before = form.value
            form.set(name, given)
            try:
                self._check()
            except InputError:
                form.fill(before)
                raise
            self._changed()
            return True

        return bool(self._try(action))

    def read_parameters(self, path: str | Path) -> bool:
        """Take the parameters of a JSON file, as ``altiflow track --parameters`` does; return whether that went."""

        def action() -> bool:
            if not Path(path).is_file():
                raise InputError(f"there is no file {path}")
            self.parameters.fill(TrackParameters.from_json(Path(path).read_text(encoding="utf-8")))
            self._changed(f"parameters of {path}")
            return True

        return bool(self._try(action))

    def write_parameters(self, path: str | Path) -> Path | None:
        """Write the parameters as JSON where no file is yet, and return its path."""

        def action() -> Path:
            target = new_path(path, "parameters")
            with whole_file(target, overwrite=False) as part:
                part.write_text(self.parameters.value.to_json(), encoding="utf-8")
            self._changed(f"written: {target}")
            return target

        written: Path | None = self._try(action)
        return written

    def run(self) -> xr.Dataset | None:
        """Track the pair and return its velocity; ``start("tracking", panel.run)`` does it in a thread."""
        found: xr.Dataset | None = self._try(self._run)
        return found

    def plot(self, look: Look = "speed") -> Any:
        """Return a picture of the result."""
        return self._drawn(self._try(lambda: self._plot(look)))

    def describe_result(self) -> list[str]:
        """Return what is to be known of the result, line by line: cells, flags, stable ground."""
        granule = self.granule
        if granule is None:
            return []
        lines = str(granule.attrs["track_log"]).split("\n")
        correction = json.loads(granule.attrs["correction"])
        if correction["count"]:
            (right, down), (spread, other) = correction["shift"], correction["nmad"]
            lines.append(
                f"stable ground: {correction['count']:,} cells, displaced by {right:.3f} px to the right and "
                f"{down:.3f} px down, which scatter by {spread:.3f} and {other:.3f} px"
            )
        return lines

    def measure_ground(self) -> str:
        """Return how velocity gathers and scatters where land stands still, in words."""

        def action() -> str:
            granule = self._granule()
            if "ground" not in granule or not (granule["ground"].values == LAND).any():
                raise EmptyDataError("no land is known in the pair; give outlines of rock as ground, and track again")
            self._script.keep("land", f'granule["ground"].values == {LAND}', granule["ground"].values == LAND)
            spread = self._script.call("terrain_quality", Variable("granule"), Variable("land"), result="spread")
            units = canonical_unit(str(granule["vx"].attrs["units"]))
            (x, y), (one, two) = spread.peak, spread.sigma
            beyond = f"{100 * spread.outside:.0f} % outside"
            told = f"land: vx {x:.3g} ± {one:.2g}, vy {y:.3g} ± {two:.2g} {units}, {beyond}"
            self._changed(told)
            return told

        return str(self._try(action) or "")

    def write(self, path: str | Path) -> Path | None:
        """Write the velocity where nothing is yet, and return the path.

        ``.nc`` is a granule; ``.png``, ``.tif`` and ``.kmz`` pictures of the speed; a name without suffix a folder with
        a GeoTIFF of each variable.
        """

        def action() -> Path:
            self._granule()
            target = new_path(path, "the velocity")
            if target.suffix == ".nc":
                self._script.call("write_tracked", Variable("granule"), str(target))
            elif target.suffix:
                self._script.call("write_overlay", Variable("granule"), str(target))
            else:
                self._script.call("write_velocity", self._field(), str(target))
            self._changed(f"written: {target}")
            return target

        written: Path | None = self._try(action)
        return written

    def _forms(self) -> tuple[Form[Any], ...]:
        return self.parameters, self.rule, self.plan

    def _check(self) -> None:
        """Refuse answers that contradict each other."""
        speed, radius = self.plan.value.max_speed, self.parameters.value.radius
        if speed is None:
            return
        if radius is not None:
            raise InputError(f"max_speed={speed:g} and radius={radius} both say how far to look; empty one of them")
        search_radius(speed, days=self._days() if self.second is not None else 1.0, pixel=self._pixel(speed))

    def _pixel(self, speed: float) -> float:
        """Return the size of a pixel, one that no speed is too large for where it is not known."""
        known = np.nan if self.second is None else float(self._row(self.second).get("pixel", np.nan))
        return known if np.isfinite(known) else max(abs(speed), 1.0)

    def _run(self) -> xr.Dataset:
        if self.first is None or self.second is None:
            raise InputError("two images are not chosen yet; choose them")
        self._forget()
        places = [str(self._row(number)["url"]) for number in (self.first, self.second)]
        reading = {name: value for name, value in self.plan.changes().items() if name in _READING}
        named = {"region": self.region, "dates": self.dates, **reading}
        self._script.call("read_scene_pair", *places, result="pair", named=named)
        known = {name: value for name, value in self.plan.changes().items() if name in _RUNNING}
        for form, name in ((self.parameters, "parameters"), (self.rule, "rule")):
            told = {key: Variable("None") if value is None else value for key, value in form.changes().items()}
            if told:
                self._script.call(form.kind.__name__, result=name, named=told)
                known[name] = Variable(name)
        granule: xr.Dataset = self._script.call("track_pair", Variable("pair"), result="granule", named=known)
        share = 100 * float(np.isfinite(granule["v"].values).mean())
        if share == 0:
            self._found(granule, "no displacement was found anywhere; look at the flags, loosen the limits")
            return granule
        fast = float(granule["v"].quantile(0.99))
        covered = f"velocity on {share:.1f} % of {granule['v'].size:,} cells"
        self._found(granule, f"{covered}, 99 % below {fast:.4g} {self.plan.value.units}")
        return granule

    def _granule(self) -> xr.Dataset:
        if self.granule is None:
            raise EmptyDataError("nothing is tracked yet; track a pair first")
        return self.granule

    def _field(self) -> Variable:
        """Return the velocity field of the result."""
        if "field" not in self._script.values:
            self._script.call("tracked_field", Variable("granule"), result="field")
        return Variable("field")

    def _plot(self, look: Look) -> Any:
        granule = self._granule()
        if look not in LOOKS:
            raise InputError(f"look={look!r} means nothing; choose {', '.join(LOOKS)}")
        if not np.isfinite(granule["v"].values).any():
            raise EmptyDataError("no cell has a velocity, so there is nothing to draw")
        draw: Callable[..., Any] = self._script.call
        if look in ("speed", "directions"):
            arrows = "directions" if look == "directions" else "none"
            return draw("draw_speed", self._field(), result="figure", named={"arrows": arrows})
        if look == "correlation":
            # ITS_LIVE's name of the grid mapping is not that of altiflow's own grids.
            self._script.keep("layers", 'granule.rename(mapping="crs")', granule.rename(mapping="crs"))
            return draw("draw_map", Variable("layers"), "corr", result="figure")
        self._script.keep("cells", 'granule["v"].to_dataframe()', granule["v"].to_dataframe())
        units = canonical_unit(self.plan.value.units)
        named = {"weight": Variable("None"), "units": units, "title": "Speed of the cells"}
        return draw("draw_histogram", Variable("cells"), "v", result="figure", named=named)
