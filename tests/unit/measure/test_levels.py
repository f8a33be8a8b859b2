"""Levels against known signals, against FFmpeg's ebur128, and never anything that isn't a number."""

from __future__ import annotations

import dataclasses
import json
import math
import time
import wave
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from av.error import BlockingIOError as AvBlocks
from av.error import EOFError as AvEndOfFile
from captures import CAPTURES
from hypothesis import given, settings
from hypothesis import strategies as st
from made import noise

from komorebi_qc.core.finding import verdict
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.findings.levels import level_findings
from komorebi_qc.measure.levels import ChannelLevels, LevelMeter
from komorebi_qc.measure.levels.loudness import k_weighting

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from komorebi_qc.core.finding import Finding

    Pcm = NDArray[np.float32]

RATES = [8000, 16000, 48000]


def _read(path: Path) -> tuple[Pcm, int]:
    with wave.open(str(path)) as file:
        data = np.frombuffer(file.readframes(file.getnframes()), "<i2").astype(np.float32)
        return data.reshape(-1, file.getnchannels()) / np.float32(32768), file.getframerate()


def _metered(pcm: Pcm, rate: int = 8000, step: int = 1600) -> LevelMeter:
    """A meter that was given `pcm` in blocks of `step` samples; under 100 ms, each hop is worked on by itself."""
    wide = pcm[:, None] if pcm.ndim == 1 else pcm
    meter = LevelMeter(rate, wide.shape[1], chunk=1 if step < rate / 10 else 1 << 17)
    for low in range(0, len(wide), step):
        meter.add(wide[low : low + step])
    return meter


def _levels(pcm: Pcm, rate: int = 8000, step: int = 1600) -> ChannelLevels:
    return _metered(pcm, rate, step).result()[0]


def _sine(dbfs_peak: float, seconds: float, rate: int = 8000, hertz: float = 1000.0, phase: float = 0.0) -> Pcm:
    turns = np.arange(round(seconds * rate)) * hertz / rate
    return (10 ** (dbfs_peak / 20) * np.sin(2 * np.pi * turns + phase)).astype(np.float32)


def _white(dbfs_rms: float, seconds: float, rate: int = 8000, seed: int = 1) -> Pcm:
    values = np.random.default_rng(seed).normal(size=round(seconds * rate))
    return (values * 10 ** (dbfs_rms / 20)).astype(np.float32)


