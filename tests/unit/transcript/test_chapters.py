"""Chapters cover the output from its start to its end, and name what an analyst looks for."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from komorebi_qc.core.privacy.masks import PrivateSpan
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, Span
from komorebi_qc.transcript.chapters import chapters_of

if TYPE_CHECKING:
    from komorebi_qc.core.output import Chapter

CALL_S = 100.0


def chapters(alignment: Alignment, *, end_s: float = 130.0, **more: object) -> tuple[Chapter, ...]:
    """The chapters of a call in a recording."""
    timeline = splice(alignment, call_s=CALL_S, recording_audio=Span(0.0, end_s), outside_call="after")
    return chapters_of(timeline, call_s=CALL_S, end_s=end_s, **more)  # type: ignore[arg-type]


def spans(found: tuple[Chapter, ...]) -> list[tuple[str, float, float]]:
    """Kinds and times."""
    return [(one.kind, round(one.from_s, 3), round(one.to_s, 3)) for one in found]


def test_a_call_has_a_chapter_before_it_and_one_after_it() -> None:
    """The usual recording."""
    assert spans(chapters(Alignment(5.0))) == [
        ("before_call", 0.0, 5.0),
        ("call", 5.0, 105.0),
        ("after_call", 105.0, 130.0),
    ]


def test_holds_and_suspensions_are_in_the_call() -> None:
    """A redaction isn't a chapter: it is a few words."""
    private = (PrivateSpan(Span(60.0, 70.0), "suspended"), PrivateSpan(Span(80.0, 82.0), "redacted"))
    found = spans(chapters(Alignment(5.0), private=private, holds=[Span(20.0, 40.0)]))
    assert found == [
        ("before_call", 0.0, 5.0),
        ("call", 5.0, 25.0),
        ("hold", 25.0, 45.0),
        ("call", 45.0, 65.0),
        ("suspended", 65.0, 75.0),
        ("call", 75.0, 105.0),
        ("after_call", 105.0, 130.0),
    ]


def test_a_transfer_is_the_rest_of_the_call_without_the_agent() -> None:
    """The agent left, and the recording went on."""
    found = spans(chapters(Alignment(5.0, part=Span(0.0, 60.0))))
    assert found == [
        ("before_call", 0.0, 5.0),
        ("call", 5.0, 65.0),
        ("transfer", 65.0, 105.0),
        ("after_call", 105.0, 130.0),
    ]


def test_a_late_agent_s_call_begins_with_the_call_without_the_agent() -> None:
    """The call was under way before."""
    assert spans(chapters(Alignment(5.0, part=Span(30.0, 100.0))))[:2] == [
        ("before_call", 0.0, 5.0),
        ("transfer", 5.0, 35.0),
    ]


@pytest.mark.parametrize("offset_s", [0.4, -20.0])
def test_less_than_a_second_is_no_chapter(offset_s: float) -> None:
    """A call that begins with the recording has nothing before it."""
    found = chapters(Alignment(offset_s))
    assert (found[0].kind, found[0].from_s) == ("call", 0.0)


def test_chapters_have_no_gaps() -> None:
    """Each begins where the one before it ends."""
    found = chapters(Alignment(5.0), holds=[Span(20.0, 40.0), Span(30.0, 50.0)])
    assert (found[0].from_s, found[-1].to_s) == (0.0, 130.0)
    assert all(before.to_s == after.from_s for before, after in pairwise(found))
