"""The lock on S3: one holder at a time, and a dead holder's place is taken over."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest
from aws_fixtures import OUTPUT

from komorebi_qc.core.errors import StorageError
from komorebi_qc.storage.s3.lease import LEASE_S, Lease

if TYPE_CHECKING:
    from aws_fixtures import World

KEY = "some/dataset/_lock"


class Clock:
    """A clock that goes on while somebody sleeps."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def now(self) -> float:
        """The time."""
        return self.at_s

    def sleep(self, seconds: float) -> None:
        """Go on."""
        self.at_s += seconds


def objects(world: World) -> list[str]:
    """The bucket's objects."""
    return [item["Key"] for item in world.s3.list_objects_v2(Bucket=OUTPUT).get("Contents", ())]


def test_one_holder_at_a_time(world: World) -> None:
    """The second one waits for the first, and nothing is left."""
    order: list[str] = []
    asked = threading.Event()

    def second() -> None:
        with Lease(world.s3, OUTPUT, KEY, sleep=lambda _: asked.set()).held():
            order.append("second")

    waiting = threading.Thread(target=second)
    with Lease(world.s3, OUTPUT, KEY).held():
        assert objects(world) == [KEY]
        waiting.start()
        assert asked.wait(60)
        order.append("first")
    waiting.join()
    assert order == ["first", "second"]
    assert objects(world) == []


def test_a_dead_holder_is_replaced(world: World) -> None:
    """Its object stays the same for `LEASE_S` of the waiting run's clock."""
    world.s3.put_object(Bucket=OUTPUT, Key=KEY, Body=b"of a run that was killed")
    clock = Clock()
    with Lease(world.s3, OUTPUT, KEY, clock.now, lambda seconds: clock.sleep(10 * seconds)).held():
        assert LEASE_S <= clock.at_s <= LEASE_S + 5
    assert objects(world) == []


def test_a_holder_that_renews_is_not_replaced(world: World) -> None:
    """The waiting run gives up with an error that says what to do; the object stays."""
    clock = Clock()

    def renew(seconds: float) -> None:
        clock.sleep(100 * seconds)
        world.s3.put_object(Bucket=OUTPUT, Key=KEY, Body=str(clock.at_s).encode())

    world.s3.put_object(Bucket=OUTPUT, Key=KEY, Body=b"first")
    with (
        pytest.raises(StorageError, match=r"other runs are writing to .*/some/dataset all the time: run the command"),
        Lease(world.s3, OUTPUT, KEY, clock.now, renew).held(),
    ):
        pytest.fail("it was taken over")
    assert objects(world) == [KEY]


def test_a_lost_lock_is_not_released(world: World) -> None:
    """A holder that was taken to be dead leaves the object of the one that took over."""
    with Lease(world.s3, OUTPUT, KEY).held():
        world.s3.put_object(Bucket=OUTPUT, Key=KEY, Body=b"of another run")
    assert objects(world) == [KEY]
