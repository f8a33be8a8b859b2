"""Requests at a mean rate."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from komorebi_qc.storage.contact.token_bucket import TokenBucket


@dataclass
class Clock:
    """A clock that only sleeping moves."""

    at_s: float = 100.0
    slept: list[float] = field(default_factory=list)

    def now(self) -> float:
        """The time."""
        return self.at_s

    def sleep(self, seconds: float) -> None:
        """Go on."""
        self.slept.append(seconds)
        self.at_s += seconds


def test_two_requests_go_at_once_and_the_others_at_the_rate() -> None:
    """Of ten requests the first two don't wait, and the last one begins four seconds later."""
    clock = Clock()
    bucket, moments = TokenBucket(2.0, 2.0, clock.now, clock.sleep), []
    for _ in range(10):
        bucket.take()
        moments.append(round(clock.at_s - 100.0, 6))
    assert moments == [0.0, 0.0, 0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0]


def test_tokens_are_not_saved_up() -> None:
    """After a long pause no more than the burst goes at once."""
    clock = Clock()
    bucket = TokenBucket(2.0, 2.0, clock.now, clock.sleep)
    bucket.take()
    clock.at_s += 3600.0
    for _ in range(3):
        bucket.take()
    assert clock.at_s - 3700.0 == pytest.approx(0.5)


def test_a_wait_can_be_cancelled() -> None:
    """A stopped run doesn't wait for its turn."""
    clock = Clock()
    bucket = TokenBucket(0.001, 1.0, clock.now, clock.sleep)
    bucket.take()

    def stop() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        bucket.take(stop)
    assert clock.slept == []


def test_threads_share_the_rate() -> None:
    """Eight threads together begin no more requests than one would: 12 at 50 a second take a fifth of a second."""
    bucket, lock, moments = TokenBucket(50.0, 2.0), threading.Lock(), []

    def ask() -> None:
        for _ in range(3):
            bucket.take()
            with lock:
                moments.append(bucket.now())

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(moments) == 12
    assert max(moments) - min(moments) >= 0.19
