"""Scheduling of an encoder's threads.

SVT-AV1 gives its threads real-time priority if it runs as root, as in many containers. Such threads starve the machine,
and every process that is started from then on inherits their priority.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_THREADS = Path("/proc/self/task")


@contextmanager
def usual_scheduling() -> Iterator[None]:
    """Give all threads of this process the scheduling back that it had before; Linux alone needs it."""
    if not hasattr(os, "sched_setscheduler") or not _THREADS.is_dir():
        yield
        return
    policy, parameters = os.sched_getscheduler(0), os.sched_getparam(0)
    try:
        yield
    finally:
        for thread in _THREADS.iterdir():
            _restore(int(thread.name), policy, parameters)


def _restore(thread: int, policy: int, parameters: os.sched_param) -> None:
    try:
        if os.sched_getscheduler(thread) != policy:
            os.sched_setscheduler(thread, policy, parameters)
    except OSError:
        return  # the thread has ended, or isn't ours to change
