"""Whether a difference matters."""

from __future__ import annotations

import pytest

from komorebi_qc.fleet.narrative.significance import matter_text


@pytest.mark.parametrize(
    ("measure", "before", "after", "words"),
    [
        ("drift_ppm", 0.5, 9.5, "Both levels are within the limit (drift warns beyond +-100 ppm), so"),
        ("drift_ppm", 9.5, 240.0, "It matters: the new level, 240.0 ppm, is beyond the limit (drift warns"),
        ("drift_ppm", 240.0, 9.5, "The new level, 9.5 ppm, is within the limit"),
        (
            "coverage",
            0.98,
            0.6,
            "It matters: the new level, 0.600, is beyond the limit (coverage warns below 0.75 share)",
        ),
        ("offset_s", 1.5, 1.8, "The offset has no limit"),
    ],
)
def test_a_level_against_its_limit(measure: str, before: float, after: float, words: str) -> None:
    """The limit of the finding decides, not the size of the change."""
    assert matter_text(measure, before, after).startswith(words)


def test_a_share_has_no_limit() -> None:
    """There is no sentence."""
    assert matter_text("fail", 0.1, 0.2) == ""
