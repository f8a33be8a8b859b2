"""Findings about the written file, and which families a run and a diagnosis have."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from sentences import numbers
from sync_results import sync_result

from komorebi_qc.core.media_info import AudioInfo, MediaInfo, VideoInfo
from komorebi_qc.core.output import Rendered, RenderPlan
from komorebi_qc.core.privacy.masks import Masks
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, CallEnd, Span
from komorebi_qc.core.timestamps.timing import AudioTiming, Discontinuity, Timing, VideoTiming
from komorebi_qc.findings.evidence import Evidence, PairLevels, Placement
from komorebi_qc.findings.families import pair_findings, run_findings
from komorebi_qc.findings.output import output_findings
from komorebi_qc.measure.levels import ChannelLevels
from komorebi_qc.measure.residual_lag import Residual
from komorebi_qc.measure.result import ResultCheck

if TYPE_CHECKING:
    from komorebi_qc.core.finding import Finding
from komorebi_qc.core.limits import DEFAULT, LIMITS

CALL_AUDIO = AudioInfo("pcm_s16le", 8000, 2, None, Span(0.0, 60.0))
CALL = MediaInfo("call.wav", "wav", None, CALL_AUDIO, 0.0, 0, 0.0)
VIDEO = VideoInfo("h264", 1280, 720, 1500, Span(0.0, 75.0), 0, Fraction(1, 1000))
OWN = AudioInfo("opus", 48000, 1, 3000, Span(0.0, 75.0))
RECORDING = MediaInfo("agent.mp4", "mp4", VIDEO, OWN, 0.0, 0, 0.0)
SPLICE = splice(Alignment(2.0), call_s=60.0, recording_audio=OWN.span)
COPIED = RenderPlan("mp4", "h264", copies_video=True, audio_rate=16_000, audio_bit_rate=64_000)
RUN = Evidence(
    CALL,
    CALL_AUDIO,
    RECORDING,
    VIDEO,
    CallEnd(62.0, 1.0),
    Placement(Alignment(2.0), "measured", sync_result()),
    SPLICE,
    Span(62.0, 75.0),
    COPIED,
    Rendered(1500, 75.0, 0),
)
NOTHING = Residual(())
SILENT = ChannelLevels(
    1.0,
    8000,
    None,
    None,
    None,
    None,
    0.0,
    None,
    0,
    0,
    0.0,
    1.0,
    True,  # noqa: FBT003  is_dead
    (),
    0,
    (),
    (),
    None,
    None,
    None,
    0,
)


def found(run: Evidence) -> dict[str, Finding]:
    """The findings by name."""
    return {f.name: f for f in output_findings(run)}


def test_a_copied_video_passes() -> None:
    """All packets are copied and nothing is damaged."""
    all_of_it = found(RUN)
    assert {name: (f.value, f.status) for name, f in all_of_it.items()} == {
        "recording_audio_damage": (0, "pass"),
        "video_reencoded": (0, "pass"),
        "video_frames_lost": (0, "pass"),
    }
    assert "H.264" in all_of_it["video_reencoded"].text
    assert numbers(all_of_it["video_frames_lost"].text) == ["1500"]
    single = replace(RUN, video=replace(VIDEO, packets=1), rendered=Rendered(1, 75.0, 0))
    assert "only frame" in found(single)["video_frames_lost"].text


@pytest.mark.parametrize(("count", "words"), [(1, ("1 audio packet ", " is silent")), (4, ("4 audio packets", " are"))])
def test_damaged_audio_fails(count: int, words: tuple[str, str]) -> None:
    """Each packet that can't be decoded is silent."""
    damage = found(replace(RUN, rendered=Rendered(1500, 75.0, count)))["recording_audio_damage"]
    assert (damage.value, damage.status) == (count, "fail")
    assert all(word in damage.text for word in words)


@pytest.mark.parametrize(("codec", "advice"), [("vp8", True), ("mpeg4", False)])
def test_a_reencoded_video_warns(codec: str, *, advice: bool) -> None:
    """Every frame counts; the sentence advises another container if one can hold the codec."""
    plan = RenderPlan("mp4", "h264", copies_video=False, audio_rate=16_000, audio_bit_rate=64_000)
    again = found(replace(RUN, plan=plan, video=replace(VIDEO, codec=codec)))["video_reencoded"]
    assert (again.value, again.status) == (1500, "warn")
    assert all(name in again.text for name in ("MP4", codec.upper(), "H.264"))
    assert ("A copy needs WebM: write --out without an extension or with .webm" in again.text) is advice
    assert ("`auto`" in again.text) is advice


def test_a_video_reencoded_into_webm_needs_mp4() -> None:
    """The names are those that people use."""
    plan = RenderPlan("webm", "vp9", copies_video=False, audio_rate=48_000, audio_bit_rate=64_000)
    text = found(replace(RUN, plan=plan))["video_reencoded"].text
    assert text.startswith("WebM can't hold H.264. The video was re-encoded to VP9, frame by frame. A copy needs MP4:")
    assert "WEBM" not in text


