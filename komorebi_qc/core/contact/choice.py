"""Choose the call audio by a contact's record. Pure.

* The recording of the automated interaction (IVR) is never taken. Its entry has the participant ``IVR``, and its key
  has ``CallRecordings/ivr/``. Notes of live instances from 2025 and 2026 have both; `RecordingInfo` of
  https://docs.aws.amazon.com/connect/latest/APIReference/API_RecordingInfo.html doesn't list that participant.
* A deleted recording is never taken, also if an object is still there.
* Of several recordings of agents, the one that shares the most time with the agent of this contact is taken. If the
  record has no times, it is the one that began last by its name, as without a record.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from komorebi_qc.core.contact.record import time_text

if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any

    from komorebi_qc.core.contact.record import ContactRecord, ContactRecording

EntryState = Literal["taken", "other", "ivr", "deleted", "screen", "stream", "elsewhere", "not audio"]
_IVR = re.compile(r"(?:^|/)CallRecordings/ivr/", re.IGNORECASE)
_BEGAN = re.compile(r"_(\d{8}T\d{2}:\d{2})_UTC\.wav$", re.ASCII)


@dataclass(frozen=True, slots=True)
class NamedRecording:
    """An entry of the record, and its use.

    Attributes:
        location: as the record has it.
        state: ``taken``; ``other``: of another agent, or another part; ``ivr``; ``deleted``; ``screen``: a screen
            recording; ``stream``: not in S3; ``elsewhere``: in a bucket that isn't Connect's; ``not audio``.
        began_at: its start, UTC; None if the record has no time.
        ended_at: its end.
    """

    location: str
    state: EntryState
    began_at: datetime | None = None
    ended_at: datetime | None = None

    def to_dict(self) -> dict[str, Any]:
        """The entry for JSON."""
        times = {"began_at": time_text(self.began_at), "ended_at": time_text(self.ended_at)}
        return {"location": self.location, "state": self.state, **times}


@dataclass(frozen=True, slots=True)
class AudioChoice:
    """The call audio by a record.

    Attributes:
        key: its key in Connect's bucket; None if the record names no usable one.
        why: the reason, the end of a sentence.
        named: all entries; those of agents in the order of time.
        is_deleted: whether the record had call audio, and all of it was deleted.
    """

    key: str | None
    why: str
    named: tuple[NamedRecording, ...] = ()
    is_deleted: bool = False


def choose_audio(record: ContactRecord, connect_bucket: str) -> AudioChoice:
    """Choose the call audio.

    Args:
        record: the contact's record.
        connect_bucket: the bucket that may be read.
    """
    entries = [(entry, _state(entry, connect_bucket)) for entry in record.recordings]
    usable = sorted((entry for entry, state in entries if state == "other"), key=_order)
    others = [_named(entry, state) for entry, state in entries if state != "other"]
    if not usable:
        states = {state for _, state in entries}
        return AudioChoice(None, _why_not(record, states), tuple(others), is_deleted="deleted" in states)
    taken, why = _taken(usable, record)
    agents = [_named(entry, "taken" if entry is taken else "other") for entry in usable]
    place = taken.place
    return AudioChoice(None if place is None else place[1], why, (*agents, *others))


def _named(entry: ContactRecording, state: EntryState) -> NamedRecording:
    return NamedRecording(entry.location, state, entry.began_at, entry.ended_at)


def _state(entry: ContactRecording, connect_bucket: str) -> EntryState:
    """The use of an entry; ``other`` for one that could be taken."""
    bucket, key = entry.place or ("", "")
    cases: tuple[tuple[EntryState, bool], ...] = (
        ("stream", entry.storage not in ("", "S3") or not key),
        ("ivr", entry.participant == "IVR" or _IVR.search(key) is not None),
        ("screen", entry.media == "VIDEO"),
        ("not audio", entry.media not in ("", "AUDIO") or not key.lower().endswith(".wav")),
        ("deleted", entry.status == "DELETED"),
        ("elsewhere", bucket != connect_bucket),
    )
    return next((state for state, applies in cases if applies), "other")


def _order(entry: ContactRecording) -> tuple[str, str]:
    """Entries in the order of time: by the record's times, else by the start in the name, a minute."""
    named = _BEGAN.search(entry.location)
    if entry.began_at is not None:
        return f"{entry.began_at:%Y%m%dT%H:%M:%S}", entry.location
    return (named.group(1) if named else "", entry.location)


