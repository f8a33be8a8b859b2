"""The call against the recording in a notebook."""

from __future__ import annotations

from desk import sample_session, wrong_session
from examinations import held, in_parts, not_measured, session_of
from shown_cells import check_output

from komorebi_qc.desk.notebooks.stretches import candidates, left_out, stretches


def test_the_stretches_are_listed() -> None:
    """Each stretch with its clock, its meaning and its speech."""
    output = stretches(session_of(in_parts()))
    check_output(output)
    assert (
        "call, 00:00:07.000 to 00:00:10.000 | silent: the call has speech, the recording doesn't | 2.0 s" in output.text
    )
    assert "recording, 00:00:14.000 to 00:00:16.500 | only in the recording, after the call" in output.text


def test_the_left_out_audio_has_a_player() -> None:
    """The span is named, and its audio is in the notebook."""
    output = left_out(session_of(in_parts()))
    check_output(output)
    assert "[audio, 3.0 s: Left out 1: call, 00:00:07.000 to 00:00:10.000 (3.0 s): customer left" in output.text
    assert left_out(sample_session()).text == "No audio of the call was left out."
    assert "No recording was written" in left_out(session_of(held())).text


def test_candidates_are_listed_if_there_are_any() -> None:
    """With their probabilities. A measured call and a wrong pair have no candidates."""
    listed = candidates(session_of(not_measured("candidate")))
    assert listed is not None
    assert "90.0 %" in listed.text
    assert candidates(sample_session()) is None
    assert candidates(wrong_session()) is None
