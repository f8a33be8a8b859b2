"""Calls whose digital silence has a known cause: suspensions, and their look-alikes. Real voices, all from a seed.

Each leg of a call has a floor: noise, hardly any noise, or digital silence between words (discontinuous transmission,
DTX). Both legs pass G.711 or linear PCM, and the file may pass one more codec. Everything but that codec is exact: a
suspension is the same constant on both channels, from one sample to another.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, cast

import av
import numpy as np
from bench.sync import paths
from bench.sync.paths import CALL_RATE, RATE, factor, resampled
from bench.sync.simulate import dialogue
from bench.sync.spec import Spec

from komorebi_qc.core.source import Source
from komorebi_qc.media.decode_8khz import decode_call_8khz
from komorebi_qc.media.probe import probe_call

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.sync.paths import Floats
    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Track

PEOPLE = ("en", "es", "fr", "it", "ru")
PACKET = CALL_RATE // 50
LOOK_ALIKES = ("mute", "hold", "dtx", "loss", "dead", "edges")
KINDS = ("suspended", *LOOK_ALIKES)
CODECS = {
    "wav": ("wav", "pcm_s16le", 8000, 0),
    "flac": ("flac", "flac", 8000, 0),
    "opus 24k": ("ogg", "libopus", 48000, 24),
    "opus 64k": ("ogg", "libopus", 48000, 64),
    "mp3 32k": ("mp3", "libmp3lame", 16000, 32),
    "mp3 64k": ("mp3", "libmp3lame", 44100, 64),
    "aac 32k": ("mp4", "aac", 16000, 32),
    "aac 96k": ("mp4", "aac", 48000, 96),
    "48 kHz": ("wav", "pcm_s16le", 48000, 0),
}
"""Container, encoder, rate and kb/s of the call's file."""
_COMMON = ("wav", "wav", "wav", "wav", "wav", "flac", "48 kHz")
_LOSSY = tuple(name for name, (_, _, _, rate) in CODECS.items() if rate)
_LINES = ("linear", "mulaw", "mulaw", "mulaw", "alaw")


@dataclass(frozen=True, slots=True)
class Made:
    """A call and what its agent's browser recorded of it.

    Attributes:
        kind: suspended, or a look-alike.
        seed: draws all of it.
        how: the legs' floors, the line and the codec.
        call: Connect's file as it is decoded, shape ``(n, 2)``.
        recording: shape ``(m,)`` at 8 kHz; the call begins in it at `offset_s`.
        offset_s: recording time of the call's start.
        spans: the suspensions, on the call clock.
        silent: the digital silence of both channels around each of them.
    """

    kind: str
    seed: int
    how: str
    call: Track
    recording: NDArray[np.int16]
    offset_s: float
    spans: tuple[tuple[float, float], ...] = ()
    silent: tuple[tuple[float, float], ...] = ()


