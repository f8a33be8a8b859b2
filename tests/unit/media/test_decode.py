"""Decoded samples are placed by their timestamps."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from captures import CAPTURES
from hypothesis import given, settings
from hypothesis import strategies as st
from made import RATE, Shape, encoded, noise, recording, wav
from signals import shift_samples
from trembling import CHROMIUM_MS

from komorebi_qc.core.source import Source
from komorebi_qc.core.timebase import Span
from komorebi_qc.media.decode import AudioDecoder
from komorebi_qc.media.demux import PacketDemuxer
from komorebi_qc.media.opening import CALL_FORMATS, RECORDING_FORMATS, open_container, video_stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from komorebi_qc.core.samples import Pcm

    Open = Callable[[Path], Source]


@pytest.mark.parametrize(
    ("name", "audio"), [("a.webm", "libopus"), ("a.mp4", "aac"), ("a.mkv", "aac"), ("a.mp4", "libopus")]
)
@pytest.mark.parametrize(("start_s", "within_s"), [(0.0, 1e-4), (2.0, 1e-3)])
def test_audio_is_decoded_at_its_place(
    name: str, audio: str, start_s: float, within_s: float, tmp_path: Path, source: Open
) -> None:
    """Encoder delay and pre-skip don't move the audio; a late start moves it by at most the file's rounding (ms)."""
    sound = noise(3.0, RATE)
    video = "libvpx" if name.endswith("webm") else "libx264"
    path = recording(tmp_path / name, Shape(audio=audio, video=video, start_s=start_s), sound)
    with open_container(source(path), RECORDING_FORMATS) as container:
        track = AudioDecoder(container)
        pcm = track.read(0, int((start_s + 3) * RATE))
    assert abs(shift_samples(sound, pcm[:, 0]) - start_s * RATE) <= RATE * within_s
    assert track.failures == 0


def test_a_gap_is_silence_and_moves_nothing(tmp_path: Path, source: Open) -> None:
    """Lost buffers leave silence; the audio after them keeps its own time."""
    sound = noise(3.0, RATE)
    path = recording(tmp_path / "a.webm", Shape(gap=(1.0, 1.5)), sound)
    with open_container(source(path), RECORDING_FORMATS) as container:
        pcm = AudioDecoder(container).read(0, 3 * RATE)
    assert np.abs(pcm[int(1.08 * RATE) : int(1.45 * RATE)]).max() < 0.01
    late = slice(int(1.6 * RATE), int(2.9 * RATE))
    assert abs(shift_samples(sound[late], pcm[late, 0])) <= RATE * 1e-3


def test_reading_in_the_middle_gives_the_same_samples(source: Open) -> None:
    """The audio before it isn't decoded, and the samples equal those of a read from the start."""
    path = CAPTURES["sample"].recording
    with open_container(source(path), RECORDING_FORMATS) as container:
        whole = AudioDecoder(container, step_back_s=60.0).read(0, 28 * RATE)
    with open_container(source(path), RECORDING_FORMATS) as container:
        track = AudioDecoder(container, spans=[Span(24.0, 28.0)])
        late = track.read(24 * RATE, 4 * RATE)
        assert track.packets < 250
    assert abs(shift_samples(whole[24 * RATE :, 0], late[:, 0])) <= 24  # whole milliseconds in the container: 0.5 ms
    assert np.corrcoef(whole[24 * RATE + RATE :, 0], late[RATE:, 0])[0, 1] > 0.99


@pytest.mark.parametrize("capture_name", ["vp8.webm", "h264.mkv", "av1.webm"])
def test_a_late_read_keeps_its_place(capture_name: str, source: Open) -> None:
    """The same holds for timestamps in whole milliseconds without an index."""
    path = CAPTURES[capture_name].recording
    with open_container(source(path), RECORDING_FORMATS) as container:
        whole = AudioDecoder(container, step_back_s=60.0).read(0, 13 * RATE)
    with open_container(source(path), RECORDING_FORMATS) as container:
        late = AudioDecoder(container, spans=[Span(10.0, 13.0)]).read(10 * RATE, 3 * RATE)
    assert abs(shift_samples(whole[10 * RATE :, 0], late[:, 0])) <= 48


