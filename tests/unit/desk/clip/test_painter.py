"""The frames of a clip."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from desk import clicking, sample_session
from examinations import bent, in_parts, not_measured, suspended

from komorebi_qc.core.privacy.masks import Masks
from komorebi_qc.core.timebase import Span
from komorebi_qc.desk.clip import ClipJob
from komorebi_qc.desk.clip.painter import FramePainter, VideoFrames, mark_style, marks_of
from komorebi_qc.desk.report.timeline import RATE_DASH
from komorebi_qc.desk.report.timeline import marks_of as report_marks_of
from komorebi_qc.media.plain_picture import plain_picture

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_S = 7.25


@pytest.fixture(scope="module")
def painter() -> Iterator[FramePainter]:
    """Draws the sample from `AT_S`, with a click 1 s later."""
    found = clicking(AT_S + 1.0)
    with av.open(str(found.video)) as container:
        yield FramePainter(found, ClipJob(AT_S, 4.0), AT_S, 4.0, VideoFrames(container, AT_S, 0.0))


@pytest.mark.parametrize("t", [0.0, 0.5, 0.96])
def test_the_click_reaches_the_playhead_in_time(t: float, painter: FramePainter) -> None:
    """In each frame the click's line is as far right of the playhead as it is ahead in time, to a pixel."""
    frame = painter.frame(t).astype(int)
    track = frame[720 - 288 : 720 - 288 + 60]
    yellow = (track[:, :, 0] > 200) & (track[:, :, 1] > 140) & (track[:, :, 2] < 90)
    columns = np.flatnonzero(yellow[:, 600:].sum(axis=0) > 12) + 600
    assert columns.tolist() == [pytest.approx(640 + (1.0 - t) * 160, abs=1.01)]
    assert frame[700, 640].tolist() == [255, 94, 58]


def test_each_frame_shows_the_visible_video_frame() -> None:
    """The last video frame at or before the time, at any frame rate."""
    found = sample_session().examined
    with av.open(str(found.video)) as container:
        times = [float(frame.time or 0.0) for frame in container.decode(video=0)]
    with av.open(str(found.video)) as container:
        frames = VideoFrames(container, 3.0, 0.0)
        for at_s in np.arange(3.0, 9.0, 0.04):
            visible: Any = frames.at(float(at_s))
            assert float(visible.time) == pytest.approx(max(t for t in times if t <= at_s + 1e-4), abs=1e-4)


def test_no_frame_of_a_mask_shows_the_screen() -> None:
    """Nor one that is still on show when the mask begins: each is on show for 40 ms."""
    mask = (Span(3.05, 4.0),)
    found = replace(sample_session().examined, masks=Masks("picture", recording=mask, output=mask))
    plain = plain_picture(1280, 432)
    with av.open(str(found.video)) as container:
        painter = FramePainter(found, ClipJob(4.0, 4.0), 2.0, 4.0, VideoFrames(container, 2.0, 0.0))
        shown = {at_s: painter.frame(at_s - 2.0)[60:432, :900] for at_s in (2.96, 3.04, 3.52, 3.96, 4.0)}
    is_plain = {at_s: np.array_equal(frame, plain[60:, :900]) for at_s, frame in shown.items()}
    assert is_plain == {2.96: False, 3.04: True, 3.52: True, 3.96: True, 4.0: False}


def test_the_time_code_runs(painter: FramePainter) -> None:
    """Two frames differ in the time code's corner."""
    first = painter.frame(1.0)[:40, :300].copy()
    later = painter.frame(1.04)[:40, :300].copy()
    assert (first != later).any()
    assert first.max() > 200


def test_a_place_without_measurement_is_named(painter: FramePainter) -> None:
    """The frame states it under the time code; a measured place has no such text."""
    found = not_measured("call_end")
    with av.open(str(found.video)) as container:
        other = FramePainter(found, ClipJob(AT_S, 4.0), AT_S, 4.0, VideoFrames(container, AT_S, 0.0))
        stated = other.frame(1.0)[:110, :400].astype(int)
    measured = painter.frame(1.0)[:110, :400].astype(int)
    assert np.flatnonzero(np.abs(stated - measured).sum(axis=(1, 2)) > 5000).max() > 40


def test_a_bend_is_a_mark_of_a_clip() -> None:
    """The mark has the new rate."""
    assert "rate -60.0 ppm" in [word for _, word in marks_of(bent())]


@pytest.mark.parametrize("name", ["suspensions", "redactions"])
def test_a_suspension_or_a_redaction_is_a_strip(name: str) -> None:
    """Its colour begins at the playhead when the span does, and isn't there before it."""
    found = suspended(name)
    start_s = found.alignment.to_output(8.0)
    with av.open(str(found.video)) as container:
        made = FramePainter(found, ClipJob(start_s, 4.0), start_s, 4.0, VideoFrames(container, start_s, 0.0))
        frame = made.frame(0.0).astype(int)
    strip = np.all(np.abs(frame - (92, 78, 178)) < 8, axis=2).sum(axis=0) > 4
    middle = frame.shape[1] // 2
    assert not strip[: middle - 2].any()
    assert strip[middle + 2 : middle + 500].mean() > 0.6


def test_a_mask_is_drawn_as_wide_as_it_is() -> None:
    """The strip begins and ends with the mask, half a second before and after the suspension, and names both."""
    found = suspended()
    from_s, to_s = (found.alignment.to_output(at_s) for at_s in (7.5, 12.5))
    masked = replace(found, masks=Masks(output=(Span(from_s, to_s),)))
    with av.open(str(found.video)) as container:
        made = FramePainter(masked, ClipJob(from_s, 7.0), from_s, 7.0, VideoFrames(container, from_s, 0.0))
        first, last = made.frame(0.0).astype(int), made.frame(to_s - from_s).astype(int)
    middle = first.shape[1] // 2
    row = int(np.argmax((np.abs(first - (58, 51, 104)).max(axis=2) < 8).sum(axis=1)))
    is_masked, is_suspended = (
        [np.abs(frame[row] - color).max(axis=1) < 8 for frame in (first, last)]
        for color in ((58, 51, 104), (92, 78, 178))
    )
    half_s = round(0.5 * first.shape[1] / 8.0)
    assert not is_masked[0][: middle - 2].any()
    assert is_masked[0][middle + 2 : middle + half_s - 2].mean() > 0.3  # the words are there too
    assert not is_suspended[0][: middle + half_s - 2].any()
    assert is_masked[1][middle - half_s + 2 : middle - 2].all()
    assert not is_masked[1][middle + 2 :].any()
    assert is_suspended[1][middle - half_s - 40 : middle - half_s - 2].all()


def test_each_kind_of_mark_has_the_dash_of_the_report() -> None:
    """The reported end, a jump and a change of the rate are dashed as on the report's time axis; all four differ."""
    found = in_parts()
    dashes = {mark.label.split(",")[0].split(" ")[0]: mark.dash for mark in report_marks_of(found)}
    for label in ("reported end", "jump -3000 ms"):
        assert mark_style(label)[1] == dashes[label.split(" ")[0]]
    assert mark_style("rate +1.0 ppm")[1] == RATE_DASH
    assert len({mark_style(label) for label in ("reported end", "seam", "jump", "rate")}) == 4
