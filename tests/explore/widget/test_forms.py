"""Forms ask what a value's class has, in its words, and never hold a value that it refuses."""

from __future__ import annotations

import ast
from dataclasses import dataclass, fields
from typing import Any

import pytest

import altiflow as af
from altiflow.errors import InputError
from altiflow.explore.widget.tracking import Form, ask_about
from altiflow.tracking import CorrectionRule, TrackParameters, TrackPlan, kernel_names, track_pair


@pytest.mark.parametrize("kind", [TrackParameters, CorrectionRule])
def test_every_parameter_is_asked_for_with_its_default_and_its_own_description(kind: type[Any]) -> None:
    questions = ask_about(kind)
    assert list(questions) == [each.name for each in fields(kind)]
    for each in fields(kind):
        assert questions[each.name].default == each.default
        first = questions[each.name].help.split()[:4]
        assert " ".join(first).replace("`", "") in " ".join(str(kind.__doc__).replace("`", "").split())
    assert {name for name, one in ask_about(TrackParameters).items() if one.unit == "px"} >= {
        "spacing",
        "chip",
        "radius",
    }


def test_words_come_out_of_the_types() -> None:
    questions = ask_about(TrackParameters, words={"search": kernel_names()})
    assert questions["search"].words[:2] == ("coarse-to-fine", "full")
    assert questions["filling"].words[0] == "median"
    assert questions["chips"].optional
    assert not questions["chip"].optional


def test_what_is_known_is_described_by_the_function_that_takes_it() -> None:
    questions = ask_about(TrackPlan, ("max_speed", "ground", "units"), (track_pair,))
    assert list(questions) == ["max_speed", "ground", "units"]
    assert questions["max_speed"].label == "max speed [m/d]"
    assert questions["ground"].kind == "text"
    assert questions["ground"].help.startswith("Where land and ice are")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("spacing", " 8 ", 8),
        ("chips", "", None),
        ("chips", "16, 24 32", (16, 24, 32)),
        ("chips", "(16, 24)", (16, 24)),
        ("median_threshold", "none", None),
        ("median_threshold", "3.5", 3.5),
        ("corr_min", "1e-1", 0.1),
        ("search", "full", "full"),
        ("radius", 12, 12),
    ],
)
def test_texts_become_values_and_values_texts(name: str, text: Any, value: Any) -> None:
    form = Form(TrackParameters)
    form.set(name, text)
    assert getattr(form.value, name) == value
    question = form.questions[name]
    assert question.parse(question.shown(value)) == value or question.kind == "word"


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("spacing", "", "spacing is empty; give a whole number, such as 10"),
        ("spacing", "8.5", "spacing='8.5' cannot be read; give whole numbers, such as 10"),
        ("spacing", "0", "whole number from 1 to 10000"),
        ("chips", "16 b", "give whole numbers, such as 16, 24"),
        ("chip", "21", "use 22"),
        ("prefilter_width", "nan", "number from 0.5 to 100"),
        ("search", "quick", "one of coarse-to-fine, full"),
        ("backend", "torch-cpu", "search='full'"),
        ("speed", "1", "no parameter 'speed'; there are spacing"),
    ],
)
def test_what_means_nothing_is_refused_in_the_words_of_the_class(name: str, text: str, told: str) -> None:
    form = Form(TrackParameters)
    with pytest.raises(InputError, match=told.replace("[", r"\[")):
        form.set(name, text)
    assert form.value == TrackParameters()


def test_the_code_makes_the_value_again() -> None:
    form = Form(TrackParameters)
    for name, text in (("chips", ""), ("search", "full"), ("median_threshold", ""), ("radius", "9")):
        form.set(name, text)
    assert set(form.changes()) == {"chips", "search", "median_threshold", "radius"}
    call = form.code("parameters")
    assert isinstance(ast.parse(call).body[0], ast.Assign)
    names: dict[str, Any] = {"af": af}
    exec(call, names)
    assert names["parameters"] == form.value
    with pytest.raises(InputError, match="a str is no TrackParameters"):
        form.fill("x")  # type: ignore[arg-type]


def test_types_that_cannot_be_asked_for_are_refused() -> None:
    @dataclass(frozen=True)
    class Odd:
        when: complex = 1j

    @dataclass(frozen=True)
    class Bare:
        count: int

    with pytest.raises(InputError, match=r"Odd\.when"):
        ask_about(Odd)
    with pytest.raises(InputError, match="no default"):
        ask_about(Bare)
