"""Masks of private spans on each clock."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.core.privacy.masks import NEAR_JUMP_S, UNMASKED, Masks, PrivateSpan, masks
from komorebi_qc.core.timebase import Alignment, Jump, Knot, Span

CALL_S = 120.0


def private(*spans: tuple[float, float]) -> tuple[PrivateSpan, ...]:
    """Suspensions from and to these moments."""
    return tuple(PrivateSpan(Span(*span), "suspended") for span in spans)


def made(alignment: Alignment, *spans: tuple[float, float], margin_s: float = 0.5, bound_s: float = 0.0) -> Masks:
    """Masks of sound and picture."""
    return masks(private(*spans), alignment, call_s=CALL_S, choice="picture", margin_s=margin_s, bound_s=bound_s)


def rounded(spans: tuple[Span, ...]) -> list[tuple[float, float]]:
    """The spans to a microsecond."""
    return [(round(span.start_s, 6), round(span.end_s, 6)) for span in spans]


def test_a_span_is_masked_on_each_clock_with_its_margin() -> None:
    """The call began 2 s before the recording: the output clock is 2 s ahead of the recording clock."""
    found = made(Alignment(-2.0), (8.0, 12.0))
    assert rounded(found.call) == [(7.5, 12.5)]
    assert rounded(found.recording) == [(5.5, 10.5)]
    assert rounded(found.output) == [(7.5, 12.5)]
    assert (found.choice, found.margin_s) == ("picture", 0.5)


def test_an_unmeasured_place_makes_masks_longer() -> None:
    """The bound counts on the recording and the output; on the call clock a span has its place."""
    found = made(Alignment(3.0), (8.0, 12.0), bound_s=1.3)
    assert rounded(found.call) == [(7.5, 12.5)]
    assert rounded(found.recording) == rounded(found.output) == [(9.2, 16.8)]


def test_a_voice_that_is_late_makes_masks_longer() -> None:
    """The recording has the last words of the customer 0.7 s after the span; the call itself has them inside."""
    found = masks(private((8.0, 12.0)), Alignment(3.0), call_s=CALL_S, choice="picture", delays_s=(-0.1, 0.7))
    assert rounded(found.call) == [(7.5, 12.5)]
    assert rounded(found.recording) == rounded(found.output) == [(10.4, 16.2)]


def test_a_margin_ends_at_the_calls_ends() -> None:
    """The call clock has no moments outside of the call; the recording goes on there."""
    found = made(Alignment(5.0), (0.2, 3.0), (117.0, CALL_S))
    assert rounded(found.call) == [(0.0, 3.5), (116.5, 120.0)]
    assert rounded(found.recording) == [(4.7, 8.5), (121.5, 125.5)]


def test_a_span_before_the_output_has_no_mask_there() -> None:
    """The agent came at 60 s of the call, and the output begins there: an earlier span is in no file."""
    late = Alignment(-60.0, part=Span(60.0, CALL_S))
    assert late.output_shift_s == 0.0
    found = made(late, (8.0, 12.0), (58.0, 63.0))
    assert rounded(found.call) == [(7.5, 12.5), (57.5, 63.5)]
    assert rounded(found.recording) == rounded(found.output) == [(0.0, 3.5)]


def test_spans_that_touch_are_one_mask() -> None:
    """Two suspensions 0.8 s apart have one mask, and the order doesn't matter."""
    found = made(Alignment(1.0), (20.8, 24.0), (8.0, 12.0), (18.0, 20.0))
    assert rounded(found.output) == [(8.5, 13.5), (18.5, 25.5)]


def test_time_that_a_jump_inserted_is_masked() -> None:
    """The recording's clock jumped by 3 s within the span: those 3 s are part of it."""
    found = made(Alignment(0.0, 0.0, (Jump(10.0, 3.0),)), (8.0, 12.0))
    assert rounded(found.recording) == [(7.5, 15.5)]


def test_a_jump_beside_a_span_may_be_inside_of_it() -> None:
    """Both sides are silent in the span, so a jump found 2 s after it may be anywhere in it; one far away isn't."""
    assert rounded(made(Alignment(0.0, 0.0, (Jump(14.0, 0.4),)), (8.0, 12.0)).recording) == [(7.5, 12.9)]
    assert rounded(made(Alignment(0.0, 0.0, (Jump(14.0, -0.4),)), (8.0, 12.0)).recording) == [(7.1, 12.5)]
    far_s = 12.0 + NEAR_JUMP_S + 0.1
    assert rounded(made(Alignment(0.0, 0.0, (Jump(far_s, 0.4),)), (8.0, 12.0)).recording) == [(7.5, 12.5)]


@pytest.mark.parametrize(("found_s", "size_s"), [(35.0, 3.0), (35.0, -3.0), (2.0, 3.0), (2.0, -3.0)])
def test_a_jump_in_a_long_pause_may_be_in_a_span_far_from_it(found_s: float, size_s: float) -> None:
    """Nobody speaks from 1 s to 36 s, so a jump that was found anywhere in that pause may be inside of the span."""
    jump = Jump(found_s, size_s)
    alignment = Alignment(10.0, 0.0, (jump,))
    call = private((16.0, 20.0))
    found = masks(call, alignment, call_s=CALL_S, choice="picture", margin_s=0.0, between={jump: Span(1.0, 36.0)})
    for real_s in (2.0, 16.5, 18.0, 20.0, 35.0):
        moved = Alignment(10.0, 0.0, (Jump(real_s, size_s),))
        for moment_s in (16.0, 17.9, 18.1, 20.0):
            if not real_s + size_s <= moment_s < real_s:
                assert holds(found.recording, moved.to_recording(moment_s)), (real_s, moment_s)


