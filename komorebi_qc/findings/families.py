"""The families of findings, and which of them a diagnosis and a run have.

A diagnosis and a measured run check the same pair in the same way, so they have the same findings about it:
`pair_findings`. A run also checks the file that it wrote: `output_findings`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.joining.part import within_parts
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.findings.alignment_residual import alignment_residual_findings
from komorebi_qc.findings.contact.record import contact_findings
from komorebi_qc.findings.contact.screen import screen_findings
from komorebi_qc.findings.inputs import call_findings, recording_findings
from komorebi_qc.findings.joining.parts import parts_findings
from komorebi_qc.findings.levels import level_findings
from komorebi_qc.findings.output import output_findings
from komorebi_qc.findings.placement import placement_findings
from komorebi_qc.findings.privacy.masks import mask_findings
from komorebi_qc.findings.privacy.private_time import private_findings
from komorebi_qc.findings.sync import sync_findings
from komorebi_qc.findings.timing import timing_findings
from komorebi_qc.findings.words.transcript import transcript_findings

if TYPE_CHECKING:
    from komorebi_qc.core.finding import Finding
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.findings.evidence import Evidence, PairEvidence

SIDES = ("customer", "agent")


def run_findings(evidence: Evidence, limits: Limits = DEFAULT) -> tuple[Finding, ...]:
    """All findings of a run, the passing ones too: the pair's, then the written file's.

    Args:
        evidence: the run.
        limits: the limits to check against.
    """
    return (
        *pair_findings(evidence.pair, limits),
        *output_findings(evidence, limits),
        *mask_findings(evidence, limits),
        *alignment_residual_findings(evidence, limits),
    )


def pair_findings(evidence: PairEvidence, limits: Limits = DEFAULT) -> tuple[Finding, ...]:
    """All findings about a call and a recording, in the order in which an analyst asks.

    Args:
        evidence: the pair; families that weren't measured are absent.
        limits: the limits to check against.
    """
    levels, private = evidence.levels, [span.call for span in evidence.private or ()]
    return (
        *(sync_findings(evidence.sync, evidence.call_end, limits) if evidence.sync is not None else ()),
        *private_findings(evidence, limits),
        *(transcript_findings(evidence.transcript, limits) if evidence.transcript is not None else ()),
        *placement_findings(evidence, limits),
        *contact_findings(evidence, limits),
        *call_findings(evidence.call, limits),
        *recording_findings(evidence.recording, limits),
        *screen_findings(evidence.recording, limits),
        *parts_findings(evidence, limits),
        *(
            timing_findings(within_parts(evidence.timing, evidence.recording.parts), limits)
            if evidence.timing is not None
            else ()
        ),
        *(
            level_findings("call", (levels.customer, levels.agent), limits, sides=SIDES, private=private)
            if levels is not None
            else ()
        ),
        *(
            level_findings("recording", (levels.mixed,), limits)
            if levels is not None and levels.has_recording_audio
            else ()
        ),
    )
