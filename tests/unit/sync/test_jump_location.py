"""The place of a jump between two windows, on speech and pauses with a known jump."""

from __future__ import annotations

import numpy as np
import pytest
from talkers import RATE, burst

from komorebi_qc.sync.jump_location import Voice, locate

LENGTH_S = 30.0
FRAME_S = 0.02


def call_with_pause(pause_s: tuple[float, float] = (0.0, 0.0), seed: int = 1) -> np.ndarray:
    """A call (n, 2) in which the customer is silent and the agent speaks but for a pause; a faint noise in both."""
    rng = np.random.default_rng(seed)
    out = rng.normal(0, 1e-4, (int(LENGTH_S * RATE), 2)).astype(np.float32)
    speech = burst(rng, LENGTH_S)
    speech[int(pause_s[0] * RATE) : int(pause_s[1] * RATE)] = 0
    out[:, 1] += speech.astype(np.float32)
    return out


def recorded(call: np.ndarray, at_s: float, size_s: float, lag_s: float = 1.0, channel: int = 1) -> np.ndarray:
    """The recording of one channel: at `lag_s` before the jump, later by `size_s` after it."""
    at, mono = int(at_s * RATE), call[:, channel]
    lost = max(-round(size_s * RATE), 0)
    parts = [np.zeros(int(lag_s * RATE)), mono[: at - lost], np.zeros(max(round(size_s * RATE), 0)), mono[at:]]
    out = np.concatenate([*parts, np.zeros(RATE)])
    return (out + np.random.default_rng(9).normal(0, 1e-4, len(out))).astype(np.float32)


@pytest.mark.parametrize("size_s", [0.35, 0.05, -0.35, 1.2])
def test_in_speech_the_place_is_exact(size_s: float) -> None:
    """If the agent speaks on both sides, the place is right to three frames, and the interval is short."""
    call = call_with_pause()
    found, first, last = locate(
        call, recorded(call, 15.0, size_s), [Voice(1, 1.0, 1.0 + size_s)], 0.0, size_s, 12.0, 18.0
    )
    assert found == pytest.approx(15.0, abs=3 * FRAME_S)
    assert first <= 15.0 <= last
    assert first <= found <= last
    assert last - first <= 10 * FRAME_S


def test_in_a_pause_the_place_is_before_the_next_word() -> None:
    """In a long pause the interval is the pause, and the place half a second before its end."""
    call = call_with_pause((13.0, 17.0))
    found, first, last = locate(call, recorded(call, 15.0, 0.35), [Voice(1, 1.0, 1.35)], 0.0, 0.35, 10.0, 20.0)
    assert first == pytest.approx(13.0, abs=0.1)
    assert last == pytest.approx(17.0, abs=0.1)
    assert found == pytest.approx(last - 0.5, abs=1e-6)


def test_in_a_short_pause_the_place_is_its_middle() -> None:
    """A pause shorter than a second has the jump in its middle."""
    call = call_with_pause((14.7, 15.3))
    found, first, last = locate(call, recorded(call, 15.0, 0.35), [Voice(1, 1.0, 1.35)], 0.0, 0.35, 10.0, 20.0)
    assert first == pytest.approx(14.7, abs=0.2)
    assert last == pytest.approx(15.3, abs=0.2)
    assert found == pytest.approx((first + last) / 2, abs=3 * FRAME_S)


def test_a_second_voice_narrows_the_interval() -> None:
    """The customer speaks in the agent's pause and later in the recording: the jump meets an earlier word of theirs."""
    call = call_with_pause((12.0, 18.0))
    delay_s, at_s, size_s = 0.2, 15.0, 0.35
    customer = burst(np.random.default_rng(4), LENGTH_S).astype(np.float32)
    call[:, 0] += customer
    late = np.concatenate([np.zeros(int(delay_s * RATE), np.float32), customer])[: len(customer)]
    recording = recorded(np.stack([late, call[:, 1]], axis=1), at_s, size_s, channel=0)
    recording += recorded(call, at_s, size_s)
    agent, other = Voice(1, 1.0, 1.35), Voice(0, 1.2, 1.55, delay_s)
    _, first, last = locate(call, recording, [agent], 0.0, size_s, 11.0, 19.0)
    assert last - first > 4.0
    found, first, last = locate(call, recording, [agent, other], 0.0, size_s, 11.0, 19.0)
    assert found == pytest.approx(at_s, abs=4 * FRAME_S)
    assert last - first <= 12 * FRAME_S


def test_the_drift_is_followed() -> None:
    """Lags hold at the call's beginning, and the drift comes on top."""
    call, drift = call_with_pause(), 2e-4
    plain = recorded(call, 15.0, 0.35)
    at = np.arange(len(plain)) / RATE
    # the recording's clock runs fast by `drift` of the call's time; the jump is 0.35 s of silence
    jump_s = 16.0 + 15.0 * drift
    call_at = (at - np.where(at < jump_s, 1.0, 1.35)) / (1 + drift)
    recording = np.interp(call_at, np.arange(len(call)) / RATE, call[:, 1], 0.0, 0.0).astype(np.float32)
    recording[int(jump_s * RATE) : int((jump_s + 0.35) * RATE)] = 0.0
    found, first, last = locate(call, recording, [Voice(1, 1.0, 1.35)], drift, 0.35, 12.0, 18.0)
    assert found == pytest.approx(15.0, abs=4 * FRAME_S)
    assert last - first <= 12 * FRAME_S


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_phase_may_be_turned(sign: float) -> None:
    """A microphone that turns the phase changes nothing."""
    call = call_with_pause()
    recording = (sign * recorded(call, 15.0, 0.35)).astype(np.float32)
    found, _, _ = locate(call, recording, [Voice(1, 1.0, 1.35)], 0.0, 0.35, 12.0, 18.0)
    assert found == pytest.approx(15.0, abs=3 * FRAME_S)


def test_without_a_voice_any_place_is_as_likely() -> None:
    """Without speech the interval is all but the outermost frames, and the place half a second before its end."""
    call = call_with_pause()
    found, first, last = locate(call, call[:, 1], [], 0.0, 0.1, 10.0, 20.0)
    assert (first, last) == pytest.approx((10.0, 20.0), abs=2 * FRAME_S)
    assert found == pytest.approx(last - 0.5)


def test_a_gap_of_minutes_is_not_searched() -> None:
    """Beyond 240 s the place is the middle, and the interval the whole."""
    call = np.zeros((RATE, 2), np.float32)
    assert locate(call, call[:, 0], [], 0.0, 0.1, 10.0, 250.5) == (130.25, 10.0, 250.5)
    assert locate(call, call[:, 0], [], 0.0, 0.1, 10.0, 250.0)[0] > 249.0


def test_a_short_interval_has_four_frames() -> None:
    """An interval shorter than 80 ms is searched over 80 ms."""
    call = call_with_pause()
    found, first, last = locate(call, call[:, 1], [], 0.0, 0.1, 10.0, 10.01)
    assert (first, last) == pytest.approx((10.0, 10.08))
    assert first <= found <= last
