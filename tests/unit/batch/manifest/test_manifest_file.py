"""Manifests: they are validated as a whole, and unusable rows are named with their place."""

from __future__ import annotations

from pathlib import Path

import pytest
from aws_fixtures import INPUT, World
from listed_recordings import IDS

from komorebi_qc.batch.manifest.manifest_file import read_manifest
from komorebi_qc.core.errors import InputError


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with two media."""
    (tmp_path / "2026/11/24").mkdir(parents=True)
    (tmp_path / "call.wav").write_bytes(b"RIFF")
    (tmp_path / "2026/11/24/screen.webm").write_bytes(b"webm")
    return tmp_path


def test_a_csv_file_is_read(folder: Path) -> None:
    """Paths are relative to the list's folder; the backend's column names and semicolons are accepted."""
    path = folder / "list.csv"
    path.write_text(
        "\ufeffrecordingID;Connect;recording;callEndingTimestamp;agentID;note\n"
        f"{IDS[0]};;;00:57:01;agent-7;x\n"
        ";call.wav;2026/11/24/screen.webm;00:01:00;;\n",
        encoding="utf-8",
    )
    listing = read_manifest(path)
    assert listing.rejected == ()
    by_id, by_files = listing.items
    assert (by_id.recording_id, by_id.named_by, by_id.call_end, by_id.agent) == (IDS[0], "id", "00:57:01", "agent-7")
    assert by_files.named_by == "files"
    assert by_files.connect == str(folder / "call.wav")
    assert by_files.day == "2026-11-24"
    assert by_files.listed_in == f"{path}:3"
    assert listing.ignored == ("note",)


def test_files_without_an_id_are_named_by_their_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A recording has the same name in every list; two files of one name in two folders are two recordings."""
    for name in ("a", "b"):
        (folder / name).mkdir()
        for file in ("call1.webm", "call1.mp4"):
            (folder / name / file).touch()
        rows = "../call.wav,call1.webm,60\n../call.wav,call1.mp4,60\n"
        (folder / name / "list.csv").write_text(f"connect,recording,call_end\n{rows}")
    ids = [item.recording_id for name in ("a", "b") for item in read_manifest(folder / name / "list.csv").items]
    assert ids == [str(folder / name) for name in ("a/call1.webm", "a/call1.mp4", "b/call1.webm", "b/call1.mp4")]
    (folder / "both.csv").write_text(
        f"connect,recording,call_end\ncall.wav,a/../b/call1.mp4,60\ncall.wav,{folder}/a/call1.webm,60\n"
        "call.wav,s3://bucket/call1.webm,60\ncall.wav,a/call1.webm,60\n"
    )
    monkeypatch.chdir(folder / "a")
    listing = read_manifest(Path("../both.csv"))
    assert [item.recording_id for item in listing.items] == [ids[3], ids[0], "s3://bucket/call1.webm"]
    assert listing.rejected[0].reason.endswith("or give each row its own recording_id")


def test_bad_rows_are_rejected_and_the_others_are_used(folder: Path) -> None:
    """Each rejected row has its line and a sentence."""
    path = folder / "list.jsonl"
    path.write_text(
        "\n".join(
            (
                f'{{"recording_id": "{IDS[0]}", "call_end": "00:01:00"}}',
                "no JSON",
                "[1]",
                f'{{"recording_id": "{IDS[1]}"}}',
                f'{{"recording_id": "{IDS[2]}", "call_end": "noon"}}',
                '{"recording_id": "a/b", "call_end": "00:01:00"}',
                '{"connect": "call.wav", "call_end": "00:01:00"}',
                '{"connect": "call.wav", "recording": "none.webm", "call_end": "00:01:00"}',
                f'{{"recording_id": "{IDS[0]}", "call_end": "00:02:00"}}',
                f'{{"recording_id": "{IDS[3]}", "call_end": true}}',
                f'{{"recording_id": "{IDS[3]}", "call_end": "00:01:00", "day": "soon"}}',
                '{"call_end": "00:01:00"}',
                f'{{"recording_id": "{IDS[3]}", "call_end": "00:01:00"}}',
            )
        )
    )
    listing = read_manifest(path)
    ends = {item.recording_id: item.call_end for item in listing.items}
    assert ends == {IDS[0]: "00:01:00", IDS[1]: "", IDS[3]: "00:01:00"}
    reasons = {one.listed_in: one.reason for one in listing.rejected}
    assert list(reasons) == [f"{path}:{n}" for n in (2, 3, *range(5, 13))]
    for line, words in {
        2: "JSON",
        3: "object",
        5: "noon",
        7: "recording is missing",
        8: "none.webm",
        9: "list.jsonl:1 already: keep one row",
        10: "bool",
        11: "soon",
        12: "neither",
    }.items():
        assert words in reasons[f"{path}:{line}"]


