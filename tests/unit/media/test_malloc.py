"""Freed memory goes back to the system, unless it is to be kept."""

from __future__ import annotations

import subprocess
import sys

import pytest

BLOCKS = """
from contextlib import nullcontext
import numpy as np
from komorebi_qc.media.malloc import keep_freed_blocks, return_freed_blocks

def resident_mb():
    return int(open("/proc/self/statm").read().split()[1]) * 4096 / 1e6

for _ in range(3):
    np.ones(24 << 20, np.uint8)  # from here on glibc keeps blocks of this size
return_freed_blocks()
before = resident_mb()
for context in (nullcontext, keep_freed_blocks, nullcontext):
    with context():
        for _ in range(3):
            np.ones(16 << 20, np.uint8)
        print(resident_mb() - before)
print(resident_mb() - before)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux shows a process's memory in /proc")
def test_freed_blocks_go_back_except_inside_the_context() -> None:
    """Large blocks go back at once, are kept inside the context, and go back again after it."""
    done = subprocess.run([sys.executable, "-c", BLOCKS], capture_output=True, text=True, check=True)
    outside, inside, after, end = map(float, done.stdout.split())
    assert max(outside, after, end) < 4
    assert inside > 12
