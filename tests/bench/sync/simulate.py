"""Calls and recordings with known truth, made in memory, with real paths' effects on audio and time.

A case is a `Spec`; `make` turns it into a `Case`. Everything is drawn from its seed. Times in seconds, levels in dB.
Material runs at 16 kHz and is sampled on the recording's clock at 8 kHz, or at 48 kHz where a real encoder follows.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from bench.sync import paths, truth, voices
from bench.sync.paths import CALL_RATE, CODEC_RATE, RATE, factor, fit
from bench.sync.spec import Case, Spec, TrueJump

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.sync.paths import Floats
    from numpy.typing import NDArray

LEAK_DB = -26.0
LONGEST_LEAD_S = 120.0
BETWEEN_CALLS_S = 3.0
LEAST_GAP_S = 0.12
"""Silence between two words."""
TINY_S = 3.0
"""A shorter call holds a part of its first sentence."""
CLEAR_S = 2.0
"""Speech that a lag can be measured on."""


@dataclass(slots=True)
class _Talk:
    """Both parties at 16 kHz on the call clock."""

    agent: Floats
    customer: Floats


def dialogue(
    rng: np.random.Generator, spec: Spec, seconds: float, names: Sequence[str], *, turns: int = 0, pool: int = 0
) -> list[Floats]:
    """One track a speaker, who take turns with pauses and some double talk."""
    n = int(seconds * RATE)
    tracks = [np.zeros(n, np.float32) for _ in names]
    t, turn, said = 0.3, 0, 0
    while not turns or said < turns:
        many = len(voices.clips(names[turn]))
        words = voices.clip(names[turn], int(rng.integers(min(pool, many) if pool else many)))
        i = int(t * RATE)
        if i + len(words) > n - RATE // 2 and spec.call_s < TINY_S and not said:
            words = words[: max(n - RATE // 4 - i, 0)]
        elif i + len(words) > n - RATE // 2:
            break
        tracks[turn][i : i + len(words)] += words
        pause = rng.uniform(-0.4, 0.0) if rng.random() < spec.double_talk else rng.uniform(*spec.pause)
        t += len(words) / RATE + pause
        turn = (turn + 1) % len(names)
        said += 1
    return tracks


@cache
def _codec_delay(name: str) -> int:
    """Samples by which a speech codec delays, measured on 40 s of speech."""
    x = paths.narrowband(dialogue(np.random.default_rng(5), Spec("", 0), 40.0, ["en", "it"])[0])
    return paths.delay_between(x, paths.spoken_through(x, name))


def _telephone(x: Floats, spec: Spec) -> Floats:
    """A voice after the telephone network, at 8 kHz."""
    y = paths.narrowband(x)
    return paths.earlier(paths.spoken_through(y, spec.narrow), _codec_delay(spec.narrow)) if spec.narrow else y


def _loop(spec: Spec, n: int) -> Floats:
    start = int(np.random.default_rng(spec.music).integers(0, 60)) * RATE
    tune = voices.clip(voices.MUSIC, spec.music)
    part = tune[start % max(len(tune) - int(spec.loop_s * RATE), 1) :][: int(spec.loop_s * RATE)]
    return np.tile(part, n // max(len(part), 1) + 1)[:n] * np.float32(0.7)


def _talk(spec: Spec, seed: int) -> _Talk:
    rng = np.random.default_rng(seed)
    n = int(spec.call_s * RATE)
    if spec.hold_only:
        return _Talk(np.zeros(n, np.float32), _loop(spec, n))
    names = [spec.agent, spec.customer] + ([spec.third] if spec.third and not spec.agent_part else [])
    tracks = dialogue(rng, spec, spec.call_s, names, turns=spec.turns, pool=spec.pool)
    # the third of a part of a call speaks outside of that part only
    talk = _Talk(tracks[0], tracks[1] + tracks[2] if len(tracks) > 2 else tracks[1])
    if spec.alone:
        (talk.customer if spec.alone == "agent" else talk.agent)[:] = 0
    _put_shared(spec, talk)
    for start, end in spec.hold:
        i, j = int(start * RATE), min(int(end * RATE), n)
        talk.customer[i:j], talk.agent[i:j] = _loop(spec, j - i), 0
    return talk


def _put_shared(spec: Spec, talk: _Talk) -> None:
    """Add every call's common parts: an announcement on the customer's side, then the agent's script, word for word."""
    shared = np.random.default_rng(spec.seed + 7)
    n = len(talk.agent)
    if spec.preamble_s:
        p = int(spec.preamble_s * RATE)
        talk.agent[:p] = 0
        talk.customer[:p] = dialogue(shared, Spec("", 0, double_talk=0), spec.preamble_s + 9, ["fr"])[0][:p]
    t = spec.preamble_s + 0.3
    for _ in range(spec.shared_turns):
        words = voices.clip(spec.agent, int(shared.integers(300)))
        i = int(t * RATE)
        if i + len(words) >= n:
            break
        talk.agent[i : i + len(words)] = words
        talk.customer[i : i + len(words)] = 0
        t += len(words) / RATE + shared.uniform(0.2, 1.0)


