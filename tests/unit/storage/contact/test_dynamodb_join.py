"""The join of halves, on moto's DynamoDB."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from komorebi_qc.storage.contact.dynamodb_join import DynamoJoin

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_fixtures import World

    from komorebi_qc.core.contact.events import Half

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


def join(world: World, now: Callable[[], datetime] = lambda: NOON) -> DynamoJoin:
    """A table of the join."""
    world.dynamodb.create_table(
        TableName="Join",
        KeySchema=[{"AttributeName": "recordingID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "recordingID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )
    return DynamoJoin(world.dynamodb, "Join", now)


@pytest.mark.parametrize("order", [("call", "recording"), ("recording", "call")])
def test_the_second_half_processes_whichever_it_is(world: World, order: tuple[Half, Half]) -> None:
    """The first half waits for the other one, and the end of the contact completes nothing."""
    halves = join(world)
    first = halves.arrive("a", order[0], "1")
    assert (first.missing, first.is_ours) == ((order[1],), False)
    assert not halves.arrive("a", "contact", "2").is_ours
    second = halves.arrive("a", order[1], "3")
    assert (second.missing, second.is_ours) == ((), True)


def test_a_repeated_event_claims_again_and_others_do_not(world: World) -> None:
    """A message that is delivered again after a failure is processed; a second copy of the first half isn't."""
    halves = join(world)
    halves.arrive("a", "call", "1")
    assert halves.arrive("a", "recording", "2").is_ours
    assert halves.arrive("a", "recording", "2").is_ours
    assert not halves.arrive("a", "call", "1").is_ours
    assert not halves.arrive("a", "recording", "3").is_ours
    assert not halves.claim("a", "sweep")


def test_halves_that_come_at_once_are_claimed_once(world: World) -> None:
    """Of 8 events at the same moment exactly one processes the recording."""
    halves, ours, start = join(world), [], threading.Barrier(8)

    def come(number: int) -> None:
        start.wait()
        half: Half = "call" if number % 2 else "recording"
        ours.append(halves.arrive("a", half, str(number)).is_ours)

    threads = [threading.Thread(target=come, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(ours) == 1


def test_a_recording_that_never_completes_is_found_once_it_is_old(world: World) -> None:
    """Recordings that nobody claimed are listed, and expire after two weeks."""
    now = [NOON]
    halves = join(world, lambda: now[0])
    halves.arrive("no-recording", "call", "1")
    halves.arrive("nothing", "contact", "2")
    halves.arrive("whole", "call", "3")
    halves.arrive("whole", "recording", "4")
    assert list(halves.incomplete(timedelta(hours=24))) == []
    now[0] += timedelta(hours=25)
    halves.arrive("young", "call", "5")
    assert set(halves.incomplete(timedelta(hours=24))) == {"no-recording", "nothing"}
    item: Any = world.dynamodb.get_item(TableName="Join", Key={"recordingID": {"S": "nothing"}})["Item"]
    assert int(item["expires"]["N"]) == int((NOON + timedelta(days=14)).timestamp())


def test_another_call_audio_of_a_complete_recording_is_used(world: World) -> None:
    """The first one may be of the automated interaction; the agent's is used also if it comes last. A copy isn't."""
    halves = join(world)
    halves.arrive("a", "call", "1", "20261124T11:58")
    assert halves.arrive("a", "recording", "2").is_ours
    assert halves.arrive("a", "call", "3", "20261124T12:00").is_ours
    assert not halves.arrive("a", "call", "4", "20261124T11:58").is_ours


def test_a_half_that_comes_after_a_sweep_is_used_once(world: World) -> None:
    """A sweep's message may be a dead letter by then; the sweep doesn't claim the recording again."""
    halves = join(world)
    halves.arrive("a", "call", "1")
    assert halves.claim("a", "sweep")
    assert halves.arrive("a", "recording", "2").is_ours
    assert not halves.arrive("a", "recording", "3").is_ours
    assert not halves.claim("a", "sweep")
