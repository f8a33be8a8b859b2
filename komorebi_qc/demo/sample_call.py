"""The sample call: its two files, and its item in the table of recordings."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

from komorebi_qc.core.recording import Recording

FOLDER = Path(__file__).parent / "sample"
CALL_AUDIO, AGENT_RECORDING = FOLDER / "call.wav", FOLDER / "recording.mp4"
# Fixed times, so that every run leaves the same keys. The recording began a little before the call.
RECORDING = Recording("7f3c2a90-5b1e-4c6d-9a57-2e8d41c0b6f3", "agent-7", datetime(2026, 3, 2, 14, 5, 9))  # noqa: DTZ001  as in the table


def reported_call_end() -> str:
    """When the sample call ended, as a backend reports it: ``HH:MM:SS``."""
    truth = json.loads((FOLDER / "truth.json").read_text(encoding="utf-8"))
    return str(truth["callEndingTimestamp"])


def item() -> dict[str, dict[str, Any]]:
    """The item, with the attributes that a backend writes; `succesfulOutcome` has the backend's spelling."""
    return {
        "videoID": {"S": RECORDING.recording_id},
        "agentID": {"S": RECORDING.agent_id},
        "creationDate": {"S": f"{RECORDING.created:%Y-%m-%d %H:%M:%S}"},
        "isProcessed": {"BOOL": False},
        "callEndingTimestamp": {"S": reported_call_end()},
        "name": {"S": "Aiko"},
        "lastName": {"S": "Example"},
        "categoryID": {"S": "billing"},
        "notesID": {"S": "notes-12"},
        "tagsID": {"L": [{"S": "demo"}, {"S": "sample"}]},
        "durationID": {"N": "44"},
        "startHour": {"S": "14:05"},
        "configID": {"S": "config-1"},
        "succesfulOutcome": {"BOOL": True},
    }
