"""Turns are put where the output plays them: through offset, drift, jumps, the agent's part, and masks."""

from __future__ import annotations

import pytest

from komorebi_qc.core.privacy.masks import PrivateSpan, masks
from komorebi_qc.core.splice import Splice, splice
from komorebi_qc.core.timebase import Alignment, Jump, Knot, Span
from komorebi_qc.transcript.placed import PlacedTurn, place_transcript
from komorebi_qc.transcript.turns import Transcript, Turn, Word

CALL_S = 60.0
SUSPENDED = PrivateSpan(Span(20.0, 30.0), "suspended")
REDACTED = PrivateSpan(Span(20.0, 30.0), "redacted")


def timeline_of(alignment: Alignment, *private: PrivateSpan) -> Splice:
    """The timeline of a call with masks."""
    masked = masks(private, alignment, call_s=CALL_S, choice="sound").output
    return splice(alignment, call_s=CALL_S, recording_audio=Span(0.0, 90.0), outside_call="after", masked=masked)


def placed(timeline: Splice, *turns: Turn, private: tuple[PrivateSpan, ...] = ()) -> tuple[PlacedTurn, ...]:
    """Turns on the output clock."""
    return place_transcript(Transcript(turns, "en", "whisper"), timeline, private).turns


def turn(from_s: float, to_s: float, *, is_redacted: bool = False, words: tuple[Word, ...] = ()) -> Turn:
    """A turn of the agent."""
    return Turn("agent", from_s, to_s, "one two three", is_redacted, words)


@pytest.mark.parametrize(
    "alignment",
    [
        Alignment(2.5),
        Alignment(2.5, 80.0),
        Alignment(-4.0, -60.0),
        Alignment(2.5, 30.0, (Jump(10.0, 0.7), Jump(25.0, -1.1), Jump(40.0, 2.0))),
        Alignment(1.0, 0.0, (), (Knot(10.0, 0.0), Knot(30.0, 0.5), Knot(50.0, 0.1))),
    ],
)
def test_a_turn_begins_where_the_output_plays_its_first_moment(alignment: Alignment) -> None:
    """Along the same map as the sound."""
    for from_s in (5.0, 15.0, 33.0, 45.0):
        (one,) = placed(timeline_of(alignment), turn(from_s, from_s + 2.0))
        assert one.from_s == pytest.approx(alignment.to_output(from_s), abs=1e-9)
        assert one.to_s == pytest.approx(alignment.to_output(from_s + 2.0), abs=1e-9)
        assert (one.speaker, one.text, one.is_redacted) == ("agent", "one two three", False)


def test_turns_that_the_output_does_not_play_are_left_out_and_counted() -> None:
    """Before the output's start, outside of the agent's part, and after the call."""
    timeline = timeline_of(Alignment(2.0, part=Span(10.0, 40.0)))
    turns = [turn(2.0, 4.0), turn(20.0, 22.0), turn(50.0, 52.0), turn(500.0, 502.0)]
    found = place_transcript(Transcript(tuple(turns), "", "srt"), timeline)
    assert [one.from_s for one in found.turns] == pytest.approx([22.0])
    assert found.left_out == 3


def test_a_turn_is_shown_if_the_output_plays_half_of_it() -> None:
    """Without word times, nobody knows which of its words are played."""
    timeline = timeline_of(Alignment(2.0, part=Span(10.0, 40.0)))
    (one,) = placed(timeline, turn(9.0, 12.0), turn(6.0, 11.0))
    assert (one.from_s, one.to_s) == pytest.approx((12.0, 14.0))


@pytest.mark.parametrize("span", [(22.0, 24.0), (18.0, 21.0), (29.0, 33.0), (15.0, 40.0)])
def test_masked_spans_have_no_words(span: tuple[float, float]) -> None:
    """A turn that touches a mask keeps its place, and loses its words."""
    (one,) = placed(timeline_of(Alignment(2.0), SUSPENDED), turn(*span), private=(SUSPENDED,))
    assert (one.text, one.is_redacted) == ("", True)


def test_words_with_times_are_masked_one_by_one() -> None:
    """The words beside the mask and its margin stay."""
    words = tuple(Word(18.0 + n, 18.4 + n, f" w{n}") for n in range(15))
    found = placed(timeline_of(Alignment(2.0), SUSPENDED), turn(18.0, 33.0, words=words), private=(SUSPENDED,))
    assert [(one.text, one.is_redacted) for one in found] == [("w0 w1", True), ("w13 w14", True)]
    assert [one.from_s for one in found] == pytest.approx([20.0, 33.0])


@pytest.mark.parametrize(("segment", "last"), [((5.0, 8.0), (21.0, 22.0)), ((33.0, 35.0), (21.0, 22.0))])
def test_a_word_outside_of_its_segment_is_masked_as_well(
    segment: tuple[float, float], last: tuple[float, float]
) -> None:
    """Recognisers let words end after their segment, and begin before it."""
    words = (Word(segment[0], segment[0] + 0.5, " one two"), Word(*last, " three"))
    found = placed(timeline_of(Alignment(2.0), SUSPENDED), turn(*segment, words=words), private=(SUSPENDED,))
    assert [one.text for one in found] == ["one two"]


def test_text_with_placeholders_stays_in_the_masks_of_redactions_alone() -> None:
    """A placeholder replaces the masked words; words in a suspension aren't replaced."""
    timeline, with_placeholder = timeline_of(Alignment(2.0), REDACTED), turn(18.0, 33.0, is_redacted=True)
    (kept,) = placed(timeline, with_placeholder, private=(REDACTED,))
    assert (kept.text, kept.is_redacted) == ("one two three", True)
    assert placed(timeline, turn(18.0, 33.0), private=(REDACTED,))[0].text == ""
    both = (REDACTED, PrivateSpan(Span(32.0, 36.0), "suspended"))
    assert placed(timeline_of(Alignment(2.0), *both), with_placeholder, private=both)[0].text == ""


def test_without_masks_nothing_is_withheld() -> None:
    """The words fit the sound, and the sound isn't masked."""
    timeline = splice(Alignment(2.0), call_s=CALL_S, recording_audio=Span(0.0, 90.0))
    assert placed(timeline, turn(18.0, 33.0), private=(SUSPENDED,))[0].text == "one two three"
