"""The check of a written file: deliberate faults are found with their size, and clean results pass."""

from __future__ import annotations

import io
import math
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from captures import CAPTURES, Capture
from made import Shape, noise, recording, wav
from measure import decode_audio
from reread import read_again, recorded_audio

from komorebi_qc.core.output import RenderPlan, plan_container
from komorebi_qc.core.source import Source
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, Jump
from komorebi_qc.findings.seams import UNDETERMINED, seam_findings
from komorebi_qc.measure.check_spans import capture_spans
from komorebi_qc.measure.residual_lag import Block
from komorebi_qc.measure.result_check import check_result, followed_sound, more_complete, reference_blocks
from komorebi_qc.media.decode_8khz import decode_call_8khz, decode_recording_8khz, exact_call
from komorebi_qc.media.mux import RenderJob, write_output
from komorebi_qc.media.probe import probe_call, probe_recording

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from reread import Recorded

    from komorebi_qc.core.finding import Finding
    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.output import CapturedAudio
    from komorebi_qc.core.samples import Track
    from komorebi_qc.core.splice import Splice
    from komorebi_qc.measure.alignment_residual import OwnSound
    from komorebi_qc.measure.result import ResultCheck
    from komorebi_qc.media.plain_call.wav import PlainPcm

    Pcm = NDArray[np.float32]

RATE = 16_000
CALL_S, OFFSET_S, OWN_S = 20.0, 6.0, 34.0


@dataclass(frozen=True)
class Made:
    """A pair, and the output written from it. The inputs are decoded once, for all checks.

    Attributes:
        call: the call audio's bytes.
        own: the recording's bytes.
        output: the written file's bytes.
        captured: the capture of the output while it was written.
        splice: the splice to check it against.
    """

    call: bytes
    own: bytes
    output: bytes
    captured: CapturedAudio
    splice: Splice

    def check(self) -> ResultCheck:
        """Check the output from its capture."""
        start = self.output[: 1 << 20]
        return check_result(self.captured, self.pcm, self.splice, start, self.reference, self.followed)

    def check_file(self, output: bytes) -> ResultCheck:
        """Check a file, read again from its start."""
        captured = read_again(source(output), self.recorded)
        return check_result(captured, self.pcm, self.splice, b"")

    @property
    def info(self) -> MediaInfo:
        """The recording as probed."""
        return probed(self.own)

    @cached_property
    def followed(self) -> tuple[OwnSound, ...]:
        """The sound that both sides share."""
        return followed_sound(call_8khz(self.call), own_8khz(self.own), self.splice)

    @cached_property
    def reference(self) -> tuple[Block, ...]:
        """The recording's own blocks."""
        return reference_blocks(own_8khz(self.own), self.splice)

    @cached_property
    def recorded(self) -> Recorded:
        """The recording's audio at the checked places."""
        return recorded_audio(source(self.own), self.info, self.splice)

    @property
    def pcm(self) -> PlainPcm:
        """The call audio."""
        call = source(self.call)
        pcm = exact_call(call, probe_call(call), None)
        assert pcm is not None
        return pcm


def source(data: bytes) -> Source:
    """Bytes as a source."""
    return Source("bytes", io.BytesIO(data), len(data))


@cache
def probed(own: bytes) -> MediaInfo:
    """A recording as probed."""
    return probe_recording(source(own))


@cache
def own_8khz(own: bytes) -> NDArray[np.int16]:
    """A recording's audio."""
    return decode_recording_8khz(source(own), probed(own))


@cache
def call_8khz(call: bytes) -> Track:
    """The call audio of a pair."""
    return decode_call_8khz(source(call), probe_call(source(call)))


def made(call: bytes, own: bytes, alignment: Alignment, *, used: Alignment | None = None) -> Made:
    """Render by the alignment `used` what is to be judged by `alignment`."""
    info, audio = probed(own), probe_call(source(call)).audio
    assert info.video is not None
    assert audio is not None
    span = info.audio.span if info.audio is not None else None
    container, copies = plan_container(info.video.codec, None)
    plan = RenderPlan(container, info.video.codec, copies, RATE, 64_000)
    planned = splice(used or alignment, call_s=audio.span.end_s, recording_audio=span)
    expected = splice(alignment, call_s=audio.span.end_s, recording_audio=span)
    out = io.BytesIO()
    job = RenderJob(
        planned,
        plan,
        source(call),
        source(own),
        info,
        info.video,
        call_pcm=exact_call(source(call), probe_call(source(call)), None),
        capture=capture_spans(expected),
    )
    captured = write_output(job, lambda _: out, lambda _: None).captured
    assert captured is not None
    return Made(call, own, out.getvalue(), captured, expected)


