"""The result of a verification on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from komorebi_qc.cli.output.verify import print_verifications

if TYPE_CHECKING:
    import pytest


def one(role: str, state: str, **more: Any) -> dict[str, Any]:
    """A file of a run."""
    return {"role": role, "address": f"s3://b/{role}", "state": state, "detail": None, "version_id": None, **more}


def test_versions_and_details_are_shown_safely(capsys: pytest.CaptureFixture[str]) -> None:
    """The version that was read is beside the address; markup and control characters of others have no effect."""
    files = [
        one("call_audio", "unchanged", version_id="v1"),
        one("video", "changed", detail="[red]\x1b[2J", address="s3://b/[bold]x"),
    ]
    print_verifications([{"recording_id": "a", "version": "1.0", "state": "changed", "files": files}])
    shown = capsys.readouterr().out
    assert shown.splitlines() == [
        "a, made by komorebi_qc 1.0",
        "  unchanged  call audio  s3://b/call_audio  (version v1)",
        "  CHANGED    video       s3://b/[bold]x",
        "                         [red]?[2J",
        "1 of 2 unchanged, 1 changed.",
    ]


def test_a_run_whose_qc_json_cant_be_read_has_no_name(capsys: pytest.CaptureFixture[str]) -> None:
    """Neither its recording nor its version is known."""
    files = [one("qc.json", "missing")]
    print_verifications([{"recording_id": None, "version": None, "state": "missing", "files": files}])
    assert capsys.readouterr().out.splitlines()[0] == "unknown recording"
