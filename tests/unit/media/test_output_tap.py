"""The capture of an output: the check finds faults of muxer and decoder without reading the file again."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest
from captures import CAPTURES, Capture
from lossy import losing_audio
from reread import read_again, recorded_audio

from komorebi_qc.core.errors import StorageError
from komorebi_qc.core.output import RenderPlan, plan_container
from komorebi_qc.core.source import Source
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, Span
from komorebi_qc.findings.seams import seam_findings
from komorebi_qc.measure.check_spans import capture_spans
from komorebi_qc.measure.result_check import check_result, reference_blocks
from komorebi_qc.media.decode_8khz import decode_recording_8khz, exact_call
from komorebi_qc.media.mux import RenderJob, write, write_output
from komorebi_qc.media.mux.audio_track import AudioMuxer
from komorebi_qc.media.probe import probe_call, probe_recording

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.core.finding import Finding
    from komorebi_qc.measure.result import ResultCheck

NAMES = ["sample", "vp8.webm"]
"""One that becomes an MP4, one a WebM."""


def source(data: bytes) -> Source:
    """Bytes as a source."""
    return Source("recording", io.BytesIO(data), len(data))


def checked(capture: Capture, *, again: bool = False) -> ResultCheck:
    """Write an output from a capture, and check it; with `again` by reading the finished file."""
    call, own = source(capture.call.read_bytes()), source(capture.recording.read_bytes())
    call_info, info = probe_call(call), probe_recording(own)
    assert info.video is not None
    assert info.audio is not None
    assert call_info.audio is not None
    container, copies = plan_container(info.video.codec, None)
    plan = RenderPlan(container, info.video.codec, copies, 16_000, 64_000)
    planned = splice(Alignment(capture.offset_s), call_s=call_info.audio.span.end_s, recording_audio=info.audio.span)
    pcm = exact_call(call, call_info, None)
    assert pcm is not None
    out = io.BytesIO()
    job = RenderJob(planned, plan, call, own, info, info.video, pcm, capture_spans(planned))
    captured = write_output(job, lambda _: out, lambda _: None).captured
    assert captured is not None
    if again:
        return check_result(read_again(source(out.getvalue()), recorded_audio(own, info, planned)), pcm, planned, b"")
    reference = reference_blocks(decode_recording_8khz(own, info), planned)
    return check_result(captured, pcm, planned, out.getvalue()[: 1 << 20], reference)


def findings(check: ResultCheck) -> dict[str, Finding]:
    """By name."""
    return {finding.name: finding for finding in seam_findings(check)}


def muxing(change: Callable[[int, Any], Any]) -> Callable[[AudioMuxer, list[Any]], int]:
    """A fault of the muxer: each packet is written as `change` returns it, or not at all for None."""
    numbers = iter(range(1 << 30))

    def write(muxer: AudioMuxer, packets: list[Any]) -> int:
        assert muxer.capture is not None
        for packet in packets:
            muxer.capture.note(packet)
            changed = change(next(numbers), packet)
            if changed is not None:
                muxer.output.mux(changed)
        return 0

    return write


def late(seconds: float) -> Callable[[int, Any], Any]:
    """Move every packet by `seconds`."""

    def change(_: int, packet: Any) -> Any:
        units = round(seconds / float(packet.time_base))
        packet.pts, packet.dts = packet.pts + units, packet.dts + units
        return packet

    return change


@pytest.mark.parametrize("name", NAMES)
def test_a_capture_gives_the_same_check_as_the_finished_file(name: str) -> None:
    """Every number is equal to the last digit, apart from timestamps that the container rounds."""
    captured, again = checked(CAPTURES[name]), checked(CAPTURES[name], again=True)
    assert captured.seams == again.seams
    assert captured.call == again.call
    assert captured.own == again.own
    assert captured.discontinuities == again.discontinuities == ()


@pytest.mark.parametrize("name", NAMES)
def test_a_good_output_passes(name: str) -> None:
    """An untouched output has its audio at the muxed timestamps, and passes every limit."""
    check = checked(CAPTURES[name])
    assert {f.status for f in seam_findings(check)} == {"pass"}
    assert check.discontinuities == ()
    assert check.call.found
    assert check.own.found


@pytest.mark.parametrize("name", NAMES)
def test_audio_that_the_muxer_writes_late_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The muxer writes half a second late: both sources and the timestamps are late by half a second."""
    monkeypatch.setattr(AudioMuxer, "write", muxing(late(0.5)))
    check = checked(CAPTURES[name])
    assert check.call.median_s == pytest.approx(0.5, abs=0.002)
    assert check.own.median_s == pytest.approx(0.5, abs=0.002)
    found = findings(check)
    assert found["call_residual"].status == found["own_audio_residual"].status == "fail"
    assert found["output_audio_discontinuities"].value == pytest.approx(0.5, abs=0.002)


@pytest.mark.parametrize("name", NAMES)
def test_audio_that_is_late_from_some_moment_on_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packets that are 40 ms late from the tenth second on are a step there, and no residual before it."""

    def change(_: int, packet: Any) -> Any:
        return packet if packet.pts * packet.time_base < 10 else late(0.04)(0, packet)

    monkeypatch.setattr(AudioMuxer, "write", muxing(change))
    check = checked(CAPTURES[name])
    (step,) = check.discontinuities
    assert step.size_s == pytest.approx(0.04, abs=0.002)
    assert step.at_s == pytest.approx(10.04, abs=0.07)
    for lag in (*check.call.found, *check.own.found):
        if abs(lag.output_s - 10.0) > 0.1:
            assert lag.lag_s == pytest.approx(0.04 if lag.output_s > 10 else 0.0, abs=0.002)


@pytest.mark.parametrize("name", NAMES)
def test_audio_that_the_muxer_leaves_out_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """If every tenth packet is missing, no file is published, and the error has the number of present packets."""
    monkeypatch.setattr(AudioMuxer, "write", muxing(lambda number, packet: packet if number % 10 != 9 else None))
    with pytest.raises(StorageError, match=r"holds \d+ of the \d+ audio packets that were written"):
        checked(CAPTURES[name])


@pytest.mark.parametrize("name", NAMES)
def test_recording_audio_lost_by_the_decoder_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The decoder of the mix falls silent; the reference decoding shows that there was audio."""
    monkeypatch.setattr(write, "PacketDemuxer", losing_audio(Span(CAPTURES[name].call_end_s - 1.0, 1e9)))
    check = checked(CAPTURES[name])
    assert check.own.missing > 0.5
    assert findings(check)["own_audio_missing"].status == "fail"


def test_audio_lost_next_to_a_seam_is_found(sample: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second behind the call's end that wasn't decoded: the side is quieter than its source."""
    end_s = sample.call_end_s
    whole = checked(sample).seams[-1]
    monkeypatch.setattr(write, "PacketDemuxer", losing_audio(Span(end_s + 0.2, end_s + 3.0)))
    spoiled = checked(sample).seams[-1]
    assert whole.added_step_db == pytest.approx(0.0, abs=0.3)
    assert spoiled.after.source_level_db == pytest.approx(whole.after.source_level_db, abs=1.0)
    assert spoiled.added_step_db is not None
    assert spoiled.added_step_db < -3.0
