"""The effects of real signal paths, each alone: bands, codecs, jitter buffers, lost packets, rooms, gain, suppression.

Every step keeps its input's length and adds no delay, so that the case's truth stays valid.
"""

from __future__ import annotations

import io
from functools import cache
from typing import TYPE_CHECKING, Any, cast

import av
import numpy as np
import soxr

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

RATE = 16_000
CALL_RATE = 8_000
CODEC_RATE = 48_000
BAND_HZ = (300.0, 3400.0)
TAPS, BLOCK = 4096, 1 << 15
NARROW = {"amr": ("libopencore_amrnb", 7950, "amr"), "g723": ("g723_1", 6300, "wav"), "g726": ("g726", 24000, "wav")}


def factor(decibels: float) -> float:
    """Decibels as a factor of the amplitude."""
    return float(10 ** (decibels / 20))


def fit(x: NDArray[Any], n: int) -> Floats:
    """Exactly `n` samples: cut, or with silence behind."""
    return np.pad(x[:n], (0, max(n - len(x), 0))).astype(np.float32, copy=False)


def resampled(x: NDArray[Any], old: int, new: int) -> Floats:
    """At another rate, linear in phase, sample 0 over sample 0."""
    return np.asarray(soxr.resample(x.astype(np.float32, copy=False), old, new, quality="HQ"), np.float32)


def _smooth(n: int) -> int:
    """The next length that a Fourier transform is quick with."""
    return min(m << max(int(np.ceil(np.log2(n / m))), 0) for m in (1, 3, 5, 9, 15))


@cache
def _band() -> NDArray[np.complex64]:
    """The telephone band's spectrum for a block: a symmetric filter of `TAPS` taps."""
    f = np.maximum(np.fft.rfftfreq(TAPS, 1 / RATE), 1.0)
    q = (f * f - BAND_HZ[0] * BAND_HZ[1]) / (f * (BAND_HZ[1] - BAND_HZ[0]))
    taps = np.fft.fftshift(np.fft.irfft(1 / (1 + q**6), TAPS)) * np.hanning(TAPS + 1)[:TAPS] ** 0.25
    return np.asarray(np.fft.rfft(taps, BLOCK), np.complex64)


