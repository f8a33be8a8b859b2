"""Opening media: only real containers, whatever the file's name, and a sentence for everything else."""

from __future__ import annotations

import io
import shutil
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast

import pytest
from captures import CAPTURES, MEDIA

import komorebi_qc.media.demux as media_module
from komorebi_qc.core.errors import MediaError, StorageError
from komorebi_qc.core.source import Source
from komorebi_qc.media.demux import (
    CALL_FORMATS,
    RECORDING_FORMATS,
    PacketDemuxer,
    audio_stream,
    open_container,
    packets,
    video_stream,
)

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from captures import Capture

    Open = Callable[[Path], Source]

SECRET = "a secret in another file"  # noqa: S105  it only plays one
DRESSED = {
    "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{other}\n#EXT-X-ENDLIST\n",
    "concat": "ffconcat version 1.0\nfile '{other}'\n",
    "sdp": "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio 5004 RTP/AVP 0\n",
    "svg": '<svg xmlns="http://www.w3.org/2000/svg"><image href="file://{other}"/></svg>',
    "xml": '<?xml version="1.0"?><Error><Code>NoSuchKey</Code></Error>',
    "json": '{{"error": "no such key"}}',
    "text": "hello, I am a recording\n",
    "zeros": "\0" * 4096,
}


@pytest.mark.parametrize("kind", sorted(DRESSED))
@pytest.mark.parametrize("formats", [RECORDING_FORMATS, CALL_FORMATS])
def test_text_dressed_as_media_is_refused(kind: str, formats: str, tmp_path: Path, source: Open) -> None:
    """A playlist, a script or an error page is named for what it is, and what it points at is never opened."""
    other = tmp_path / "other.wav"
    shutil.copy(MEDIA / "call.wav", other)
    path = tmp_path / "recording.mp4"
    path.write_text(DRESSED[kind].format(other=other))
    with pytest.raises(MediaError, match=r"recording\.mp4 isn't media"), open_container(source(path), formats):
        pass


def test_an_empty_file_is_named_as_such(tmp_path: Path, source: Open) -> None:
    """A file of zero bytes has its own message."""
    path = tmp_path / "recording.webm"
    path.touch()
    with pytest.raises(MediaError, match=r"recording\.webm is empty"), open_container(source(path), RECORDING_FORMATS):
        pass


def test_the_bytes_count_not_the_name(tmp_path: Path, source: Open) -> None:
    """Connect's bucket and the browsers' names promise nothing: WebM bytes named .mp4 are WebM."""
    path = tmp_path / "recording.mp4"
    shutil.copy(CAPTURES["vp8.webm"].recording, path)
    with open_container(source(path), RECORDING_FORMATS) as container:
        assert "webm" in container.format.name
        assert video_stream(container).codec_context.name == "vp8"
        assert audio_stream(container).codec_context.name == "opus"
        assert sum(1 for _ in packets(container, [video_stream(container)])) > 50


@pytest.mark.parametrize("kept", [20, 700, 1100])
def test_an_mp4_cut_in_its_index_says_that_nothing_can_be_played(kept: int, tmp_path: Path, source: Open) -> None:
    """A file cut before its index is useless; the message has the number of missing bytes."""
    path = tmp_path / "recording.mp4"
    whole = CAPTURES["sample"].recording.read_bytes()
    path.write_bytes(whole[:kept])
    with pytest.raises(MediaError, match="cut off before its index"), open_container(source(path), RECORDING_FORMATS):
        pass


@pytest.mark.parametrize(
    ("head", "says"),
    [
        (b"RIFF\x24\0\0\0WAVE", "swapped"),
        (b"RIFF\x24\0\0\0AVI ", "AVI"),
        (b"OggS" + bytes(40), "Ogg"),
        (b"FLV\1", "Flash"),
    ],
)
def test_other_media_are_named(head: bytes, says: str, tmp_path: Path, source: Open) -> None:
    """Media of an unsupported kind are named; for a WAV the message asks whether the two files were swapped."""
    path = tmp_path / "recording.mp4"
    path.write_bytes(head + bytes(100))
    with pytest.raises(MediaError, match=says), open_container(source(path), RECORDING_FORMATS):
        pass


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


class Failing(io.BytesIO):
    """A file that breaks at a byte."""

    def __init__(self, content: bytes, at: int) -> None:
        super().__init__(content)
        self.breaks_at = at

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, or say that the connection is gone."""
        if self.tell() >= self.breaks_at:
            raise StorageError("the connection is gone")
        return super().read(size)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_an_error_of_the_file_is_raised(share: float, sample: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """FFmpeg takes an error for the file's end; the file's own error is raised afterwards."""
    monkeypatch.setattr(media_module, "BUFFER_BYTES", 1 << 14)
    content = sample.recording.read_bytes()
    file = Failing(content, round(share * len(content)))

    def read_all() -> None:
        with open_container(Source("a", file, len(content)), RECORDING_FORMATS) as container:
            assert sum(1 for _ in packets(container, [video_stream(container)])) > 0

    with pytest.raises(StorageError, match="the connection is gone"):
        read_all()
