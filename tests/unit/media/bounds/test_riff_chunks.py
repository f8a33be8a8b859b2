"""Chunks of a WAV are compared with their bound before FFmpeg takes memory for them."""

from __future__ import annotations

import io
import struct

import bombs
import pytest
from captures import MEDIA

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.source import Source
from komorebi_qc.media.opening import CALL_FORMATS, open_container
from komorebi_qc.media.probe import probe_call


def source(content: bytes) -> Source:
    """A WAV in memory."""
    return Source("call.wav", io.BytesIO(content), len(content))


def test_a_long_text_is_refused() -> None:
    """FFmpeg would take its declared length of memory."""
    says = r"call\.wav has a chunk 'LIST' of 2,000,000,000 bytes by its header, and such a chunk has at most 16,777,216"
    with pytest.raises(MediaError, match=says), open_container(source(bombs.wav_text(2_000_000_000)), CALL_FORMATS):
        pass


@pytest.mark.parametrize("kind", [b"JUNK", b"minf"])
def test_a_chunk_that_is_skipped_may_be_long(kind: bytes) -> None:
    """Recorders pad their headers."""
    whole = (MEDIA / "call.wav").read_bytes()
    padded = whole[:36] + struct.pack("<4sI", kind, 17 << 20) + bytes(17 << 20) + whole[36:]
    assert probe_call(source(padded)).audio == probe_call(source(whole)).audio


@pytest.mark.parametrize("length", [0, 0xFFFFFFFF])
def test_samples_of_unknown_length_end_the_walk(length: int) -> None:
    """The next bytes are samples, not chunks."""
    whole = (MEDIA / "call.wav").read_bytes()
    content = whole[:40] + struct.pack("<I", length) + b"LIST\xff\xff\xff\x7f" * 100
    with open_container(source(content), CALL_FORMATS) as container:
        assert container.streams.audio
