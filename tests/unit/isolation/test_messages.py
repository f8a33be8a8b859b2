"""Messages of a worker process: plain values arrive, and nothing else is made of the bytes."""

from __future__ import annotations

import io
import os
import pickle
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pytest

from komorebi_qc.isolation.messages import Note, is_worker_process, notify, read_message
from komorebi_qc.isolation.resource_limits import WorkerFailure


@pytest.mark.parametrize(
    "value",
    [
        {"done_at": datetime(2026, 11, 24, tzinfo=UTC), "offset_s": -1.5, "warnings": ["drift"], "none": None},
        WorkerFailure("Crash", "it ended", is_worth_a_retry=True),
        Note(("step", 1, 9, "read item")),
        {"of numpy": np.float64(2.5)},
    ],
)
def test_plain_values_arrive(value: Any) -> None:
    """Rows of a dataset, failures and notes come back as they were."""
    assert read_message(io.BytesIO(pickle.dumps(value))) == value


class Hostile:
    """A pickle that calls a function when it is read."""

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("made-by-a-message",)


@pytest.mark.parametrize(
    "content",
    [
        pickle.dumps(Hostile()),
        pickle.dumps({"row": [Hostile()]}),
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x05garbage",
        b"0",
    ],
)
def test_a_message_runs_no_code(content: bytes, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A class that no message may hold, and bytes that aren't a message, are refused."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(pickle.UnpicklingError):
        read_message(io.BytesIO(content))
    assert list(tmp_path.iterdir()) == []


def test_the_end_of_a_pipe_is_no_message() -> None:
    """It is reported as the end."""
    with pytest.raises(EOFError):
        read_message(io.BytesIO(b""))


def test_a_note_outside_of_a_worker_process_goes_nowhere() -> None:
    """The same work runs in the tests' process."""
    notify(("step", 1, 9, "read item"))
    assert not is_worker_process()
