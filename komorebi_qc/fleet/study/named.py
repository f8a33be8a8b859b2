"""Recordings that a person decides about, or has decided about, by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from komorebi_qc.fleet.dataset import Fleet

MOST: Final = 200
"""The most recordings of one kind that are listed."""
KINDS: Final = {
    "corrected": "corrected_at is not null or corrected_by is not null",
    "wrong_pair": "sync_status = 'wrong_pair' or error_class = 'WrongPairError'",
    "held": "publication = 'held'",
    "unconfirmed": "publication = 'unconfirmed'",
}
"""Each kind of decision, and the condition on its rows. A recording may be of several kinds."""


@dataclass(frozen=True, slots=True)
class Named:
    """A recording of one kind.

    Attributes:
        kind: a key of `KINDS`.
        of: recordings of this kind, listed or not.
        recording_id: the recording.
        agent: the agent; None if unknown.
        verdict: of its findings; None if it wasn't examined.
        report: its audit's report; None without one.
        by: the analyst who corrected it; None if nobody did, or it isn't known.
        at: when it was corrected.
        why: the analyst's reason.
    """

    kind: str
    of: int
    recording_id: str
    agent: str | None
    verdict: str | None
    report: str | None
    by: str | None
    at: str | None
    why: str | None


def named(fleet: Fleet) -> tuple[Named, ...]:
    """The recordings of each kind, the newest corrections first; of each kind `MOST` at most."""
    found: list[Named] = []
    for kind, condition in KINDS.items():
        rows = fleet.query(
            f"""select '{kind}', count(*) over (), recording_id, agent, verdict, nullif(trim(report), ''),
            corrected_by, corrected_at, correction_why
            from rows where {condition} order by corrected_at desc nulls last, recording_id limit ?""",  # noqa: S608
            (MOST,),
        )
        found += [Named(*row) for row in rows]
    return tuple(found)
