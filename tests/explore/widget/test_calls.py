"""Calls of the widget are Python that means the same values."""

from __future__ import annotations

import ast
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import altiflow as af
from altiflow.explore.widget import Observed, Variable, call_text


@pytest.mark.parametrize(
    "value",
    [
        "plain",
        'two "quotes"',
        "it's",
        "both ' and \"",
        "back\\slash\n",
        3,
        2.5,
        True,
        (1,),
        (),
        ["a", (2.0, "b")],
        {"a": 1},
    ],
)
def test_a_value_comes_back_from_the_text(value: Any) -> None:
    call = ast.parse(call_text("read", value, name=value)).body[0].value  # type: ignore[attr-defined]
    assert ast.literal_eval(call.args[0]) == value
    assert ast.literal_eval(call.keywords[0].value) == value


def test_what_is_none_is_left_out() -> None:
    assert call_text("read", "a.h5", start=None, end="2019") == 'af.read("a.h5", end="2019")'


def test_a_variable_has_no_quotes() -> None:
    assert call_text("build_cube", Variable("pairs"), result="cube") == "cube = af.build_cube(pairs)"


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (date(2019, 3, 1), '"2019-03-01"'),
        (datetime(2019, 3, 1, 12, tzinfo=UTC).replace(tzinfo=None), '"2019-03-01T12:00:00"'),
        (np.datetime64("2019-03-01T12:00:00"), '"2019-03-01T12:00:00"'),
        (Path("a") / "b.nc", '"a/b.nc"'),
        (np.float64(0.1), "0.1"),
    ],
)
def test_moments_and_paths_are_text(moment: Any, text: str) -> None:
    assert call_text("f", moment) == f"af.f({text})"


def test_a_region_is_the_same_region_again() -> None:
    region = af.as_region((-50, 69, -48, 70))
    call = ast.parse(call_text("f", region)).body[0].value  # type: ignore[attr-defined]
    assert af.as_region(ast.literal_eval(call.args[0])).geometry.equals(region.geometry)


def test_a_long_call_stands_on_several_lines() -> None:
    text = call_text("f", *(["some words"] * 12), result="x")
    assert max(map(len, text.splitlines())) <= 100
    ast.parse(text)


def test_who_listens_no_more_is_told_nothing() -> None:
    told: list[str] = []
    state = Observed()
    ends = [state.listen("found", lambda word=word: told.append(word)) for word in ("a", "b")]  # type: ignore[misc]
    state.tell("found")
    ends[0]()
    ends[0]()
    state.tell("found")
    state.tell("lost")
    assert told == ["a", "b", "b"]
