"""The clocks and the call end."""

from __future__ import annotations

import contextlib
import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.timebase import Alignment, Jump, Span, clock_text, merged, parse_call_end

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
