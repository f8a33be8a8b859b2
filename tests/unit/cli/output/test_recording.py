"""The texts of the commands for one recording."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from desk import sample_session, wrong_session

from komorebi_qc.cli.output.recording import print_audit, print_outcome
from komorebi_qc.desk.audit.status import AuditStatus

if TYPE_CHECKING:
    from komorebi_qc.pipeline.examine import Examined


def outcome(drift_ppm: float) -> dict[str, Any]:
    """An outcome's values that are printed."""
    return {
        "verdict": "pass",
        "output": "out.mp4",
        "qc": "out.qc.json",
        "thumbnail": None,
        "container": "mp4",
        "durations": {"output_s": 30.0, "call_s": 20.0, "after_call_s": 5.0},
        "codecs": {"video": "h264", "audio": "aac", "audio_rate_hz": 16000, "video_copied": True},
        "alignment": {"offset_s": 2.5, "drift_ppm": drift_ppm, "source": "measured"},
        "steps": [],
        "findings": [],
    }


@pytest.mark.parametrize(("drift_ppm", "text"), [(-0.04, "+0.0"), (0.04, "+0.0"), (-0.06, "-0.1")])
def test_a_drift_that_rounds_to_zero_has_no_minus(
    drift_ppm: float, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A negative zero would look like a direction."""
    print_outcome(outcome(drift_ppm), "")
    assert f", drift {text} ppm (measured)" in capsys.readouterr().out


def test_a_remark_follows_the_next_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a remark the line ends with the command."""
    print_outcome(outcome(0.0), "komorebi-qc audit --demo")
    assert capsys.readouterr().out.endswith(": komorebi-qc audit --demo\n")
    print_outcome(outcome(0.0), "komorebi-qc audit --demo", "needs the desk extra")
    assert capsys.readouterr().out.endswith(": komorebi-qc audit --demo (needs the desk extra)\n")


def printed_audit(examined: Examined | None, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of an audit into ``out``."""
    print_audit("out/", AuditStatus(state="done", verdict="warn"), examined)
    return capsys.readouterr().out.splitlines()


def test_an_audit_names_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    """The report, each finding that doesn't pass, the count, and the unified recording."""
    examined = sample_session().examined
    first, *others = examined.document["findings"]
    findings = [{**first, "status": "fail"}, *others]
    lines = printed_audit(replace(examined, document={**examined.document, "findings": findings}), capsys)
    assert lines[0] == "warn  out/report.html"
    assert lines[1] == f"FAIL  {first['name']}  {first['text']}"
    assert lines[2] == f"{len(others)} of {len(findings)} findings pass."
    assert any(line.split() == ["unified", "recording", f"out/{examined.video.name}"] for line in lines)


def test_an_audit_of_a_wrong_pair_names_no_unified_recording(capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is printed without the remedies of a run that publishes."""
    text = "\n".join(printed_audit(wrong_session().examined, capsys))
    assert "No unified recording was made: the call audio and the recording belong to different calls (" in text
    assert "published" not in text
    assert "unified recording  " not in text
    assert "findings pass" not in "\n".join(printed_audit(None, capsys))
