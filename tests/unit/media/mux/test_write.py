"""The written file: the video untouched, the index in front, complete or not at all."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from captures import CAPTURES, Capture
from made import Shape, noise, recording, wav

import komorebi_qc.media.opening.container as container_module
from komorebi_qc.core.errors import MediaError, StorageError
from komorebi_qc.core.output import CONTAINERS, ENCODED_AS, Rendered, RenderPlan, plan_container
from komorebi_qc.core.source import Source
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, Jump
from komorebi_qc.measure.check_spans import capture_spans
from komorebi_qc.media.decode_8khz import decode_output_8khz, exact_call
from komorebi_qc.media.mux import RenderJob, write, write_output
from komorebi_qc.media.mux.job import index_room
from komorebi_qc.media.probe import probe_call, probe_recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from komorebi_qc.core.output import Container

    Open = Callable[[Path], Source]


def rendered(
    call: Source, own: Source, alignment: Alignment, wanted: Container | None = None, *, is_captured: bool = False
) -> tuple[io.BytesIO, Rendered, Container]:
    """Render into memory."""
    info, audio = probe_recording(own), probe_call(call).audio
    assert info.video is not None
    assert audio is not None
    span = info.audio.span if info.audio is not None else None
    container, copies = plan_container(info.video.codec, wanted)
    plan = RenderPlan(container, info.video.codec if copies else ENCODED_AS[container], copies, 16_000, 64_000)
    planned = splice(alignment, call_s=audio.span.end_s, recording_audio=span)
    job = RenderJob(planned, plan, call, own, info, info.video)
    if is_captured:
        pcm = exact_call(call, probe_call(call), None)
        job = replace(job, capture=capture_spans(planned), call_pcm=pcm)
    tries: list[io.BytesIO] = []

    def begin(head_bytes: int) -> io.BytesIO:
        assert head_bytes > 900
        tries.append(io.BytesIO())
        return tries[-1]

    done = write_output(job, begin, lambda _: None)
    tries[-1].seek(0)
    assert done.size == len(tries[-1].getvalue())
    return tries[-1], done, container


def stamps(file: Any, kind: str = "video") -> list[tuple[float, bytes]]:
    """Presentation time and bytes of each packet, in the order of presentation."""
    if not isinstance(file, str):
        file.seek(0)
    with av.open(file, "r") as container:
        stream: Any = getattr(container.streams, kind)[0]
        found = [(float(p.pts * p.time_base), bytes(p)) for p in container.demux(stream) if p.size]
    return sorted(found, key=lambda row: row[0])


def pixels(file: Any) -> list[float]:
    """The mean brightness of each frame."""
    with av.open(file, "r") as container:
        return [float(frame.to_ndarray(format="gray").mean()) for frame in container.decode(video=0)]


@pytest.mark.parametrize("offset_s", [None, -1.2345])
def test_video_is_copied_bit_for_bit_at_its_own_time(capture: Capture, offset_s: float | None, source: Open) -> None:
    """Every packet of every capture is copied unchanged, and moved only if the call began first.

    MP4 frames AV1 and H.264 in its own way (no temporal delimiters, lengths in place of start codes): there, the
    decoded frames are the same.
    """
    alignment = Alignment(capture.offset_s if offset_s is None else offset_s)
    out, done, container = rendered(source(capture.call), source(capture.recording), alignment)
    before, after = stamps(str(capture.recording)), stamps(out)
    assert container == ("webm" if "vp8" in capture.name or "resize" in capture.name else "mp4")
    assert done.video_packets == len(before) == len(after)
    if capture.name in ("av1.webm", "h264.mkv"):
        out.seek(0)
        assert pixels(str(capture.recording)) == pixels(out)
    else:
        assert [packet for _, packet in before] == [packet for _, packet in after]
    moved = [b - a - alignment.output_shift_s for (a, _), (b, _) in zip(before, after, strict=True)]
    assert max(map(abs, moved)) <= (0.0006 if container == "webm" else 0.0001)


def test_mp4_has_its_index_in_front(sample: Capture, source: Open) -> None:
    """A player can start at once: `moov` comes before `mdat`, and the file is no fragmented one."""
    out, _, _ = rendered(source(sample.call), source(sample.recording), Alignment(sample.offset_s))
    order, at, data = [], 0, out.getvalue()
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        order.append(kind)
        at += length
    assert at == len(data)
    assert order.index(b"moov") < order.index(b"mdat")
    assert b"moof" not in order


@pytest.mark.parametrize("name", ["sample", "vp8.webm"])
def test_an_index_larger_than_its_room_costs_only_a_second_attempt(
    name: str, source: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The room is worked out; were it too small, the file would be made again, and be the same but for the room."""
    capture = CAPTURES[name]
    whole, _, _ = rendered(source(capture.call), source(capture.recording), Alignment(capture.offset_s))
    tries = []

    def tiny(job: RenderJob) -> int:
        tries.append(index_room(job))
        return 900

    monkeypatch.setattr(write, "index_room", tiny)
    monkeypatch.setattr(write, "MORE_ROOM", 100)
    again, _, _ = rendered(source(capture.call), source(capture.recording), Alignment(capture.offset_s))
    assert len(tries) == 1
    assert stamps(again) == stamps(whole)
    assert stamps(again, "audio") == stamps(whole, "audio")


