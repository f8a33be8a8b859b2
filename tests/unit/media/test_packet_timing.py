"""Container timing: lost buffers, doubled timestamps, skew and frozen video, from the packets alone."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from captures import CAPTURES, Capture
from made import Shape, recording

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.source import Source
from komorebi_qc.core.timestamps.timing import audio_timing, discontinuities, nominal_duration_s, video_timing
from komorebi_qc.findings.timing import standards_text, timing_findings
from komorebi_qc.media.packet_timing import measure_timing, opus_packet_s, opus_preskip_s

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from komorebi_qc.core.finding import Finding
    from komorebi_qc.core.timestamps.timing import Timing

    Open = Callable[[Path], Source]


def findings(timing: Timing) -> dict[str, Finding]:
    """By name."""
    return {finding.name: finding for finding in timing_findings(timing)}


def remuxed(path: Path, change: Callable[[int, Any], bool]) -> Source:
    """The file again in WebM, with `change` applied to each audio packet by number; False drops it."""
    out = io.BytesIO()
    with av.open(str(path)) as container, av.open(out, "w", format="webm") as made:
        streams = {s.index: made.add_stream_from_template(s, opaque=True) for s in container.streams}
        number = 0
        for packet in container.demux():
            if packet.dts is None:
                continue
            is_kept = True
            if packet.stream.type == "audio":
                is_kept = change(number, packet)
                number += 1
            if is_kept:
                packet.stream = streams[packet.stream_index]
                made.mux(packet)
    return Source("made.webm", out, len(out.getvalue()))


def test_every_capture_passes(capture: Capture, source: Open) -> None:
    """Recordings of an idle Chromium have no gap, no overlap and no noticeable skew."""
    timing = measure_timing(source(capture.recording))
    assert timing.audio is not None
    assert timing.video is not None
    assert timing.audio.discontinuities == ()
    assert timing.audio.held_s == pytest.approx(timing.audio.audible.length_s, abs=0.002)
    assert timing.video.median_fps == pytest.approx(10.0, abs=0.1)
    assert {f.status for f in timing_findings(timing)} == {"pass"}


def test_audio_begins_at_the_end_of_its_preskip(source: Open) -> None:
    """Chromium's MP4 has 80 ms of Opus pre-skip first; its WebM has no pre-skip and starts late instead."""
    starts_s = {}
    for name in ("sample", "vp9.mp4", "vp8.webm", "av1.webm"):
        audio = measure_timing(source(CAPTURES[name].recording)).audio
        assert audio is not None
        starts_s[name] = round(audio.audible.start_s, 6)
    assert starts_s == {"sample": 0.08, "vp9.mp4": 0.08, "vp8.webm": 0.041, "av1.webm": 0.048}


def test_measuring_keeps_the_source_position(sample: Capture, source: Open) -> None:
    """Others may read the same file meanwhile, so it is read at a separate position."""
    own = source(sample.recording)
    assert measure_timing(own) == measure_timing(own)


@pytest.mark.parametrize("suffix", [".webm", ".mkv", ".mp4"])
def test_a_lost_stretch_is_found_with_its_size(suffix: str, source: Open, tmp_path: Path) -> None:
    """Half a second that was never muxed is a gap in each container, in MP4 as well, whose durations cover it up."""
    video, audio = ("libx264", "aac") if suffix == ".mp4" else ("libvpx", "libopus")
    shape = Shape(seconds=4.0, video=video, audio=audio, gap=(1.5, 2.0))
    timing = measure_timing(source(recording(tmp_path / f"r{suffix}", shape)))
    assert timing.audio is not None
    (gap,) = timing.audio.gaps
    assert gap.size_s == pytest.approx(0.5, abs=0.025)
    assert gap.at_s == pytest.approx(2.0, abs=0.03)
    assert timing.audio.overlaps == ()
    found = findings(timing)
    assert found["audio_gaps"].status == "warn"
    assert found["audio_gaps"].value == pytest.approx(gap.size_s, abs=1e-6)
    assert found["audio_gap_share"].status == "fail"


