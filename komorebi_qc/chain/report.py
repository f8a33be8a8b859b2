"""The report of one contact's recording, beside the overview."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import missing_extra

if TYPE_CHECKING:
    from komorebi_qc.chain.sources import ChainSource, ReadyRecording
    from komorebi_qc.core.contact.chains.model import ChainMember
    from komorebi_qc.core.progress import Progress
    from komorebi_qc.storage.object_store import ObjectStore

FOLDER = "reports"
_NEEDED = ("matplotlib", "moviepy", "nbformat", "papermill")


def check_reports() -> None:
    """Check that reports can be written.

    Raises:
        InputError: a library is missing.
    """
    for name in _NEEDED:
        if find_spec(name) is None:
            raise missing_extra("desk", name, needed_by="--reports")


def report_of(
    member: ChainMember,
    ready: ReadyRecording,
    source: ChainSource,
    store: ObjectStore,
    progress: Progress,
    *,
    again: bool,
) -> str:
    """Write a report, and return its address relative to the overview.

    Args:
        member: the contact.
        ready: its unified recording.
        source: of its inputs.
        store: the place of the overview.
        progress: receives each step.
        again: whether a present report is replaced.

    Raises:
        KomorebiError: see `komorebi_qc.desk.audit.run.audit`.
    """
    from komorebi_qc.desk.audit.run import AuditJob, audit  # noqa: PLC0415  an extra
    from komorebi_qc.desk.session import AuditRequest  # noqa: PLC0415

    folder = f"{FOLDER}/{member.contact_id}"
    address = f"{folder}/report.html"
    if again or not store.has(address):
        inputs: dict[str, Any] = dict(source.report_inputs(member, ready))
        audit(AuditJob(AuditRequest(**inputs), store.address_of(folder), notebooks=()), progress)
    return address
