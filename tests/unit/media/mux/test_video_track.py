"""A copied video track on the output clock."""

from __future__ import annotations

from pathlib import Path

from komorebi_qc.core.timebase import Alignment, parse_call_end
from komorebi_qc.media.probe import probe_recording
from komorebi_qc.pipeline.local import process_files
from komorebi_qc.pipeline.options import Options
from komorebi_qc.storage.input_file import opened_file
from komorebi_qc.storage.local import LocalFiles

MEDIA = Path(__file__).parents[3] / "media"
SCALE, ODD_SCALE = b"\x2a\xd7\xb1\x83\x0f\x42\x40", b"\x2a\xd7\xb1\x83\x12\xd6\x87"
"""TimestampScale: a million nanoseconds, and 1,234,567."""


def test_an_odd_unit_of_time_is_kept(tmp_path: Path) -> None:
    """Units of 1.234567 ms can't be made finer in FFmpeg's 32 bits: the shift is rounded to one of them."""
    content = (MEDIA / "h264.mkv").read_bytes()
    assert content.count(SCALE) == 1
    recording = tmp_path / "odd.mkv"
    recording.write_bytes(content.replace(SCALE, ODD_SCALE))
    files = LocalFiles(MEDIA / "call.wav", recording, tmp_path / "unified.mp4")
    process_files(files, parse_call_end("10"), alignment=Alignment(-0.5123456), options=Options(container="mp4"))
    ends = []
    for path in (recording, tmp_path / "unified.mp4"):
        with opened_file(path) as source:
            video = probe_recording(source).video
            assert video is not None
            ends.append(video.span.end_s)
    assert abs(ends[1] - ends[0] - 0.5123456) < 0.002