def narrowband(x: Floats) -> Floats:
    """The telephone band, without delay, at 8 kHz (in at 16 kHz). Block by block: ten times as fast as in one."""
    hop = BLOCK - TAPS
    blocks = -(-len(x) // hop)
    padded = np.concatenate([np.zeros(TAPS // 2, np.float32), x, np.zeros(BLOCK + TAPS, np.float32)])
    y = np.empty(blocks * hop, np.float32)
    for k in range(blocks):
        spectrum = np.fft.rfft(padded[k * hop : k * hop + BLOCK]) * _band()
        y[k * hop : (k + 1) * hop] = np.fft.irfft(spectrum, BLOCK)[TAPS:]
    return resampled(y[: len(x)], RATE, CALL_RATE)


def mulaw(x: Floats) -> Floats:
    """G.711 there and back."""
    y = np.sign(x) * np.log1p(255 * np.abs(np.clip(x, -1, 1))) / np.log1p(255)
    y = np.round((y + 1) / 2 * 255) / 255 * 2 - 1
    return np.asarray(np.sign(y) * np.expm1(np.abs(y) * np.log1p(255)) / 255, np.float32)


def warped(x: Floats, steps: Sequence[tuple[float, float]], rate: int) -> Floats:
    """A jitter buffer's effect: from each moment on the signal is later by that size; 10 ms cross-fades."""
    out = x
    for at, size in steps:
        i, d, fade = int(at * rate), round(size * rate), rate // 100
        moved = fit(np.concatenate([np.zeros(max(d, 0), np.float32), out])[max(-d, 0) :], len(out))
        ramp = np.clip((np.arange(len(out)) - i) / fade, 0, 1).astype(np.float32)
        out = out * (1 - ramp) + moved * ramp
    return out


def stretched(x: Floats, wishes: Sequence[tuple[float, int]], rate: int) -> tuple[Floats, list[tuple[float, float]]]:
    """A jitter buffer's effect on speech: it leaves out (-1) or repeats (+1) one pitch period near each moment.

    Returns the audio, as long as before, and (moment, change of its lag in seconds) of each.
    """
    parts: list[Floats] = []
    steps: list[tuple[float, float]] = []
    at = 0
    shortest, longest = rate // 400, rate * 15 // 1000
    for moment, sign in wishes:
        i = int(moment * rate)
        if i < at + longest or i + 2 * longest > len(x):
            continue
        now = x[i : i + longest]
        lags = range(shortest, longest + 1)
        alike = [
            float(np.dot(now, y) / np.sqrt(np.dot(y, y) + 1e-9)) for y in (x[i + k : i + k + longest] for k in lags)
        ]
        period = shortest + int(np.argmax(alike))
        ramp = np.linspace(0, 1, period, dtype=np.float32)
        first, second = x[i : i + period], x[i + period : i + 2 * period]
        if sign < 0:
            parts += [x[at:i], first * (1 - ramp) + second * ramp]
            at = i + 2 * period
        else:
            parts += [x[at : i + period], second * (1 - ramp) + first * ramp]
            at = i + period
        steps.append((moment, sign * period / rate))
    return fit(np.concatenate([*parts, x[at:]]), len(x)), steps


def concealed(x: Floats, share: float, rng: np.random.Generator, rate: int, burst: float = 1.0) -> Floats:
    """Lost 20 ms packets, `burst` of them in a row on average, each replaced by the one before it, fading."""
    packet = rate // 50
    out = x[: len(x) // packet * packet].reshape(-1, packet).copy()
    lost = rng.random(len(out)) < share / burst
    if burst > 1:
        for start in np.flatnonzero(lost):
            lost[start : start + int(rng.geometric(1 / burst))] = True
    for k in range(1, len(out)):
        if lost[k]:
            out[k] = out[k - 1] * np.float32(0.6)
    return np.concatenate([out.ravel(), x[out.size :]])


def room(x: Floats, seconds: float, rng: np.random.Generator) -> Floats:
    """A direct path and a tail that decays by 60 dB in `seconds`."""
    n = int(seconds * RATE)
    h = rng.normal(0, 1, n) * np.exp(-6.9 * np.arange(n) / max(n, 1))
    h *= 0.6 / np.sqrt(np.sum(h**2) + 1e-12)
    h[:16] = 0
    h[:1] = 1.0
    if n == 0:
        return x
    size = _smooth(len(x) + n)
    return fit(np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(h, size), size), len(x))


def echoed(x: Floats, delay_s: float, level_db: float) -> Floats:
    """Itself again, later."""
    d = int(delay_s * RATE)
    return x + fit(np.concatenate([np.zeros(d, np.float32), x]), len(x)) * np.float32(factor(level_db))


def gain_control(x: Floats) -> Floats:
    """Automatic gain: 100 ms attack, 1.5 s release towards -20 dB."""
    step = RATE // 100
    level = np.sqrt(np.mean(x[: len(x) // step * step].reshape(-1, step) ** 2, axis=1)) + 1e-5
    gain, held = np.empty(len(level)), 1.0
    for i, v in enumerate(level):
        want = min(0.1 / v, 8.0)
        held += (want - held) * (0.1 if want < held else 0.007)
        gain[i] = held
    return (x * np.interp(np.arange(len(x)), (np.arange(len(gain)) + 0.5) * step, gain)).astype(np.float32)


def suppressed(x: Floats) -> Floats:
    """Spectral gating: bins near their own floor lose 20 dB, with musical noise."""
    size, hop = 512, 256
    window = np.sqrt(0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size))
    padded = np.pad(x, (hop, size + hop))
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[::hop]
    spectra = np.fft.rfft(frames * window, axis=1)
    magnitude = np.abs(spectra)
    floor = np.percentile(magnitude, 30, axis=0, keepdims=True) * 2.5
    spectra *= np.clip((magnitude - floor) / (magnitude + 1e-9), 0.1, 1.0)
    pieces = np.fft.irfft(spectra, size, axis=1) * window
    out = np.zeros((len(pieces) + 1, hop))
    out[:-1] += pieces[:, :hop]
    out[1:] += pieces[:, hop:]
    return fit(out.ravel()[hop:], len(x))


def encoded(x: Floats, rate: int, codec: str, bit_rate: int, container: str) -> bytes:
    """A track through a real encoder into a file in memory."""
    target = io.BytesIO()
    with av.open(target, "w", format=container) as out:
        stream = cast("av.AudioStream", out.add_stream(codec, rate=rate))
        stream.layout = "mono"
        stream.bit_rate = bit_rate
        kinds = stream.codec_context.codec.audio_formats or []
        resampler = av.AudioResampler(kinds[0].name, "mono", rate, stream.codec_context.frame_size or 960)
        frame = av.AudioFrame.from_ndarray((np.clip(x, -1, 1) * 32767).astype(np.int16)[None], "s16", "mono")
        frame.sample_rate, frame.pts = rate, 0
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    return target.getvalue()


def decoded(data: bytes) -> tuple[float, Floats]:
    """The timestamp of the first sample, and all of them, counted on from there."""
    resampler = av.AudioResampler("fltp", "mono")
    with av.open(io.BytesIO(data), "r") as container:
        frames = list(container.decode(audio=0))
    parts = [r.to_ndarray()[0] for f in (*frames, None) for r in resampler.resample(f)]
    first = float(frames[0].pts * frames[0].time_base) if frames and frames[0].pts and frames[0].time_base else 0.0
    return first, np.concatenate(parts).astype(np.float32)


def recorded(x: Floats, codec: str, kbps: int, container: str) -> Floats:
    """A 48 kHz track as the recording's codec leaves it, on its own clock at 8 kHz."""
    first, y = decoded(encoded(x, CODEC_RATE, codec, kbps * 1000, container))
    lead = round(first * CODEC_RATE)
    placed = np.concatenate([np.zeros(max(lead, 0), np.float32), y[max(-lead, 0) :]])
    return resampled(placed, CODEC_RATE, CALL_RATE)


def spoken_through(x: Floats, name: str) -> Floats:
    """A narrow speech codec of the telephone network (8 kHz in and out), its delay still in it."""
    codec, bit_rate, container = NARROW[name]
    return fit(decoded(encoded(x, CALL_RATE, codec, bit_rate, container))[1], len(x))


def delay_between(x: Floats, y: Floats) -> int:
    """By how many samples `y` comes later than `x`, by plain correlation."""
    size = _smooth(2 * len(x))
    c = np.fft.irfft(np.conj(np.fft.rfft(x, size)) * np.fft.rfft(y, size))
    return int(np.argmax(np.concatenate([c[-400:], c[:400]]))) - 400


def earlier(x: Floats, samples: int) -> Floats:
    """Moved to an earlier place (a later one where negative), the length kept."""
    if samples >= 0:
        return fit(x[samples:], len(x))
    return fit(np.concatenate([np.zeros(-samples, np.float32), x]), len(x))


def interpolated(x: Floats, x_rate: int, times_s: NDArray[np.float64]) -> Floats:
    """The audio at any times: cubic, from four times the rate."""
    up = resampled(x, x_rate, 4 * x_rate)
    position = times_s * (4 * x_rate)
    j = np.floor(position).astype(np.intp)
    f = (position - j).astype(np.float32)
    j = np.clip(j, 1, len(up) - 3)
    y0, y1, y2, y3 = up[j - 1], up[j], up[j + 1], up[j + 2]
    a, b = (y2 - y0) / 2, y0 - 2.5 * y1 + 2 * y2 - 0.5 * y3
    return np.asarray((((y3 - y0) / 2 + 1.5 * (y1 - y2)) * f + b) * f * f + a * f + y1, np.float32)
