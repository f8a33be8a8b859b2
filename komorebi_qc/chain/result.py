"""The result of a chain: the state of each contact's recording, and the chain itself."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from komorebi_qc.core.errors import HeldError, KomorebiError, PassingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.core.contact.chains.model import Chain, ChainMember

SCHEMA = "komorebi-chain/1"
MemberState = Literal["done", "already_done", "not_expected", "no_recording", "held", "failed", "listed"]
_READY: tuple[MemberState, ...] = ("done", "already_done")
_MISSING: tuple[MemberState, ...] = ("no_recording", "held", "failed")


@dataclass(frozen=True, slots=True)
class MemberError:
    """The reason why a contact has no unified recording.

    Attributes:
        kind: the error's class.
        text: a sentence.
        is_worth_a_retry: whether a retry may help.
    """

    kind: str
    text: str
    is_worth_a_retry: bool

    @classmethod
    def of(cls, error: Exception) -> MemberError:
        """The reason of an exception."""
        if isinstance(error, KomorebiError):
            return cls(type(error).__name__, str(error), isinstance(error, PassingError))
        return cls("Unforeseen", f"{type(error).__name__}: {error}", isinstance(error, OSError))


@dataclass(frozen=True, slots=True)
class MemberResult:
    """The recording of one contact.

    Attributes:
        contact_id: the contact.
        agent: the agent's number in the chain.
        state: ``done``; ``already_done``: by an earlier run, of the same files; ``not_expected``: no agent was in the
            call, and there is no recording; ``no_recording``; ``held``; ``failed``; ``listed``: it would be processed.
        verdict: ``pass``, ``warn`` or ``fail``; empty without a unified recording.
        reason: the first finding that led to that verdict, in a sentence; empty if it passes.
        sync_status: of its ``qc.json``; empty likewise.
        offset_s: the call's start on the recording clock; None likewise.
        output: path or ``s3://`` address of the unified recording; empty likewise.
        qc: the same of its ``qc.json``.
        video: the unified recording's address relative to the overview; empty if the page can't lead there.
        report: the report's address relative to the overview; empty without one.
        error: the reason if it is held, failed, or has no recording; None otherwise.
        report_error: the reason why there is no report, though one was wanted; None otherwise.
    """

    contact_id: str
    agent: int
    state: MemberState
    verdict: str = ""
    reason: str = ""
    sync_status: str = ""
    offset_s: float | None = None
    output: str = ""
    qc: str = ""
    video: str = ""
    report: str = ""
    error: MemberError | None = None
    report_error: MemberError | None = None

    @classmethod
    def failed(cls, contact_id: str, agent: int, error: Exception) -> MemberResult:
        """A contact whose processing ended with an error."""
        state: MemberState = "held" if isinstance(error, HeldError) else "failed"
        return cls(contact_id, agent, state, error=MemberError.of(error))

    @property
    def is_ready(self) -> bool:
        """Whether there is a unified recording."""
        return self.state in _READY

    @property
    def is_missing(self) -> bool:
        """Whether there should be a unified recording and isn't one, or a wanted report is missing."""
        return self.state in _MISSING or self.report_error is not None

    def with_document(self, document: Mapping[str, Any]) -> dict[str, Any]:
        """The fields that come from a ``qc.json``."""
        verdict = str(document["verdict"])
        worst = (str(one["text"]) for one in document["findings"] if one["status"] == verdict != "pass")
        return {
            "verdict": verdict,
            "reason": next(worst, ""),
            "sync_status": str(document["sync"]["status"]) if document.get("sync") else "",
            "offset_s": float(document["alignment"]["offset_s"]),
        }

    def to_dict(self) -> dict[str, Any]:
        """The result for JSON; an empty text is null."""
        return {name: None if value == "" else value for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class ChainResult:
    """A chain and its recordings.

    Attributes:
        chain: the contacts, and who had the call when.
        members: the recordings, in the chain's order.
        overview: path or ``s3://`` address of the page; empty without one.
        source: of the records: ``api``, ``export`` or ``folder``.
        notes: on the inputs, in sentences.
    """

    chain: Chain
    members: tuple[MemberResult, ...]
    overview: str
    source: str
    notes: tuple[str, ...] = ()

    @property
    def counts(self) -> dict[str, int]:
        """The number of contacts in each state."""
        return dict(Counter(one.state for one in self.members))

    def pairs(self) -> list[tuple[ChainMember, MemberResult]]:
        """Each contact with its recording."""
        return list(zip(self.chain.members, self.members, strict=True))

    def to_dict(self) -> dict[str, Any]:
        """The result for JSON."""
        chain = self.chain.to_dict()
        results = (one.to_dict() for one in self.members)
        members = [{**contact, **result} for contact, result in zip(chain["members"], results, strict=True)]
        return {
            "schema": SCHEMA,
            **chain,
            "members": members,
            "counts": self.counts,
            "overview": self.overview or None,
            "source": self.source,
            "notes": list(self.notes),
        }
