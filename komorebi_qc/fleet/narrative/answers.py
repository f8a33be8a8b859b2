"""The study in sentences: how many are bad, since when, whose, and what to look at first.

Each sentence that names a cause says by which numbers, and says so where they don't suffice. Names come from outside:
they are made harmless by `safe`, and what is made of the sentences has to be escaped as any text.
"""

from __future__ import annotations

import re
import shlex
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from komorebi_qc.core.finding import counted
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.desk.plots.formatting import number_text, signed_text
from komorebi_qc.fleet.study.causes import LEAST_OF_A_GROUP, NEAR_DAYS, RATIO
from komorebi_qc.fleet.study.changes import LEAST_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from komorebi_qc.fleet.study.causes import Coincidence, StandOut
    from komorebi_qc.fleet.study.changes import Change
    from komorebi_qc.fleet.study.queries import Group, Reason
    from komorebi_qc.fleet.study.study import Study

TITLES: Final = {
    "offset_s": "Offset",
    "drift_ppm": "Drift",
    "call_end_error_s": "Call-end error",
    "coverage": "Coverage",
    "fail": "Share that fails",
    "warn": "Share that deserves a look",
    "unexamined": "Share that couldn't be examined",
    "agent": "Agent",
    "browser": "Browser",
    "codec": "Codec",
    "container": "Container",
    "version": "Version of this software",
}
MEANINGS: Final = {
    "offset_s": "where the call begins on the recording's clock, s",
    "drift_ppm": "by how much the recording's clock runs faster than the call's, ppm",
    "call_end_error_s": "told call end less the measured one, s; positive: told late",
    "coverage": "share of the speech that agrees, 0 to 1",
}
TERMS: Final = (
    ("Fails", "a finding of the recording is so bad that it can't be used as it is."),
    ("Deserves a look", "it is usable, but a finding is beyond its limit."),
    ("Not examined", "it failed while it was examined, or was set aside, since its list doesn't tell enough of it."),
    *((TITLES[measure], f"{meaning}.") for measure, meaning in MEANINGS.items()),
    ("Wrong pair", "call and recording belong to different calls."),
    ("95 % interval", "where the share may well lie, as few recordings as there are."),
)
"""What the page's words mean."""
NOTHING: Final = "\N{EN DASH}"
_UNITS = {"offset_s": ("s", 2), "drift_ppm": ("ppm", 1), "call_end_error_s": ("s", 2), "coverage": ("", 3)}
_DOES = {"fail": "fail", "unexamined": "couldn't be examined"}
_FORMULA = ("=", "+", "-", "@")
_MOST_CHARACTERS = 120
_MOST_LISTED = 4
_PLAIN = re.compile(r"[\w .,:;/()='|-]*", re.ASCII)
"""What a shell takes as it is between double quotes."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One of the four that an analyst asks first.

    Attributes:
        question: as it is asked.
        status: ``pass``, ``warn`` or ``fail``, by which it is coloured.
        short: the answer in a few words.
        sentences: what it rests on; each with the ID of the part of the page that shows it, or "".
    """

    question: str
    status: str
    short: str
    sentences: tuple[tuple[str, str], ...]


def safe(text: str | None, most: int = _MOST_CHARACTERS) -> str:
    """A text from outside on one line: nothing invisible or turning the line round, no formula, not too long."""
    if text is None:
        return "(not told)"
    line = " ".join(text[: 50 * most].split())
    line = "".join("\N{REPLACEMENT CHARACTER}" if unicodedata.category(c)[0] == "C" else c for c in line)
    line = f"'{line}" if line.startswith(_FORMULA) else line
    return line if len(line) <= most else f"{line[: most - 2]} …"


def safe_end(text: str, most: int) -> str:
    """The same, and of a long one its end: what tells paths apart."""
    line = safe(text, len(text) + 1)
    return line if len(line) <= most else f"… {line[2 - most :]}"


def share_text(part: int, whole: int) -> str:
    """A share in per cent, with as many digits as tell it from nothing and from all."""
    if not whole:
        return NOTHING
    percent = 100 * part / whole
    decimals = 0 if part in (0, whole) else 1 if 0.1 <= percent <= 99.9 else 2
    return f"{percent:.{decimals}f} %"


def _verb(count: int, one: str, many: str) -> str:
    return one if count == 1 else many


def of_text(part: int, whole: int) -> str:
    """A share with its counts."""
    return f"{share_text(part, whole)} ({part:,} of {whole:,})"


def value_text(measure: str, value: float | None) -> str:
    """A value of a measure, or a share, with its unit."""
    if value is None:
        return NOTHING
    if measure not in _UNITS:
        return f"{100 * value:.1f} %"
    unit, decimals = _UNITS[measure]
    return f"{number_text(round(value, decimals), decimals)} {unit}".rstrip()


