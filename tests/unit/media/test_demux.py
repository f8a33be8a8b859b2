"""Packets of a file by track: each is read once, and waits for its reader within a bound."""

from __future__ import annotations

from contextlib import ExitStack
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from made import Shape, recording

import komorebi_qc.media.demux as media_module
from komorebi_qc.media.demux import PacketDemuxer, packets
from komorebi_qc.media.opening import RECORDING_FORMATS, audio_stream, open_container, video_stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from av.container import InputContainer
    from captures import Capture

    from komorebi_qc.core.source import Source

    Open = Callable[[Path], Source]


def test_a_track_that_a_damaged_file_makes_up_is_passed_over(monkeypatch: pytest.MonkeyPatch) -> None:
    """A packet of a track without a subscriber doesn't end the reading."""
    coming = [SimpleNamespace(stream_index=index, size=1, dts=0) for index in (0, 99, 0)]
    monkeypatch.setattr(media_module, "packets", lambda *_: iter(coming))
    shared = PacketDemuxer(cast("Any", None))
    assert list(shared.subscribe(SimpleNamespace(index=0))) == [coming[0], coming[2]]


def test_a_watch_sees_every_packet_that_is_subscribed_to(sample: Capture, source: Open) -> None:
    """It also sees unwanted packets, in the order of the file; it changes nothing else."""
    with open_container(source(sample.recording), RECORDING_FORMATS) as container:
        streams = [audio_stream(container), video_stream(container)]
        every = [(p.stream_index, p.pts) for p in packets(container, streams)]
    with open_container(source(sample.recording), RECORDING_FORMATS) as container:
        seen: list[tuple[int, int]] = []

        def watch(packet: Any) -> None:
            seen.append((packet.stream_index, packet.pts))

        shared = PacketDemuxer(container, watch)
        pictures = shared.subscribe(video_stream(container), lambda _: False)
        sound = audio_stream(container)
        received = [(p.stream_index, p.pts) for p in shared.subscribe(sound)]
        assert seen == every
        assert received == [e for e in every if e[0] == sound.index]
        assert list(pictures) == [None]


def stamps(
    demuxer: PacketDemuxer, container: InputContainer, *, sound_first: bool
) -> dict[str, list[tuple[int, bytes]]]:
    """All packets of both tracks, one track read to its end before the other."""
    tracks = {"sound": audio_stream(container), "picture": video_stream(container)}
    coming = {name: demuxer.subscribe(stream) for name, stream in tracks.items()}
    order = ("sound", "picture") if sound_first else ("picture", "sound")
    return {name: [(packet.pts, bytes(packet)) for packet in coming[name]] for name in order}


@pytest.mark.parametrize("name", ["a.webm", "a.mp4", "a.mkv"])
@pytest.mark.parametrize("sound_first", [False, True])
def test_tracks_that_arent_interleaved_are_read_apart(
    name: str,
    sound_first: bool,  # noqa: FBT001  a parameter
    tmp_path: Path,
    source: Open,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Beyond a bound the waiting track has a reading of its own: every packet comes once, in its order."""
    path = recording(tmp_path / name, Shape(seconds=4.0, video="libx264" if name != "a.webm" else "libvpx"))
    opened = source(path)
    with open_container(opened, RECORDING_FORMATS) as container:
        expected = stamps(PacketDemuxer(container), container, sound_first=sound_first)
    monkeypatch.setattr(media_module, "WAITING_BYTES", 6000)
    openings = []
    with ExitStack() as stack:

        def open_apart() -> InputContainer:
            openings.append(1)
            return stack.enter_context(open_container(opened.reopen(), RECORDING_FORMATS, is_read_through=True))

        demuxer = PacketDemuxer(open_apart(), open_apart=open_apart)
        container = demuxer._container
        assert stamps(demuxer, container, sound_first=sound_first) == expected
    assert len(openings) == 2


def test_tracks_that_appear_after_the_data_end_the_reading(tmp_path: Path, source: Open) -> None:
    """PyAV doesn't know them. Every packet before them is read, and no error of Python comes out."""
    path = recording(tmp_path / "a.mp4", Shape(video="libx264", options=(("movflags", "faststart"),)))
    content = path.read_bytes()
    with open_container(source(path), RECORDING_FORMATS, is_read_through=True) as container:
        expected = [bytes(packet) for packet in packets(container, [*container.streams])]
    tracks = content.index(b"moov") + 4
    size = int.from_bytes(content[tracks - 8 : tracks - 4], "big")
    path.write_bytes(content + content[tracks : tracks - 8 + size])
    with open_container(source(path), RECORDING_FORMATS, is_read_through=True) as container:
        assert [bytes(packet) for packet in packets(container, [*container.streams])] == expected


def test_waiting_packets_are_bounded(tmp_path: Path, source: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first track's packets stop to wait at the bound, whatever follows."""
    opened = source(recording(tmp_path / "a.mkv", Shape(seconds=4.0)))
    monkeypatch.setattr(media_module, "WAITING_BYTES", 6000)
    with ExitStack() as stack:

        def open_apart() -> InputContainer:
            return stack.enter_context(open_container(opened.reopen(), RECORDING_FORMATS, is_read_through=True))

        container = open_apart()
        demuxer = PacketDemuxer(container, open_apart=open_apart)
        picture, sound = demuxer.subscribe(video_stream(container)), demuxer.subscribe(audio_stream(container))
        largest = max(packet.size for packet in packets(open_apart(), [open_apart().streams[0]])) + 512
        for _ in sound:
            assert demuxer._waiting_bytes <= 6000 + largest
        assert next(picture).pts == 0


def test_without_a_second_opening_packets_wait(tmp_path: Path, source: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """As for a reader of one track."""
    opened = source(recording(tmp_path / "a.mkv", Shape(seconds=2.0)))
    monkeypatch.setattr(media_module, "WAITING_BYTES", 100)
    with open_container(opened, RECORDING_FORMATS) as container:
        found = stamps(PacketDemuxer(container), container, sound_first=True)
    assert len(found["picture"]) == 20


def test_unwanted_packets_are_left_out_of_a_reading_apart(
    tmp_path: Path, source: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first reading and the one of its own have the same wish."""
    opened = source(recording(tmp_path / "a.mkv", Shape(seconds=4.0)))
    monkeypatch.setattr(media_module, "WAITING_BYTES", 4000)
    with ExitStack() as stack:

        def open_apart() -> InputContainer:
            return stack.enter_context(open_container(opened.reopen(), RECORDING_FORMATS, is_read_through=True))

        container = open_apart()
        demuxer = PacketDemuxer(container, open_apart=open_apart)
        sound = demuxer.subscribe(audio_stream(container), lambda packet: packet.pts % 80 < 40)
        picture = demuxer.subscribe(video_stream(container))
        assert len(list(picture)) == 40
        with open_container(opened.reopen(), RECORDING_FORMATS) as whole:
            every = [packet.pts for packet in packets(whole, [audio_stream(whole)]) if packet.pts % 80 < 40]
        assert [packet.pts for packet in sound if packet is not None] == every