def test_webm_has_a_duration_and_cues(source: Open) -> None:
    """MediaRecorder leaves out the length and the index; the output has both."""
    capture = CAPTURES["vp8.webm"]
    out, _, container = rendered(source(capture.call), source(capture.recording), Alignment(capture.offset_s))
    assert container == "webm"
    with av.open(out, "r") as found:
        assert found.duration is not None
        assert found.duration / 1e6 == pytest.approx(14.7, abs=0.5)
    data = out.getvalue()
    assert 0 < data.index(b"\x1c\x53\xbb\x6b") < data.index(b"\x1f\x43\xb6\x75")  # Cues before the first Cluster


@pytest.mark.parametrize(
    ("name", "wanted"), [("vp8.webm", "mp4"), ("resize.webm", "mp4"), ("sample", "webm"), ("h264.mkv", "webm")]
)
def test_a_codec_that_the_container_lacks_is_reencoded(name: str, wanted: Container, source: Open) -> None:
    """As many frames, each at its own time and as bright as before."""
    capture = CAPTURES[name]
    out, done, container = rendered(
        source(capture.call), source(capture.recording), Alignment(capture.offset_s), wanted
    )
    assert container == wanted
    before, after = stamps(str(capture.recording)), stamps(out)
    assert done.video_packets == len(before) == len(after)
    assert max(abs(b - a) for (a, _), (b, _) in zip(before, after, strict=True)) <= 0.001
    out.seek(0)
    pairs = list(zip(pixels(str(capture.recording)), pixels(out), strict=True))
    assert float(np.mean([abs(a - b) for a, b in pairs])) < 4.0


def test_odd_sizes_are_copied_and_reencoded(tmp_path: Path, source: Open) -> None:
    """A window of 161 by 91 pixels is copied unchanged, and loses at most one row and column in H.264."""
    call = wav(tmp_path / "call.wav", noise(1.0, 8000))
    path = recording(tmp_path / "a.webm", Shape(size=(161, 91)))
    for wanted, size in ((None, (161, 91)), ("mp4", (160, 90))):
        out, _, _ = rendered(source(call), source(path), Alignment(0.5), wanted)  # type: ignore[arg-type]
        with av.open(out, "r") as found:
            assert (found.streams.video[0].width, found.streams.video[0].height) == size


