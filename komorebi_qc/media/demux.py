"""Opening media files, and their packets (through PyAV).

Files are open file objects, never paths or addresses, and only real containers are opened. Otherwise FFmpeg would
follow the names in a playlist or a script (m3u8, concat, SDP).
"""

from __future__ import annotations

import io
import math
from collections import deque
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO

import av
from av.error import FFmpegError
from av.stream import Discard

from komorebi_qc.core.errors import MediaError
from komorebi_qc.media.truncation import missing_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.container import InputContainer

    from komorebi_qc.core.source import Source

RECORDING_FORMATS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm"
CALL_FORMATS = f"wav,w64,aiff,flac,mp3,ogg,{RECORDING_FORMATS}"
BUFFER_BYTES = 1 << 18
"""A read of a Python file object costs the same whatever its size: FFmpeg's 32 KiB make an hour's file cost 14,000."""
_UNPARSED = ("aac", "opus")
"""Codecs in MP4 whose packets FFmpeg returns unparsed: a parser would hold a packet back."""
_RESUME_MARGIN_S = 2.0
"""FFmpeg reads an MP4's tracks at most one second apart."""


@contextmanager
def open_container(source: Source, formats: str, *, is_read_through: bool = False) -> Iterator[InputContainer]:
    """Open a file object as one of the given container formats, with no other protocol allowed.

    Args:
        source: the file.
        formats: FFmpeg's names, with commas between them.
        is_read_through: the caller won't seek. Otherwise FFmpeg scans all of a fragmented MP4 when it opens it, to know
            where to seek.

    Raises:
        MediaError: The file is empty, or has another format.
    """
    if source.size == 0:
        raise MediaError(f"{source.name} is empty (0 bytes). Its upload or recording failed; get it again")
    source.file.seek(0)
    head = source.file.read(512)
    source.file.seek(0)
    options = {"format_whitelist": formats, "protocol_whitelist": "none", "max_size": "16384"}
    if is_read_through:
        options["fflags"] = "+ignidx"
    reading = _InputFile(source.file)
    try:
        container = av.open(reading, "r", options=options, buffer_size=BUFFER_BYTES, metadata_errors="replace")
    except FFmpegError as error:
        reading.raise_error()
        raise MediaError(_not_media(source, head, error, formats)) from None
    with container:
        try:
            yield container
        except Exception:
            reading.raise_error()
            raise
    reading.raise_error()


class _InputFile:
    """A file as FFmpeg reads it. An error is kept and raised later, because FFmpeg takes it for the end of the file."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._error: BaseException | None = None

    def read(self, size: int) -> bytes:
        if self._error is not None:
            return b""
        try:
            return self._file.read(size)
        except BaseException as error:  # noqa: BLE001  an interrupt must not be lost in C either
            self._error = error
            return b""

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def raise_error(self) -> None:
        """Raise the error that a read met, if there was one."""
        if self._error is not None:
            raise self._error


def _not_media(source: Source, head: bytes, error: FFmpegError, formats: str) -> str:
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
            return (
                f"{source.name} is cut off before its index ({missing} bytes are missing). "
                "Nothing in it can be played; get the whole file again"
            )
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


def packets(container: InputContainer, streams: list[Any]) -> Iterator[Any]:
    """Yield packets that aren't empty, until the end or the first place that can't be read.

    An error of the file behind `open_container` is raised after the last packet, not when the container is closed:
    hours may be between the two.
    """
    try:
        for packet in container.demux(streams):
            if packet.size:
                yield packet
    except FFmpegError:
        pass
    reading = container.file.file if container.file is not None else None
    if isinstance(reading, _InputFile):
        reading.raise_error()


def video_stream(container: InputContainer) -> Any:
    """The first video track with a decoder that isn't a cover picture; None without one."""
    videos = (s for s in container.streams.video if not s.disposition & av.stream.Disposition.attached_pic)
    return next((s for s in videos if s.codec_context is not None), None)


def audio_stream(container: InputContainer) -> Any:
    """The first audio track that has a decoder; None without one."""
    return next((s for s in container.streams.audio if s.codec_context is not None), None)


def codec_name(stream: Any) -> str:
    """FFmpeg's name of the codec, independent of the decoder: ``av1``, not ``libdav1d``."""
    context = stream.codec_context
    return "unknown" if context is None else str(context.codec.canonical_name)


