"""Changes of the clock's rate, in words."""

from __future__ import annotations

import pytest

from komorebi_qc.core.timebase import Alignment, Jump, Knot
from komorebi_qc.desk.words.rates import MOST_SHOWN, rate_changes, rates_sentence, rates_text, size_text

BENT = Alignment(2.0, -5.0, knots=(Knot(0.0, 0.0), Knot(140.0, 0.0077), Knot(280.0, 0.0)))


def test_a_bend_has_its_moment_and_both_rates() -> None:
    """The mean of both, -5 ppm, isn't the rate anywhere, and isn't named."""
    (change,) = rate_changes(BENT, 280.0)
    assert (change.call_s, change.before_ppm, change.after_ppm) == pytest.approx((140.0, 50.0, -60.0))
    sentence = rates_sentence((change,))
    assert sentence == "The clock's rate changes: from +50.0 to -60.0 ppm at 00:02:20 of the call."


def test_a_straight_map_has_no_change() -> None:
    """A jump isn't a change of the rate, and a knot without a bend isn't either."""
    straight = Alignment(2.0, 30.0, (Jump(50.0, 0.3),), (Knot(0.0, 0.0), Knot(20.0, 0.0), Knot(100.0, 0.0)))
    assert rate_changes(straight, 100.0) == ()
    assert rates_sentence(()) == ""


def test_many_changes_are_counted() -> None:
    """The first ones are listed, and the number of the others."""
    knots = tuple(Knot(10.0 * n, 0.001 * (n % 2)) for n in range(9))
    changes = rate_changes(Alignment(0.0, knots=knots), 80.0)
    assert len(changes) == 7
    assert rates_text(changes).count(" to ") == MOST_SHOWN
    assert rates_text(changes).endswith("; and 2 more")
    assert rates_sentence(changes).startswith("The clock's rate changes 7 times: ")


def test_a_jump_of_seconds_is_in_seconds() -> None:
    """A pause of half a minute isn't a number of milliseconds."""
    assert [size_text(size_s) for size_s in (0.35, -0.0204, -24.4)] == ["+350 ms", "-20 ms", "-24.40 s"]
