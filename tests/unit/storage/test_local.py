"""The local stores: items in memory, media in files."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import socket
import stat
import subprocess
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from komorebi_qc.core.errors import InputError, KomorebiError, StorageError, UnknownRecordingError
from komorebi_qc.core.privacy.redactions import MAX_ANALYSIS_BYTES
from komorebi_qc.core.provenance.parts import digest_of_bytes
from komorebi_qc.core.provenance.record import DraftRecord
from komorebi_qc.core.recording import Recording
from komorebi_qc.storage import atomic_file
from komorebi_qc.storage.local import LocalFiles, LocalTable, relative_location

if TYPE_CHECKING:
    from collections.abc import Callable

RECORDING = Recording("contact-1", "agent-7", datetime(2026, 3, 2, 23, 55, 9))  # noqa: DTZ001  as in the table
HOLDER = """
import sys, time
from pathlib import Path
from komorebi_qc.storage.local import LocalFiles
folder = Path(sys.argv[1])
with LocalFiles(folder / "connect.wav", folder / "agent.mp4", folder / "out.mp4").draft(None, "mp4") as draft:
    file = draft.begin(0)
    file.write(b"half")
    file.flush()
    print(file.name, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with the two inputs."""
    (tmp_path / "connect.wav").write_bytes(b"call audio")
    (tmp_path / "agent.mp4").write_bytes(b"agent recording")
    return tmp_path


def in_folder(folder: Path, out: str = "out.mp4", thumbnail: str | None = "thumb.png") -> LocalFiles:
    """The store over the folder's files."""
    image = None if thumbnail is None else folder / thumbnail
    return LocalFiles(folder / "connect.wav", folder / "agent.mp4", folder / out, image)


def publish(files: LocalFiles, video: bytes = b"video", thumbnail: bytes | None = b"png", kind: str = "mp4") -> Any:
    """Build a video in a scratch file and publish it."""
    with files.draft(RECORDING, kind) as draft:
        draft.begin(0).write(video)
        return draft.publish(thumbnail=thumbnail, qc=None)


def parts(folder: Path) -> list[Path]:
    """The part files in a folder."""
    return sorted(folder.glob(".*.komorebi-part"))


# --- the table


def test_table_of_one_item() -> None:
    """An item is found by its ID, and set attributes are kept beside isProcessed."""
    table = LocalTable(RECORDING)
    assert table.get("contact-1") is RECORDING
    table.mark_processed(RECORDING, {"container": "mp4"})
    assert table.attributes == {"contact-1": {"isProcessed": True, "container": "mp4"}}


def test_table_without_the_item() -> None:
    """No item, or one that was removed meanwhile, is an unknown recording, and nothing is set."""
    table = LocalTable({"contact-1": RECORDING})
    with pytest.raises(UnknownRecordingError, match="contact-2"):
        table.get("contact-2")
    del table.items["contact-1"]
    with pytest.raises(UnknownRecordingError, match="contact-1"):
        table.mark_processed(RECORDING, {})
    assert table.attributes == {}


# --- inputs


def test_inputs_are_opened(folder: Path) -> None:
    """Both inputs come with their path, their size and their bytes, and are closed in the end."""
    files = in_folder(folder)
    with files.call_audio(RECORDING) as call, files.agent_recording(RECORDING) as agent:
        assert (call.name, call.size, call.file.read()) == (str(folder / "connect.wav"), 10, b"call audio")
        assert (agent.name, agent.size, agent.file.read()) == (str(folder / "agent.mp4"), 15, b"agent recording")
    assert call.file.closed
    assert agent.file.closed


def test_an_input_through_a_link(folder: Path) -> None:
    """A link to a file is as good as the file."""
    (folder / "link.wav").symlink_to("connect.wav")
    with LocalFiles(folder / "link.wav", folder / "agent.mp4", folder / "out").call_audio(RECORDING) as source:
        assert source.file.read() == b"call audio"


def _a_loop(path: Path) -> None:
    path.symlink_to(path)


def _a_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))


