"""What the notebook of a fleet calls, one call a cell: the page's study, part by part, and the page itself."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from komorebi_qc.desk.notebooks.notebook_output import (
    NotebookOutput,
    collapsed,
    combined,
    figure_image,
    heading,
    paragraph,
    status_line,
    table,
)
from komorebi_qc.fleet.narrative.answers import (
    TITLES,
    answers,
    cause_texts,
    change_text,
    finding_meaning,
    group_name,
    headline,
    rerun_command,
    safe,
    safe_end,
    share_text,
    stand_out_text,
    value_text,
)
from komorebi_qc.fleet.page import charts
from komorebi_qc.fleet.report import fleet_named, write_study
from komorebi_qc.fleet.study.queries import COLUMNS, WORST_FIRST
from komorebi_qc.fleet.study.study import DEFAULT_WORST, study_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from komorebi_qc.fleet.study.study import Study

MOST_SHOWN = 25


@dataclass(frozen=True, slots=True, eq=False)
class Desk:
    """A fleet on the desk.

    Attributes:
        study: what was found.
    """

    study: Study


def open_fleet(dataset: str = "demo", worst: int = DEFAULT_WORST) -> Desk:
    """Read a dataset and ask all that is shown.

    Args:
        dataset: its folder or ``s3://bucket/prefix``; ``demo`` for made-up rows.
        worst: how many of the worst are shown.

    Raises:
        InputError: where there is no such dataset, or `worst` is no such number.
        StorageError: where S3 doesn't answer.
        AccessDeniedError: where it refuses.
    """
    return Desk(study_of(fleet_named(dataset), worst))


def overview(desk: Desk) -> NotebookOutput:
    """How many are bad, since when, whose, and what to look at first."""
    parts = [paragraph(headline(desk.study))]
    for one in answers(desk.study):
        parts += [
            status_line(one.status, f"{one.question} {one.short}"),
            *(paragraph(text) for text, _ in one.sentences),
        ]
    return combined(parts)


def over_time(desk: Desk) -> NotebookOutput:
    """Verdicts by day."""
    return _drawn(charts.over_time, desk)


def changes(desk: Desk) -> NotebookOutput:
    """What changed its level, on which day, and what came with it."""
    if not desk.study.changes:
        return paragraph("No measure and no share changed its level.")
    parts = []
    for change, found in desk.study.changes:
        parts.append(paragraph(change_text(change), bold=True))
        parts += [paragraph(text) for text in cause_texts(change, found, desk.study)]
    return combined(parts)


def by_browser(desk: Desk) -> NotebookOutput:
    """The offset by day, of each browser."""
    return _drawn(charts.by_browser, desk)


def groups(desk: Desk) -> NotebookOutput:
    """Whose recordings fail: by agent, browser, codec and container."""
    parts = [
        paragraph(stand_out_text(one, desk.study.own_changes)) for one in desk.study.stand_outs if not one.explained_by
    ]
    for column in COLUMNS:
        found = sorted(desk.study.groups[column], key=lambda one: -one.fail)
        rows = [
            (
                group_name(one),
                f"{one.count:,}",
                f"{one.fail:,}",
                share_text(one.fail, one.examined),
                value_text("offset_s", one.offset_s),
                value_text("drift_ppm", one.drift_ppm),
                value_text("call_end_error_s", one.call_end_error_s),
                value_text("coverage", one.coverage),
            )
            for one in found[:MOST_SHOWN]
        ]
        head = (TITLES[column], "Recordings", "Fail", "Share", "Offset", "Drift", "Call-end error", "Coverage")
        parts += [heading(f"By {column}, most that fail first"), table(head, rows)]
        if len(found) > MOST_SHOWN:
            parts.append(paragraph(f"And {len(found) - MOST_SHOWN:,} more, on the page."))
    return combined(parts)


def reasons(desk: Desk) -> NotebookOutput:
    """Why: findings and errors."""
    rows = [
        (
            one.status.replace("_", " "),
            safe(one.name.replace("_", " ")),
            f"{one.count:,}",
            str(one.last or ""),
            safe(one.example, 200) if one.example else finding_meaning(one.name),
        )
        for one in desk.study.reasons
    ]
    return table(("Status", "What", "Recordings", "Last seen", "Said"), rows) if rows else paragraph("All pass.")


def worst(desk: Desk) -> NotebookOutput:
    """The worst recordings, and how to audit those that haven't been."""
    if not desk.study.worst:
        return paragraph("None is shown.")
    rows = [
        (
            one.verdict,
            safe_end(one.recording_id, 80),
            safe(one.agent),
            str(one.day or ""),
            safe(", ".join((*one.failures, *one.warnings)).replace("_", " ")),
            safe(one.report) if one.report else "not audited",
        )
        for one in desk.study.worst
    ]
    head = ("Verdict", "Recording", "Agent", "Day", "Findings", "Report")
    parts = [paragraph(f"In this order: {WORST_FIRST}."), table(head, rows, status=0)]
    without = [one.recording_id for one in desk.study.worst if one.report is None]
    if without:
        parts.append(
            collapsed("The command that audits them", paragraph(rerun_command(desk.study.fleet.dataset, without)))
        )
    return combined(parts)


def distributions(desk: Desk) -> NotebookOutput:
    """Offset, drift, call-end error and coverage."""
    return _drawn(charts.distributions, desk)


def medians(desk: Desk) -> NotebookOutput:
    """The same by day."""
    return _drawn(charts.medians, desk)


def page(desk: Desk, out: str = "fleet.html") -> NotebookOutput:
    """Write the page, which needs no notebook.

    Raises:
        InputError: where `out` can't be written.
    """
    written = write_study(desk.study, out)
    where = out if out.startswith("s3://") else str(Path(out).resolve())
    return paragraph(f"{where}: {written.size / 1e6:.1f} MB, for any browser.")


def _drawn(draw: Callable[[Study], tuple[Figure, str]], desk: Desk) -> NotebookOutput:
    figure, meaning = draw(desk.study)
    return figure_image(figure, meaning, kind="webp") if figure.axes else paragraph(meaning)
