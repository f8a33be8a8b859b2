"""A file that is never read again: what muxer and decoder do to its sound on the way is found all the same."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from captures import CAPTURES, Capture

import komorebi_qc.media.mux as render_module
from komorebi_qc.core.errors import StorageError
from komorebi_qc.core.output import RenderPlan, plan_container
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.source import Source
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, Span
from komorebi_qc.findings.seams import seam_findings
from komorebi_qc.measure.residual_lag import Block
from komorebi_qc.measure.result_check import _fuller, check_tapped, heard_at, places_of
from komorebi_qc.media.decode import AudioDecoder
from komorebi_qc.media.decode_8khz import decode_recording_8khz, exact_call
from komorebi_qc.media.mux import RenderJob, write_output
from komorebi_qc.media.probe import probe_call, probe_recording

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.core.finding import Finding
    from komorebi_qc.measure.result import ResultCheck
    from komorebi_qc.media.output_tap import OutputCapture

NAMES = ["sample", "vp8.webm"]
"""One that becomes an MP4, one a WebM."""


def source(data: bytes) -> Source:
    """Bytes as a source."""
    return Source("recording", io.BytesIO(data), len(data))


def checked(capture: Capture) -> ResultCheck:
    """A capture rendered and checked as where the result goes its way."""
    call, own = source(capture.call.read_bytes()), source(capture.recording.read_bytes())
    call_info, info = probe_call(call), probe_recording(own)
    assert info.video is not None
    assert info.audio is not None
    assert call_info.audio is not None
    container, copies = plan_container(info.video.codec, None)
    plan = RenderPlan(container, info.video.codec, copies, 16_000, 64_000)
    laid = splice(Alignment(capture.offset_s), call_s=call_info.audio.span.end_s, recording_audio=info.audio.span)
    samples = exact_call(call, call_info, None)
    assert samples is not None
    heard = heard_at(decode_recording_8khz(own, info), laid)
    out = io.BytesIO()
    job = RenderJob(laid, plan, call, own, info, info.video, samples, places_of(laid).wanted(laid))
    tapped = write_output(job, lambda _: out, lambda _: None).tapped
    assert tapped is not None
    return check_tapped(tapped, samples, laid, out.getvalue()[: 1 << 20], heard)


def findings(check: ResultCheck) -> dict[str, Finding]:
    """By name."""
    return {finding.name: finding for finding in seam_findings(check)}


def muxing(change: Callable[[int, Any], Any]) -> Callable[[Any, list[Any], OutputCapture], int]:
    """Writes the sound as the rendering does, but each packet as `change` gives it, or not at all."""
    numbers = iter(range(1 << 30))

    def mux(output: Any, packets: list[Any], twin: OutputCapture) -> int:
        for packet in packets:
            twin.note(packet)
            changed = change(next(numbers), packet)
            if changed is not None:
                output.mux(changed)
        return 0

    return mux


def late(seconds: float) -> Callable[[int, Any], Any]:
    """Every packet so much later."""

    def change(_: int, packet: Any) -> Any:
        units = round(seconds / float(packet.time_base))
        packet.pts, packet.dts = packet.pts + units, packet.dts + units
        return packet

    return change


@pytest.mark.parametrize("name", NAMES)
def test_a_sound_result_passes(name: str) -> None:
    """What nobody has touched lies where it was given to the muxer, and passes every limit."""
    check = checked(CAPTURES[name])
    assert {f.status for f in seam_findings(check)} == {"pass"}
    assert check.stamps == ()
    assert check.call.found
    assert check.own.found


@pytest.mark.parametrize("name", NAMES)
def test_sound_that_the_muxer_writes_late_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second later in the file than it was encoded for: both sources lie so far off, and the stamps say it."""
    monkeypatch.setattr(render_module, "_mux_sound", muxing(late(0.5)))
    check = checked(CAPTURES[name])
    assert check.call.median_s == pytest.approx(0.5, abs=0.002)
    assert check.own.median_s == pytest.approx(0.5, abs=0.002)
    found = findings(check)
    assert found["call_residual"].status == found["own_audio_residual"].status == "fail"
    assert found["output_audio_discontinuities"].value == pytest.approx(0.5, abs=0.002)