@cache
def of(capture: Capture, *, error_s: float = 0.0) -> Made:
    """A capture, rendered with an offset that is wrong by `error_s`."""
    right = Alignment(capture.offset_s)
    used = Alignment(capture.offset_s + error_s)
    return made(capture.call.read_bytes(), capture.recording.read_bytes(), right, used=used)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Noise on both sides of both seams, so that all can be measured: equally loud in the call and in the recording."""
    folder = tmp_path_factory.mktemp("pair")
    # Seeds whose bursts go on across both seams.
    call = np.stack([noise(CALL_S, 8000, 1), noise(CALL_S, 8000, 2)], axis=1)
    own = recording(folder / "own.webm", Shape(seconds=OWN_S), noise(OWN_S, 48_000, 43))
    return made(wav(folder / "call.wav", call).read_bytes(), own.read_bytes(), Alignment(OFFSET_S))


def lossless(pcm: Pcm, *, holes: tuple[int, ...] = (), shift: tuple[int, float] | None = None) -> bytes:
    """The samples in Matroska as they are, 1,024 a packet: some left out, or stamped otherwise from one on."""
    out = io.BytesIO()
    with av.open(out, "w", format="matroska") as file:
        stream: Any = file.add_stream("pcm_f32le", rate=RATE)
        stream.layout = "stereo"
        for number in range(math.ceil(len(pcm) / 1024)):
            if number in holes:
                continue
            part = np.ascontiguousarray(pcm[number * 1024 : number * 1024 + 1024].reshape(1, -1))
            frame = av.AudioFrame.from_ndarray(part, format="flt", layout="stereo")
            late = round(shift[1] * RATE) if shift is not None and number >= shift[0] else 0
            frame.sample_rate, frame.pts = RATE, number * 1024 + late
            file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    return out.getvalue()


@cache
def _samples(output: bytes, suffix: str, folder: Path) -> Pcm:
    path = folder / f"out{suffix}"
    path.write_bytes(output)
    pcm, rate = decode_audio(path)
    assert rate in (RATE, 48_000)
    return pcm[:: rate // RATE]


@pytest.fixture
def played(pair: Made, tmp_path: Path) -> Pcm:
    """The samples of the made pair's output, to be spoiled."""
    return _samples(pair.output, ".webm", tmp_path).copy()


def findings(check: ResultCheck) -> dict[str, Finding]:
    """By name."""
    return {finding.name: finding for finding in seam_findings(check)}


def at(seconds: float) -> int:
    """The sample there."""
    return round(seconds * RATE)


SEAM = OFFSET_S + CALL_S
"""The call's end on the output clock."""


def test_every_capture_passes(capture: Capture) -> None:
    """The output of a real capture is within a tenth of a millisecond of the plan and passes every limit."""
    check = of(capture).check()
    assert {f.status for f in seam_findings(check)} == {"pass"}
    assert [seam.sources for seam in check.seams] == [("recording", "call"), ("call", "recording")]
    assert check.call.p95_s is not None
    assert check.call.p95_s < 1e-4
    assert check.own.p95_s is not None
    assert check.own.p95_s < 1e-4
    assert check.call.missing == check.own.missing == 0.0
    assert check.discontinuities == ()
    assert all(abs(seam.added_step_db or 0.0) < 0.3 for seam in check.seams)


def test_a_clean_pair_passes_and_all_of_it_is_measured(pair: Made) -> None:
    """With audio on both sides of each seam, every finding has a value."""
    found = findings(pair.check())
    assert {name: f.status for name, f in found.items() if f.status != "pass"} == {}
    assert UNDETERMINED not in {f.value for f in found.values()}
    assert found["seam_gap"].value == 0.0


@pytest.mark.parametrize("error_ms", [0.0, 8.0, -40.0])
@pytest.mark.parametrize("name", ["sample", "vp8.webm"])
def test_a_wrong_plan_is_measured_against_the_recording(name: str, error_ms: float) -> None:
    """A file that follows its plan, which is off: the call has no residual, and the alignment has all of it."""
    capture = CAPTURES[name]
    planned = Alignment(capture.offset_s + error_ms / 1000)
    check = made(capture.call.read_bytes(), capture.recording.read_bytes(), planned).check()
    assert check.call.p95_s is not None
    assert check.call.p95_s < 1e-4
    assert check.alignment is not None
    assert check.alignment.voice == "agent"
    assert check.alignment.median_s == pytest.approx(-error_ms / 1000, abs=0.0012)  # the truth is good to 1 ms