@pytest.mark.parametrize("width", [2, 3])
@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_wav_of_any_width_and_rate_is_read_exactly(width: int, rate: int, tmp_path: Path, source: Open) -> None:
    """16 and 24 bits come out as they went in."""
    pcm = np.stack([noise(1.0, rate, 1), noise(1.0, rate, 2)], axis=1)
    path = wav(tmp_path / "call.wav", pcm, rate, width)
    with open_container(source(path), CALL_FORMATS) as container:
        track = AudioDecoder(container)
        assert track.rate == rate
        got = track.read(0, rate)
    assert np.abs(got - pcm).max() < 2.0 ** -(8 * width - 2)


@pytest.mark.parametrize(("encoder", "kind"), [("libmp3lame", "mp3"), ("flac", "flac"), ("pcm_mulaw", "wav")])
def test_compressed_call_audio_is_read_in_place(encoder: str, kind: str, tmp_path: Path, source: Open) -> None:
    """MP3 and FLAC have the same audio at the same time."""
    pcm = np.stack([noise(2.0, 16_000, 1), noise(2.0, 16_000, 2)], axis=1)
    path = encoded(tmp_path / "call.bin", pcm, encoder, 16_000, kind)
    with open_container(source(path), CALL_FORMATS) as container:
        got = AudioDecoder(container, origin_s=None).read(0, 32_000)
    assert abs(shift_samples(pcm[:, 0], got[:, 0])) <= 1
    assert abs(shift_samples(pcm[:, 1], got[:, 1])) <= 1


def test_mono_plays_on_both_sides_and_surround_is_mixed(tmp_path: Path, source: Open) -> None:
    """Every layout gives two equal sides at their own level."""
    for channels in (1, 6):
        path = recording(tmp_path / f"{channels}.mkv", Shape(audio="aac", video="libx264", channels=channels))
        with open_container(source(path), RECORDING_FORMATS) as container:
            pcm = AudioDecoder(container).read(0, 2 * RATE)
        assert np.array_equal(pcm[:, 0], pcm[:, 1])
        assert 0.2 < np.abs(pcm).max() < 0.7


@settings(max_examples=25, deadline=None)
@given(st.lists(st.integers(-40_000, 60_000), min_size=1, max_size=12))
def test_any_order_of_forward_reads_gives_the_same_samples(steps: list[int]) -> None:
    """Reads that go forwards, or back by less than the room kept, never change what is read."""
    path = CAPTURES["vp8.webm"].recording
    with path.open("rb") as file:
        source = Source(str(path), file, path.stat().st_size)
        with open_container(source.reopen(), RECORDING_FORMATS) as container:
            whole = AudioDecoder(container, step_back_s=60.0).read(0, 14 * RATE)
        with open_container(source.reopen(), RECORDING_FORMATS) as container:
            track = AudioDecoder(container, step_back_s=20.0)
            at = 0
            for step in steps:
                at = max(0, min(at + step, 13 * RATE))
                assert np.array_equal(track.read(at, 4800), whole[at : at + 4800])


def test_before_the_start_and_behind_the_end_is_silence(source: Open) -> None:
    """A read outside the track gives silence."""
    with open_container(source(CAPTURES["vp8.webm"].call), CALL_FORMATS) as container:
        track = AudioDecoder(container)
        assert not track.read(-8000, 8000).any()
        assert not track.read(100 * 8000, 8000).any()


