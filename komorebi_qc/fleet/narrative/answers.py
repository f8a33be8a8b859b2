"""The analyst's four questions and their answers: how many are bad, since when, whose, and what to look at first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import HeldError
from komorebi_qc.core.finding import counted
from komorebi_qc.fleet.narrative.rerun_command import rerun_command
from komorebi_qc.fleet.narrative.sentences import (
    cause_text,
    change_text,
    explained_text,
    group_reasons_text,
    stand_out_text,
    suspect_text,
)
from komorebi_qc.fleet.narrative.significance import matter_text
from komorebi_qc.fleet.narrative.terms import TITLES, anchor
from komorebi_qc.fleet.narrative.text import of_text, safe, safe_end, share_text, verb
from komorebi_qc.fleet.study.causes import LEAST_OF_A_GROUP
from komorebi_qc.fleet.study.changes import LEAST_DAYS

if TYPE_CHECKING:
    from komorebi_qc.fleet.study.noted import Noted
    from komorebi_qc.fleet.study.queries import Overview, Reason
    from komorebi_qc.fleet.study.study import Study

_MAX_SENTENCES = 4
_MAX_FINDINGS = 4
_MAX_NAMED = 5


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one of the four questions.

    Attributes:
        question: the question.
        status: ``pass``, ``warn`` or ``fail``, which gives the colour.
        short: the answer in a few words.
        sentences: the evidence; each with the ID of the part of the page that shows it, or "".
    """

    question: str
    status: str
    short: str
    sentences: tuple[tuple[str, str], ...]


def headline(study: Study) -> str:
    """The size of the dataset, its agents and its days."""
    overview = study.overview
    if not overview.count:
        return "The dataset has no rows."
    parts = [counted(overview.count, "recording").replace(str(overview.count), f"{overview.count:,}")]
    if overview.agents:
        parts.append(f"of {counted(overview.agents, 'agent')}")
    if overview.first is None:
        return f"{' '.join(parts)}."
    is_one_day = overview.first == overview.last
    days = f"on {overview.first}" if is_one_day else f"from {overview.first} to {overview.last}"
    if not overview.dayless:
        return f"{' '.join(parts)} {days}."
    return f"{' '.join(parts)}: {overview.count - overview.dayless:,} {days}, and {overview.dayless:,} without a day."


def answers(study: Study) -> tuple[Answer, ...]:
    """The answers, in the order of the questions."""
    if not study.overview.count:
        words = "The dataset is empty. `komorebi-qc batch` adds rows."
        return (Answer("How many are bad?", "warn", "No rows", ((words, ""),)),)
    return (_how_many(study), _since_when(study), _whose(study), _look_at(study))


def _unexamined_text(seen: Overview) -> str:
    failed, held = seen.failed - seen.held_unexamined, seen.held_unexamined
    why = [f"{failed:,} failed"] if failed else []
    why += [f"{held:,} held"] if held else []
    why += [f"{seen.rejected:,} rejected"] if seen.rejected else []
    return f"{of_text(seen.unexamined, seen.count)} couldn't be examined: {', '.join(why) or 'no verdict'}."


def _privacy_texts(seen: Overview) -> list[str]:
    texts = []
    if seen.suspended:
        count = counted(seen.suspended, "call")
        texts.append(f"Connect suspended {count}, for {seen.suspended_s:,.0f} s in all.")
    if seen.outside_call:
        count = counted(seen.outside_call, "recording")
        texts.append(f"The conversation goes on outside of Connect's audio in {count}.")
    return texts


def _how_many(study: Study) -> Answer:
    seen = study.overview
    found = []
    if seen.examined:
        verb_fail = verb(seen.fail, "fails", "fail")
        meaning = ": at least one finding fails" if seen.fail else ""
        fails = f"Of {seen.examined:,} examined recordings, {seen.fail:,} {verb_fail}{meaning}."
        found.append((fails, anchor("worst")))
        warns = f"{of_text(seen.warn, seen.examined)} {verb(seen.warn, 'needs', 'need')} a look but can be used."
        found.append((warns, anchor("reasons")))
    if seen.triaged:
        found.append((_triaged_text(seen.triaged, seen.examined), anchor("reasons")))
    if seen.unexamined:
        found.append((_unexamined_text(seen), anchor("reasons")))
    if wrong := next((one.of for one in study.named if one.kind == "wrong_pair"), 0):
        words = f"{wrong:,} {'pair is' if wrong == 1 else 'pairs are'} of different calls"
        found.append((f"{words}: {_names_text(study, 'wrong_pair', wrong)}.", anchor("named")))
    if seen.unconfirmed or seen.held:
        found.append((_unconfirmed_text(seen), anchor("named")))
    if seen.corrected:
        count = counted(seen.corrected, "recording")
        names = _names_text(study, "corrected", seen.corrected)
        found.append((f"An analyst corrected {count}: {names}.", anchor("named")))
    if study.noted is not None and study.noted.count:
        found.append((_noted_text(study.noted), anchor("worst")))
    found += [(text, anchor("reasons")) for text in _privacy_texts(seen)]
    if seen.failed_again:
        count = counted(seen.failed_again, "recording")
        found.append((f"A later attempt failed for {count}; the earlier result counts.", anchor("reasons")))
    if not seen.examined:
        return Answer("How many are bad?", "fail", "No recording could be examined", tuple(found))
    status = "fail" if seen.fail else "warn" if seen.warn or seen.unexamined else "pass"
    return Answer("How many are bad?", status, f"{share_text(seen.fail, seen.examined)} fail", tuple(found))


