"""Stopping a run by signal."""

from __future__ import annotations

import signal
import threading

import pytest
from fakes import Noting

from komorebi_qc.core.interrupt import stoppable
from komorebi_qc.core.progress import MARK, PUBLISH, SILENT
from komorebi_qc.pipeline.process import STEPS
from komorebi_qc.queue.deadline import Deadline


def test_the_first_signal_ends_the_run_at_its_next_progress_report() -> None:
    """No block is interrupted, and the exit code names the signal."""
    with stoppable(SILENT) as progress:
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(SystemExit) as caught:
            progress.check()
    assert caught.value.code == 128 + signal.SIGTERM


@pytest.mark.parametrize("step", STEPS[:-2])
def test_a_second_signal_ends_it_at_once(step: str) -> None:
    """A second signal doesn't wait for the end of the block."""
    with stoppable(SILENT) as progress:
        progress.step(1, 9, step)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)


def test_the_last_parts_are_given_up_between_two_of_them() -> None:
    """While the result is published a second signal is as the first: the request that shows it is never torn apart."""
    with stoppable(SILENT) as progress:
        progress.step(8, 9, PUBLISH)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            progress.check()


def test_a_published_result_is_marked() -> None:
    """However often one asks between the request that shows the video and the item's."""
    noting = Noting()
    with stoppable(noting) as progress:
        progress.step(8, 9, PUBLISH)
        for _ in range(3):
            signal.raise_signal(signal.SIGINT)
        progress.step(9, 9, MARK)
        signal.raise_signal(signal.SIGINT)
    assert noting.told[-1] == (9, 9, MARK)
    assert STEPS[-2:] == (PUBLISH, MARK)


def test_a_published_result_is_marked_after_the_time_limit() -> None:
    """The margin is there for that."""
    left_s = 31.0
    noting = Noting()
    deadline = Deadline(lambda: left_s, progress=noting)
    deadline.step(8, 9, PUBLISH)
    left_s = 29.0
    deadline.step(9, 9, MARK)
    assert noting.told[-1] == (9, 9, MARK)


def test_afterwards_signals_are_as_they_were() -> None:
    """The caller's signal handling is restored; in another thread nothing changes."""
    before = signal.getsignal(signal.SIGINT)
    with stoppable(SILENT) as progress:
        assert signal.getsignal(signal.SIGINT) != before
        assert progress is not SILENT
    assert signal.getsignal(signal.SIGINT) == before
    given = []

    def elsewhere() -> None:
        with stoppable(SILENT) as progress:
            given.append(progress)

    thread = threading.Thread(target=elsewhere)
    thread.start()
    thread.join()
    assert given == [SILENT]
