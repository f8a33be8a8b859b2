"""Items, messages and keys."""

from __future__ import annotations

import contextlib
import json
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.core.errors import MessageError, UnknownRecordingError
from komorebi_qc.core.recording import Message, Recording, check_recording_id, choose_call_audio, message_body
from komorebi_qc.core.timebase import CallEnd, parse_call_end

ID = "7b0d2c1a-6a57-4a5e-9a3b-1f0c2d3e4f50"
ITEM = {"videoID": ID, "agentID": "agent.one@example.org", "creationDate": "2026-11-24 23:59:30", "isProcessed": False}


def test_keys_are_those_of_production() -> None:
    """An item gives the keys of its media."""
    recording = Recording.from_item(ITEM)
    folder = f"2026/11/24/agent.one@example.org/{ID}"
    assert recording.agent_recording_key == f"{folder}.mp4"
    assert recording.video_key("webm") == f"{folder}/recording.webm"
    assert recording.thumbnail_key == f"{folder}/thumbnail.png"
    assert recording.created == datetime(2026, 11, 24, 23, 59, 30)  # noqa: DTZ001  as the table's


def test_an_earlier_result_is_read_from_the_item() -> None:
    """Container and inputs of the existing result come with the item; unusable values count as missing."""
    done = Recording.from_item({**ITEM, "isProcessed": True, "outputContainer": "webm", "qcInputsFingerprint": "abc"})
    assert (done.is_processed, done.container, done.inputs_fingerprint) == (True, "webm", "abc")
    assert Recording.from_item({**ITEM, "qcInputs": "old"}).inputs_fingerprint == "old"
    assert Recording.from_item({**ITEM, "qcInputs": "old", "qcInputsFingerprint": "new"}).inputs_fingerprint == "new"
    for container, inputs_fingerprint in ((None, None), ("avi", 7), (7, ["abc"]), ("../mp4", {})):
        read = Recording.from_item({**ITEM, "outputContainer": container, "qcInputsFingerprint": inputs_fingerprint})
        assert (read.container, read.inputs_fingerprint) == ("", "")
    assert (Recording.from_item(ITEM).container, Recording.from_item(ITEM).inputs_fingerprint) == ("", "")


@pytest.mark.parametrize(
    ("value", "expected"), [(True, True), ("true", True), (False, False), ("no", False), (1, True)]
)
def test_is_processed_in_all_its_forms(value: object, *, expected: bool) -> None:
    """A truth value or the backend's text for it."""
    assert Recording.from_item({**ITEM, "isProcessed": value}).is_processed is expected


def test_connects_audio_is_sought_on_the_neighbouring_days_as_well() -> None:
    """Near midnight the call may be on another UTC day."""
    prefixes = Recording.from_item(ITEM).call_audio_prefixes("connect/centre/")
    days = ("2026/11/24", "2026/11/23", "2026/11/25")
    assert prefixes == tuple(f"connect/centre/CallRecordings/{day}/{ID}_" for day in days)
    assert Recording.from_item(ITEM).call_audio_prefixes("")[0].startswith("CallRecordings/")


@pytest.mark.parametrize(
    "text",
    [
        "", ".", "..", "../x", "a/b", "a\\b", "a b", "a\n", "\x00", "é", "a" * 129, "a" * 10_000, "-a", "_a", None, 7,
        ["a"],
    ],
)  # fmt: skip
def test_an_id_that_could_spoil_a_key_is_refused(text: object) -> None:
    """Slashes, dots, control characters and endless IDs are refused in a short sentence."""
    with pytest.raises(MessageError, match="isn't a recording ID") as caught:
        check_recording_id(text)
    assert len(str(caught.value)) < 250
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "change",
    [
        {"agentID": None}, {"agentID": ""}, {"agentID": "a/b"}, {"agentID": ".."}, {"agentID": "a..b"}, {"agentID": 5},
        {"creationDate": "2022-99-99 10:00:00"}, {"creationDate": "2022-02-30 10:00:00"},
        {"creationDate": "2022-01-01"},
        {"creationDate": "2022-1-1 1:1:1"}, {"creationDate": None},
        {"creationDate": "0001-01-01 00:00:00"}, {"creationDate": "9999-12-31 23:59:59"},
        {"creationDate": "2022-01-01 25:00:00"},
    ],
)  # fmt: skip
def test_an_item_that_gives_no_keys_is_refused(change: dict[str, object]) -> None:
    """A missing agent or an impossible date is named, with the recording it belongs to."""
    with pytest.raises(UnknownRecordingError, match=ID):
        Recording.from_item({**ITEM, **change})


