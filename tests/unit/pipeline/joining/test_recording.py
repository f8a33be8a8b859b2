"""The agent recording of a run: one file, or several that are joined."""

from __future__ import annotations

import hashlib
import io
import tempfile
from dataclasses import replace
from typing import TYPE_CHECKING

import av
import pytest
from captures import CAPTURES, SOFTPHONE
from fake_stores import ITEM, Media
from made import Shape, noise, recording
from monitor_tracks import Track, write_tracks
from restarts import Restart, pictures, real_call, shown, write_call, write_restart

from komorebi_qc.core.errors import HeldError, InputError, WrongPairError
from komorebi_qc.core.source import Source
from komorebi_qc.media.probe import probe_recording
from komorebi_qc.pipeline.joining import recording as module
from komorebi_qc.pipeline.joining.recording import MOST_FILES, joined_recording, open_recording

if TYPE_CHECKING:
    from pathlib import Path

SMALL = (64, 36)
BEFORE = Restart(-1.0, 13.0, size=SMALL)
AFTER = Restart(15.5, 32.0, size=SMALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A call of half a minute, and the files of a recorder that was restarted in it."""
    made = tmp_path_factory.mktemp("restarts")
    call = real_call(31.0)
    write_call(made / "call.wav", call)
    write_restart(made / "a.webm", call, BEFORE)
    write_restart(made / "b.webm", call, AFTER)
    return made


def source_of(path: Path, version: tuple[str, ...] = ()) -> Source:
    """A file in memory."""
    data = path.read_bytes()
    return Source(path.name, io.BytesIO(data), len(data), version=version, etag=f"etag of {path.name}")


def test_one_file_is_opened_as_it_is() -> None:
    """Nothing is measured or written for it."""
    capture = CAPTURES["sample"]
    media = Media(capture.call.read_bytes(), capture.recording.read_bytes())
    with media.call_audio(ITEM) as call, open_recording(media, ITEM, call) as found:
        assert (found.parts, found.size) == ((), len(media.own))


def test_files_are_joined_at_their_places(folder: Path) -> None:
    """In any order, on the clock of the earliest one; the gap is as long as the recorder was off."""
    call = source_of(folder / "call.wav")
    files = [source_of(folder / "b.webm", ("b", "2")), source_of(folder / "a.webm", ("a", "1"))]
    with joined_recording(files, call) as found:
        first, second = found.parts
        info = probe_recording(found)
    assert (found.name, found.version) == ("b.webm and 1 more", ("b", "2", "a", "1"))
    assert [part.name for part in found.parts] == ["a.webm", "b.webm"]
    assert first.shift_s == 0.0
    assert second.shift_s == pytest.approx(AFTER.from_s - BEFORE.from_s, abs=1e-3)
    assert second.used.start_s - first.used.end_s == pytest.approx(2.5, abs=0.05)
    assert info.end_s == pytest.approx(33.0, abs=0.05)
    assert info.parts == found.parts
    assert all(part.copies_video and part.placed_by == "sound" for part in found.parts)
    digests = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in ("a.webm", "b.webm")]
    assert [part.digest.sha256 for part in found.parts if part.digest] == digests
    assert second.etag == "etag of b.webm"


def test_a_large_result_is_in_a_temporary_file_that_goes(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its content is the same, and nothing is left."""
    call, files = source_of(folder / "call.wav"), [source_of(folder / f"{name}.webm") for name in "ab"]
    with joined_recording(files, call) as found:
        in_memory = found.content()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(module, "IN_MEMORY_BYTES", 1000)
    with joined_recording(files, call) as found:
        assert len(found.content()) == len(in_memory) == found.size
        assert probe_recording(found).video == probe_recording(replace(found, file=io.BytesIO(in_memory))).video
    assert list(tmp_path.iterdir()) == []


def test_a_store_gives_the_further_files(folder: Path) -> None:
    """As for a recording in AWS."""
    media = Media((folder / "call.wav").read_bytes(), (folder / "a.webm").read_bytes())
    media.further = {"b.webm": (folder / "b.webm").read_bytes()}
    with media.call_audio(ITEM) as call, open_recording(media, ITEM, call) as found:
        assert len(found.parts) == 2
    assert media.open_files == 0


def test_a_file_of_another_call_is_never_joined() -> None:
    """The whole recording is refused."""
    other = source_of(SOFTPHONE["firefox-pause.webm"].recording)
    call = source_of(CAPTURES["sample"].call)
    with (
        pytest.raises(WrongPairError, match=r"firefox-pause\.webm"),
        joined_recording([source_of(CAPTURES["sample"].recording), other], call),
    ):
        pass


def test_a_silent_file_without_a_start_time_is_held(folder: Path, tmp_path: Path) -> None:
    """Nothing says when it was recorded."""
    silent = recording(tmp_path / "silent.webm", Shape(seconds=4.0), noise(4.0, 48_000) * 0.0)
    call = source_of(folder / "call.wav")
    with (
        pytest.raises(HeldError, match=r"silent\.webm shares too little sound"),
        joined_recording([source_of(folder / "a.webm"), source_of(silent)], call),
    ):
        pass


def test_the_same_file_twice_is_refused(folder: Path) -> None:
    """It is of the same time as itself."""
    call = source_of(folder / "call.wav")
    files = [source_of(folder / "a.webm"), source_of(folder / "a.webm")]
    with pytest.raises(InputError, match="of the same time"), joined_recording(files, call):
        pass


def test_too_many_files_are_refused(folder: Path) -> None:
    """Before any of them is read."""
    files = [source_of(folder / "a.webm")] * (MOST_FILES + 1)
    with (
        pytest.raises(InputError, match="21 files, more than 20"),
        joined_recording(files, source_of(folder / "call.wav")),
    ):
        pass


def test_files_of_the_same_time_are_side_by_side_if_that_is_chosen(tmp_path: Path) -> None:
    """Each is placed by its own sound, and shows the moment of the call; the first one's sound is kept."""
    call = real_call(14.0)
    two = (Restart(-1.0, 15.0, size=SMALL), Restart(-0.4, 14.5, 40.0, size=(128, 72)))
    files = [source_of(write_restart(tmp_path / f"{n}.webm", call, one)) for n, one in enumerate(two)]
    call_audio = source_of(write_call(tmp_path / "call.wav", call))
    with joined_recording(files[::-1], call_audio, monitors="side-by-side") as found:
        info = probe_recording(found)
        (tmp_path / "joined.mkv").write_bytes(found.content())
    assert [part.name for part in found.parts] == ["0.webm", "1.webm"]
    assert [part.shift_s for part in found.parts] == pytest.approx([0.0, 0.6], abs=2e-3)
    assert all(part.placed_by == "sound" and not part.copies_video for part in found.parts)
    assert info.video is not None
    assert (info.video.width, info.video.height) == (256, 72)
    assert info.audio is not None
    assert info.audio.span.start_s == pytest.approx(0.6, abs=0.03)
    seen = [(at_s, shown(grey[:, :128]), shown(grey[:, 128:])) for at_s, grey in pictures(tmp_path / "joined.mkv")]
    assert {left for at_s, left, _ in seen if at_s < 0.55} == {0}  # black: its recorder wasn't on yet
    assert len(seen) > 150
    assert {left for at_s, left, _ in seen if at_s > 15.5} <= {1144, 1145}  # its recorder is off: the last one stays
    for at_s, *counts in seen:
        for count in counts[at_s < 0.65 or at_s > 15.45 :]:
            assert count == pytest.approx((at_s - 1.0) * 10 + 1000, abs=1.2)


def test_a_silent_monitor_is_placed_by_its_start_time(tmp_path: Path) -> None:
    """To a second; the sound is the other file's."""
    call = real_call(20.0)
    began = {"creation_time": "2026-11-24T12:00:00Z"}
    first = write_restart(tmp_path / "a.mp4", call, Restart(-1.0, 21.0, codec="h264", size=SMALL))
    tracks = write_tracks(tmp_path / "b.mp4", (Track(SMALL, tuple((n / 5, 90) for n in range(100))),))
    files = [source_of(_dated(tracks, began)), source_of(_dated(first, {"creation_time": "2026-11-24T11:59:59Z"}))]
    call_audio = source_of(write_call(tmp_path / "call.wav", call))
    with joined_recording(files, call_audio, monitors="side-by-side") as found:
        info = probe_recording(found)
    assert [(part.name, part.placed_by, part.bound_s >= 1.0) for part in found.parts] == [
        ("a.mp4", "sound", False),
        ("b.mp4", "start_time", True),
    ]
    assert found.parts[1].shift_s == pytest.approx(1.0, abs=1e-3)
    assert info.audio is not None


def _dated(path: Path, metadata: dict[str, str]) -> Path:
    """The same file with a start time in its header."""
    content = path.read_bytes()
    with av.open(io.BytesIO(content), "r") as source, av.open(str(path), "w", format="mp4") as out:
        out.metadata.update(metadata)
        streams = {s.index: out.add_stream_from_template(s) for s in source.streams}
        for packet in source.demux():
            if packet.size:
                packet.stream = streams[packet.stream.index]
                out.mux(packet)
    return path


def test_one_file_isnt_two_monitors(folder: Path) -> None:
    """Also if its name is given twice."""
    call, files = source_of(folder / "call.wav"), [source_of(folder / "a.webm")] * 2
    with pytest.raises(InputError, match="are the same file"), joined_recording(files, call, monitors="side-by-side"):
        pass
