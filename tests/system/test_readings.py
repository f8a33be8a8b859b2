"""How often each input is read over the network: the bytes requested from the bucket, against the object's size."""

from __future__ import annotations

import io
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal, cast

import av
import pytest
from aws_fixtures import RECORDING
from captures import CAPTURES
from fake_s3_object import Memory
from made import encoded, wav
from measure import decode_audio, resampled

from komorebi_qc.core.provenance.parts import digest_of_bytes
from komorebi_qc.core.provenance.record import DraftRecord
from komorebi_qc.core.source import Source
from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.media.bounds import guard
from komorebi_qc.media.opening import container
from komorebi_qc.pipeline.diagnose import diagnose
from komorebi_qc.pipeline.options import Options, Order
from komorebi_qc.pipeline.process import process
from komorebi_qc.storage.local import LocalTable
from komorebi_qc.storage.protocols import Published
from komorebi_qc.storage.s3 import fetch, reader, stretch
from komorebi_qc.storage.s3.object import S3Object

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    from captures import Capture

    from komorebi_qc.core.recording import Recording

SMALLER = 16
"""A recording of 2 MB is read as one of 32 MB would be."""


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that is read at a time is as much smaller as the captures are."""
    names = ("FIRST_BYTES", "MOST_BYTES", "PIECE_BYTES", "BUFFER_BYTES", "_BEHIND_BYTES", "_HOP_BYTES", "_LEFT_BYTES")
    for module in (reader, stretch, fetch, container, guard):
        for name in names:
            if hasattr(module, name):
                monkeypatch.setattr(module, name, getattr(module, name) // SMALLER)


class Object:
    """An object of a bucket that counts the requested bytes."""

    def __init__(self, content: bytes) -> None:
        self.memory = Memory(content, [])
        self.object = S3Object(self.memory, "media", "the/object", '"e"', len(content))

    def source(self, *, is_read_through: bool = False) -> Source:
        """As the store gives it out."""
        return Source(
            self.object.name,
            cast("BinaryIO", self.object.reader()),
            self.object.size,
            lambda: cast("BinaryIO", self.object.reader(is_read_through=is_read_through)),
        )

    @property
    def times(self) -> float:
        """The requested bytes, as a multiple of its size."""
        return sum(end - start for start, end in self.memory.asked) / len(self.memory.content)


class Draft:
    """An output in memory, which can't be read again."""

    def __init__(self) -> None:
        self.file = io.BytesIO()

    def begin(self, head_bytes: int) -> BinaryIO:
        """A new file."""
        assert head_bytes > 0
        self.file = io.BytesIO()
        return self.file

    def front(self) -> bytes:
        """Its first part."""
        return self.file.getvalue()

    def record(self) -> DraftRecord:
        """Its digest."""
        return DraftRecord("", "video", "thumbnail", digest_of_bytes(self.file.getvalue()))

    def publish(
        self,
        *,
        thumbnail: bytes | None,
        qc: bytes | None,
        captions: bytes | None = None,
        replaces_all: bool = False,  # noqa: ARG002
    ) -> Published:
        """Nowhere."""
        assert (qc is None, captions) == (False, None)
        return Published("video", None if thumbnail is None else "thumbnail", "qc", 0, 0)


class Far:
    """Both inputs behind a network."""

    def __init__(self, call: bytes, recording: bytes) -> None:
        self.call, self.recording = Object(call), Object(recording)

    def input_versions(self, _: Recording) -> tuple[str, ...]:
        """None."""
        return ()

    @contextmanager
    def call_audio(self, _: Recording) -> Iterator[Source]:
        """Connect's."""
        yield self.call.source(is_read_through=True)

    def analyses(self, _: Recording) -> tuple[Source, ...]:
        """None."""
        return ()

    def contact(self, _: Recording) -> None:
        """None."""
        return

    def transcript(self, _: Recording) -> None:
        """None."""
        return

    @contextmanager
    def agent_recording(self, _: Recording) -> Iterator[Source]:
        """The browser's."""
        yield self.recording.source()

    @contextmanager
    def further_recordings(self, _: Recording) -> Iterator[tuple[Source, ...]]:
        """None."""
        yield ()

    @contextmanager
    def draft(self, *_: object) -> Iterator[Draft]:
        """The result."""
        yield Draft()

    def findings_version(self, _: Recording) -> str:
        """None."""
        return ""

    def has_results(self, *_: object) -> bool:
        """Nobody else publishes."""
        return True

    def process(self, capture: Capture, align: Literal["auto", "call-end"]) -> None:
        """Make the unified recording."""
        table: Any = LocalTable(RECORDING)
        order = Order(RECORDING.recording_id, CallEnd(capture.call_end_s, 1.0))
        process(order, table=table, media=cast("Any", self), options=Options(align=align))


