"""Findings about the written audio: the worst seam by each measurement, the residual lags, the timestamps."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sentences import numbers

from komorebi_qc.core.finding import At, Finding
from komorebi_qc.core.timestamps.timing import Discontinuity
from komorebi_qc.findings.seams import UNDETERMINED, seam_findings
from komorebi_qc.measure.residual_lag import Lag, Residual
from komorebi_qc.measure.result import ResultCheck
from komorebi_qc.measure.seam import SeamCheck, Side

SIDE = Side(0.0, -22.0, -22.0, 3400.0)
SEAM = SeamCheck(2.0, ("recording", "call"), SIDE, SIDE, 0.0, 0.0, -3.0)
MUTE = SeamCheck(
    50.0, ("call", "recording"), Side(None, None, None, None), Side(None, None, None, None), None, 0.0, -3.0
)


def residual(*lags_s: float, missed: int = 0) -> Residual:
    """Windows found at lags, and windows that weren't found."""
    found = [Lag(5.0 * k, lag, 60.0) for k, lag in enumerate(lags_s)]
    return Residual((*found, *(Lag(90.0 + k, 0.3, 1.0) for k in range(missed))))


GOOD = ResultCheck((SEAM,), residual(*[0.0001] * 10), residual(*[-0.0002] * 10), ())


def found(check: ResultCheck) -> dict[str, Finding]:
    """The findings by name."""
    return {f.name: f for f in seam_findings(check)}


def seams(*each: SeamCheck) -> dict[str, Finding]:
    """The findings of a good output with these seams."""
    return found(replace(GOOD, seams=each))


def test_a_good_output() -> None:
    """Every finding passes; without seams there are those of lags and timestamps alone."""
    names = [
        "seam_gap", "seam_level_step", "seam_level_added", "seam_click", "seam_bandwidth",
        "call_residual", "call_missing", "own_audio_residual", "own_audio_missing", "output_audio_discontinuities",
    ]  # fmt: skip
    assert [(f.name, f.status) for f in seam_findings(GOOD)] == [(name, "pass") for name in names]
    assert list(found(replace(GOOD, seams=()))) == names[5:]


def test_a_seam_that_can_not_be_measured() -> None:
    """No value, and it passes; the click alone can always be measured."""
    all_of_it = seams(MUTE)
    for name in ("seam_gap", "seam_level_step", "seam_level_added", "seam_bandwidth"):
        assert (all_of_it[name].value, all_of_it[name].status, all_of_it[name].at) == (UNDETERMINED, "pass", None)
    assert all_of_it["seam_click"].value == -3.0
    both = seams(MUTE, SEAM)
    assert "1 of 2 seams" in both["seam_gap"].text
    assert "2 of 2 seams" in both["seam_click"].text
    assert "1 of 1 seam could" in seams(SEAM)["seam_gap"].text


@pytest.mark.parametrize(
    ("hole_s", "value", "status"),
    [(0.005, 0.005, "pass"), (0.0051, 0.0051, "warn"), (0.06, 0.06, "warn"), (0.0601, 0.0601, "fail")],
)
def test_a_silent_gap(hole_s: float, value: float, status: str) -> None:
    """Over 5 ms warns, over 60 ms fails."""
    gap = seams(SEAM, replace(SEAM, output_s=62.5, hole_s=hole_s))["seam_gap"]
    assert (gap.value, gap.status, gap.limit, gap.at) == (value, status, 0.005, At("output", 62.5))
    if status != "pass":
        assert numbers(gap.text)[:2] == ["00:01:02.500", f"{hole_s * 1000:.1f}"]
        assert f"At the seam at 00:01:02.500, the audio is silent for {hole_s * 1000:.1f} ms." in gap.text


@pytest.mark.parametrize(("shift_s", "words"), [(0.03, "audio of 30.0 ms was added"), (-0.03, "is missing or doubled")])
def test_a_shift_at_a_seam(shift_s: float, words: str) -> None:
    """Later audio was added, earlier audio is missing or doubled: the larger of two, whatever its sign."""
    moved = replace(SEAM, output_s=40.0, after=replace(SIDE, lag_s=shift_s))
    gap = seams(replace(SEAM, hole_s=0.02), moved)["seam_gap"]
    assert (gap.value, gap.status, gap.at) == (shift_s, "warn", At("output", 40.0))
    assert "30.0" in numbers(gap.text)
    assert words in gap.text


@pytest.mark.parametrize(
    ("after_db", "value", "status", "word"),
    [(-10.0, 12.0, "pass", "louder"), (-9.9, 12.1, "warn", "louder"), (-34.5, -12.5, "warn", "quieter")],
)
def test_a_step_in_level(after_db: float, value: float, status: str, word: str) -> None:
    """The step of the speech, with the one of the sources."""
    stepped = replace(SEAM, after=replace(SIDE, level_db=after_db, source_level_db=-18.0))
    step = seams(SEAM, stepped)["seam_level_step"]
    assert step.value == pytest.approx(value)
    assert (step.status, step.limit) == (status, 12.0)
    assert word in step.text
    assert numbers(step.text)[1:3] == [f"{abs(value):.1f}", "+4.0"]
    unknown = seams(replace(stepped, before=replace(SIDE, source_level_db=None)))["seam_level_step"]
    assert "+4.0" not in unknown.text