def test_frames_made_again_for_a_mask_pass() -> None:
    """The copy is still one, and the sentence counts the new frames."""
    copied = found(replace(RUN, rendered=Rendered(1500, 75.0, 0, masked_frames=120, remade_frames=150)))
    again = copied["video_reencoded"]
    assert (again.value, again.status) == (0, "pass")
    assert numbers(again.text)[-2:] == ["150", "120"]


def test_a_video_that_cant_be_masked_in_place_warns() -> None:
    """The sentence gives the masks as the reason, and no advice for a copy."""
    plan = RenderPlan("mp4", "h264", copies_video=False, audio_rate=16_000, audio_bit_rate=64_000)
    masks = Masks("picture", (Span(1.0, 2.0),), (Span(3.0, 4.0),), (Span(3.0, 4.0),))
    video = replace(VIDEO, codec="hevc", pixel_format="yuv420p10le")
    again = found(replace(RUN, plan=plan, video=video, masks=masks))["video_reencoded"]
    assert (again.value, again.status) == (1500, "warn")
    assert again.text == (
        "HEVC (yuv420p10le) can't be masked in place. The whole video was re-encoded to H.264, frame by frame, because "
        "of the masks."
    )


def test_lost_frames_fail() -> None:
    """Frames of the recording that aren't in the output are counted; surplus frames count as zero."""
    lost = found(replace(RUN, rendered=Rendered(1497, 75.0, 0)))["video_frames_lost"]
    assert (lost.value, lost.status) == (3, "fail")
    assert numbers(lost.text) == ["3", "1500"]
    assert found(replace(RUN, rendered=Rendered(1501, 75.0, 0)))["video_frames_lost"].value == 0


def test_a_run_has_the_pairs_findings_and_the_files() -> None:
    """The pair's first, then the file's; a checked file has the result's too."""
    pair = [f.name for f in pair_findings(RUN.pair)]
    assert pair[0] == "sync_status"
    assert [f.name for f in run_findings(RUN)] == [*pair, *found(RUN)]
    checked = replace(RUN, check=ResultCheck((), NOTHING, NOTHING, ()))
    assert [f.name for f in run_findings(checked)][-1] == "output_audio_discontinuities"
    assert "call_residual" in found(checked)
    assert "call_residual" not in found(RUN)


def test_families_that_were_not_measured_are_absent() -> None:
    """Levels and timestamps come in where they were measured; the recording's levels only with an audio track."""
    names = {f.name for f in run_findings(RUN)}
    unmeasured = replace(RUN, placement=replace(RUN.placement, measured=None))
    assert "sync_status" not in {f.name for f in run_findings(unmeasured)}
    assert not any(name.endswith("digital_silence") or name == "video_freeze" for name in names)
    timing = Timing(0.0, None, VideoTiming(0.0, Span(0.0, 75.0), 1500, 0.05, Span(0.0, 0.05)))
    levels = PairLevels(SILENT, SILENT, SILENT, has_recording_audio=True)
    measured = [f.name for f in run_findings(replace(RUN, timing=timing, levels=levels))]
    assert "video_freeze" in measured
    assert [name for name in measured if name.endswith(("digital_silence", "_sound"))] == [
        "call_digital_silence",
        "call_customer_sound",
        "call_agent_sound",
        "recording_digital_silence",
        "recording_sound",
    ]
    without = replace(RUN, levels=replace(levels, has_recording_audio=False))
    assert "recording_digital_silence" not in {f.name for f in run_findings(without)}
    assert "call_agent_sound" in {f.name for f in run_findings(without)}


def test_limits_reach_every_family() -> None:
    """With all limits switched off every finding with a limit passes and has no limit value."""
    off = DEFAULT.changed_by(*(f"{row.name}=off" for row in LIMITS))
    timing = Timing(
        0.0,
        AudioTiming(0.5, Span(0.5, 70.0), 60.0, 9, (Discontinuity(3.0, 5.0), Discontinuity(9.0, -1.0))),
        VideoTiming(0.0, Span(0.0, 75.0), 1500, 0.05, Span(0.0, 30.0)),
    )
    far = replace(
        RUN,
        placement=Placement(Alignment(30.0), "manual", replace(sync_result(), drift_ppm=500.0)),
        recording=replace(RECORDING, missing_bytes=9, missing_s=3.0, origin_s=9000.0),
        call=replace(CALL, missing_s=2.0),
        splice=replace(SPLICE, left_out=(Span(5.0, 6.0),)),
        rendered=Rendered(1000, 75.0, 5),
        timing=timing,
        levels=PairLevels(SILENT, SILENT, SILENT, has_recording_audio=True),
        check=ResultCheck((), NOTHING, NOTHING, (Discontinuity(3.0, 0.5),)),
    )
    judged, unjudged = run_findings(far), run_findings(far, off)
    # a silent track passes there, so that its other findings follow
    assert {f.name for f in judged} < {f.name for f in unjudged}
    assert len([f for f in judged if f.status != "pass"]) > 15
    assert {f.status for f in unjudged if f.limit_name} == {"pass"}
    assert {f.limit for f in unjudged} == {None}
    by_call_end = replace(far, placement=Placement(Alignment(30.0), "call_end", None))
    assert {f.status for f in run_findings(by_call_end, off)} == {"pass"}
