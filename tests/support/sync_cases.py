"""Simulated calls for the recorded sync results, and the recorded part of a result."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from mapped_clocks import place_by_map, rates
from talkers import RATE, burst, place, talk

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.sync import SyncResult

Pair = tuple[np.ndarray, np.ndarray]
STATES = ("agrees", "silent", "absent", "contradicts")


def clock_jumps() -> Pair:
    """Drift, a late customer, and three jumps, one of them lost audio."""
    call = talk(41, 90)
    return call, place(call, 2.0, 40.0, ((25.0, 0.03), (48.0, -0.5), (70.0, 0.9)), customer_delay=1440)


def one_voice() -> Pair:
    """Only the customer is recorded, faint under noise; the call began before the recording."""
    call = talk(42, 60)
    recording = place(call, -3.3, -25.0, gains=(0.3, 0.0))
    return call, (recording + np.random.default_rng(1).normal(0, 120, len(recording))).astype(np.int16)


def paused_recorder() -> Pair:
    """The recorder paused for twenty seconds, and audio of another call covers a part of the end."""
    call, other = talk(43, 130), talk(44, 130)
    whole = place(call, 1.5)
    recording = np.concatenate([whole[: int(26.5 * RATE)], whole[int(46.5 * RATE) :]])
    recording[90 * RATE : 105 * RATE] = place(other, 1.5)[90 * RATE : 105 * RATE]
    return call, recording


def moved_channels() -> Pair:
    """The agent's channel alone jumps, and later the customer's alone: no jump of the recording's clock."""
    call = talk(45, 100)
    recording = place(call, 2.0, customer_delay=800)
    agent, customer = call[:, 1], call[:, 0]
    call[:, 1] = np.concatenate([agent[: 35 * RATE], np.zeros(240, np.int16), agent[35 * RATE : -240]])
    call[:, 0] = np.concatenate([customer[: 60 * RATE], np.zeros(400, np.int16), customer[60 * RATE : -400]])
    return call, recording


def jumps_in_a_silence() -> Pair:
    """Two jumps while the agent is silent: only the customer shows them."""
    call = talk(26, 100)
    call[40 * RATE : 64 * RATE, 1] = 0
    return call, place(call, 2.0, 30.0, ((44.0, -0.303), (60.0, 0.303)))


def loop() -> Pair:
    """A loop of 6 s in one channel and a few words in the other."""
    music = np.tile(burst(np.random.default_rng(8), 6.0), 10)[: 50 * RATE]
    call = talk(46, 50)
    call[:, 0] = (music * 32767).astype(np.int16)
    call[8 * RATE :, 1] = 0
    return call, place(call, 3.0)


def other_call() -> Pair:
    """Another call, but for one sentence that both share."""
    call, other = talk(47, 60), talk(48, 60)
    other[20 * RATE : 24 * RATE] = call[20 * RATE : 24 * RATE]
    return call, place(other, 1.0)


def long_call() -> Pair:
    """A call of three minutes, for which windows are longer."""
    call = talk(49, 180)
    return call, place(call, 0.8, -60.0, ((100.0, 2.0),))


def went_on_without_the_agent() -> Pair:
    """Both voices for most of a minute, and then another call."""
    call, other = talk(35, 150), talk(36, 150)
    recording = place(call, 1.5)
    recording[56 * RATE :] = place(other, 1.5)[56 * RATE : len(recording)]
    return call, recording


def a_few_words() -> Pair:
    """A call of under four seconds, for which windows are shorter."""
    call = talk(50, 12)[int(0.2 * RATE) : int(4.1 * RATE)]
    return call, place(call, 4.0, gains=(1.0, 1.0))


def leg_that_changes() -> Pair:
    """The customer's delay changes three times, the last time after the agent's last word."""
    call = talk(51, 90)
    recording = place(call, 1.0, customer_delay=400)
    customer = call[:, 0].copy()
    for at_s, samples in ((25, 160), (50, -240), (80, 200)):
        at = at_s * RATE
        moved = np.roll(customer[at:], samples)
        customer[at:] = moved
    call[:, 0] = customer
    call[78 * RATE :, 1] = 0
    return call, recording


def sound_put_in() -> Pair:
    """Fifteen seconds of audio of another call inside the recording, near its end, and a small jump before."""
    call, other = talk(52, 110), talk(53, 40)
    recording = place(call, 2.0, 15.0, jumps=((40.0, -0.02), (80.0, 15.0)), customer_delay=300)
    at = int(82.2 * RATE)
    recording[at : at + 14 * RATE] = other[2 * RATE : 16 * RATE, 1]
    return call, recording


def crosstalk() -> Pair:
    """The call's channels leak into each other, and the recording begins in its middle with a hum."""
    call = talk(54, 70).astype(float)
    mixed = np.stack([call[:, 0] + 0.1 * call[:, 1], call[:, 1] + 0.1 * call[:, 0]], axis=1)
    recording = place(call.astype(np.int16), 1.0)[21 * RATE :].astype(float)
    hum = 600 * np.sin(2 * np.pi * 50 * np.arange(len(recording)) / RATE)
    return mixed.astype(np.int16), np.clip(recording * 0.4 + hum, -32768, 32767).astype(np.int16)


def announcement_twice() -> Pair:
    """The recording holds a part of the call a second time, after its end."""
    call = talk(55, 60)
    recording = place(call, 2.0, after_s=40.0)
    recording[70 * RATE : 90 * RATE] = recording[12 * RATE : 32 * RATE]
    return call, recording


