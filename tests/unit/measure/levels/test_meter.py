"""All level measurements of a track together."""

from __future__ import annotations

import dataclasses
import json
import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from captures import CAPTURES
from hypothesis import given, settings
from hypothesis import strategies as st
from level_signals import RATES, levels, metered, read_wav, white
from made import noise

from komorebi_qc.measure.levels import LevelMeter

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Floats


@given(gain=st.floats(-10, 10), seed=st.integers(0, 50))
@settings(max_examples=15, deadline=None)
def test_gain_moves_the_levels(gain: float, seed: int) -> None:
    """Every level follows a gain dB for dB."""
    pcm = noise(4.0, 8000, seed) * np.float32(0.2) + white(-50, 4)  # all of it stays above the gate of -70 LUFS
    before, after = levels(pcm), levels(pcm * np.float32(10 ** (gain / 20)))
    assert after.rms_dbfs == pytest.approx((before.rms_dbfs or 0) + gain, abs=0.01)
    assert after.peak_dbfs == pytest.approx((before.peak_dbfs or 0) + gain, abs=0.01)
    assert after.true_peak_dbtp == pytest.approx((before.true_peak_dbtp or 0) + gain, abs=0.01)
    assert after.loudness_lufs == pytest.approx((before.loudness_lufs or 0) + gain, abs=0.01)
    # Speech in silence: a noise about 15.9 dB under it is neither in nor out for P.56, and a gain may tip it over.
    alone = noise(4.0, 8000, seed) * np.float32(0.2)
    before, after = levels(alone), levels(alone * np.float32(10 ** (gain / 20)))
    assert after.speech_dbfs == pytest.approx((before.speech_dbfs or 0) + gain, abs=0.05)


@given(cuts=st.lists(st.integers(1, 30_000), min_size=1, max_size=12), rate=st.sampled_from(RATES))
@settings(max_examples=15, deadline=None)
def test_blocks_make_no_difference(cuts: list[int], rate: int) -> None:
    """The same is found however the track is cut into blocks."""
    pcm = np.stack([noise(3.0, rate, 1), noise(3.0, rate, 2)], axis=1)
    meter = LevelMeter(rate, 2, chunk=1)
    at = 0
    for cut in [*cuts, len(pcm)]:
        meter.add(pcm[at : at + cut])
        at += cut
    whole = metered(pcm, rate, len(pcm))
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
    """Levels of any samples can be written as strict JSON, and invalid samples are counted."""
    pcm = np.repeat(np.array(values, np.float32), repeats)
    meter = metered(pcm, rate)
    channels = meter.result()
    json.dumps([dataclasses.asdict(c) for c in channels], allow_nan=False)
    json.dumps(meter.loudness_lufs(), allow_nan=False)
    assert channels[0].invalid_samples == np.count_nonzero(~np.isfinite(pcm))


def test_nothing_at_all_is_silence() -> None:
    """A track without samples, and one of zeros, have no levels, and are dead."""
    for count in (0, 1, 8000 * 30):
        channel = levels(np.zeros(count, np.float32))
        assert channel.is_dead
        assert channel.rms_dbfs is channel.peak_dbfs is channel.true_peak_dbtp is None
        assert channel.speech_dbfs is channel.loudness_lufs is None
        assert channel.snr_db is channel.noise_floor_dbfs is channel.bandwidth_hz is None
        assert channel.digital_silence_s == pytest.approx(count / 8000)
        assert channel.dropout_count == channel.clipped_runs == 0
    assert [s.length_s for s in channel.silences] == [30.0]


@pytest.mark.parametrize("offset", [0.01, -0.03])
def test_dc_offset_is_found(offset: float) -> None:
    """The offset is the mean, and silence with an offset is still silence."""
    channel = levels(white(-30, 5) + np.float32(offset))
    assert channel.dc_offset == pytest.approx(offset, abs=1e-3)
    still = levels(np.full(16000, offset, np.float32))
    assert still.is_dead
    assert still.digital_silence_s == pytest.approx(2.0)


def test_a_dead_channel_is_found() -> None:
    """One channel of hiss at -70 dBFS beside one of speech is dead, and warns."""
    voices, rate = read_wav(CAPTURES["sample"].call)
    pcm = np.stack([white(-70, len(voices) / rate)[: len(voices)], voices[:, 1]], axis=1)
    dead, live = metered(pcm).result()
    assert (dead.is_dead, live.is_dead) == (True, False)


def test_silences_are_those_of_two_seconds() -> None:
    """Pauses of 2 s and more are spans of silence, noise in them or not."""
    parts: list[Floats] = [
        white(-25, 3),
        white(-58, 2.5),
        white(-25, 3),
        np.zeros(12000, np.float32),
        white(-25, 1),
        np.zeros(24000, np.float32),
    ]
    spans = levels(np.concatenate(parts).astype(np.float32)).silences
    assert [(s.start_s, s.end_s) for s in spans] == [pytest.approx((3.0, 5.5)), pytest.approx((11.0, 14.0))]


def test_a_few_words_are_no_dead_channel() -> None:
    """Two seconds of speech in two minutes of hiss make a live channel; -90 dBFS throughout is a dead one."""
    hiss = white(-90, 120)
    words = hiss.copy()
    words[80_000:96_000] = white(-58, 2)
    assert not levels(words).is_dead
    assert levels(hiss).is_dead


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
