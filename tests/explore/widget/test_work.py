"""Work runs beside the notebook, tells how far it is, and ends when it is given up."""

from __future__ import annotations

import threading
import time

from altiflow.explore.widget.work import Work
from altiflow.workers import map_each


def test_progress_of_the_library_is_told() -> None:
    work, told = Work(), []
    work.listen("changed", lambda: told.append((work.title, work.step, work.done, work.total)))
    assert work.begin("search", lambda: map_each(abs, range(3), label="reading"))
    assert work.wait(600)
    assert told[0] == ("search", "", 0, 0)
    assert ("search", "reading", 3, 3) in told
    assert told[-1][0] == ""


def test_threads_of_the_library_tell_too() -> None:
    work, told = Work(), []
    work.listen("changed", lambda: told.append((work.step, work.done, work.total)))
    work.begin("reading", lambda: map_each(abs, range(4), workers=2, label="granules"))
    assert work.wait(600)
    assert any(step.endswith("granules") or step.startswith("COLL") or total == 4 for step, _, total in told)


def test_work_that_is_given_up_ends() -> None:
    work, begun = Work(), threading.Event()

    def go_on_for_ever() -> None:
        begun.set()
        while True:
            time.sleep(0.005)

    work.begin("for ever", go_on_for_ever)
    assert begun.wait(10)
    work.give_up()
    work.give_up()
    assert work.wait(600)
    assert work.is_given_up
    assert work.begin("again", lambda: None)
    assert work.wait(600)
    assert not work.is_given_up


def test_giving_up_nothing_is_no_matter() -> None:
    work = Work()
    work.give_up()
    assert not work.is_given_up
    assert work.wait(0.1)
