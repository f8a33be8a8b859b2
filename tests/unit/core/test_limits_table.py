"""The numbers of the table of limits, against the reference page and the standards that it cites."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from komorebi_qc.core.limits import DEFAULT, EVERYTHING, LIMITS, RENAMED, Range

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "limits.md"
ROW = re.compile(r"\| `(\w+)`(?: \(also (.+)\))? \| ([^|]*) \| ([^|]*) \| ([^|]*) \|")


def documented() -> dict[str, tuple[list[str], str, str, str]]:
    """Scopes, unit, and the texts of both ranges by name, as the page has them."""
    rows = (ROW.match(line) for line in PAGE.read_text(encoding="utf-8").splitlines())
    return {
        RENAMED.get(row[1], row[1]): (
            [scope.strip("`_") for scope in (row[2] or "").split(", ") if scope],
            row[3],
            row[4].strip(),
            row[5].strip(),
        )
        for row in rows
        if row
    }


@pytest.mark.parametrize("name", [row.name for row in LIMITS])
def test_each_limit_is_the_documented_one(name: str) -> None:
    """Unit, ranges and tracks are those of the page: a reader's table and the product's can't drift apart."""
    row = DEFAULT.of(name)
    scopes, unit, warns, fails = documented()[name]
    assert list(row.scopes) == scopes
    assert row.unit == unit
    # a row without a warning range has its numbers under "fails"
    assert ("" if row.warn in (row.fail, EVERYTHING) else str(row.warn)) == warns
    assert ("" if row.fail == EVERYTHING else str(row.fail)) == fails


def test_every_documented_limit_exists() -> None:
    """The page has no other limits."""
    assert set(documented()) == {row.name for row in LIMITS}


@pytest.mark.parametrize("name", ["audio_start_skew", "audio_end_skew"])
def test_the_marks_of_a_skew_widen(name: str) -> None:
    """The tolerances of EBU R37 and ITU-R BT.1359, in seconds, the narrowest first."""
    assert [(mark.low, mark.high) for mark, _ in DEFAULT.of(name).marks] == [
        (-0.040, 0.060),
        (-0.045, 0.125),
        (-0.090, 0.185),
    ]
    assert ["EBU R37" in source for _, source in DEFAULT.of(name).marks] == [True, False, False]


def test_other_marks() -> None:
    """Concealment covers 60 ms of lost audio, and broadcasts have -23 LUFS; no other limit has marks."""
    assert [(mark, source[:5]) for mark, source in DEFAULT.of("audio_gaps").marks] == [(Range(high=0.060), "ITU-T")]
    assert DEFAULT.of("loudness").marks == ((Range(-23.0, -23.0), "EBU R 128"),)
    marked = [row.name for row in LIMITS if row.marks]
    assert marked == ["audio_gaps", "audio_start_skew", "audio_end_skew", "loudness"]


def test_names_of_version_0_1() -> None:
    """Each old name leads to one limit, and none of them is a limit's name today."""
    names = {row.name for row in LIMITS}
    assert set(RENAMED.values()) <= names
    assert not set(RENAMED) & names
    assert len(set(RENAMED.values())) == len(RENAMED) == 5