def _taken(usable: list[ContactRecording], record: ContactRecord) -> tuple[ContactRecording, str]:
    if len(usable) == 1:
        return usable[0], "the record names one recording of an agent"
    began, ended = record.connected_at, record.agent_left_at
    if began is not None and ended is not None:
        shared = [(_shared_s(entry, began, ended), at) for at, entry in enumerate(usable)]
        most_s, at = max(shared)
        if most_s > 0.0:
            return usable[at], f"of {len(usable)} recordings it shares the most time with the agent, {most_s:.0f} s"
    return usable[-1], f"of {len(usable)} recordings it began last"


def _shared_s(entry: ContactRecording, began: datetime, ended: datetime) -> float:
    if entry.began_at is None or entry.ended_at is None:
        return 0.0
    return max(0.0, (min(entry.ended_at, ended) - max(entry.began_at, began)).total_seconds())


def _why_not(record: ContactRecord, states: set[EntryState]) -> str:
    if record.channel not in ("", "VOICE"):
        return f"the contact is {record.channel}, and has no call audio"
    reasons: tuple[tuple[EntryState, str], ...] = (
        ("deleted", "the call audio was deleted"),
        ("elsewhere", "the record names call audio in another bucket than Connect's"),
        ("ivr", "the record names the recording of the automated interaction (IVR) only"),
        ("stream", "the record names streams only"),
        ("screen", "the record names screen recordings only"),
        ("not audio", "the record names no call audio"),
    )
    return next((text for state, text in reasons if state in states), "the record names no recording")


@dataclass(frozen=True, slots=True)
class FoundContact:
    """A contact's record as a run knows it, and the way in which the call audio was found.

    Attributes:
        source: ``api`` or ``export``.
        record: the record; None if there isn't any.
        named: the record's recordings, and their use.
        call_audio_by: ``record``, ``prefix``, or ``redacted``: Contact Lens' redacted audio, which no record names.
        why: the reason for that, the end of a sentence.
    """

    source: str
    record: ContactRecord | None
    named: tuple[NamedRecording, ...]
    call_audio_by: Literal["record", "prefix", "redacted"]
    why: str

    def without_use(self, why: str) -> FoundContact:
        """The same if the call audio had to be found by its key's prefix after all."""
        return replace(self, call_audio_by="prefix", why=why, named=self._all_others)

    def as_redacted(self, why: str) -> FoundContact:
        """The same if Contact Lens' redacted audio is used."""
        return replace(self, call_audio_by="redacted", why=why, named=self._all_others)

    @property
    def _all_others(self) -> tuple[NamedRecording, ...]:
        return tuple(replace(one, state="other") if one.state == "taken" else one for one in self.named)

    def to_dict(self) -> dict[str, Any]:
        """The contact for ``qc.json``."""
        record = self.record
        return {
            "source": self.source,
            "is_found": record is not None,
            "call_audio_by": self.call_audio_by,
            "why": self.why,
            "recordings": [one.to_dict() for one in self.named],
            **(dict.fromkeys(FACTS) if record is None else _facts(record)),
        }


FACTS = (
    *("channel", "initiation_method", "initial_contact_id", "previous_contact_id", "related_contact_id"),
    *("connected_at", "after_work_at", "disconnected_at", "agent_s", "hold_s", "longest_hold_s", "holds"),
    *("queue_id", "team_id", "device", "agent_quality", "customer_quality", "quality_issues"),
)
"""Fields of a record that ``qc.json`` has."""


def _facts(record: ContactRecord) -> dict[str, Any]:
    values = {name: getattr(record, name) for name in FACTS}
    moments = {name: time_text(values[name]) for name in ("connected_at", "after_work_at", "disconnected_at")}
    found = {**values, **moments, "quality_issues": list(record.quality_issues)}
    return {name: None if value == "" else value for name, value in found.items()}
