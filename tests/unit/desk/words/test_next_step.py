"""The next step."""

from __future__ import annotations

import shlex
from dataclasses import replace

from desk import sample_session
from examinations import held, not_measured

from komorebi_qc.desk.words.next_step import correction_command, next_step, pair_arguments


def test_a_warning_is_shown_as_a_clip() -> None:
    """The command renders the worst moment; without a moment there is no command."""
    found = sample_session().examined
    warned = replace(found, document={**found.document, "verdict": "warn"})
    sentence, command = next_step(warned, 12.5)
    assert sentence.startswith("Listen at 00:00:12.500.")
    assert command.endswith("--at 00:00:12.500 --out clip.mp4")
    assert next_step(warned, None)[1] == ""
    assert next_step(found, 12.5) == ("Nothing needs to be done.", "")


def test_different_calls_need_another_recording() -> None:
    """A wrong pair is compared with another recording; of a recording in AWS the status is shown."""
    found = held()
    pair = replace(found.diagnosis.pair, result=replace(found.diagnosis.sync, status="wrong_pair"))
    wrong = replace(found, diagnosis=replace(found.diagnosis, pair=pair), recording_id="42")
    assert next_step(wrong, None)[1] == "komorebi-qc status 42"


def test_a_recording_without_audio_is_placed_by_hand() -> None:
    """There is no place to listen to, so the command asks for the call's start."""
    found = not_measured("call_end")
    silent = replace(
        found, diagnosis=replace(found.diagnosis, recording=replace(found.diagnosis.recording, audio=None))
    )
    sentence, command = next_step(replace(silent, recording_id="42"), None)
    assert sentence.startswith("The recording has no audio.")
    assert command == "komorebi-qc process 42 --call-end 00:00:22 --offset SECONDS"
    assert next_step(replace(silent, recording_id="local"), None)[1].endswith("--offset SECONDS --out corrected")


def test_the_arguments_can_be_pasted() -> None:
    """Paths with spaces are quoted; a recording in AWS is named by its ID."""
    found = not_measured("candidate")
    local = replace(found, recording_id="local")
    assert shlex.split(pair_arguments(local))[-2:] == ["--call-end", "00:00:22"]
    assert correction_command(replace(found, recording_id="42")) == (
        "komorebi-qc correct 42 --from correction.json --publish"
    )
