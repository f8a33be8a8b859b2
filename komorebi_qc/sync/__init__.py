"""Sync: the offset, drift and jumps that place a call on the recording clock. `measure` returns a `SyncResult`.

Both sides are 8 kHz tracks on their own clocks (`komorebi_qc.core.samples.Track`). Nothing here reads a file.
"""

from komorebi_qc.sync.agreement import Stretch
from komorebi_qc.sync.belonging import Belonging
from komorebi_qc.sync.candidates import Candidate
from komorebi_qc.sync.measure import measure
from komorebi_qc.sync.result import FoundJump, SyncResult, Window
from komorebi_qc.sync.spans import CallSpan, RecordingSpan

__all__ = [
    "Belonging",
    "CallSpan",
    "Candidate",
    "FoundJump",
    "RecordingSpan",
    "Stretch",
    "SyncResult",
    "Window",
    "measure",
]
