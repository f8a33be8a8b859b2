"""The splice: the sources of the output over time."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.splice import (
    FADE_S,
    OUTSIDE_CALL,
    SHORTEST_S,
    OutsideCall,
    Splice,
    after_call_audio,
    align_to_call_end,
    own_sound,
    splice,
)
from komorebi_qc.core.timebase import Alignment, CallEnd, Jump, Knot, Span

RECORDING = Span(0.0, 110.0)


def outline(timeline: Splice) -> list[tuple[str, float, float]]:
    """Which source plays from where to where."""
    return [(p.source, round(p.output.start_s, 6), round(p.output.end_s, 6)) for p in timeline.pieces]


def test_the_recordings_own_audio_frames_the_call() -> None:
    """Before and after the call the recording plays; during it, the call audio."""
    timeline = splice(Alignment(2.5), call_s=90.0, recording_audio=RECORDING)
    assert outline(timeline) == [("recording", 0.0, 2.5), ("call", 2.5, 92.5), ("recording", 92.5, 110.0)]
    assert timeline.pieces[2].source_s(92.5) == 92.5


def test_a_call_that_began_first_moves_everything_else() -> None:
    """The output begins with the call, and the recording keeps its own time behind the shift."""
    timeline = splice(Alignment(-6.4), call_s=90.0, recording_audio=RECORDING)
    assert outline(timeline) == [("call", 0.0, 90.0), ("recording", 90.0, 116.4)]
    assert timeline.pieces[1].source_s(90.0) == pytest.approx(83.6)


def test_a_call_that_ends_last_is_kept_whole() -> None:
    """Connect's audio may outlast the recording."""
    timeline = splice(Alignment(50.0), call_s=90.0, recording_audio=RECORDING)
    assert outline(timeline) == [("recording", 0.0, 50.0), ("call", 50.0, 140.0)]
    assert after_call_audio(Alignment(50.0), call_s=90.0, recording_audio=RECORDING).length_s == 0.0


def test_without_audio_in_the_recording_the_call_stands_alone() -> None:
    """Silence leads to the call, and nothing follows it."""
    timeline = splice(Alignment(2.5), call_s=90.0, recording_audio=None)
    assert outline(timeline) == [("silence", 0.0, 2.5), ("call", 2.5, 92.5)]


def test_a_forward_jump_is_filled_with_the_recordings_own_audio() -> None:
    """The second part moves, and the recording's own audio fills the gap."""
    timeline = splice(Alignment(2.0, 0.0, (Jump(60.0, 0.35),)), call_s=90.0, recording_audio=RECORDING)
    assert outline(timeline)[1:4] == [("call", 2.0, 62.0), ("recording", 62.0, 62.35), ("call", 62.35, 92.35)]
    assert timeline.pieces[3].source_start_s == 60.0
    assert timeline.left_out_s == 0.0


def test_a_backward_jump_leaves_out_what_the_recording_lost() -> None:
    """The part without a place is counted, and the rest keeps its place."""
    timeline = splice(Alignment(2.0, 0.0, (Jump(60.0, -0.35),)), call_s=90.0, recording_audio=RECORDING)
    assert outline(timeline)[1:3] == [("call", 2.0, 61.65), ("call", 61.65, 91.65)]
    assert timeline.left_out_s == pytest.approx(0.35)


def test_a_jump_shorter_than_two_fades_is_bridged_by_the_call() -> None:
    """Ten milliseconds are no room for a third source: both sides meet in the middle, each at its own time."""
    timeline = splice(Alignment(2.0, 0.0, (Jump(60.0, 0.01),)), call_s=90.0, recording_audio=RECORDING)
    assert [p.source for p in timeline.pieces] == ["recording", "call", "call", "recording"]
    assert timeline.pieces[2].source_s(70.01) == pytest.approx(68.0)
    assert timeline.pieces[1].source_s(50.0) == pytest.approx(48.0)


def test_drift_stretches_the_call() -> None:
    """A clock that runs 80 ppm faster makes the call that much longer."""
    timeline = splice(Alignment(0.8, 80.0), call_s=170.0, recording_audio=Span(0.0, 185.0))
    assert timeline.call.end_s == pytest.approx(0.8 + 170.0 * 1.00008)
    assert timeline.pieces[1].source_s(timeline.call.end_s) == pytest.approx(170.0)


def test_the_reported_call_end_is_the_calls_last_sample() -> None:
    """The offset is the reported call end minus the call's length."""
    assert align_to_call_end(CallEnd(92.0, 1.0), 90.5).offset_s == pytest.approx(1.5)


