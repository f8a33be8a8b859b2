"""From a request to a command: our own, with checked values, on files below the folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from komorebi_qc.core.errors import InputError
from komorebi_qc.desk.server.commands import command_of
from komorebi_qc.storage.opened_folder import OpenedFolder

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"connect": "call.wav", "recording": "screen.webm", "call_end": "57:01"}


@pytest.fixture
def root(tmp_path: Path) -> OpenedFolder:
    """A folder with inputs, an audit and a link that leads out of it."""
    folder = tmp_path / "root"
    (folder / "old").mkdir(parents=True)
    (folder / "other").mkdir()
    (folder / "linked").mkdir()
    own = ("call.wav", "screen.webm", "--evil.wav", "words.vtt", "clip.mp4")
    for name in (*own, "old/correction.json", "old/status.json", "linked/status.json"):
        (folder / name).touch()
    (tmp_path / "secret.wav").touch()
    (folder / "link.wav").symlink_to(tmp_path / "secret.wav")
    (folder / "up").symlink_to(tmp_path)
    (folder / "linked" / "audio").symlink_to(tmp_path)
    return OpenedFolder.at(str(folder))


def test_an_audit_of_two_files(root: OpenedFolder) -> None:
    """Each value is one argument with its option, so that no value can be another option."""
    found = command_of({"kind": "audit", **FILES, "call_end": "00:57:01", "out": "new/report", "analysis": ""}, root)
    assert found.arguments == (
        "audit",
        f"--connect={root.root}/call.wav",
        f"--recording={root.root}/screen.webm",
        "--call-end=00:57:01",
        f"--out={root.root}/new/report",
    )
    assert (found.title, found.out) == ("audit into new/report", "new/report")


def test_an_audit_again_with_a_correction(root: OpenedFolder) -> None:
    """The folder of an earlier audit can be used again."""
    found = command_of(
        {"kind": "audit", "recording_id": "call-1", "correction": "old/correction.json", "out": "old"}, root
    )
    expected = ("audit", "call-1", f"--from={root.root}/old/correction.json", f"--out={root.root}/old")
    assert found.arguments == expected


def test_an_audit_with_a_transcript_and_a_delivered_file(root: OpenedFolder) -> None:
    """Both are files below the folder; a recording in AWS has a published video instead."""
    more = {"transcript": "words.vtt", "delivered": "clip.mp4"}
    found = command_of({"kind": "audit", **FILES, "call_end": "1:00", **more, "out": "new"}, root)
    files = (f"--transcript={root.root}/words.vtt", f"--delivered={root.root}/clip.mp4")
    assert found.arguments[-3:] == (*files, f"--out={root.root}/new")
    aws = {"recording_id": "call-1", "transcribe": True, "delivered": "published"}
    found = command_of({"kind": "audit", **aws, "out": "new"}, root)
    assert found.arguments == ("audit", "call-1", "--transcribe", "--delivered=published", f"--out={root.root}/new")


def test_a_clip(root: OpenedFolder) -> None:
    """Its length has a default."""
    found = command_of({"kind": "clip", "recording_id": "call-1", "at": "12:30", "out": "c.mp4"}, root)
    options = ("--at=12:30", "--seconds=20", "--sound=output", "--size=1280x720", f"--out={root.root}/c.mp4")
    assert found.arguments == ("clip", "call-1", *options)


def test_corrections(root: OpenedFolder) -> None:
    """A check, a publication, and an undo."""
    request = {"kind": "correct", "recording_id": "call-1", "correction": "old/correction.json"}
    source = f"--from={root.root}/old/correction.json"
    assert command_of({**request, "publish": False}, root).arguments == ("correct", "call-1", source)
    assert command_of({**request, "publish": True}, root).arguments == ("correct", "call-1", source, "--publish")
    more = {"why": "--undo; agreed", "call_end": "57:01"}
    found = command_of({**request, **more}, root)
    assert found.arguments == ("correct", "call-1", source, "--why=--undo; agreed", "--call-end=57:01")
    found = command_of({**request, "undo": True, "publish": True}, root)
    assert found.arguments == ("correct", "call-1", "--undo", "--publish")
    assert found.title == "publish the removal of the correction of call-1"


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (None, "no known command"),
        ([], "no known command"),
        ({"kind": "erase"}, "no known command"),
        ({"kind": []}, "no known command"),
        ({"kind": "audit", "param": "x=1"}, "has no value 'param'"),
        ({"kind": "audit", "out": "new"}, "the call audio is missing"),
        ({"kind": "audit", **FILES, "call_end": "", "out": "new"}, "the call end is missing"),
        ({"kind": "audit", **FILES, "recording_id": "call-1", "out": "new"}, "not both"),
        ({"kind": "audit", "recording_id": "--demo", "out": "new"}, "isn't a recording ID"),
        ({"kind": "audit", "recording_id": ["a"], "out": "new"}, "isn't a recording ID"),
        ({"kind": "audit", **FILES, "connect": "link.wav", "out": "new"}, "the call audio isn't a file below"),
        ({"kind": "audit", **FILES, "connect": "../secret.wav", "out": "new"}, "the call audio isn't a file below"),
        ({"kind": "audit", **FILES, "connect": "/etc/passwd", "out": "new"}, "the call audio isn't a file below"),
        ({"kind": "audit", **FILES, "connect": 1, "out": "new"}, "the call audio is missing"),
        ({"kind": "audit", **FILES, "recording": "up/secret.wav", "out": "new"}, "isn't a file below"),
        ({"kind": "audit", **FILES, "call_end": "1; rm", "out": "new"}, "the call end isn't a time"),
        ({"kind": "audit", **FILES, "out": "../new"}, "isn't a name below"),
        ({"kind": "audit", **FILES, "out": "up/new"}, "is a link, or is in one"),
        ({"kind": "audit", **FILES, "out": "s3://bucket/x"}, "isn't a name below"),
        ({"kind": "audit", **FILES, "out": "other"}, "no audit made it"),
        ({"kind": "audit", **FILES, "out": "linked"}, "has a link in it, audio"),
        ({"kind": "audit", **FILES, "transcript": "../words.vtt", "out": "new"}, "the transcript isn't a file below"),
        ({"kind": "audit", **FILES, "transcript": "link.wav", "out": "new"}, "the transcript isn't a file below"),
        ({"kind": "audit", **FILES, "transcript": 3, "out": "new"}, "the transcript is missing"),
        ({"kind": "audit", **FILES, "transcribe": "yes", "out": "new"}, "transcribe is true or false"),
        ({"kind": "audit", **FILES, "delivered": "/etc/passwd", "out": "new"}, "the delivered file isn't a file below"),
        ({"kind": "audit", **FILES, "delivered": "link.wav", "out": "new"}, "the delivered file isn't a file below"),
        ({"kind": "audit", **FILES, "delivered": "up/secret.wav", "out": "new"}, "the delivered file isn't a file"),
        ({"kind": "audit", **FILES, "delivered": "published", "out": "new"}, "the delivered file isn't a file below"),
        ({"kind": "audit", **FILES, "delivered": ["clip.mp4"], "out": "new"}, "the delivered file is missing"),
        ({"kind": "clip", **FILES, "at": "1", "size": "1x1", "out": "c.mp4"}, "the clip's size isn't a size"),
        ({"kind": "correct", "recording_id": "a", "correction": "old/correction.json", "why": [1]}, "isn't a text"),
        ({"kind": "correct", "recording_id": "a", "correction": "old/correction.json", "why": "a\nb"}, "line breaks"),
        ({"kind": "clip", **FILES, "at": "1", "out": "clip.mp4"}, "clip.mp4 exists"),
        ({"kind": "clip", **FILES, "at": "1", "out": "clip.sh"}, "must end in .mp4"),
        ({"kind": "clip", **FILES, "at": "-1", "out": "c.mp4"}, "the clip's time isn't a time"),
        ({"kind": "clip", **FILES, "at": "1", "seconds": 1e9, "out": "c.mp4"}, "0.5 to 120 seconds"),
        ({"kind": "clip", **FILES, "at": "1", "seconds": True, "out": "c.mp4"}, "0.5 to 120 seconds"),
        ({"kind": "clip", **FILES, "at": "1", "sound": "both", "out": "c.mp4"}, "the clip's sound"),
        ({"kind": "correct", "recording_id": "a", "correction": "old/none.json"}, "the correction isn't a file"),
        ({"kind": "correct", "recording_id": "a", "publish": "yes"}, "true or false"),
        ({"kind": "correct", "recording_id": ""}, "the recording's ID is missing"),
        ({"kind": "correct", "recording_id": "a"}, "the correction is missing"),
    ],
)
def test_bad_requests(root: OpenedFolder, request_: Any, words: str) -> None:
    """A sentence, and no command."""
    with pytest.raises(InputError, match=words.replace("(", "\\(")):
        command_of(request_, root)
