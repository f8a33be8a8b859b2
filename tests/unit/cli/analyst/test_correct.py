"""The arguments of `correct`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from shell import Shell

from komorebi_qc.core.analyst.correction import Correction
from komorebi_qc.core.timebase import Alignment

if TYPE_CHECKING:
    from pathlib import Path

MADE = Correction("contact-1", Alignment(1.5), "", "", "", "", "2026-03-01T10:00:00Z", "x")


@pytest.mark.parametrize(
    ("words", "fault"),
    [
        (("contact-1",), "--from or --undo is missing"),
        (("contact-1", "--undo", "--from", "FILE"), "both --from and --undo are given"),
        (("contact-1", "--undo", "--why", "x"), "--why can't be used with --undo"),
        (("contact-2", "--from", "FILE"), "of recording contact-1, not of contact-2"),
        (("a/b", "--undo"), "isn't a recording ID"),
        (("contact-1", "--from", "FILE", "--publish"), "--why is missing"),
        (("contact-1", "--from", "FILE", "--why", "a\nb"), "--why has line breaks"),
        (("contact-1", "--from", "FILE", "--call-end", "soon"), "isn't a time"),
        (("contact-1", "--from", "nowhere.json"), "nowhere.json"),
    ],
)
def test_unusable_arguments_are_refused_before_any_service_is_asked(
    words: tuple[str, ...],
    fault: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Exit code 2, and a sentence with the option."""
    path = tmp_path / "correction.json"
    path.write_bytes(MADE.to_bytes())
    shell = Shell(monkeypatch, capsys)
    assert shell.run("correct", *(str(path) if word == "FILE" else word for word in words)) == 2
    assert fault in shell.err
