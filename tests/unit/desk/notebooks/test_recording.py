"""The start of both notebooks about one recording."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from desk import sample_session, wrong_session
from examinations import not_measured, session_of

from komorebi_qc.core.errors import InputError, refusal_reason
from komorebi_qc.desk.notebooks import recording
from komorebi_qc.desk.notebooks.recording import no_result, open_recording, parameter_text, report_figure, verdict
from komorebi_qc.desk.session import AuditRequest
from komorebi_qc.pipeline.options import MaskRequest

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.findings.evidence import AlignmentSource


@pytest.mark.parametrize(
    ("value", "text"), [("00:22", "00:22"), (22, "22"), (22.5, "22.5"), (4242424242, "4242424242"), ("", "")]
)
def test_a_number_is_taken_as_text(value: Any, text: str) -> None:
    """Papermill turns `-p call_end 22` into the number 22."""
    assert parameter_text("call_end", value) == text


@pytest.mark.parametrize("value", [None, True, ["22"], ["22"] * 5000])
def test_any_other_type_is_refused(value: Any) -> None:
    """The error names the parameter and its value."""
    with pytest.raises(InputError, match=r"call_end is .*: it must be a text or a number") as raised:
        parameter_text("call_end", value)
    assert len(str(raised.value)) < 200


def test_a_saved_examination_is_opened(tmp_path: Path) -> None:
    """An audit's notebooks show its examination, without another one."""
    sample_session().save(tmp_path / "saved")
    opened = open_recording(examined=str(tmp_path / "saved"), connect="gone.wav", recording="gone.mp4", call_end=22)
    assert opened.examined.document == sample_session().examined.document


def test_masks_and_a_transcript_are_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A notebook that is run again masks as the audit did; papermill may turn the margin into a number."""
    found: list[Any] = []
    monkeypatch.setattr(recording, "open_isolated", lambda request, _, masks: found.append((request, masks)))
    files: dict[str, Any] = {"connect": "a.wav", "recording": "a.mp4", "call_end": 22, "analysis": "a.json"}
    open_recording(**files, transcript="a.vtt", out="out", mask="sound", mask_margin=1.5, outside_call="own")
    open_recording(recording_id="contact-1", call_end=22, redacted="require", transcript="a.vtt", out="out")
    assert found == [
        (AuditRequest("a.wav", "a.mp4", "", "22", "a.json", transcript="a.vtt"), MaskRequest("sound", 1.5, "own")),
        (
            AuditRequest(recording_id="contact-1", call_end="22", redacted="require", transcript="a.vtt"),
            MaskRequest(),
        ),
    ]
    with pytest.raises(InputError, match="mask_margin is 'wide': it must be a number of seconds"):
        open_recording(mask_margin="wide", out="out")


def test_a_number_that_is_no_call_end_is_one_sentence() -> None:
    """The error is the reader's to correct, so IPython prints one line."""
    with pytest.raises(InputError) as raised:
        open_recording(connect="a.wav", recording="a.mp4", call_end=-5)
    lines: list[str] = raised.value._render_traceback_()  # type: ignore[attr-defined]
    assert len(lines) == 1
    assert lines[0].startswith("InputError: ")
    assert "-5" in lines[0]


def test_the_verdict_has_the_main_numbers() -> None:
    """Status, offset, drift, jumps and both ends."""
    session = sample_session()
    text = verdict(session).text
    assert text.startswith(f"{session.examined.document['verdict'].upper()}: ")
    assert f"Call start: {session.examined.alignment.offset_s:.4f} s on the recording clock" in text
    assert "Clock jumps: no clock jumps found" in text
    assert "Reported call end: 00:00:2" in text


def test_a_refused_pair_is_a_failure() -> None:
    """The reason comes first, and no position is shown."""
    session = wrong_session()
    text = verdict(session).text
    assert text.startswith("FAIL: ")
    assert f"{refusal_reason(str(session.examined.refused))[1:]}." in text
    assert "published" not in text
    assert "Call start: not measured" in text
    assert no_result(session).text.startswith("FAIL: No recording was written: ")


def test_the_figure_is_a_small_image() -> None:
    """WebP keeps the report small."""
    content, media_type = report_figure(sample_session())
    assert media_type == "image/webp"
    assert content[8:12] == b"WEBP"
    assert len(content) < 200_000


@pytest.mark.parametrize("source", ["candidate", "call_end", "manual"])
def test_a_place_without_measurement_states_that(source: AlignmentSource) -> None:
    """Drift, jumps and the call's end weren't measured; no number replaces them."""
    text = verdict(session_of(not_measured(source))).text
    for name in ("Clock drift", "Clock jumps", "Measured call end"):
        assert f"{name}: not measured" in text
    assert "ppm" not in text.partition("Recording: ")[2]


def test_the_evidence_of_belonging_follows_the_verdict() -> None:
    """The second line is the finding's sentence."""
    session = sample_session()
    (finding,) = [one for one in session.examined.document["findings"] if one["name"] == "belonging"]
    assert finding["text"] in verdict(session).text.split("\n\n")[1]
