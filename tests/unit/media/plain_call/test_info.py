"""Connect's own WAV is described from its header as FFmpeg describes it."""

from __future__ import annotations

import io
import struct
import wave
from typing import TYPE_CHECKING

import numpy as np
import pytest

from komorebi_qc.core.source import Source
from komorebi_qc.media.plain_call.info import plain_info
from komorebi_qc.media.probe import probe_call

if TYPE_CHECKING:
    from numpy.typing import NDArray


def _wav(samples: NDArray[np.int16], rate: int = 8000) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return out.getvalue()


def _source(content: bytes) -> Source:
    return Source("call.wav", io.BytesIO(content), len(content))


SOUND = np.random.default_rng(1).integers(-3000, 3000, (8000 * 3 + 1, 2), np.int16)
WHOLE = _wav(SOUND)
LISTED = struct.pack("<4sI4s", b"LIST", 4, b"INFO")


@pytest.mark.parametrize(
    "content",
    [WHOLE, WHOLE[:-5000], WHOLE[:-5001], WHOLE[:12] + LISTED + WHOLE[12:], WHOLE + LISTED],
    ids=["whole", "cut off", "cut within a sample", "list before", "list behind"],
)
def test_the_header_shows_what_ffmpeg_finds(content: bytes) -> None:
    """Length, missing bytes and codec are those of the whole probe."""
    found = plain_info(_source(content))
    assert found is not None
    assert found == probe_call(_source(content))


BEHIND = WHOLE[:12] + struct.pack("<4sI", b"LIST", 0xFFFFFFF0) + WHOLE[12:]
"""A chunk ends behind the file."""


@pytest.mark.parametrize("content", [_wav(SOUND, 16_000), _wav(SOUND[:, :1]), _wav(SOUND[:0]), b"RIFF", b"", BEHIND])
def test_other_files_are_left_to_ffmpeg(content: bytes) -> None:
    """Another rate, one channel, no samples or no WAV: the whole probe describes or refuses it."""
    assert plain_info(_source(content)) is None
