"""A child process that never outlives its test."""

from __future__ import annotations

import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@contextmanager
def child_process(command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[Any]]:
    """Start a command with the options of `Popen`; at the end, kill it if it still runs.

    `Popen` as a context waits for a child that a failed assertion has left running, and it waits for ever.
    """
    with subprocess.Popen(command, **options) as process:
        try:
            yield process
        finally:
            process.kill()  # does nothing once it was waited for