def _triaged_text(triaged: int, examined: int) -> str:
    """The rows whose verdict is that of a quick look: it has no findings about the levels, for one."""
    return (
        f"{of_text(triaged, examined)} had a quick look only (triage): levels, suspensions, redactions, the transcript "
        "and the timestamps of packets aren't part of that verdict."
    )


def _noted_text(noted: Noted) -> str:
    """The analysts' notes, by their severity."""
    counts = ", ".join(f"{count:,} {severity}" for severity, count in noted.by_severity.items() if count)
    broken = f" {counted(noted.unreadable, 'file')} of notes can't be read." if noted.unreadable else ""
    return (
        f"Analysts wrote {counted(noted.count, 'note')} on {counted(noted.recordings, 'recording')}: {counts}.{broken}"
    )


def _names_text(study: Study, kind: str, count: int) -> str:
    """The first recordings of a kind by name, and the number of the others."""
    names = [safe(one.recording_id, 60) for one in study.named if one.kind == kind][:_MAX_NAMED]
    return ", ".join(names) + (f" and {count - len(names):,} more" if count > len(names) else "")


def _unconfirmed_text(seen: Overview) -> str:
    """The recordings whose audio doesn't confirm the pair, published and held apart."""
    parts = [f"{counted(seen.unconfirmed, 'recording')} published"] if seen.unconfirmed else []
    parts += [f"{counted(seen.held, 'recording')} held until an operator decides"] if seen.held else []
    return f"Pairs that the audio doesn't confirm: {' and '.join(parts)}."


def _since_when(study: Study) -> Answer:
    question = "Since when?"
    if not study.is_long_enough:
        words = (
            f"{counted(study.longest, 'day has', 'days have')} enough recordings. A change needs at least {LEAST_DAYS} "
            "days on either side of it."
        )
        return Answer(question, "warn", "Too few days", ((words, anchor("time")),))
    found = []
    bad = [change for change, _ in study.changes if change.measure in ("fail", "unexamined")]
    for of in ("fail", "unexamined"):
        newest = next((change for change in bad if change.measure == of), None)
        if newest is not None:
            found.append((change_text(newest), anchor("changes")))
    others = [change for change, _ in study.changes if change.measure not in ("fail", "unexamined")]
    for change in others[: _MAX_SENTENCES - len(found)]:
        matter = matter_text(change.measure, change.before, change.after)
        found.append((f"{change_text(change)} {matter}".rstrip(), anchor("changes")))
    if not bad:
        found.insert(0, (_unchanged_text(study), anchor("time")))
    more = len(study.changes) - len(found) + (not bad)
    if more > 0:
        found.append((f"And {counted(more, 'change')} more.", anchor("changes")))
    worse = [change for change in bad if change.size > 0]
    newest_worse = worse[0] if worse and worse[0] is bad[0] else None
    if newest_worse is not None:
        return Answer(question, "fail", f"Worse since {newest_worse.day}", tuple(found))
    if others:
        title = TITLES[others[0].measure]
        return Answer(question, "warn", f"{title} changed on {others[0].day}", tuple(found))
    if bad:
        return Answer(question, "pass", f"Better since {bad[0].day}", tuple(found))
    return Answer(question, "pass" if study.overview.examined else "warn", "No change", tuple(found))


def _unchanged_text(study: Study) -> str:
    """The sentence for bad shares without a change."""
    if study.overview.fail:
        return "The share that fails hasn't changed over these days."
    if study.overview.unexamined:
        return "The share that couldn't be examined hasn't changed over these days."
    return "No recording fails on any day."


