"""The report's terms: titles, meanings, the glossary, and the IDs of the page's parts."""

from __future__ import annotations

from typing import Final

from komorebi_qc.core.limits import DEFAULT

TITLES: Final = {
    "offset_s": "Offset",
    "drift_ppm": "Drift",
    "call_end_error_s": "Call-end error",
    "coverage": "Coverage",
    "fail": "Share that fails",
    "warn": "Share that needs a look",
    "unexamined": "Share that couldn't be examined",
    "agent": "Agent",
    "browser": "Browser",
    "codec": "Codec",
    "container": "Container",
    "device": "Device",
    "team": "Team",
    "version": "Version of this software",
}
MEANINGS: Final = {
    "offset_s": "start of the call on the recording clock, s",
    "drift_ppm": "by how much the recording clock runs faster than the call clock, ppm",
    "call_end_error_s": "reported call end less the measured one, s; positive: reported late",
    "coverage": "share of the speech that matches the recording, 0 to 1",
}
TERMS: Final = (
    ("Fail", "at least one finding fails. Its value is beyond its fail limit, or the audio doesn't place the call."),
    ("Needs a look", "no finding fails, but at least one warns: the recording can be used."),
    ("Not examined", "the work failed, or the list's row was rejected because it doesn't describe the recording."),
    *((TITLES[measure], f"{meaning}.") for measure, meaning in MEANINGS.items()),
    ("Wrong pair", "the call audio and the agent recording belong to different calls."),
    ("95 % interval", "the range of the true share that is compatible with this number of recordings."),
)
"""The glossary."""


def anchor(kind: str, name: str = "") -> str:
    """The ID of a part of the page."""
    return f"fleet-{kind}{'-' + name if name else ''}"


def finding_meaning(name: str) -> str:
    """The meaning of a finding; empty if it is unknown."""
    if name == "sync_status":
        return "Whether call audio and recording belong together, and whether the offset is certain"
    try:
        meaning = DEFAULT.of(name).meaning
    except KeyError:
        return ""
    return f"{meaning[:1].upper()}{meaning[1:]}"
