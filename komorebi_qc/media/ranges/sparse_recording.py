"""An agent recording whose audio is read span by span: by its index, or by the places where reading may begin."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, BinaryIO, Protocol, cast

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.source import Source
from komorebi_qc.core.timebase import Span
from komorebi_qc.media.decode import AudioDecoder
from komorebi_qc.media.decode_8khz import runs_8khz
from komorebi_qc.media.demux import PacketDemuxer, has_index
from komorebi_qc.media.opening import RECORDING_FORMATS, audio_stream, open_container
from komorebi_qc.media.probe import probe_recording, probed_recording
from komorebi_qc.media.ranges import mp4_parts, webm_parts
from komorebi_qc.media.ranges.blocks import BLOCK_BYTES, BlockFile
from komorebi_qc.media.ranges.part_file import PartFile
from komorebi_qc.media.ranges.seeking import PREROLL_S, SeekingDemuxer
from komorebi_qc.media.ranges.sync_points import SyncPoint, SyncPoints

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import numpy as np
    from av.container import InputContainer
    from numpy.typing import NDArray

    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.media.ranges.sync_points import Finder

_FRONT_BYTES = (2 * BLOCK_BYTES, 32 * BLOCK_BYTES)
_SEEK_BYTES = 32 << 10
_EBML = b"\x1a\x45\xdf\xa3"
_AUDIO_ENDS_EARLY_S = 1.0
"""Before the last part's first timestamp, at most."""
_LAST_PARTS_S = (0.0, 5.0, 30.0)
"""The last part begins so much before the last point, if the parts behind it are damaged or have no audio."""
_OPENING_S = 1.5
"""Read from the start: a decoder's first packets show how a file's timestamps differ from the count of samples."""


class SparseRecording(Protocol):
    """A recording that is read span by span.

    Attributes:
        info: its tracks. Without an index, the numbers of packets are those of its first and last part.
        is_indexed: whether an index lists all of its packets.
        trembles: whether the timestamps of its audio tremble, in the parts that were read so far.
    """

    info: MediaInfo
    is_indexed: bool
    trembles: bool

    @property
    def length_s(self) -> float:
        """The end of its audio."""
        ...

    @property
    def fetched_bytes(self) -> int:
        """The bytes that were read of the file so far."""
        ...

    def read(self, spans: Sequence[Span]) -> Iterator[tuple[int, NDArray[np.int16]]]:
        """Yield ``(index at 8 kHz, samples)`` of spans in order."""
        ...


@contextmanager
def sparse_recording(source: Source) -> Iterator[SparseRecording | None]:
    """Open a recording to be read by spans; None if only a whole reading serves.

    Raises:
        MediaError: it isn't a recording.
    """
    blocks = BlockFile(source)
    head = blocks.read_at(0, 16)
    with ExitStack() as stack:
        parts = _webm(blocks, source) if head.startswith(_EBML) else _fragments(blocks, source)
        if parts is not None:
            yield parts
            return
        if head[4:8] != b"ftyp":
            yield None
            return
        whole = replace(source, file=cast("BinaryIO", blocks), open_again=None)
        container, info = stack.enter_context(probed_recording(whole.reopen(), buffer_bytes=_SEEK_BYTES))
        if not has_index(container) or info.audio is None or info.missing_bytes:
            yield None
            return
        yield _Indexed(blocks, container, info)


class _Read:
    """A file that is read block by block."""

    def __init__(self, blocks: BlockFile, info: MediaInfo) -> None:
        self._blocks, self.info = blocks, info
        self.trembles = False

    @property
    def length_s(self) -> float:
        return 0.0 if self.info.audio is None else self.info.audio.span.end_s

    @property
    def fetched_bytes(self) -> int:
        return self._blocks.fetched_bytes

    def _decoded(
        self, container: InputContainer, demuxer: PacketDemuxer, spans: Sequence[Span]
    ) -> Iterator[tuple[int, NDArray[np.int16]]]:
        decoder = AudioDecoder(container, origin_s=self.info.origin_s, spans=spans, demuxer=demuxer)
        yield from runs_8khz(decoder)
        self.trembles |= decoder.trembles


