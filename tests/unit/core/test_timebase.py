"""The clocks and the call end."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import math

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.timebase import Alignment, Jump, Knot, Span, clock_text, merged, parse_call_end

seconds = st.floats(-1e4, 1e4)


@pytest.mark.parametrize(
    ("text", "recording_s", "resolution_s"),
    [
        ("00:01:30", 90.0, 1.0),
        ("01:30", 90.0, 1.0),
        ("90", 90.0, 1.0),
        (" 1:02:03.5 ", 3723.5, 0.1),
        ("62:03.250", 3723.25, 0.001),
        ("3723,5", 3723.5, 0.1),
        ("0", 0.0, 1.0),
        ("100:00", 6000.0, 1.0),
    ],
)
def test_call_end_is_read_in_each_form(text: str, recording_s: float, resolution_s: float) -> None:
    """Hours and minutes are optional, and a fraction sets the resolution."""
    end = parse_call_end(text)
    assert end.recording_s == pytest.approx(recording_s)
    assert end.resolution_s == pytest.approx(resolution_s)


@pytest.mark.parametrize(
    "text",
    ["", "soon", "1:2:3:4", "00:61:00", "00:00:60", "1:75", "1e3", "nan", "١٢", "12:", ":12", "1.2.3", "9" * 500],
)
def test_no_time_is_answered_with_the_forms(text: str) -> None:
    """A text that isn't a time raises a short sentence that names the forms."""
    with pytest.raises(InputError, match=r"HH:MM:SS|milliseconds") as caught:
        parse_call_end(text)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize("text", ["-1", "-00:00:10", "-0.5"])
def test_a_negative_call_end_is_named_as_such(text: str) -> None:
    """A negative time has its own message."""
    with pytest.raises(InputError, match="negative"):
        parse_call_end(text)


def test_milliseconds_are_suspected() -> None:
    """A call end of two days guesses the mistake."""
    with pytest.raises(InputError, match="milliseconds"):
        parse_call_end("3600000")


@given(st.integers(0, 47), st.integers(0, 59), st.integers(0, 59), st.integers(0, 999))
def test_a_written_time_is_read(hours: int, minutes: int, secs: int, ms: int) -> None:
    """Every time of the form HH:MM:SS.mmm is read as it was meant, and `clock_text` writes it back."""
    text = f"{hours:02d}:{minutes:02d}:{secs:02d}.{ms:03d}"
    end = parse_call_end(text)
    assert end.recording_s == pytest.approx(hours * 3600 + minutes * 60 + secs + ms / 1000)
    assert clock_text(end.recording_s) == text


@given(st.text())
def test_any_text_is_a_time_or_an_input_error(text: str) -> None:
    """Nothing else comes out of a call end, whatever is put in."""
    with contextlib.suppress(InputError):
        assert math.isfinite(parse_call_end(text).recording_s)


def test_alignment_adds_offset_drift_and_jumps() -> None:
    """The formula of the clocks, by hand."""
    alignment = Alignment(2.0, 100.0, (Jump(10.0, 0.35), Jump(20.0, -0.1)))
    assert alignment.to_recording(0.0) == 2.0
    assert alignment.to_recording(9.999) == pytest.approx(2.0 + 9.999 * 1.0001)
    assert alignment.to_recording(10.0) == pytest.approx(2.0 + 10.0 * 1.0001 + 0.35)
    assert alignment.to_recording(30.0) == pytest.approx(2.0 + 30.0 * 1.0001 + 0.25)


@given(seconds, st.floats(-200, 200), st.floats(0, 1e4))
def test_output_never_begins_before_zero(offset_s: float, drift_ppm: float, call_s: float) -> None:
    """For any offset, the call's first sample is at or after the output's zero, with the smallest shift."""
    alignment = Alignment(offset_s, drift_ppm)
    assert alignment.to_output(0.0) >= 0.0
    assert alignment.output_shift_s == max(0.0, -offset_s)
    assert alignment.to_output(call_s) >= alignment.to_output(0.0)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_alignment_refuses_what_is_no_number(bad: float) -> None:
    """NaN and infinity never enter an alignment."""
    with pytest.raises(InputError):
        Alignment(bad)
    with pytest.raises(InputError):
        Alignment(0.0, bad)


def test_alignment_guesses_a_wrong_unit() -> None:
    """An offset of days and a drift of percents are reported as mistakes of the unit."""
    with pytest.raises(InputError, match="milliseconds"):
        Alignment(250_000.0)
    with pytest.raises(InputError, match="unit"):
        Alignment(0.0, 80_000.0)
    with pytest.raises(InputError, match="order"):
        Alignment(0.0, 0.0, (Jump(2.0, 0.1), Jump(1.0, 0.1)))
    with pytest.raises(InputError, match="order"):
        Alignment(0.0, 0.0, (), (Knot(2.0, 0.001), Knot(1.0, 0.001)))


CALL_S = 300.0
quick = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
jump_sizes = st.floats(0.001, 4.0) | st.floats(-4.0, -0.001)
moments = st.floats(0.0, CALL_S)


