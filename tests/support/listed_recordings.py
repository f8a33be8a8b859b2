"""Recordings of the table and the buckets for tests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_fixtures import CONNECT, INPUT, ITEM, PREFIX, TABLE

if TYPE_CHECKING:
    from aws_fixtures import World

IDS = [f"{n}f3c2a90-5b1e-4c6d-9a57-2e8d41c0b6f{n}" for n in range(4)]


def put_item(world: World, recording_id: str, created: str, **more: Any) -> None:
    """Write an item of the table."""
    named = {"videoID": {"S": recording_id}, "creationDate": {"S": created}}
    texts = {name: {"S": value} for name, value in more.items()}
    world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, **named, **texts})


def put_media(world: World, recording_id: str, day: str = "2026/11/24") -> None:
    """Write both media of a recording, without useful content."""
    key = f"{PREFIX}/CallRecordings/{day}/{recording_id}_20261124T09:00_UTC.wav"
    world.s3.put_object(Bucket=CONNECT, Key=key, Body=b"call")
    world.s3.put_object(Bucket=INPUT, Key=f"{day}/agent-7/{recording_id}.mp4", Body=b"recording")