def test_of_two_recordings_the_agents_is_taken() -> None:
    """The IVR's recording began first; names of another form don't count."""
    ivr, agent = f"2026/11/24/{ID}_20261124T23:58_UTC.wav", f"2026/11/25/{ID}_20261125T00:01_UTC.wav"
    assert choose_call_audio(ID, [agent, ivr, f"x/{ID}_analysis.json", f"x/{ID}_20261126T00:00_UTC.wav.tmp"]) == agent
    assert choose_call_audio(ID, [f"x/{ID}_notes.wav"]) is None
    assert choose_call_audio(ID, [f"x/{ID}_2_20261124T23:58_UTC.wav"]) is None
    assert choose_call_audio(ID, []) is None


def test_a_message_is_read_and_its_extra_fields_pass() -> None:
    """Attributes that the backend adds later don't break the reader."""
    message = Message.from_body(
        json.dumps({"recordingID": ID, "callEndingTimestamp": "00:01:30.5", "tenant": {"x": 1}})
    )
    assert message.recording_id == ID
    assert message.call_end == CallEnd(90.5, 0.1)
    assert message.force is False


@pytest.mark.parametrize("force", [True, False])
def test_force_is_read(*, force: bool) -> None:
    """A message may ask for what is processed to be processed again."""
    body = json.dumps({"recordingID": ID, "callEndingTimestamp": "00:01:30", "force": force})
    assert Message.from_body(body).force is force


@pytest.mark.parametrize("force", ["true", 1, None, [True]])
def test_a_force_that_is_no_yes_or_no_is_refused(force: object) -> None:
    """A text that says true must not be taken for one, nor for its contrary."""
    with pytest.raises(MessageError, match=r"force is .*without quotes"):
        Message.from_body(json.dumps({"recordingID": ID, "callEndingTimestamp": "1", "force": force}))


@pytest.mark.parametrize("call_end", ["00:01:30", "00:01:30.25", "90", "90.125", "01:30"])
@pytest.mark.parametrize("force", [True, False])
def test_a_written_body_is_read_back(call_end: str, *, force: bool) -> None:
    """The call end keeps its form, and so its resolution; force is written only if it is set."""
    body = message_body(ID, call_end, force=force)
    assert json.loads(body) == {
        "recordingID": ID,
        "callEndingTimestamp": call_end,
        **({"force": True} if force else {}),
    }
    assert Message.from_body(body) == Message(ID, parse_call_end(call_end), force)


@pytest.mark.parametrize(("recording_id", "call_end"), [("../x", "1"), (ID, "late"), (ID, ""), ("", "1")])
def test_no_body_is_written_that_would_not_be_read(recording_id: str, call_end: str) -> None:
    """A mistake is reported before the message is in the queue."""
    with pytest.raises(MessageError):
        message_body(recording_id, call_end)


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ("", "JSON"),
        ("[1]", r"\[1\].*an object"),
        ("{}", "recordingID and callEndingTimestamp"),
        (json.dumps({"recordingID": ID}), "callEndingTimestamp"),
        (json.dumps({"recordingID": ID, "callEndingTimestamp": 90}), "text"),
        (json.dumps({"recordingID": ID, "callEndingTimestamp": "late"}), "HH:MM:SS"),
        (json.dumps({"recordingID": "../x", "callEndingTimestamp": "1"}), "isn't a recording ID"),
        ("[" * 100_000, "JSON"),
    ],
)
def test_a_bad_message_says_what_is_wrong(body: str, names: str) -> None:
    """Each mistake has its own sentence."""
    with pytest.raises(MessageError, match=names):
        Message.from_body(body)


@given(st.text(max_size=200))
def test_any_body_is_a_message_or_a_message_error(body: str) -> None:
    """No body raises anything else."""
    with contextlib.suppress(MessageError):
        assert Message.from_body(body).recording_id


@pytest.mark.parametrize("value", [["part-2", "part-3"], {"part-3", "part-2"}], ids=["list", "set"])
def test_further_files_have_keys_beside_the_first(value: object) -> None:
    """An item without the attribute has none of them."""
    found = Recording.from_item({**ITEM, "furtherVideoIDs": value})
    folder = found.agent_recording_key.rpartition("/")[0]
    assert found.further_recording_keys == (f"{folder}/part-2.mp4", f"{folder}/part-3.mp4")
    assert Recording.from_item(ITEM).further_recording_keys == ()


@pytest.mark.parametrize(
    "value",
    ["part-2", ["../x"], [7], ["part-2", "part-2"], [ITEM["videoID"]], [f"part-{n}" for n in range(20)]],
    ids=["text", "path", "number", "twice", "itself", "too many"],
)
def test_further_files_that_give_no_keys_are_refused(value: object) -> None:
    """A file that is left out in silence would be missing in the result."""
    with pytest.raises(UnknownRecordingError, match="furtherVideoIDs that isn't a list of up to 19 other IDs"):
        Recording.from_item({**ITEM, "furtherVideoIDs": value})
