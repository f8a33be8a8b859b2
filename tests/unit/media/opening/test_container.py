"""Opening media: only real containers, whatever the file's name, and a sentence for everything else."""

from __future__ import annotations

import errno
import io
import os
import shutil
import sys
from typing import TYPE_CHECKING

import bombs
import pytest
from captures import CAPTURES, MEDIA

import komorebi_qc.media.opening.container as container_module
from komorebi_qc.core.errors import DoesNotFitError, InputError, MediaError, StorageError
from komorebi_qc.core.source import Source
from komorebi_qc.media.bounds.table import MOST_SAMPLES
from komorebi_qc.media.demux import packets
from komorebi_qc.media.opening import CALL_FORMATS, RECORDING_FORMATS, audio_stream, open_container, video_stream
from komorebi_qc.media.probe import probe_recording
from komorebi_qc.storage.input_file import opened_file

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
    monkeypatch.setattr(container_module, "BUFFER_BYTES", 1 << 14)
    content = sample.recording.read_bytes()
    file = Failing(content, round(share * len(content)))

    def read_all() -> None:
        with open_container(Source("a", file, len(content)), RECORDING_FORMATS) as container:
            assert sum(1 for _ in packets(container, [video_stream(container)])) > 0

    with pytest.raises(StorageError, match="the connection is gone"):
        read_all()


class Unseekable(io.BytesIO):
    """A file that has a fault at every position but its start."""

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go to the start, or fail as a disk does."""
        if offset or whence:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().seek(offset)


def test_a_file_that_cant_be_sought_is_refused() -> None:
    """The sentence has the system's reason; a retry can't help."""
    content = CAPTURES["sample"].recording.read_bytes()
    says = r"^a\.mp4 can be opened, but not read at every position \(input/output error\): give a regular file"
    with (
        pytest.raises(MediaError, match=says),
        open_container(Source("a.mp4", Unseekable(content), len(content)), RECORDING_FORMATS),
    ):
        pass
    with pytest.raises(MediaError, match=says):
        probe_recording(Source("a.mp4", Unseekable(content), len(content)))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has such files")
def test_a_link_to_a_processs_memory_is_refused(tmp_path: Path) -> None:
    """It is a regular file by its kind, and can't be sought."""
    path = tmp_path / "recording.mp4"
    path.symlink_to("/proc/self/mem")
    says = r"recording\.mp4 can't be read at every position \(Invalid argument\): give a regular file"
    with pytest.raises(InputError, match=says), opened_file(path):
        pass


class Breaking(io.BytesIO):
    """A file on a disk with a fault: from a byte on it can't be read, or not even sought."""

    def __init__(self, content: bytes, at: int, *, seeks: bool) -> None:
        super().__init__(content)
        self.breaks_at, self.seeks = at, seeks

    def read(self, size: int | None = -1, /) -> bytes:
        """Read, or fail as a disk does."""
        if not self.seeks and self.tell() >= self.breaks_at:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().read(size)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Move, or fail as a disk does."""
        if self.seeks and whence == io.SEEK_SET and offset >= self.breaks_at:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return super().seek(offset, whence)


@pytest.mark.parametrize("seeks", [False, True])
def test_a_fault_of_the_disk_has_a_sentence(seeks: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    """In the middle of the file, while it is read or sought. Another disk or time may help."""
    monkeypatch.setattr(container_module, "BUFFER_BYTES", 1 << 14)
    content = CAPTURES["vp9.mp4"].recording.read_bytes()
    file = Breaking(content, len(content) // 2, seeks=seeks)

    def read_all() -> None:
        with open_container(Source("a.mp4", file, len(content)), RECORDING_FORMATS) as container:
            for _ in packets(container, [video_stream(container)]):
                pass
            container.seek(1 << 40, stream=video_stream(container))
            assert list(packets(container, [video_stream(container)])) is not None

    with pytest.raises(StorageError, match=r"a\.mp4 can't be read on \(input/output error\): its disk or conn"):
        read_all()


def test_a_number_in_the_table_of_times_is_checked() -> None:
    """It is no longer than the table of sizes for FFmpeg's index, but it decides the room for the output's index."""
    content = bombs.declared_times(MOST_SAMPLES + 1)
    says = (
        r"a\.mp4 declares 5,184,001 samples in its table of times, and 12 h of the fastest recorder have at most 5,18"
    )
    with (
        pytest.raises(MediaError, match=says),
        open_container(Source("a.mp4", io.BytesIO(content), len(content)), RECORDING_FORMATS),
    ):
        pass


def test_an_index_that_ffmpeg_leaves_away_is_noticed() -> None:
    """FFmpeg opens a file without its index if there is no memory for it, and says nothing."""
    content = bombs.mp4(
        bombs.track(bombs.video_description(), bombs.times(20_000), bombs.sized(20_000)), data=bytes(20_000)
    )
    with (
        pytest.raises(DoesNotFitError, match=r"a\.mp4 has an index of 20,000 samples, and FFmpeg couldn't take it"),
        open_container(Source("a.mp4", io.BytesIO(content), len(content)), RECORDING_FORMATS),
    ):
        pass
