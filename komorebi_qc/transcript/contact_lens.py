"""Turns of Contact Lens' analysis of a call: both variants, with the original text and with redacted text.

The forms, with their sources, are those of `komorebi_qc.core.privacy.redactions`: the analysis after the call has the
turns in ``Transcript``, the real-time one has them in ``Segments[].Transcript``. A turn names a participant, and
``Participants`` gives its role: ``CUSTOMER``, ``AGENT``, ``SYSTEM``, ``CUSTOM_BOT`` or ``SUPERVISOR``
(``RealTimeContactAnalysisSegmentTranscript`` of the API reference). Words have no times of their own. In redacted text
a placeholder, such as ``[PII]``, replaces the words.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.privacy.redactions import turns_in
from komorebi_qc.transcript.checked import seconds, speaker_of, transcript, turn
from komorebi_qc.transcript.turns import unusable

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.transcript.turns import Transcript, Turn

_PLACEHOLDER = re.compile(
    r"\[(?:PII|NAME|ADDRESS|EMAIL|PHONE|SSN|PIN|BANK_ACCOUNT_NUMBER|BANK_ROUTING|CREDIT_DEBIT_(?:NUMBER|CVV|EXPIRY))\]",
    re.ASCII,
)
"""In the place of redacted text: the kind of data, by the names of ``RedactionMaskMode`` and of its entities. Another
text in brackets, such as ``[UNCLEAR_AUDIO]``, replaces no words."""
_MS = 0.001


def is_contact_lens(found: Mapping[str, Any]) -> bool:
    """Return whether a file's content has the form of an analysis."""
    return isinstance(found.get("Transcript"), list) or isinstance(found.get("Segments"), list)


def from_contact_lens(found: Mapping[str, Any], name: str) -> Transcript:
    """Read the turns of an analysis.

    Args:
        found: the file's content.
        name: the file's name, for messages.

    Raises:
        InputError: it isn't a complete analysis of a call, or a turn can't be used.
    """
    status = found.get("JobStatus", found.get("Status", "COMPLETED"))
    if found.get("Channel", "VOICE") != "VOICE":
        raise unusable(name, "its Channel isn't VOICE: it is of a chat or an e-mail")
    if status != "COMPLETED":
        raise unusable(name, "its JobStatus isn't COMPLETED: the analysis failed, or goes on")
    participants = found.get("Participants")
    roles = {
        one["ParticipantId"]: one.get("ParticipantRole")
        for one in (participants if isinstance(participants, list) else ())
        if isinstance(one, dict) and isinstance(one.get("ParticipantId"), str)
    }
    metadata = found.get("ContentMetadata")
    is_redacted = isinstance(metadata, dict) and metadata.get("Output") == "Redacted"
    turns = (
        _turn(one, roles, f"turn {number}", name, is_redacted=is_redacted)
        for number, one in enumerate(_turns(found, name), 1)
    )
    return transcript(turns, found.get("LanguageCode"), "contact_lens", name)


def _turns(found: Mapping[str, Any], name: str) -> list[Any]:
    turns = turns_in(found)
    if turns is None:
        raise unusable(name, "it isn't a Contact Lens analysis of a call in a known form")
    return turns


def _turn(one: Any, roles: Mapping[str, object], which: str, name: str, *, is_redacted: bool) -> Turn | None:
    if not isinstance(one, dict):
        raise unusable(name, f"{which} isn't an object")
    who, content = one.get("ParticipantId"), one.get("Content")
    role = one.get("ParticipantRole") or (roles.get(who, who) if isinstance(who, str) else None)
    return turn(
        speaker_of(role),
        seconds(one.get("BeginOffsetMillis"), _MS, which, name),
        seconds(one.get("EndOffsetMillis"), _MS, which, name),
        content,
        which,
        name,
        is_redacted=is_redacted and isinstance(content, str) and _PLACEHOLDER.search(content) is not None,
    )
