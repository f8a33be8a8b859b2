"""The page: complete for every dataset, safe with any text, and true to the numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from fleet_pages import checked, page_of
from fleet_rows import NOWHERE, failing, fleet, row

from komorebi_qc.batch.dataset.schema import WITH_DAY
from komorebi_qc.fleet.dataset import Fleet, fleet_of
from komorebi_qc.fleet.narrative.terms import finding_meaning
from komorebi_qc.fleet.page.contact_sheet import cards
from komorebi_qc.fleet.page.page import fleet_html
from komorebi_qc.fleet.report import fleet_named
from komorebi_qc.fleet.study.study import study_of
from komorebi_qc.fleet.synthetic import (
    MIXED_UP,
    SHIFTED,
    synthetic_rows,
)

if TYPE_CHECKING:
    from collections.abc import Callable

HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "</svg></style></script><iframe src=//x>",
    '=HYPERLINK("http://x";"y")',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "$x^2$ $\\frac{1}{",
    "a\u202eb\u2066c\x00\x1b[31m",
    "line\nbreak\ttab",
    "葉漏れ日 🍃",
    "x" * 5000,
    "'; drop table rows; --",
    "{{7*7}} %s {0}",
)


EMPTY = fleet_of(WITH_DAY.empty_table(), NOWHERE, "empty")
CASES: dict[str, Callable[[], Fleet]] = {
    "empty": lambda: EMPTY,
    "one row": lambda: fleet(row(0)),
    "one failing row": lambda: fleet(row(0, **failing())),
    "all failed": lambda: fleet(
        *(
            row(n, status="failed", verdict=None, error_class="MediaError", error="No.", offset_s=None)
            for n in range(400)
        )
    ),
    "no offsets": lambda: fleet(
        *(
            row(n, offset_s=None, drift_ppm=None, call_end_error_s=None, coverage=None, sync_status="insufficient")
            for n in range(90)
        )
    ),
    "one day": lambda: fleet(*(row(n, day="2026-03-01") for n in range(90))),
    "no days": lambda: fleet(*(row(n, day="unknown") for n in range(90))),
    "no names": lambda: fleet(
        *(
            row(n, agent=None, browser=" ", writing_app=None, container=None, video_codec=None, audio_codec=None)
            for n in range(90)
        )
    ),
    "two years": lambda: fleet_of(synthetic_rows(3_000, days=730), NOWHERE, "years"),
    "nulls all over": lambda: fleet(*({"recording_id": f"r{n}"} for n in range(30))),
}

CHARTS = {
    "empty": 0,
    "one row": 2,
    "one failing row": 2,
    "all failed": 1,
    "no offsets": 1,
    "one day": 4,
    "no days": 1,
    "no names": 2,
    "two years": 4,
    "nulls all over": 0,
}
"""How many of the four charts have data."""


@pytest.mark.parametrize("name", CASES)
def test_every_dataset_has_a_complete_page(name: str) -> None:
    """The four questions are answered, and no chart is empty; a dataset without rows has a sentence."""
    made = CASES[name]()
    page = checked(page_of(made))
    if name == "empty":
        assert "The dataset has no rows." in page.text
    else:
        for question in ("How many are bad?", "Since when?", "Whose?", "What first?"):
            assert question in page.text
    drawn = [attrs for attrs in page.of("svg") if attrs.get("class") == "chart"]
    assert len(drawn) == CHARTS[name]
    assert all(attrs["aria-label"] for attrs in drawn)
    expected = {
        "all failed": (
            "No recording could be examined",
            "400 failed",
            "couldn't be examined hasn't changed",
            "Reasons lists those",
        ),
        "no offsets": ("0 % fail", "No recording was measured"),
        "one row": ("1 recording of 1 agent on 2026-03-01.", "Too few days", "Too few recordings"),
        "one day": ("Too few days",),
        "no days": ("No recording has a day.",),
        "no names": ("The agent of these recordings isn't known.", "The codec of these recordings isn't known."),
    }
    for words in expected.get(name, ()):
        assert words in page.text


def test_texts_from_outside_are_shown_as_text() -> None:
    """Markup, formulas and control characters are words on the page, in every field."""
    rows: list[dict[str, Any]] = []
    for field in ("agent", "browser", "container", "video_codec"):
        rows += [row(len(rows) + n, **failing(**{field: text})) for n, text in enumerate(HOSTILE * 25)]
    for field in ("error", "error_class"):
        gone = {"status": "failed", "verdict": None}
        rows += [row(len(rows) + n, **gone, **{field: text}) for n, text in enumerate(HOSTILE)]
        again = {"last_attempt_action": "audit"}
        rows += [row(len(rows) + n, **again, **{f"last_attempt_{field}": text}) for n, text in enumerate(HOSTILE)]
    worst_of_all = {"fail_count": 9, "failures": list(HOSTILE), "warnings": list(HOSTILE)}
    rows += [row(0, **{**failing(), **worst_of_all, "recording_id": text}) for text in HOSTILE]
    page = checked(page_of(fleet(*rows)))
    # Agent, browser, container, codec, failing finding, warning finding, error and class twice, recording.
    assert page.text.count("<script>alert(1)") >= 11
    assert page.text.count("葉漏れ日") >= 11


def test_the_first_screen_has_the_answers() -> None:
    """With the counts, the faulty agent and the faulty release, and the doubt about the cause."""
    page = page_of(fleet_named("demo", 30_000))
    seen = checked(page)
    first = seen.text[: seen.text.index("Verdicts over time", seen.text.index("What first?"))]
    assert MIXED_UP in first
    assert SHIFTED in first
    assert "a likely cause, not a proven one" in first
    assert "30,000 recordings of 120 agents" in first
    assert "Synthetic rows." in first
    assert f"{finding_meaning('call_customer_true_peak')}." in seen.text


def test_a_large_fleet_has_a_small_page() -> None:
    """With 2,000 agents, 200 browsers, two years and 200 of the worst it has under 1 MB."""
    rows = [
        row(
            n,
            **failing(warnings=["drift"] * 30) if n % 20 == 0 else {},
            agent=f"{'a' * 300}{n % 2000}",
            browser=f"Chrome {n % 200}",
            day=f"20{24 + n % 2}-{1 + n % 12:02d}-{1 + n % 28:02d}",
        )
        for n in range(12_000)
    ]
    made = fleet(*rows)
    study = study_of(made, 200)
    assert len(fleet_html(study, cards(made, study.worst, "/nowhere/fleet.html")).encode()) < 1_000_000


def test_the_page_of_many_rows_is_as_small_as_documented() -> None:
    """The documentation promises 0.6 MB for 100,000 rows; the number of rows has little effect."""
    study = study_of(fleet_named("demo", 30_000))
    assert len(fleet_html(study, cards(study.fleet, study.worst, "/nowhere/fleet.html")).encode()) <= 650_000
