"""An encoder doesn't change how the machine schedules this process."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from av import VideoFrame

from komorebi_qc.media.mux.masking.group_encoder import CodedFormat, GroupEncoder
from komorebi_qc.media.mux.masking.scheduling import usual_scheduling

THREADS = Path("/proc/self/task")


def policies() -> set[int]:
    """The scheduling policies of this process's threads."""
    return {os.sched_getscheduler(int(thread.name)) for thread in THREADS.iterdir()}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these calls")
def test_an_av1_encoder_leaves_the_priority_as_it_was() -> None:
    """SVT-AV1 asks for real-time priority if it runs as root. No thread keeps it, during the encoding or after it."""
    before = policies()
    encoder = GroupEncoder(CodedFormat("av1", 128, 96, "yuv420p", (1, 2, 2, 2), None))
    frame = VideoFrame.from_ndarray(np.zeros((96, 128, 3), np.uint8), format="rgb24").reformat(format="yuv420p")
    encoder.encode(frame, 0, 33)
    assert policies() == before
    encoder.flush()
    assert policies() == before


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has these calls")
def test_a_changed_priority_is_changed_back() -> None:
    """The threads have their scheduling back at the end of the context."""
    before = os.sched_getscheduler(0)
    with usual_scheduling():
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
    assert os.sched_getscheduler(0) == before