# Jumps of up to 3 s in a call of at least 20 s: it always keeps a place.
alignments = st.builds(
    Alignment,
    st.floats(-200, 200),
    st.floats(-100, 100),
    st.lists(st.builds(Jump, st.floats(0, 120), st.floats(-3, 3)), max_size=4).map(
        lambda jumps: tuple(sorted(jumps, key=lambda j: j.call_s))
    ),
)


@given(alignments, st.floats(20, 120), st.one_of(st.none(), st.floats(0.1, 200)))
def test_pieces_cover_the_output_without_hole_or_overlap(
    alignment: Alignment, call_s: float, recording_s: float | None
) -> None:
    """For any alignment, pieces are adjacent from 0 to the end, all have a length, and fades stay inside neighbours."""
    own = None if recording_s is None else Span(0.0, recording_s)
    timeline = splice(alignment, call_s=call_s, recording_audio=own)
    assert timeline.pieces[0].output.start_s <= SHORTEST_S
    assert timeline.pieces[-1].output.end_s == pytest.approx(timeline.output_end_s)
    for before, after in pairwise(timeline.pieces):
        assert abs(before.output.end_s - after.output.start_s) <= SHORTEST_S
        assert before.fade_out == after.fade_in
        assert before.fade_out.length_s <= FADE_S + 1e-9
        assert before.output.start_s <= before.fade_out.start_s
        assert before.fade_out.end_s <= after.output.end_s
    assert all(p.output.length_s > 0 for p in timeline.pieces)


@given(alignments, st.floats(20, 120))
def test_the_call_is_placed_or_counted_as_left_out(alignment: Alignment, call_s: float) -> None:
    """No second of the call is lost without being counted."""
    timeline = splice(alignment, call_s=call_s, recording_audio=RECORDING)
    placed_s = sum(p.output.length_s / p.rate for p in timeline.pieces if p.source == "call")
    # A short jump is bridged: up to two fades of the call are repeated, or stretched over.
    slack_s = 2 * FADE_S * len(alignment.jumps) + 1e-6
    assert placed_s + timeline.left_out_s == pytest.approx(call_s, abs=slack_s)


@given(alignments, st.floats(20, 120))
def test_every_piece_of_the_call_follows_the_alignment(alignment: Alignment, call_s: float) -> None:
    """A moment in the middle of a piece plays at the alignment's time."""
    for piece in splice(alignment, call_s=call_s, recording_audio=RECORDING).pieces:
        middle_s = (piece.output.start_s + piece.output.end_s) / 2
        at_s = piece.source_s(middle_s)
        if piece.source == "recording":
            assert at_s + alignment.output_shift_s == pytest.approx(middle_s)
        elif piece.output.length_s > 4 * FADE_S and all(abs(at_s - j.call_s) > 2 * FADE_S for j in alignment.jumps):
            assert alignment.to_output(at_s) == pytest.approx(middle_s, abs=1e-6)


def test_jumps_that_swallow_the_call_are_refused() -> None:
    """An alignment that leaves no place for the call is an error, not an empty output."""
    with pytest.raises(InputError, match="no place"):
        splice(Alignment(0.0, 0.0, (Jump(0.0, -5.0),)), call_s=1.0, recording_audio=RECORDING)


@st.composite
def mapped_calls(draw: st.DrawFn) -> tuple[Alignment, float]:
    """A call of 60 to 120 s with knots at least 3 s apart, jumps of up to 0.5 s, and perhaps a part of 30 s or more."""
    call_s = draw(st.floats(60, 120))
    steps = draw(st.lists(st.floats(3, 40), max_size=5))
    knots = tuple(Knot(sum(steps[: i + 1]), draw(st.floats(-0.01, 0.01))) for i in range(len(steps)))
    jumps = draw(st.lists(st.builds(Jump, st.floats(0, 120), st.floats(-0.5, 0.5)), max_size=2))
    from_s = draw(st.floats(0, 0.4)) * call_s
    part = draw(st.sampled_from([None, Span(from_s, from_s + 0.5 * call_s), Span(from_s, call_s + 5.0)]))
    return Alignment(
        draw(st.floats(-5, 50)),
        draw(st.floats(-100, 100)),
        tuple(sorted(jumps, key=lambda j: j.call_s)),
        knots,
        part,
    ), call_s