def size_text(measure: str, value: float) -> str:
    """A difference of values of a measure, with its sign and unit."""
    if measure not in _UNITS:
        return signed_text(100 * value, "points", 1)
    unit, decimals = _UNITS[measure]
    return signed_text(value, unit, decimals)


def anchor(kind: str, name: str = "") -> str:
    """The ID of a part of the page."""
    return f"fleet-{kind}{'-' + name if name else ''}"


def headline(study: Study) -> str:
    """What the dataset is."""
    seen = study.overview
    if not seen.count:
        return "The dataset has no rows."
    parts = [counted(seen.count, "recording").replace(str(seen.count), f"{seen.count:,}")]
    if seen.agents:
        parts.append(f"of {counted(seen.agents, 'agent')}")
    if seen.first is not None:
        parts.append(f"on {seen.first}" if seen.first == seen.last else f"from {seen.first} to {seen.last}")
    without = f"; {seen.dayless:,} without a day" if seen.dayless and seen.first is not None else ""
    return " ".join(parts) + without + "."


def answers(study: Study) -> tuple[Answer, ...]:
    """The four, in the order in which they are asked."""
    if not study.overview.count:
        words = "Nothing is in it yet: `komorebi-qc batch` fills it."
        return (Answer("How many are bad?", "warn", "No rows", ((words, ""),)),)
    return (_how_many(study), _since_when(study), _whose(study), _look_at(study))


def _how_many(study: Study) -> Answer:
    seen = study.overview
    told = []
    if seen.examined:
        told.append(
            (f"Of {seen.examined:,} examined, {seen.fail:,} {_verb(seen.fail, 'fails', 'fail')}.", anchor("worst"))
        )
        told.append(
            (
                f"{of_text(seen.warn, seen.examined)} {_verb(seen.warn, 'is', 'are')} usable, but worth a look.",
                anchor("reasons"),
            )
        )
    if seen.unexamined:
        why = [f"{seen.failed:,} failed"] if seen.failed else []
        why += [f"{seen.set_aside:,} set aside"] if seen.set_aside else []
        of_all = of_text(seen.unexamined, seen.count)
        told.append((f"{of_all} couldn't be examined: {', '.join(why) or 'no verdict'}.", anchor("reasons")))
    if seen.tried_again:
        were = _verb(seen.tried_again, "was", "were")
        told.append(
            (
                f"{seen.tried_again:,} {were} tried again since, and failed: told is what was found before.",
                anchor("reasons"),
            )
        )
    if not seen.examined:
        return Answer("How many are bad?", "fail", "None could be examined", tuple(told))
    status = "fail" if seen.fail else "warn" if seen.warn or seen.unexamined else "pass"
    return Answer("How many are bad?", status, f"{share_text(seen.fail, seen.examined)} fail", tuple(told))


def _since_when(study: Study) -> Answer:
    question = "Since when?"
    if not study.is_long_enough:
        words = (
            f"{counted(study.longest, 'day has', 'days have')} enough recordings: a change is told where {LEAST_DAYS} "
            "days or more lie on either side of it."
        )
        return Answer(question, "warn", "Too few days to say", ((words, anchor("time")),))
    told = []
    bad = [change for change, _ in study.changes if change.measure in ("fail", "unexamined")]
    for of in ("fail", "unexamined"):
        newest = next((change for change in bad if change.measure == of), None)
        if newest is not None:
            told.append((change_text(newest), anchor("changes")))
    others = [change for change, _ in study.changes if change.measure not in ("fail", "unexamined")]
    told += [(change_text(change), anchor("changes")) for change in others[: _MOST_LISTED - len(told)]]
    if not bad:
        told.insert(0, (_all_along(study), anchor("time")))
    more = len(study.changes) - len(told) + (not bad)
    if more > 0:
        told.append((f"And {counted(more, 'change')} more.", anchor("changes")))
    worse = [change for change in bad if change.size > 0]
    newest_worse = worse[0] if worse and worse[0] is bad[0] else None
    if newest_worse is not None:
        return Answer(question, "fail", f"Worse since {newest_worse.day}", tuple(told))
    if others:
        title = TITLES[others[0].measure]
        return Answer(question, "warn", f"{title} moved {others[0].day}", tuple(told))
    if bad:
        return Answer(question, "pass", f"Better since {bad[0].day}", tuple(told))
    return Answer(question, "pass" if study.overview.examined else "warn", "No change", tuple(told))


def _all_along(study: Study) -> str:
    """What is said where the bad shares have no change."""
    if study.overview.fail:
        return "The share that fails has no change: what is bad has been so all along."
    if study.overview.unexamined:
        return "The share that couldn't be examined has no change: it has been so all along."
    return "No recording fails on any day."


