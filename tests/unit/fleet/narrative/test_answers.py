"""The answers to the four questions."""

from __future__ import annotations

from typing import Any

import pytest
from fleet_rows import failing, fleet, row

from komorebi_qc.fleet.narrative.answers import answers
from komorebi_qc.fleet.study.study import study_of


def test_a_rising_share_has_its_day() -> None:
    """The second answer has the day and both levels."""
    rows = [row(n, **(failing() if n % 40 >= 25 and n // 40 % 4 == 0 else {})) for n in range(8_000)]
    answer = answers(study_of(fleet(*rows)))[1]
    assert answer.short == "Worse since 2026-03-26"
    assert "0.0 % until 2026-03-26, 25.0 % from then on" in answer.sentences[0][0]


def test_later_attempts_that_failed_are_counted() -> None:
    """Such a recording keeps its verdict, and the page has their number and reasons."""
    again = {"last_attempt_action": "audit", "last_attempt_error_class": "TimeLimit", "last_attempt_error": "Too slow."}
    made = fleet(
        row(0, **again, last_attempt_is_worth_a_retry=True),
        row(1, **failing(), **again, last_attempt_is_worth_a_retry=False),
        row(2, status="failed", verdict=None, error_class="StorageError", is_worth_a_retry=True),
        row(3),
    )
    found = study_of(made)
    counts = found.overview
    assert (counts.examined, counts.fail, counts.failed, counts.failed_again, counts.retried) == (3, 1, 1, 2, 2)
    sentence = "A later attempt failed for 2 recordings; the earlier result counts."
    assert sentence in [text for text, _ in answers(found)[0].sentences]
    rows = [(one.name, one.count, one.is_worth_a_retry) for one in found.reasons if one.status == "failed_again"]
    assert sorted(rows) == [("TimeLimit", 1, False), ("TimeLimit", 1, True)]
    assert [one.last_attempt_error for one in found.worst] == ["Too slow."]


@pytest.mark.parametrize(
    ("rows", "shorts"),
    [
        ([], ["No rows"]),
        ([row(0)], ["0 % fail", "Too few days", "Too few recordings", "Nothing"]),
        ([row(n) for n in range(400)], ["0 % fail", "No change", "No group stands out", "Nothing"]),
        (
            [row(n, **failing()) for n in range(400)],
            ["100 % fail", "No change", "No group stands out", "The worst recordings"],
        ),
    ],
)
def test_the_short_answers(rows: list[dict[str, Any]], shorts: list[str]) -> None:
    """Of an empty fleet, one row, a good fleet and a bad fleet."""
    assert [one.short for one in answers(study_of(fleet(*rows)))] == shorts
