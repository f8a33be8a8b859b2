"""The lag of a window, on noise whose shift is known."""

from __future__ import annotations

import numpy as np
import pytest
from talkers import RATE, burst

from komorebi_qc.sync.lags import gcc_phat

WIDTH, REACH = 4096, 2048


def shifted(x: np.ndarray, samples: float) -> np.ndarray:
    """The signal later by a fraction of samples too, by its spectrum."""
    spectrum = np.fft.rfft(x)
    return np.fft.irfft(spectrum * np.exp(-2j * np.pi * np.fft.rfftfreq(len(x)) * samples), len(x))


def voices(seed: int = 1, seconds: float = 8.0) -> np.ndarray:
    """Speech-like noise in both channels, (n, 2)."""
    rng = np.random.default_rng(seed)
    return np.stack([burst(rng, seconds), burst(rng, seconds)], axis=1).astype(np.float32)


@pytest.mark.parametrize("lag", [0.0, 1000.25, -700.4, 2040.0])
@pytest.mark.parametrize("channel", [0, 1])
def test_the_lag_is_right_to_a_fraction_of_a_sample(channel: int, lag: float) -> None:
    """The best peak is the shift, to 10 us, in the given channel, wherever the search is centred."""
    call = voices()
    recording = shifted(call[:, channel], lag).astype(np.float32)
    starts, centres = np.array([16000, 24000]), np.array([0, round(lag / 2)])
    found = gcc_phat.lag_peaks(call, channel, recording, starts, centres, WIDTH, REACH)
    assert found.lag_s[:, 0] == pytest.approx(np.full(2, lag / RATE), abs=1e-5)
    assert (found.z[:, 0] > 40.0).all()
    assert (np.diff(found.z, axis=1) <= 0).all()
    assert (found.z[:, 1] < 25.0).all()
    assert not found.blunt.any()
    assert list(found.audible) == [1.0, 1.0]


def test_a_lag_out_of_reach_is_not_found() -> None:
    """Beyond the reach there is no peak; within it, up to its last sample, there is."""
    call = voices(2)
    recording = call[:, 0].copy()
    starts = np.array([20000] * 3)
    found = gcc_phat.lag_peaks(call, 0, recording, starts, np.array([REACH - 2, REACH + 60, -REACH + 2]), WIDTH, REACH)
    assert found.lag_s[[0, 2], 0] == pytest.approx([0.0, 0.0], abs=5e-6)
    assert found.z[1, 0] < 12.0


def test_a_turned_phase_moves_no_peak() -> None:
    """A recording that is the call's negative, or its quadrature, has the same lag: the envelope decides."""
    call = voices(3)
    spectrum = np.fft.rfft(call[:, 0])
    for turn in (-1.0, 1j):
        recording = np.roll(np.fft.irfft(spectrum * turn, len(call)), 333).astype(np.float32)
        found = gcc_phat.lag_peaks(call, 0, recording, np.array([16000]), np.array([300]), WIDTH, REACH)
        assert found.lag_s[0, 0] == pytest.approx(333 / RATE, abs=2e-5)


def test_an_echo_is_the_second_peak() -> None:
    """An echo 5 ms later is the second best lag, fainter, and no peak lies within 1.5 ms of another."""
    call = voices(4)
    recording = (call[:, 0] + 0.5 * np.roll(call[:, 0], 40)).astype(np.float32)
    found = gcc_phat.lag_peaks(call, 0, recording, np.array([16000]), np.array([0]), WIDTH, REACH)
    assert found.lag_s[0, :2] == pytest.approx([0.0, 40 / RATE], abs=3e-5)
    assert 0.3 < found.z[0, 1] / found.z[0, 0] < 0.8
    apart = np.abs(np.subtract.outer(found.lag_s[0], found.lag_s[0]))[~np.eye(3, dtype=bool)]
    assert apart.min() > gcc_phat.APART_S - 1 / RATE


def test_a_tone_is_blunt() -> None:
    """A tone's peak is as wide as the tone is long: its window is blunt and has no peak. Speech beside it is sharp."""
    call = voices(5)
    tone = 0.2 * np.sin(2 * np.pi * 700 * np.arange(len(call)) / RATE)
    call[:, 1] = tone
    recording = tone.astype(np.float32)
    found = gcc_phat.lag_peaks(call, 1, recording, np.array([16000]), np.array([0]), WIDTH, REACH)
    assert found.blunt.tolist() == [True]
    assert (found.z == 0.0).all()


