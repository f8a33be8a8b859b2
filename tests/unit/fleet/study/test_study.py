"""What the fleet report finds: what was planted and nothing else, and never more than the numbers bear."""

from __future__ import annotations

import shlex
import unicodedata
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from fleet_rows import failing, fleet, row
from hypothesis import given, settings
from hypothesis import strategies as st

from komorebi_qc.batch.dataset.schema import WITH_DAY
from komorebi_qc.batch.selection import rows_where
from komorebi_qc.core.errors import InputError
from komorebi_qc.fleet.dataset import fleet_of, open_fleet
from komorebi_qc.fleet.narrative import answers as told
from komorebi_qc.fleet.report import fleet_named
from komorebi_qc.fleet.study.changes import LEAST_DAYS, Series, find_changes
from komorebi_qc.fleet.study.queries import groups, overview, reasons, worst
from komorebi_qc.fleet.study.study import Study, study_of
from komorebi_qc.fleet.synthetic import FIRST_DAY, MIXED_UP, SHIFT_S, SHIFTED, seeds, synthetic_rows, write_dataset
from komorebi_qc.storage.object_store import Folder

SHIFT_DAY = FIRST_DAY + timedelta(days=43)
"""On which half of all had the release."""


@pytest.fixture(scope="module")
def planted() -> Study:
    """A fleet with a release that shifts the offset, and an agent whose recordings are mixed up."""
    return study_of(fleet_named("demo", 30_000))


def test_a_day_that_cannot_be_is_none() -> None:
    """One before there was such a thing, or far ahead, would stretch every chart: it counts as not known."""
    made = fleet(row(0, day="9999-12-31"), row(1, day="1980-01-01"), row(2))
    days = made.database.execute("select day from rows order by recording_id").fetchall()
    assert [day is None for (day,) in days] == [True, True, False]


# --- changes


def test_the_planted_release_is_found(planted: Study) -> None:
    """The one change is the planted one: its measure, its size, its day within a week, and the release as its cause."""
    ((change, found),) = planted.changes
    assert change.measure == "offset_s"
    assert change.size == pytest.approx(SHIFT_S, abs=0.05)
    assert abs(change.day - SHIFT_DAY) <= timedelta(days=7)
    assert [one.name for one in found if one.explains] == [SHIFTED]


def test_chance_alone_is_seldom_told_of() -> None:
    """Without plants, of six pages one at most tells of a change or of a group."""
    alarms = 0
    for seed in range(6):
        found = study_of(fleet_of(synthetic_rows(4_000, seed=seed, faults=False), Folder(Path("/nowhere")), "even"))
        alarms += bool(found.changes or found.own_changes or found.stand_outs)
        assert found.stand_outs or "Nobody stands out" in [one.short for one in told.answers(found)]
    assert alarms <= 1


def series(values: Any) -> Series:
    """A series of daily values."""
    held = np.asarray(values, float)
    days = np.datetime64("2026-01-01") + np.arange(len(held))
    return Series("all", "offset_s", days, held)


@given(st.integers(LEAST_DAYS + 3, 40), st.integers(LEAST_DAYS + 3, 40), st.integers(0, 99))
@settings(max_examples=20, deadline=None)
def test_a_step_is_found_on_its_day(before: int, after: int, seed: int) -> None:
    """Where a level ends and another begins, far beyond the noise, the first day of the new one is told."""
    noise = np.random.default_rng(seed).normal(0, 0.01, before + after)
    stepped = series(noise + np.repeat([1.0, 2.0], [before, after]))
    days = [change.day for change in find_changes([stepped], least=0.5)]
    assert days == [stepped.days[before].item()]


