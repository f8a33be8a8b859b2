"""Sound and picture of a simulated chain: real voices, each agent's own screen, and every contact's two files."""

from __future__ import annotations

import io
import wave
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import soxr
from bench.chained.plan import CUSTOMER
from bench.sync import voices

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bench.chained.plan import Contact, Plan
    from numpy.typing import NDArray

    Mono = NDArray[np.float32]

RATE = 16_000
CALL_RATE, RECORDING_RATE = 8_000, 48_000
FPS, WIDTH, HEIGHT = 5, 160, 96
HUES = ((60, 200), (200, 60), (60, 60), (200, 200), (128, 40))
"""U and V of each contact's screen."""
_PAUSE_S = 0.35


@dataclass(frozen=True, slots=True, eq=False)
class Media:
    """The files of a contact, and the sound of which they are made.

    Attributes:
        wav: Connect's call audio.
        webm: the agent recording.
        call: customer's side and agent's side at 8 kHz, shape ``(n, 2)``.
        own: the recording's sound at 8 kHz, on its clock.
    """

    wav: bytes
    webm: bytes
    call: NDArray[np.float32]
    own: Mono


def make_media(plan: Plan, number_of_chain: int) -> list[Media]:
    """The files of each contact. No prompt is spoken twice in a chain."""
    names = list(voices.FOLDERS)
    speakers = [names[(number_of_chain + at) % len(names)] for at in range(len(plan.contacts) + 1)]
    used = {name: _prompts(name, plan.seed) for name in names}
    tracks = _conversation(plan, speakers, used)
    length = len(next(iter(tracks.values())))
    found = []
    for one in plan.contacts:
        others = np.zeros(length, np.float32)
        for phase in plan.phases:
            if one.number in phase.people:
                (other,) = (person for person in phase.people if person != one.number)
                part = slice(phase.from_s * RATE, phase.to_s * RATE)
                others[part] = tracks[other][part]
        span = slice(one.connected_s * RATE, one.left_s * RATE)
        found.append(_files(one, others[span], tracks[one.number][span], used[speakers[one.number]], plan.seed))
    return found


def _prompts(name: str, seed: int) -> Iterator[Mono]:
    """A speaker's prompts of 1.2 s and more, each once, in an order of the seed."""
    many = voices.clips(name)
    order = np.random.default_rng(seed).permutation(len(many))
    return (voices.clip(name, int(at)) for at in order if len(many[at]) > 1.2 * RATE)


def _conversation(plan: Plan, speakers: list[str], used: dict[str, Iterator[Mono]]) -> dict[int, Mono]:
    """One track for each person: in each phase two of them take turns."""
    length = plan.phases[-1].to_s * RATE
    people = [CUSTOMER, *(one.number for one in plan.contacts)]
    tracks = {person: np.zeros(length, np.float32) for person in people}
    for phase in plan.phases:
        at_s, turn = phase.from_s + 0.3, 0
        while True:
            person = phase.people[turn % 2]
            words = next(used[speakers[person]])[: 4 * RATE]  # the customer's number, -1, is the last speaker's
            if at_s + len(words) / RATE > phase.to_s - 0.2:
                break
            first = int(at_s * RATE)
            tracks[person][first : first + len(words)] = words
            at_s, turn = at_s + len(words) / RATE + _PAUSE_S, turn + 1
    return tracks


def _files(one: Contact, others: Mono, spoken: Mono, prompts: Iterator[Mono], seed: int) -> Media:
    rng = np.random.default_rng([seed, one.number])
    both = np.stack([_at_rate(others, CALL_RATE), _at_rate(spoken, CALL_RATE)], 1)
    both = np.clip(both + rng.normal(0, 3e-4, both.shape), -1, 1).astype(np.float32)
    lead, after = round(one.lead_s * RATE), round(one.after_s * RATE)
    mix = np.concatenate([_alone(prompts, lead), 0.6 * others + spoken, _alone(prompts, after)]).astype(np.float32)
    mix += rng.normal(0, 1e-3, len(mix)).astype(np.float32)
    return Media(_wav(both), _webm(_at_rate(mix, RECORDING_RATE), one.number), both, _at_rate(mix, CALL_RATE))


def _alone(prompts: Iterator[Mono], count: int) -> Mono:
    """The agent speaks to somebody else, outside of the call."""
    out = np.zeros(count, np.float32)
    words = next(prompts)[: max(count - RATE, 0)]
    out[RATE // 2 : RATE // 2 + len(words)] = words
    return out


def _at_rate(sound: Mono, rate: int) -> Mono:
    found: Mono = soxr.resample(sound, RATE, rate).astype(np.float32)
    return found


def _wav(both: NDArray[np.float32]) -> bytes:
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(CALL_RATE)
        file.writeframes((both * 32767).astype("<i2").tobytes())
    return out.getvalue()


def _webm(sound: Mono, number: int) -> bytes:
    """VP8 and Opus. The screen has the contact's colour, and a bar that moves."""
    out = io.BytesIO()
    with av.open(out, "w", format="webm") as file:
        video: Any = file.add_stream("libvpx", rate=FPS, options={"deadline": "realtime", "cpu-used": "8"})
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        audio: Any = file.add_stream("libopus", rate=RECORDING_RATE, options={"compression_level": "2"})
        audio.layout = "mono"
        for at in range(int(len(sound) / RECORDING_RATE * FPS)):
            picture: Any = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
            luma = np.full((HEIGHT, WIDTH), 110, np.uint8)
            luma[:, (at * 4) % (WIDTH - 8) :][:, :8] = 220
            colours = [np.full((HEIGHT // 2, WIDTH // 2), value, np.uint8) for value in HUES[number]]
            for plane, values in zip(picture.planes, (luma, *colours), strict=True):
                wide = np.zeros((plane.height, plane.line_size), np.uint8)
                wide[:, : plane.width] = values
                plane.update(wide.tobytes())
            picture.pts, picture.time_base = at, Fraction(1, FPS)
            file.mux(video.encode(picture))
        file.mux(video.encode(None))
        for first in range(0, len(sound), 960):
            frame: Any = av.AudioFrame.from_ndarray(sound[None, first : first + 960], format="flt", layout="mono")
            frame.sample_rate, frame.time_base, frame.pts = RECORDING_RATE, Fraction(1, RECORDING_RATE), first
            file.mux(audio.encode(frame))
        file.mux(audio.encode(None))
    return out.getvalue()
