"""The folder of an audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aws_fixtures import OUTPUT

from komorebi_qc.core.errors import InputError
from komorebi_qc.desk.audit.files import output_folder

if TYPE_CHECKING:
    from pathlib import Path

    from aws_fixtures import World


def test_a_local_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative folder is created below the working directory, and stays there if that changes."""
    monkeypatch.chdir(tmp_path)
    with output_folder("here/there", last="status.json") as folder:
        assert folder == tmp_path / "here" / "there"
        assert folder.is_dir()


def test_files_are_uploaded_after_an_error(world: World) -> None:
    """All files with their types, even if the block raises."""
    with pytest.raises(RuntimeError, match="in between"):
        write_and_fail(f"s3://{OUTPUT}/a/b")
    assert set(world.keys(OUTPUT)) == {"a/b/audio/agent.m4a", "a/b/status.json"}
    assert world.s3.head_object(Bucket=OUTPUT, Key="a/b/audio/agent.m4a")["ContentType"] == "audio/mp4"


def write_and_fail(out: str) -> None:
    """Write two files into the folder, then fail."""
    with output_folder(out, last="status.json") as folder:
        (folder / "audio").mkdir()
        (folder / "audio" / "agent.m4a").write_bytes(b"m4a")
        (folder / "status.json").write_text("{}")
        raise RuntimeError("in between")


@pytest.mark.parametrize("out", ["s3://", "s3:///folder"])
def test_an_address_without_a_bucket_is_refused(out: str) -> None:
    """One sentence, before any work."""
    with pytest.raises(InputError, match="names no bucket"), output_folder(out, last="status.json"):
        pass
