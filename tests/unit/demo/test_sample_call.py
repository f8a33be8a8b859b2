"""The sample call: its files, and the truth beside them."""

from __future__ import annotations

import json
import wave

from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.demo.sample_call import AGENT_RECORDING, CALL_AUDIO, FOLDER, RECORDING, item, reported_call_end


def test_files_are_those_of_the_truth() -> None:
    """The call audio is Connect's format and as long as the truth says; the item reports the cut-off call end."""
    truth = json.loads((FOLDER / "truth.json").read_text())
    with wave.open(str(CALL_AUDIO), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 8000)
        assert file.getnframes() / 8000 == truth["call_s"]
    assert AGENT_RECORDING.stat().st_size < 300_000
    assert parse_call_end(reported_call_end()).recording_s == int(truth["call_end_in_recording_s"])
    assert item()["callEndingTimestamp"] == {"S": reported_call_end()}
    assert item()["videoID"] == {"S": RECORDING.recording_id}
    assert (FOLDER / "LICENSE.txt").is_file()
