"""The contents of a file, and its missing bytes."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from captures import CAPTURES, Capture
from made import Shape, encoded, noise, recording, wav

import komorebi_qc.media.probe as probe_module
from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.source import Source
from komorebi_qc.media.probe import probe_call, probe_recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Open = Callable[[Path], Source]


def test_real_captures_are_whole_and_known(capture: Capture, source: Open) -> None:
    """Each capture's codecs, length and packets are found, though most headers give no duration."""
    info = probe_recording(source(capture.recording))
    assert info.container == ("mp4" if capture.recording.suffix == ".mp4" else "webm")
    assert info.video is not None
    assert info.audio is not None
    assert info.video.codec in ("h264", "vp8", "vp9", "av1")
    assert (info.audio.codec, info.audio.rate) == ("opus", 48_000)
    assert info.end_s > capture.call_end_s + 3
    assert info.video.packets > 100
    assert not info.is_truncated
    assert info.video.disordered == 0


@pytest.mark.parametrize("name", sorted(CAPTURES))
def test_a_capture_cut_in_the_middle_is_used_as_far_as_it_goes(name: str, tmp_path: Path, source: Open) -> None:
    """Half the bytes give part of the video; the missing bytes are counted."""
    capture = CAPTURES[name]
    path = tmp_path / capture.recording.name
    whole = capture.recording.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    info = probe_recording(source(path))
    assert info.is_truncated
    assert info.missing_bytes > 0
    assert info.video is not None
    assert info.video.packets > 0


def test_an_mp4_with_its_index_in_front_shows_the_lost_seconds(tmp_path: Path, source: Open) -> None:
    """The header has the length, so the loss is known in seconds."""
    path = recording(
        tmp_path / "a.mp4", Shape(seconds=8.0, video="libx264", audio="aac", options=(("movflags", "faststart"),))
    )
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 2 // 3])
    info = probe_recording(source(path))
    assert info.is_truncated
    assert info.missing_s is not None
    assert info.end_s + info.missing_s == pytest.approx(8.0, abs=0.3)
    assert 1.0 < info.missing_s < 7.0


def test_a_recording_cut_before_its_first_frame_is_refused(tmp_path: Path, source: Open) -> None:
    """A header alone is no recording, and the sentence names the missing part."""
    path = tmp_path / "recording.mp4"
    whole = CAPTURES["sample"].recording.read_bytes()
    for kept in (400, 900, 1300):
        path.write_bytes(whole[:kept])
        with pytest.raises(MediaError, match=r"no video frame.*bytes are missing"):
            probe_recording(source(path))


def test_a_recording_without_video_is_refused(tmp_path: Path, source: Open) -> None:
    """Audio alone isn't an agent recording, and the sentence names the found tracks."""
    path = recording(tmp_path / "a.webm", Shape(video=None))
    with pytest.raises(MediaError, match=r"no video track \(found \w*opus audio\)"):
        probe_recording(source(path))


def test_a_recording_without_audio_is_known_as_such(tmp_path: Path, source: Open) -> None:
    """No audio track is no error."""
    info = probe_recording(source(recording(tmp_path / "a.webm", Shape(audio=None))))
    assert info.audio is None
    assert info.end_s == pytest.approx(3.0, abs=0.11)


def test_timestamps_that_begin_an_hour_late_are_counted_from_there(tmp_path: Path, source: Open) -> None:
    """Some recorders count from the machine's start: their first timestamp is the recording's start."""
    info = probe_recording(source(recording(tmp_path / "a.webm", Shape(start_s=7200.0))))
    assert info.origin_s == pytest.approx(7200.0, abs=0.05)
    assert info.video is not None
    assert info.video.span.start_s == pytest.approx(0.0, abs=0.05)
    assert info.end_s == pytest.approx(3.0, abs=0.15)


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("width", [2, 3])
def test_the_calls_length_is_exact(rate: int, channels: int, width: int, tmp_path: Path, source: Open) -> None:
    """A WAV's length comes from its samples."""
    pcm = np.repeat(noise(1.2345, rate)[:, None], channels, axis=1)
    info = probe_call(source(wav(tmp_path / "call.wav", pcm, rate, width)))
    assert info.audio is not None
    assert info.audio.span.end_s == len(pcm) / rate
    assert (info.audio.rate, info.audio.channels) == (rate, channels)
    assert not info.is_truncated


