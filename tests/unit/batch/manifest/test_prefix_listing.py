"""The agent recordings under a prefix."""

from __future__ import annotations

import pytest
from aws_fixtures import CONNECT, INPUT, World
from listed_recordings import IDS, put_media

from komorebi_qc.batch.manifest.prefix_listing import read_prefix
from komorebi_qc.core.errors import InputError, MissingMediaError


def test_a_prefix_of_the_bucket(world: World) -> None:
    """Each recording is listed once, and other objects are counted; another bucket is refused."""
    for recording_id, day in ((IDS[0], "2026/11/24"), (IDS[1], "2026/11/24"), (IDS[1], "2026/11/25")):
        put_media(world, recording_id, day)
    world.s3.put_object(Bucket=INPUT, Key="2026/11/24/agent-7/note.txt", Body=b"")
    listing = read_prefix(world.s3, f"s3://{INPUT}/2026/11/", input_bucket=INPUT)
    assert [item.recording_id for item in listing.items] == IDS[:2]
    assert "an ID has one recording" in listing.rejected[0].reason
    assert listing.ignored == ("1 other object",)
    with pytest.raises(InputError, match="isn't in the bucket"):
        read_prefix(world.s3, f"s3://{CONNECT}/", input_bucket=INPUT)
    with pytest.raises(MissingMediaError, match="has no agent recording"):
        read_prefix(world.s3, f"s3://{INPUT}/2062/", input_bucket=INPUT)
    with pytest.raises(MissingMediaError, match="1 other object"):
        read_prefix(world.s3, f"s3://{INPUT}/2026/11/24/agent-7/note", input_bucket=INPUT)
