"""A person's diagnosis, and the masks in its plot."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from captures import CAPTURES
from desk import wrong_call
from figures import drawn, texts
from suspended import suspended_call

from komorebi_qc.desk.plots import figure
from komorebi_qc.jobs.diagnosing import diagnose_selection
from komorebi_qc.jobs.selection import Selection

if TYPE_CHECKING:
    from pathlib import Path

SAMPLE = CAPTURES["sample"]
FROM_S, TO_S = 8.0, 12.0


@pytest.fixture
def waveforms(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Diagnoses the sample's recording with a call, and returns the plot's waveforms."""
    saved: list[Any] = []
    monkeypatch.setattr(figure, "save_png", lambda drawing, *_: saved.append(drawing))

    def plotted(call: bytes, **environ: str) -> Any:
        (tmp_path / "call.wav").write_bytes(suspended_call(call, (FROM_S, TO_S)))
        selection = Selection("", tmp_path / "call.wav", SAMPLE.recording, SAMPLE.call_end)
        diagnose_selection(selection, environ, plot=tmp_path / "plot.png")
        return saved.pop().axes[0]

    return plotted


def test_the_recording_of_a_wrong_pair_is_not_shown(waveforms: Any, tmp_path: Path) -> None:
    """A suspended span of the call may be anywhere in it. Without masks it is shown."""
    wrong = wrong_call(tmp_path).read_bytes()
    ax = waveforms(wrong)
    assert drawn(ax, "recording") == []
    assert drawn(ax, "customer")
    assert "its place in the recording isn't known" in texts(ax)
    assert drawn(waveforms(wrong, KOMOREBI_MASK="none"), "recording")


def test_the_masks_of_a_pair_are_drawn(waveforms: Any) -> None:
    """If the call is placed, the recording is shown around the mask."""
    ax = waveforms(SAMPLE.call.read_bytes())
    (mask,) = drawn(ax, "masked")
    from_s, _, to_s, _ = mask.get_bbox().extents
    assert (from_s, to_s) == pytest.approx((FROM_S - 0.5 + SAMPLE.offset_s, TO_S + 0.5 + SAMPLE.offset_s), abs=0.02)
    assert drawn(ax, "recording")
