"""Contact records of a chain, for tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from komorebi_qc.core.contact.record import ContactRecord

START = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    """A moment, counted from noon."""
    return START + timedelta(seconds=seconds)


def record(contact: str, agent: tuple[float, float] | None = None, **others: Any) -> ContactRecord:
    """A record whose agent was in the call from and to these seconds."""
    times: dict[str, Any] = {}
    if agent is not None:
        times = {
            "initiated_at": at(agent[0] - 5),
            "connected_at": at(agent[0]),
            "after_work_at": at(agent[1]),
            "disconnected_at": at(agent[1]),
        }
    return ContactRecord(contact, **{"channel": "VOICE", **times, **others})


def follower(contact: str, agent: tuple[float, float] | None, previous: str, **others: Any) -> ContactRecord:
    """A record of a later contact of the chain of `a`."""
    whole = {"initial_contact_id": "a", "previous_contact_id": previous, "initiation_method": "TRANSFER", **others}
    return record(contact, agent, **whole)
