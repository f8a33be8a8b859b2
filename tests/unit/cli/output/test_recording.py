"""The texts of the commands for one recording."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from desk import sample_session, wrong_session
from made_sync import absent_from, result

from komorebi_qc.cli.output.recording import print_audit, print_diagnosis, print_outcome
from komorebi_qc.core.timebase import CallEnd, Span
from komorebi_qc.desk.audit.status import AuditStatus
from komorebi_qc.findings.sync_document import call_end_dict, sync_dict
from komorebi_qc.sync import Candidate

if TYPE_CHECKING:
    from komorebi_qc.pipeline.examine import Examined
    from komorebi_qc.sync import SyncResult


def outcome(**alignment: Any) -> dict[str, Any]:
    """An outcome's values that are printed; the fields of its alignment may be replaced."""
    measured = {
        "source": "measured",
        "offset_s": 2.5,
        "drift_ppm": 0.0,
        "jumps": [],
        "segments": [{"call_s": 0.0, "recording_s": 2.5}, {"call_s": 20.0, "recording_s": 22.5}],
        "agent_part": None,
        "bound_s": 0.00003,
    }
    return {
        "verdict": "pass",
        "output": "out.mp4",
        "qc": "out.qc.json",
        "thumbnail": None,
        "container": "mp4",
        "durations": {"output_s": 30.0, "call_s": 20.0, "after_call_s": 5.0},
        "codecs": {"video": "h264", "audio": "aac", "audio_rate_hz": 16000, "video_copied": True},
        "alignment": {**measured, **alignment},
        "masks": {"choice": "picture", "output": []},
        "steps": [],
        "redactions": [],
        "findings": [],
    }


def rows(capsys: pytest.CaptureFixture[str]) -> dict[str, str]:
    """The printed rows by their name; of several rows of one name, the last."""
    lines = (line.split("  ", 1) for line in capsys.readouterr().out.splitlines() if "  " in line)
    return {name: text.strip() for name, text in lines}