def _both_ends(spec: Spec, rng: np.random.Generator) -> tuple[_Talk, _Talk]:
    """The input of Connect, and the input of the agent's browser."""
    kept = _talk(spec, spec.seed)
    received = _talk(spec, spec.seed + 999) if spec.wrong else _Talk(kept.agent.copy(), kept.customer.copy())
    n = len(kept.agent)
    for start, end in spec.muted:
        # the agent mutes and talks to a colleague: in the recording, not in the call
        i, j = int(start * RATE), int(end * RATE)
        side = dialogue(rng, spec, end - start + 1, [spec.agent, spec.third or spec.agent])
        kept.agent[i:j] = 0
        received.agent[i:j] = (side[0] + side[1] * 0.5)[: j - i]
    if spec.transfer_at_s:
        # from here on Connect keeps two others' talk; this agent's browser is silent
        i = int(spec.transfer_at_s * RATE)
        other = dialogue(rng, spec, spec.call_s, [spec.third or "es", spec.customer])
        kept.agent[i:], kept.customer[i:] = other[0][i:n], other[1][i:n]
        received.agent[i:], received.customer[i:] = 0, 0
    if spec.agent_part:
        i, j = (int(t * RATE) for t in spec.agent_part)
        other = dialogue(rng, spec, spec.call_s, [spec.third or "es", spec.customer])
        work = dialogue(rng, replace(spec, pause=(2.0, 5.0), double_talk=0), spec.call_s, [spec.agent])[0]
        for outside in (slice(0, i), slice(j, n)):
            kept.agent[outside], kept.customer[outside] = other[0][outside], other[1][outside]
            received.customer[outside], received.agent[outside] = 0, work[outside] * np.float32(spec.aside)
    if spec.acoustic_echo:
        back = paths.earlier(kept.customer, -int(0.04 * RATE)) * np.float32(factor(-22))
        kept.agent = kept.agent + back
        received.agent = received.agent + back
    return kept, received


def _connect(spec: Spec, kept: _Talk, rng: np.random.Generator) -> NDArray[np.int16]:
    """Connect's file: left the customer, right the agent."""
    left, right = _telephone(kept.customer, spec), paths.narrowband(kept.agent)
    right = paths.warped(right, spec.agent_warps, CALL_RATE)
    left, right = paths.mulaw(left), paths.mulaw(right)
    if spec.loss:
        left = paths.concealed(left, spec.loss, rng, CALL_RATE, spec.loss_burst)
        right = paths.concealed(right, spec.loss, rng, CALL_RATE, spec.loss_burst)
    both = np.stack([left, right], 1)
    both = np.clip(both + rng.normal(0, factor(-62), both.shape), -1, 1)
    first, last = (int(t * CALL_RATE) for t in spec.file_part or (0.0, spec.call_s))
    return (both[first : last if spec.file_part else None] * 32767).astype(np.int16)


def _in_the_room(
    spec: Spec, received: _Talk, rng: np.random.Generator
) -> tuple[Floats, Floats, tuple[tuple[float, float], ...]]:
    """The recorder's input; the same without room and echo (its pauses are the voices'); `Case.stretches`."""
    n = len(received.agent)
    near, far = received.agent, fit(paths.resampled(_telephone(received.customer, spec), CALL_RATE, RATE), n)
    if spec.loss:
        far = paths.concealed(far, spec.loss, rng, RATE, spec.loss_burst)
    first, last = _separable_between(near, far, max(-spec.offset_s, 0.0))
    far, stretches = paths.stretched(far, [wish for wish in spec.leg_stretches if first < wish[0] < last], RATE)
    if spec.leg_s or spec.leg_steps:
        far = paths.warped(far, ((0.0, spec.leg_s), *spec.leg_steps), RATE)
    near_gain = np.float32(spec.sides in {"both", "agent", "leak"})
    far_gain = np.float32(factor(spec.customer_db) * (spec.sides in {"both", "customer"}))
    dry = near * near_gain + far * far_gain
    if spec.reverb_s:
        near, far = paths.room(near, spec.reverb_s, rng), paths.room(far, spec.reverb_s, rng)
    if spec.tilt:
        near = -np.asarray(np.convolve(near, [1, -0.6])[:n], np.float32)
    if spec.sides in {"leak", "leak_only"}:
        far_gain = np.float32(factor(LEAK_DB))
    wet = near * near_gain + far * far_gain
    if spec.echo:
        wet = paths.echoed(wet, *spec.echo)
    return (paths.gain_control(wet) if spec.agc else wet), dry, tuple(stretches)


