"""Why a group stands out, and its recordings."""

from __future__ import annotations

from fleet_rows import failing, fleet, row

from komorebi_qc.fleet.narrative.answers import answers
from komorebi_qc.fleet.narrative.sentences import group_reasons_text
from komorebi_qc.fleet.page.page import fleet_html
from komorebi_qc.fleet.study.group_reasons import GroupFinding
from komorebi_qc.fleet.study.study import Study, study_of


def study() -> Study:
    """Agent 3 has jumps; everybody has a few calls with noise."""
    rows = []
    for n in range(2_000):
        noisy = failing(failures=["call_snr", "call_snr"], sync_status="aligned") if n % 51 == 7 else {}
        bad = failing(failures=["jumps"], sync_status="aligned", report=f"_reports/{n}/report.html")
        rows.append(row(n, **(bad if n % 20 == 3 else {} if n % 10 == 3 else noisy)))
    return study_of(fleet(*rows))


def test_the_finding_that_a_group_has_more_often() -> None:
    """Jumps are the agent's; noise isn't, because others have as much of it."""
    found = study()
    (one,) = found.stand_outs
    assert (one.group.name, one.bad, one.base) == ("agent-3", 100, 200)
    reasons = found.group_reasons[one]
    assert reasons.findings == (GroupFinding("jumps", 100, 0),)
    assert len(reasons.recordings) == 12
    assert reasons.recordings[0].report == f"_reports/{int(reasons.recordings[0].recording_id[-5:])}/report.html"
    assert group_reasons_text(one, reasons) == "Why: jumps (50.0 %, against 0 % of all others)."
    assert "Why: jumps (50.0 %" in answers(found)[2].sentences[0][0]


def test_a_report_of_a_group_is_linked() -> None:
    """A recording whose report can be opened is a link; the others are names."""
    found = study()
    first, second = found.group_reasons[found.stand_outs[0]].recordings[:2]
    page = fleet_html(found, (), {first.report or "": "_reports/3/report.html"})
    assert f'<li><a href="_reports/3/report.html">{first.recording_id}</a></li><li>{second.recording_id}</li>' in page
    assert "<summary>The first 12 of its 100 recordings</summary>" in page


def test_errors_are_the_reasons_of_recordings_that_couldnt_be_examined() -> None:
    """Their class is compared in the same way."""
    gone = {"status": "failed", "verdict": None, "error_class": "MediaError"}
    rows = [row(n, **(gone if n % 10 == 3 else {})) for n in range(400)]
    found = study_of(fleet(*rows))
    reasons = found.group_reasons[found.stand_outs[0]]
    assert reasons.findings == (GroupFinding("MediaError", 40, 0),)


def test_several_small_causes() -> None:
    """If no single finding is more frequent by enough, the sentence is different."""
    found = study()
    one = found.stand_outs[0]
    reasons = type(found.group_reasons[one])((), ())
    assert group_reasons_text(one, reasons) == "No single finding explains it: it has more of several."
    assert group_reasons_text(one, None) == ""
