"""A source of a chain by hand: it makes nothing, and notes what it was asked for."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from chain_records import follower, record

from komorebi_qc.chain.sources import ReadyRecording
from komorebi_qc.core.contact.chains.build import build_chain

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from komorebi_qc.core.contact.chains.model import Chain, ChainMember
    from komorebi_qc.core.contact.record import ContactRecord
    from komorebi_qc.core.progress import Progress

RECORDS = (
    record("a", (0, 60), hold_s=20.0),
    follower("b", (40, 100), "a"),
    follower("c", (110, 170), "b"),
    follower("d", (120, 130), "c"),
)
AGENTS = {"a": "erika.mustermann", "b": "max.mustermann", "c": "erika.mustermann", "d": "jane.doe"}


def document(verdict: str = "pass") -> dict[str, Any]:
    """A short qc.json."""
    return {
        "verdict": verdict,
        "findings": [{"name": "drift", "status": verdict, "text": "the clock drifts."}],
        "sync": {"status": "aligned"},
        "alignment": {"offset_s": 2.5},
        "call_end": {"reported_s": 60.0, "measured_s": 61.5},
    }


@dataclass
class ByHand:
    """A chain with results and errors made by hand.

    Attributes:
        records: of the chain.
        agents: by contact; others have no recording.
        errors: raised instead of making a recording.
        made: contacts that were made, in order.
        verdicts: of the recordings; others pass.
        ready: contacts that an earlier run made.
    """

    records: tuple[ContactRecord, ...] = RECORDS
    agents: dict[str, str] = field(default_factory=lambda: dict(AGENTS))
    errors: dict[str, Exception] = field(default_factory=dict)
    unreadable: dict[str, Exception] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    verdicts: dict[str, str] = field(default_factory=dict)
    ready: set[str] = field(default_factory=set)
    name: str = "export"
    notes: tuple[str, ...] = ()

    def read(self, named: str, day: date | None, progress: Progress) -> Chain:  # noqa: ARG002
        """The chain."""
        return build_chain(self.records, named)

    def agent(self, contact_id: str) -> str | None:
        """The agent."""
        if contact_id in self.unreadable:
            raise self.unreadable[contact_id]
        return self.agents.get(contact_id)

    def done(self, member: ChainMember) -> ReadyRecording | None:
        """An earlier result."""
        return self._ready(member) if member.contact_id in self.ready else None

    def check(self, member: ChainMember) -> None:
        """The inputs of a recording that can't be made aren't there."""
        if member.contact_id in self.errors:
            raise self.errors[member.contact_id]

    def process(self, member: ChainMember, progress: Progress) -> ReadyRecording:  # noqa: ARG002
        """A new result, or an error."""
        if member.contact_id in self.errors:
            raise self.errors[member.contact_id]
        self.made.append(member.contact_id)
        self.ready.add(member.contact_id)
        return self._ready(member)

    def report_inputs(self, member: ChainMember, ready: ReadyRecording) -> Mapping[str, str]:  # noqa: ARG002
        """No report is written of it."""
        raise AssertionError(member.contact_id)

    def _ready(self, member: ChainMember) -> ReadyRecording:
        key = f"s3://out/2026/11/24/{self.agents[member.contact_id]}/{member.contact_id}"
        verdict = self.verdicts.get(member.contact_id, "pass")
        return ReadyRecording(document(verdict), f"{key}/recording.mp4", f"{key}/qc.json")