BAD_INPUTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda _: None, "doesn't exist: check the path"),
    "dangling link": (lambda path: path.symlink_to("nowhere"), "doesn't exist"),
    "directory": (Path.mkdir, "is a directory: give a regular file"),
    "named pipe": (os.mkfifo, "is a named pipe: give a regular file"),
    "socket": (_a_socket, "is a socket: give a regular file"),
    "device": (lambda path: path.symlink_to("/dev/zero"), "is a device: give a regular file"),
    "loop of links": (_a_loop, "can't be used: Too many levels"),
}


@pytest.mark.parametrize(("make", "words"), BAD_INPUTS.values(), ids=BAD_INPUTS.keys())
def test_inputs_that_are_no_files(
    folder: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], object], words: str
) -> None:
    """Anything but a regular file is refused by name, before any work and without waiting for it."""
    monkeypatch.chdir(folder)  # a socket's path has to be short
    bad = Path("bad")
    make(bad)
    files = LocalFiles(bad, folder / "agent.mp4", folder / "out.mp4")
    with pytest.raises(InputError, match=f"^bad {words}"):
        files.check()
    with pytest.raises(InputError, match=f"^bad {words}"), files.call_audio(RECORDING):
        pass
    with pytest.raises(InputError, match=f"^bad {words}"), files.draft(RECORDING, "mp4"):
        pass
    with pytest.raises(InputError, match=f"^bad {words}"):
        LocalFiles(folder / "connect.wav", bad, folder / "out.mp4").check()
    assert parts(folder) == []


def test_a_name_with_a_nul(folder: Path) -> None:
    """A NUL in a path is a clear error, for inputs and outputs."""
    with pytest.raises(InputError, match=r"isn.t a file name"):
        LocalFiles(Path("a\0b"), folder / "agent.mp4", folder / "out.mp4").check()
    with pytest.raises(InputError, match=r"isn.t a file name"):
        in_folder(folder, "a\0b.mp4").check()