@pytest.mark.parametrize(("encoder", "kind", "within_s"), [("flac", "flac", 1e-4), ("libmp3lame", "mp3", 0.08)])
def test_a_compressed_calls_length_is_that_of_its_audio(
    encoder: str, kind: str, within_s: float, tmp_path: Path, source: Open
) -> None:
    """FLAC is exact; MP3 may add the rest of its last frame."""
    pcm = np.repeat(noise(2.0, 16_000)[:, None], 2, axis=1)
    info = probe_call(source(encoded(tmp_path / "call", pcm, encoder, 16_000, kind)))
    assert info.audio is not None
    assert info.audio.span.end_s == pytest.approx(2.0, abs=within_s)


def test_a_cut_wav_shows_the_lost_seconds(tmp_path: Path, source: Open) -> None:
    """The header states more samples than the file has."""
    path = wav(tmp_path / "call.wav", noise(4.0, 8000))
    path.write_bytes(path.read_bytes()[:-32_000])
    info = probe_call(source(path))
    assert info.audio is not None
    assert info.audio.span.end_s == pytest.approx(2.0, abs=0.001)
    assert info.missing_s == pytest.approx(2.0, abs=0.001)


def test_a_wav_with_a_header_alone_is_refused(tmp_path: Path, source: Open) -> None:
    """No sample is no call."""
    path = wav(tmp_path / "call.wav", noise(1.0, 8000))
    path.write_bytes(path.read_bytes()[:44])
    with pytest.raises(MediaError, match="no audio sample"):
        probe_call(source(path))


