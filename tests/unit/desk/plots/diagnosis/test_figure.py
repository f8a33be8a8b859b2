"""The diagnosis figure as a whole."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from figures import line_positions, texts
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.image import imread
from sync_results import empty_result, sync_result, tracks

from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.desk.plots.diagnosis.figure import diagnosis_figure
from komorebi_qc.desk.plots.figure import save_png

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("status", "headline"),
    [
        ("aligned", "In sync: one jump, +350 ms, no drift"),
        ("ambiguous", "The call fits in several places"),
        ("wrong_pair", "These two files belong to different calls"),
        ("insufficient", "Too little evidence"),
    ],
)
def test_the_headline_states_the_status(status: str, headline: str) -> None:
    """Badge and sentence agree, and no text overlaps another or leaves the page."""
    call, recording = tracks()
    figure = diagnosis_figure(call, recording, sync_result(status), call_end=CallEnd(62.0, 1.0), title="pair")
    written = texts(figure)
    assert status.replace("_", " ").upper() in written
    assert headline in written
    canvas = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()  # type: ignore[no-untyped-call]
    boxes = [text.get_window_extent() for text in (*figure.texts, *figure.axes[0].texts) if text.get_text()]
    for k, box in enumerate(boxes):
        assert box.x0 >= 0
        assert box.y0 >= 0
        assert box.x1 <= 1600
        assert box.y1 <= 1000
        assert not any(box.padded(-1.5).overlaps(other.padded(-1.5)) for other in boxes[:k])


def test_other_offsets_are_marked_in_both_axes() -> None:
    """Each is a possible start above, and a level below."""
    call, recording = tracks()
    figure = diagnosis_figure(call, recording, sync_result("ambiguous"), call_end=CallEnd(62.0, 1.0), title="pair")
    waveforms, lags = figure.axes
    assert line_positions(waveforms, "or") == [10.0]
    levels = [float(np.asarray(line.get_ydata())[0]) for line in lags.lines if line.get_gid() == "alternative"]
    assert levels == pytest.approx([8.0, -8.0])
    assert "(s)" in lags.get_ylabel()


@pytest.mark.parametrize(
    ("call_s", "recording_s", "reported_s"),
    [(0.0, 0.0, None), (0.0, 5.0, 61.0), (5.0, 0.0, -5.0), (2.0, 3.0, None), (60.0, 20.0, 61.0)],
)
def test_tracks_without_a_result_are_drawn(
    tmp_path: Path, call_s: float, recording_s: float, reported_s: float | None
) -> None:
    """Empty and short tracks, and a title that the font can't write, give a figure without a warning."""
    call, recording = tracks(call_s, recording_s)
    reported = None if reported_s is None else CallEnd(reported_s, 1.0)
    title = "$x_ \u6f22\u5b57\nsecond " * 30
    figure = diagnosis_figure(call, recording, empty_result(), call_end=reported, title=title)
    save_png(figure, tmp_path / "f.png")
    assert imread(tmp_path / "f.png").shape[:2] == (1000, 1600)
    assert "No window could be measured" in texts(figure.axes[1])


def test_an_hour_is_drawn_from_bounded_shapes(tmp_path: Path) -> None:
    """No artist of an hour's figure has more than a few points for each pixel column."""
    call, recording = np.zeros((3600 * 8000, 2), np.int16), np.zeros(3700 * 8000, np.int16)
    call[::977] = 9000
    recording[::1979] = -9000
    result = sync_result(windows=20_000)
    figure = diagnosis_figure(call, recording, result, call_end=None, title="an hour")
    save_png(figure, tmp_path / "hour.png")
    for ax in figure.axes:
        for line in ax.lines:
            assert len(np.asarray(line.get_xdata())) <= 3000
        for shape in ax.collections:
            assert sum(len(np.asarray(path.vertices)) for path in shape.get_paths()) <= 3 * 1600 + 10
    assert figure.axes[0].get_xlabel() == "Recording clock (h:mm:ss)"
