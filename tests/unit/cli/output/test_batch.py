"""The end of a batch, as it is printed."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from komorebi_qc.batch.command import RunResult
from komorebi_qc.batch.manifest.items import Listing
from komorebi_qc.batch.run import Tally
from komorebi_qc.cli.output.batch import print_result

if TYPE_CHECKING:
    import pytest


def result(tally: Tally, **more: Any) -> RunResult:
    """A run into the dataset ``ds``."""
    return RunResult(tally, Listing("list.csv", (), ()), "ds", "", None, **more)


def test_the_counts_line_ends_with_its_last_word(capsys: pytest.CaptureFixture[str]) -> None:
    """Without an outcome the line has no spaces at its end; with outcomes the counts follow."""
    print_result(result(Tally(total=6, is_stopped=True)))
    assert capsys.readouterr().out.splitlines()[0] == "0 of 6 recordings"
    print_result(result(Tally(total=6, counts=Counter({"pass": 2}), unchanged=1, is_stopped=True)))
    assert capsys.readouterr().out.splitlines()[0] == "2 of 6 recordings   pass 2   1 unchanged"


def test_a_diagnosis_that_fails_is_to_be_audited(capsys: pytest.CaptureFixture[str]) -> None:
    """The next command selects the recordings that fail."""
    print_result(result(Tally(total=1, counts=Counter(fail=1)), failing=("one",)))
    assert "To audit it: komorebi-qc rerun ds --where \"verdict = 'fail'\"" in capsys.readouterr().out


def test_an_audit_names_its_reports(capsys: pytest.CaptureFixture[str]) -> None:
    """The first three reports replace the command that would audit the same recordings again."""
    reports = tuple(f"ds/_reports/{n}/report.html" for n in range(5))
    print_result(result(Tally(total=5, counts=Counter(fail=5)), failing=tuple("01234"), reports=reports))
    printed = capsys.readouterr().out
    assert "rerun" not in printed
    assert [line for line in printed.splitlines() if "report" in line] == [
        *(f"report  {address}" for address in reports[:3]),
        "... and 2 reports more: report in the dataset",
    ]


def test_held_and_unconfirmed_recordings_are_apart(capsys: pytest.CaptureFixture[str]) -> None:
    """In the line of counts, and with what to do about them."""
    counts = Counter({"pass": 3, "failed": 1, "held": 2})
    failures = [("one", "no media"), ("two", "nothing confirms it"), ("three", "nothing confirms it")]
    print_result(result(Tally(total=6, counts=counts, unconfirmed=1, first_failures=failures)))
    printed = " ".join(capsys.readouterr().out.split())
    assert printed.startswith("6 recordings pass 3 not done 1 held 2 1 published unconfirmed")
    assert "two nothing confirms it" in printed
    assert "2 recordings are held: the audio doesn't confirm the pair" in printed
    assert "add --unconfirmed publish" in printed
    assert "more: status" not in printed
