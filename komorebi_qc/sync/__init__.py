"""Where a call lies on the recording's clock, measured: `measure` is the one entry, `SyncResult` what it says.

Both sides come as 8 kHz tracks on their own clocks (`samples.Track`). Pure: nothing here reads a file.
"""

from komorebi_qc.sync.agreement import Stretch
from komorebi_qc.sync.measure import measure
from komorebi_qc.sync.result import FoundJump, SyncResult, Window

__all__ = ["FoundJump", "Stretch", "SyncResult", "Window", "measure"]
