"""The answers to the four questions."""

from __future__ import annotations

from typing import Any

import pytest
from fleet_rows import NOWHERE, failing, fleet, row

from komorebi_qc.fleet.dataset import fleet_of
from komorebi_qc.fleet.narrative.answers import answers, headline
from komorebi_qc.fleet.study.study import study_of
from komorebi_qc.fleet.synthetic import synthetic_rows


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


def test_verdicts_of_quick_looks_are_told_apart() -> None:
    """A triage measures no levels: the first answer counts such rows among those that were examined."""
    mixed = fleet(row(0, action="triage"), row(1), row(2, action="triage", status="failed", verdict=None), row(3))
    texts = [text for text, _ in answers(study_of(mixed))[0].sentences]
    assert any(text.startswith("33.3 % (1 of 3) had a quick look only (triage): levels, ") for text in texts)
    assert not any("triage" in text for text, _ in answers(study_of(fleet(row(0))))[0].sentences)


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


@pytest.mark.parametrize(
    ("dayless", "text"),
    [
        (0, "4 recordings of 4 agents on 2026-11-26."),
        (2, "4 recordings of 4 agents: 2 on 2026-11-26, and 2 without a day."),
        (4, "4 recordings of 4 agents."),
    ],
)
def test_only_dated_recordings_are_on_a_day(dayless: int, text: str) -> None:
    """Recordings without a day are counted apart."""
    rows = [row(n, day="unknown" if n < dayless else "2026-11-26") for n in range(4)]
    assert headline(study_of(fleet(*rows))) == text


def first_steps(*rows: dict[str, Any]) -> list[str]:
    """The sentences of the last answer."""
    return [text for text, _ in answers(study_of(fleet(*rows)))[3].sentences]


def test_the_only_bad_recording_is_named() -> None:
    """With its finding, and the command or the report that shows more."""
    (text,) = first_steps(row(0), row(1, **failing()))
    assert text == (
        "Recording recording-00001 fails: sync_status. It is the only one that fails or needs a look. This command "
        "makes its report: komorebi-qc rerun rows --where \"recording_id = 'recording-00001'\" --action audit"
    )
    (text,) = first_steps(row(1, **failing(report="_reports/1/report.html")))
    assert text.endswith("Its report: rows/_reports/1/report.html")


def test_the_worst_of_many_is_named() -> None:
    """A failure before a warning, with its command; a list of one doesn't make it the only one."""
    warned = row(2, verdict="warn", warn_count=6, warnings=[f"w{n}" for n in range(6)])
    (text,) = first_steps(warned, row(1, **failing()), row(0))
    assert text.startswith("The worst recording, recording-00001, fails: sync_status. This command")
    (alone,) = first_steps(warned)
    assert alone.startswith("Recording recording-00002 needs a look: w0, w1, w2, w3 and 2 more. It is the only one")
    listed = study_of(fleet(warned, row(1, **failing())), worst=1)
    assert "only" not in answers(listed)[3].sentences[0][0]


def test_two_measures_of_a_release_have_their_names() -> None:
    """Its difference from others on the same days, and the change of all recordings, are two quantities."""
    found = answers(study_of(fleet_of(synthetic_rows(30_000), NOWHERE, "demo", is_demo=True)))
    assert any(": its median offset is +0.1" in text and "the others' on the same days" in text
               for text, _ in found[2].sentences)  # fmt: skip
    first = [text for text, _ in found[3].sentences]
    assert any("the median offset of all recordings changed by +0.1" in text for text in first)
    assert not any("komorebi-qc" in text for text in first)


def test_held_and_unconfirmed_recordings_are_named() -> None:
    """Apart from failures, in the first answer; a fleet without them has no such sentence."""
    held = {"status": "failed", "verdict": None, "error_class": "HeldError", "publication": "held"}
    broken = {"status": "failed", "verdict": None, "error_class": "StorageError"}
    made = fleet(row(0), row(1, publication="unconfirmed"), row(2, **held), row(3, **broken))
    texts = [text for text, _ in answers(study_of(made))[0].sentences]
    assert "50.0 % (2 of 4) couldn't be examined: 1 failed, 1 held." in texts
    expected = "Pairs that the audio doesn't confirm: 1 recording published and 1 recording held"
    assert [text for text in texts if text.startswith(expected)]
    first = [text for text, _ in answers(study_of(made))[3].sentences]
    assert "Decide about 1 held recording." in first
    assert "StorageError, 1 recording: retrying won't help." in first
    assert not [text for text, _ in answers(study_of(fleet(row(0))))[0].sentences if "confirm" in text]


def test_suspended_calls_are_named() -> None:
    """With their total time; a dataset without any has no sentence about them."""
    made = fleet(row(0, suspended_count=1, suspended_s=12.0, outside_call_s=9.0), row(1))
    texts = [text for text, _ in answers(study_of(made))[0].sentences]
    assert "Connect suspended 1 call, for 12 s in all." in texts
    assert "The conversation goes on outside of Connect's audio in 1 recording." in texts
    assert not any("suspended" in text for text, _ in answers(study_of(fleet(row(0))))[0].sentences)