def test_lists_of_one_name_in_two_folders_are_two_lists(folder: Path) -> None:
    """A rejected row is identified by the list's whole path."""
    (folder / "b").mkdir()
    for place in (folder, folder / "b"):
        (place / "list.csv").write_text("recording_id,call_end\n,60\n")
    one, other = (read_manifest(place / "list.csv") for place in (folder, folder / "b"))
    assert one.rejected[0].listed_in == f"{one.name}:2" == f"{folder}/list.csv:2"
    assert other.rejected[0].listed_in == f"{folder}/b/list.csv:2"


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("list.txt", b"x", "isn't a manifest by its name"),
        ("list.csv", b"", "is empty"),
        ("list.csv", b"recording_id,call_end\n", "is empty"),
        ("list.csv", b"a,b\n1,2\n", "has the columns a, b"),
        ("list.csv", b"connect,recording\nx,y\n", "has the columns connect, recording"),
        ("list.csv", b"recording_id,call_end\n\xff,1\n", "isn't UTF-8"),
        ("list.csv", b'"recording_id,call_end\nx,1\n', ":1, the header, isn't CSV"),
        ("list.parquet", b"nothing of it", "isn't a Parquet file"),
    ],
)
def test_a_file_that_is_no_list_is_refused(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    """The error names the file, before any work."""
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        read_manifest(tmp_path / name)


def test_an_error_about_the_columns_is_short(tmp_path: Path) -> None:
    """Of a file with many or long columns it lists some of them."""
    columns = [*(f"c{number:03}" for number in range(99)), "x" * 9000]
    (tmp_path / "list.csv").write_text(",".join(columns) + "\n" + ",".join("1" * 100) + "\n")
    with pytest.raises(InputError) as raised:
        read_manifest(tmp_path / "list.csv")
    assert "c000, c001, " in str(raised.value)
    assert " and 88 more" in str(raised.value)
    assert len(str(raised.value)) < 1000


def test_a_manifest_on_s3(world: World) -> None:
    """Its relative paths are keys relative to its prefix; a missing manifest is an error."""
    content = "connect,recording,call_end\n../call.wav,2026/11/24/screen.webm,60\ncall.wav,s3://other/x.webm,60\n,,60\n"
    world.s3.put_object(Bucket=INPUT, Key="lists/a/list.csv", Body=content.encode())
    where = f"s3://{INPUT}/lists/a/list.csv"
    listing = read_manifest(where)
    first, second = listing.items
    assert first.connect == f"s3://{INPUT}/lists/call.wav"
    assert first.recording == first.recording_id == f"s3://{INPUT}/lists/a/2026/11/24/screen.webm"
    assert (second.connect, second.recording) == (f"s3://{INPUT}/lists/a/call.wav", "s3://other/x.webm")
    assert (listing.name, listing.rejected[0].listed_in) == (where, f"{where}:4")
    with pytest.raises(InputError, match="doesn't exist"):
        read_manifest(f"s3://{INPUT}/lists/none.csv")
