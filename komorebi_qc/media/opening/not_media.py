"""Sentences for files that aren't media, or not the expected media."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.media.opening.formats import RECORDING_FORMATS
from komorebi_qc.media.truncation import cut_off, missing_bytes

if TYPE_CHECKING:
    from av.error import FFmpegError

    from komorebi_qc.core.source import Source


def not_media(source: Source, head: bytes, error: FFmpegError, formats: str) -> str:
    """The sentence for a file that FFmpeg can't open: a guess at what it is, and the remedy.

    Args:
        source: the file.
        head: its first bytes.
        error: FFmpeg's error.
        formats: the allowed formats.
    """
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        if formats == RECORDING_FORMATS:
            return f"{source.name} is a WAV, not an agent recording: were call audio and recording swapped?"
        return f"{source.name} is a WAV without audio ({_reason(error)}): get it again from Connect's bucket"
    known = next((kind for start, kind in _OTHER_MEDIA.items() if head.startswith(start)), None)
    if known is not None:
        return f"{source.name} is {known}, which isn't supported: record or convert it to MP4, WebM or Matroska"
    if head[4:8] in (b"ftyp", b"mdat", b"wide", b"free") or head[:4] == b"\x1aE\xdf\xa3":
        missing = missing_bytes(source.file)
        if missing:
            return cut_off(source.name, missing)
        return f"{source.name} looks like a video file but can't be opened ({_reason(error)}): get it again"
    return f"{source.name} isn't media ({_guess(head)}): expected a recording in MP4 or WebM, or call audio in WAV"


_OTHER_MEDIA = {
    b"RIFF": "an AVI file or another RIFF file",
    b"OggS": "an Ogg file",
    b"G@": "an MPEG transport stream",
    b"\x00\x00\x01\xba": "an MPEG program stream",
    b"FLV": "a Flash video",
    b"ID3": "an MP3 file",
    b"fLaC": "a FLAC file",
}


def _reason(error: FFmpegError) -> str:
    return (error.strerror or type(error).__name__).lower()


def _guess(head: bytes) -> str:
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    guesses = {
        b"#EXTM3U": "it is a playlist",
        b"ffconcat": "it is a concat script",
        b"v=0": "it is an SDP session description",
        b"<svg": "it is an SVG drawing",
        b"<?xml": "it is XML",
        b"<": "it is a web page or an error message in XML",
        b"{": "it is JSON",
        b"PK": "it is a zip archive",
        b"%PDF": "it is a PDF",
        b"\x89PNG": "it is a picture",
        b"\xff\xd8": "it is a picture",
        b"\x1f\x8b": "it is a gzip archive",
    }
    for start, guess in guesses.items():
        if text.startswith(start):
            return guess
    if not head.strip(b"\0"):
        return "it begins with nothing but zero bytes"
    if all(byte in b"\t\r\n" or 32 <= byte < 127 for byte in head):
        return "it is text"
    return f"it begins with the bytes {head[:8].hex(' ')}"