def test_a_late_packet_plays_the_call_late(sample: Capture) -> None:
    """All packets 50 ms later in the file than given to the muxer: the voice is 50 ms earlier in the recording."""
    right = of(sample)
    stamps = right.captured.muxed_pts_s
    captured = replace(right.captured, block_pts_s=stamps + 0.05)
    late = replace(right, captured=captured).check().alignment
    assert late is not None
    assert late.median_s == pytest.approx(-0.05, abs=0.0012)


@pytest.mark.parametrize("error_ms", [5.0, -5.0, 80.0, -80.0])
@pytest.mark.parametrize("name", ["sample", "vp8.webm"])
def test_a_wrong_alignment_is_measured(name: str, error_ms: float) -> None:
    """A call 5 or 80 ms off is measured to a tenth of a millisecond; the after-call audio passes."""
    check = of(CAPTURES[name], error_s=error_ms / 1000).check()
    assert check.call.median_s == pytest.approx(error_ms / 1000, abs=1e-4)
    found = findings(check)
    assert found["call_residual"].value == pytest.approx(abs(error_ms) / 1000, abs=2e-4)
    assert found["call_residual"].status == ("fail" if abs(error_ms) > 20 else "warn")
    assert found["own_audio_residual"].status == "pass"
    assert found["seam_gap"].value == pytest.approx(error_ms / 1000, abs=2e-4) or found["seam_gap"].value == (
        pytest.approx(-error_ms / 1000, abs=2e-4)
    )


def test_another_calls_audio_is_not_found(pair: Made, tmp_path: Path) -> None:
    """If most active windows aren't found near their place, the check fails without a residual."""
    call = np.stack([noise(CALL_S, 8000, 11), noise(CALL_S, 8000, 12)], axis=1)
    other = made(wav(tmp_path / "call.wav", call).read_bytes(), pair.own, Alignment(OFFSET_S))
    found = findings(pair.check_file(other.output))
    assert found["call_missing"].status == "fail"
    assert found["call_missing"].value == 1.0
    assert found["call_residual"].value == UNDETERMINED
    assert found["own_audio_residual"].status == "pass"


@pytest.mark.parametrize("begins_ms", [0, -15, -30])
@pytest.mark.parametrize("seam_s", [OFFSET_S, SEAM])
def test_a_hole_at_a_seam_is_found(pair: Made, played: Pcm, seam_s: float, begins_ms: int) -> None:
    """30 ms of silence in place of sound are found to 5 ms, before, on and after the seam."""
    assert _is_sounding_near(played, seam_s)
    begin = at(seam_s + begins_ms / 1000)
    played[begin : begin + at(0.030)] = 0.0
    check = pair.check_file(lossless(played))
    seam = next(s for s in check.seams if s.output_s == pytest.approx(seam_s))
    assert seam.hole_s == pytest.approx(0.030, abs=0.005)
    finding = findings(check)["seam_gap"]
    assert finding.status == "warn"
    assert finding.value == pytest.approx(0.030, abs=0.005)


def _is_sounding_near(played: Pcm, seam_s: float) -> bool:
    """Whether the audio continues across the seam; otherwise a hole couldn't show."""
    part = np.square(played[at(seam_s - 0.05) : at(seam_s + 0.05)]).sum(axis=1)
    return bool(part.reshape(-1, 80).mean(axis=1).min() > 1e-5)


@pytest.mark.parametrize("moved_ms", [30.0, -30.0])
def test_inserted_and_missing_time_at_a_seam_is_found(pair: Made, played: Pcm, moved_ms: float) -> None:
    """All that follows a seam 30 ms later, or earlier, is a gap, or a loss, of 30 ms to a tenth of a millisecond."""
    cut, length = at(SEAM), at(abs(moved_ms) / 1000)
    if moved_ms > 0:
        spoiled = np.concatenate([played[:cut], np.zeros((length, 2), np.float32), played[cut:]])
    else:
        spoiled = np.concatenate([played[:cut], played[cut + length :]])
    check = pair.check_file(lossless(spoiled))
    assert findings(check)["seam_gap"].value == pytest.approx(moved_ms / 1000, abs=2e-4)
    assert check.own.p95_s == pytest.approx(0.030, abs=2e-4)
    assert findings(check)["call_residual"].status == "pass"