def change_text(change: Change) -> str:
    """From what to what, when, and on how many days and recordings it rests."""
    return (
        f"{TITLES[change.measure]}: {value_text(change.measure, change.before)} until {change.day}, "
        f"{value_text(change.measure, change.after)} from then on "
        f"({counted(change.days_before, 'day')} before, {change.days_after} after)."
    )


def _whose(study: Study) -> Answer:
    question = "Whose?"
    told: list[tuple[str, str]] = []
    first = [one for one in study.stand_outs if one.explained_by is None]
    told += [(stand_out_text(one, study.own_changes), anchor("by", one.group.column)) for one in first[:_MOST_LISTED]]
    told += [(_explained_text(one), anchor("by", one.group.column)) for one in study.stand_outs if one.explained_by][:2]
    explained = [(change, one) for change, found in study.changes for one in found if one.explains]
    told += [(_coincidence_short(change, one), anchor("changes")) for change, one in explained[:2]]
    if first:
        return Answer(question, "fail", f"{safe(first[0].group.name, 40)} stands out", tuple(told))
    tested = any(
        group.name is not None and group.count >= LEAST_OF_A_GROUP for found in study.groups.values() for group in found
    )
    if not tested:
        words = f"No agent, browser, codec or container has {LEAST_OF_A_GROUP} recordings or more."
        return Answer(question, "warn", "Too few to say", ((words, anchor("by", "agent")),))
    nobody = "No agent, browser, codec or container has more bad recordings than chance would give it."
    told.insert(0, (nobody, anchor("by", "agent")))
    if explained:
        change, by = explained[0]
        moved = f"{safe(by.name, 40)} moved the {TITLES[change.measure].lower()}"
        return Answer(question, "warn", moved, tuple(told))
    if not study.overview.examined:
        return Answer(question, "warn", "Everybody's alike", tuple(told))
    return Answer(question, "pass", "Nobody stands out", tuple(told))


def stand_out_text(one: StandOut, changes: Sequence[Change] = ()) -> str:
    """Whose, how much, against what, and since when."""
    name = safe(one.group.name, 60)
    by = [change for change in changes if change.name == one.group.name and change.measure == one.of]
    newest = max(by, key=lambda change: change.day, default=None)
    since = (
        ""
        if newest is None or newest.size < 0
        else f", since {newest.day}: before that {value_text(one.of, newest.before)}"
    )
    return (
        f"{TITLES[one.group.column]} {name}: {of_text(one.bad, one.base)} {_DOES[one.of]}, against "
        f"{share_text(one.rest_bad, one.rest_base)} of all others{since}."
    )


def _explained_text(one: StandOut) -> str:
    if one.explained_by is None:
        return ""
    by = f"{one.explained_by.column} {safe(one.explained_by.name, 60)}"
    return (
        f"{TITLES[one.group.column]} {safe(one.group.name, 60)} ({share_text(one.bad, one.base)} {_DOES[one.of]}) "
        f"doesn't stand out beside {by}: the two can't be told apart, or it is the latter's doing."
    )


def _coincidence_short(change: Change, one: Coincidence) -> str:
    name, size = f"{TITLES[one.column]} {safe(one.name, 60)}", size_text(change.measure, one.difference or 0.0)
    return (
        f"{name}: {TITLES[change.measure].lower()} {size} against others on the same days "
        f"({one.count:,} against {one.count_others:,} recordings). First seen on {one.first}; a likely cause, no proof."
    )


def coincidence_text(change: Change, one: Coincidence) -> str:
    """What came with a change, and whether that explains it."""
    name = f"{TITLES[one.column]} {safe(one.name, 60)}"
    came = (
        f"(first on {one.first}) rose from {100 * one.share_before:.0f} % to {100 * one.share_after:.0f} % of "
        "recordings within ten days"
    )
    if one.difference is None or one.low is None or one.high is None:
        compared = "on no day were there enough of it and of others to compare"
        return f"{name} {came}; {compared}, so it isn't sure whether it is the cause."
    size = size_text(change.measure, one.difference)
    middle = "median" if change.measure in _UNITS else "share"
    low, high = size_text(change.measure, one.low), size_text(change.measure, one.high)
    compared = (
        f"on the {counted(one.days, 'day')} within {NEAR_DAYS} of {change.day} with both, its {middle} is {size} "
        f"against the others' (95 %: {low} to {high}; {one.count:,} against {one.count_others:,} recordings)"
    )
    moved = f"the change of {size_text(change.measure, change.size)}"
    if one.explains:
        doubt = "another cause that came with it can't be ruled out"
        return f"{name} {came}; {compared}. That is what it would look like if it had made {moved}; {doubt}."
    return f"{name} {came}, but {compared}: that doesn't explain {moved}."


