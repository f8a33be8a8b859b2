"""Progress in words: counts, rates and the time left."""

from __future__ import annotations

from collections import Counter

import pytest

from komorebi_qc.cli.output.progress import BatchLines, StepLines, counts_text, rate_text, time_left_text


@pytest.mark.parametrize(
    ("speed", "text"), [(None, "-/min"), (0.0, "-/min"), (2.5, "2.5/s"), (0.5, "30.0/min"), (0.001, "3.6/h")]
)
def test_rate_has_a_number_to_read(speed: float | None, text: str) -> None:
    """Per second, minute or hour, whichever gives at least 1."""
    assert rate_text(speed) == text


@pytest.mark.parametrize(
    ("left_s", "text"), [(None, "-:-- left"), (0, "0:00 left"), (61.4, "1:01 left"), (3661, "1:01:01 left")]
)
def test_time_left(left_s: float | None, text: str) -> None:
    """Minutes and seconds, with hours if there are any."""
    assert time_left_text(left_s) == text


def test_only_outcomes_that_occurred_are_counted() -> None:
    """In a fixed order, with their words."""
    assert counts_text(Counter(failed=1, **{"pass": 2})).plain == "pass 2   not done 1"
    assert counts_text(Counter()).plain == ""


def test_lines_in_a_pipe(capsys: pytest.CaptureFixture[str]) -> None:
    """One line a step with its number, on standard error; a batch prints nothing in its first half minute."""
    StepLines().step(2, 9, "fetch [call] audio")
    batch = BatchLines()
    batch.begin(2)
    batch.done("pass")
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "2/9 fetch [call] audio\n")