def _ebur128(pcm: Pcm, rate: int) -> dict[str, float]:
    """What FFmpeg's ebur128 filter says behind the last frame; true peaks are magnitudes."""
    wide = pcm[:, None] if pcm.ndim == 1 else pcm
    layout = {1: "mono", 2: "stereo"}[wide.shape[1]]
    graph = av.filter.Graph()
    source = graph.add_abuffer(sample_rate=rate, format="flt", layout=layout, time_base=Fraction(1, rate))
    meter: Any = graph.add("ebur128", "metadata=1:peak=true:framelog=quiet")
    sink: Any = graph.add("abuffersink")
    source.link_to(meter)
    meter.link_to(sink)
    graph.configure()
    found: dict[str, str] = {}

    def drain() -> None:
        while True:
            try:
                frame: Any = graph.pull()
            except (AvBlocks, AvEndOfFile):
                return
            found.update(frame.metadata)

    for low in range(0, len(wide), rate // 10):
        data = np.ascontiguousarray(wide[low : low + rate // 10].reshape(1, -1))
        frame = av.AudioFrame.from_ndarray(data, format="flt", layout=layout)
        frame.sample_rate, frame.pts, frame.time_base = rate, low, Fraction(1, rate)
        source.push(frame)
        drain()
    source.push(None)
    drain()
    return {key.removeprefix("lavfi.r128."): float(value) for key, value in found.items()}


def _at_rate(pcm: Pcm, rate_in: int, rate: int) -> Pcm:
    import soxr  # noqa: PLC0415  for one test alone

    out: Pcm = soxr.resample(pcm, rate_in, rate).astype(np.float32)
    return out


@pytest.mark.parametrize("rate", RATES)
def test_r128_reference_tone(rate: int) -> None:
    """A stereo sine of 1 kHz whose peak is -23 dBFS has -23 LUFS (EBU Tech 3341, case 1), at each rate."""
    tone = np.repeat(_sine(-23, 20, rate)[:, None], 2, axis=1)
    assert _metered(tone, rate).loudness_lufs() == pytest.approx(-23.0, abs=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_gates_follow_r128(rate: int) -> None:
    """Quiet parts 13 dB down and silence don't count (EBU Tech 3341, case 3)."""
    parts = [_sine(-36, 10, rate), _sine(-23, 60, rate), _sine(-36, 10, rate)]
    tone = np.repeat(np.concatenate(parts)[:, None], 2, axis=1)
    assert _metered(tone, rate, 9999).loudness_lufs() == pytest.approx(-23.0, abs=0.1)


def test_weighting_at_48_khz_is_the_standards() -> None:
    """The derived filters agree with the numbers that BS.1770 prints for 48 kHz."""
    (b, a), (_, a_high) = k_weighting(48000)
    assert b == pytest.approx((1.53512485958697, -2.69169618940638, 1.19839281085285), abs=1e-7)
    assert a == pytest.approx((-1.69065929318241, 0.73248077421585), abs=1e-7)
    assert a_high == pytest.approx((-1.99004745483398, 0.99007225036621), abs=1e-7)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("name", sorted(CAPTURES))
def test_loudness_of_voices_is_ffmpegs(name: str, rate: int) -> None:
    """Integrated loudness of the shipped calls is within 0.1 LU of FFmpeg's ebur128, at each rate."""
    pcm, rate_in = _read(CAPTURES[name].call)
    pcm = _at_rate(pcm, rate_in, rate)
    assert _metered(pcm, rate).loudness_lufs() == pytest.approx(_ebur128(pcm, rate)["I"], abs=0.1)


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
@pytest.mark.parametrize("hertz", [60.0, 440.0, 1000.0, 3000.0])
def test_loudness_of_tones_is_ffmpegs(rate: int, hertz: float) -> None:
    """Integrated loudness of tones over the band is within 0.1 LU of FFmpeg's ebur128."""
    tone = _sine(-12, 6, rate, hertz)
    assert _metered(tone, rate).loudness_lufs() == pytest.approx(_ebur128(tone, rate)["I"], abs=0.1)


@pytest.mark.parametrize("rate", RATES)
def test_true_peak_of_voices_is_ffmpegs(rate: int) -> None:
    """True peaks of the sample call's channels are within 0.1 dB of FFmpeg's ebur128."""
    pcm, rate_in = _read(CAPTURES["sample"].call)
    pcm = _at_rate(pcm, rate_in, rate)
    theirs = _ebur128(pcm, rate)
    for number, channel in enumerate(_metered(pcm, rate).result()):
        magnitude = theirs[f"true_peaks_ch{number}"]
        assert channel.true_peak_dbtp == pytest.approx(20 * math.log10(magnitude), abs=0.1)


@pytest.mark.parametrize("phase", [0.0, 0.4, math.pi / 4, 1.3])
@pytest.mark.parametrize("hertz", [500.0, 1000.0, 2000.0, 3000.0])
def test_true_peak_lies_between_samples(hertz: float, phase: float) -> None:
    """A sine's true peak is found to 0.7 dB under and 0.1 dB over, whatever its samples hit (BS.1770-5, annex 2)."""
    channel = _levels(_sine(-6, 2, 8000, hertz, phase))
    assert channel.true_peak_dbtp is not None
    fade_db = 20 * math.log10(math.cos(math.pi * hertz / 8000 / 4))  # the worst place between 4 points a sample
    # The sine begins and ends at once, which overshoots a little.
    assert -6 + fade_db - 0.1 <= channel.true_peak_dbtp <= -6 + 1.0


def test_true_peak_of_what_is_cut_into_blocks() -> None:
    """A peak between samples is found wherever the blocks and frames end, as by brute force."""
    for at in range(790, 811):
        pcm = np.zeros(2400, np.float32)
        pcm[at : at + 2] = 0.5
        found = _levels(pcm, step=800).true_peak_dbtp
        assert found == pytest.approx(20 * math.log10(0.5 * 4 / math.pi), abs=0.25)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("level", [-40.0, -26.0, -10.0])
def test_speech_level_of_a_steady_sine_is_its_rms(rate: int, level: float) -> None:
    """What never pauses is all active, and its speech level is its RMS."""
    channel = _levels(_sine(level + 3.0103, 20, rate), rate)
    assert channel.rms_dbfs == pytest.approx(level, abs=0.01)
    assert channel.speech_dbfs == pytest.approx(level, abs=0.1)
    assert channel.activity == pytest.approx(1.0, abs=0.01)


@pytest.mark.parametrize("rate", RATES)
@pytest.mark.parametrize("share", [0.25, 0.5, 0.75])
def test_speech_level_of_gated_noise_is_that_of_its_bursts(rate: int, share: float) -> None:
    """Pauses don't lower the speech level: bursts in silence are measured alone, but for their hangover."""
    burst = np.concatenate([_white(-26, 8 * share, rate), np.zeros(round(8 * (1 - share) * rate), np.float32)])
    channel = _levels(np.tile(burst, 5), rate)
    assert channel.speech_dbfs == pytest.approx(-26, abs=0.7)
    # P.56 leaves 200 ms and more of hangover after each burst.
    assert share <= channel.activity <= share + 0.5 / 8
    assert channel.rms_dbfs == pytest.approx(-26 + 10 * math.log10(share), abs=0.1)


def _p56(pcm: Pcm, rate: int) -> tuple[float, float]:
    """ITU-T P.56 method B sample by sample, as its section 6.2 (and the ITU's own tool) writes it."""
    decay, hang = math.exp(-1 / (0.03 * rate)), round(0.2 * rate)
    limits = [2.0**-power for power in range(15, 0, -1)]
    active, since = [0] * 15, [hang] * 15
    first = envelope = 0.0
    for value in np.abs(pcm.astype(np.float64)).tolist():
        first = decay * first + (1 - decay) * value
        envelope = decay * envelope + (1 - decay) * first
        for j, limit in enumerate(limits):
            if envelope >= limit:
                active[j] += 1
                since[j] = 0
            elif since[j] < hang:
                active[j] += 1
                since[j] += 1
            else:
                break  # nor is it at any higher one
    squares = float(np.sum(pcm.astype(np.float64) ** 2))
    levels = [10 * math.log10(squares / count) for count in active if count]
    margins = [level - 20 * math.log10(limit) for level, limit in zip(levels, limits, strict=False)]
    j = next(j for j, margin in enumerate(margins) if margin <= 15.9)
    part = (margins[j - 1] - 15.9) / (margins[j - 1] - margins[j])
    level = levels[j - 1] + part * (levels[j] - levels[j - 1])
    return level, squares / len(pcm) / 10 ** (level / 10)


@pytest.mark.parametrize("name", sorted(CAPTURES))
def test_speech_level_of_voices_is_that_of_the_sample_by_sample_method(name: str) -> None:
    """On the shipped voices, the fast P.56 is within 0.05 dB and 0.5 % of the one that is written down."""
    pcm, rate = _read(CAPTURES[name].call)
    for number, channel in enumerate(_metered(pcm, rate).result()):
        level, activity = _p56(pcm[:, number], rate)
        assert channel.speech_dbfs == pytest.approx(level, abs=0.05)
        assert channel.activity == pytest.approx(activity, abs=0.005)


@given(gain=st.floats(-10, 10), seed=st.integers(0, 50))
@settings(max_examples=25, deadline=None)
def test_gain_moves_the_levels(gain: float, seed: int) -> None:
    """Every level follows a gain dB for dB, and what is no level stays."""
    pcm = noise(4.0, 8000, seed) * np.float32(0.2) + _white(-50, 4)  # all of it stays above the gate of -70 LUFS
    before, after = _levels(pcm), _levels(pcm * np.float32(10 ** (gain / 20)))
    assert after.rms_dbfs == pytest.approx((before.rms_dbfs or 0) + gain, abs=0.01)
    assert after.peak_dbfs == pytest.approx((before.peak_dbfs or 0) + gain, abs=0.01)
    assert after.true_peak_dbtp == pytest.approx((before.true_peak_dbtp or 0) + gain, abs=0.01)
    assert after.loudness_lufs == pytest.approx((before.loudness_lufs or 0) + gain, abs=0.01)
    # Speech in silence: a noise about 15.9 dB under it is neither in nor out for P.56, and a gain may tip it over.
    alone = noise(4.0, 8000, seed) * np.float32(0.2)
    before, after = _levels(alone), _levels(alone * np.float32(10 ** (gain / 20)))
    assert after.speech_dbfs == pytest.approx((before.speech_dbfs or 0) + gain, abs=0.05)


@given(cuts=st.lists(st.integers(1, 30_000), min_size=1, max_size=12), rate=st.sampled_from(RATES))
@settings(max_examples=25, deadline=None)
def test_blocks_make_no_difference(cuts: list[int], rate: int) -> None:
    """The same is found however the track is cut into blocks."""
    pcm = np.stack([noise(3.0, rate, 1), noise(3.0, rate, 2)], axis=1)
    meter = LevelMeter(rate, 2, chunk=1)
    at = 0
    for cut in [*cuts, len(pcm)]:
        meter.add(pcm[at : at + cut])
        at += cut
    whole = _metered(pcm, rate, len(pcm))
    assert meter.loudness_lufs() == pytest.approx(whole.loudness_lufs(), abs=1e-4)
    for a, b in zip(meter.result(), whole.result(), strict=True):
        for field in dataclasses.fields(a):
            one, other = getattr(a, field.name), getattr(b, field.name)
            if isinstance(one, float):
                assert one == pytest.approx(other, abs=1e-4), field.name
            else:
                assert one == other, field.name


@given(
    values=st.lists(
        st.one_of(st.floats(width=32), st.sampled_from([0.0, math.nan, math.inf, -math.inf, 1.0, -1.0])), max_size=40
    ),
    repeats=st.integers(1, 900),
    rate=st.sampled_from([8000, 11025, 48000]),
)
@settings(max_examples=60, deadline=None)
def test_nothing_found_is_not_a_number(values: list[float], repeats: int, rate: int) -> None:
    """Whatever comes in, what is found can be written as strict JSON, and so can the findings."""
    pcm = np.repeat(np.array(values, np.float32), repeats)
    meter = _metered(pcm, rate)
    levels = meter.result()
    json.dumps([dataclasses.asdict(c) for c in levels], allow_nan=False)
    found = level_findings("call", levels, loudness_lufs=meter.loudness_lufs())
    json.dumps([dataclasses.asdict(f) for f in found], allow_nan=False)
    assert levels[0].invalid_samples == np.count_nonzero(~np.isfinite(pcm))


def test_nothing_at_all_is_silence() -> None:
    """A track without samples, and one of zeros, have no levels, and are dead."""
    for count in (0, 1, 8000 * 30):
        channel = _levels(np.zeros(count, np.float32))
        assert channel.is_dead
        levels = channel.rms_dbfs, channel.peak_dbfs, channel.true_peak_dbtp, channel.speech_dbfs, channel.loudness_lufs
        assert set(levels) == {None}
        assert channel.snr_db is channel.noise_floor_dbfs is channel.bandwidth_hz is None
        assert channel.digital_silence_s == pytest.approx(count / 8000)
        assert channel.dropout_count == channel.clipped_runs == 0
    assert [s.length_s for s in channel.silences] == [30.0]


@pytest.mark.parametrize("ceiling", [1.0, 32767 / 32768, 32124 / 32768, 32256 / 32768])
@pytest.mark.parametrize("step", [1600, 3])
def test_clipping_is_counted(ceiling: float, step: int) -> None:
    """Flat tops at full scale and at G.711's loudest are counted sample by sample."""
    rng = np.random.default_rng(3)
    pcm = np.clip(rng.normal(0, 0.1, 4000), -0.5, 0.5).astype(np.float32)
    for at in range(397, 3997, 400):  # every other one over the edge of a hop
        pcm[at : at + 5] = ceiling
        pcm[at - 200 : at - 197] = -ceiling
    channel = _levels(pcm, step=step)
    assert (channel.clipped_samples, channel.clipped_runs) == (9 * 5 + 9 * 3, 18)


@pytest.mark.parametrize("hertz", [100.0, 440.0, 1000.0, 3100.0])
def test_a_loud_sine_is_not_clipped(hertz: float) -> None:
    """Loud isn't clipped: a sine that just reaches full scale passes, and one 3 dB over it is found."""
    tone = _sine(-0.05, 2, 48000, hertz)
    assert _levels(tone, 48000).clipped_runs == 0
    over = np.clip(tone * np.float32(1.41), -1, 1)
    assert _levels(over, 48000).clipped_runs == pytest.approx(2 * 2 * hertz, rel=0.02)


@pytest.mark.parametrize("offset", [0.01, -0.03])
def test_dc_offset_is_found(offset: float) -> None:
    """The offset is the mean, and silence with an offset is still silence."""
    channel = _levels(_white(-30, 5) + np.float32(offset))
    assert channel.dc_offset == pytest.approx(offset, abs=1e-3)
    still = _levels(np.full(16000, offset, np.float32))
    assert still.is_dead
    assert still.digital_silence_s == pytest.approx(2.0)


@pytest.mark.parametrize("length_ms", [10, 20, 60, 180])
@pytest.mark.parametrize("rate", RATES)
def test_dropouts_are_found(length_ms: int, rate: int) -> None:
    """Runs of zeros inside sound are dropouts, at their place to 2.5 ms, across blocks as well."""
    pcm = _white(-20, 20, rate)
    places = [1.0, 5.003, 13.5, 16.383]
    for at in places:
        pcm[round(at * rate) : round((at + length_ms / 1000) * rate)] = 0
    channel = _levels(pcm, rate, 320)
    assert channel.dropout_count == len(places)
    assert [s.start_s for s in channel.dropouts] == pytest.approx(places, abs=0.0025)
    assert [s.length_s for s in channel.dropouts] == pytest.approx([length_ms / 1000] * 4, abs=0.003)


def test_pauses_are_no_dropouts() -> None:
    """Zeros of half a second, those that fade in and out, and those at the ends are not cut-off sound."""
    pcm = _white(-20, 6)
    pcm[:800] = pcm[-800:] = pcm[8000:12000] = 0
    fade = np.concatenate([np.linspace(1, 0, 800), np.zeros(800), np.linspace(0, 1, 800)]) ** 2
    pcm[24000:26400] *= fade.astype(np.float32)
    assert _levels(pcm).dropout_count == 0


def test_a_dead_channel_is_found() -> None:
    """One channel of hiss at -70 dBFS beside one of speech is dead, and warns."""
    voices, rate = _read(CAPTURES["sample"].call)
    pcm = np.stack([_white(-70, len(voices) / rate)[: len(voices)], voices[:, 1]], axis=1)
    dead, live = _metered(pcm).result()
    assert (dead.is_dead, live.is_dead) == (True, False)
    found = _named(level_findings("call", (dead, live), sides=("customer", "agent")))
    assert found["call_customer_sound"].status == "warn"
    assert found["call_agent_sound"].status == "pass"
    assert "call_customer_speech_level" not in found


def test_silences_are_those_of_two_seconds() -> None:
    """Pauses of 2 s and more are spans of silence, noise in them or not."""
    parts: list[Pcm] = [
        _white(-25, 3),
        _white(-58, 2.5),
        _white(-25, 3),
        np.zeros(12000, np.float32),
        _white(-25, 1),
        np.zeros(24000, np.float32),
    ]
    spans = _levels(np.concatenate(parts).astype(np.float32)).silences
    assert [(s.start_s, s.end_s) for s in spans] == [pytest.approx((3.0, 5.5)), pytest.approx((11.0, 14.0))]


@pytest.mark.parametrize("snr", [10.0, 20.0, 30.0])
def test_snr_and_noise_floor_of_speech_in_noise(snr: float) -> None:
    """Noise of a known level under bursts of a known level is found to 1.5 dB."""
    bursts = np.concatenate([_white(-20, 2), np.zeros(12000, np.float32)])
    pcm = np.tile(bursts, 6)
    pcm = pcm + _white(-20 - snr, len(pcm) / 8000, seed=9)
    channel = _levels(pcm)
    assert channel.noise_floor_dbfs == pytest.approx(-20 - snr, abs=1.0)
    assert channel.snr_db == pytest.approx(snr, abs=1.5 if snr > 15.9 else 3.0)


def test_clicks_alone_have_a_level() -> None:
    """What is far too spiky for P.56 still has the level that its last threshold gives."""
    pcm = np.zeros(16000, np.float32)
    pcm[8000] = 1.0
    channel = _levels(pcm)
    assert channel.speech_dbfs is not None
    assert channel.rms_dbfs is not None
    assert channel.rms_dbfs <= channel.speech_dbfs <= 0
    assert 0 < channel.activity < 0.5


def test_snr_of_mere_noise_is_unknown() -> None:
    """Where nothing stands out, there is no ratio."""
    assert _levels(_white(-30, 20)).snr_db is None


@pytest.mark.parametrize("edge", [2000, 3400, 7000])
def test_bandwidth_is_where_the_sound_ends(edge: int) -> None:
    """Noise with a hard upper edge has that bandwidth to 150 Hz."""
    rate = 16000
    spectrum = np.fft.rfft(_white(-20, 10, rate))
    spectrum[int(edge * 10) :] = 0
    pcm = np.fft.irfft(spectrum).astype(np.float32)
    assert _levels(pcm, rate).bandwidth_hz == pytest.approx(edge, abs=150)


def _music(seconds: float, rate: int = 8000, seed: int = 5) -> Pcm:
    """Chords of three notes, half a second each, that ring on."""
    rng = np.random.default_rng(seed)
    out = np.zeros(round((seconds + 2) * rate))
    t = np.arange(round(1.5 * rate)) / rate
    for at in np.arange(0, seconds, 0.5):
        notes = 220 * 2 ** (rng.integers(0, 24, 3) / 12)
        start = round(at * rate)
        out[start : start + len(t)] += np.sin(2 * np.pi * notes[:, None] * t).sum(axis=0) * np.exp(-t)
    return (out[: round(seconds * rate)] * 0.05).astype(np.float32)


def test_music_on_hold_is_found_with_its_period() -> None:
    """A loop of chords between voices is found where it is, and its period to 0.1 s."""
    voices, rate = _read(CAPTURES["sample"].call)
    loop = np.tile(_music(8), 5)
    pcm = np.concatenate([voices[:, 0], loop, voices[:, 0]])
    (found,) = _levels(pcm).hold_music
    start = len(voices) / rate
    assert found.span.start_s == pytest.approx(start, abs=1.0)
    assert found.span.end_s == pytest.approx(start + 40, abs=1.0)
    assert found.period_s == pytest.approx(8.0, abs=0.1)
    assert found.confidence == 0.9
    finding = _named(level_findings("call", _metered(pcm).result()))["call_hold_music"]
    assert finding.status == "pass"
    assert "are music on hold" in finding.text


def test_music_without_a_loop_is_less_sure() -> None:
    """Music that doesn't repeat itself is a guess, and says so."""
    (found,) = _levels(_music(40)).hold_music
    assert found.period_s is None
    assert found.confidence <= 0.6


@pytest.mark.parametrize("name", sorted(CAPTURES))
def test_voices_are_no_music(name: str) -> None:
    """No span of the shipped calls is taken for music on hold, and nothing in them for damage."""
    pcm, rate = _read(CAPTURES[name].call)
    for channel in _metered(pcm, rate).result():
        assert channel.hold_music == ()
        assert channel.clipped_runs == channel.dropout_count == 0
        assert not channel.is_dead


def test_noise_is_no_music() -> None:
    """Steady noise isn't music, however steady."""
    assert _levels(_white(-25, 30)).hold_music == ()


@pytest.mark.parametrize("snr", [10, 20, 30])
def test_pauseless_talk_is_no_music(snr: int) -> None:
    """Talk whose pauses were cut out, or filled with noise, isn't music either."""
    pcm, rate = _read(CAPTURES["sample"].call)
    hops = pcm[: len(pcm) // 800 * 800, 0].reshape(-1, 800)
    talk = np.tile(hops[hops.std(axis=1) > 0.006].ravel(), 2)
    assert len(talk) > 10 * rate
    assert _levels(talk + _white(-24.0 - snr, len(talk) / rate)).hold_music == ()


def test_ten_minutes_take_a_fraction_of_a_second() -> None:
    """Ten minutes of two channels cost about 0.2 s of CPU; five times as much fails."""
    pcm, _ = _read(CAPTURES["sample"].call)
    meter = LevelMeter(8000, 2)
    begin = time.process_time()
    for _ in range(30):
        meter.add(pcm[:160_000])
    meter.result()
    assert time.process_time() - begin < 1.0


def _named(found: tuple[Finding, ...]) -> dict[str, Finding]:
    return {f.name: f for f in found}


def test_findings_of_a_good_call_pass() -> None:
    """The sample call passes every limit, and each finding has its sentence."""
    pcm, rate = _read(CAPTURES["sample"].call)
    meter = _metered(pcm, rate)
    found = level_findings("call", meter.result(), sides=("customer", "agent"), loudness_lufs=meter.loudness_lufs())
    assert [f.name for f in found if f.status != "pass"] == []
    assert len({f.name for f in found}) == len(found)
    assert all(f.text.endswith(".") for f in found)


def test_findings_name_what_is_wrong() -> None:
    """Speech too loud, clipped, offset and cut up warns by each name, and never fails."""
    pcm = np.clip(np.concatenate([_white(-4, 20), _white(-50, 3)]) + np.float32(0.02), -1, 1)
    for at in range(8000, 150_000, 8000):
        pcm[at : at + 400] = 0
    found = level_findings("call", _metered(pcm).result())
    wrong = {f.name for f in found if f.status == "warn"}
    assert wrong == {"call_speech_level", "call_true_peak", "call_clipping", "call_dc_offset", "call_dropouts"}
    assert verdict(found) == "warn"


def test_digital_silence_of_the_whole_track_warns() -> None:
    """Two channels of zeros warn once for the track and once for each."""
    found = level_findings("recording", _metered(np.zeros((16000, 2), np.float32)).result())
    assert [f.name for f in found if f.status == "warn"] == [
        "recording_digital_silence",
        "recording_channel_1_sound",
        "recording_channel_2_sound",
    ]


def test_dead_air_is_what_both_are_silent_in() -> None:
    """A minute in which nobody is heard warns; one in which one of the two speaks doesn't."""
    voice, gap = _white(-22, 5), np.zeros(8000 * 65, np.float32)
    alone = np.concatenate([voice, gap, voice])
    turns = np.concatenate([voice, np.tile(voice, 13), voice])
    both = _named(level_findings("call", _metered(np.stack([alone, alone], axis=1)).result()))
    one = _named(level_findings("call", _metered(np.stack([alone, turns], axis=1)).result()))
    assert both["call_dead_air"].status == "warn"
    assert both["call_dead_air"].value == pytest.approx(65.0, abs=0.2)
    assert one["call_dead_air"].status == "pass"


def test_limits_can_be_changed() -> None:
    """A limit of somebody else's is judged by, and told."""
    pcm, _ = _read(CAPTURES["sample"].call)
    levels = _metered(pcm[:, :1]).result()
    snr = _named(level_findings("call", levels, DEFAULT.changed_by("snr=60")))["call_snr"]
    assert (snr.status, snr.limit, snr.limit_name) == ("warn", 60.0, "snr")
    level = _named(level_findings("call", levels, DEFAULT.changed_by("call_speech_level=-10..-5")))["call_speech_level"]
    assert (level.status, level.limit) == ("warn", -10.0)
    assert level.text.endswith("dB too quiet. Turn the gain up where it is recorded.")


def test_a_few_words_are_no_dead_channel() -> None:
    """Two seconds of speech in two minutes of hiss are heard, however low the mean is; -90 dBFS throughout are dead."""
    hiss = _white(-90, 120)
    words = hiss.copy()
    words[80_000:96_000] = _white(-58, 2)
    for pcm, status in ((words, "pass"), (hiss, "warn")):
        found = _named(level_findings("call", _metered(pcm[:, None]).result()))["call_sound"]
        assert (found.status, found.limit) == (status, -60.0)


def test_one_clipped_sample_is_a_sample() -> None:
    """Counts are told in good English."""
    pcm = _white(-30, 5)
    pcm[20_000:20_002] = 1.0
    levels = _metered(pcm[:, None]).result()
    one = dataclasses.replace(levels[0], clipped_samples=1, clipped_runs=1)
    text = _named(level_findings("call", (one,)))["call_clipping"].text
    assert text == "1 sample of call is clipped, in 1 place."


def test_slips_of_the_caller_are_refused() -> None:
    """A wrong shape, a rate too low, and samples after the result are refused."""
    meter = LevelMeter(8000, 2)
    with pytest.raises(ValueError, match="shape"):
        meter.add(np.zeros((5, 1), np.float32))
    with pytest.raises(ValueError, match="8000 Hz"):
        LevelMeter(4000, 1)
    meter.result()
    with pytest.raises(ValueError, match="after its result"):
        meter.add(np.zeros((5, 2), np.float32))