def repeated(path: Path, name: str, options: dict[str, str]) -> bytes:
    """A capture repeated to a length of minutes, by copying packets, so that opening the file costs little."""
    with av.open(str(path), "w", format=path.suffix[1:], options=options) as out:
        tracks: dict[int, Any] = {}
        for number in range(_TIMES[name]):
            with av.open(str(CAPTURES[name].recording)) as source:
                tracks = tracks or {s.index: out.add_stream_from_template(s) for s in source.streams}
                for packet in source.demux():
                    if packet.size and packet.pts is not None and packet.dts is not None:
                        later = round(number * _EVERY_S / packet.time_base)
                        packet.pts, packet.dts = packet.pts + later, packet.dts + later
                        packet.stream = tracks[packet.stream_index]
                        out.mux(packet)
    return path.read_bytes()


_EVERY_S = 40
_TIMES = {"vp8.webm": 8, "sample": 6}
_AS_BROWSERS_DO = {"vp8.webm": {"live": "1"}, "sample": {"movflags": "frag_keyframe+empty_moov"}}


@pytest.mark.parametrize("align", ["auto", "call-end"])
@pytest.mark.parametrize("name", sorted(_TIMES))
def test_a_recording_without_an_index_is_read_twice(
    name: str, align: Literal["auto", "call-end"], tmp_path: Path
) -> None:
    """Once to know it, and with `auto` to hear it, once to join: a live WebM, and a fragmented MP4."""
    content = repeated(tmp_path / f"a.{'webm' if name == 'vp8.webm' else 'mp4'}", name, _AS_BROWSERS_DO[name])
    far = Far(CAPTURES[name].call.read_bytes(), content)
    far.process(CAPTURES[name], align)
    assert far.recording.times < 2.7


def test_a_recording_with_an_index_is_read_once_for_the_reported_call_end(tmp_path: Path, sample: Capture) -> None:
    """Each opening also reads the index; `auto` decodes the recording first."""
    content = repeated(tmp_path / "a.mp4", "sample", {})
    reported, auto = (Far(sample.call.read_bytes(), content) for _ in range(2))
    reported.process(sample, "call-end")
    auto.process(sample, "auto")
    assert reported.recording.times < 1.7
    assert auto.recording.times < 2.7


@pytest.mark.parametrize("name", sorted(_TIMES))
def test_a_recording_without_an_index_is_diagnosed_in_one_reading(name: str, tmp_path: Path) -> None:
    """One reading gives its properties, its audio and its timestamps."""
    content = repeated(tmp_path / f"a.{'webm' if name == 'vp8.webm' else 'mp4'}", name, _AS_BROWSERS_DO[name])
    far = Far(CAPTURES[name].call.read_bytes(), content)
    found = diagnose(far.call.source(), far.recording.source(), CallEnd(CAPTURES[name].call_end_s, 1.0))
    assert found.pair.timing is not None
    assert far.recording.times < 1.7


def flac(path: Path, capture: Capture) -> Path:
    """The call as a FLAC."""
    return encoded(path, decode_audio(capture.call)[0], "flac", 8000, "flac")


def wide(path: Path, capture: Capture) -> Path:
    """The call at 16 kHz."""
    return wav(path, resampled(decode_audio(capture.call)[0], 8000, 16_000), 16_000)


@pytest.mark.parametrize("make", [flac, wide])
@pytest.mark.parametrize("align", ["auto", "call-end"])
def test_a_call_that_has_to_be_decoded_comes_once(
    make: Callable[[Path, Capture], Path], align: Literal["auto", "call-end"], tmp_path: Path, sample: Capture
) -> None:
    """However often it is decoded."""
    far = Far(make(tmp_path / "call", sample).read_bytes(), sample.recording.read_bytes())
    far.process(sample, align)
    assert far.call.times < 1.2