@given(mapped_calls(), st.one_of(st.none(), st.floats(0.1, 200)))
def test_bent_pieces_cover_the_output_without_hole_or_overlap(
    mapped: tuple[Alignment, float], recording_s: float | None
) -> None:
    """With knots and a part, too, pieces are adjacent from 0 to the end; one that continues goes on in the call."""
    alignment, call_s = mapped
    own = None if recording_s is None else Span(0.0, recording_s)
    timeline = splice(alignment, call_s=call_s, recording_audio=own)
    assert timeline.pieces[0].output.start_s <= SHORTEST_S
    assert timeline.pieces[-1].output.end_s == pytest.approx(timeline.output_end_s)
    for before, after in pairwise(timeline.pieces):
        assert abs(before.output.end_s - after.output.start_s) <= SHORTEST_S
        assert before.fade_out == after.fade_in
        assert before.output.start_s <= before.fade_out.start_s
        assert before.fade_out.end_s <= after.output.end_s
        if after.continues:
            assert before.source == after.source == "call"
            assert before.source_s(before.output.end_s) == pytest.approx(after.source_start_s, abs=2 * SHORTEST_S)
    assert not timeline.pieces[0].continues
    assert all(p.output.length_s > 0 for p in timeline.pieces)
    assert len(timeline.seams_s) == len(timeline.pieces) - 1 - sum(p.continues for p in timeline.pieces)


@given(mapped_calls())
def test_the_part_is_placed_or_counted_as_left_out(mapped: tuple[Alignment, float]) -> None:
    """Nothing outside of the agent's part plays, and no second of the part is lost without being counted."""
    alignment, call_s = mapped
    part = alignment.part or Span(0.0, call_s)
    part = Span(part.start_s, min(part.end_s, call_s))
    timeline = splice(alignment, call_s=call_s, recording_audio=RECORDING)
    calls = [p for p in timeline.pieces if p.source == "call"]
    placed_s = sum(p.output.length_s / p.rate for p in calls)
    slack_s = 2 * FADE_S * len(alignment.jumps) + 1e-5
    assert placed_s + timeline.left_out_s == pytest.approx(part.length_s, abs=slack_s)
    for span in (*timeline.left_out, *(Span(p.source_start_s, p.source_s(p.output.end_s)) for p in calls)):
        assert span.start_s >= part.start_s - slack_s
        assert span.end_s <= part.end_s + slack_s


@given(mapped_calls())
def test_every_bent_piece_follows_the_map(mapped: tuple[Alignment, float]) -> None:
    """Start, middle and end of a piece of the call play at the map's time, at the rate between its knots."""
    alignment, call_s = mapped
    for piece in splice(alignment, call_s=call_s, recording_audio=RECORDING).pieces:
        if piece.source != "call" or piece.output.length_s < 8 * FADE_S:
            continue
        for share in (0.25, 0.5, 0.75):
            output_s = piece.output.start_s + share * piece.output.length_s
            at_s = piece.source_s(output_s)
            if all(abs(at_s - j.call_s) > 2 * FADE_S for j in alignment.jumps):
                assert alignment.to_output(at_s) == pytest.approx(output_s, abs=1e-5)


def test_a_knot_is_no_seam() -> None:
    """The rate changes at 60 s; the call goes on there, and the seams are those of its start and its end."""
    bent = Alignment(2.0, 0.0, (), (Knot(0.0, 0.0), Knot(60.0, 0.003), Knot(90.0, 0.0)))
    timeline = splice(bent, call_s=90.0, recording_audio=RECORDING)
    assert outline(timeline) == [
        ("recording", 0.0, 2.0),
        ("call", 2.0, 62.003),
        ("call", 62.003, 92.0),
        ("recording", 92.0, 110.0),
    ]
    assert [p.continues for p in timeline.pieces] == [False, False, True, False]
    assert list(timeline.seams_s) == pytest.approx([2.0, 92.0])
    assert (timeline.pieces[1].rate, timeline.pieces[2].rate) == pytest.approx((1 + 0.003 / 60, 1 - 0.003 / 30))


def test_outside_of_the_agents_part_the_recording_plays() -> None:
    """A call that was passed on at 40 s plays until then; the recording's own audio goes on."""
    timeline = splice(Alignment(2.0, part=Span(10.0, 40.0)), call_s=90.0, recording_audio=RECORDING)
    assert outline(timeline) == [("recording", 0.0, 12.0), ("call", 12.0, 42.0), ("recording", 42.0, 110.0)]
    assert timeline.left_out == ()


JUMPED = Alignment(2.0, 0.0, (Jump(60.0, 3.0),))


@pytest.mark.parametrize(
    ("outside_call", "before", "gap", "after"),
    [
        ("own", "recording", "recording", "recording"),
        ("after", "silence", "recording", "recording"),
        ("silence", "silence", "silence", "silence"),
    ],
)
def test_the_choice_decides_whose_sound_plays_outside_of_the_call(
    outside_call: OutsideCall, before: str, gap: str, after: str
) -> None:
    """Before the call, in the gap that a jump opened, and after the call."""
    timeline = splice(JUMPED, call_s=90.0, recording_audio=RECORDING, outside_call=outside_call)
    assert [piece.source for piece in timeline.pieces] == [before, "call", gap, "call", after]
    assert timeline.outside_call == outside_call


