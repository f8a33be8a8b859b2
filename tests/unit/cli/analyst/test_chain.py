"""The command `chain`: its arguments, its output and its exit codes."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest
from command import run
from contact_shapes import exported

if TYPE_CHECKING:
    from pathlib import Path

    from captures import Capture

BUCKETS = {"AC_AUDIO_BUCKET_NAME": "calls", "INPUT_BUCKET_NAME": "screens", "OUTPUT_BUCKET_NAME": "unified"}


def folder_of(folder: Path, sample: Capture) -> Path:
    """A chain of two contacts, of which the list has the first."""
    links = {"InitialContactId": "c1", "PreviousContactId": "c1", "InitiationMethod": "TRANSFER"}
    records = (exported(ContactId="c1"), exported(ContactId="c2", **links))
    (folder / "records.jsonl").write_text("\n".join(map(json.dumps, records)))
    row = f"c1,{sample.call},{sample.recording},22,erika"
    (folder / "list.csv").write_text(f"recording_id,connect,recording,call_end,agent\n{row}\n")
    return folder


def test_a_chain_needs_records() -> None:
    """Without a source of contact records the command names the setting."""
    done = run("chain", "c1", **BUCKETS)
    assert done.returncode == 2
    assert "KOMOREBI_CONTACT_RECORD" in done.stderr


def test_a_dry_run_shows_the_chain(tmp_path: Path, sample: Capture) -> None:
    """It prints who had the call, and each contact with what would be done; nothing is written."""
    folder = folder_of(tmp_path, sample)
    done = run("chain", "c1", "--from", folder, "--out", folder / "out", "--dry-run")
    lines = done.stdout.splitlines()
    assert lines[0] == "FAIL  c1: 2 contacts, 2 agents. 1 recording to make, 0 made before; 1 missing."
    assert "Agent 1 had the call from 12:00:00 to 12:07:40 (7:40)." in lines
    assert "agent 1  c1  first contact  to be made" in lines
    assert "there is no recording of contact c2" in done.stdout
    assert "erika" not in done.stdout
    assert not (folder / "out").exists()
    assert done.returncode == 1


def test_the_same_is_in_json(tmp_path: Path, sample: Capture) -> None:
    """The object has the chain's schema, members and problems."""
    folder = folder_of(tmp_path, sample)
    done = run("chain", "c2", "--from", folder, "--out", folder / "out", "--dry-run", "--json")
    found = json.loads(done.stdout)
    assert (found["schema"], found["initial_contact_id"], found["source"]) == ("komorebi-chain/1", "c1", "folder")
    assert [one["state"] for one in found["members"]] == ["listed", "no_recording"]
    assert [problem["kind"] for problem in found["problems"]] == ["not_first"]


def test_a_missing_folder_is_bad_input(tmp_path: Path) -> None:
    """The error names the file."""
    done = run("chain", "c1", "--from", tmp_path)
    assert done.returncode == 2
    assert "records.jsonl" in done.stderr


@pytest.mark.parametrize("name", ["", "c1 ", "../../c1", "/c1", "..", "<b>"])
def test_an_id_that_is_no_contacts_is_bad_input(tmp_path: Path, sample: Capture, name: str) -> None:
    """It would be the name of a folder outside of `--out`, and the first contact of all records without one."""
    folder = folder_of(tmp_path, sample)
    row = f"{name},{sample.call},{sample.recording},22"
    (folder / "list.csv").write_text(f"recording_id,connect,recording,call_end\n{row}\n")
    done = run("chain", name, "--from", folder, "--out", folder / "out")
    assert done.returncode == 2
    assert "isn't a contact's ID" in done.stderr
    assert {path.name for path in folder.iterdir()} == {"records.jsonl", "list.csv"}


def test_a_missing_library_is_named(tmp_path: Path, sample: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """A chain of a folder needs the extra `fleet`, as a batch does; the error says how to install it."""
    monkeypatch.delitem(sys.modules, "komorebi_qc.chain.folder", raising=False)
    monkeypatch.delitem(sys.modules, "komorebi_qc.batch.manifest.manifest_file", raising=False)
    monkeypatch.delitem(sys.modules, "komorebi_qc.batch.manifest.row_readers", raising=False)
    monkeypatch.setitem(sys.modules, "pyarrow.parquet", None)
    done = run("chain", "c1", "--from", folder_of(tmp_path, sample), "--dry-run")
    assert done.returncode == 2
    assert "--from needs pyarrow, which isn't installed" in done.stderr
    assert "[fleet]" in done.stderr