@pytest.mark.parametrize("away_ms", [-12, 0, 15])
def test_a_click_is_found(pair: Made, played: Pcm, away_ms: int) -> None:
    """A single sample of full scale near a seam is a click of the seam; far from it, it isn't."""
    spoiled = played.copy()
    spoiled[at(SEAM + away_ms / 1000)] += 0.9
    found = findings(pair.check_file(lossless(spoiled)))
    assert found["seam_click"].status == "warn"
    played[at(SEAM + 0.5)] += 0.9
    assert findings(pair.check_file(lossless(played)))["seam_click"].status == "pass"


def test_a_click_in_speech_is_found_in_a_capture(tmp_path: Path) -> None:
    """A step of a twentieth of full scale, kept for 20 ms, is a click at the quiet seam of a capture."""
    right = of(CAPTURES["vp9.mp4"])
    pcm = _samples(right.output, ".mp4", tmp_path).copy()
    assert findings(right.check_file(lossless(pcm)))["seam_click"].status == "pass"
    start = at(right.splice.call.end_s)
    pcm[start : start + at(0.020)] += 0.05
    assert findings(right.check_file(lossless(pcm)))["seam_click"].status == "warn"


@pytest.mark.parametrize("step_db", [10.0, -10.0])
def test_a_level_step_is_found(pair: Made, played: Pcm, step_db: float) -> None:
    """10 dB that joining has put in are told apart from what the sources differ by, to half a decibel."""
    played[at(SEAM) :] *= np.float32(10 ** (step_db / 20))
    check = pair.check_file(lossless(played))
    seam = check.seams[-1]
    assert seam.added_step_db == pytest.approx(step_db, abs=0.5)
    assert seam.level_step_db == pytest.approx(step_db + (seam.source_step_db or 0.0), abs=0.5)
    found = findings(check)
    assert found["seam_level_added"].status == "fail"
    assert found["seam_level_added"].value == pytest.approx(step_db, abs=0.5)


def test_a_muffled_side_is_found(pair: Made, played: Pcm) -> None:
    """Audio low-passed to 1.5 kHz after the seam is narrower than a telephone."""
    tail = played[at(SEAM) :]
    spectrum = np.fft.rfft(tail, axis=0)
    spectrum[np.fft.rfftfreq(len(tail), 1 / RATE) > 1500] = 0.0
    played[at(SEAM) :] = np.fft.irfft(spectrum, len(tail), axis=0)
    check = pair.check_file(lossless(played))
    assert check.seams[-1].after.bandwidth_hz == pytest.approx(1500, abs=250)
    assert findings(check)["seam_bandwidth"].status == "warn"


def test_a_lost_audio_buffer_of_the_output_is_found(pair: Made, played: Pcm) -> None:
    """A missing packet is a gap of its length in the timestamps, and a hole if it is at a seam."""
    number = at(SEAM) // 1024
    check = pair.check_file(lossless(played, holes=(number,)))
    (step,) = check.discontinuities
    assert step.size_s == pytest.approx(0.064, abs=0.001)
    assert step.at_s == pytest.approx((number + 1) * 0.064, abs=0.001)
    assert check.seams[-1].timestamp_gap_s == pytest.approx(0.064, abs=0.001)
    found = findings(check)
    assert found["output_audio_discontinuities"].status == "fail"
    assert found["seam_gap"].value == pytest.approx(0.064, abs=0.008)
    assert found["call_residual"].status == "pass"


def test_overlapping_stamps_of_the_output_are_found(pair: Made, played: Pcm) -> None:
    """Stamps that go back by 40 ms overlap by as much."""
    check = pair.check_file(lossless(played, shift=(200, -0.040)))
    (step,) = check.discontinuities
    assert step.size_s == pytest.approx(-0.040, abs=0.001)
    assert findings(check)["output_audio_discontinuities"].status == "warn"