@pytest.mark.parametrize(
    ("source_db", "value", "status"),
    [(-23.0, 1.0, "pass"), (-23.1, 1.1, "warn"), (-16.0, -6.0, "warn"), (-28.1, 6.1, "fail")],
)
def test_a_step_that_joining_added(source_db: float, value: float, status: str) -> None:
    """A step that the sources don't have warns over 1 dB and fails over 6 dB."""
    added = seams(replace(SEAM, after=replace(SIDE, source_level_db=source_db)))["seam_level_added"]
    assert added.value == pytest.approx(value)
    assert (added.status, added.limit) == (status, 1.0)
    assert f"{value:+.1f}" in numbers(added.text)


@pytest.mark.parametrize(("click_db", "status"), [(6.0, "pass"), (6.01, "warn")])
def test_a_click(click_db: float, status: str) -> None:
    """The sharpest seam counts, of three."""
    click = seams(SEAM, replace(SEAM, output_s=9.0, click_db=click_db), replace(SEAM, click_db=-20.0))["seam_click"]
    assert (click.value, click.status, click.limit, click.at) == (click_db, status, 6.0, At("output", 9.0))
    assert ("6.0" in numbers(click.text)) is (status == "warn")
    assert "3 of 3 seams" in click.text


@pytest.mark.parametrize(("bandwidth_hz", "value", "status"), [(2799.6, 2800, "pass"), (2700.0, 2700, "warn")])
def test_the_narrower_side(bandwidth_hz: float, value: int, status: str) -> None:
    """Of all seams the one with the narrowest side, whichever side that is."""
    narrow = replace(SEAM, output_s=9.0, after=replace(SIDE, bandwidth_hz=bandwidth_hz))
    bandwidth = seams(SEAM, narrow)["seam_bandwidth"]
    assert (bandwidth.value, bandwidth.status, bandwidth.limit) == (value, status, 2800.0)
    assert bandwidth.at == At("output", 9.0)
    assert numbers(bandwidth.text)[1:3] == ["3400", f"{bandwidth_hz:.0f}"]
    before = seams(replace(SEAM, before=replace(SIDE, bandwidth_hz=bandwidth_hz)), SEAM)["seam_bandwidth"]
    assert before.value == value
    assert ("muffled" in before.text) is (status == "warn")


@pytest.mark.parametrize("name", ["call", "own_audio"])
def test_residual_lags(name: str) -> None:
    """95 % of the found windows stay within it; 1 ms passes, 20 ms warn, more fails."""
    field = {"call": "call", "own_audio": "own"}[name]
    for lag_s, status in ((0.001, "pass"), (-0.0011, "warn"), (0.02, "warn"), (-0.021, "fail")):
        check = replace(GOOD, **{field: residual(*[lag_s] * 9, missed=1)})  # type: ignore[arg-type]
        lag = found(check)[f"{name}_residual"]
        assert lag.value == pytest.approx(abs(lag_s))
        assert (lag.status, lag.limit) == (status, 0.001)
        said = numbers(lag.text)
        assert said == [f"{abs(lag_s) * 1000:.1f}", "95", "9", f"{round(lag_s * 1000, 1):.1f}"]


@pytest.mark.parametrize(
    ("sure", "missed", "value", "status"),
    [(3, 1, 0.25, "pass"), (2, 1, 0.3333, "warn"), (2, 2, 0.5, "warn"), (2, 3, 0.6, "fail")],
)
def test_windows_that_are_missing(sure: int, missed: int, value: float, status: str) -> None:
    """Over a quarter warns, over a half fails."""
    check = replace(GOOD, call=residual(*[0.0] * sure, missed=missed))
    missing = found(check)["call_missing"]
    assert (missing.value, missing.status, missing.limit) == (value, status, 0.25)
    assert numbers(missing.text) == [str(sure), str(sure + missed)]


def test_too_few_windows_prove_nothing() -> None:
    """Of two windows both may be missing; without any there is no lag either."""
    few = found(replace(GOOD, call=residual(missed=2)))
    assert (few["call_missing"].value, few["call_missing"].status) == (UNDETERMINED, "pass")
    assert (few["call_residual"].value, few["call_residual"].status) == (UNDETERMINED, "pass")
    assert "none of its" in few["call_residual"].text
    silent = found(replace(GOOD, own=residual()))
    assert "silent" in silent["own_audio_residual"].text
    assert silent["own_audio_missing"].value == UNDETERMINED


def test_output_timestamps() -> None:
    """The largest gap or overlap counts, whatever its sign, with its place and their number."""
    stamps = Discontinuity(3.0, 0.01), Discontinuity(70.25, -0.04), Discontinuity(80.0, 0.02)
    worst = found(replace(GOOD, discontinuities=stamps))["output_audio_discontinuities"]
    assert (worst.value, worst.status, worst.limit, worst.at) == (-0.04, "warn", 0.005, At("output", 70.25))
    assert numbers(worst.text) == ["3", "-40.0", "00:01:10.250"]
    one = found(replace(GOOD, discontinuities=(Discontinuity(3.0, 0.061),)))["output_audio_discontinuities"]
    assert (one.status, numbers(one.text)[0]) == ("fail", "1")
    none = found(GOOD)["output_audio_discontinuities"]
    assert (none.value, none.at) == (0.0, None)