@pytest.mark.parametrize("lost", [(40,), (40, 41), (40, 90, 140)])
def test_lost_buffers_of_a_capture_are_counted(lost: tuple[int, ...]) -> None:
    """Each lost buffer of 60 ms is one gap of that size; neighbours make one gap."""
    own = remuxed(CAPTURES["vp8.webm"].recording, lambda number, _: number not in lost)
    timing = measure_timing(own)
    assert timing.audio is not None
    together = lost == (40, 41)
    assert len(timing.audio.gaps) == (1 if together else len(lost))
    total_s = sum(gap.size_s for gap in timing.audio.gaps)
    assert total_s == pytest.approx(0.060 * len(lost), abs=0.0015)
    assert timing.audio.held_s == pytest.approx(timing.audio.audible.length_s - total_s, abs=0.002)
    finding = findings(timing)["audio_gaps"]
    assert finding.status == "warn"
    assert f"{timing.audio.gaps[0].size_s * 1000:.1f} ms" in finding.text


def test_overlapping_timestamps_are_found_with_their_size() -> None:
    """Timestamps that go back by 25 ms overlap by as much, and are no gap."""

    def back(number: int, packet: Any) -> bool:
        if number >= 100:
            packet.pts -= 25
            packet.dts -= 25
        return True

    timing = measure_timing(remuxed(CAPTURES["vp8.webm"].recording, back))
    assert timing.audio is not None
    (overlap,) = timing.audio.overlaps
    assert overlap.size_s == pytest.approx(-0.025, abs=0.0015)
    assert overlap.at_s == pytest.approx(0.041 + 100 * 0.06 - 0.025, abs=0.002)
    found = findings(timing)
    assert found["audio_overlaps"].status == "warn"
    assert found["audio_gaps"].status == "pass"


def test_a_late_first_timestamp_is_no_skew(source: Open, tmp_path: Path) -> None:
    """Both tracks beginning at 5 s have no skew; counted from an epoch, their origin is taken off."""
    late = measure_timing(source(recording(tmp_path / "a.webm", Shape(start_s=5.0))))
    assert late.video is not None
    assert late.video.first_s == pytest.approx(5.0, abs=0.001)
    assert late.start_skew_s == pytest.approx(0.0, abs=0.008)
    epoch = measure_timing(source(recording(tmp_path / "b.webm", Shape(start_s=7200.0))))
    assert epoch.origin_s == pytest.approx(7200.0, abs=0.01)
    assert epoch.video is not None
    assert epoch.video.first_s == pytest.approx(0.0, abs=0.01)


def test_a_leap_freezes_the_video_and_opens_a_gap(source: Open, tmp_path: Path) -> None:
    """A recorder that hung for 12 s shows it in both tracks."""
    shape = Shape(seconds=4.0, leap=(2.0, 12.0))
    timing = measure_timing(source(recording(tmp_path / "r.webm", shape)))
    assert timing.video is not None
    assert timing.audio is not None
    assert timing.video.frozen.length_s == pytest.approx(12.1, abs=0.001)
    assert timing.audio.gaps[0].size_s == pytest.approx(12.0, abs=0.021)
    assert timing.video.median_fps == pytest.approx(10.0)
    assert findings(timing)["video_freeze"].status == "warn"


@pytest.mark.parametrize(("audio_s", "status"), [(2.9, "pass"), (2.5, "warn"), (4.0, "warn")])
def test_audio_that_ends_far_from_its_video_is_reported(
    audio_s: float, status: str, source: Open, tmp_path: Path
) -> None:
    """How long the last frame stays is unknown: a frame earlier passes, half a second off doesn't."""
    timing = measure_timing(source(recording(tmp_path / "r.webm", Shape(seconds=3.0, audio_s=audio_s))))
    finding = findings(timing)["audio_end_skew"]
    assert finding.status == status
    assert finding.value == pytest.approx(audio_s - 3.0, abs=0.025)


def test_a_track_alone_has_no_skew(source: Open, tmp_path: Path) -> None:
    """Without audio there is no skew to report."""
    timing = measure_timing(source(recording(tmp_path / "r.webm", Shape(audio=None))))
    assert timing.audio is None
    assert timing.start_skew_s is timing.end_skew_s is None
    assert set(findings(timing)) == {"video_freeze"}


