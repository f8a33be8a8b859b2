"""The splice as audio."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import numpy as np
import pytest
from made import noise

from komorebi_qc.core.splice import FADE_S, splice
from komorebi_qc.core.timebase import Alignment, Jump, Knot, Span
from komorebi_qc.media.mixer import mix

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from komorebi_qc.media.decode import AudioDecoder

    Pcm = NDArray[np.float32]


class Track:
    """A track that holds an array."""

    def __init__(self, pcm: Pcm, rate: int) -> None:
        self.pcm, self.rate = np.repeat(pcm[:, None], 2, axis=1), rate

    def read(self, start: int, count: int) -> Pcm:
        """Samples, and silence around them."""
        out = np.zeros((count, 2), np.float32)
        low, high = max(start, 0), min(start + count, len(self.pcm))
        if low < high:
            out[low - start : high - start] = self.pcm[low:high]
        return out


def mixed(
    alignment: Alignment, call: Track, own: Track | None, rate: int, block: int = 1024, *, fade_s: float = FADE_S
) -> Pcm:
    """The whole output."""
    span = None if own is None else Span(0.0, len(own.pcm) / own.rate)
    planned = splice(alignment, call_s=len(call.pcm) / call.rate, recording_audio=span, fade_s=fade_s)
    tracks = {"call": call} if own is None else {"call": call, "recording": own}
    return np.concatenate(list(mix(planned, cast("dict[str, AudioDecoder]", tracks), rate, block)))  # type: ignore[arg-type]


def tone(hz: float, seconds: float, rate: int) -> Pcm:
    """A sine of half the full scale."""
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)


@pytest.mark.parametrize("offset_s", [0.0, 1.2345, -0.77, 0.00003])
@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_a_tone_comes_out_in_phase(offset_s: float, rate: int) -> None:
    """The call plays at its place to within half an output sample, at its own level."""
    call, own = Track(tone(700.0, 3.0, 8000), 8000), Track(np.zeros(48_000 * 5, np.float32), 48_000)
    out = mixed(Alignment(offset_s), call, own, rate)
    at_s = np.arange(len(out)) / rate - max(offset_s, 0.0)
    inside = (at_s > 0.1) & (at_s < 2.9)
    late_s = np.angle(np.vdot(np.exp(2j * np.pi * 700.0 * at_s[inside]), out[inside, 0]) * 1j) / (2 * np.pi * 700.0)
    assert abs(late_s) <= 0.5 / rate + 1e-6
    assert np.sqrt(np.mean(out[inside] ** 2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.01)


def test_drift_changes_the_pitch_by_as_much() -> None:
    """After two minutes at 80 ppm the call is 9.6 ms later, and every tone lower by 80 ppm."""
    call = Track(tone(1000.0, 120.0, 8000), 8000)
    out = mixed(Alignment(0.0, 80.0), call, None, 16_000)
    assert len(out) == round(120.0 * 1.00008 * 16_000)
    end = slice(int(119.0 * 16_000), int(119.9 * 16_000))
    at_s = np.arange(len(out))[end] / 16_000 / 1.00008
    late_s = np.angle(np.vdot(np.exp(2j * np.pi * 1000.0 * at_s), out[end, 0]) * 1j) / (2 * np.pi * 1000.0)
    assert abs(late_s) < 5e-5


@pytest.mark.parametrize("jump_s", [0.35, -0.35, 0.012, -0.012])
def test_a_jump_moves_what_follows(jump_s: float) -> None:
    """Behind the jump the call is later or earlier by its size."""
    sound = noise(6.0, 8000)
    out = mixed(Alignment(0.5, 0.0, (Jump(3.0, jump_s),)), Track(sound, 8000), None, 8000)
    for from_s, to_s, shift_s in ((0.1, 2.5, 0.5), (3.5, 5.8, 0.5 + jump_s)):
        low, high = round((from_s + shift_s) * 8000), round((to_s + shift_s) * 8000)
        want = sound[round(from_s * 8000) :][: high - low]
        assert np.corrcoef(want, out[low:high, 0])[0, 1] > 0.999


def test_crossfades_keep_the_power_and_make_no_click() -> None:
    """Through both seams of unlike signals of one level, the level neither dips nor clicks."""
    rng = np.random.default_rng(3)
    call = Track((0.1 * rng.normal(size=8000 * 4)).astype(np.float32), 8000)
    own = Track((0.1 * rng.normal(size=8000 * 8)).astype(np.float32), 8000)
    out = mixed(Alignment(2.0), call, own, 8000)
    for seam_s in (2.0, 6.0):
        around = out[int((seam_s - 0.02) * 8000) : int((seam_s + 0.02) * 8000), 0]
        assert 0.075 < np.sqrt(np.mean(around**2)) < 0.125
    assert len(out) == 8 * 8000


THREE_RATES = Alignment(0.7, 20.0, (), (Knot(0.0, 0.0), Knot(11.0, 0.0023), Knot(19.0, -0.0011), Knot(30.0, 0.0004)))
"""+229 ppm, then -405, then +156."""


@pytest.mark.parametrize("rate", [8000, 16_000, 48_000])
def test_a_bent_call_follows_its_map(rate: int) -> None:
    """In a call with three rates, a quarter of a second plays within 0.1 ms of the map, and not on a straight line."""
    call = Track(tone(400.0, 30.0, 8000), 8000)
    out = mixed(THREE_RATES, call, None, rate)[:, 0]
    straight = Alignment(THREE_RATES.offset_s, THREE_RATES.drift_ppm)
    at_s = np.arange(round(0.75 * rate), round(30.6 * rate)) / rate
    worst_s = []
    for alignment in (THREE_RATES, straight):
        call_s, output_s = np.array(alignment.points(30.0)).T
        wave = np.exp(-2j * np.pi * 400.0 * np.interp(at_s, output_s, call_s))
        product = (wave * out[round(at_s[0] * rate) :][: len(at_s)])[: len(at_s) // (rate // 4) * (rate // 4)]
        phases = np.angle(product.reshape(-1, rate // 4).sum(axis=1) * 1j)
        worst_s.append(np.abs(phases).max() / (2 * np.pi * 400.0))
    assert worst_s[0] < 1e-4
    assert worst_s[1] > 1e-3


@pytest.mark.parametrize("rate", [8000, 16_000])
def test_a_knot_makes_no_click(rate: int) -> None:
    """Through a knot a tone stays a tone: above 2 kHz there is 60 dB less. Without the crossfade there is a click."""
    call = Track(tone(500.0, 30.0, 8000), 8000)

    def splash_db(fade_s: float) -> float:
        out = mixed(THREE_RATES, call, None, rate, fade_s=fade_s)[:, 0]
        levels = []
        for knot in THREE_RATES.knots[1:-1]:
            middle = round(THREE_RATES.to_output(knot.call_s) * rate)
            around = out[middle - rate // 20 : middle + rate // 20]
            power = np.abs(np.fft.rfft(around * np.blackman(len(around)))) ** 2
            above = np.fft.rfftfreq(len(around), 1 / rate) > 2000.0
            levels.append(10 * np.log10(power[above].sum() / power.sum()))
        return float(max(levels))

    assert splash_db(FADE_S) < -60.0
    assert splash_db(0.0) > splash_db(FADE_S) + 6.0


@pytest.mark.parametrize("block", [160, 1000, 1024, 99_999])
def test_the_size_of_the_blocks_changes_nothing(block: int) -> None:
    """A seam on, before or behind a block's edge gives the same audio."""
    call, own = Track(noise(3.0, 8000, 1), 8000), Track(noise(7.0, 48_000, 2), 48_000)
    alignment = Alignment(1.024, 50.0, (Jump(1.0, 0.2),))
    assert np.array_equal(mixed(alignment, call, own, 16_000, block), mixed(alignment, call, own, 16_000, 4096))


def test_samples_beyond_full_scale_are_clipped_not_wrapped() -> None:
    """Nothing beyond full scale goes to an encoder."""
    call = Track(np.full(8000, 1.5, np.float32), 8000)
    assert np.abs(mixed(Alignment(0.0), call, None, 8000)).max() <= 1.0