@pytest.mark.parametrize(("drift_ppm", "text"), [(-0.004, "+0.00"), (0.004, "+0.00"), (-0.006, "-0.01")])
def test_a_drift_that_rounds_to_zero_has_no_minus(
    drift_ppm: float, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """A negative zero would look like a direction."""
    print_outcome(outcome(drift_ppm=drift_ppm), "")
    assert rows(capsys)["drift"] == f"{text} ppm"


def test_a_measured_call_has_its_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    """The place, its uncertainty, the drift and each jump."""
    print_outcome(outcome(jumps=[{"call_s": 8.0, "size_s": -24.4}, {"call_s": 9.0, "size_s": 0.35}]), "")
    shown = rows(capsys)
    assert shown["call"] == "00:00:20.000, from 00:00:02.500 of the recording (measured)"
    assert shown["uncertainty"] == "+- 0.03 ms (95 %)"
    assert shown["clock jump"] == "+350.0 ms at 00:00:09.000 of the call"
    print_outcome(outcome(), "")
    assert rows(capsys)["clock jumps"] == "no jumps found"


def test_a_clock_that_bends_has_a_mean_drift(capsys: pytest.CaptureFixture[str]) -> None:
    """A knot of the map is mentioned; a jump is no knot."""
    ends = [{"call_s": 0.0, "recording_s": 2.5}, {"call_s": 20.0, "recording_s": 22.5}]
    knot = {"call_s": 10.0, "recording_s": 12.501}
    print_outcome(outcome(segments=[ends[0], knot, ends[1]]), "")
    assert rows(capsys)["drift"] == "+0.00 ppm on average, and it changes"
    jump = {"call_s": 10.0, "size_s": 0.001}
    print_outcome(outcome(segments=[ends[0], {**knot, "recording_s": 12.5}, knot, ends[1]], jumps=[jump]), "")
    assert rows(capsys)["drift"] == "+0.00 ppm"


@pytest.mark.parametrize(
    ("source", "bound_s", "place", "uncertainty"),
    [
        ("call_end", 1.3, "from the reported call end", "+- 1.3 s, if the reported call end is right"),
        ("candidate", 0.005, "not confirmed", "+- 5.00 ms, if the reported call end is right"),
        ("manual", None, "as given", "not measured"),
    ],
)
def test_nothing_is_printed_that_was_not_measured(
    source: str, bound_s: float | None, place: str, uncertainty: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Zero drift and no jumps would be claims."""
    print_outcome(outcome(source=source, drift_ppm=None, jumps=None, bound_s=bound_s), "")
    shown = rows(capsys)
    assert place in shown["call"]
    assert shown["uncertainty"] == uncertainty
    assert (shown["drift"], shown["clock jumps"]) == ("not measured", "not measured")


def test_a_place_by_the_record_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody reported the end: the contact's record has it, in whole seconds."""
    found = outcome(source="call_end", drift_ppm=None, jumps=None, bound_s=1.3)
    print_outcome({**found, "call_end": {"source": "record"}}, "")
    shown = rows(capsys)
    assert "from the call end by the contact's record, not measured" in shown["call"]
    assert shown["uncertainty"] == "+- 1.3 s, if the record's call end is right"


def test_the_agents_part_has_a_row(capsys: pytest.CaptureFixture[str]) -> None:
    """It says from when to when, and what the video has outside of it."""
    print_outcome(outcome(agent_part={"call_from_s": 0.0, "call_to_s": 12.5}), "")
    assert rows(capsys)["agent's part"].startswith("00:00:00.000 to 00:00:12.500 of the call; the video has")


def diagnosis(measured: SyncResult, reported_s: float = 62.0) -> dict[str, Any]:
    """A diagnosis's values that are printed."""
    return {
        "verdict": "warn",
        "sync": sync_dict(measured, 60.0),
        "call_end": call_end_dict(CallEnd(reported_s, 1.0), measured),
        "redactions": [],
        "findings": [],
    }


@pytest.mark.parametrize(
    ("masked", "text"),
    [
        ("none", "; not masked"),
        ("sound", "; the sound is masked"),
        ("picture", "; sound and picture are masked"),
        (None, ""),
    ],
)
def test_redactions_have_a_row(masked: str | None, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """It counts them, and names their mask in a written file. Without redactions there is no row."""
    spans = [{"call_from_s": at_s, "call_to_s": at_s + 1.25, "masked": masked} for at_s in (2.0, 7.0)]
    if masked is None:
        print_diagnosis({**diagnosis(result()), "redactions": spans}, "")
    else:
        print_outcome({**outcome(), "redactions": spans}, "")
    assert rows(capsys)["redactions"] == f"2 spans by Contact Lens, 2.5 s in all{text}"
    print_outcome(outcome(), "")
    assert "redactions" not in rows(capsys)


@pytest.mark.parametrize(
    ("choice", "text"), [("picture", "H.264 in MP4, copied, except in masks"), ("sound", "H.264 in MP4, copied")]
)
def test_a_masked_picture_is_not_all_copied(choice: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Its frames were made anew; those of masked sound weren't."""
    print_outcome({**outcome(), "masks": {"choice": choice, "output": [{"output_from_s": 1.0}]}}, "")
    assert rows(capsys)["video"] == text


def test_a_diagnosis_of_an_aligned_pair(capsys: pytest.CaptureFixture[str]) -> None:
    """Offset and drift have their intervals, and the reported end its error."""
    print_diagnosis(diagnosis(result()), "")
    shown = rows(capsys)
    assert shown["offset"] == "+2.5000 s +- 1.00 ms (95 %)"
    assert shown["drift"] == "+0.00 ppm +- 1.00 ppm (95 %)"
    assert shown["sides"] == "customer and agent; 98% of their speech matches the recording"
    assert shown["measured call end"] == "00:01:02.500; the reported one is 0.500 s early"


def test_a_diagnosis_of_an_agent_who_left(capsys: pytest.CaptureFixture[str]) -> None:
    """The call's end is no error of the reported one."""
    print_diagnosis(diagnosis(result(agent_part=Span(0.0, 40.0), spans=absent_from(40.0))), "")
    shown = rows(capsys)
    assert shown["agent's part"] == "00:00:00.000 to 00:00:40.000 of the call"
    assert shown["sides"] == "customer and agent; 100% of their speech in the agent's part matches the recording"
    assert shown["measured call end"] == "00:01:02.500, after the agent's part"


@pytest.mark.parametrize(("status", "is_listed"), [("ambiguous", True), ("insufficient", True), ("wrong_pair", False)])
def test_a_diagnosis_without_an_alignment(status: str, capsys: pytest.CaptureFixture[str], *, is_listed: bool) -> None:
    """Every number is "not measured"; the possible places are listed, but not those of different calls."""
    candidates = tuple(Candidate(8.0 * k, 8.0 * k + 60.0, 1.0, 20.0, 0.5) for k in range(2))
    print_diagnosis(diagnosis(result(status, candidates=candidates)), "")
    shown = rows(capsys)
    assert {shown[name] for name in ("offset", "drift", "clock jumps", "measured call end")} == {"not measured"}
    assert ("possible offset" in shown) is is_listed
    if is_listed:
        assert shown["possible offset"] == "+8.0000 s, with the call end at 00:01:08.000 (probability 50.0%)"
    print_diagnosis(diagnosis(result(status, candidates=candidates[:1])), "")
    assert ("(the only one)" in capsys.readouterr().out) is is_listed


def test_a_remark_follows_the_next_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a remark the line ends with the command."""
    print_outcome(outcome(), "komorebi-qc audit --demo")
    assert capsys.readouterr().out.endswith(": komorebi-qc audit --demo\n")
    print_outcome(outcome(), "komorebi-qc audit --demo", "needs the desk extra")
    assert capsys.readouterr().out.endswith(": komorebi-qc audit --demo (needs the desk extra)\n")


def printed_audit(examined: Examined | None, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines of an audit into ``out``."""
    print_audit("out/", AuditStatus(state="done", verdict="warn"), examined)
    return capsys.readouterr().out.splitlines()


def test_an_audit_names_what_is_wrong(capsys: pytest.CaptureFixture[str]) -> None:
    """The report, each finding that doesn't pass, the count, and the unified recording."""
    examined = sample_session().examined
    first, *others = examined.document["findings"]
    findings = [{**first, "status": "fail"}, *others]
    lines = printed_audit(replace(examined, document={**examined.document, "findings": findings}), capsys)
    assert lines[0] == "warn  out/report.html"
    assert lines[1] == f"FAIL  {first['name']}  {first['text']}"
    assert lines[2] == f"{len(others)} of {len(findings)} findings pass."
    assert any(line.split() == ["unified", "recording", f"out/{examined.video.name}"] for line in lines)


def test_an_audit_of_a_wrong_pair_names_no_unified_recording(capsys: pytest.CaptureFixture[str]) -> None:
    """The reason is printed without the remedies of a run that publishes."""
    text = "\n".join(printed_audit(wrong_session().examined, capsys))
    assert "No unified recording was made: the call audio and the recording belong to different calls (" in text
    assert "published" not in text
    assert "unified recording  " not in text
    assert "findings pass" not in "\n".join(printed_audit(None, capsys))