def two_pauses() -> Pair:
    """A recorder that paused twice, for 12 and for 25 seconds; only the customer is recorded in the last part."""
    call = talk(56, 150)
    whole = place(call, 4.0, -20.0, customer_delay=640)
    last = place(call, 4.0, -20.0, gains=(0.7, 0.0), customer_delay=640)
    recording = [whole[: 40 * RATE], whole[52 * RATE : 90 * RATE], last[115 * RATE :]]
    return call, np.concatenate(recording)


def put_in_at_the_start() -> Pair:
    """Eighteen seconds of audio of another call after the first half minute; six seconds of this call are lost."""
    call, other = talk(57, 110), talk(58, 30)
    whole = place(call, 1.2, 35.0)
    recording = np.concatenate([whole[: 30 * RATE], other[: 18 * RATE, 1], whole[36 * RATE :]])
    return call, recording


def music_beside_a_pause() -> Pair:
    """Music on hold, which repeats itself, before and after a pause of the recorder."""
    call = talk(59, 120)
    music = np.tile(burst(np.random.default_rng(12), 5.0), 6)[: 30 * RATE]
    call[40 * RATE : 70 * RATE, 0] = (music * 20000).astype(np.int16)
    call[40 * RATE : 70 * RATE, 1] = 0
    whole = place(call, 2.5)
    return call, np.concatenate([whole[: 52 * RATE], whole[64 * RATE :]])


def muted_agent() -> Pair:
    """The agent was muted for most of the call, noise instead, and the recording ends early."""
    call = talk(60, 100)
    recording = place(call, 3.0, 10.0, ((30.0, 0.15),)).astype(float)
    customer_only = place(call, 3.0, 10.0, ((30.0, 0.15),), gains=(0.7, 0.0)).astype(float)
    recording[20 * RATE :] = customer_only[20 * RATE :]
    recording = recording[: 80 * RATE] + np.random.default_rng(3).normal(0, 200, 80 * RATE)
    return call, np.clip(recording, -32768, 32767).astype(np.int16)


def another_headset() -> Pair:
    """The rate of the clock changes twice, and a small jump comes after that; the customer is late."""
    call = talk(61, 120)
    points = rates(1.4, (45.0, 60.0), (85.0, -80.0), (100.0, 20.0))
    last = points[-1][1] + 0.15
    return call, place_by_map(call, (*points, (100.0, last), (120.0, last + 20.0 * (1 + 20e-6))), customer_delay=800)


def joined_late() -> Pair:
    """The agent joins after 50 s, and speaks to somebody else before."""
    call, other = talk(62, 130), talk(63, 40)
    recording = place(call, 3.0, 12.0)
    recording[: 53 * RATE] = np.random.default_rng(4).normal(0, 10, 53 * RATE)
    recording[8 * RATE : 28 * RATE] = other[: 20 * RATE, 1]
    return call, recording


CASES: dict[str, Callable[[], Pair]] = {
    made.__name__: made
    for made in (
        clock_jumps,
        one_voice,
        paused_recorder,
        moved_channels,
        jumps_in_a_silence,
        loop,
        other_call,
        long_call,
        went_on_without_the_agent,
        a_few_words,
        leg_that_changes,
        sound_put_in,
        crosstalk,
        announcement_twice,
        two_pauses,
        put_in_at_the_start,
        music_beside_a_pause,
        muted_agent,
        another_headset,
        joined_late,
    )
}


def record(result: SyncResult) -> dict[str, Any]:
    """What is recorded: every number of the result, and the windows as [call_s, lag_s, peak, agent?, accepted?]."""
    e = result.evidence
    channels = (e.customer, e.agent) if e is not None else ()
    return {
        "status": result.status,
        "sides": result.sides,
        "numbers": [
            result.offset_s,
            *(result.offset_ci_s or ()),
            result.drift_ppm,
            *(result.drift_ci_ppm or ()),
            result.lag_agent_s,
            result.lag_customer_s,
            result.measured_call_end_s,
            result.agent_shift_s,
            result.coverage,
        ],
        "jumps": [
            [j.call_s, j.size_s, *j.size_ci_s, *j.between_s, j.agent_only, j.customer_evidence_only]
            for j in (*result.jumps, *result.customer_steps)
        ],
        "own_steps": len(result.customer_steps),
        "knots": [[k.call_s, k.deviation_s] for k in result.knots],
        "part": [] if result.agent_part is None else [result.agent_part.start_s, result.agent_part.end_s],
        "spans": [[s.from_s, s.to_s, STATES.index(s.state), s.speech_s] for s in result.spans],
        "unexplained": [[s.from_s, s.to_s, s.speech_s] for s in result.recording_spans],
        "candidates": [[c.offset_s, c.score] for c in result.candidates],
        "alternatives": [[r.offset_s, r.period_s, r.score] for r in result.alternative_offsets],
        "unmatched": [[s.from_s, s.to_s, s.speech_s] for s in result.unmatched],
        "channels": [
            [
                c.active_s,
                c.agreed_s,
                c.distinct_s,
                c.turns,
                c.agreed_turns,
                c.distinct_turns,
                c.span_support,
                c.is_present,
            ]
            for c in channels
        ],
        "evidence": []
        if e is None
        else [
            e.recording_active_s,
            e.explained,
            e.contradicted,
            e.alternative_offsets,
            e.jumps,
            e.overlap,
            *(e.unbroken_s or ()),
        ],
        "windows": [[w.call_s, w.lag_s, w.weight, w.channel == "agent", w.accepted] for w in result.windows],
    }
