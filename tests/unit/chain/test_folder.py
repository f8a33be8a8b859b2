"""A chain in a folder."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from contact_shapes import exported

from komorebi_qc.chain.folder import FolderSource
from komorebi_qc.core.errors import InputError
from komorebi_qc.core.progress import SILENT

if TYPE_CHECKING:
    from pathlib import Path

    from captures import Capture


def write(folder: Path, sample: Capture, records: str | None = None) -> Path:
    """A folder with a chain of two contacts, of which the list has one and a row that can't be used."""
    first = exported(ContactId="a")
    second = exported(ContactId="b", InitialContactId="a", PreviousContactId="a", InitiationMethod="TRANSFER")
    text = "\n".join(map(json.dumps, (first, second))) if records is None else records
    (folder / "records.jsonl").write_text(text)
    rows = [f"a,{sample.call},{sample.recording},22,erika", f"b,{sample.call},{sample.recording},soon,max"]
    (folder / "list.csv").write_text("\n".join(["recording_id,connect,recording,call_end,agent", *rows, "c,,,,"]))
    return folder


def test_records_and_list_are_read(tmp_path: Path, sample: Capture) -> None:
    """Rows that can't be used are notes, and the chain has all contacts of the records."""
    source = FolderSource.of(write(tmp_path, sample), str(tmp_path / "out"), {})
    assert [one.contact_id for one in source.read("a", None, SILENT).members] == ["a", "b"]
    assert (source.agent("a"), source.agent("b")) == ("erika", None)
    assert len(source.notes) == 2


def test_unusable_inputs_are_named(tmp_path: Path, sample: Capture) -> None:
    """A missing file, a file without records, and results on S3 are bad input."""
    with pytest.raises(InputError, match=r"records\.jsonl"):
        FolderSource.of(tmp_path, "out", {})
    with pytest.raises(InputError, match="no contact records"):
        FolderSource.of(write(tmp_path, sample, "not JSON"), "out", {})
    with pytest.raises(InputError, match="name a folder"):
        FolderSource.of(tmp_path, "s3://bucket/x", {})


@pytest.mark.parametrize("damaged", ["", '{"half', "[]", '{"provenance": 3}', "\x00"])
def test_a_damaged_record_of_a_run_is_made_again(tmp_path: Path, sample: Capture, damaged: str) -> None:
    """A recording whose `qc.json` can't be read isn't done: its contact would fail in each run."""
    source = FolderSource.of(write(tmp_path, sample), str(tmp_path / "out"), {})
    (tmp_path / "out/a").mkdir(parents=True)
    (tmp_path / "out/a/recording.qc.json").write_text(damaged)
    assert source.done(source.read("a", None, SILENT).members[0]) is None


def test_a_file_of_two_contacts_is_a_warning(tmp_path: Path, sample: Capture) -> None:
    """A copied row would give a contact the audio of another one's agent; the audio itself fits its screen."""
    write(tmp_path, sample)
    rows = [f"{name},{sample.call},{sample.recording},22" for name in "ab"]
    (tmp_path / "list.csv").write_text("\n".join(["recording_id,connect,recording,call_end", *rows]))
    notes = FolderSource.of(tmp_path, str(tmp_path / "out"), {}).notes
    assert notes == tuple(
        f"list.csv names the same {kind} for several contacts (a, b): check which of them it belongs to."
        for kind in ("call audio", "agent recording")
    )