def test_b_frames_and_negative_decoding_times_survive(tmp_path: Path, source: Open) -> None:
    """A recording with reordered frames keeps each one's time."""
    path = tmp_path / "b.mp4"
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("libx264", rate=10, options={"bf": "3", "b-adapt": "0"})
        stream.width, stream.height, stream.pix_fmt = 160, 90, "yuv420p"
        for number in range(30):
            frame = av.VideoFrame.from_ndarray(np.full((90, 160, 3), number * 8, np.uint8), format="rgb24")
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    call = wav(tmp_path / "call.wav", noise(1.0, 8000))
    made, _, _ = rendered(source(call), source(path), Alignment(0.5))
    before, after = stamps(str(path)), stamps(made)
    assert [p for _, p in before] == [p for _, p in after]
    assert max(abs(b - a) for (a, _), (b, _) in zip(before, after, strict=True)) < 1e-4


def test_rotation_is_kept(tmp_path: Path, source: Open) -> None:
    """A rotated video is copied with its matrix, so that players still show it upright."""
    path = recording(tmp_path / "a.mp4", Shape(video="libx264", audio="aac"))
    data = path.read_bytes()
    plain = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    turned = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    track = data.index(b"tkhd")
    at = data.index(plain, track)
    path.write_bytes(data[:at] + turned + data[at + 36 :])
    call = wav(tmp_path / "call.wav", noise(1.0, 8000))
    out, _, _ = rendered(source(call), source(path), Alignment(0.5))
    rotations = []
    for file in (str(path), out):
        with av.open(file, "r") as found:
            rotations.append(next(found.decode(video=0)).rotation)
    assert rotations[0] in (90, -90, 270)
    assert rotations[0] == rotations[1]


def test_timestamps_that_leap_are_unchanged(tmp_path: Path, source: Open) -> None:
    """A leap of a second in the recording clock is kept, in video and audio."""
    path = recording(tmp_path / "a.webm", Shape(seconds=4.0, leap=(2.0, 1.0)))
    call = wav(tmp_path / "call.wav", noise(1.0, 8000))
    out, _, _ = rendered(source(call), source(path), Alignment(0.5))
    assert [t for t, _ in stamps(out)] == pytest.approx([t for t, _ in stamps(str(path))], abs=0.001)


@pytest.mark.parametrize("container", CONTAINERS)
@pytest.mark.parametrize("alignment", [Alignment(0.4, 50.0), Alignment(0.4, 0.0, (Jump(0.5, 0.3),)), Alignment(-5.0)])
def test_the_audio_is_as_long_as_the_splice(
    container: Container, alignment: Alignment, tmp_path: Path, source: Open
) -> None:
    """Both channels, one frame of padding at most."""
    call = wav(tmp_path / "call.wav", np.stack([noise(2.0, 8000, 1), noise(2.0, 8000, 2)], axis=1))
    path = recording(tmp_path / "a.webm", Shape(video="libvpx-vp9"))
    out, done, _ = rendered(source(call), source(path), alignment, container)
    with av.open(out, "r") as found:
        assert found.streams.audio[0].channels == 2
        frames = [f for f in found.decode(audio=0) if f.pts is not None]
    last = frames[-1]
    end_s = float(last.pts * last.time_base) + last.samples / last.sample_rate  # type: ignore[operator]
    assert end_s == pytest.approx(done.audio_s, abs=0.07)


class FullDisk(io.BytesIO):
    """A file on a disk with limited room."""

    def write(self, data: Any) -> int:
        """Write, or raise the error of a full disk."""
        if self.tell() + len(data) > 30_000:
            raise OSError(28, "No space left on device")
        return super().write(data)


def test_a_full_disk_raises_the_files_own_error(sample: Capture, source: Open) -> None:
    """The file's own error is raised."""
    info, audio = probe_recording(source(sample.recording)), probe_call(source(sample.call)).audio
    assert info.video is not None
    assert info.audio is not None
    assert audio is not None
    planned = splice(Alignment(1.0), call_s=audio.span.end_s, recording_audio=info.audio.span)
    plan = RenderPlan("mp4", "h264", True, 16_000, 64_000)  # noqa: FBT003  copies
    job = RenderJob(planned, plan, source(sample.call), source(sample.recording), info, info.video)
    with pytest.raises(OSError, match="No space left"):
        write_output(job, lambda _: FullDisk(), lambda _: None)


