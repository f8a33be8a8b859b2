"""The types of the public interface, as a type checker sees them from outside."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import komorebi_qc

PACKAGE = Path(komorebi_qc.__file__).parent
USE = """\
import komorebi_qc

found: komorebi_qc.Diagnosis = komorebi_qc.diagnose(connect="a.wav", recording="b.webm", call_end=10)
reveal_type(found.sync.offset_s)
reveal_type(komorebi_qc.process)
outcome = komorebi_qc.process(
    connect="a.wav",
    recording="b.webm",
    call_end="00:00:10",
    out="c.mp4",
    alignment=komorebi_qc.Alignment(1.5),
    options=komorebi_qc.Options(limits=komorebi_qc.Limits().changed_by("drift=50:200")),
)
reveal_type(outcome.findings)
reveal_type(komorebi_qc.audit(connect="a.wav", recording="b.webm", call_end=10, out="d").state)
komorebi_qc.diagnose(connect="a.wav", recording="b.webm")
komorebi_qc.process(connect="a.wav", recording="b.webm", call_end=10, out="c.mp4", container="mp4")
komorebi_qc.nothing
"""


def test_a_type_checker_sees_the_interface(tmp_path: Path) -> None:
    """A program outside of the package gets exact types, and errors for wrong calls."""
    script = tmp_path / "use.py"
    script.write_text(USE)
    command = [sys.executable, "-m", "mypy", "--strict", "--no-error-summary", "--output", "json", str(script)]
    command += ["--cache-dir", str(tmp_path / "cache"), "--follow-imports", "silent"]
    done = subprocess.run(command, cwd=PACKAGE.parent, capture_output=True, text=True, check=False)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    notes = [str(one["message"]) for one in found if one["severity"] == "note" and "Revealed" in one["message"]]
    errors = {one["line"]: one["code"] for one in found if one["severity"] == "error"}
    assert [note.partition('"')[2].rstrip('"') for note in (notes[0], *notes[2:])] == [
        "float | None",
        "tuple[komorebi_qc.core.finding.Finding, ...]",
        "Literal['waiting'] | Literal['running'] | Literal['done'] | Literal['failed'] | Literal['stopped']",
    ]
    assert "def (*, connect:" in notes[1]
    assert notes[1].endswith('komorebi_qc.pipeline.outcome.Outcome"')
    assert errors == {16: "call-arg", 17: "call-arg", 18: "attr-defined"}
