"""Findings about the sync measurement: belonging, place, clock and voices. Pure.

A diagnosis and a run share them. A pair that isn't aligned has only its status and its belonging: nothing else was
measured, so nothing else is compared with a limit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.findings.sync.belonging import belonging_finding, unexplained_speech_finding
from komorebi_qc.findings.sync.clock import clock_findings
from komorebi_qc.findings.sync.place import call_end_finding, offset_finding, status_finding
from komorebi_qc.findings.sync.voices import voice_findings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.finding import Finding
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.timebase import CallEnd
    from komorebi_qc.sync import SyncResult

__all__ = ["sync_findings"]


def sync_findings(result: SyncResult, reported: CallEnd | None, limits: Limits = DEFAULT) -> tuple[Finding, ...]:
    """All findings of a sync measurement; only its status and belonging unless the pair is aligned.

    Args:
        result: the sync measurement.
        reported: the reported call end; None if it isn't known.
        limits: the limits to check against.
    """
    return tuple(_findings(result, reported, limits))


def _findings(r: SyncResult, reported: CallEnd | None, limits: Limits) -> Iterator[Finding]:
    yield status_finding(r)
    yield belonging_finding(r, limits)
    if r.status != "aligned" or r.offset_s is None:
        return
    if r.measured_call_end_s is not None:
        yield call_end_finding(r, r.measured_call_end_s, reported, limits)
    yield offset_finding(r, limits)
    yield from clock_findings(r, limits)
    yield from voice_findings(r, limits)
    yield unexplained_speech_finding(r, reported, limits)
