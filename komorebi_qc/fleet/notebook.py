"""Functions for the fleet notebook, one for each cell: the parts of the study, and the page."""

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
from komorebi_qc.desk.notebooks.readable_errors import readable_errors
from komorebi_qc.fleet.narrative.answers import answers, headline
from komorebi_qc.fleet.narrative.rerun_command import rerun_command
from komorebi_qc.fleet.narrative.sentences import cause_texts, change_text, stand_out_text
from komorebi_qc.fleet.narrative.terms import TITLES, finding_meaning
from komorebi_qc.fleet.narrative.text import safe, safe_end, share_text, value_text
from komorebi_qc.fleet.page import charts
from komorebi_qc.fleet.report import fleet_named, write_study
from komorebi_qc.fleet.study.queries import WORST_FIRST
from komorebi_qc.fleet.study.study import DEFAULT_WORST, study_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from komorebi_qc.fleet.study.study import Study

MAX_GROUPS = 25


@dataclass(frozen=True, slots=True, eq=False)
class FleetSession:
    """A dataset under analysis.

    Attributes:
        study: the analysis.
    """

    study: Study


@readable_errors
def open_fleet(dataset: str = "demo", worst: int = DEFAULT_WORST, results: str = "") -> FleetSession:
    """Read and analyse a dataset.

    Args:
        dataset: its folder or ``s3://bucket/prefix``; ``demo`` for synthetic rows.
        worst: how many of the worst recordings are listed.
        results: another folder or prefix with audits; empty if all are in the dataset's folder.

    Raises:
        InputError: There is no dataset, or `worst` is out of range.
        StorageError: S3 doesn't answer.
        AccessDeniedError: S3 refuses access.
    """
    return FleetSession(study_of(fleet_named(dataset, results=(results,) if results else ()), worst))


def overview(session: FleetSession) -> NotebookOutput:
    """How many are bad, since when, whose, and what to look at first."""
    parts = [paragraph(headline(session.study))]
    for one in answers(session.study):
        parts += [
            status_line(one.status, f"{one.question} {one.short}"),
            *(paragraph(text) for text, _ in one.sentences),
        ]
    return combined(parts)


def over_time(session: FleetSession) -> NotebookOutput:
    """Verdicts by day."""
    return _drawn(charts.over_time, session)


def changes(session: FleetSession) -> NotebookOutput:
    """Measures and shares that changed, the day, and the likely cause."""
    if not session.study.changes:
        return paragraph("No measure and no share changed its level.")
    parts = []
    for change, found in session.study.changes:
        parts.append(paragraph(change_text(change), bold=True))
        parts += [paragraph(text) for text in cause_texts(change, found, session.study)]
    return combined(parts)


def by_browser(session: FleetSession) -> NotebookOutput:
    """The offset by day, of each browser."""
    return _drawn(charts.by_browser, session)


def groups(session: FleetSession) -> NotebookOutput:
    """Whose recordings fail: by agent, browser, codec and container, and by what contact records have."""
    parts = [
        paragraph(stand_out_text(one, session.study.own_changes))
        for one in session.study.stand_outs
        if not one.explained_by
    ]
    for column in session.study.groups:
        found = sorted(session.study.groups[column], key=lambda one: -one.fail)
        rows = [
            (
                safe(one.name, 80),
                f"{one.count:,}",
                f"{one.fail:,}",
                share_text(one.fail, one.examined),
                value_text("offset_s", one.offset_s),
                value_text("drift_ppm", one.drift_ppm),
                value_text("call_end_error_s", one.call_end_error_s),
                value_text("coverage", one.coverage),
            )
            for one in found[:MAX_GROUPS]
        ]
        head = (TITLES[column], "Recordings", "Fail", "Share", "Offset", "Drift", "Call-end error", "Coverage")
        parts += [heading(f"By {column}, most failures first"), table(head, rows)]
        if len(found) > MAX_GROUPS:
            parts.append(paragraph(f"And {len(found) - MAX_GROUPS:,} more, on the page."))
    return combined(parts)


def reasons(session: FleetSession) -> NotebookOutput:
    """Findings and errors, by number of recordings."""
    rows = [
        (
            one.status.replace("_", " "),
            safe(one.name.replace("_", " ")),
            f"{one.count:,}",
            str(one.last or ""),
            safe(one.example, 200) if one.example else finding_meaning(one.name),
        )
        for one in session.study.reasons
    ]
    return (
        table(("Status", "Reason", "Recordings", "Last seen", "Details"), rows)
        if rows
        else paragraph("All recordings pass.")
    )


def worst(session: FleetSession) -> NotebookOutput:
    """The worst recordings, and the command that audits those without a report."""
    if not session.study.worst:
        return paragraph("No recording is listed.")
    rows = [
        (
            one.verdict,
            safe_end(one.recording_id, 80),
            safe(one.agent),
            str(one.day or ""),
            safe(", ".join((*one.failures, *one.warnings)).replace("_", " ")),
            safe(one.report) if one.report else "not audited",
        )
        for one in session.study.worst
    ]
    head = ("Verdict", "Recording", "Agent", "Day", "Findings", "Report")
    parts = [paragraph(f"In this order: {WORST_FIRST}."), table(head, rows, status=0)]
    without = [one.recording_id for one in session.study.worst if one.report is None]
    if without:
        parts.append(
            collapsed(
                "The command that audits the others", paragraph(rerun_command(session.study.fleet.dataset, without))
            )
        )
    return combined(parts)


def distributions(session: FleetSession) -> NotebookOutput:
    """Offset, drift, call-end error and coverage."""
    return _drawn(charts.distributions, session)


def medians(session: FleetSession) -> NotebookOutput:
    """Medians of offset, drift, call-end error and coverage by day."""
    return _drawn(charts.medians, session)


@readable_errors
def page(session: FleetSession, out: str = "fleet.html") -> NotebookOutput:
    """Write the page, for readers without the notebook.

    Raises:
        InputError: `out` can't be written.
    """
    written = write_study(session.study, out)
    place = out if out.startswith("s3://") else str(Path(out).resolve())
    return paragraph(f"The page is {place} ({written.size / 1e6:.1f} MB). Any browser opens it.")


def _drawn(draw: Callable[[Study], tuple[Figure, str]], session: FleetSession) -> NotebookOutput:
    figure, meaning = draw(session.study)
    return figure_image(figure, meaning, kind="webp") if figure.axes else paragraph(meaning)
