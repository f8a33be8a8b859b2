"""Amazon Connect's own screen recordings as agent recordings, in the media store."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import CONNECT, INPUT, MUCH_LATER, PREFIX, RECORDING, World
from contact_shapes import entry, exported

from komorebi_qc.core.contact.parse import parse_contact
from komorebi_qc.core.errors import MissingMediaError, NotThereYetError
from komorebi_qc.storage.contact.records import KnownRecords
from komorebi_qc.storage.contact.screen_recordings import ScreenRecordings

if TYPE_CHECKING:
    from komorebi_qc.core.contact.screen import ScreenRule
    from komorebi_qc.storage.s3.media import S3Media

ID = RECORDING.recording_id
SCREENS = f"{PREFIX}/Screens"
BY_NAME, FOREIGN = f"{SCREENS}/2026/03/03/{ID}.mp4", f"{SCREENS}/2026/03/02/other.mp4"
CALL = f"{PREFIX}/CallRecordings/2026/03/02/{ID}_20260302T23:50_UTC.wav"


def named(key: str, **others: Any) -> dict[str, Any]:
    """An entry of a screen recording."""
    return entry(Location=f"s3://{CONNECT}/{key}", MediaStreamType="VIDEO", ParticipantType="AGENT", **others)


def store(world: World, rule: ScreenRule, *recordings: dict[str, Any], has_records: bool = True) -> S3Media:
    """The store with one record, or without records."""
    record = parse_contact(exported(*recordings, ContactId=ID))
    contacts = KnownRecords("api", {ID: record}) if has_records else None
    return replace(world.media(), contacts=contacts, screens=ScreenRecordings(CONNECT, SCREENS, rule))


def put(world: World, *keys: str, own: bool = False) -> None:
    """Write files that hold their own names, and the browser's recording."""
    for key in keys:
        world.s3.put_object(Bucket=CONNECT, Key=key, Body=key.encode())
    if own:
        world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=b"browser")


def read(media: S3Media) -> tuple[str, str | None, str]:
    """The content of the agent recording, how it was found, and why it is this one."""
    with media.agent_recording(RECORDING) as source:
        screen = source.screen
        found_by, why = (None, "") if screen is None else (screen.found_by, screen.why)
        return source.file.read().decode(), found_by, why


def test_the_browsers_recording_goes_first_unless_it_is_never_read(world: World) -> None:
    """`fallback` takes the screen recording if the browser's isn't there, and `only` takes it always."""
    put(world, FOREIGN, CALL)
    media = store(world, "fallback", named(FOREIGN))
    assert read(media)[:2] == (FOREIGN, "record")
    assert media.input_versions(RECORDING)[2] == FOREIGN
    put(world, own=True)
    assert read(media)[:2] == ("browser", None)
    assert media.input_versions(RECORDING)[2] == RECORDING.agent_recording_key
    assert read(store(world, "only", named(FOREIGN)))[:2] == (FOREIGN, "record")


@pytest.mark.parametrize(
    ("recordings", "records", "why"),
    [
        ((), "read", "names no screen recording"),
        ((named(FOREIGN),), "read", "isn't there"),
        ((named(FOREIGN),), "off", "aren't read"),
    ],
)
def test_without_the_records_file_the_key_decides(
    world: World, recordings: tuple[dict[str, Any], ...], records: str, why: str
) -> None:
    """A file of the contact's ID is found on the neighbouring day as well, with the reason."""
    put(world, BY_NAME, f"{SCREENS}/2026/03/03/{ID}0.mp4")
    content, found_by, found_why = read(store(world, "only", *recordings, has_records=records == "read"))
    assert (content, found_by) == (BY_NAME, "prefix")
    assert why in found_why


def test_a_missing_screen_recording_is_waited_for(world: World) -> None:
    """With `only` the screen recording is named, and with `fallback` the browser's recording."""
    with pytest.raises(NotThereYetError, match=f"the screen recording of contact {ID} .*isn't there yet"):
        read(store(world, "only"))
    with pytest.raises(MissingMediaError, match="the screen recording"):
        read(replace(store(world, "only"), now=lambda: MUCH_LATER))
    with pytest.raises(NotThereYetError, match=RECORDING.agent_recording_key):
        read(store(world, "fallback"))


def test_a_deleted_screen_recording_stays_deleted(world: World) -> None:
    """A copy of it isn't used, and no retry helps."""
    put(world, FOREIGN, BY_NAME)
    with pytest.raises(MissingMediaError, match="was deleted"):
        read(store(world, "only", named(FOREIGN, Status="DELETED")))


@pytest.mark.parametrize(
    ("rule", "recordings", "own", "expected"),
    [
        ("only", (named(FOREIGN),), False, {"ListObjectsV2": 1}),
        ("only", (), False, {"ListObjectsV2": 3}),
        ("only", (named(FOREIGN.replace("other", "gone")),), False, {"ListObjectsV2": 4}),
        ("fallback", (named(FOREIGN),), True, {"HeadObject": 1}),
        ("fallback", (named(FOREIGN),), False, {"HeadObject": 1, "GetObject": 1, "ListObjectsV2": 1}),
    ],
)
def test_the_search_costs_few_requests(
    world: World, rule: ScreenRule, recordings: tuple[dict[str, Any], ...], own: object, expected: dict[str, int]
) -> None:
    """Beside the requests that read the file: the cost on the page of costs."""
    put(world, FOREIGN, BY_NAME, own=bool(own))
    media = store(world, rule, *recordings)
    asked: Counter[str] = Counter()
    events = media.client.meta.events

    def note(model: Any, **_: Any) -> None:
        asked[model.name] += 1

    def usual() -> Counter[str]:
        asked.clear()
        with replace(media, screens=None).agent_recording(RECORDING):
            return Counter(asked)

    events.register("before-call.s3", note)
    try:
        put_back = not own
        world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=b"browser")
        reading = usual()
        if put_back:
            world.s3.delete_object(Bucket=INPUT, Key=RECORDING.agent_recording_key)
        asked.clear()
        with media.agent_recording(RECORDING):
            found = Counter(asked)
    finally:
        events.unregister("before-call.s3", note)
    assert dict(found - reading) == expected