@dataclass(slots=True)
class _Tape:
    """The recording while it is made."""

    track: Floats
    rate: int
    end_s: float
    """Recording time of the call's end."""

    def add(self, at_s: float, sound: Floats, until_s: float) -> None:
        """Add 16 kHz audio to it."""
        y = paths.resampled(sound, RATE, self.rate)
        i, j = max(int(at_s * self.rate), 0), min(int(until_s * self.rate), len(self.track))
        m = min(len(y), j - i)
        if m > 0:
            self.track[i : i + m] += y[:m]


def _on_clock(spec: Spec, received: Floats, points: Sequence[tuple[float, float]]) -> _Tape:
    """The received audio on the recording clock, along its map."""
    end_s = points[-1][1]
    rate = CODEC_RATE if spec.codec else CALL_RATE
    n = round((end_s + spec.acw_s) * rate)
    track = np.zeros(n, np.float32)
    if not spec.codec:  # nothing above 4 kHz may fold back
        received = fit(paths.resampled(paths.resampled(received, RATE, CALL_RATE), CALL_RATE, RATE), len(received))
    for (start, from_s), (end, to_s) in pairwise(points):
        i = max(int(np.ceil(from_s * rate)), 0)
        j = min(int(np.ceil(to_s * rate)), n)
        if j > i and end > start and not spec.acw_only:
            slope = (end - start) / (to_s - from_s)
            first = start + (i / rate - from_s) * slope
            # only as much as is needed goes to the interpolation, from a whole sample on
            base = max(int(first * RATE) - RATE, 0)
            piece = received[base : int((start + (j / rate - from_s) * slope) * RATE) + RATE]
            times = start + (np.arange(i, j) / rate - from_s) * slope - base / RATE
            track[i:j] = paths.interpolated(piece, RATE, times)
    track[max(int(end_s * rate), 0) :] = 0.0  # sound from before a pause that is longer than the rest of the call
    return _Tape(track, rate, end_s)


def _other_call(spec: Spec, rng: np.random.Generator, seconds: float) -> Floats:
    """Another call of the agent, as the recorder gets it, with the same prompts at its start."""
    customer = str(rng.choice([name for name in voices.FOLDERS if name != spec.agent]))
    talk = _Talk(*dialogue(rng, spec, seconds, [spec.agent, customer]))
    _put_shared(spec, talk)
    far = fit(paths.resampled(_telephone(talk.customer, spec), CALL_RATE, RATE), len(talk.agent))
    return talk.agent + far * np.float32(factor(spec.customer_db))


def _other_calls(spec: Spec, tape: _Tape, rng: np.random.Generator) -> None:
    """The calls before this one, and the calls after it."""
    at_s = spec.offset_s
    for seconds in spec.calls_before_s:
        at_s -= seconds + BETWEEN_CALLS_S
        tape.add(at_s, _other_call(spec, rng, seconds), at_s + seconds)
    at_s = tape.end_s + BETWEEN_CALLS_S
    for seconds in spec.calls_after_s:
        tape.add(at_s, _other_call(spec, rng, seconds), at_s + seconds)
        at_s += seconds + BETWEEN_CALLS_S


def _around_the_call(spec: Spec, tape: _Tape, rng: np.random.Generator) -> None:
    """Other talk before and after it, or other calls, and lost buffers."""
    if spec.calls_before_s or spec.calls_after_s:
        _other_calls(spec, tape, rng)
        return
    if spec.offset_s > 3:
        lead = min(spec.offset_s, LONGEST_LEAD_S)
        before = dialogue(rng, spec, lead, [spec.agent, spec.customer])[0]
        tape.add(spec.offset_s - lead, before, spec.offset_s)
    after = dialogue(rng, spec, max(spec.acw_s, 2), [spec.agent, spec.customer])
    tape.add(tape.end_s, after[0] + after[1], tape.end_s + spec.acw_s)
    for at, size in spec.lost:
        tape.track[int(at * tape.rate) : int((at + size) * tape.rate)] = 0