@st.composite
def alignments(draw: st.DrawFn, sizes: st.SearchStrategy[float] = jump_sizes, most_knots: int = 5) -> Alignment:
    """Any map of a call of five minutes: jumps and knots at, before and after its ends included."""
    times = st.integers(-4, 604).map(lambda half_s: half_s / 2)
    jumps = draw(st.lists(st.builds(Jump, times, sizes), max_size=4, unique_by=lambda j: j.call_s))
    knots = draw(
        st.lists(st.builds(Knot, times, st.floats(-0.005, 0.005)), max_size=most_knots, unique_by=lambda k: k.call_s)
    )
    return Alignment(
        draw(st.floats(-100.0, 100.0)),
        draw(st.floats(-200.0, 200.0)),
        tuple(sorted(jumps, key=lambda j: j.call_s)),
        tuple(sorted(knots, key=lambda k: k.call_s)),
    )


def is_beside_a_jump(alignment: Alignment, call_s: float) -> bool:
    """Whether rounding may put the moment on the other side of a jump."""
    return any(abs(j.call_s - call_s) < 1e-6 for j in alignment.jumps)


def test_a_knot_bends_the_map() -> None:
    """The deviation is straight between two knots, and it stays as it is before the first and after the last one."""
    alignment = Alignment(2.0, 100.0, (), (Knot(10.0, 0.002), Knot(20.0, -0.004)))
    deviations = {0.0: 0.002, 10.0: 0.002, 15.0: -0.001, 20.0: -0.004, 30.0: -0.004}
    for call_s, deviation_s in deviations.items():
        assert alignment.to_recording(call_s) == pytest.approx(2.0 + call_s * 1.0001 + deviation_s, abs=1e-12)


@quick
@given(alignments(most_knots=0), st.floats(-10.0, 2 * CALL_S))
def test_without_knots_the_map_is_the_plain_formula(alignment: Alignment, call_s: float) -> None:
    """Offset, drift and the jumps so far; a knot without a deviation changes nothing."""
    jumps_s = sum(j.size_s for j in alignment.jumps if j.call_s <= call_s)
    expected = alignment.offset_s + call_s * (1 + alignment.drift_ppm * 1e-6) + jumps_s
    straight = dataclasses.replace(alignment, knots=(Knot(0.0, 0.0), Knot(CALL_S, 0.0)))
    assert alignment.to_recording(call_s) == expected == straight.to_recording(call_s)


@quick
@given(alignments())
def test_segments_cover_the_call(alignment: Alignment) -> None:
    """In order, without a gap, each longer than zero; only a jump interrupts the map between two of them."""
    segments = alignment.segments(CALL_S)
    assert (segments[0].call.start_s, segments[-1].call.end_s) == (0.0, CALL_S)
    assert all(s.call.length_s > 0.0 and s.rate > 0.0 for s in segments)
    assert not segments[0].continues
    jumps_s = {j.call_s for j in alignment.jumps}
    for before, after in itertools.pairwise(segments):
        assert before.call.end_s == after.call.start_s
        assert after.continues is (after.call.start_s not in jumps_s)
        if after.continues:
            assert before.to_recording(after.call.start_s) == pytest.approx(after.recording_s, abs=1e-9)


@quick
@given(alignments(), moments)
def test_a_segment_is_the_map(alignment: Alignment, call_s: float) -> None:
    """Inside of a segment both give the same recording time."""
    for segment in alignment.segments(CALL_S):
        if segment.call.start_s <= call_s < segment.call.end_s:
            assert segment.to_recording(call_s) == pytest.approx(alignment.to_recording(call_s), abs=1e-9)


@quick
@given(alignments(), moments)
def test_the_points_are_the_map(alignment: Alignment, call_s: float) -> None:
    """Straight between two points; a call time comes twice at a jump, and nowhere else."""
    points = alignment.points(CALL_S)
    times = [t for t, _ in points]
    assert (times[0], times[-1]) == (0.0, CALL_S)
    assert times == sorted(times)
    twice = [t for t, later in itertools.pairwise(times) if t == later]
    assert twice == sorted({j.call_s for j in alignment.jumps if 0.0 < j.call_s < CALL_S})
    for (from_s, at_s), (to_s, until_s) in itertools.pairwise(points):
        if from_s <= call_s < to_s:
            share = (call_s - from_s) / (to_s - from_s)
            assert at_s + share * (until_s - at_s) == pytest.approx(alignment.to_recording(call_s), abs=1e-9)


@quick
@given(alignments(sizes=st.floats(0.001, 4.0)), moments)
def test_the_inverse_leads_back(alignment: Alignment, call_s: float) -> None:
    """If no time was lost, each recording time of the call belongs to one moment of it."""
    if not is_beside_a_jump(alignment, call_s):
        assert alignment.to_call(alignment.to_recording(call_s), CALL_S) == pytest.approx(call_s, abs=1e-6)