def test_outside_the_spans_nothing_is_decoded(tmp_path: Path, source: Open) -> None:
    """Two stretches are wanted: they are where they were, the rest is silence and was never decoded."""
    sound = noise(40.0, RATE)
    path = recording(tmp_path / "a.mp4", Shape(seconds=40.0, fps=2, video="libx264", audio="aac"), sound)
    with open_container(source(path), RECORDING_FORMATS) as container:
        track = AudioDecoder(container, spans=[Span(2.0, 4.0), Span(36.0, 39.0)])
        got = track.read(0, 40 * RATE)
        assert track.packets < 310
    for low, high in ((2 * RATE, 4 * RATE), (36 * RATE, 39 * RATE)):
        assert abs(shift_samples(sound[low:high], got[low:high, 0])) <= 1
        assert np.corrcoef(sound[low:high], got[low:high, 0])[0, 1] > 0.9  # AAC changes noise
    assert not got[5 * RATE : 35 * RATE].any()


@pytest.mark.parametrize("suffix", ["wav", "flac"])
def test_a_span_begins_in_the_middle_of_a_long_packet(suffix: str, tmp_path: Path, source: Open) -> None:
    """A WAV has packets of half a second: a span gets the part in its first packet as well."""
    sound = noise(60.0, 8000)
    path = wav(tmp_path / "a.wav", sound)
    if suffix == "flac":
        path = encoded(tmp_path / "a.flac", np.repeat(sound[:, None], 2, axis=1), "flac", 8000, "flac")
    spans = [Span(at_s, at_s + 1.5) for at_s in (5.05, 11.17, 20.33, 33.41, 47.49)]
    with open_container(source(path), CALL_FORMATS) as container:
        track = AudioDecoder(container, origin_s=None, spans=spans)
        for span in spans:
            low = round(span.start_s * 8000)
            assert track.read(low, 12_000)[:, 0] == pytest.approx(sound[low : low + 12_000], abs=1e-3)


def test_captured_spans_equal_a_read(tmp_path: Path, source: Open) -> None:
    """Captured samples equal a read of the same spans, also of spans that aren't read; before 0 is silence."""
    sound = noise(12.0, RATE)
    path = recording(tmp_path / "a.mp4", Shape(seconds=12.0, fps=2, video="libx264", audio="aac"), sound)
    kept = [Span(-0.5, 0.5), Span(3.0, 4.0), Span(3.5, 5.0), Span(10.0, 11.0)]
    with open_container(source(path), RECORDING_FORMATS) as container:
        track = AudioDecoder(container, step_back_s=20.0)
        expected = [track.read(round(span.start_s * RATE), round(span.length_s * RATE)) for span in kept]
    with open_container(source(path), RECORDING_FORMATS) as container:
        track = AudioDecoder(container, spans=[Span(0.0, 0.5), Span(3.0, 5.0), Span(10.0, 11.0)], captured=kept)
        track.read_to_end()
        found = track.captured()
    assert [first for first, _ in found] == [round(span.start_s * RATE) for span in kept]
    for (_, pcm), reading in zip(found, expected, strict=True):
        assert pcm.shape == reading.shape
        assert alike(pcm, reading)