def test_an_unreadable_input(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file without the right to read it is a clear error."""
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path).name != "connect.wav")
    with pytest.raises(InputError, match=r"connect.wav can't be read: no permission"):
        in_folder(folder).check()

    def refused(*_: object) -> int:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "access", lambda *_: True)
    monkeypatch.setattr(os, "open", refused)
    with pytest.raises(InputError, match=r"connect.wav can't be used: permission denied"):
        in_folder(folder).call_audio(RECORDING).__enter__()


# --- places for results


def test_a_directory_is_no_result(folder: Path) -> None:
    """A directory, and names that stand for one, are refused."""
    (folder / "results").mkdir()
    for out in ("results", "results/", ".", "results/.."):
        with pytest.raises(InputError, match="is a directory: name a file in it"):
            in_folder(folder, out).check()
    (folder / "result.webm").mkdir()
    with pytest.raises(InputError, match=r"result.webm is a directory"):
        in_folder(folder, "result").check()
    with pytest.raises(InputError, match="results is a directory"):
        in_folder(folder, thumbnail="results").check()


def test_a_device_is_no_result(folder: Path) -> None:
    """/dev/null would be replaced by a file: refused."""
    files = LocalFiles(folder / "connect.wav", folder / "agent.mp4", Path("/dev/null"))
    with pytest.raises(InputError, match="/dev/null is a device"):
        files.check()


def test_a_folder_that_does_not_exist(folder: Path) -> None:
    """No folder is made, the sentence names the missing one."""
    with pytest.raises(InputError, match=r"nowhere doesn't exist; make it first"):
        in_folder(folder, "nowhere/out.mp4").check()
    with pytest.raises(InputError, match=r"agent.mp4 isn't a directory; make it first"):
        in_folder(folder, "agent.mp4/out.mp4").check()
    assert sorted(path.name for path in folder.iterdir()) == ["agent.mp4", "connect.wav"]


def test_a_folder_without_the_right_to_write(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Found before any work, even if only the system shows it."""
    (folder / "locked").mkdir()
    monkeypatch.setattr(os, "access", lambda path, _mode: Path(path).name != "locked")
    with pytest.raises(InputError, match=r"no permission to write in .*locked"):
        in_folder(folder, "locked/out.mp4").check()


@pytest.mark.parametrize("kind", ["itself", "symlink", "hardlink", "roundabout", "by its extension"])
def test_an_input_is_never_a_result(folder: Path, kind: str) -> None:
    """An output that is an input, under any name, is refused, and the input is kept."""
    out = "agent.mp4"
    if kind == "symlink":
        (folder / (out := "link.mp4")).symlink_to("agent.mp4")
    elif kind == "hardlink":
        (folder / (out := "link.mp4")).hardlink_to(folder / "agent.mp4")
    elif kind == "roundabout":
        (folder / "sub").mkdir()
        out = "sub/../agent.mp4"
    elif kind == "by its extension":
        out = "agent"
    for files in (in_folder(folder, out), in_folder(folder, thumbnail=out + ".mp4" if kind[0] == "b" else out)):
        with pytest.raises(InputError, match=r"is the input .*agent.mp4"):
            publish(files)
    assert (folder / "agent.mp4").read_bytes() == b"agent recording"


def test_the_thumbnail_is_not_the_video(folder: Path) -> None:
    """One name for both results is refused."""
    with pytest.raises(InputError, match="another name"):
        in_folder(folder, "out.mp4", "out.mp4").check()
    with pytest.raises(InputError, match="another name"):
        in_folder(folder, "out", "out.webm").check()


# --- results


def test_publish_puts_both_and_nothing_else(folder: Path) -> None:
    """Video and thumbnail are in their places, for this user alone, and no part file is left."""
    umask = os.umask(0)
    try:
        published = publish(in_folder(folder))
    finally:
        os.umask(umask)
    assert (published.video, published.thumbnail) == (str(folder / "out.mp4"), str(folder / "thumb.png"))
    assert (published.video_bytes, published.thumbnail_bytes) == (5, 3)
    assert sorted(path.name for path in folder.iterdir()) == ["agent.mp4", "connect.wav", "out.mp4", "thumb.png"]
    assert (folder / "out.mp4").read_bytes() == b"video"
    assert (folder / "thumb.png").read_bytes() == b"png"
    assert stat.S_IMODE((folder / "out.mp4").stat().st_mode) == 0o600
    assert stat.S_IMODE((folder / "thumb.png").stat().st_mode) == 0o600


@pytest.mark.parametrize(("out", "kind", "name"), [("a", "webm", "a.webm"), ("b.mp4", "mp4", "b.mp4")])
def test_publish_adds_the_extension(folder: Path, out: str, kind: str, name: str) -> None:
    """A name without an extension gets the container's; one with an extension stays."""
    assert publish(in_folder(folder, out), kind=kind).video == str(folder / name)
    assert (folder / name).exists()


def test_publish_without_a_thumbnail(folder: Path) -> None:
    """Without a thumbnail, or a path for it, no thumbnail is written; an older one stays."""
    (folder / "thumb.png").write_bytes(b"old")
    assert publish(in_folder(folder), thumbnail=None).thumbnail is None
    assert publish(in_folder(folder, thumbnail=None)).thumbnail is None
    assert (folder / "thumb.png").read_bytes() == b"old"


def test_a_masked_result_replaces_the_earlier_one_in_another_container(folder: Path) -> None:
    """If its findings name it; any other file stays, also without masks."""
    files = LocalFiles(folder / "connect.wav", folder / "agent.mp4", folder / "out")
    findings = json.dumps({"provenance": {"outputs": {"video": {"location": "out.webm"}}}}).encode()
    for replaces_all, qc, stays in ((True, b"{}", True), (False, findings, True), (True, findings, False)):
        (folder / "out.webm").write_bytes(b"not masked")
        (folder / "out.qc.json").write_bytes(qc)
        with files.draft(RECORDING, "mp4") as draft:
            draft.begin(0).write(b"masked")
            draft.publish(thumbnail=None, qc=b"{}", replaces_all=replaces_all)
        assert (folder / "out.webm").exists() == stays
        assert (folder / "out.mp4").read_bytes() == b"masked"


def test_publish_replaces_whole(folder: Path) -> None:
    """An existing result is replaced; a link to it stays a link."""
    (folder / "real.mp4").write_bytes(b"a much longer old video")
    (folder / "out.mp4").symlink_to("real.mp4")
    publish(in_folder(folder))
    assert (folder / "out.mp4").is_symlink()
    assert (folder / "real.mp4").read_bytes() == b"video"


def test_a_draft_that_is_begun_again_is_empty(folder: Path) -> None:
    """The first attempt's bytes are gone, and the front of the second's can be read before it is published."""
    with in_folder(folder).draft(RECORDING, "mp4") as draft:
        draft.begin(100).write(b"a first try that was too long")
        draft.begin(400).write(b"the second")
        assert draft.front() == b"the second"
        assert draft.publish(thumbnail=b"png", qc=None).video_bytes == 10
    assert (folder / "out.mp4").read_bytes() == b"the second"
    assert parts(folder) == []


def test_publish_goes_on_if_an_input_is_gone_by_then(folder: Path) -> None:
    """A finished result isn't lost if an input was moved away meanwhile."""
    files = in_folder(folder)
    with files.draft(RECORDING, "mp4") as draft:
        draft.begin(0).write(b"video")
        (folder / "connect.wav").unlink()
        draft.publish(thumbnail=None, qc=None)
    assert (folder / "out.mp4").read_bytes() == b"video"


def test_a_failure_leaves_nothing(folder: Path) -> None:
    """A run that fails while it builds the video leaves the old result and no part file."""
    (folder / "out.mp4").write_bytes(b"old")
    with pytest.raises(ZeroDivisionError), in_folder(folder).draft(RECORDING, "mp4") as draft:
        draft.begin(0).write(b"half" * (1 // 0))
    assert parts(folder) == []
    assert (folder / "out.mp4").read_bytes() == b"old"


@pytest.mark.parametrize("before", [None, b"old"])
@pytest.mark.parametrize("failing", ["out.mp4", "thumb.png"])
def test_both_or_neither(folder: Path, monkeypatch: pytest.MonkeyPatch, failing: str, before: bytes | None) -> None:
    """If one of the two can't be renamed, both are as before."""
    for name in ("out.mp4", "thumb.png"):
        if before is not None:
            (folder / name).write_bytes(before)
            (folder / name).chmod(0o604)
    replace, faults = Path.replace, [failing]

    def fault(self: Path, target: Path) -> Path:
        if target.name in faults:
            faults.clear()
            raise OSError(errno.EIO, "Input/output error")
        return replace(self, target)

    monkeypatch.setattr(Path, "replace", fault)
    with pytest.raises(StorageError, match=f"{failing} couldn't be written"):
        publish(in_folder(folder))
    assert parts(folder) == []
    for name in ("out.mp4", "thumb.png"):
        if before is None:
            assert not (folder / name).exists()
        else:
            assert (folder / name).read_bytes() == before
            assert stat.S_IMODE((folder / name).stat().st_mode) == 0o604


def test_a_full_disk_while_the_video_is_built(folder: Path) -> None:
    """No room left is a passing error that names the place, and nothing is left."""
    draft = in_folder(folder).draft(RECORDING, "mp4")
    with pytest.raises(StorageError, match=r"no room left on the disk of .*out.mp4"), draft:
        raise OSError(errno.ENOSPC, "No space left on device")
    assert parts(folder) == []


def test_a_full_disk_at_the_last_moment(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the disk is found full only on writing back, the old result stays."""
    (folder / "out.mp4").write_bytes(b"old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="no room left"):
        publish(in_folder(folder))
    assert (folder / "out.mp4").read_bytes() == b"old"
    assert parts(folder) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's full device")
def test_a_full_disk_on_closing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A buffer that can't be written when the file closes doesn't hide the sentence."""
    new_part = atomic_file.create_part_file

    def on_the_full_device(real: Path) -> Any:
        part = new_part(real)
        part.file.close()
        part.file = Path("/dev/full").open("r+b", buffering=1 << 20)  # noqa: SIM115  the part closes it
        return part

    monkeypatch.setattr(atomic_file, "create_part_file", on_the_full_device)
    with pytest.raises(StorageError, match="no room left"):
        publish(in_folder(folder))
    assert sorted(path.name for path in folder.iterdir()) == ["agent.mp4", "connect.wav"]


def test_a_draft_is_recorded_before_it_is_published(folder: Path) -> None:
    """The digest is that of the whole file, and the names lead from the folder of qc.json to the results."""
    (folder / "images").mkdir()
    (folder / "link").symlink_to(folder / "images")
    files = LocalFiles(folder / "connect.wav", folder / "agent.mp4", folder / "out", folder / "link" / "a.png")
    with files.draft(RECORDING, "webm") as draft:
        file = draft.begin(0)
        file.write(b"half")
        file.seek(0)
        file.write(b"x")
        record = draft.record()
        draft.publish(thumbnail=b"png", qc=b"{}")
    assert record == DraftRecord(str(folder), "out.webm", "images/a.png", digest_of_bytes(b"xalf"), "out.vtt")
    assert (folder / "out.webm").read_bytes() == b"xalf"
    with in_folder(folder, thumbnail=None).draft(RECORDING, "mp4") as plain:
        plain.begin(0).write(b"video")
        assert plain.record().thumbnail == ""


def test_locations_are_relative_to_a_real_folder(folder: Path) -> None:
    """Links are followed; addresses on S3 stay as they are."""
    (folder / "link.wav").symlink_to(folder / "connect.wav")
    assert relative_location(str(folder / "link.wav"), str(folder / "out")) == "../connect.wav"
    assert relative_location("s3://bucket/key", str(folder)) == "s3://bucket/key"


# --- part files


def test_a_killed_runs_part_is_cleared_and_a_living_ones_is_not(folder: Path) -> None:
    """SIGKILL leaves a part file; the next run into the folder clears it, whatever its own output is called."""
    with subprocess.Popen([sys.executable, "-c", HOLDER, folder], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        part = Path(process.stdout.readline().decode().strip())
        try:
            assert parts(folder) == [part]
            publish(in_folder(folder, "other.mp4"))
            assert parts(folder) == [part]
        finally:
            process.send_signal(signal.SIGKILL)
    assert parts(folder) == [part]
    assert not (folder / "out.mp4").exists()
    publish(in_folder(folder, "other.mp4"))
    assert parts(folder) == []


def test_only_part_files_are_cleared(folder: Path) -> None:
    """Files with other names, and links, are kept."""
    others = [".out.mp4.komorebi-part.bak", "out.komorebi-part", ".hidden"]
    for name in others:
        (folder / name).write_bytes(b"mine")
    (folder / ".link.komorebi-part").symlink_to("agent.mp4")
    publish(in_folder(folder))
    assert all((folder / name).exists() for name in [*others, ".link.komorebi-part", "agent.mp4"])


def test_two_runs_into_one_place(folder: Path) -> None:
    """Two runs at the same time don't disturb each other: the last to finish wins, whole."""
    one, two = in_folder(folder), in_folder(folder)
    with one.draft(RECORDING, "mp4") as first:
        first.begin(0).write(b"first")
        with two.draft(RECORDING, "mp4") as second:
            second.begin(0).write(b"second")
            first.publish(thumbnail=b"1", qc=None)
            second.publish(thumbnail=b"2", qc=None)
    assert (folder / "out.mp4").read_bytes() == b"second"
    assert (folder / "thumb.png").read_bytes() == b"2"
    assert parts(folder) == []


def test_a_part_cleared_before_it_was_locked_is_made_again(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between making and locking a part another run may clear it: then there is a second one."""
    lock = fcntl.flock
    victims: list[Path] = []

    def clear_first(file: Any, operation: int) -> None:
        if not victims:
            victims.append(Path(file.name))
            victims[0].unlink()
        lock(file, operation)

    monkeypatch.setattr(fcntl, "flock", clear_first)
    publish(in_folder(folder))
    assert len(victims) == 1
    assert (folder / "out.mp4").read_bytes() == b"video"


def test_a_file_system_without_locks(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without file locks results are still made, and nothing is cleared."""

    def none(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", none)
    (folder / ".old.mp4.00.komorebi-part").touch()
    publish(in_folder(folder))
    assert (folder / "out.mp4").exists()
    assert len(parts(folder)) == 1


def test_long_names(folder: Path) -> None:
    """A name as long as the system takes works; a longer one is a clear error."""
    publish(in_folder(folder, "ö" * 125 + ".mp4"))
    with pytest.raises(KomorebiError, match="File name too long"):
        in_folder(folder, "x" * 252 + ".mp4").check()


def test_an_analysis_is_an_input(folder: Path) -> None:
    """It is read into memory under its name, has to be there, and is never written over."""
    path = folder / "analysis.json"
    files = LocalFiles(folder / "connect.wav", folder / "agent.mp4", folder / "out.mp4", analysis=path)
    with pytest.raises(InputError, match=r"analysis\.json"):
        files.check()
    path.write_bytes(b"{}")
    files.check()
    (found,) = files.analyses(RECORDING)
    assert (found.name, found.size, found.file.read(), found.version) == (str(path), 2, b"{}", ())
    assert in_folder(folder).analyses(RECORDING) == ()
    over = LocalFiles(folder / "connect.wav", folder / "agent.mp4", path, analysis=path)
    with pytest.raises(InputError, match="is the input"):
        over.check()


def test_a_file_too_large_for_an_analysis_is_refused(folder: Path) -> None:
    """It is refused by its size, before it is read."""
    path = folder / "analysis.json"
    with path.open("wb") as file:
        file.truncate(MAX_ANALYSIS_BYTES + 1)
    files = LocalFiles(folder / "connect.wav", folder / "agent.mp4", folder / "out.mp4", analysis=path)
    with pytest.raises(InputError, match="an analysis has at most"):
        files.analyses(RECORDING)


def test_captions_are_beside_the_video_and_go_with_a_run_without_them(folder: Path) -> None:
    """If the findings of the earlier run name them; a file of somebody else stays."""
    files = LocalFiles(folder / "connect.wav", folder / "agent.mp4", folder / "out")
    words, qc = folder / "out.vtt", b'{"provenance": {"outputs": {"video": {}, "captions": {"location": "out.vtt"}}}}'
    with files.draft(RECORDING, "mp4") as draft:
        draft.begin(0).write(b"video")
        assert draft.publish(thumbnail=None, qc=qc, captions=b"WEBVTT").captions == str(words)
    assert words.read_bytes() == b"WEBVTT"
    with files.draft(RECORDING, "mp4") as draft:
        draft.begin(0).write(b"video")
        assert draft.publish(thumbnail=None, qc=b"{}").captions is None
    assert not words.exists()
    words.write_bytes(b"of somebody else")
    with files.draft(RECORDING, "mp4") as draft:
        draft.begin(0).write(b"video")
        draft.publish(thumbnail=None, qc=b"{}")
    assert words.read_bytes() == b"of somebody else"


def test_a_transcript_is_read_and_never_written(folder: Path) -> None:
    """It is an input like the others."""
    words = folder / "words.vtt"
    words.write_bytes(b"WEBVTT")
    source = LocalFiles(folder / "connect.wav", folder / "agent.mp4", folder / "out", words=words).transcript(RECORDING)
    assert source is not None
    assert source.file.read() == b"WEBVTT"
    with pytest.raises(InputError, match="is the input"):
        LocalFiles(folder / "connect.wav", folder / "agent.mp4", words, words=words).check()


def test_further_files_are_inputs_too(folder: Path) -> None:
    """They are opened together, checked before any work, and never written."""
    more = folder / "more.mp4"
    more.write_bytes(b"more")
    files = LocalFiles(folder / "connect.wav", folder / "agent.mp4", folder / "out", further=[more])
    files.check()
    with files.further_recordings(RECORDING) as sources:
        assert [source.file.read() for source in sources] == [b"more"]
    with pytest.raises(InputError, match="is the input"):
        LocalFiles(folder / "connect.wav", folder / "agent.mp4", more, further=[more]).check()
    with pytest.raises(InputError, match=r"gone\.mp4"):
        LocalFiles(folder / "connect.wav", folder / "agent.mp4", folder / "out", further=[folder / "gone.mp4"]).check()