class PacketDemuxer:
    """One reading of a file, split by track: a request for one track's next packet reads on for all tracks.

    All tracks are subscribed to before the first packet is taken. Unwanted packets are dropped as they are read, or
    aren't read at all. The others wait in memory, which takes little in a file that interleaves its tracks.
    """

    def __init__(self, container: InputContainer, watch: Callable[[Any], None] | None = None) -> None:
        """Demux a file.

        Args:
            container: the file.
            watch: called with every packet of the subscribed tracks, wanted or not, as it is read.
        """
        self._container = container
        self._watch = watch
        self._waiting: dict[int, deque[Any]] = {}
        self._wants: dict[int, Callable[[Any], bool] | None] = {}
        self._resumes_at_s: dict[int, Callable[[], float]] = {}
        self._streams: list[Any] = []
        self._packets: Iterator[Any] | None = None
        self._latest_dts: dict[int, float] = {}
        self._paused: tuple[Any, int, int] | None = None
        """A track that FFmpeg skips, and the track and timestamp that end the pause."""

    def subscribe(
        self, stream: Any, wants: Callable[[Any], bool] | None = None, resumes_at_s: Callable[[], float] | None = None
    ) -> Iterator[Any]:
        """Yield a track's packets in file order. None stands for one or more unwanted packets.

        Args:
            stream: the track.
            wants: whether a packet is wanted; None if all are.
            resumes_at_s: after an unwanted packet, the timestamp from which packets are wanted again.
        """
        self._streams.append(stream)
        self._waiting[stream.index] = deque()
        self._wants[stream.index] = wants
        if resumes_at_s is not None:
            self._resumes_at_s[stream.index] = resumes_at_s
        return self._of(stream.index)

    def _of(self, index: int) -> Iterator[Any]:
        waiting = self._waiting[index]
        while True:
            while waiting:
                yield waiting.popleft()
            if not self._read_for(waiting):
                return

    def _read_for(self, requested: deque[Any]) -> bool:
        """Read until that queue has a packet; False at the end."""
        if self._packets is None:
            self._packets = packets(self._container, self._streams)
        watch = self._watch
        for packet in self._packets:
            index = packet.stream_index
            waiting = self._waiting.get(index)
            if waiting is None:  # a damaged file may invent tracks as it goes
                continue
            if watch is not None:
                watch(packet)
            elif self._paused is not None:
                self._resume(index, packet)
            wants = self._wants[index]
            if wants is None:
                self._latest_dts[index] = packet.dts if packet.dts is not None else -math.inf
                waiting.append(packet)
            elif wants(packet):
                waiting.append(packet)
            elif not waiting or waiting[-1] is not None:
                waiting.append(None)
                self._pause(packet)
            if requested:
                return True
        return False

    def _pause(self, packet: Any) -> None:
        """Let FFmpeg skip an unwanted track: a packet that reaches Python costs as much as copying ten.

        Before the track is wanted again, a packet of another track has to end the pause. Only the index of an MP4
        proves that there is such a packet.
        """
        index = packet.stream_index
        resumes_at_s = self._resumes_at_s.get(index)
        if resumes_at_s is None or self._paused is not None or self._watch is not None:
            return
        wanted_s = resumes_at_s()
        if math.isinf(wanted_s):
            packet.stream.discard = Discard.all
            return
        clock = next((s for s in self._streams if s.index != index and self._wants[s.index] is None), None)
        if clock is None or not has_index(self._container) or codec_name(packet.stream) not in _UNPARSED:
            return
        entries, base = clock.index_entries, float(clock.time_base)
        at = entries.search_timestamp(int((wanted_s - _RESUME_MARGIN_S) / base), backward=True, any_frame=True)
        while at >= 0 and not entries[at].size:  # an empty packet is never returned
            at -= 1
        if at < 0 or entries[at].timestamp * base <= packet.dts * float(packet.time_base) + _RESUME_MARGIN_S:
            return
        if entries[at].timestamp <= self._latest_dts.get(clock.index, -math.inf):
            return  # it was read already
        self._paused = (packet.stream, clock.index, entries[at].timestamp)
        packet.stream.discard = Discard.all

    def _resume(self, index: int, packet: Any) -> None:
        if self._paused is None:
            return
        stream, clock, dts = self._paused
        if index == clock and packet.dts is not None and packet.dts >= dts:
            stream.discard = Discard.default
            self._paused = None


def has_index(container: InputContainer) -> bool:
    """Whether the header lists every packet: an MP4 that isn't fragmented. Tools write such files, browsers don't."""
    return "mp4" in container.format.name and all(s.frames for s in container.streams if s.type in ("video", "audio"))
