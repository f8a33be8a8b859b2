"""The messages of a worker process: its answers, and notes during its work. Reading one runs no code of the process.

A process that decodes a hostile file may have been taken over. Its supervisor must not be taken over with it, so a
message holds plain values only, and the few classes named here.
"""

from __future__ import annotations

import pickle  # restricted below
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

READY = "ready"
"""The first message of a worker process."""
_ALLOWED = frozenset(
    {
        ("datetime", "date"),
        ("datetime", "datetime"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("komorebi_qc.isolation.messages", "Note"),
        ("komorebi_qc.isolation.resource_limits", "WorkerFailure"),
        ("numpy", "dtype"),
        ("numpy._core.multiarray", "scalar"),
    }
)


@dataclass(frozen=True, slots=True)
class Note:
    """A word during the work, such as its progress.

    Attributes:
        value: plain values.
    """

    value: Any


_senders: list[Callable[[Note], None]] = []
"""Sends a note to the supervisor; empty outside of a worker process."""


def begin_notes(send: Callable[[Note], None]) -> None:
    """Let `notify` use `send`: this is a worker process."""
    _senders[:] = [send]


def is_worker_process() -> bool:
    """Whether this is a worker process, so that its work has limits already."""
    return bool(_senders)


def notify(value: Any) -> None:
    """Send plain values to the supervisor, such as the work's progress. Outside of a worker process, do nothing."""
    for send in _senders:
        send(Note(value))


class _Reader(pickle.Unpickler):
    def find_class(self, module_name: str, global_name: str, /) -> Any:
        if (module_name, global_name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"a message holds {module_name}.{global_name}, which no message may hold")
        return super().find_class(module_name, global_name)


def read_message(pipe: IO[bytes]) -> Any:
    """The next message of a process.

    Raises:
        EOFError: the process closed its end.
        pickle.UnpicklingError: it sent something else than a message.
    """
    try:
        return _Reader(pipe).load()
    except (EOFError, OSError, pickle.UnpicklingError):
        raise
    except Exception as error:  # bytes that aren't a pickle raise errors of many classes
        raise pickle.UnpicklingError(f"no message: {type(error).__name__}") from error
