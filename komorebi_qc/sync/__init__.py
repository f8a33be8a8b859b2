"""Sync: the offset, drift and jumps that place a call on the recording clock. `measure` returns a `SyncResult`.

Both sides are 8 kHz tracks on their own clocks (`komorebi_qc.core.samples.Track`). Nothing here reads a file.
"""

from komorebi_qc.sync.evidence.agreement import Stretch
from komorebi_qc.sync.evidence.belonging import Belonging
from komorebi_qc.sync.evidence.candidates import Candidate
from komorebi_qc.sync.evidence.outside import OutsideSpan
from komorebi_qc.sync.evidence.spans import CallSpan, RecordingSpan
from komorebi_qc.sync.measure import measure
from komorebi_qc.sync.result import FoundJump, SyncResult, Window

__all__ = [
    "Belonging",
    "CallSpan",
    "Candidate",
    "FoundJump",
    "OutsideSpan",
    "RecordingSpan",
    "Stretch",
    "SyncResult",
    "Window",
    "measure",
]