def test_silence_is_not_audible() -> None:
    """The share of the recording's samples that aren't digital silence; outside of the recording it is 0."""
    call = voices(6)
    recording = call[:, 0].copy()
    recording[:16000] = 0.0
    starts = np.array([8000, 16000 - WIDTH // 4, 16000, len(call) - WIDTH // 2])
    found = gcc_phat.lag_peaks(call, 0, recording, starts, np.zeros(4, int), WIDTH, REACH)
    assert list(found.audible) == pytest.approx([0.0, 0.75, 1.0, 0.5], abs=0.01)
    assert np.isfinite(found.z).all()
    assert found.z[0, 0] < 40.0


def test_many_windows_are_as_one() -> None:
    """More windows than one batch holds give what each gives alone."""
    call = voices(7, 16.0)
    recording = shifted(call[:, 0], 12.3).astype(np.float32)
    starts = np.arange(4000, 4000 + 40 * 2000, 2000)
    centres = np.arange(40) % 7
    together = gcc_phat.lag_peaks(call, 0, recording, starts, centres, WIDTH, REACH)
    for k in (0, 15, 16, 17, 39):
        alone = gcc_phat.lag_peaks(call, 0, recording, starts[k : k + 1], centres[k : k + 1], WIDTH, REACH)
        assert together.lag_s[k] == pytest.approx(alone.lag_s[0], abs=1e-7)
        assert together.z[k] == pytest.approx(alone.z[0], rel=1e-3)
    none = gcc_phat.lag_peaks(call, 0, recording, starts[:0], centres[:0], WIDTH, REACH)
    assert none.lag_s.shape == none.z.shape == (0, gcc_phat.PEAKS)


def test_audio_outside_of_the_band_changes_nothing() -> None:
    """A hum below the band and a whistle above it change the lag by less than 2 us."""
    call = voices(8)
    t = np.arange(len(call)) / RATE
    noise = 0.3 * np.sin(2 * np.pi * 50 * t) + 0.3 * np.sin(2 * np.pi * 3800 * t)
    recording = (np.roll(call[:, 0], 25) + noise).astype(np.float32)
    found = gcc_phat.lag_peaks(call, 0, recording, np.array([16000]), np.array([0]), WIDTH, REACH)
    assert found.lag_s[0, 0] == pytest.approx(25 / RATE, abs=1e-5)
    assert found.z[0, 0] > 40.0


def test_the_measurement_is_the_one_described() -> None:
    """A plain computation gives the same lag and z: whitening 0.75, 280 to 3450 Hz, a parabola through the envelope."""
    call = voices(9)
    recording = shifted(call[:, 0], 100.3).astype(np.float32)
    recording += np.random.default_rng(1).normal(0, 0.02, len(recording)).astype(np.float32)
    found = gcc_phat.lag_peaks(call, 0, recording, np.array([16000]), np.array([0]), WIDTH, REACH)

    def taper(n: int, edge: float) -> np.ndarray:
        ramp = int(n * edge)
        rise = 0.5 - 0.5 * np.cos(np.pi * (np.arange(ramp) + 0.5) / ramp)
        return np.concatenate([rise, np.ones(n - 2 * ramp), rise[::-1]])

    size = WIDTH + 2 * REACH
    x = np.zeros(size)
    x[REACH : REACH + WIDTH] = call[16000 : 16000 + WIDTH, 0] * taper(WIDTH, 0.15)
    y = recording[16000 - REACH : 16000 - REACH + size] * taper(size, 0.03)
    cross = np.fft.fft(y) * np.conj(np.fft.fft(x))
    freq = np.fft.fftfreq(size, 1 / RATE)
    cross[(freq < 280) | (freq > 3450)] = 0
    envelope = np.abs(np.fft.ifft(np.where(cross != 0, cross / np.maximum(np.abs(cross), 1e-20) ** 0.75, 0)))
    within = np.concatenate([envelope[-REACH:], envelope[: REACH + 1]])
    top = int(within.argmax())
    left, mid, right = within[top - 1 : top + 2]
    part = 0.5 * (left - right) / (left - 2 * mid + right)
    assert part > 0.1
    assert found.lag_s[0, 0] == pytest.approx((top - REACH + part) / RATE, abs=1e-8)
    expected = within.max() / (np.median(within[::4]) / 1.1774)
    assert found.z[0, 0] == pytest.approx(expected, rel=1e-3)