def _whose(study: Study) -> Answer:
    question = "Whose?"
    found: list[tuple[str, str]] = []
    first = [one for one in study.stand_outs if one.explained_by is None]
    for one in first[:_MAX_SENTENCES]:
        why = group_reasons_text(one, study.group_reasons.get(one))
        words = f"{stand_out_text(one, study.own_changes)} {why}".rstrip()
        found.append((words, anchor("by", one.group.column)))
    found += [(explained_text(one), anchor("by", one.group.column)) for one in study.stand_outs if one.explained_by][:2]
    explained = [(change, one) for change, candidates in study.changes for one in candidates if one.explains]
    found += [(cause_text(change, one), anchor("changes")) for change, one in explained[:2]]
    if first:
        return Answer(question, "fail", f"{safe(first[0].group.name, 40)} stands out", tuple(found))
    tested = any(
        group.name is not None and group.count >= LEAST_OF_A_GROUP
        for groups in study.groups.values()
        for group in groups
    )
    if not tested:
        words = f"No agent, browser, codec or container has {LEAST_OF_A_GROUP} recordings or more."
        return Answer(question, "warn", "Too few recordings", ((words, anchor("by", "agent")),))
    no_group = "No agent, browser, codec or container has more bad recordings than chance gives it."
    found.insert(0, (no_group, anchor("by", "agent")))
    if explained:
        change, cause = explained[0]
        moved = f"{safe(cause.name, 40)} moved the {TITLES[change.measure].lower()}"
        return Answer(question, "warn", moved, tuple(found))
    return Answer(question, "pass" if study.overview.examined else "warn", "No group stands out", tuple(found))


def _look_at(study: Study) -> Answer:
    found: list[tuple[str, str]] = []
    group = next((one for one in study.stand_outs if one.explained_by is None and one.of == "fail"), None)
    if group is not None:
        bad = f"{group.bad:,} of the {study.overview.fail:,} that fail"
        found.append((f"The recordings of {safe(group.group.name, 60)}: {bad}.", anchor("by", group.group.column)))
    for change, candidates in study.changes:
        cause = next((one for one in candidates if one.explains), None)
        if cause is not None:
            found.append((suspect_text(change, cause), anchor("browsers")))
            break
    if study.worst:
        found.append((_worst_text(study), anchor("worst")))
    waiting = study.overview.retried
    if waiting:
        retry = f"Run the batch again: {counted(waiting, 'recording')} may succeed in another attempt."
        found.append((retry, anchor("reasons")))
    if study.overview.held:
        found.append((f"Decide about {counted(study.overview.held, 'held recording')}.", anchor("reasons")))
    lasting = [
        one
        for one in study.reasons
        if one.status in ("failed", "rejected") and not one.is_worth_a_retry and one.name != HeldError.__name__
    ]
    if lasting:
        found.append((f"{_lasting_text(lasting[0])}: retrying won't help.", anchor("reasons")))
    if not found:
        return Answer("What first?", "pass", "Nothing", (("All recordings pass.", ""),))
    first = (
        safe(group.group.name, 40)
        if group is not None
        else "The worst recordings"
        if study.overview.fail
        else "Recordings that couldn't be examined"
        if study.overview.unexamined
        else "Recordings that need a look"
    )
    return Answer("What first?", "warn", first, tuple(found[:_MAX_SENTENCES]))


def _worst_text(study: Study) -> str:
    """The worst recording, its findings, and the command that shows it in depth."""
    first, is_only = study.worst[0], study.overview.fail + study.overview.warn == 1
    names = first.failures if first.verdict == "fail" else first.warnings
    listed = ", ".join(safe(name, 60) for name in names[:_MAX_FINDINGS])
    more = f" and {len(names) - _MAX_FINDINGS} more" if len(names) > _MAX_FINDINGS else ""
    name = safe(first.recording_id, 60)
    subject = f"Recording {name}" if is_only else f"The worst recording, {name},"
    text = f"{subject} {'fails' if first.verdict == 'fail' else 'needs a look'}{listed and ': '}{listed}{more}."
    text += " It is the only one that fails or needs a look." if is_only else ""
    if first.report:
        is_elsewhere = first.report.startswith(("/", "s3://"))
        place = first.report if is_elsewhere else f"{study.fleet.dataset.rstrip('/')}/{first.report}"
        return f"{text} Its report: {safe_end(place, 200)}"
    # Synthetic rows have no files that a command could read.
    command = "" if study.fleet.is_demo else rerun_command(study.fleet.dataset, [first.recording_id])
    return f"{text} This command makes its report: {command}" if command else text


def _lasting_text(one: Reason) -> str:
    return f"{safe(one.name, 60)}, {counted(one.count, 'recording')}"