def test_a_file_that_isnt_media_is_refused() -> None:
    """The sentence of `media.opened` comes through."""
    with pytest.raises(MediaError, match="isn't media"):
        measure_timing(Source("x", io.BytesIO(b"nothing of the kind"), 19))


@pytest.mark.parametrize(
    ("skew_ms", "status", "judged"),
    [
        (39, "pass", "within the tolerance of EBU R37"),
        (61, "pass", "beyond the tolerance of EBU R37"),
        (124, "pass", "beyond the tolerance of EBU R37"),
        (126, "warn", "beyond .* detectability"),
        (186, "warn", "beyond .* acceptability"),
        (-39, "pass", "within the tolerance of EBU R37"),
        (-44, "pass", "beyond the tolerance of EBU R37"),
        (-46, "warn", "beyond .* detectability"),
        (-91, "warn", "beyond .* acceptability"),
    ],
)
def test_skews_are_compared_with_the_standards(skew_ms: int, status: str, judged: str) -> None:
    """EBU R37 at +40/-60 ms, BT.1359-1 at +45/-125 and +90/-185, where + is early audio."""
    limit = DEFAULT.of("audio_start_skew")
    assert limit.status(skew_ms / 1000) == status
    assert re.match(judged, standards_text(skew_ms / 1000, limit))


def test_a_fast_clock_is_no_gap() -> None:
    """At 100 ppm an hour's timestamps move 360 ms from the samples, 6 us a packet: no buffer is missing."""
    stamps = np.arange(60_000, dtype=np.float64) * (0.060 * (1 + 100e-6))
    assert discontinuities(stamps, np.full(60_000, 0.060)) == ()
    assert [s.size_s for s in discontinuities(np.array([0.0, 0.0251]), np.array([0.02, 0.02]))] == pytest.approx(
        [0.0051]
    )


def test_opus_packets_have_their_duration() -> None:
    """RFC 6716, 3.1: configuration and code of the first byte, the count of frames in the second."""
    durations_s = {bytes([127, 3, 0]): 0.060, bytes([188]): 0.020, bytes([0b11110_0_11, 6]): 0.060, bytes([0]): 0.010}
    assert {data: opus_packet_s(data) for data in durations_s} == pytest.approx(durations_s)
    assert opus_preskip_s(b"OpusHead\x01\x02\x38\x01" + bytes(7)) == pytest.approx(0.0065)
    assert opus_preskip_s(None) == opus_preskip_s(b"?") == 0.0


def test_a_single_packet_and_no_packet() -> None:
    """Too few packets give no discontinuity, and no error."""
    none, one = np.zeros(0), np.array([0.5])
    assert audio_timing(none, none) is None
    assert video_timing(none, none) is None
    audio = audio_timing(one, np.array([0.02]))
    video = video_timing(one, np.array([0.0]))
    assert audio is not None
    assert video is not None
    assert audio.audible.length_s == pytest.approx(0.02)
    assert (video.frames, video.median_fps, video.frozen.length_s) == (1, 0.0, 0.0)
    assert nominal_duration_s(none, none).size == 0


def test_packets_of_differing_length_are_no_gaps() -> None:
    """If packets differ in length and the container has no lengths, no gap is reported."""
    lengths = np.array([0.003, 0.021] * 50)
    stamps = np.concatenate([[0.0], np.cumsum(lengths)])[:-1]
    for durations in (lengths, np.zeros(100)):
        audio = audio_timing(stamps, durations)
        assert audio is not None
        assert audio.discontinuities == ()


def test_frames_in_decoding_order_are_sorted() -> None:
    """Video with reordered frames (B-frames) is measured in the order of presentation."""
    video = video_timing(np.array([0.0, 0.3, 0.1, 0.2]), np.full(4, 0.1))
    assert video is not None
    assert video.frozen.length_s == pytest.approx(0.1)
    assert video.span.end_s == pytest.approx(0.4)