@given(st.lists(st.integers(-50, 50), min_size=12, max_size=60), st.integers(20, 40))
@settings(max_examples=20, deadline=None)
def test_whether_there_is_a_change_hangs_on_the_order_alone(values: list[int], step: int) -> None:
    """A scale that keeps the order, however bent, makes no change and hides none."""
    stepped = [value + step * (k >= len(values) // 2) for k, value in enumerate(values)]
    bent = [(value + 60) ** 3 for value in stepped]
    assert bool(find_changes([series(stepped)])) == bool(find_changes([series(bent)]))


def test_a_shift_of_everybody_has_no_culprit() -> None:
    """A browser that comes on the day on which all recordings shift isn't told as the cause, and the page says why."""
    rows = []
    for n in range(8_000):
        is_late = n % 40 >= 20
        browser = "Edge 150" if is_late and n % 3 else "Chrome/141.0"
        rows.append(row(n, browser=browser, offset_s=1.5 + 0.3 * is_late + (n * 7919 % 100) / 1000))
    found = study_of(fleet(*rows))
    ((change, coincident),) = found.changes
    assert change.day == date(2026, 3, 21)
    assert [(one.name, one.explains) for one in coincident] == [("Edge 150", False)]
    texts = " ".join(told.cause_texts(change, coincident, found))
    assert "doesn't explain" in texts
    assert "the cause isn't known" in texts
    assert "Chrome 141 (+0.3 s on 2026-03-21)" in texts
    assert "Edge" not in " ".join(text for text, _ in told.answers(found)[2].sentences)


def test_a_version_of_the_software_is_a_suspect_too() -> None:
    """What a change comes with may be this software's own release."""
    rows = []
    for n in range(8_000):
        is_new = n % 40 >= 20 and n // 40 % 5 > 0
        rows.append(row(n, version="2.0" if is_new else "1.0", drift_ppm=0.5 + 9 * is_new + (n * 7919 % 100) / 100))
    found = study_of(fleet(*rows))
    explained = {
        (change.measure, one.column, one.name) for change, some in found.changes for one in some if one.explains
    }
    assert explained == {("drift_ppm", "version", "2.0")}


def test_a_share_that_rises_is_dated() -> None:
    """Where more fail from a day on, the second answer says since when, from what and to what."""
    rows = [row(n, **(failing() if n % 40 >= 25 and n // 40 % 4 == 0 else {})) for n in range(8_000)]
    answer = told.answers(study_of(fleet(*rows)))[1]
    assert answer.short == "Worse since 2026-03-26"
    assert "0.0 % until 2026-03-26, 25.0 % from then on" in answer.sentences[0][0]


# --- whose


def test_the_planted_agent_is_found(planted: Study) -> None:
    """The one group that stands out is the agent whose recordings are mixed up, and it is what to look at first."""
    (one,) = planted.stand_outs
    assert (one.group.column, one.group.name, one.of) == ("agent", MIXED_UP, "fail")
    answers = told.answers(planted)
    assert MIXED_UP in answers[2].short
    assert answers[3].short == MIXED_UP


def test_a_bad_codec_of_one_agent_is_the_agents() -> None:
    """A codec whose recordings fail since one bad agent uses it most is told as explained by the agent."""
    rows = []
    for n in range(4_000):
        is_bad = n % 10 == 3
        codec = "av1" if (is_bad and n % 4) or n % 16 == 0 else "vp8"
        rows.append(row(n, video_codec=codec, **(failing() if is_bad and n % 3 == 0 else {})))
    found = study_of(fleet(*rows)).stand_outs
    first, *others = found
    assert (first.group.name, first.explained_by) == ("agent-3", None)
    assert [(one.group.name, one.explained_by and one.explained_by.name) for one in others] == [("av1/opus", "agent-3")]


def test_a_bad_codec_of_all_agents_is_the_codecs() -> None:
    """A codec that fails with every agent stands out itself."""
    rows = [
        row(n, video_codec="av1" if n % 7 == 0 else "vp8", **(failing() if n % 7 == 0 and n // 70 % 2 else {}))
        for n in range(4_000)
    ]
    found = study_of(fleet(*rows)).stand_outs
    assert [one.group.name for one in found if one.explained_by is None] == ["av1/opus"]


def test_what_could_not_be_examined_is_somebodys_too() -> None:
    """An agent whose recordings can't be examined stands out by that share."""
    gone = {"status": "failed", "error_class": "MediaError", "error": "cut off", "verdict": None, "sync_status": None}
    rows = [row(n, **(gone if n % 10 == 4 and n % 3 == 0 else {})) for n in range(3_000)]
    (one,) = study_of(fleet(*rows)).stand_outs
    assert (one.group.name, one.of, one.bad, one.base) == ("agent-4", "unexamined", 100, 300)


def test_few_recordings_accuse_nobody() -> None:
    """A group of fewer than twenty isn't judged, and the page says that there are too few."""
    found = study_of(fleet(*(row(n, agent=f"agent-{n}", **failing()) for n in range(12))))
    assert found.stand_outs == ()
    assert told.answers(found)[2].short == "Too few to say"


# --- numbers


def test_counts_are_the_rows(planted: Study) -> None:
    """Verdicts, days, agents and groups are counted as one would by hand."""
    rows = synthetic_rows(30_000).to_pylist()
    seen = planted.overview
    assert seen.count == len(rows)
    assert seen.fail == sum(one["verdict"] == "fail" for one in rows)
    assert seen.unexamined == sum(one["status"] != "done" for one in rows)
    assert seen.agents == len({one["agent"] for one in rows})
    assert (seen.first, seen.last) == (FIRST_DAY, FIRST_DAY + timedelta(days=91))
    for group in planted.groups["agent"]:
        own = [one for one in rows if one["agent"] == group.name]
        offsets = [one["offset_s"] for one in own if one["sync_status"] == "aligned"]
        assert group.count == len(own)
        assert group.fail == sum(one["verdict"] == "fail" for one in own)
        assert group.offset_s == pytest.approx(np.median(offsets))
    assert sum(planted.days.fail) == seen.fail


def test_only_sure_measurements_count() -> None:
    """Offsets of what isn't aligned, and numbers that are none, are left out of every median."""
    made = fleet(
        row(0, offset_s=float("inf"), drift_ppm=float("nan")),
        row(1, offset_s=9.0, sync_status="ambiguous"),
        row(2, offset_s=1.0, coverage=float("nan")),
        row(3, offset_s=5.0, coverage=0.5, status="failed", verdict=None),
    )
    assert made.query("select max(offset_s), count(offset_s), count(drift_ppm), count(coverage) from rows") == [
        (1.0, 1, 1, 2)
    ]


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        ({"browser": "Chrome/142.0.7444.59"}, "Chrome 142"),
        ({"browser": " Firefox 145.0 "}, "Firefox 145"),
        ({"browser": "Microsoft Edge 141"}, "Microsoft Edge 141"),
        ({"browser": "Chrome", "writing_app": "Chrome"}, "Chrome"),
        ({"browser": "", "writing_app": "Lavf61.7.103", "muxing_app": "Lavf61.7.103"}, None),
        ({"browser": "Kiosk (2nd floor)"}, "Kiosk (2nd floor)"),
        ({"browser": None}, None),
    ],
)
def test_a_browser_is_told_by_its_first_number(fields: dict[str, Any], shown: str | None) -> None:
    """Name and major version are the group; what isn't written so stands as it is."""
    assert groups(fleet(row(0, **fields)), "browser")[0].name == shown


def test_the_worst_come_first() -> None:
    """Wrong pairs, other failures by their number, then what deserves a look; what passes or failed isn't shown."""
    warned = {"verdict": "warn", "warn_count": 1, "warnings": ["drift"]}
    found = worst(
        fleet(
            row(0),
            row(1, **warned),
            row(2, **failing(sync_status="aligned", fail_count=3)),
            row(3, **failing(sync_status="aligned", fail_count=1)),
            row(4, **failing()),
            row(5, status="failed", verdict=None),
            row(6, **warned, call_end_error_s=-50.0),
        ),
        10,
    )
    assert [one.recording_id[-1] for one in found] == ["4", "2", "3", "6", "1"]


def test_reasons_are_counted() -> None:
    """Each finding and each error once, with how many recordings and agents, and whether it is tried again."""
    found = reasons(
        fleet(
            *(row(n, **failing()) for n in range(3)),
            row(3, status="failed", verdict=None, error_class="StorageError", error="Busy", is_worth_a_retry=True),
            row(4, status="rejected", verdict=None, error_class=None, error=None),
        )
    )
    assert [(one.status, one.name, one.count, one.agents, one.is_worth_a_retry) for one in found] == [
        ("fail", "sync_status", 3, 3, False),
        ("failed", "StorageError", 1, 1, True),
        ("rejected", "without a reason", 1, 1, False),
    ]


def test_what_was_failed_again_in_vain_is_told() -> None:
    """A recording whose newer try failed keeps its verdict, and the page says how many these are, and why."""
    again = {"last_attempt_action": "audit", "last_attempt_error_class": "TimeLimit", "last_attempt_error": "Too slow."}
    made = fleet(
        row(0, **again, last_attempt_is_worth_a_retry=True),
        row(1, **failing(), **again, last_attempt_is_worth_a_retry=False),
        row(2, status="failed", verdict=None, error_class="StorageError", is_worth_a_retry=True),
        row(3),
    )
    found = study_of(made)
    seen = found.overview
    assert (seen.examined, seen.fail, seen.failed, seen.failed_again, seen.retried) == (3, 1, 1, 2, 2)
    told_again = "2 were tried again since, and failed: told is what was found before."
    assert told_again in [text for text, _ in told.answers(found)[0].sentences]
    rows = [(one.name, one.count, one.is_worth_a_retry) for one in found.reasons if one.status == "failed_again"]
    assert sorted(rows) == [("TimeLimit", 1, False), ("TimeLimit", 1, True)]
    assert [one.last_attempt_error for one in found.worst] == ["Too slow."]


def test_a_dataset_is_read_back(tmp_path: Path) -> None:
    """What is written by days is read as it was made."""
    rows = synthetic_rows(500)
    write_dataset(rows, tmp_path / "dataset")
    assert overview(open_fleet(str(tmp_path / "dataset"))) == overview(fleet_of(rows, Folder(tmp_path), "rows"))


@pytest.mark.parametrize("count", [-1, 201, 2.5, True, "ten"])
def test_how_many_of_the_worst_is_a_number(count: Any) -> None:
    """What is none, or too many for one page, is refused in a sentence."""
    with pytest.raises(InputError, match="how many of the worst"):
        study_of(fleet(row(0)), count)


def test_a_folder_without_a_dataset_is_named(tmp_path: Path) -> None:
    """Where there is nothing to read, the sentence says where and what belongs there."""
    with pytest.raises(InputError, match="holds no dataset"):
        open_fleet(str(tmp_path))


def test_seeds_are_rows() -> None:
    """What made rows are drawn from has columns of the dataset alone, and every verdict."""
    assert all(set(one) - {"case"} <= set(WITH_DAY.names) for one in seeds())
    assert {one["verdict"] for one in seeds()} == {"pass", "warn", "fail"}


# --- words


@given(st.text())
def test_a_text_from_outside_is_made_harmless(text: str) -> None:
    """It is one line without control characters, no formula, and not too long, whatever it was."""
    shown = told.safe(text)
    assert len(shown) <= 121
    assert not any(unicodedata.category(c)[0] == "C" for c in shown)
    assert not shown.startswith(("=", "+", "-", "@"))
    assert "\n" not in shown


@given(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=1, unique=True))
@settings(deadline=None, max_examples=50)
def test_the_command_names_just_these(ids: list[str]) -> None:
    """Whatever is in an ID, a shell and DuckDB read the command as those IDs; no terminal obeys a letter of it."""
    written = told.rerun_command("data set", ids)
    assert written.isprintable()
    command = shlex.split(written)
    assert command[:3] == ["komorebi-qc", "rerun", "data set"]
    where = command[command.index("--where") + 1]
    others = [f"{one}'" for one in ids if f"{one}'" not in ids]
    rows = [row(n, recording_id=one) for n, one in enumerate([*ids, *others])]
    found = rows_where(pa.Table.from_pylist(rows, schema=WITH_DAY), where)
    assert {one["recording_id"] for one in found} == set(ids)


@pytest.mark.parametrize(
    ("part", "whole", "shown"),
    [(0, 0, "–"), (0, 9, "0 %"), (9, 9, "100 %"), (1, 3, "33.3 %"), (1, 3000, "0.03 %"), (2999, 3000, "99.97 %")],  # noqa: RUF001
)
def test_a_share_is_told_from_nothing_and_all(part: int, whole: int, shown: str) -> None:
    """Some are never shown as none, and not quite all never as all."""
    assert told.share_text(part, whole) == shown
