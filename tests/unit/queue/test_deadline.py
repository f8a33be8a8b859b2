"""A run that stops before its time is up."""

from __future__ import annotations

import pytest
from fakes import Noting

from komorebi_qc.core.errors import OutOfTimeError, PassingError
from komorebi_qc.queue.deadline import MARGIN_S, Deadline


def test_with_time_left_everything_is_passed_on() -> None:
    """The inner sink gets every step and every fraction."""
    noting = Noting()
    deadline = Deadline(lambda: MARGIN_S, progress=noting)
    deadline.step(1, 9, "read")
    deadline.advance(0.5)
    deadline.check()
    assert [noted for noted in noting.told if noted != "check"] == [(1, 9, "read"), 0.5]


@pytest.mark.parametrize("call", ["step", "advance", "check"])
def test_under_the_margin_it_stops(call: str) -> None:
    """At a step, at a fraction or between two pieces it raises what may pass, and says what can be done."""
    left_s = 100.0
    deadline = Deadline(lambda: left_s, margin_s=40.0)
    deadline.step(6, 9, "plan audio")
    deadline.advance(0.25)
    left_s = 39.9
    arguments = {"step": (7, 9, "mux"), "advance": (0.5,), "check": ()}[call]
    where = {"step": "'mux', 0% done", "advance": "'plan audio', 50% done", "check": "'plan audio', 25% done"}
    with pytest.raises(OutOfTimeError, match=r"40 s left.*more time or memory.*komorebi-qc process") as caught:
        getattr(deadline, call)(*arguments)
    assert where[call] in str(caught.value)
    assert isinstance(caught.value, PassingError)


def test_the_sink_may_stop_it_first() -> None:
    """A stop by signal goes before a stop by time."""

    class Stops(Noting):
        """Stops at once."""

        def check(self) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Deadline(lambda: 0.0, progress=Stops()).check()
