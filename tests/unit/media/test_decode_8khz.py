"""Both sides at 8 kHz, on their own clocks."""

from __future__ import annotations

import io
import sys
import tracemalloc
import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest
from made import RATE as WIDE
from made import Shape, encoded, noise, recording, wav
from signals import shift_samples

from komorebi_qc.core.samples import RATE
from komorebi_qc.core.source import Source
from komorebi_qc.media import decode_8khz as module
from komorebi_qc.media.decode import AudioDecoder
from komorebi_qc.media.decode_8khz import (
    buffer_in_memory,
    decode_call_8khz,
    decode_recording_8khz,
    exact_call,
    probe_and_decode,
)
from komorebi_qc.media.malloc import resident_bytes
from komorebi_qc.media.opening import CALL_FORMATS, open_container
from komorebi_qc.media.plain_call.packed import PackedCall
from komorebi_qc.media.plain_call.wav import PlainWav
from komorebi_qc.media.probe import probe_call, probe_recording

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from captures import Capture

    Open = Callable[[Path], Source]


def stereo(seconds: float, rate: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """Two sides of unlike noise, shape ``(n, 2)``, with nothing above 3 kHz."""
    sides = [noise(seconds, RATE, seed) for seed in (1, 2)]
    at = np.arange(round(seconds * rate)) / rate
    return np.stack([np.interp(at, np.arange(len(s)) / RATE, s) for s in sides], axis=1).astype(np.float32)


def test_connects_own_wav_is_read_piece_by_piece(sample: Capture, source: Open) -> None:
    """It isn't held in memory, and any piece of it equals the file's samples."""
    call = source(sample.call)
    track = decode_call_8khz(call, probe_call(call))
    assert isinstance(track, PlainWav)
    assert track.shape == ((call.size - 44) // 4, 2)
    whole = track[0 : track.shape[0]]
    assert whole.dtype == np.int16
    assert np.array_equal(track[1000:2000], whole[1000:2000])


def test_a_cut_wav_is_as_long_as_its_data(tmp_path: Path, source: Open) -> None:
    """The length in the header is ignored."""
    path = wav(tmp_path / "call.wav", stereo(4.0, RATE))
    path.write_bytes(path.read_bytes()[:-64_000])
    call = source(path)
    track = decode_call_8khz(call, probe_call(call))
    assert track.shape == (2 * RATE, 2)
    assert track[0 : 2 * RATE].shape == (2 * RATE, 2)


@pytest.mark.parametrize(
    ("encoder", "kind", "rate"), [("flac", "flac", 48_000), ("flac", "flac", 44_100), ("libmp3lame", "mp3", 16_000)]
)
def test_other_call_audio_comes_down_to_8_khz_in_place(
    encoder: str, kind: str, rate: int, tmp_path: Path, source: Open
) -> None:
    """At each rate, sample i is at i / 8000 s."""
    pcm = stereo(3.0, rate)
    call = source(encoded(tmp_path / "call", pcm, encoder, rate, kind))
    track = decode_call_8khz(call, probe_call(call))
    got = track[0 : track.shape[0]].astype(np.float32)
    want = stereo(3.0, RATE)
    for side in (0, 1):
        assert abs(shift_samples(want[:, side], got[:, side])) <= 1


@pytest.mark.parametrize("shape", [Shape(), Shape(gap=(1.0, 1.5)), Shape(start_s=2.0)], ids=["plain", "gap", "late"])
def test_the_recording_is_placed_by_its_timestamps(shape: Shape, tmp_path: Path, source: Open) -> None:
    """A gap and a late start don't move what follows by more than a sample and the container's rounding."""
    sound = noise(3.0, WIDE)
    own = source(recording(tmp_path / "a.webm", shape, sound))
    got = decode_recording_8khz(own, probe_recording(own)).astype(np.float32)
    want = sound[::6]
    late = slice(round(1.6 * RATE), round(2.9 * RATE))
    at = late.start + round(shape.start_s * RATE)
    assert abs(shift_samples(want[late], got[at : at + late.stop - late.start])) <= 8


def test_a_recording_without_audio_is_an_empty_track(tmp_path: Path, source: Open) -> None:
    """A recording without audio gives an empty track, and no error."""
    own = source(recording(tmp_path / "a.webm", Shape(audio=None)))
    assert decode_recording_8khz(own, probe_recording(own)).shape == (0,)


def test_a_file_without_an_index_is_probed_and_decoded_in_one_reading(capture: Capture, source: Open) -> None:
    """Tracks and audio equal those of two readings; every packet is passed to the watcher."""
    own = source(capture.recording)
    shown: list[int] = []
    info, sound = probe_and_decode(own, lambda _: lambda packet: shown.append(packet.stream_index))
    assert info == probe_recording(own)
    assert info.video is not None
    assert info.audio is not None
    assert sound is not None
    assert np.array_equal(sound, decode_recording_8khz(own, info))
    assert len(shown) == info.video.packets + (info.audio.packets or 0)


def test_a_file_with_an_index_isnt_decoded_yet(tmp_path: Path, source: Open) -> None:
    """Nothing has to be read to know it."""
    own = source(recording(tmp_path / "a.mp4", Shape(video="libx264", audio="aac")))
    info, sound = probe_and_decode(own)
    assert info == probe_recording(own)
    assert sound is None


def test_a_clock_that_begins_hours_late_is_decoded_later(tmp_path: Path, source: Open) -> None:
    """The origin of its timestamps is known only after they were read."""
    own = source(recording(tmp_path / "a.webm", Shape(start_s=7200.0)))
    info, sound = probe_and_decode(own)
    assert info.origin_s == pytest.approx(7200.0, abs=0.1)
    assert sound is None


def test_hours_of_silence_are_not_allocated(tmp_path: Path, source: Open) -> None:
    """Probing a recording whose timestamps begin two hours late takes no memory for the two hours before them."""
    own = source(recording(tmp_path / "a.webm", Shape(start_s=7200.0)))
    tracemalloc.start()
    try:
        info, sound = probe_and_decode(own)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert sound is None
    assert info.origin_s == pytest.approx(7200.0, abs=0.1)
    assert peak_bytes < 7200 * RATE * 2 / 4
    assert len(decode_recording_8khz(own, info)) < 60 * RATE


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux shows a process's memory in /proc")
def test_hours_of_silence_between_two_sounds_take_no_memory(tmp_path: Path, source: Open) -> None:
    """The system has no memory for zeros that nobody wrote. Eleven hours of audio take 630 MB."""
    own = source(recording(tmp_path / "a.webm", Shape(seconds=4.0, leap=(3.0, 39_600.0))))
    info = probe_recording(own)
    before = resident_bytes()
    sound = decode_recording_8khz(own, info)
    assert resident_bytes() - before < 60e6
    assert len(sound) > 39_600 * RATE
    assert np.abs(sound[: 2 * RATE]).max() > 1000
    assert np.abs(sound[-RATE:]).max() > 1000
    assert not sound[4 * RATE : 30 * RATE].any()


@pytest.mark.parametrize("start_s", [0.0, 7200.0])
def test_a_recording_without_audio_is_probed_without_decoding(start_s: float, tmp_path: Path, source: Open) -> None:
    """Its video is read, and its audio is empty or not requested."""
    own = source(recording(tmp_path / "a.webm", Shape(audio=None, start_s=start_s)))
    info, sound = probe_and_decode(own)
    assert info == probe_recording(own)
    assert sound is None if start_s else sound is not None and sound.shape == (0,)


def test_audio_beyond_the_longest_recording_takes_no_memory(
    tmp_path: Path, source: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A damaged timestamp of days would need days of silence before it."""
    monkeypatch.setattr(module, "LONGEST", 10 * RATE)
    shape = Shape(seconds=4.0, leap=(3.0, 3000.0))
    _, sound = probe_and_decode(source(recording(tmp_path / "a.webm", shape)))
    assert sound is not None
    assert 2 * RATE < len(sound) < 10 * RATE


def test_a_far_call_that_has_to_be_decoded_is_held(tmp_path: Path, sample: Capture) -> None:
    """Its bytes are the same, and it is no longer remote. Connect's own WAV and a local call are unchanged."""
    path = encoded(tmp_path / "a.flac", stereo(2.0, 16_000), "flac", 16_000, "flac")
    call = far(path)
    held = buffer_in_memory(call)
    assert not held.is_remote
    assert held.reopen().file.read() == path.read_bytes()
    assert (held.name, held.size) == (call.name, call.size)
    own, near = far(sample.call), Source("near", io.BytesIO(path.read_bytes()), path.stat().st_size)
    assert buffer_in_memory(own) is own
    assert buffer_in_memory(near) is near


def test_a_far_call_too_large_for_memory_stays_far(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: it is fetched at each reading."""
    call = far(encoded(tmp_path / "a.flac", stereo(2.0, 16_000), "flac", 16_000, "flac"))
    monkeypatch.setattr(module, "MAX_BUFFERED_BYTES", call.size - 1)
    assert buffer_in_memory(call) is call


def far(path: Path) -> Source:
    """A file as if it came over a network."""
    data = path.read_bytes()
    return Source(str(path), io.BytesIO(data), len(data), lambda: io.BytesIO(data))


@pytest.mark.parametrize("is_long", [False, True])
def test_a_far_call_is_held_in_memory_sample_for_sample(
    sample: Capture, source: Open, monkeypatch: pytest.MonkeyPatch, *, is_long: bool
) -> None:
    """It is fetched once, and any piece of it equals the file's samples. Only a long one is packed."""
    if is_long:
        monkeypatch.setattr(module, "PACKED_FROM_BYTES", 1)
    near = decode_call_8khz(source(sample.call), probe_call(source(sample.call)))
    call = far(sample.call)
    held = decode_call_8khz(call, probe_call(call))
    call.file.close()  # the network
    assert isinstance(held, PackedCall if is_long else PlainWav)
    assert held.shape == near.shape
    assert np.array_equal(held[0 : held.shape[0]], near[0 : near.shape[0]])


@pytest.mark.parametrize("riff_bytes", [36, 20_001, 10**9])
@pytest.mark.parametrize("cut", [0, 2, 403])
def test_a_wrong_length_of_the_whole_moves_no_sample(tmp_path: Path, source: Open, cut: int, riff_bytes: int) -> None:
    """Only the length of the samples and the size of the file count, as for other readers."""
    path = tmp_path / "call.wav"
    samples = np.arange(2 * RATE, dtype="<i2").reshape(-1, 2)
    with wave.open(str(path), "wb") as made:
        made.setparams((2, 2, RATE, 0, "NONE", ""))
        made.writeframes(samples.tobytes())
    whole = path.read_bytes()
    path.write_bytes(b"RIFF" + riff_bytes.to_bytes(4, "little") + whole[8 : len(whole) - cut])
    call = source(path)
    track = decode_call_8khz(call, probe_call(call))
    kept = RATE - -(-cut // 4)
    assert kept <= track.shape[0] <= kept + 1
    assert np.array_equal(track[0:kept], samples[:kept])
    assert len(track[0 : track.shape[0]]) == track.shape[0]


def test_a_far_call_too_long_for_memory_stays_where_it_is(sample: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory is bounded: beyond two hours each piece is read when it is needed."""
    monkeypatch.setattr(module, "MAX_PLAIN_BYTES", 20 * RATE * 4)
    call = far(sample.call)
    assert isinstance(decode_call_8khz(call, probe_call(call)), PlainWav)


@pytest.mark.parametrize("front_bytes", [0, 100_000, 10 << 20])
def test_a_far_call_whose_front_is_held_is_the_same_in_both_readings(
    sample: Capture, source: Open, front_bytes: int
) -> None:
    """Every sample is right in the first reading, and in the last one, which releases the memory."""
    near = decode_call_8khz(source(sample.call), probe_call(source(sample.call)))
    expected = near[0 : near.shape[0]]
    call = far(sample.call)
    track = decode_call_8khz(call, probe_call(call), front_bytes=front_bytes)
    assert np.array_equal(np.concatenate([track[at : at + 4000] for at in range(0, track.shape[0], 4000)]), expected)
    exact = exact_call(call, probe_call(call), track)
    assert exact is not None
    blocks = np.concatenate([exact.read(at, 1000) for at in range(0, len(expected), 1000)])[: len(expected)]
    assert np.array_equal(blocks, expected / np.float32(32768.0))


def test_the_exact_call_is_what_a_decoder_gives(sample: Capture, source: Open) -> None:
    """Sample for sample with silence on either side, from the file and from memory."""
    call = source(sample.call)
    info = probe_call(call)
    with open_container(call, CALL_FORMATS) as container:
        expected = AudioDecoder(container, origin_s=None, step_back_s=30.0).read(-100, 25 * RATE)
    for decoded in (None, decode_call_8khz(far(sample.call), info)):
        exact = exact_call(call, info, decoded)
        assert exact is not None
        assert exact.rate == RATE
        assert np.array_equal(exact.read(-100, 25 * RATE), expected)


def test_of_other_call_audio_there_is_no_exact_copy(tmp_path: Path, source: Open) -> None:
    """Only a decoder can read it, and its result was downsampled to 8 kHz."""
    call = source(encoded(tmp_path / "a.flac", stereo(2.0, 16_000), "flac", 16_000, "flac"))
    info = probe_call(call)
    assert exact_call(call, info, decode_call_8khz(call, info)) is None
