"""The triage bench lists every disagreement of a quick look with the whole measurement."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from bench import triage
from bench.sync import triage_cases
from bench.sync.spec import Case, Spec
from bench.sync.triage_cases import Compared, compare, differences, long_specs, net
from made_sync import jump, result
from talkers import RATE, place, talk

from komorebi_qc.measure.quick.settle import WHOLE_MOST_S

if TYPE_CHECKING:
    from pathlib import Path

CALL_S, OFFSET_S = 140.0, 2.0


def _row(
    name: str, *differences: str, matches: bool = True, quick: str = "aligned", is_settled: bool = True
) -> Compared:
    return Compared(name, matches, 200.0, "aligned", quick, "pieces", (), is_settled, differences, 0.2, (1.0, 0.2))


def test_net_jumps() -> None:
    """Small jumps, and pairs of opposite ones, don't count."""
    assert net([0.35, -0.35, 0.01]) == []
    assert net([0.05, 0.2, -0.2]) == [0.05]
    assert net([0.5, -0.3]) == [0.5, -0.3]


def test_differences_are_sentences() -> None:
    """Status, offset, drift and jumps are compared, within the sync bench's limits."""
    whole = result(jumps=(jump(0.35),))
    assert list(differences(whole, result(jumps=(jump(0.3504),)), 200.0)) == []
    assert list(differences(whole, result("insufficient"), 200.0)) == ["status insufficient, not aligned"]
    assert list(differences(result("wrong_pair"), result("wrong_pair"), 200.0)) == []
    assert list(differences(whole, result(offset_s=2.501, drift_ppm=2.0), 200.0)) == [
        "offset +1.000 ms",
        "drift +2.00 ppm (limit 0.30)",
        "jumps none ms, not +350 ms",
    ]


def _case(spec: Spec) -> Case:
    call = talk(3, CALL_S)
    own = place(call if spec.matches else talk(4, CALL_S), OFFSET_S)
    return Case(spec, call, own, (), 0.0, (), (0.0, CALL_S), OFFSET_S + CALL_S, 1.0, (60.0, 60.0))


@pytest.mark.parametrize(("matches", "measured"), [(True, "pieces"), (False, "whole")])
def test_a_case_is_measured_both_ways(monkeypatch: pytest.MonkeyPatch, measured: str, *, matches: bool) -> None:
    """A clean call is settled by its pieces; a wrong pair is measured whole."""
    monkeypatch.setattr(triage_cases, "kept", _case)
    found = compare(Spec("plain", 1, matches=matches))
    assert (found.differences, found.measured, found.quick) == ((), measured, found.whole)
    assert (found.read < 0.5) == matches
    assert len(_case(Spec("plain", 1)).call) == CALL_S * RATE


def test_compared_cases_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A run goes on with the cases that an earlier one left, and reports all of them in order."""
    rows = [_row("plain:1"), _row("plain:2", "offset +1.000 ms")]
    for row in rows:
        triage_cases.add_row(tmp_path / "rows" / "kept.jsonl", row)
    assert list(triage_cases.read_rows(tmp_path / "rows" / "kept.jsonl").values()) == rows
    assert triage_cases.read_rows(tmp_path / "none") == {}
    monkeypatch.setattr(triage, "compare", None)
    todo = [Spec("plain", 2), Spec("plain", 1)]
    assert triage.run_all(todo, 1, 60.0, tmp_path / "rows" / "kept.jsonl") == rows[::-1]


def test_a_crash_is_a_disagreement(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bench goes on, and names the error."""

    def broken(_spec: Spec) -> Case:
        raise ZeroDivisionError("by zero")

    monkeypatch.setattr(triage_cases, "kept", broken)
    found = compare(Spec("plain", 1))
    assert (found.quick, found.differences) == ("CRASH", ("ZeroDivisionError: by zero",))


def test_misses_show_in_the_table() -> None:
    """One disagreement in two cases misses its share, and a wrong pair called aligned misses its own."""
    share, wrong = triage.agreement([_row("plain:1"), _row("w_hold:2", "status aligned, not ambiguous", matches=False)])
    assert "| 1 of 2; 0 left to `diagnose`, with a doubt by name | MISSED |" in share.text()
    assert "| 1 of 1 | MISSED |" in wrong.text()
    share, wrong = triage.agreement([_row("plain:1"), _row("w_hold:2", matches=False, quick="wrong_pair")])
    assert "| 2 of 2; 0 left to `diagnose`, with a doubt by name | met, the aim too |" in share.text()
    assert "| 0 of 1 | met, the aim too |" in wrong.text()
    share, _ = triage.agreement([_row("long:3", "status insufficient, not aligned", is_settled=False)])
    assert "| 0 of 1; 1 left to `diagnose`, with a doubt by name | met, the aim too |" in share.text()
    assert triage.facts([_row("plain:1")])[0] == "1 of 1 cases are aligned by their pieces, 0 measured whole."


def test_long_cases_are_never_measured_whole() -> None:
    """Their calls are longer than any that is measured whole, right pairs and wrong ones."""
    specs = long_specs(len(triage_cases.LONG), 1)
    assert all(spec.call_s > WHOLE_MOST_S for spec in specs)
    assert {spec.matches for spec in specs} == {True, False}


def test_missing_voices_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without them the bench can't run."""
    assert triage.main(["--cache", str(tmp_path / "cache"), "--sounds", str(tmp_path / "sounds")]) == 2
    assert "asterisk-core-sounds-en-g722" in capsys.readouterr().err


def test_no_agreement_is_claimed_without_cases() -> None:
    """A run for the costs alone has no row that would be met by nothing."""
    assert triage.agreement([]) == []
    assert [line.met for line in triage.agreement([_row("a"), _row("w", matches=False, quick="wrong_pair")])] == [
        True
    ] * 2
