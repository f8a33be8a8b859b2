"""Findings about the recording clock."""

from __future__ import annotations

import pytest
from made_sync import by_name, jump, result

from komorebi_qc.core.finding import At
from komorebi_qc.core.timebase import Knot
from komorebi_qc.findings.sync.clock import MOST_SHOWN, jump_text, rates_ppm


@pytest.mark.parametrize(("drift_ppm", "word"), [(50.0, "faster"), (-50.0, "slower"), (0.0, "faster")])
def test_drift_names_the_faster_clock(drift_ppm: float, word: str) -> None:
    """A positive drift means a faster recording clock; 50 ppm are 180 ms an hour."""
    found = by_name(result(drift_ppm=drift_ppm))["drift"]
    assert found.value == drift_ppm
    assert word in found.text
    assert f"{abs(drift_ppm) * 3.6:.1f} ms an hour" in found.text
    assert by_name(result(drift_ppm=None))["drift"].value == "undetermined"


def test_the_largest_jump_is_the_value() -> None:
    """Of several jumps the largest counts, whatever its sign, and the sentence names the first ones."""
    jumps = tuple(jump(size, 10.0 * k) for k, size in enumerate((0.05, -0.2, 0.1, 0.06, 0.07, 0.08), 1))
    found = by_name(result(jumps=jumps))["jumps"]
    assert found.value == -0.2
    assert found.at == At("call", 20.0)
    assert f"{len(jumps)} times" in found.text
    assert found.text.endswith("and more.")
    assert found.text.count(" ms later ") + found.text.count(" ms earlier ") == MOST_SHOWN
    assert by_name(result())["jumps"].value == 0.0
    assert by_name(result())["jumps"].text == "No clock jumps found."


@pytest.mark.parametrize(("size_s", "text"), [(0.35, "350.0 ms"), (-0.9994, "999.4 ms"), (-24.4, "24.400 s")])
def test_a_long_jump_is_in_seconds(size_s: float, text: str) -> None:
    """Nobody reads 24,400 ms."""
    assert jump_text(size_s) == text
    assert text in by_name(result(jumps=(jump(size_s),)))["jumps"].text


def test_a_jump_of_one_channel_says_which() -> None:
    """A jump that one channel alone shows is described as such."""
    agent = by_name(result(jumps=(jump(0.1, agent_only=True),)))["jumps"]
    customer = by_name(result(jumps=(jump(0.1, customer_only=True),)))["jumps"]
    assert "only the agent channel shows it" in agent.text
    assert "only the customer channel shows it" in customer.text


def test_a_clock_that_bends_has_a_range_of_rates() -> None:
    """Half a minute at +50 ppm, half a minute at -60: on average -5, and 1.65 ms away from the straight line."""
    bent = result(drift_ppm=-5.0, knots=(Knot(0.0, 0.0), Knot(30.0, 0.00165), Knot(60.0, 0.0)))
    assert rates_ppm(bent) == pytest.approx((-60.0, 50.0))
    found = by_name(bent)
    assert found["rate_changes"].value == pytest.approx(0.00165)
    assert (found["rate_changes"].status, found["rate_changes"].at) == ("pass", At("call", 30.0))
    assert "changes 1 time, between -60.0 and +50.0 ppm" in found["rate_changes"].text
    assert "At 00:00:30.000 of the call it is 1.6 ms away" in found["rate_changes"].text
    assert found["drift"].text.startswith("On average, the recording clock runs 5.00 ppm slower")


def test_a_large_bend_warns() -> None:
    """From 45 ms on, a player that assumes a constant rate would be noticed."""
    bent = result(knots=(Knot(0.0, 0.0), Knot(30.0, -0.05), Knot(60.0, 0.0)))
    assert by_name(bent)["rate_changes"].status == "warn"


def test_a_constant_rate_has_no_range() -> None:
    """Nothing bends, and nothing claims more than that no change was found."""
    assert rates_ppm(result(drift_ppm=20.0)) is None
    found = by_name(result(drift_ppm=20.0))
    assert found["rate_changes"].value == 0.0
    assert found["rate_changes"].text == "No change of the recording clock's rate found."
    assert found["drift"].text.startswith("The recording clock runs 20.00 ppm faster")
