"""The result of a run: published files, findings, the document, and the time of each step."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.finding import Finding, Status, verdict

if TYPE_CHECKING:
    from komorebi_qc.findings.evidence import Evidence, Placement
    from komorebi_qc.pipeline.pair import DecodedPair
    from komorebi_qc.storage.protocols import Published


@dataclass(frozen=True, slots=True)
class StepReport:
    """One of the nine steps, done.

    Attributes:
        name: as in `komorebi_qc.pipeline.process.STEPS`.
        seconds: wall time.
        bytes: read or written; 0 for a step that transfers no media.
    """

    name: str
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class Artifacts:
    """The measurements and the audio behind an outcome, for plots.

    Attributes:
        evidence: inputs, alignment, splice, measurements and the written file.
        pair: both sides' audio at 8 kHz, and the sync measurement; None if sync wasn't measured.
    """

    evidence: Evidence
    pair: DecodedPair | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """A unified recording and its findings.

    Attributes:
        recording_id: the recording's ID.
        published: the paths of the files, or their ``s3://`` names.
        placement: the alignment in use, and the sync measurement.
        findings: in the order in which an analyst asks.
        document: the content of ``qc.json``.
        steps: all nine.
        artifacts: the measurements and the audio behind it; None unless the options retain them.
    """

    recording_id: str
    published: Published
    placement: Placement
    findings: tuple[Finding, ...]
    document: dict[str, Any]
    steps: tuple[StepReport, ...]
    artifacts: Artifacts | None = None

    @property
    def verdict(self) -> Status:
        """The worst status of all findings."""
        return verdict(self.findings)

    def to_dict(self) -> dict[str, Any]:
        """The outcome for JSON: the document, the paths of the files, and each step's seconds and bytes."""
        captions = {} if self.published.captions is None else {"captions": self.published.captions}
        return {
            "output": self.published.video,
            "thumbnail": self.published.thumbnail,
            **captions,
            "qc": self.published.qc,
            **self.document,
            "steps": [asdict(step) for step in self.steps],
        }
