"""Held recordings as people see them."""

from __future__ import annotations

from typing import Any

import pytest

from komorebi_qc.cli.output.console import out
from komorebi_qc.cli.output.held import age_text, candidates_text, print_held, print_held_redrive


def held(**more: Any) -> dict[str, Any]:
    """A held recording."""
    candidates = [{"offset_s": -9.25, "probability": 0.98}, {"offset_s": 91.5, "probability": 0.02}]
    letter = {"recording_id": "contact-1", "message_id": "m1", "reason": "3 s of 9 s agree", "held_for_s": 7_300}
    return {**letter, "candidates": candidates, **more}


def test_held_recordings_have_reason_candidates_and_age(capsys: pytest.CaptureFixture[str]) -> None:
    """With the command that publishes one; a sender's markup is shown, not obeyed."""
    print_held(out(), [held(), held(recording_id="", reason="[bold]x[/]", candidates=[])])
    text = capsys.readouterr().out
    assert "Held: 2 recordings, not published" in text
    assert "contact-1, held for 2 h" in text
    assert "message m1, held for 2 h" in text
    assert "-9.250 s (98%), +91.500 s (2%)" in text
    assert "[bold]x[/]" in text
    assert "no place is known" in text
    assert "komorebi-qc dlq release RECORDING_ID [--offset SECONDS]" in text


def test_nothing_held_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither in a list nor after a redrive."""
    print_held(out(), [])
    print_held_redrive(out(), {"held_left": 0, "held_sent": 0})
    assert capsys.readouterr().out == ""


def test_a_redrive_says_what_it_did_with_held_recordings(capsys: pytest.CaptureFixture[str]) -> None:
    """Those that stay, and those that were named."""
    print_held_redrive(out(), {"held_left": 2, "held_sent": 1})
    text = " ".join(capsys.readouterr().out.split())
    assert "2 held recordings stay: a redrive would only hold them again." in text
    assert "1 held recording among them: held again, unless" in text


def test_many_candidates_are_cut() -> None:
    """The first three, and the number of the others."""
    assert candidates_text([{"offset_s": 1.0, "probability": 0.2}] * 5).endswith("+1.000 s (20%), and 2 more")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7_200, "2 h"), (172_799, "48 h"), (172_800, "2 d")],
)
def test_ages(seconds: float, text: str) -> None:
    """The largest unit that gives at least 2."""
    assert age_text(seconds) == text