class _Indexed(_Read):
    """A file whose index lists its packets."""

    is_indexed = True

    def __init__(self, blocks: BlockFile, container: InputContainer, info: MediaInfo) -> None:
        super().__init__(blocks, info)
        self._container = container

    def read(self, spans: Sequence[Span]) -> Iterator[tuple[int, NDArray[np.int16]]]:
        origin_s = self.info.origin_s
        own = [Span(span.start_s + origin_s, span.end_s + origin_s) for span in spans]
        yield from self._decoded(self._container, SeekingDemuxer(self._container, own, self._blocks.prefetch), spans)


class _Parts(_Read):
    """A file without an index: a head, and parts that can be read behind it."""

    is_indexed = False

    def __init__(self, blocks: BlockFile, source: Source, head: bytes, points: SyncPoints, last: SyncPoint) -> None:
        self._blocks, self._source, self._head, self._points = blocks, source, head, points
        self._opening = self._stretch(points.first, points.after(points.first.time_s + _OPENING_S))
        ends = (
            [self._opening, (last.at, source.size)] if last.at > points.first.at else [(points.first.at, source.size)]
        )
        super().__init__(blocks, probe_recording(self._file(ends)))
        audio = self.info.audio
        self.has_end = audio is not None and audio.span.end_s + self.info.origin_s >= last.time_s - _AUDIO_ENDS_EARLY_S

    def read(self, spans: Sequence[Span]) -> Iterator[tuple[int, NDArray[np.int16]]]:
        origin_s = self.info.origin_s
        stretches = [self._opening]
        for span in spans:
            first = self._points.before(span.start_s + origin_s - 2 * PREROLL_S)
            stop = self._points.after(span.end_s + origin_s + 2 * PREROLL_S)
            begin, end = self._stretch(first, stop)
            if begin <= stretches[-1][1]:
                stretches[-1] = (stretches[-1][0], max(stretches[-1][1], end))
            else:
                stretches.append((begin, end))
        with open_container(self._file(stretches), RECORDING_FORMATS, is_read_through=True) as container:
            if audio_stream(container) is not None:
                yield from self._decoded(container, PacketDemuxer(container), spans)

    def _stretch(self, first: SyncPoint, stop: SyncPoint | None) -> tuple[int, int]:
        return first.at, self._source.size if stop is None else stop.at

    def _file(self, stretches: Sequence[tuple[int, int]]) -> Source:
        file = PartFile(self._blocks, self._head, stretches)
        return Source(self._source.name, cast("BinaryIO", file), file.size)


def _webm(blocks: BlockFile, source: Source) -> _Parts | None:
    for count in _FRONT_BYTES:
        found = webm_parts.read_clusters(blocks.read_at(0, count))
        if found is not None:
            return _parts(blocks, source, found.head, found.begin, found)
    return None


def _fragments(blocks: BlockFile, source: Source) -> _Parts | None:
    found = mp4_parts.read_head(blocks.read_at(0, 2 * BLOCK_BYTES))
    if found is None:
        return None
    head, begin = found
    with open_container(_alone(source, blocks, head, begin), RECORDING_FORMATS, is_read_through=True) as container:
        audio = audio_stream(container)
        if audio is None:
            return None
        finder = mp4_parts.Fragments(head, begin, int(audio.id), float(audio.time_base or 0), blocks.read_at)
    return _parts(blocks, source, head, begin, finder)


def _alone(source: Source, blocks: BlockFile, head: bytes, begin: int) -> Source:
    """The head and a little more, to see the tracks."""
    file = PartFile(blocks, head, [(begin, min(begin + BLOCK_BYTES, source.size))])
    return Source(source.name, cast("BinaryIO", file), file.size)


def _parts(blocks: BlockFile, source: Source, head: bytes, begin: int, finder: Finder) -> _Parts | None:
    data = blocks.read_at(begin, BLOCK_BYTES)
    first = finder.find(data, begin)
    if first is None:
        return None
    points = SyncPoints(blocks, source.size, finder, first)
    last = points.last()
    if last.at == first.at:
        return None
    for early_s in _LAST_PARTS_S:
        try:
            end = points.before(last.time_s - early_s) if early_s else last
            parts = _Parts(blocks, source, head, points, end)
        except MediaError:
            return None  # the whole reading says what is wrong
        if parts.has_end:
            return parts
    return None
