"""The waveforms of call and recording on the recording clock."""

from __future__ import annotations

import numpy as np
import pytest
from figures import drawn, empty_axes, envelope_points, line_positions, texts
from sync_results import placed, sync_result, tracks

from komorebi_qc.core.timebase import Span
from komorebi_qc.desk.plots.diagnosis.waveforms import plot_waveforms


def test_markers_are_at_the_alignments_times() -> None:
    """Start, both ends, the jump and its range are on the recording clock."""
    call, recording = tracks()
    ax = empty_axes()
    assert plot_waveforms(ax, call, recording, sync_result(), placed(sync_result()), reported_call_end_s=62.0) is ax
    assert line_positions(ax, "call start") == [2.0]
    assert line_positions(ax, "measured end") == pytest.approx([62.35])
    assert line_positions(ax, "reported end") == [62.0]
    assert line_positions(ax, "jump") == pytest.approx([32.35])
    (bracket,) = [patch for patch in ax.patches if patch.get_gid() == "bracket"]
    assert bracket.get_window_extent().x0 == pytest.approx(ax.transData.transform((31.0, 0))[0])
    assert bracket.get_window_extent().x1 == pytest.approx(ax.transData.transform((33.35, 0))[0])
    written = texts(ax)
    for label in ("call start 00:02.000", "reported end 01:02", "end 01:02.350", "jump +350 ms"):
        assert label in written
    assert ax.get_xlabel() == "Recording clock (mm:ss)"
    assert [label.get_text().split("\n")[0] for label in ax.get_yticklabels()] == ["Customer", "Agent", "Recording"]


def test_a_click_is_drawn_at_its_time() -> None:
    """One sample among millions is the envelope's extreme, and moves with its piece."""
    call, recording = tracks()
    call[40 * 8000, 1] = -32768
    recording[70 * 8000] = 32767
    ax = empty_axes()
    plot_waveforms(ax, call, recording, sync_result(), placed(sync_result()))
    agent, own = envelope_points(ax, "agent"), envelope_points(ax, "recording")
    assert agent[agent[:, 1].argmin()] == pytest.approx([42.35, 1 - 0.46], abs=0.08)
    assert own[own[:, 1].argmax()] == pytest.approx([70.0, 0.46], abs=0.08)
    assert "0.0 dBFS" in ax.get_yticklabels()[1].get_text()


def test_the_call_has_a_gap_at_a_jump() -> None:
    """The recording's time during a forward jump has no audio of the call."""
    call, recording = tracks()
    ax = empty_axes()
    plot_waveforms(ax, call, recording, sync_result(), placed(sync_result()))
    x = envelope_points(ax, "customer")[:, 0]
    assert not np.any((x > 32.1) & (x < 32.25))
    assert x.min() == pytest.approx(2.0, abs=0.1)
    assert x.max() == pytest.approx(62.35, abs=0.1)


def test_without_an_alignment_the_reported_end_places_the_call() -> None:
    """The call ends at the reported end, and the plot states this."""
    call, recording = tracks()
    ax = empty_axes()
    result = sync_result("wrong_pair")
    plot_waveforms(ax, call, recording, result, placed(result, 65.0), reported_call_end_s=65.0)
    assert line_positions(ax, "reported start") == [5.0]
    assert line_positions(ax, "reported end") == [65.0]
    assert not line_positions(ax, "jump")
    assert not line_positions(ax, "measured")
    assert "placed by the reported call end, because it belongs to another recording" in texts(ax)


def test_a_recording_that_may_not_be_shown_has_no_waveform() -> None:
    """The reason is there instead, and the level isn't given; the call is drawn as ever."""
    call, recording = tracks()
    ax = empty_axes()
    plot_waveforms(ax, call, recording, sync_result(), placed(sync_result()), hidden="Not shown: because")
    assert drawn(ax, "recording") == drawn(ax, "recording rms") == []
    assert drawn(ax, "customer")
    assert "Not shown: because" in texts(ax)
    assert ax.get_yticklabels()[2].get_text() == "Recording\nbrowser\nnot shown"


def test_masks_of_the_recording_are_drawn() -> None:
    """On its row, at their times."""
    call, recording = tracks()
    ax = empty_axes()
    plot_waveforms(ax, call, recording, sync_result(), placed(sync_result()), masked=(Span(20.0, 40.0),))
    (mask,) = drawn(ax, "masked")
    assert mask.get_bbox().extents == pytest.approx((20.0, -0.46, 40.0, 0.46))
    assert "masked" in texts(ax)
