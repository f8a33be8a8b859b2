"""Contact Lens' files in S3, on moto's server: analyses beside the call audio, and redacted audio instead of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import (
    CONNECT,
    INPUT,
    ITEM,
    MUCH_LATER,
    PREFIX,
    RECORDING,
    SOON,
    Faulty,
    World,
    client_error,
    fails,
)

from komorebi_qc.core.errors import (
    AccessDeniedError,
    InputError,
    MissingMediaError,
    NotThereYetError,
    StorageError,
)
from komorebi_qc.core.privacy.redactions import MAX_ANALYSIS_BYTES
from komorebi_qc.queue.operate import recording_status

if TYPE_CHECKING:
    from datetime import datetime

    from komorebi_qc.core.privacy.redactions import RedactedChoice
    from komorebi_qc.storage.s3.media import S3Media

CALL = f"{PREFIX}/CallRecordings/2026/03/02/contact-1_20260302T23:55_UTC.wav"
# The agent was connected after midnight, so the files are a day after the item's date.
FOLDER, STAMP = "Analysis/Voice/Redacted/2026/03/03", "2026-03-03T00:01:10Z"
REDACTED = f"{FOLDER}/contact-1_analysis_redacted_{STAMP}.json"
AUDIO = f"{FOLDER}/contact-1_call_recording_redacted_{STAMP}.wav"
ORIGINAL = f"Analysis/Voice/2026/03/03/contact-1_analysis_{STAMP}.json"


def media(
    world: World, redacted: RedactedChoice = "ignore", *, now: datetime = SOON, s3: Any = None, prefix: str | None = ""
) -> S3Media:
    """A store that looks for Contact Lens' files; a prefix of None switches that off."""
    found = "Analysis/Voice" if prefix == "" else prefix
    return replace(world.media(now=now, s3=s3), analysis_prefix=found, redacted=redacted)


def put(world: World, *keys: str, **contents: bytes) -> None:
    """Write objects whose content is their kind."""
    for key in keys:
        kind = key.rpartition(".")[2]
        world.s3.put_object(Bucket=CONNECT, Key=key, Body=contents.get(kind, kind.encode()))


def call_of(found: S3Media) -> str:
    """The key of the call audio that is opened."""
    with found.call_audio(RECORDING) as source:
        return source.name.removeprefix(f"s3://{CONNECT}/")


# Analyses


def test_no_analysis_is_no_error(world: World) -> None:
    """Contact Lens may be off for a call, and without a prefix nothing is listed at all."""
    assert media(world).analyses(RECORDING) == ()
    put(world, REDACTED)
    lists = Faulty(world.s3, get_paginator=fails(AssertionError("it is listed")))
    assert media(world, s3=lists, prefix=None).analyses(RECORDING) == ()


def test_an_analysis_is_found_on_the_next_day(world: World) -> None:
    """It comes with its name, its content and its version, and the redacted variant is preferred."""
    put(world, ORIGINAL, json=b"original")
    (original,) = media(world).analyses(RECORDING)
    assert (original.name, original.file.read()) == (f"s3://{CONNECT}/{ORIGINAL}", b"original")
    put(world, REDACTED, json=b"redacted")
    (redacted,) = media(world).analyses(RECORDING)
    assert (redacted.name, redacted.file.read(), redacted.size) == (f"s3://{CONNECT}/{REDACTED}", b"redacted", 8)
    etag = world.s3.head_object(Bucket=CONNECT, Key=REDACTED)["ETag"]
    assert redacted.version == (REDACTED, etag)


def test_another_prefix_is_looked_under(world: World) -> None:
    """An instance may write elsewhere."""
    put(world, f"{PREFIX}/{REDACTED}")
    assert media(world).analyses(RECORDING) == ()
    (found,) = media(world, prefix=f"{PREFIX}/Analysis/Voice").analyses(RECORDING)
    assert found.name.endswith(f"{PREFIX}/{REDACTED}")


def test_an_analysis_is_a_part_of_the_inputs_version(world: World) -> None:
    """A later or another analysis makes a repeated message process the recording again."""
    put(world, CALL)
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=b"own")
    without = media(world).input_versions(RECORDING)
    assert len(without) == 4
    put(world, ORIGINAL)
    original = media(world).input_versions(RECORDING)
    assert original[:4] == without
    assert original[4] == ORIGINAL
    put(world, REDACTED)
    redacted = media(world).input_versions(RECORDING)
    assert (redacted[:4], redacted[4]) == (without, REDACTED)
    put(world, REDACTED, json=b"another")
    assert media(world).input_versions(RECORDING)[4] == REDACTED
    assert media(world).input_versions(RECORDING) != redacted
    assert media(world, prefix=None).input_versions(RECORDING) == without


