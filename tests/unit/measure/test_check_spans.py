"""The spans that the result check decodes."""

from __future__ import annotations

import pytest

from komorebi_qc.core.samples import RATE
from komorebi_qc.core.splice import Splice, splice
from komorebi_qc.core.timebase import Alignment, Jump, Knot, Span
from komorebi_qc.measure.check_spans import CHECKED_SOURCES, capture_spans, check_spans, followed_windows
from komorebi_qc.measure.residual_lag import BLOCK, WIDTH, plays
from komorebi_qc.measure.seam import SIDE_S

SPLICES = {
    "whole": splice(Alignment(6.0), call_s=600.0, recording_audio=Span(0.0, 640.0)),
    "early": splice(Alignment(-5.0), call_s=60.0, recording_audio=Span(0.0, 90.0)),
    "jumps": splice(
        Alignment(6.0, 200.0, (Jump(8.0, 0.35), Jump(14.0, -0.1))), call_s=20.0, recording_audio=Span(0.0, 34.0)
    ),
    "short": splice(Alignment(4.0), call_s=0.8, recording_audio=Span(0.0, 12.0)),
    "mute": splice(Alignment(1.0), call_s=5.0, recording_audio=None),
}


@pytest.fixture(params=sorted(SPLICES))
def planned(request: pytest.FixtureRequest) -> Splice:
    """Each of the splices in turn."""
    return SPLICES[request.param]


def test_candidates_are_blocks_that_play(planned: Splice) -> None:
    """Each candidate is one block, and a piece of its source plays its middle."""
    spans = check_spans(planned)
    for name, own, count in zip(CHECKED_SOURCES, (spans.call, spans.recording), spans.candidates, strict=True):
        pieces = [p for p in planned.pieces if p.source == name]
        for span in own[:count]:
            assert span.length_s == pytest.approx(BLOCK / RATE)
            assert any(plays(p, (span.start_s + span.end_s) / 2) for p in pieces)


def test_each_seam_has_its_two_sides(planned: Splice) -> None:
    """The sides are found in their sources' spans; each reaches 4 s away from the seam and a little past it."""
    spans = check_spans(planned)
    sources = {"call": spans.call, "recording": spans.recording}
    assert len(spans.seams) == len(spans.sides) == len(planned.pieces) - 1
    for (before, after), sides, seam in zip(
        zip(planned.pieces, planned.pieces[1:], strict=False), spans.sides, spans.seams, strict=True
    ):
        seam_s = after.output.start_s
        assert (seam.start_s, seam.end_s) == pytest.approx((seam_s - SIDE_S - 0.3, seam_s + SIDE_S + 0.3))
        for piece, side, start_s in ((before, sides[0], seam_s - SIDE_S), (after, sides[1], seam_s - 0.3)):
            if piece.source in sources:
                span = sources[piece.source][side]
                assert span.start_s == pytest.approx(piece.source_s(start_s))
                assert piece.output_s(span.end_s) - piece.output_s(span.start_s) == pytest.approx(SIDE_S + 0.3)


def test_candidates_spread_over_the_source() -> None:
    """60 of a long call, 24 of the recording's own audio, from end to end."""
    spans = check_spans(SPLICES["whole"])
    assert spans.candidates[0] == 60
    assert spans.candidates[1] == pytest.approx(24, abs=1)
    starts = [span.start_s for span in spans.call[:60]]
    assert starts == sorted(starts)
    assert starts[0] < 1.0
    assert starts[-1] > 595.0


def test_the_capture_covers_every_window_and_seam(planned: Splice) -> None:
    """The output around each candidate and each seam, and all spans of the recording's own audio."""
    spans, capture = check_spans(planned), capture_spans(planned)
    assert capture.recording == spans.recording
    assert capture.output[-len(spans.seams) :] == spans.seams or not spans.seams
    for name, own, count in zip(CHECKED_SOURCES, (spans.call, spans.recording), spans.candidates, strict=True):
        for span in own[:count]:
            middle_s = (span.start_s + span.end_s) / 2
            piece = next(p for p in planned.pieces if p.source == name and plays(p, middle_s))
            at_s, reach_s = piece.output_s(middle_s), BLOCK / RATE / 2
            assert any(c.start_s <= at_s - reach_s and c.end_s >= at_s + reach_s for c in capture.output)


def test_followed_windows_are_captured_and_away_from_seams(planned: Splice) -> None:
    """A window of the call is a quarter of a second away from every seam, at its place, and the capture has it."""
    capture, reach_s = capture_spans(planned), WIDTH / RATE / 2
    windows = followed_windows(planned)
    assert windows or planned is SPLICES["short"]
    for output_s, call_s in windows:
        (piece,) = [p for p in planned.pieces if p.source == "call" and plays(p, call_s)]
        assert output_s == piece.output_s(call_s)
        assert all(abs(output_s - seam_s) >= reach_s + 0.25 for seam_s in planned.seams_s)
        assert any(c.start_s <= output_s - reach_s and c.end_s >= output_s + reach_s for c in capture.output)


def test_a_window_may_be_across_a_knot_and_not_outside_of_the_part() -> None:
    """A bent call is followed at its knots, and only in the agent's part."""
    bent = Alignment(2.0, 0.0, (), tuple(Knot(5.0 * k, 0.0001 * (k % 2)) for k in range(13)), Span(10.0, 50.0))
    windows = followed_windows(splice(bent, call_s=60.0, recording_audio=Span(0.0, 90.0)))
    assert len(windows) > 30
    assert min(call_s for _, call_s in windows) > 10.0 + WIDTH / RATE / 2
    assert max(call_s for _, call_s in windows) < 50.0 - WIDTH / RATE / 2
    assert any(abs(call_s - 5.0 * k) < WIDTH / RATE for _, call_s in windows for k in range(3, 10))