def test_before_a_late_agents_part_it_is_silent() -> None:
    """Until the agent came, the recording may have another conversation; after the part its own sound plays."""
    part = Alignment(2.0, part=Span(10.0, 40.0))
    timeline = splice(part, call_s=90.0, recording_audio=RECORDING, outside_call="after")
    assert outline(timeline) == [("silence", 0.0, 12.0), ("call", 12.0, 42.0), ("recording", 42.0, 110.0)]


def test_masks_are_silent_across_seams() -> None:
    """A mask in the call and one across the call's end; their edges are no seams, and the call goes on after one."""
    masked = (Span(9.5, 14.5), Span(90.0, 95.0))
    timeline = splice(Alignment(2.0), call_s=90.0, recording_audio=RECORDING, masked=masked)
    assert outline(timeline) == [
        ("recording", 0.0, 2.0),
        ("call", 2.0, 9.5),
        ("silence", 9.5, 14.5),
        ("call", 14.5, 90.0),
        ("silence", 90.0, 95.0),
        ("recording", 95.0, 110.0),
    ]
    assert timeline.pieces[3].source_start_s == 12.5
    assert timeline.masked == masked
    assert list(timeline.seams_s) == [2.0]
    assert len(timeline.edges) == 5


def test_a_mask_joins_the_silence_beside_it() -> None:
    """A suspension at the call's start, with silence before the call: one silence, and no seam in it."""
    timeline = splice(
        Alignment(2.0), call_s=90.0, recording_audio=RECORDING, outside_call="after", masked=(Span(1.5, 6.0),)
    )
    assert outline(timeline)[:2] == [("silence", 0.0, 6.0), ("call", 6.0, 92.0)]
    assert list(timeline.seams_s) == [92.0]


def test_a_mask_beyond_the_output_is_cut() -> None:
    """Masks end with the output; one that begins behind it is dropped."""
    masked = (Span(105.0, 130.0), Span(140.0, 150.0))
    timeline = splice(Alignment(2.0), call_s=90.0, recording_audio=RECORDING, masked=masked)
    assert timeline.masked == (Span(105.0, 110.0),)
    assert timeline.pieces[-1].source == "silence"


def test_the_recording_alone_has_its_masks() -> None:
    """Without a call, its own sound plays from 0 to its end; without a track, silence does."""
    timeline = own_sound(30.0, has_audio=True, masked=(Span(8.0, 12.0), Span(29.0, 40.0)))
    assert outline(timeline) == [
        ("recording", 0.0, 8.0),
        ("silence", 8.0, 12.0),
        ("recording", 12.0, 29.0),
        ("silence", 29.0, 30.0),
    ]
    assert timeline.pieces[2].source_s(20.0) == 20.0
    assert outline(own_sound(30.0, has_audio=False)) == [("silence", 0.0, 30.0)]


masks = st.lists(
    st.tuples(st.floats(0, 200), st.floats(0.001, 30)).map(lambda pair: Span(pair[0], sum(pair))), max_size=4
)


@given(mapped_calls(), st.one_of(st.none(), st.floats(0.1, 200)), masks, st.sampled_from(OUTSIDE_CALL))
def test_no_sample_of_a_source_plays_in_a_mask(
    mapped: tuple[Alignment, float], recording_s: float | None, masked: list[Span], outside_call: OutsideCall
) -> None:
    """For any alignment, pieces with their fades are outside of the masks, still cover the output, and play on time."""
    alignment, call_s = mapped
    own = None if recording_s is None else Span(0.0, recording_s)
    whole = splice(alignment, call_s=call_s, recording_audio=own, outside_call=outside_call)
    timeline = splice(alignment, call_s=call_s, recording_audio=own, outside_call=outside_call, masked=masked)
    assert timeline.pieces[0].output.start_s <= SHORTEST_S
    assert timeline.pieces[-1].output.end_s == pytest.approx(whole.output_end_s)
    for before, after in pairwise(timeline.pieces):
        assert abs(before.output.end_s - after.output.start_s) <= SHORTEST_S
        assert before.fade_out == after.fade_in
        assert not (before.source == after.source == "silence")
    for piece in timeline.pieces:
        if piece.source == "silence":
            continue
        played = Span(piece.fade_in.start_s, piece.fade_out.end_s)
        assert all(played.overlap_s(mask) <= 1e-9 for mask in timeline.masked)
        middle_s = (piece.output.start_s + piece.output.end_s) / 2
        (same,) = [p for p in whole.pieces if p.output.start_s <= middle_s < p.output.end_s]
        assert same.source == piece.source
        assert piece.source_s(middle_s) == pytest.approx(same.source_s(middle_s), abs=1e-6)
        assert not piece.continues or same.continues
