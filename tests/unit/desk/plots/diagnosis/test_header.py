"""The head of the diagnosis figure."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from figures import texts
from sync_results import bent_result, candidates_result, empty_result, part_result, placed, sync_result

from komorebi_qc.desk.plots.diagnosis.header import write_header
from komorebi_qc.desk.plots.figure import new_figure

if TYPE_CHECKING:
    from komorebi_qc.sync import SyncResult


def written(result: SyncResult) -> str:
    """The texts of a head."""
    figure, _ = new_figure(16, 10)
    write_header(figure, result, placed(result), 62.0, "pair")
    return texts(figure)


@pytest.mark.parametrize("result", [candidates_result(), empty_result(), sync_result("wrong_pair")])
def test_a_place_without_measurement_has_no_numbers(result: SyncResult) -> None:
    """Offset, drift and jumps weren't measured, and no zero or "none" replaces them."""
    text = written(result)
    assert text.count("not measured") == (4 if result.windows else 6)
    assert ("%" in text) == bool(result.windows)
    for word in ("ppm", "no drift", "no clock jumps", "(95 %)"):
        assert word not in text


def test_a_bend_has_both_rates() -> None:
    """No mean rate is named: it isn't true anywhere."""
    text = written(bent_result())
    rates = "+50 \N{RIGHTWARDS ARROW} \N{MINUS SIGN}60 ppm"
    assert f"In sync: the clock's rate changes from {rates}" in text
    assert "the rate changes at 00:30.0 of the call" in text
    assert "no drift" not in text


def test_the_agents_part_is_named() -> None:
    """Its end is a fact, and the share of agreeing speech is that of the part."""
    text = written(part_result())
    assert "the agent takes part until 00:40.0 of the call" in text
    assert "Agent's part ends\n00:42.000" in text
    assert "100%\nin the agent's part of the call" in text
