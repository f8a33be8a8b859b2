"""Groups that stand out, and likely causes: other explanations are considered."""

from __future__ import annotations

from datetime import date

from fleet_rows import failing, fleet, row

from komorebi_qc.fleet.narrative.answers import answers
from komorebi_qc.fleet.narrative.sentences import cause_texts
from komorebi_qc.fleet.study.study import study_of


def test_a_shift_of_all_groups_blames_no_browser() -> None:
    """A browser that appears on the day on which all recordings shift isn't the cause, and the page explains why."""
    rows = []
    for n in range(8_000):
        is_late = n % 40 >= 20
        browser = "Edge 150" if is_late and n % 3 else "Chrome/141.0"
        rows.append(row(n, browser=browser, offset_s=1.5 + 0.3 * is_late + (n * 7919 % 100) / 1000))
    found = study_of(fleet(*rows))
    ((change, candidates),) = found.changes
    assert change.day == date(2026, 3, 21)
    assert [(one.name, one.explains) for one in candidates] == [("Edge 150", False)]
    texts = " ".join(cause_texts(change, candidates, found))
    assert "doesn't explain" in texts
    assert "the cause isn't known" in texts
    assert "Chrome 141 (+0.3 s on 2026-03-21)" in texts
    assert "Edge" not in " ".join(text for text, _ in answers(found)[2].sentences)


def test_a_version_of_this_software_may_be_the_cause() -> None:
    """Its releases are candidates like a browser's."""
    rows = []
    for n in range(8_000):
        is_new = n % 40 >= 20 and n // 40 % 5 > 0
        rows.append(row(n, version="2.0" if is_new else "1.0", drift_ppm=0.5 + 9 * is_new + (n * 7919 % 100) / 100))
    found = study_of(fleet(*rows))
    explained = {
        (change.measure, one.column, one.name) for change, some in found.changes for one in some if one.explains
    }
    assert explained == {("drift_ppm", "version", "2.0")}


def test_a_codec_is_explained_by_the_agent_who_uses_it() -> None:
    """Its recordings fail because one agent's do."""
    rows = []
    for n in range(4_000):
        is_bad = n % 10 == 3
        codec = "av1" if (is_bad and n % 4) or n % 16 == 0 else "vp8"
        rows.append(row(n, video_codec=codec, **(failing() if is_bad and n % 3 == 0 else {})))
    found = study_of(fleet(*rows)).stand_outs
    first, *others = found
    assert (first.group.name, first.explained_by) == ("agent-3", None)
    assert [(one.group.name, one.explained_by and one.explained_by.name) for one in others] == [("av1/opus", "agent-3")]


def test_a_codec_that_fails_with_all_agents_stands_out() -> None:
    """No agent explains it."""
    rows = [
        row(n, video_codec="av1" if n % 7 == 0 else "vp8", **(failing() if n % 7 == 0 and n // 70 % 2 else {}))
        for n in range(4_000)
    ]
    found = study_of(fleet(*rows)).stand_outs
    assert [one.group.name for one in found if one.explained_by is None] == ["av1/opus"]


def test_an_agent_stands_out_by_recordings_that_cannot_be_examined() -> None:
    """By their share of all recordings."""
    gone = {"status": "failed", "error_class": "MediaError", "error": "cut off", "verdict": None, "sync_status": None}
    rows = [row(n, **(gone if n % 10 == 4 and n % 3 == 0 else {})) for n in range(3_000)]
    (one,) = study_of(fleet(*rows)).stand_outs
    assert (one.group.name, one.of, one.bad, one.base) == ("agent-4", "unexamined", 100, 300)


def test_a_small_group_is_not_tested() -> None:
    """A group needs twenty recordings, and the page reports that there are too few."""
    found = study_of(fleet(*(row(n, agent=f"agent-{n}", **failing()) for n in range(12))))
    assert found.stand_outs == ()
    assert answers(found)[2].short == "Too few recordings"