def _recorder(spec: Spec, tape: _Tape, rng: np.random.Generator) -> NDArray[np.int16]:
    """Noise, suppression, clipping, gain, an early stop and the codec."""
    track = tape.track

    def noisy(x: Floats, level: float) -> Floats:
        return x + rng.normal(0, level, len(x)).astype(np.float32)

    def power(x: Floats) -> float:
        return float(np.sqrt(np.mean(x**2)))

    if spec.suppression:
        track = paths.suppressed(noisy(track, power(track) * factor(-spec.snr_db)))
    if spec.sides == "leak_only":
        track = noisy(track, factor(-60))
        track = noisy(track, factor(-60) * factor(-spec.snr_db))
    else:
        track = noisy(track, power(track) * factor(-45.0 if spec.suppression else -spec.snr_db))
    if spec.clip_db:
        track = np.clip(track * np.float32(factor(spec.clip_db)), -0.5, 0.5)
    track = np.clip(track * np.float32(factor(spec.gain_db)), -1, 1)
    if spec.acw_only:
        track = track[int(max(tape.end_s, 0) * tape.rate) :]
    if spec.recording_stop_s:
        track = track[: int(spec.recording_stop_s * tape.rate)]
    if spec.codec:
        name, kbps, container = spec.codec.split(":")
        track = np.clip(paths.recorded(track, name, int(kbps), container), -1, 1)
    return (track * 32767).astype(np.int16)


def _loud(sound: Floats) -> NDArray[np.float64]:
    """The starts of the 20 ms frames with speech, in seconds."""
    frame = RATE // 50
    level = np.sqrt(np.mean(sound[: len(sound) // frame * frame].reshape(-1, frame) ** 2, axis=1))
    return np.flatnonzero(level > 0.004) / 50


def _separable_between(near: Floats, far: Floats, since_s: float) -> tuple[float, float]:
    """The times between which a change of the customer's leg differs from a jump of the clock.

    Both must have spoken, within the recorded time, before it and after it: the agent's speech shows no change.
    """
    agent, customer = (loud[loud >= since_s] for loud in (_loud(near), _loud(far)))
    if len(agent) == 0:
        return 0.0, 0.0
    customer = customer[(customer > agent[0] + CLEAR_S) & (customer < agent[-1] - CLEAR_S)]
    return (float(customer[0]) + CLEAR_S, float(customer[-1]) - CLEAR_S) if len(customer) else (0.0, 0.0)


def _jump(sound: Floats, at: float, size: float) -> TrueJump:
    loud = _loud(sound)
    before, after = loud[loud <= at], loud[loud > at]
    start = float(before[-1]) if len(before) else 0.0
    return TrueJump(at, size, start, float(after[0]) if len(after) else len(sound) / RATE)


def _around_a_word(spec: Spec, sound: Floats, rng: np.random.Generator) -> Spec:
    """With a pair of opposite jumps, one in the pause before a word, one in the pause after it."""
    loud = _loud(sound)
    edges = np.flatnonzero(np.diff(loud) > LEAST_GAP_S)
    words = [
        (loud[a], loud[a + 1], loud[b], loud[b + 1])
        for a, b in pairwise(edges)
        if 0.2 * spec.call_s < loud[a + 1] < 0.8 * spec.call_s and 0.8 <= loud[b] - loud[a + 1] <= 5.0
    ]
    if not words:
        raise ValueError(f"{spec.family}:{spec.seed} has no word between two pauses")
    before, start, end, after = words[int(rng.integers(len(words)))]
    most = min(start - before, after - end) - 0.05
    size = float(np.sign(spec.hidden_jump_s) * min(abs(spec.hidden_jump_s), most))
    # a jump backwards leaves out the time before it, so it is late in its pause; the other one is early
    first, second = ((before + start) / 2, (end + after) / 2)
    if size < 0:
        first = start - 0.02
    else:
        second = after - 0.02
    return replace(spec, jumps=((float(first), size), (float(second), -size)))


def make(spec: Spec) -> Case:
    """The pair and its truth."""
    rng = np.random.default_rng(spec.seed + 100_000)
    kept, received = _both_ends(spec, rng)
    call = _connect(spec, kept, rng)
    wet, dry, stretches = _in_the_room(spec, received, rng)
    if spec.hidden_jump_s:
        spec = _around_a_word(spec, dry, rng)
    points = truth.true_points(spec)
    tape = _on_clock(spec, wet, points)
    _around_the_call(spec, tape, rng)
    speech_s = truth.speech_s(spec, kept.agent + kept.customer, tape.track, tape.rate, points)
    recording = _recorder(spec, tape, rng)
    # the buffer's waits are jumps of the agent's channel, with the opposite sign
    moved = [(at, -size) for at, size in spec.agent_warps]
    jumps = tuple(_jump(kept.agent if moved else dry, at, size) for at, size in moved or spec.jumps)
    end_s = tape.end_s + sum(size for _, size in moved)
    points, part = truth.on_file(spec, points)
    reported_s, resolution_s = truth.reported_end(spec, points, part, len(recording) / CALL_RATE)
    return Case(spec, call, recording, jumps, end_s, points, part, reported_s, resolution_s, speech_s, tuple(stretches))
