"""The cells of the notebook about the nine steps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from desk import sample_session, wrong_session
from examinations import bent, in_parts, not_measured, session_of
from shown_cells import check_output

from komorebi_qc.core.timebase import clock_text
from komorebi_qc.desk.notebooks import process_recording
from komorebi_qc.pipeline.process import STEPS

NEEDS_A_RESULT = {"after_call", "before_after", "seams", "published", "item_written"}


@pytest.mark.parametrize("name", sorted({*process_recording.__all__} - {"seams"}))
def test_a_cell_is_self_contained(name: str) -> None:
    """Media are embedded and described, and every number is known."""
    check_output(getattr(process_recording, name)(sample_session()))


@pytest.mark.parametrize("name", sorted(process_recording.__all__))
def test_a_refused_pair_has_every_cell(name: str) -> None:
    """Each cell shows what there is, or states that no recording was written."""
    text = getattr(process_recording, name)(wrong_session()).text
    assert text.strip()
    if name in NEEDS_A_RESULT:
        assert "No recording was written" in text


def test_each_step_has_its_time() -> None:
    """The nine steps in order, without a publication; a refused pair names the step that stopped."""
    lines = process_recording.steps(sample_session()).text.splitlines()
    names = [line.split(" | ")[1] for line in lines[1:]]
    assert names == [*STEPS[:-2], "write the results", "leave the item"]
    assert f"The run stopped in step 5, {STEPS[4]}: " in process_recording.steps(wrong_session()).text


def test_media_are_described() -> None:
    """Codecs, rates and timestamps of both files."""
    assert "PCM_S16LE, 8000 Hz, 2 channels" in process_recording.call_audio(sample_session()).text
    recording = process_recording.agent_recording(sample_session()).text
    for words in ("H264", "OPUS", "Audio lost: 0.000 s in 0 gaps", "median rate 10.0 frames/s"):
        assert words in recording


def test_the_calls_end_is_the_alignments() -> None:
    """The cell after the call has the end on the recording clock, and its basis."""
    found = sample_session().examined
    call = found.diagnosis.call.audio
    assert call is not None
    text = process_recording.after_call(sample_session()).text
    assert f"The call ends at: {clock_text(found.alignment.to_recording(call.span.end_s))}" in text
    assert "The call is placed by: the measured alignment" in text


def test_the_plan_lists_every_piece() -> None:
    """Each piece with its times and its source."""
    found = sample_session().examined
    text = process_recording.audio_plan(sample_session()).text
    for piece in found.timeline.pieces:
        assert f"{clock_text(piece.output.start_s)} | {clock_text(piece.output.end_s)} | {piece.source}" in text


def test_the_item_gets_the_documents_values() -> None:
    """The attributes are those of the document, and the files are listed with their sizes."""
    found = sample_session().examined
    offset_s = found.document["alignment"]["offset_s"]
    assert f"qcOffsetSeconds: {offset_s}" in process_recording.item_written(sample_session()).text
    files = process_recording.published(sample_session()).text
    assert f"{found.video.name} | {found.video.stat().st_size:,} bytes" in files


def test_a_candidate_is_the_basis() -> None:
    """The cell names it, and how far off it may be."""
    found = not_measured("candidate")
    assert found.outcome is not None
    artifacts = found.outcome.artifacts
    assert artifacts is not None
    evidence = replace(artifacts.evidence, placement=found.placement)
    outcome = replace(found.outcome, artifacts=replace(artifacts, evidence=evidence))
    text = process_recording.after_call(session_of(replace(found, outcome=outcome))).text
    assert "The call is placed by: the candidate that fits the reported call end; it may be 5 ms off" in text


def test_the_plan_plays_the_audio_left_out() -> None:
    """The span is named under the plan, with its player."""
    output = process_recording.audio_plan(session_of(in_parts()))
    assert "3.000 s of the call don't fit into the recording." in output.text
    assert "[audio, 3.0 s: Left out 1: call, 00:00:07.000 to 00:00:10.000" in output.text


def test_a_bend_is_no_seam_of_the_plan() -> None:
    """The piece after it goes on with the same source."""
    assert "no seam: the clock's rate changes" in process_recording.audio_plan(session_of(bent())).text