def test_the_status_shows_the_analyses_with_their_bucket(world: World) -> None:
    """An operator sees which files a run would read."""
    put(world, CALL, REDACTED)
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=b"own")
    world.dynamodb.put_item(TableName="Recording", Item=ITEM)
    status = recording_status("contact-1", table=world.table(), media=media(world)).to_dict()
    assert status["input_addresses"] == [
        f"s3://{CONNECT}/{CALL}",
        f"s3://{INPUT}/{RECORDING.agent_recording_key}",
        f"s3://{CONNECT}/{REDACTED}",
    ]


def test_a_file_too_large_for_an_analysis_is_not_fetched(world: World) -> None:
    """It is refused by its size."""
    put(world, REDACTED, json=b" " * (MAX_ANALYSIS_BYTES + 1))
    never = Faulty(world.s3, get_object=fails(AssertionError("it is fetched")))
    with pytest.raises(InputError, match="an analysis has at most"):
        media(world, s3=never).analyses(RECORDING)


def test_a_store_that_does_not_answer_is_asked_again_later(world: World) -> None:
    """A passing fault is no missing analysis."""
    put(world, REDACTED)
    slow = Faulty(world.s3, head_object=fails(client_error("SlowDown", 503, "HeadObject")))
    with pytest.raises(StorageError):
        media(world, s3=slow).analyses(RECORDING)


def test_a_missing_right_is_named_with_its_purpose(world: World) -> None:
    """A role of an earlier version can't list analyses; no run goes on without them."""
    put(world, CALL)

    class Denied(Faulty):
        """A client that may list call audio alone."""

        def get_paginator(self, name: str) -> Any:
            true = world.s3.get_paginator(name)

            class Paginator:
                def paginate(self, **arguments: Any) -> Any:
                    if arguments["Prefix"].startswith("Analysis/"):
                        raise client_error("AccessDenied", 403, "ListObjectsV2")
                    return true.paginate(**arguments)

            return Paginator()

    denied = media(world, s3=Denied(world.s3))
    assert call_of(denied) == CALL
    with pytest.raises(AccessDeniedError, match=r"Analysis/Voice/, for Contact Lens.*KOMOREBI_ANALYSIS_PREFIX=off"):
        denied.analyses(RECORDING)


# Redacted call audio


def test_the_original_is_taken_unless_redacted_audio_is_wanted(world: World) -> None:
    """By default even if redacted audio is there; with prefer only if there isn't any."""
    put(world, CALL, AUDIO, REDACTED)
    assert call_of(media(world)) == CALL
    assert call_of(media(world, "prefer")) == AUDIO
    assert call_of(media(world, "require")) == AUDIO
    world.s3.delete_object(Bucket=CONNECT, Key=AUDIO)
    assert call_of(media(world, "prefer")) == CALL


def test_required_audio_is_waited_for_and_then_given_up(world: World) -> None:
    """Contact Lens takes minutes; an object that isn't there after 48 hours won't come."""
    put(world, CALL)
    with pytest.raises(NotThereYetError, match=r"redacted call audio of recording contact-1 .*isn't there yet"):
        call_of(media(world, "require"))
    with pytest.raises(MissingMediaError, match="redacted call audio"):
        call_of(media(world, "require", now=MUCH_LATER))
    with pytest.raises(NotThereYetError, match="redacted call audio"):
        media(world, "require").input_versions(RECORDING)


@pytest.mark.parametrize("redacted", ["prefer", "require"])
def test_redacted_audio_waits_for_its_analysis(world: World, redacted: RedactedChoice) -> None:
    """Without the analysis, nothing says where the agent recording has to be masked."""
    put(world, CALL, AUDIO)
    with pytest.raises(NotThereYetError, match=r"the analysis of s3://.*_redacted_.*\.wav isn't there yet"):
        media(world, redacted).analyses(RECORDING)
    with pytest.raises(MissingMediaError, match="the analysis of"):
        media(world, redacted, now=MUCH_LATER).analyses(RECORDING)
    assert media(world).analyses(RECORDING) == ()
    put(world, REDACTED)
    assert len(media(world, redacted).analyses(RECORDING)) == 1


def test_the_redacted_audio_is_another_version(world: World) -> None:
    """If it comes after the original was processed, a repeated message processes the recording again."""
    put(world, CALL, REDACTED)
    world.s3.put_object(Bucket=INPUT, Key=RECORDING.agent_recording_key, Body=b"own")
    before = media(world, "prefer").input_versions(RECORDING)
    put(world, AUDIO)
    after = media(world, "prefer").input_versions(RECORDING)
    assert (before[0], after[0], before[2:] == after[2:]) == (CALL, AUDIO, True)


def test_redacted_audio_needs_a_prefix(world: World) -> None:
    """It is looked for where the analyses are."""
    with pytest.raises(InputError, match="KOMOREBI_ANALYSIS_PREFIX is off"):
        media(world, "prefer", prefix=None)
