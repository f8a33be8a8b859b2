"""The inputs of a chain, as a source gives them; the configured AWS is one, and a folder is another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import date

    from komorebi_qc.core.contact.chains.model import Chain, ChainMember
    from komorebi_qc.core.progress import Progress


@dataclass(frozen=True, slots=True)
class ReadyRecording:
    """A unified recording.

    Attributes:
        document: its ``qc.json``.
        output: path or ``s3://`` address of the video.
        qc: the same of ``qc.json``.
        video: the video's address relative to the folder of the results; empty if it isn't in there.
    """

    document: Mapping[str, Any]
    output: str
    qc: str
    video: str = ""


class ChainSource(Protocol):
    """Records and recordings."""

    @property
    def name(self) -> str:
        """Source of the records: ``api``, ``export`` or ``folder``."""
        ...

    @property
    def notes(self) -> tuple[str, ...]:
        """Sentences about inputs that can't be used."""
        ...

    def read(self, named: str, day: date | None, progress: Progress) -> Chain:
        """Read the chain in which a contact is.

        Raises:
            InputError: its records can't be read or found.
            StorageError: a store doesn't answer.
            AccessDeniedError: it refuses access.
        """
        ...

    def agent(self, contact_id: str) -> str | None:
        """Text that identifies the agent of a contact's recording; None if there is no recording.

        Raises:
            KomorebiError: that can't be read.
        """
        ...

    def done(self, member: ChainMember) -> ReadyRecording | None:
        """The unified recording that an earlier run made of the same files; None if it has to be made.

        Raises:
            KomorebiError: that can't be read.
        """
        ...

    def check(self, member: ChainMember) -> None:
        """Check that the inputs are there.

        Raises:
            KomorebiError: one isn't, or can't be read.
        """
        ...

    def process(self, member: ChainMember, progress: Progress) -> ReadyRecording:
        """Make the unified recording.

        Raises:
            KomorebiError: see `komorebi_qc.pipeline.process.process`.
        """
        ...

    def report_inputs(self, member: ChainMember, ready: ReadyRecording) -> Mapping[str, str]:
        """The recording, by the names of `komorebi_qc.desk.session.AuditRequest`.

        Raises:
            KomorebiError: they can't be read.
        """
        ...


def call_end_text(reported: str, document: Mapping[str, Any]) -> str:
    """The call end for a report: the reported one, or the one by which a recording was made."""
    if reported:
        return reported
    end = document["call_end"]
    found = end["reported_s"] if end.get("measured_s") is None else end["measured_s"]
    return f"{max(0.0, float(found)):.3f}"