class _Maker:
    """One call while it is made; both legs at 8 kHz, the recorder's sound beside them."""

    def __init__(self, kind: str, seed: int) -> None:
        self.kind, self.seed = kind, seed
        self.rng = np.random.default_rng(seed)
        self.floors = [self._floor(), self._floor()]
        if kind == "dtx":
            self.floors = ["dtx", "dtx"]
        self.line = str(self.rng.choice(_LINES))
        self.call_s = float(self.rng.uniform(45, 100))
        self.n = int(self.call_s * CALL_RATE)
        self.voices = [str(v) for v in self.rng.choice(PEOPLE, 3, replace=False)]
        slow = (0.2, 5.0) if "dtx" in self.floors or self.rng.random() < 0.3 else (0.15, 1.6)
        self.spec = Spec("", seed, pause=slow, double_talk=0.1)
        tracks = dialogue(self.rng, self.spec, self.call_s, [self.voices[0], self.voices[1]])
        self.agent, self.customer = (paths.narrowband(track)[: self.n] for track in tracks)
        self.n = len(self.agent)
        # The browser has the agent's microphone itself, and the customer as the telephone brings the voice.
        self.browser_agent, self.browser_customer = (
            resampled(tracks[0], RATE, CALL_RATE)[: self.n],
            self.customer.copy(),
        )
        self.zeros: list[list[tuple[int, int]]] = [[], []]
        """Digital silence of customer and agent, in samples."""
        self.spans: tuple[tuple[float, float], ...] = ()

    def _floor(self) -> str:
        return str(self.rng.choice(["noise", "quiet", "dtx"], p=[0.6, 0.2, 0.2]))

    def between(self, low_s: float, high_s: float) -> int:
        """Samples, drawn evenly."""
        return int(self.rng.uniform(low_s, high_s) * CALL_RATE)

    def on_packet(self, sample: int) -> int:
        return sample // PACKET * PACKET

    def aside(self, start: int, stop: int, share: float, *, is_muted: bool = True) -> None:
        """The agent talks to a colleague: in the recording, and in the call as well unless the microphone is muted."""
        if self.rng.random() >= share or stop - start < CALL_RATE:
            return
        talk = dialogue(self.rng, self.spec, (stop - start) / CALL_RATE + 1, [self.voices[0], self.voices[2]])
        both = talk[0] + talk[1] * np.float32(0.5)
        long = stop - start
        self.browser_agent[start:stop] = resampled(both, RATE, CALL_RATE)[:long]
        if not is_muted:
            self.agent[start:stop] = paths.narrowband(both)[:long]

    def leg(self, number: int) -> NDArray[np.int16]:
        """A channel of Connect's file, in 16-bit steps, before a suspension."""
        voice = (self.customer, self.agent)[number]
        floor = self.floors[number]
        level = factor(self.rng.uniform(-66, -48)) if floor != "quiet" else self.rng.uniform(0.4, 3.0) / 32768
        sound = voice + self.rng.normal(0, level, self.n).astype(np.float32)
        coded = self.coded(sound)
        if floor == "dtx":
            coded[~self._voiced(voice)] = self.silence
        for start, stop in self.zeros[number]:
            coded[max(start, 0) : stop] = self.silence
        return coded

    @property
    def silence(self) -> int:
        """The line's constant."""
        return 8 if self.line == "alaw" else 0

    def coded(self, sound: Floats) -> NDArray[np.int16]:
        pcm = np.clip(np.rint(sound * 32768), -32768, 32767).astype(np.int16)
        return pcm if self.line == "linear" else _g711(pcm, self.line)

    def _voiced(self, voice: Floats) -> NDArray[np.bool_]:
        """The packets that a telephone with discontinuous transmission sends; each has its own clock."""
        phase = int(self.rng.integers(PACKET))
        padded = np.concatenate([np.zeros(phase, np.float32), voice, np.zeros(PACKET, np.float32)])
        rows = padded[: len(padded) // PACKET * PACKET].reshape(-1, PACKET)
        speaks = np.sqrt(np.mean(rows**2, axis=1)) > factor(-50)
        hang = int(self.rng.integers(3, 15))
        sent = np.convolve(speaks, np.ones(hang + 1))[: len(speaks)] > 0
        return np.repeat(sent, PACKET)[phase : phase + len(voice)]

    # what happens in each kind of call

    def suspended(self) -> None:
        """One to three suspensions of 3 s and more; the conversation goes on."""
        count, at = int(self.rng.integers(1, 4)), self.between(6, 15)
        spans: list[tuple[int, int]] = []
        while len(spans) < count:
            long = self.between(3.0, 8.0) if self.rng.random() < 0.5 else self.between(8.0, 35.0)
            if self.rng.random() < 0.5:
                at, long = self.on_packet(at), self.on_packet(long)
            if at + long > self.n - 4 * CALL_RATE:
                break
            spans.append((at, at + long))
            at += long + self.between(5, 40)
        spans = spans or [(self.n // 3, self.n // 3 + self.between(3.0, 8.0))]
        if self.rng.random() < 0.06:  # never resumed
            spans[-1] = (spans[-1][0], self.n)
        self.spans = tuple((a / CALL_RATE, b / CALL_RATE) for a, b in spans)
        for start, stop in spans:
            self._number(start, stop)

    def _number(self, start: int, stop: int) -> None:
        """The customer says something that isn't to be recorded, in short turns with the agent."""
        brisk = Spec("", self.seed, pause=(0.15, 0.8), double_talk=0.0)
        long = stop - start
        talk = dialogue(self.rng, brisk, long / CALL_RATE + 10, [self.voices[1], self.voices[0]])
        self.browser_customer[start:stop] = paths.narrowband(talk[0])[:long]
        self.browser_agent[start:stop] = resampled(talk[1], RATE, CALL_RATE)[:long]

    def mute(self) -> None:
        """The agent mutes the microphone, alone or to speak with a colleague."""
        at = self.between(5, 15)
        for _ in range(int(self.rng.integers(1, 4))):
            stop = at + self.between(1.5, 25)
            if stop > self.n - 3 * CALL_RATE:
                break
            self.zeros[1].append((self.on_packet(at), self.on_packet(stop)))
            self.aside(at, stop, 0.4)
            at = stop + self.between(3, 25)

    def hold(self) -> None:
        """The customer is on hold: digital silence or music; the agent waits, works muted, or asks a colleague."""
        start = self.between(10, 25)
        stop = min(start + self.between(8, 60), self.n - 4 * CALL_RATE)
        way = str(self.rng.choice(["music", "silent", "muted", "switch"], p=[0.25, 0.35, 0.25, 0.15]))
        self.customer[start:stop] = self.browser_customer[start:stop] = 0
        self.agent[start:stop] = self.browser_agent[start:stop] = 0
        if way != "music":
            self.zeros[0].append((self.on_packet(start), self.on_packet(stop)))
        if way == "muted":  # by hand, and back by hand
            self.zeros[1].append((start + self.between(-4, 4), stop + self.between(-4, 4)))
        if way == "switch":  # both legs, each with its own packets and its own time on the way
            self.zeros[1].append((start + self.between(-0.4, 0.4), stop + self.between(-0.4, 0.4)))
        if way == "music":
            self.customer[start:stop] = self.rng.normal(0, 0.05, stop - start)
        self.aside(start, stop, 0.4, is_muted=way in ("muted", "switch"))

    def dtx(self) -> None:
        """Both telephones send nothing between two words."""

    def loss(self) -> None:
        """Lost packets on each leg, in bursts; at times a leg is away for seconds, or both for a shorter time."""
        for number in (0, 1):
            for _ in range(int(self.rng.integers(5, 60))):
                at = self.on_packet(self.between(0, self.call_s))
                self.zeros[number].append((at, at + PACKET * int(self.rng.geometric(0.25))))
            for _ in range(int(self.rng.integers(0, 3))):
                at = self.on_packet(self.between(3, self.call_s - 8))
                stop = at + self.on_packet(self.between(1, 6))
                self.zeros[number].append((at, stop))
                if number == 0:  # lost before Connect: the browser doesn't get it either
                    self.browser_customer[at:stop] = 0
        for _ in range(int(self.rng.integers(0, 3))):
            at, long = self.on_packet(self.between(3, self.call_s - 8)), self.on_packet(self.between(0.1, 1.5))
            self.zeros[0].append((at, at + long))
            self.zeros[1].append((at, at + long))

    def dead(self) -> None:
        """One channel is digitally silent for the whole call; the other one may be muted."""
        number = int(self.rng.integers(2))
        self.zeros[number].append((0, self.n))
        if self.rng.random() < 0.3:
            start = self.between(10, 40)
            self.zeros[1 - number].append((start, start + self.on_packet(self.between(2, 10))))
            muted_voice = self.browser_agent if number == 0 else self.browser_customer
            muted_voice[start : start + 10 * CALL_RATE] = 0
        if self.rng.random() < 0.3:
            self.browser_customer[:] = 0

    def edges(self) -> None:
        """Both channels are digitally silent before the first words, after the last ones, or both."""
        which = int(self.rng.integers(1, 4))
        if which & 1:
            first = self.between(2, 10)
            other = first if self.rng.random() < 0.5 else first + self.between(0.02, 1.5)
            self.zeros[0].append((0, self.on_packet(first)))
            self.zeros[1].append((0, self.on_packet(other)))
            for track in (self.agent, self.customer, self.browser_agent, self.browser_customer):
                track[: self.on_packet(first)] = 0
            self.aside(0, first, 0.2)
        if which & 2:
            last = self.n - self.between(2, 10)
            other = last if self.rng.random() < 0.5 else last + self.between(0.02, 1.5)
            self.zeros[0].append((self.on_packet(last), self.n))
            self.zeros[1].append((self.on_packet(other), self.n))
            for track in (self.agent, self.customer, self.browser_agent, self.browser_customer):
                track[self.on_packet(last) :] = 0

    def recorded(self) -> tuple[NDArray[np.int16], float]:
        """The agent's browser: the agent, mostly the customer too, and a room."""
        way = str(self.rng.choice(["both", "agent"], p=[0.8, 0.2]))
        far = self.browser_customer * np.float32(factor(self.rng.uniform(-12, 3)) if way == "both" else 0.0)
        offset_s, after_s = float(self.rng.uniform(0, 5)), 5.0
        track = np.zeros(self.n + int((offset_s + after_s) * CALL_RATE), np.float32)
        first = int(offset_s * CALL_RATE)
        track[first : first + self.n] = self.browser_agent + far
        power = float(np.sqrt(np.mean(track**2)))
        track += self.rng.normal(0, power * factor(-self.rng.uniform(22, 45)), len(track)).astype(np.float32)
        return np.clip(track * 32767, -32768, 32767).astype(np.int16), offset_s


def make(kind: str, seed: int) -> Made:
    """The call of a kind and a seed."""
    maker = _Maker(kind, seed)
    getattr(maker, kind)()
    call = np.stack([maker.leg(0), maker.leg(1)], 1)
    for start, stop in maker.spans:
        call[round(start * CALL_RATE) : round(stop * CALL_RATE)] = maker.silence
    silent = tuple(_silent_around(call, maker.silence, span) for span in maker.spans)
    recording, offset_s = maker.recorded()
    codec = str(maker.rng.choice(_LOSSY if maker.rng.random() < 0.25 else _COMMON))
    how = f"customer {maker.floors[0]}, agent {maker.floors[1]}, {maker.line}, {codec}"
    return Made(kind, seed, how, through(call, codec), recording, offset_s, maker.spans, silent)


def _silent_around(call: NDArray[np.int16], silence: int, span: tuple[float, float]) -> tuple[float, float]:
    """How far both channels keep their digital silence beside a suspension."""
    moving = np.flatnonzero(np.any(call != silence, axis=1))
    first, last = (round(edge * CALL_RATE) for edge in span)
    before, behind = moving[moving < first], moving[moving >= last]
    low = int(before[-1]) + 1 if len(before) else 0
    high = int(behind[0]) if len(behind) else len(call)
    return low / CALL_RATE, high / CALL_RATE


def through(call: NDArray[np.int16], codec: str) -> Track:
    """A call's file in a codec, decoded as the product decodes it."""
    container, encoder, rate, kbps = CODECS[codec]
    if codec == "wav":
        return call
    x = (
        np.asarray(resampled(call / np.float32(32768), CALL_RATE, rate), np.float32)
        if rate != CALL_RATE
        else call / 32768
    )
    target = io.BytesIO()
    with av.open(target, "w", format=container) as out:
        stream = cast("av.AudioStream", out.add_stream(encoder, rate=rate))
        stream.layout = "stereo"
        if kbps:
            stream.bit_rate = kbps * 1000
        kinds = stream.codec_context.codec.audio_formats or []
        resampler = av.AudioResampler(kinds[0].name, "stereo", rate, stream.codec_context.frame_size or 960)
        pcm = np.clip(np.rint(x * 32768), -32768, 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(pcm.reshape(1, -1)), "s16", "stereo")
        frame.sample_rate, frame.pts = rate, 0
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            out.mux(stream.encode(piece))
        out.mux(stream.encode(None))
    data = target.getvalue()
    source = Source(f"call.{container}", io.BytesIO(data), len(data))
    return decode_call_8khz(source, probe_call(source))


def _g711(pcm: NDArray[np.int16], line: str) -> NDArray[np.int16]:
    """There and back through the tables of G.711."""
    decoded: NDArray[np.int16] = _there_and_back(line)[pcm.astype(np.int32) + 32768]
    return decoded


@cache
def _there_and_back(line: str) -> NDArray[np.int16]:
    """The decoded value of each 16-bit value."""
    table = _levels(line)
    edges = (table[1:] + table[:-1]) / 2
    return table[np.searchsorted(edges, np.arange(-32768, 32768))].astype(np.int16)


def _levels(line: str) -> NDArray[np.float64]:
    """The values that a law has, in 16-bit steps."""
    positive: list[int] = []
    for segment in range(8):
        for step in range(16):
            if line == "mulaw":
                positive.append((((2 * step + 33) << segment) - 33) * 4)
            else:
                positive.append((step * 16 + 8) if segment == 0 else ((step * 16 + 264) << (segment - 1)))
    return np.unique(np.array([*positive, *(-v for v in positive)], np.float64))


def kinds_and_seeds(count: int, first_seed: int, kinds: Sequence[str] = KINDS) -> list[tuple[str, int]]:
    """The bench's list: `count` calls of each kind, in turns."""
    return [(kind, first_seed + 1000 * KINDS.index(kind) + i) for i in range(count) for kind in kinds]