def cause_texts(change: Change, found: Sequence[Coincidence], study: Study) -> Iterator[str]:
    """All that is known of why something changed."""
    if not found:
        yield "No browser, codec, container or version of this software came at that time: the cause isn't known."
    for one in found:
        yield coincidence_text(change, one)
    if sum(one.explains for one in found) > 1:
        yield "Which of these it was can't be told from the numbers."
    if found and not any(one.explains for one in found):
        yield "So the cause isn't known."
    if change.measure == "offset_s":
        yield from _alone_texts(change, study)


def _alone_texts(change: Change, study: Study) -> Iterator[str]:
    """What the browsers that were there before and after did by themselves."""
    day = np.datetime64(change.day)
    there = [s for s in study.browsers if min((s.days < day).sum(), (s.days >= day).sum()) >= LEAST_DAYS]
    moved = {
        one.name: f"{safe(one.name, 40)} ({size_text('offset_s', one.size)} on {one.day})"
        for one in study.own_changes
        if one.measure == "offset_s" and abs((one.day - change.day).days) <= LEAST_DAYS
    }
    still = [safe(one.name, 40) for one in there if one.name not in moved]
    if moved:
        names = ", ".join(moved.values())
        yield f"Within one browser alone the offset moved as well: {names}. A release isn't all of it."
    if still:
        yield f"Of the browsers that were there before and after, these didn't move by themselves: {', '.join(still)}."
    if not moved and not still:
        yield "No browser was there long enough before and after to see whether it moved by itself."


def _look_at(study: Study) -> Answer:
    told: list[tuple[str, str]] = []
    loud = next((one for one in study.stand_outs if one.explained_by is None and one.of == "fail"), None)
    if loud is not None:
        bad = f"{loud.bad:,} of {study.overview.fail:,}"
        told.append(
            (f"The recordings of {safe(loud.group.name, 60)}: {bad} that fail.", anchor("by", loud.group.column))
        )
    for change, found in study.changes:
        by = next((one for one in found if one.explains), None)
        if by is not None:
            moved = f"{TITLES[change.measure].lower()} {size_text(change.measure, change.size)}"
            told.append((f"What {safe(by.name, 60)} does differently: {moved}.", anchor("browsers")))
            break
    if study.worst:
        many = f"The {len(study.worst)} worst recordings, one by one."
        told.append((many if len(study.worst) > 1 else "The recording to look at.", anchor("worst")))
    waiting = study.overview.retried
    if waiting:
        told.append(
            (f"Run the batch again: {counted(waiting, 'recording')} may succeed by another try.", anchor("reasons"))
        )
    lasting = [one for one in study.reasons if one.status in ("failed", "set_aside") and not one.is_worth_a_retry]
    if lasting:
        told.append((f"{_first_lasting(lasting[0])}: no other try helps.", anchor("reasons")))
    if not told:
        return Answer("What first?", "pass", "Nothing", (("All pass.", ""),))
    first = (
        safe(loud.group.name, 40)
        if loud is not None
        else "The worst recordings"
        if study.overview.fail
        else "What couldn't be examined"
        if study.overview.unexamined
        else "What deserves a look"
    )
    return Answer("What first?", "warn", first, tuple(told[:_MOST_LISTED]))


def _first_lasting(one: Reason) -> str:
    return f"{safe(one.name, 60)}, {counted(one.count, 'recording')}"


def finding_meaning(name: str) -> str:
    """What a finding is about; "" where it is none of ours."""
    if name == "sync_status":
        return "Whether call and recording belong together, and it is sure where"
    try:
        meaning = DEFAULT.of(name).meaning
    except KeyError:
        return ""
    return f"{meaning[:1].upper()}{meaning[1:]}"


def group_name(group: Group) -> str:
    """Whose, for a table."""
    return safe(group.name, 80)


def rerun_command(dataset: str, recording_ids: Sequence[str]) -> str:
    """The command that audits these; whatever is in the names, a shell and DuckDB take them as names.

    What a terminal would obey, or would show otherwise than it is, is written as its number: ``chr(27)``.
    """
    named = ", ".join(_quoted(one) for one in recording_ids)
    where = f"recording_id = {named}" if len(recording_ids) == 1 else f"recording_id in ({named})"
    quoted = f'"{where}"' if _PLAIN.fullmatch(where) else shlex.quote(where)
    return f"komorebi-qc rerun {shlex.quote(dataset)} --where {quoted} --do audit"


def _quoted(text: str) -> str:
    """A text for DuckDB, of letters that are seen as they are."""
    quoted = "'" + text.replace("'", "''") + "'"
    return "".join(c if c.isprintable() else f"' || chr({ord(c)}) || '" for c in quoted)


def stand_out_rule() -> str:
    """What it takes to stand out."""
    return (
        f"One stands out where its share is at least {RATIO} times that of all others and beyond chance "
        "(hypergeometric test, 5 % for all groups of the page together)."
    )