@pytest.mark.parametrize("name", NAMES)
def test_sound_that_is_late_from_somewhere_on_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Packets that are 40 ms late from the tenth second on are a step there, and no residual before it."""

    def change(_: int, packet: Any) -> Any:
        return packet if packet.pts * packet.time_base < 10 else late(0.04)(0, packet)

    monkeypatch.setattr(render_module, "_mux_sound", muxing(change))
    check = checked(CAPTURES[name])
    (step,) = check.stamps
    assert step.size_s == pytest.approx(0.04, abs=0.002)
    assert step.at_s == pytest.approx(10.04, abs=0.07)
    for lag in (*check.call.found, *check.own.found):
        if abs(lag.output_s - 10.0) > 0.1:
            assert lag.lag_s == pytest.approx(0.04 if lag.output_s > 10 else 0.0, abs=0.002)


@pytest.mark.parametrize("name", NAMES)
def test_sound_that_the_muxer_leaves_out_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every tenth packet missing: nothing is published of it, and the error says how many are there."""
    monkeypatch.setattr(
        render_module, "_mux_sound", muxing(lambda number, packet: packet if number % 10 != 9 else None)
    )
    with pytest.raises(StorageError, match=r"holds \d+ of the \d+ audio packets that were written"):
        checked(CAPTURES[name])


def losing(lost: Span) -> type[AudioDecoder]:
    """A reading whose packets of a stretch never come to its decoder, and nothing says so."""

    class Losing(AudioDecoder):
        def _decode(self, packet: Any) -> None:
            at_s = -1.0 if packet is None else float(packet.pts * packet.time_base)
            if not lost.start_s <= at_s < lost.end_s:
                super()._decode(packet)

    return Losing


@pytest.mark.parametrize("name", NAMES)
def test_what_the_rendering_has_lost_of_the_recording_is_found(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where its decoder falls silent for good, the same recording read before says that there was sound."""
    monkeypatch.setattr(render_module, "AudioDecoder", losing(Span(CAPTURES[name].call_end_s - 1.0, 1e9)))
    check = checked(CAPTURES[name])
    assert check.own.missing > 0.5
    assert findings(check)["own_audio_missing"].status == "fail"


def test_what_the_rendering_has_lost_next_to_a_seam_is_found(sample: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second behind the call's end that wasn't decoded: the side is quieter than its source."""
    end_s = sample.call_end_s
    whole = checked(sample).seams[-1]
    monkeypatch.setattr(render_module, "AudioDecoder", losing(Span(end_s + 0.2, end_s + 3.0)))
    spoiled = checked(sample).seams[-1]
    assert whole.after.level_db is not None
    assert spoiled.after.level_db is not None
    assert spoiled.after.source_level_db == pytest.approx(whole.after.source_level_db, abs=1.0)
    assert spoiled.after.level_db < whole.after.level_db - 10.0


def test_a_reading_a_few_milliseconds_apart_has_lost_nothing() -> None:
    """Of a gated voice, which begins and ends within a frame, what was kept stays the reference; of a lost one not."""
    at = np.arange(round(1.5 * RATE))
    voice = np.where(at // 1000 % 2 == 1, np.random.default_rng(3).normal(0, 0.1, len(at)), 0.0).astype(np.float32)
    kept = Block(np.stack([voice, voice], axis=1), RATE, 0.0)
    apart = Block(np.roll(kept.pcm, -32, axis=0), RATE, 0.0)
    assert _fuller(kept, apart) is kept
    lost = Block(kept.pcm * (at < 8000)[:, None].astype(np.float32), RATE, 0.0)
    assert _fuller(lost, apart) is apart
