"""The notes beside the audits of a dataset."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from komorebi_qc.core.errors import KomorebiError
from komorebi_qc.core.notes import MOST_BYTES, NOTES_FILE, SEVERITIES, read_notes
from komorebi_qc.fleet.audit_files import audit_file, audit_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.fleet.dataset import Fleet

MOST_READ: Final = 500
"""Reports whose notes are read."""


@dataclass(frozen=True, slots=True)
class Noted:
    """The notes of a dataset.

    Attributes:
        recordings: recordings with notes.
        by_severity: the number of notes of each severity.
        unreadable: files of notes that can't be used.
        reports: reports that were searched for notes.
    """

    recordings: int
    by_severity: Mapping[str, int]
    unreadable: int
    reports: int

    @property
    def count(self) -> int:
        """All notes."""
        return sum(self.by_severity.values())


def noted(fleet: Fleet) -> Noted:
    """Count the notes beside the reports of a dataset, those of recordings that fail first."""
    counts: Counter[str] = Counter()
    recordings = unreadable = 0
    rows = fleet.query(
        """select recording_id, trim(report) from rows where nullif(trim(report), '') is not null
        order by outcome = 'fail' desc, recording_id limit ?""",
        (MOST_READ,),
    )
    for recording_id, report in rows:
        try:
            store, _ = audit_store((fleet.root, *fleet.results), report)
            content = audit_file(store, NOTES_FILE)
            if content is None:
                continue
            found = read_notes(content[: MOST_BYTES + 1], NOTES_FILE, recording_id=recording_id)
        except (KomorebiError, OSError, RuntimeError, ValueError) as error:
            unreadable += str(error).startswith(NOTES_FILE)
            continue
        recordings += bool(found.notes)
        counts.update(one.severity for one in found.notes)
    return Noted(recordings, {severity: counts[severity] for severity in SEVERITIES}, unreadable, len(rows))