@pytest.mark.parametrize("start_s", [0.0, 1.5])
def test_an_index_gives_the_result_of_a_scan(
    start_s: float, tmp_path: Path, source: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quick look at an MP4's index and the reading of every packet agree."""
    shape = Shape(seconds=5.0, video="libx264", audio="aac", start_s=start_s)
    path = recording(tmp_path / "whole.mp4", shape)
    listed = probe_recording(source(path))
    monkeypatch.setattr(probe_module, "has_index", lambda _: False)
    scanned = probe_recording(source(path))
    assert listed.video is not None
    assert scanned.video is not None
    assert listed.audio is not None
    assert scanned.audio is not None
    assert listed.video.packets == scanned.video.packets == 50
    assert listed.video.span.start_s == pytest.approx(scanned.video.span.start_s, abs=0.001)
    assert listed.video.span.end_s == pytest.approx(scanned.video.span.end_s, abs=0.11)
    assert listed.audio.span.start_s == pytest.approx(scanned.audio.span.start_s, abs=0.025)
    assert listed.audio.span.end_s == pytest.approx(scanned.audio.span.end_s, abs=0.025)


@pytest.mark.parametrize("together", [1, 7])
def test_a_scan_finds_the_same_however_many_timestamps_it_takes_at_once(
    together: int, capture: Capture, source: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One by one, a few at a time, or all: spans, packets and disordered timestamps are the same."""
    whole = probe_recording(source(capture.recording))
    monkeypatch.setattr(probe_module, "STAMPS_TOGETHER", together)
    assert probe_recording(source(capture.recording)) == whole


@pytest.mark.parametrize("movflags", ["frag_keyframe", "frag_keyframe+empty_moov"])
def test_an_index_of_the_first_fragment_is_no_index(
    movflags: str, tmp_path: Path, source: Open, sample: Capture
) -> None:
    """Fragments after an index are read, so that the recording has its full length."""
    path = tmp_path / "fragments.mp4"
    with av.open(str(sample.recording)) as given, av.open(str(path), "w", options={"movflags": movflags}) as out:
        streams = {s.index: out.add_stream_from_template(s) for s in (*given.streams.video, *given.streams.audio)}
        for packet in given.demux(list(given.streams.video + given.streams.audio)):
            if packet.dts is not None:
                packet.stream = streams[packet.stream_index]
                out.mux(packet)
    whole, found = probe_recording(source(sample.recording)), probe_recording(source(path))
    assert found.end_s == pytest.approx(whole.end_s, abs=0.1)
    assert whole.video is not None
    assert found.video is not None
    assert found.video.packets == whole.video.packets


def test_an_encrypted_recording_is_refused(tmp_path: Path, source: Open) -> None:
    """Encrypted video (DRM) would be copied and never play: the sentence names it."""
    path = tmp_path / "recording.mp4"
    path.write_bytes(CAPTURES["sample"].recording.read_bytes().replace(b"avc1", b"encv", 2))
    with pytest.raises(MediaError, match="encrypted"):
        probe_recording(source(path))


def test_tags_that_are_no_utf8_harm_nobody(tmp_path: Path, source: Open) -> None:
    """A title in Latin-1 is no reason to refuse a whole recording."""
    path = recording(tmp_path / "a.webm", Shape())
    path.write_bytes(path.read_bytes().replace(b"Lavf", b"\xe4\xf6\xfc\xff"))
    info = probe_recording(source(path))
    assert info.video is not None
    assert info.video.packets == 30


def test_tracks_that_end_hours_apart_are_damaged(tmp_path: Path, source: Open) -> None:
    """A leap of two hours in the audio alone would be encoded as silence: it is refused."""
    path = recording(tmp_path / "a.mkv", Shape(video="libx264", audio="aac", audio_s=4.0, leap=(3.5, 7200.0)))
    with pytest.raises(MediaError, match="timestamps are damaged"):
        probe_recording(source(path))


def test_a_wav_of_one_sample_a_second_is_damaged(tmp_path: Path, source: Open) -> None:
    """With 1 Hz in the header, ten seconds would become a day."""
    with pytest.raises(MediaError, match="1 sample a second"):
        probe_call(source(wav(tmp_path / "call.wav", noise(2.0, 8000), rate=1)))


def test_a_call_of_too_many_channels_is_refused(tmp_path: Path, source: Open) -> None:
    """A file with dozens of channels isn't call audio; two of them wouldn't represent the others."""
    with pytest.raises(MediaError, match="64 channels"):
        probe_call(source(wav(tmp_path / "call.wav", np.zeros((800, 64), np.float32))))


def test_timestamps_of_days_are_refused(tmp_path: Path, source: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording beyond the longest shift would take memory for its silence; the message has its claimed length."""
    monkeypatch.setattr(probe_module, "LONGEST_S", 1.0)
    with pytest.raises(MediaError, match="timestamps run to"):
        probe_recording(source(recording(tmp_path / "a.webm", Shape())))


@pytest.mark.parametrize("cut", [0, 1, 64_001])
@pytest.mark.parametrize("width", [2, 3])
def test_a_wav_is_measured_by_its_header_alone(
    cut: int, width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An hour of call audio isn't read to count it: its length equals that of a full read."""
    path = wav(
        tmp_path / "a.wav", np.stack([np.tile(noise(10.0, 8000, seed), 30) for seed in (1, 2)], axis=1), width=width
    )
    path.write_bytes(path.read_bytes()[: path.stat().st_size - cut])
    content = path.read_bytes()
    asked = 0

    class Counted(io.BytesIO):
        """Counts what is read."""

        def read(self, size: int | None = -1, /) -> bytes:
            nonlocal asked
            data = super().read(size)
            asked += len(data)
            return data

    info = probe_call(Source("a", Counted(content), len(content)))
    monkeypatch.setattr(probe_module, "wav_sample_bytes", lambda _: None)
    scanned = probe_call(Source("a", io.BytesIO(content), len(content)))
    assert info == scanned
    assert asked < len(content) / 4