@quick
@given(alignments(), moments)
def test_the_inverse_of_a_folded_map_is_a_moment_of_that_time(alignment: Alignment, call_s: float) -> None:
    """If time was lost, two moments share a recording time. The inverse gives one of them, and not the earlier."""
    recording_s = alignment.to_recording(call_s)
    found_s = alignment.to_call(recording_s, CALL_S)
    if not is_beside_a_jump(alignment, call_s) and not is_beside_a_jump(alignment, found_s):
        assert alignment.to_recording(found_s) == pytest.approx(recording_s, abs=1e-6)
        assert found_s >= call_s - 1e-6


@quick
@given(alignments(), st.floats(-500.0, 1000.0))
def test_any_recording_time_has_a_moment(alignment: Alignment, recording_s: float) -> None:
    """Before the call it is negative, after the call it is past the end; it is finite everywhere."""
    found_s = alignment.to_call(recording_s, CALL_S)
    assert math.isfinite(found_s)
    if recording_s < min(at_s for _, at_s in alignment.points(CALL_S)) - 1e-6:
        assert found_s < 0.0
    if recording_s > max(at_s for _, at_s in alignment.points(CALL_S)) + 1e-6:
        assert found_s > CALL_S


def test_the_inverse_at_a_jump() -> None:
    """Time that a jump inserted belongs to the moment of the jump; time that was lost, to the later moment."""
    inserted = Alignment(1.0, 0.0, (Jump(10.0, 3.0),))
    assert [inserted.to_call(t, 60.0) for t in (10.5, 11.0, 12.5, 14.0, 15.0)] == [9.5, 10.0, 10.0, 10.0, 11.0]
    lost = Alignment(1.0, 0.0, (Jump(10.0, -3.0),))
    assert [lost.to_call(t, 60.0) for t in (7.5, 8.0, 9.0, 12.0)] == [6.5, 10.0, 11.0, 14.0]


@pytest.mark.parametrize(
    ("part", "end_s", "shift_s"),
    [
        (None, 58.0, 2.0),
        (Span(0.0, 40.0), 38.0, 2.0),
        (Span(1.5, 60.0), 58.0, 0.5),
        (Span(20.0, 40.0), 38.0, 0.0),
        (Span(20.0, 90.0), 58.0, 0.0),
    ],
)
def test_the_agents_part_bounds_the_call(part: Span | None, end_s: float, shift_s: float) -> None:
    """It ends with the part or with the call, and the output begins no earlier than the part needs."""
    alignment = Alignment(-2.0, part=part)
    assert alignment.end_s(60.0) == end_s
    assert alignment.output_shift_s == shift_s


def test_spans_run_forwards() -> None:
    """A span that would run backwards can't be made."""
    with pytest.raises(ValueError, match="forwards"):
        Span(2.0, 1.0)


@given(st.lists(st.floats(0, 100), min_size=4, max_size=4))
def test_overlap_is_symmetric_and_bounded(numbers: list[float]) -> None:
    """Two spans overlap by as much from either side, and by no more than the shorter one holds."""
    one, other = Span(*sorted(numbers[:2])), Span(*sorted(numbers[2:]))
    assert one.overlap_s(other) == other.overlap_s(one)
    assert 0.0 <= one.overlap_s(other) <= min(one.length_s, other.length_s)


whole_spans = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda pair: Span(pair[0], pair[0] + pair[1])), max_size=12
)


@given(whole_spans, st.integers(0, 5))
def test_merged_spans_hold_what_the_spans_held(spans: list[Span], within_s: int) -> None:
    """In order, further apart than `within_s`, and with no gap inside that is longer."""
    out = merged(spans, within_s)
    assert all(later.start_s - earlier.end_s > within_s for earlier, later in itertools.pairwise(out))
    for span in spans:
        assert sum(one.start_s <= span.start_s and span.end_s <= one.end_s for one in out) == 1
    for one in out:
        reached_s = one.start_s
        for span in sorted((s for s in spans if one.start_s <= s.start_s <= one.end_s), key=lambda s: s.start_s):
            assert span.start_s <= reached_s + within_s
            reached_s = max(reached_s, span.end_s)
        assert reached_s == one.end_s
        assert any(span.start_s == one.start_s for span in spans)


@given(whole_spans, st.integers(0, 5))
def test_merging_again_changes_nothing(spans: list[Span], within_s: int) -> None:
    """Nor does the order in which they come."""
    out = merged(spans, within_s)
    assert merged(out, within_s) == out == merged(iter(spans[::-1]), within_s)


def test_spans_that_touch_become_one() -> None:
    """The end of one is the start of the next; by default a gap of any size keeps them apart."""
    assert merged([Span(2, 3), Span(1, 2), Span(3.001, 4)]) == [Span(1, 3), Span(3.001, 4)]
    assert merged([Span(2, 3), Span(0, 9), Span(9.5, 10)], 0.5) == [Span(0, 10)]
    assert merged([]) == []


@pytest.mark.parametrize(("length", "shown"), [(40, "x" * 40), (41, "x" * 40 + "...")])
def test_a_long_text_is_cut_in_the_message(length: int, shown: str) -> None:
    """Up to 40 characters of a wrong call end are quoted."""
    with pytest.raises(InputError) as caught:
        parse_call_end("x" * length)
    assert f"'{shown}'" in str(caught.value)