@pytest.mark.parametrize("name", ["sample", "vp8.webm"])
def test_a_capture_changes_nothing_and_plays_as_the_output_does(name: str, source: Open) -> None:
    """The output is the same with a capture. The captured audio is the output's, and all its packets are counted."""
    capture = CAPTURES[name]
    call, own = source(capture.call), source(capture.recording)
    plain, uncaptured, _ = rendered(call, own, Alignment(capture.offset_s))
    out, done, _ = rendered(call, own, Alignment(capture.offset_s), is_captured=True)
    assert uncaptured.captured is None
    assert done.captured is not None
    assert stamps(out, "audio") == stamps(plain, "audio")
    written = [at_s for at_s, _ in stamps(out, "audio")]
    assert done.captured.muxed_pts_s == pytest.approx(written, abs=0.0011)
    if done.captured.block_pts_s is not None:
        assert done.captured.block_pts_s == pytest.approx(written, abs=0.0011)
    whole = decode_output_8khz(Source("whole", out, done.size))
    part = decode_output_8khz(done.captured.output)
    call_audio, own_audio = probe_call(call).audio, probe_recording(own).audio
    assert call_audio is not None
    assert own_audio is not None
    planned = splice(Alignment(capture.offset_s), call_s=call_audio.span.end_s, recording_audio=own_audio.span)
    for seam_s in planned.seams_s:
        low, high = round((seam_s - 1.0) * 8000), round((seam_s + 1.0) * 8000)
        assert np.abs(whole[low:high].astype(int) - part[low:high]).max() <= 1
        assert whole[low:high].any()
    assert all(np.abs(pcm).max() <= 1.0 for _, pcm in done.captured.recording)
    assert any(pcm.any() for _, pcm in done.captured.recording)


class Broken(io.BytesIO):
    """A file that stops taking bytes after so many, whatever is written later."""

    def __init__(self, takes: int, error: BaseException) -> None:
        super().__init__()
        self.takes, self.error, self.refused = takes, error, 0

    def write(self, data: Any) -> int:
        """Write, or say what is wrong."""
        if self.tell() + len(data) > self.takes:
            self.refused += 1
            raise self.error
        return super().write(data)


