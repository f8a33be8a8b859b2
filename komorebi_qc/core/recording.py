"""A recording's identity: its item in the table, its message, and the keys of its media.

Keys (``day`` is the item's ``creationDate``):

* the call audio: ``<prefix>/CallRecordings/YYYY/MM/DD/<contactId>_YYYYMMDDTHH:MM_UTC.wav``, contactId = recording
  ID, days in UTC; Connect keeps up to two per contact, the IVR's and then the agent's;
* the agent recording: ``YYYY/MM/DD/<agentID>/<videoID>.mp4`` (``.mp4`` for any container); if its recorder was
  restarted, the item lists the further files' names in place of ``<videoID>``;
* the unified recording: ``YYYY/MM/DD/<agentID>/<videoID>/recording.mp4`` (or ``.webm``) and beside it
  ``thumbnail.png``, ``recording.vtt`` and ``qc.json``.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import InputError, MessageError, UnknownRecordingError
from komorebi_qc.core.timebase import CallEnd, parse_call_end

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_RECORDING_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,127}", re.ASCII)
_AGENT_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9@._+-]{0,127}", re.ASCII)
_CREATION_DATE = re.compile(r"\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}", re.ASCII)
_CALL_AUDIO_NAME = re.compile(r"(?:.*/)?([^/]+)_(\d{8}T\d{2}:\d{2})_UTC\.wav", re.ASCII)
CALL_END_ATTRIBUTE = "callEndingTimestamp"
"""The reported call end's name, in a message and in an item that has it."""
KEY_ATTRIBUTE = "videoID"
"""The key of an item."""
CORRECTION_ATTRIBUTE = "qcCorrection"
"""An analyst's correction of the alignment, in an item that has one."""
FURTHER_ATTRIBUTE = "furtherVideoIDs"
"""The names of further files of the agent recording, in an item that has some."""
MOST_FURTHER = 19
"""A browser that restarts more often has a fault."""
LOCAL_ID = "local"
"""The ID of a recording that comes from local files."""
MESSAGE_FIELDS = ("recordingID", CALL_END_ATTRIBUTE, "force")
"""The fields of a message; others are ignored."""


def check_recording_id(text: object) -> str:
    """Return the recording ID if it is safe in a key: letters, digits, ``-`` and ``_``, at most 128.

    Raises:
        MessageError: the ID is something else.
    """
    if not isinstance(text, str) or _RECORDING_ID.fullmatch(text) is None:
        raise MessageError(
            f"{_shown(text)} isn't a recording ID: use 1 to 128 letters, digits, '-' and '_', like a Connect contact ID"
        )
    return text


def _kind(value: object) -> str:
    """Describe a value without quoting it: an agent's ID may be a person's name, and this text is logged."""
    return f"text of {len(value)} characters" if isinstance(value, str) else type(value).__name__


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:50]}... ({len(text)} characters)"


@dataclass(frozen=True, slots=True)
class Recording:
    """One item of the table, with the attributes that this package reads.

    Attributes:
        recording_id: the table's key ``videoID``, and Connect's contact ID.
        agent_id: ``agentID``.
        created: ``creationDate``; its time zone is unknown (UTC or the contact centre's own).
        is_processed: ``isProcessed``.
        container: ``outputContainer``, of an earlier result.
        inputs_fingerprint: ``qcInputsFingerprint``, of that result's inputs; empty if unknown.
        run_id: ``qcRunId``, the run that made that result; empty if an earlier version made it.
        correction: ``qcCorrection``, an analyst's correction of the alignment as JSON; empty without one.
        further_ids: ``furtherVideoIDs``, the names of further files of the agent recording, in any order.
    """

    recording_id: str
    agent_id: str
    created: datetime
    is_processed: bool = False
    container: str = ""
    inputs_fingerprint: str = ""
    run_id: str = ""
    correction: str = ""
    further_ids: tuple[str, ...] = ()

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> Recording:
        """Read a table item.

        Raises:
            UnknownRecordingError: an attribute is missing or impossible.
        """
        recording_id = check_recording_id(item.get("videoID"))
        agent_id = item.get("agentID")
        if not isinstance(agent_id, str) or _AGENT_ID.fullmatch(agent_id) is None or ".." in agent_id:
            raise UnknownRecordingError(
                f"the item of recording {recording_id} has no usable agentID ({_kind(agent_id)}): "
                "so the agent recording's key is unknown; fix the item"
            )
        created = item.get("creationDate")
        try:
            if not isinstance(created, str) or _CREATION_DATE.fullmatch(created) is None:
                raise ValueError(created)
            when = datetime.strptime(created, "%Y-%m-%d %H:%M:%S")  # noqa: DTZ007  the table gives no zone
            if not 1970 <= when.year <= 2999:
                raise ValueError(created)
        except ValueError:
            raise UnknownRecordingError(
                f"the item of recording {recording_id} has creationDate {_shown(created)}, which isn't a date of the "
                "form yyyy-MM-dd HH:mm:ss; fix the item"
            ) from None
        container, inputs_fingerprint = (
            item.get("outputContainer"),
            item.get("qcInputsFingerprint", item.get("qcInputs")),
        )
        run_id, correction = item.get("qcRunId"), item.get(CORRECTION_ATTRIBUTE)
        return cls(
            recording_id,
            agent_id,
            when,
            item.get("isProcessed") in (True, "true", "True"),
            container if container in ("mp4", "webm") else "",
            inputs_fingerprint if isinstance(inputs_fingerprint, str) else "",
            run_id if isinstance(run_id, str) else "",
            correction if isinstance(correction, str) else "",
            _further_ids(recording_id, item.get(FURTHER_ATTRIBUTE)),
        )

    @property
    def agent_recording_key(self) -> str:
        """The key of the browser's upload."""
        return f"{self.created:%Y/%m/%d}/{self.agent_id}/{self.recording_id}.mp4"

    @property
    def further_recording_keys(self) -> tuple[str, ...]:
        """The keys of the further files of the agent recording."""
        folder = self.agent_recording_key.rpartition("/")[0]
        return tuple(f"{folder}/{name}.mp4" for name in self.further_ids)

    def video_key(self, container: str) -> str:
        """Return the key of the unified recording; ``container`` is ``mp4`` or ``webm``."""
        return f"{self._output_folder}/recording.{container}"

    @property
    def thumbnail_key(self) -> str:
        """The key of the thumbnail."""
        return f"{self._output_folder}/thumbnail.png"

    @property
    def captions_key(self) -> str:
        """The key of the captions."""
        return f"{self._output_folder}/recording.vtt"

    @property
    def qc_key(self) -> str:
        """The key of the findings."""
        return f"{self._output_folder}/qc.json"

    @property
    def _output_folder(self) -> str:
        return f"{self.created:%Y/%m/%d}/{self.agent_id}/{self.recording_id}"

    def days(self) -> tuple[datetime, ...]:
        """Return the days in the keys of Connect's files: the item's day, then its neighbours.

        Connect counts days in UTC and `created` may be local time, so a call near midnight may be a day away.
        """
        return tuple(self.created + timedelta(days=d) for d in (0, -1, 1))

    def call_audio_prefixes(self, prefix: str) -> tuple[str, ...]:
        """Return the key prefixes of the call audio, by `days`."""
        base = prefix.strip("/")
        folder = f"{base + '/' if base else ''}CallRecordings"
        return tuple(f"{folder}/{day:%Y/%m/%d}/{self.recording_id}_" for day in self.days())


