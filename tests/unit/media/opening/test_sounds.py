"""Sound of a rate that a recorder has is decoded."""

from __future__ import annotations

import io
import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from made import noise, wav

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.source import Source
from komorebi_qc.media.opening import CALL_FORMATS, RECORDING_FORMATS, open_container
from komorebi_qc.media.opening.pictures import allowed_decoders
from komorebi_qc.media.opening.sounds import check_rate

if TYPE_CHECKING:
    from pathlib import Path


def silence(rate: int) -> bytes:
    """A Matroska file of FLAC: silence of 65,535 samples a packet."""
    file = io.BytesIO()
    with av.open(file, "w", format="matroska") as out:
        stream: Any = out.add_stream("flac", rate=rate, layout="stereo", options={"frame_size": "65535"})
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 2 * 65_535), np.int16), format="s16", layout="stereo")
        frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


def test_a_rate_of_no_recorder_is_refused_before_anything_is_decoded() -> None:
    """Twelve hours of it take 9 MB, and an hour of processor time."""
    content = silence(655_350)
    with (
        pytest.raises(MediaError, match=r"a\.mkv claims 655350 samples a second: its header is damaged; get it again"),
        open_container(Source("a.mkv", io.BytesIO(content), len(content)), RECORDING_FORMATS),
    ):
        pass


def test_sound_in_a_codec_of_old_players_is_refused() -> None:
    """Its decoder is never started; FFmpeg finds Windows Media in a WAV too."""
    header = struct.pack("<4sIHHIIHH", b"fmt ", 16, 0x161, 2, 8000, 16_000, 2, 8)
    body = b"WAVE" + header + struct.pack("<4sI", b"data", 40_000) + bytes(40_000)
    content = b"RIFF" + struct.pack("<I", len(body)) + body
    says = r"a\.wav has sound in WMAV2, which isn't decoded: record or convert it to PCM, AAC or Opus"
    with (
        pytest.raises(MediaError, match=says),
        open_container(Source("a.wav", io.BytesIO(content), len(content)), CALL_FORMATS),
    ):
        pass
    assert not {"wmav2", "mlp", "als", "atrac3"} & set(allowed_decoders().split(","))


@pytest.mark.parametrize("rate", [8000, 48_000, 192_000])
def test_rates_of_recorders_are_decoded(rate: int, tmp_path: Path) -> None:
    """From telephony to studios."""
    content = wav(tmp_path / "a.wav", np.stack([noise(0.2, rate)] * 2, axis=1), rate).read_bytes()
    with open_container(Source("a.wav", io.BytesIO(content), len(content)), CALL_FORMATS) as container:
        assert container.streams.audio[0].rate == rate


@pytest.mark.parametrize(("rate", "is_allowed"), [(3999, False), (4000, True), (384_000, True), (384_001, False)])
def test_the_bounds_are_allowed(rate: int, is_allowed: bool) -> None:  # noqa: FBT001  a parameter of the test
    """And nothing beyond them."""
    if is_allowed:
        check_rate("a.wav", rate)
    else:
        with pytest.raises(MediaError, match="samples a second"):
            check_rate("a.wav", rate)
