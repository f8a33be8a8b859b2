"""Where a call lies on the recording's clock, measured: `measure` is the one entry, `SyncResult` what it says.

Both sides come as 8 kHz tracks on their own clocks (`samples.Track`). Pure: nothing here reads a file.
"""

from komorebi_qc.sync.distant_segments import Stretch
from komorebi_qc.sync.measure import FoundJump, SyncResult, Window, measure

__all__ = ["FoundJump", "Stretch", "SyncResult", "Window", "measure"]
