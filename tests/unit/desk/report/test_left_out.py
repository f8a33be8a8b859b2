"""The call audio that isn't in the video."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from examinations import held, in_parts

from komorebi_qc.desk.report.left_out import embedded_left_out, left_out_samples, left_out_spans, write_left_out

if TYPE_CHECKING:
    from pathlib import Path


def test_the_span_is_played(tmp_path: Path) -> None:
    """The file has the call audio of that span, both sides, and its length."""
    found = in_parts()
    (span,) = left_out_spans(found)
    assert (span.start_s, span.end_s) == pytest.approx((7.0, 10.0))
    assert np.array_equal(left_out_samples(found, span), np.asarray(found.diagnosis.pair.call)[56_000:80_000])
    assert write_left_out(found, tmp_path) == ("audio/left_out_1.m4a",)
    with av.open(str(tmp_path / "audio" / "left_out_1.m4a")) as file:
        frames = list(file.decode(audio=0))
        assert frames[0].layout.name == "stereo"
        assert sum(frame.samples for frame in frames) / 8000 == pytest.approx(3.0, abs=0.2)


def test_audio_of_an_earlier_report_is_removed(tmp_path: Path) -> None:
    """A later one may have fewer spans."""
    (tmp_path / "audio").mkdir()
    for name in ("left_out_1.m4a", "left_out_2.m4a", "customer.m4a"):
        (tmp_path / "audio" / name).write_bytes(b"earlier")
    write_left_out(in_parts(), tmp_path)
    assert sorted(path.name for path in (tmp_path / "audio").iterdir()) == ["customer.m4a", "left_out_1.m4a"]
    assert write_left_out(held(), tmp_path) == ()
    assert sorted(path.name for path in (tmp_path / "audio").iterdir()) == ["customer.m4a"]


def test_a_page_sent_alone_holds_the_audio() -> None:
    """A data URI, small enough for the page."""
    (address,) = embedded_left_out(in_parts())
    assert address.startswith("data:audio/mp4;base64,")
    assert len(address) < 25_000


def test_without_a_video_no_audio_is_left_out() -> None:
    """A held pair has no unified recording, so the plan leaves out no audio."""
    assert left_out_spans(held()) == ()
    assert embedded_left_out(held()) == ()