@pytest.mark.parametrize("takes", [0, 30_000, 10**9])
@pytest.mark.parametrize("error", [StorageError("the bucket is gone"), KeyboardInterrupt()])
def test_an_error_of_the_file_is_raised_once(
    takes: int, error: BaseException, sample: Capture, source: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the first byte, in the middle or with the index: the file's own error, and it isn't asked again."""
    file = Broken(takes, error)
    if takes == 10**9:
        monkeypatch.setattr(file, "seek", lambda *_: (_ for _ in ()).throw(error))
    info, audio = probe_recording(source(sample.recording)), probe_call(source(sample.call)).audio
    assert info.video is not None
    assert info.audio is not None
    assert audio is not None
    planned = splice(Alignment(1.0), call_s=audio.span.end_s, recording_audio=info.audio.span)
    plan = RenderPlan("mp4", "h264", copies_video=True, audio_rate=16_000, audio_bit_rate=64_000)
    job = RenderJob(planned, plan, source(sample.call), source(sample.recording), info, info.video)
    with pytest.raises(type(error)) as caught:
        write_output(job, lambda _: file, lambda _: None)
    assert caught.value is error
    assert file.refused <= 1


def leaping(path: Path, at_s: float) -> Path:
    """An MP4 whose video pauses for 41 minutes, more microseconds than FFmpeg's muxer can write for a packet."""
    timescale, in_order = (("video_track_timescale", "1000000"),), (("bf", "0"),)
    recording(path, Shape(video="libx264", audio=None, leap=(at_s, 1900.0), options=timescale, encoding=in_order))
    data, pause = path.read_bytes(), (1_900_100_000).to_bytes(4, "big")
    assert data.count(pause) == 1
    path.write_bytes(data.replace(pause, (2_500_000_000).to_bytes(4, "big")))
    return path


@pytest.mark.parametrize("at_s", [1.0, 2.9])
def test_a_pause_too_long_for_the_container_is_refused(at_s: float, tmp_path: Path, source: Open) -> None:
    """In the middle or before the last frame, which the muxer writes as it closes: a sentence, after two attempts."""
    path = leaping(tmp_path / "a.mp4", at_s)
    call = source(wav(tmp_path / "call.wav", noise(1.0, 8000)))
    own, tries = source(path), []
    info, audio = probe_recording(own), probe_call(call).audio
    assert info.video is not None
    assert audio is not None
    planned = splice(Alignment(0.5), call_s=audio.span.end_s, recording_audio=None)
    plan = RenderPlan("mp4", "h264", copies_video=True, audio_rate=16_000, audio_bit_rate=64_000)

    def begin(_: int) -> io.BytesIO:
        tries.append(io.BytesIO())
        return tries[-1]

    with pytest.raises(MediaError, match=r"a\.mp4 can't be written as mp4 \(invalid argument\).*--container webm"):
        write_output(RenderJob(planned, plan, call, own, info, info.video), begin, lambda _: None)
    assert len(tries) <= 2


@pytest.mark.parametrize("name", ["a.webm", "a.mp4"])
def test_video_before_second_0_moves_no_timestamp_in_webm(name: str, tmp_path: Path, source: Open) -> None:
    """Its half second before 0 is shown at the start; the rest and the audio keep their time."""
    negative = (("avoid_negative_ts", "disabled"),) if name.endswith("webm") else ()
    shape = Shape(
        video="libvpx-vp9", audio="libopus" if negative else "aac", start_s=-0.5, seconds=4.0, options=negative
    )
    path = recording(tmp_path / name, shape)
    call = wav(tmp_path / "call.wav", noise(1.0, 8000))
    out, done, _ = rendered(source(call), source(path), Alignment(0.5), "webm", is_captured=True)
    before, after = [at_s for at_s, _ in stamps(str(path))], [at_s for at_s, _ in stamps(out)]
    assert before[:2] == pytest.approx([-0.5, -0.4], abs=0.001)
    assert len(before) == len(after)
    assert after[6:] == pytest.approx(before[6:], abs=0.001)
    assert all(0.0 <= at_s < 0.05 for at_s in after[:6])
    assert stamps(out, "audio")[0][0] == pytest.approx(-0.0065, abs=0.001)
    assert done.captured is not None
    assert done.captured.block_pts_s == pytest.approx(done.captured.muxed_pts_s, abs=0.0011)


class Gone(io.BytesIO):
    """A recording that can't be read any more from some moment on."""

    is_gone = False

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, or say that it is gone."""
        if self.is_gone:
            raise StorageError("the recording is gone")
        return super().read(size)


@pytest.mark.parametrize("name", ["sample", "vp8.webm"])
def test_a_recording_that_cant_be_read_on_ends_the_work_at_once(
    name: str, source: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rest isn't made of silence first, to be thrown away at the end."""
    monkeypatch.setattr(container_module, "BUFFER_BYTES", 1 << 14)
    capture, fractions = CAPTURES[name], []
    file = Gone(capture.recording.read_bytes())
    call, own = source(capture.call), Source("recording", file, len(file.getvalue()))
    info, audio = probe_recording(own), probe_call(call).audio
    assert info.video is not None
    assert info.audio is not None
    assert audio is not None
    planned = splice(Alignment(capture.offset_s), call_s=audio.span.end_s, recording_audio=info.audio.span)
    container, copies = plan_container(info.video.codec, None)
    plan = RenderPlan(container, info.video.codec, copies, 16_000, 64_000)

    def advance(fraction: float) -> None:
        fractions.append(fraction)
        file.is_gone = len(fractions) >= 3

    with pytest.raises(StorageError, match="the recording is gone"):
        write_output(RenderJob(planned, plan, call, own, info, info.video), lambda _: io.BytesIO(), advance)
    assert 3 <= len(fractions) <= 6