@pytest.fixture(scope="module")
def minute(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An MP4 of a minute."""
    path = tmp_path_factory.mktemp("minute") / "a.mp4"
    return recording(path, Shape(seconds=60.0, fps=4, video="libx264", audio="aac"), noise(60.0, RATE))


@pytest.mark.parametrize("wanted", [[], [Span(30.0, 32.0)], [Span(1.0, 2.0), Span(30.0, 32.0), Span(56.0, 59.0)]])
def test_a_paused_track_gets_every_wanted_packet(wanted: list[Span], minute: Path, source: Open) -> None:
    """The demuxer skips unwanted audio of an MP4; wanted audio and the video are complete."""
    path = minute
    with open_container(source(path), RECORDING_FORMATS) as container:
        whole = AudioDecoder(container, step_back_s=70.0).read(0, 60 * RATE)
    with open_container(source(path), RECORDING_FORMATS) as container:
        demuxer = PacketDemuxer(container)
        frames = demuxer.subscribe(video_stream(container))
        track = AudioDecoder(container, spans=wanted, demuxer=demuxer, step_back_s=70.0)
        count = sum(1 for _ in frames)
        got = track.read(0, 60 * RATE)
        # The first ones settle where the track begins; those next to a wanted stretch are handed out as well.
        assert track.packets < 60 + (sum(span.length_s for span in wanted) + 1.0 * len(wanted)) * RATE / 1024
    assert count == len(stamps(path))
    for span in wanted:
        low, high = round(span.start_s * RATE), round(span.end_s * RATE)
        assert alike(got[low:high], whole[low:high])


def alike(one: Pcm, other: Pcm) -> bool:
    """Whether both are the same, except for the noise that AAC's decoder adds after a restart."""
    return float(np.corrcoef(one[:, 0], other[:, 0])[0, 1]) > 0.98


def test_two_tracks_share_one_reading(source: Open) -> None:
    """The audio is the same whether the file is read for it alone or for the video as well."""
    path = CAPTURES["vp8.webm"].recording
    with open_container(source(path), RECORDING_FORMATS) as container:
        alone = AudioDecoder(container, step_back_s=20.0).read(0, 14 * RATE)
    with open_container(source(path), RECORDING_FORMATS) as container:
        demuxer = PacketDemuxer(container)
        frames = demuxer.subscribe(video_stream(container))
        track = AudioDecoder(container, demuxer=demuxer, step_back_s=20.0)
        first = [next(frames) for _ in range(20)]
        together = track.read(0, 14 * RATE)
        assert len(first) + sum(1 for _ in frames) == len(stamps(path))
    assert np.array_equal(alone, together)


def stamps(path: Path) -> list[int]:
    """The video packets' timestamps, by a separate reading."""
    with av.open(str(path), "r") as container:
        return [p.pts for p in container.demux(container.streams.video[0]) if p.size and p.pts is not None]


def test_audio_of_more_than_eight_channels_is_damage(tmp_path: Path, source: Open) -> None:
    """Sixteen planes would crash the process: such packets count as damaged, and are silent."""
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("aac", rate=RATE)
        stream.layout = "hexadecagonal"
        planar = av.AudioResampler("fltp", "hexadecagonal", RATE)
        for number in range(20):
            frame = av.AudioFrame.from_ndarray(
                np.zeros((1, 16 * 1024), np.float32), format="flt", layout="hexadecagonal"
            )
            frame.sample_rate, frame.pts = RATE, number * 1024
            for ready in planar.resample(frame):
                out.mux(stream.encode(ready))
        out.mux(stream.encode(None))
    with open_container(source(path), RECORDING_FORMATS) as container:
        track = AudioDecoder(container)
        assert not track.read(0, RATE // 4).any()
        assert track.failures > 0


def stamped(path: Path, sound: Pcm, offsets_s: Callable[[int], float], length: int = 960) -> Path:
    """A file whose packets of so many samples have timestamps off by `offsets_s` of the packet's number."""
    with av.open(str(path), "w") as out:
        stream: Any = out.add_stream("pcm_s16le", rate=RATE, layout="mono")
        for number, low in enumerate(range(0, len(sound), length)):
            part = (sound[low : low + length] * 32767).astype(np.int16)
            made = av.AudioFrame.from_ndarray(part[None], format="s16", layout="mono")
            made.sample_rate = RATE
            made.pts = low + round(offsets_s(number) * RATE)
            out.mux(stream.encode(made))
        out.mux(stream.encode(None))
    return path


@pytest.mark.parametrize("step_s", [0.02, -0.02])
def test_a_step_in_the_middle_of_a_second_is_kept(step_s: float, tmp_path: Path, source: Open) -> None:
    """Audio before a step stays, audio after it moves, and an overlap is trimmed, not mixed."""
    sound = noise(3.0, RATE)
    at = 72_000  # 1.5 s, between two packets
    path = stamped(tmp_path / "a.mkv", sound, lambda number: step_s if number >= at // 960 else 0.0)
    with open_container(source(path), RECORDING_FORMATS) as container:
        got = AudioDecoder(container, step_back_s=9.0).read(0, 4 * RATE)[:, 0]
    moved = round(step_s * RATE)
    assert np.abs(got[:at] - sound[:at]).max() < 1e-4
    begins = at + max(moved, 0)
    assert np.abs(got[begins : 3 * RATE + moved] - sound[begins - moved :]).max() < 1e-4
    assert not np.abs(got[at:begins]).any()


@pytest.mark.parametrize("length", [960, 1920, 2880, 24_000])
def test_timestamps_that_tremble_move_nothing(length: int, tmp_path: Path, source: Open) -> None:
    """Samples count on from the mean of the timestamps; a packet whose timestamp alone is late stays, too."""
    sound = noise(30.0, RATE)

    def offset_s(number: int) -> float:
        alone_s = 0.016 if length < RATE // 10 and number % 100 == 63 else 0.0
        return 0.1 + CHROMIUM_MS[number % 8] * 1e-3 + alone_s

    path = stamped(tmp_path / "a.mkv", sound, offset_s, length)
    with open_container(source(path), RECORDING_FORMATS) as container:
        decoder = AudioDecoder(container)
        blocks = list(decoder.chunks())
    assert all(start + len(pcm) == after for (start, pcm), (after, _) in pairwise(blocks))
    pcm = np.concatenate([pcm[:, 0] for _, pcm in blocks])
    assert np.abs(pcm - sound).max() < 1e-4
    assert blocks[0][0] / RATE == pytest.approx(0.101, abs=0.001 if length < RATE // 10 else 0.005)


def test_a_step_among_timestamps_that_tremble(tmp_path: Path, source: Open) -> None:
    """It is followed once, by its own size, and the place of the audio behind it is that of the timestamps' mean."""
    sound = noise(20.0, RATE)
    at = 150
    path = stamped(
        tmp_path / "a.mkv",
        sound,
        lambda number: 0.1 + CHROMIUM_MS[number % 8] * 1e-3 + (0.040 if number >= at else 0.0),
        2880,
    )
    with open_container(source(path), RECORDING_FORMATS) as container:
        blocks = list(AudioDecoder(container).chunks())
    gaps = [(start + len(pcm), after) for (start, pcm), (after, _) in pairwise(blocks) if start + len(pcm) != after]
    ((end, after),) = gaps
    assert after - end == pytest.approx(0.040 * RATE, abs=0.001 * RATE)
    assert end - blocks[0][0] == at * 2880
    with open_container(source(path), RECORDING_FORMATS) as container:
        late = AudioDecoder(container, spans=[Span(16.0, 18.0)]).read(16 * RATE, 2 * RATE)[:, 0]
    expected = sound[round(15.859 * RATE) : round(17.859 * RATE)]
    assert abs(shift_samples(expected, late)) < 0.001 * RATE


def test_a_slow_sample_clock_is_followed(tmp_path: Path, source: Open) -> None:
    """A drift of 400 ppm: half a minute has a handful of small steps, and the audio is never 3 ms off."""
    sound = noise(30.0, RATE)
    path = stamped(tmp_path / "a.mkv", sound, lambda number: 0.1 + number * 0.02 * 400e-6)
    with open_container(source(path), RECORDING_FORMATS) as container:
        decoder = AudioDecoder(container)
        blocks = list(decoder.chunks())
    count = 0
    for start, pcm in blocks:
        assert abs(start / RATE - 0.1 - count / RATE * (1 + 400e-6)) < 0.003
        count += len(pcm)
    assert count == len(sound)


def test_few_long_packets_are_waited_for(tmp_path: Path, source: Open) -> None:
    """A WAV's packets are half a second long: reading its beginning decodes three more, not sixteen."""
    path = wav(tmp_path / "call.wav", noise(60.0, 8000))
    with open_container(source(path), CALL_FORMATS) as container:
        track = AudioDecoder(container, origin_s=None)
        track.read(0, 8000)
        assert track.packets < 8