def test_an_mp4_is_measured_by_its_index(sample: Capture) -> None:
    """The places far behind are reached by the index: two minutes of the sample give the same as a short one."""
    samples, _ = decode_audio(sample.call)
    long = np.tile(samples, (7, 1))
    out = io.BytesIO()
    own = sample.recording.read_bytes()
    with av.open(out, "w", format="wav") as file:
        stream: Any = file.add_stream("pcm_s16le", rate=8000)
        stream.layout = "stereo"
        frame = av.AudioFrame.from_ndarray(
            (long * 32767).astype(np.int16).reshape(1, -1), format="s16", layout="stereo"
        )
        frame.sample_rate = 8000
        file.mux(stream.encode(frame))
        file.mux(stream.encode(None))
    check = made(out.getvalue(), own, Alignment(sample.offset_s)).check()
    assert len(check.call.windows) > 15
    assert check.call.windows[-1].output_s > 100
    assert check.call.missing == 0.0
    assert check.call.p95_s is not None
    assert check.call.p95_s < 1e-4
    assert check.discontinuities == ()


def test_drift_and_jumps_are_followed(pair: Made) -> None:
    """A call that is stretched and moved is looked for where the splice put it."""
    alignment = Alignment(OFFSET_S, 200.0, (Jump(8.0, 0.35), Jump(14.0, -0.1)))
    check = made(pair.call, pair.own, alignment).check()
    assert [seam.sources for seam in check.seams][1:3] == [("call", "recording"), ("recording", "call")]
    assert {f.name: f.value for f in seam_findings(check) if f.status != "pass"} == {}
    assert check.call.p95_s is not None
    assert check.call.p95_s < 2e-4


def test_silence_is_undetermined_and_passes(tmp_path: Path) -> None:
    """Silence leaves the findings undetermined."""
    own = recording(tmp_path / "own.webm", Shape(seconds=6.0), np.zeros(6 * 48_000, np.float32))
    call = wav(tmp_path / "call.wav", np.zeros((3 * 8000, 2), np.float32))
    found = findings(made(call.read_bytes(), own.read_bytes(), Alignment(1.5)).check())
    assert {f.status for f in found.values()} == {"pass"}
    unknown = {name for name, f in found.items() if f.value == UNDETERMINED}
    assert unknown >= {"seam_gap", "seam_level_step", "seam_bandwidth", "call_residual", "own_audio_residual"}


def test_a_recording_without_sound_is_checked_as_well(tmp_path: Path) -> None:
    """The call's residual is measured; the recording's own audio has no windows."""
    own = recording(tmp_path / "own.webm", Shape(seconds=8.0, audio=None))
    call = wav(tmp_path / "call.wav", np.stack([noise(5.0, 8000, 1), noise(5.0, 8000, 2)], axis=1))
    check = made(call.read_bytes(), own.read_bytes(), Alignment(1.0)).check()
    assert check.seams[0].sources == ("silence", "call")
    assert {f.status for f in seam_findings(check)} == {"pass"}
    assert check.call.found
    assert check.own.windows == ()


def test_a_call_of_less_than_a_window(pair: Made, tmp_path: Path) -> None:
    """A call of 0.8 s is found at its place and joined without a gap; its levels are too short to measure."""
    call = wav(tmp_path / "call.wav", np.stack([noise(0.8, 8000, 5), noise(0.8, 8000, 6)], axis=1))
    check = made(call.read_bytes(), pair.own, Alignment(4.0)).check()
    found = {f.name: f for f in seam_findings(check)}
    assert len(check.seams) == 2
    assert {f.status for f in found.values()} == {"pass"}
    assert found["seam_gap"].value == found["call_missing"].value == 0.0
    assert found["call_residual"].value == pytest.approx(0.0, abs=1e-4)
    for name in ("seam_level_step", "seam_level_added", "seam_bandwidth"):
        assert found[name].value == UNDETERMINED


def test_another_decoding_a_few_milliseconds_apart_shows_no_loss() -> None:
    """A gated voice begins and ends within a frame: the captured block stays; a lost voice comes from the reference."""
    index = np.arange(round(1.5 * 8000))
    voice = np.where(index // 1000 % 2 == 1, np.random.default_rng(3).normal(0, 0.1, len(index)), 0.0)
    whole = Block(np.stack([voice, voice], axis=1).astype(np.float32), 8000, 0.0)
    apart = Block(np.roll(whole.pcm, -32, axis=0), 8000, 0.0)
    assert more_complete(whole, apart) is whole
    lost = Block(whole.pcm * (index < 8000)[:, None].astype(np.float32), 8000, 0.0)
    assert more_complete(lost, apart) is apart
