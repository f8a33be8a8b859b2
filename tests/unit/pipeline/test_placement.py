"""Which alignment a call gets."""

from __future__ import annotations

import pytest
from made_sync import result

from komorebi_qc.core.errors import InputError, WrongPairError
from komorebi_qc.core.media_info import MediaInfo
from komorebi_qc.core.timebase import Alignment, CallEnd
from komorebi_qc.pipeline.placement import FAR_AWAY_S, place, refuse_far_away

REPORTED = CallEnd(62.0, 1.0)
CALL_S = 60.0


def test_a_measured_alignment_is_used() -> None:
    """An aligned pair is placed by its measurement."""
    placement = place(REPORTED, CALL_S, manual=None, measured=result(offset_s=2.5, drift_ppm=40.0), force=False)
    assert placement.source == "measured"
    assert (placement.alignment.offset_s, placement.alignment.drift_ppm) == (2.5, 40.0)


def test_a_manual_alignment_comes_first() -> None:
    """The caller's alignment replaces a measured one."""
    placement = place(REPORTED, CALL_S, manual=Alignment(1.0), measured=result(offset_s=2.5), force=False)
    assert (placement.source, placement.alignment.offset_s) == ("manual", 1.0)


@pytest.mark.parametrize("status", ["insufficient", "ambiguous", None])
def test_an_unmeasured_call_is_placed_by_its_reported_end(status: str | None) -> None:
    """Its last sample is at the reported call end."""
    measured = None if status is None else result(status=status)
    placement = place(REPORTED, CALL_S, manual=None, measured=measured, force=False)
    assert placement.source == "call_end"
    assert placement.alignment.to_recording(CALL_S) == REPORTED.recording_s
    assert placement.measured is measured


def test_only_force_places_a_wrong_pair() -> None:
    """Two different calls are a permanent error; forced, the reported call end places the call."""
    wrong = result(status="wrong_pair")
    remedy = (
        r"\)\. Nothing was published\. Check that both files belong to the same call, or join them anyway with --force$"
    )
    with pytest.raises(WrongPairError, match=rf"different calls .*{remedy}"):
        place(REPORTED, CALL_S, manual=None, measured=wrong, force=False)
    assert place(REPORTED, CALL_S, manual=None, measured=wrong, force=True).source == "call_end"
    with pytest.raises(WrongPairError):
        place(REPORTED, CALL_S, manual=Alignment(1.0), measured=wrong, force=False)


@pytest.mark.parametrize(
    ("offset_s", "is_refused"),
    [
        (0.0, False),
        (FAR_AWAY_S, False),
        (FAR_AWAY_S + 0.001, True),
        (-CALL_S - FAR_AWAY_S, False),
        (-CALL_S - FAR_AWAY_S - 0.001, True),
    ],
)
def test_a_call_over_an_hour_away_is_refused(offset_s: float, *, is_refused: bool) -> None:
    """A typing error in a time would otherwise cost hours of silence; the limit itself is allowed."""
    empty = MediaInfo("recording", "mp4", None, None, 0.0, 0, None)
    if is_refused:
        with pytest.raises(InputError, match="over an hour away"):
            refuse_far_away(Alignment(offset_s), CALL_S, empty)
    else:
        refuse_far_away(Alignment(offset_s), CALL_S, empty)