def test_a_paused_recorder_costs_no_conversation() -> None:
    """The recording lost 60 s around the span: only its moments after the pause are in the recording."""
    found = made(Alignment(0.0, 0.0, (Jump(90.0, -60.0),)), (88.0, 95.0))
    assert rounded(found.recording) == [(27.5, 35.5)]


def test_the_picture_keeps_its_time_if_a_jump_is_of_the_sound_alone() -> None:
    """A busy browser records the sound 2 s late and then loses 0.5 s. The picture may be at any time in between."""
    jumps = (Jump(20.0, 2.0), Jump(40.0, -0.5), Jump(90.0, 1.0))
    found = made(Alignment(10.0, 0.0, jumps), (60.0, 64.0))
    assert rounded(found.recording) == rounded(found.output) == [(71.0, 76.0)]
    assert rounded(found.of_picture) == [(69.0, 76.5)]
    assert found.masks_picture


def test_a_paused_recorder_stops_the_picture_as_well() -> None:
    """A jump of minutes is of both, so the picture is masked as long as the sound."""
    found = made(Alignment(0.0, 0.0, (Jump(30.0, -90.0),)), (60.0, 64.0), (100.0, 104.0))
    assert rounded(found.of_picture) == rounded(found.recording) == [(9.5, 14.5)]
    assert found.picture == ()


def test_nothing_private_is_no_mask() -> None:
    """The choice stays, and masks nothing."""
    found = made(Alignment(1.0))
    assert (found.call, found.recording, found.output) == ((), (), ())
    assert not found.masks_sound
    assert not found.masks_picture
    assert not UNMASKED.masks_sound


@pytest.mark.parametrize(
    ("choice", "sound", "picture"), [("none", False, False), ("sound", True, False), ("picture", True, True)]
)
def test_the_choice_says_what_is_masked(choice: str, sound: bool, picture: bool) -> None:  # noqa: FBT001
    """The picture is never masked without the sound."""
    found = masks(private((8.0, 12.0)), Alignment(1.0), call_s=CALL_S, choice=choice)  # type: ignore[arg-type]
    assert (found.masks_sound, found.masks_picture) == (sound, picture)


@st.composite
def mapped(draw: st.DrawFn) -> Alignment:
    """An alignment with up to three jumps and four knots, and perhaps the agent's part."""
    jumps = draw(st.lists(st.builds(Jump, st.floats(1, 119), st.floats(-5, 5)), max_size=3))
    steps = draw(st.lists(st.floats(3, 30), max_size=4))
    knots = tuple(Knot(sum(steps[: i + 1]), draw(st.floats(-0.02, 0.02))) for i in range(len(steps)))
    from_s = draw(st.floats(0, 60))
    part = draw(st.sampled_from([None, Span(from_s, from_s + 50.0), Span(from_s, CALL_S)]))
    ordered = tuple(sorted(jumps, key=lambda jump: jump.call_s))
    return Alignment(draw(st.floats(-150, 60)), draw(st.floats(-100, 100)), ordered, knots, part)


spans = st.lists(
    st.tuples(st.floats(0, 115), st.floats(0.1, 20)).map(lambda pair: (pair[0], min(CALL_S, sum(pair)))),
    min_size=1,
    max_size=4,
)


def holds(masked: tuple[Span, ...], at_s: float) -> bool:
    """Whether a moment is in one of the masks."""
    return any(span.start_s - 1e-9 <= at_s <= span.end_s + 1e-9 for span in masked)


@given(mapped(), spans, st.lists(st.floats(0, 1), min_size=1, max_size=6), st.floats(0, 2))
def test_every_moment_of_a_private_span_is_masked(
    alignment: Alignment, found: list[tuple[float, float]], shares: list[float], bound_s: float
) -> None:
    """On each clock, wherever the call is: only what the output or the recording lacks isn't masked there."""
    made_of = made(alignment, *found, margin_s=0.0, bound_s=bound_s)
    for from_s, to_s in found:
        for moment_s in (from_s + share * (to_s - from_s) for share in shares):
            assert holds(made_of.call, moment_s)
            is_lost = any(jump.call_s + jump.size_s <= moment_s < jump.call_s for jump in alignment.jumps)
            at_s = alignment.to_recording(moment_s)
            if not is_lost:
                for off_s in (-bound_s, 0.0, bound_s):
                    if at_s + off_s + alignment.output_shift_s > 0.0:
                        assert holds(made_of.recording, at_s + off_s)
                        assert holds(made_of.output, at_s + off_s + alignment.output_shift_s)


@given(mapped(), spans, st.floats(0, 2), st.floats(0, 3))
def test_masks_are_in_order_and_apart(
    alignment: Alignment, found: list[tuple[float, float]], margin_s: float, bound_s: float
) -> None:
    """On each clock every mask has a length, no two overlap, and all begin with their clock or later."""
    made_of = made(alignment, *found, margin_s=margin_s, bound_s=bound_s)
    for masked, from_s in (
        (made_of.call, 0.0),
        (made_of.recording, -alignment.output_shift_s),
        (made_of.output, 0.0),
    ):
        assert all(span.start_s >= from_s and span.length_s > 0.0 for span in masked)
        assert all(one.end_s <= other.start_s for one, other in pairwise(masked))
    assert len(made_of.recording) == len(made_of.output)
