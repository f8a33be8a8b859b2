"""Waveforms of tracks, over minutes and within milliseconds."""

from __future__ import annotations

import numpy as np
import pytest
from figures import drawn
from plot_cases import RATE, speech

from komorebi_qc.core.timebase import Span
from komorebi_qc.desk.plots.figure import new_figure
from komorebi_qc.desk.plots.tracks import name_marks, padded_stretch, plot_seam, plot_tracks


def test_a_seam_is_drawn_sample_by_sample() -> None:
    """A click is in the plot at its millisecond."""
    track = np.zeros(3 * RATE, np.int16)
    track[2 * RATE + 80] = 20_000
    _, (ax,) = new_figure(8, 3)
    plot_seam(ax, [("output", track)], at_s=2.0)
    (line,) = drawn(ax, "output")
    x, y = (np.asarray(part, float) for part in line.get_data())
    assert x[int(y.argmax())] == pytest.approx(10.0, abs=1e-6)


def test_a_seam_at_the_very_start_has_silence_before_it() -> None:
    """Samples before the track are zeros."""
    _, (ax,) = new_figure(8, 3)
    plot_seam(ax, [("output", speech(1.0))], at_s=0.0)
    (line,) = drawn(ax, "output")
    x, y = (np.asarray(part, float) for part in line.get_data())
    assert not y[x < 0].any()


def test_an_empty_track_is_a_flat_line() -> None:
    """A track without samples is drawn with its name and the least level."""
    _, (ax,) = new_figure(8, 3)
    plot_tracks(ax, [("output", np.zeros(0, np.int16))], marks=[(5.0, "seam")])
    assert [label.get_text() for label in ax.get_yticklabels()] == ["output\n\N{MINUS SIGN}100.0 dBFS"]
    assert not drawn(ax, "seam")  # beyond the end


def test_a_stretch_is_padded_with_silence() -> None:
    """Both ends are filled with zeros, and samples keep their place."""
    samples = np.full(4, 16_384, np.int16)
    assert padded_stretch(samples, -2, 6).tolist() == [0, 0, 0.5, 0.5, 0.5, 0.5, 0, 0]
    assert padded_stretch(samples, 10, 12).tolist() == [0, 0]


def test_only_visible_marks_have_a_label() -> None:
    """A label far outside would leave no room for the axes."""
    _, (ax,) = new_figure(8, 3)
    plot_tracks(ax, [("output", speech(4.0))], from_s=0.0, to_s=4.0)
    name_marks(ax, [(2.0, "call end"), (41.9, "reported")])
    assert [text.get_text().strip() for text in ax.texts] == ["call end 00:02.000"]


def test_masked_time_is_named() -> None:
    """Within the drawn time only. A span too narrow for the word has the hatching alone."""
    _, (ax,) = new_figure(8, 3)
    masked = (Span(-3.0, -1.0), Span(2.0, 5.0), Span(8.0, 8.01), Span(20.0, 22.0))
    plot_tracks(ax, [("output", speech(10.0))], from_s=1.0, to_s=10.0, masked=masked)
    spans = [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in drawn(ax, "masked")]
    assert spans == [pytest.approx((2.0, 5.0)), pytest.approx((8.0, 8.01))]
    assert [text.get_text() for text in ax.texts] == ["masked"]