def _further_ids(recording_id: str, found: object) -> tuple[str, ...]:
    """Read the attribute ``furtherVideoIDs``: a list or a set of IDs; no files without it.

    Raises:
        UnknownRecordingError: it is something else.
    """
    if found is None:
        return ()
    names = sorted(found) if isinstance(found, (set, frozenset)) else found
    try:
        if not isinstance(names, (list, tuple)) or len(names) > MOST_FURTHER:
            raise MessageError(_kind(found))
        checked = tuple(check_recording_id(name) for name in names)
        if len({recording_id, *checked}) <= len(checked):
            raise MessageError("a name twice")
    except MessageError:
        raise UnknownRecordingError(
            f"the item of recording {recording_id} has {FURTHER_ATTRIBUTE} that isn't a list of up to {MOST_FURTHER} "
            "other IDs, each one once: so the further files of the agent recording are unknown; fix the item"
        ) from None
    return checked


def choose_call_audio(recording_id: str, keys: Iterable[str]) -> str | None:
    """Choose the call audio of one contact: the agent's part, which began last (the IVR's comes first).

    Keys without the form ``.../<recording_id>_YYYYMMDDTHH:MM_UTC.wav`` don't count. None if no key is left.
    """
    named = {key: match for key in keys if (match := _CALL_AUDIO_NAME.fullmatch(key)) is not None}
    began = {key: match.group(2) for key, match in named.items() if match.group(1) == recording_id}
    return max(began, key=lambda key: (began[key], key)) if began else None


@dataclass(frozen=True, slots=True)
class Message:
    """The backend's message that a recording is ready.

    Attributes:
        recording_id: checked, safe in keys.
        call_end: on the recording clock; None if nobody reported it.
        force: process again, even if the same inputs are already processed.
    """

    recording_id: str
    call_end: CallEnd | None
    force: bool = False

    @classmethod
    def from_body(cls, body: str, *, needs_call_end: bool = True) -> Message:
        """Read a message body, ``{"recordingID": "...", "callEndingTimestamp": "HH:MM:SS"}``.

        ``"force": true`` is optional; other fields are ignored.

        Args:
            body: the body.
            needs_call_end: whether a message without a call end is refused.

        Raises:
            MessageError: the body isn't such an object, or a field is missing or unusable.
        """
        try:
            content = json.loads(body)
        except (ValueError, RecursionError):
            raise MessageError(f"the message {_shown(body)} isn't JSON") from None
        if not isinstance(content, dict):
            raise MessageError(f"the message {_shown(body)} isn't an object with recordingID and callEndingTimestamp")
        has_no_end = not needs_call_end and CALL_END_ATTRIBUTE not in content
        needed = ("recordingID",) if has_no_end else ("recordingID", CALL_END_ATTRIBUTE)
        missing = [name for name in needed if content.get(name) in (None, "")]
        if missing:
            raise MessageError(f"the message lacks {' and '.join(missing)}")
        reported = content.get(CALL_END_ATTRIBUTE)
        if not isinstance(reported, str) and not has_no_end:
            raise MessageError(f"callEndingTimestamp is {_shown(reported)}: write a text such as 00:12:34")
        recording_id = check_recording_id(content["recordingID"])
        force = content.get("force", False)
        if not isinstance(force, bool):
            raise MessageError(f"force is {_shown(force)}: write true or false, without quotes")
        try:
            return cls(recording_id, None if has_no_end else parse_call_end(str(reported)), force)
        except InputError as error:
            raise MessageError(f"the message for recording {recording_id}: {error}") from None


def message_body(recording_id: str, call_end: str, *, force: bool = False) -> str:
    """Return a message as the backend writes it. The call end keeps its form, and so its resolution.

    Raises:
        MessageError: `Message.from_body` would reject it.
    """
    forced = {"force": True} if force else {}
    body = json.dumps({"recordingID": recording_id, "callEndingTimestamp": call_end, **forced})
    Message.from_body(body)
    return body
