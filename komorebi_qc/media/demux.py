"""The packets of a media file, in the order of the file or by track (through PyAV)."""

from __future__ import annotations

import math
from collections import deque
from typing import TYPE_CHECKING, Any

from av.error import FFmpegError
from av.stream import Discard

from komorebi_qc.media.bounds.packet_budget import EVERY, PacketBudget
from komorebi_qc.media.bounds.table import WAITING_BYTES
from komorebi_qc.media.opening import codec_name
from komorebi_qc.media.opening.container import too_much_memory
from komorebi_qc.media.opening.input_file import InputFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from av.container import InputContainer

_UNPARSED = ("aac", "opus")
"""Codecs in MP4 whose packets FFmpeg returns unparsed: a parser would hold a packet back."""
_PACKET_BYTES = 512
"""The size of a packet in memory, without its content."""
_RESUME_MARGIN_S = 2.0
"""FFmpeg reads an MP4's tracks at most one second apart."""


def packets(container: InputContainer, streams: list[Any]) -> Iterator[Any]:
    """Yield packets that aren't empty, until the end or the first place that can't be read.

    An error of the file behind `open_container` is raised after the last packet, not when the container is closed:
    hours may be between the two.

    Raises:
        MediaError: there are more packets than a file of its size and of 12 h has.
        DoesNotFitError: FFmpeg can't allocate memory for the file.
    """
    file = container.file.file if container.file is not None else None
    reading = file if isinstance(file, InputFile) else None
    budget = None if reading is None else PacketBudget(reading.source)
    most_bytes = math.inf if budget is None else budget.most_bytes
    count = total = 0
    try:
        for packet in container.demux(streams):
            if size := packet.size:
                total += size
                if budget is not None and (total > most_bytes or not count & (EVERY - 1)):
                    budget.check(count + 1, total, packet)
                count += 1
                yield packet
    except (FFmpegError, IndexError) as error:
        # IndexError: a packet of a track that the file adds within its data, which PyAV doesn't know.
        if reading is not None:
            reading.raise_error()
            if isinstance(error, MemoryError):
                raise too_much_memory(reading.source.name) from None
    if reading is not None:
        reading.raise_error()


class PacketDemuxer:
    """One reading of a file, split by track: a request for one track's next packet reads on for all tracks.

    All tracks are subscribed to before the first packet is taken. Unwanted packets are dropped as they are read, or
    aren't read at all. The others wait in memory, which takes little in a file that interleaves its tracks. If more
    than `WAITING_BYTES` wait, the waiting track is read on in a reading of its own.
    """

    def __init__(
        self,
        container: InputContainer,
        watch: Callable[[Any], None] | None = None,
        open_apart: Callable[[], InputContainer] | None = None,
    ) -> None:
        """Demux a file.

        Args:
            container: the file.
            watch: called with every packet of the subscribed tracks, wanted or not, as it is read. Then no track is
                read apart.
            open_apart: opens the same file once more; None to let all packets wait. The caller closes what it opens.
        """
        self._container = container
        self._watch = watch
        self._open_apart = None if watch is not None else open_apart
        self._waiting: dict[int, deque[Any]] = {}
        self._waiting_bytes = 0
        self._read_count: dict[int, int] = {}
        """The number of each track's packets that were read."""
        self._apart: set[int] = set()
        """The tracks with a reading of their own."""
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
        self._read_count[stream.index] = 0
        self._wants[stream.index] = wants
        if resumes_at_s is not None:
            self._resumes_at_s[stream.index] = resumes_at_s
        return self._of(stream.index)

    def _of(self, index: int) -> Iterator[Any]:
        waiting = self._waiting[index]
        while True:
            while waiting:
                packet = waiting.popleft()
                if packet is not None:
                    self._waiting_bytes -= packet.size + _PACKET_BYTES
                yield packet
            if index in self._apart:
                yield from self._rest_of(index)
                return
            if self._packets is None:
                self._packets = packets(self._container, self._streams)
            for packet in self._packets:
                if packet.stream_index != index:
                    self._keep(packet)
                elif self._is_wanted(packet, index):
                    yield packet
                else:
                    self._pause(packet)
                    yield None
                if waiting:  # another track was read on meanwhile
                    break
            else:
                return

    def _keep(self, packet: Any) -> None:
        """Let a packet of another track than the requested one wait, or drop it."""
        index = packet.stream_index
        waiting = self._waiting.get(index)
        # A damaged file may invent tracks as it goes.
        if waiting is None or index in self._apart:
            return
        if self._is_wanted(packet, index):
            waiting.append(packet)
            self._waiting_bytes += packet.size + _PACKET_BYTES
        elif not waiting or waiting[-1] is not None:
            waiting.append(None)
            self._pause(packet)
        if self._waiting_bytes > WAITING_BYTES and self._open_apart is not None:
            self._separate(packet.stream)

    def _is_wanted(self, packet: Any, index: int) -> bool:
        """Take note of the next packet that was read; whether its track wants it."""
        self._read_count[index] += 1
        if self._watch is not None:
            self._watch(packet)
        elif self._paused is not None:
            self._resume(index, packet)
        wants = self._wants[index]
        if wants is not None:
            return wants(packet)
        if self._watch is None:
            self._latest_dts[index] = packet.dts if packet.dts is not None else -math.inf
        return True

    def _separate(self, stream: Any) -> None:
        """Read no more packets of a track here. Those that wait stay."""
        self._apart.add(stream.index)
        stream.discard = Discard.all
        if self._paused is not None and self._paused[1] == stream.index:
            self._paused[0].discard = Discard.default
            self._paused = None

    def _rest_of(self, index: int) -> Iterator[Any]:
        """Yield the packets of a track that is read apart, behind those that were read with the other tracks."""
        if self._open_apart is None:
            return
        container = self._open_apart()
        wants, is_skipping = self._wants[index], False
        for number, packet in enumerate(packets(container, [container.streams[index]])):
            if number < self._read_count[index]:
                continue
            if wants is None or wants(packet):
                is_skipping = False
                yield packet
            elif not is_skipping:
                is_skipping = True
                yield None

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
