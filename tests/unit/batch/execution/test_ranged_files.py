"""Listed files that are read in parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fake_s3_object import Memory

from komorebi_qc.batch.execution import ranged_files
from komorebi_qc.batch.execution.ranged_files import read_by_ranges
from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path


def test_files_of_this_machine(tmp_path: Path) -> None:
    """Both are opened; a missing one is named."""
    ours, theirs = tmp_path / "a.wav", tmp_path / "b.webm"
    ours.write_bytes(b"call")
    theirs.write_bytes(b"recording")
    with read_by_ranges(str(ours), str(theirs)) as (call, own):
        assert (call.file.read(), own.file.read()) == (b"call", b"recording")
        assert not own.is_remote
    with pytest.raises(InputError, match=r"c\.webm"), read_by_ranges(str(ours), str(tmp_path / "c.webm")):
        pass


class _Object(Memory):
    """An object that also answers to HEAD."""

    def head_object(self, **_: str) -> dict[str, Any]:
        return {"ETag": '"e"', "ContentLength": len(self.content)}


def test_a_file_on_s3_isnt_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its source reads ranges, any number of readers side by side."""
    ours, client = tmp_path / "a.wav", _Object(bytes(range(256)) * 4000, [])
    ours.write_bytes(b"call")
    monkeypatch.setattr(ranged_files, "aws_client", lambda _: client)
    with read_by_ranges(str(ours), "s3://bucket/own.webm") as (_, own):
        assert own.is_remote
        assert own.size == 1_024_000
        file = own.reopen().file
        file.seek(512_000)
        assert file.read(4) == bytes(range(4))
    assert sum(stop - start for start, stop in client.asked) < len(client.content)
