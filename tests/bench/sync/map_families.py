"""Families whose truth is a map: parts of a call, clocks that bend, pauses, several calls in one, bad input."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from bench.sync.families import APART, PEOPLE, Family
from bench.sync.spec import ANY_STATUS

if TYPE_CHECKING:
    from bench.sync.families import Changes
    from bench.sync.spec import Spec

LEAST_PART_S = 20.0
MOST_PPM = 150.0
QUARTZ_STEP_S = 5.0


def _third(rng: np.random.Generator, b: Spec) -> str:
    return str(rng.choice([p for p in PEOPLE if p not in {b.agent, b.customer}]))


def _part(rng: np.random.Generator, b: Spec, name: str) -> Changes:
    """The agent's part: at the start, at the end, or in the middle."""
    length = LEAST_PART_S + float(rng.uniform(0, 1) ** 2) * 70
    rest = max(b.call_s - length, 30.0)
    start = {"transfer": 0.0, "late": rest, "consult": rest * float(rng.uniform(0.3, 0.7))}[name]
    return {
        "call_s": length + rest,
        "agent_part": (start, start + length),
        "third": _third(rng, b),
        "aside": bool(rng.random() < 0.6),
        "offset_s": float(rng.uniform(0, 8)),
    }


def _bent(rng: np.random.Generator, b: Spec, pieces: int) -> Changes:
    """A map of straight pieces, at least 40 s each; a knot may be in a pause or within a word."""
    edges = np.sort(rng.uniform(0, b.call_s - 40.0 * pieces, pieces - 1)) + 40.0 * np.arange(1, pieces)
    at, now = 0.0, b.offset_s
    points = [(at, now)]
    for edge in (*edges, b.call_s):
        now += (float(edge) - at) * (1 + float(rng.uniform(-MOST_PPM, MOST_PPM)) * 1e-6)
        at = float(edge)
        points.append((at, now))
    return {"points": tuple(points), "drift_ppm": 0.0}


def _warming(rng: np.random.Generator, b: Spec) -> Changes:
    """From about 60 to about 5 ppm, most of it in the first third."""
    first, last = float(rng.uniform(50, 60)), float(rng.uniform(5, 12))
    now = b.offset_s
    points = [(0.0, now)]
    for at in np.arange(QUARTZ_STEP_S, b.call_s + 1e-9, QUARTZ_STEP_S):
        ppm = last + (first - last) * np.exp(-(at - QUARTZ_STEP_S / 2) / (b.call_s / 3))
        now += QUARTZ_STEP_S * (1 + float(ppm) * 1e-6)
        points.append((float(at), now))
    return {"points": tuple(points), "call_s": points[-1][0], "drift_ppm": 0.0}


def _paused(rng: np.random.Generator, b: Spec) -> Changes:
    """The recorder pauses once or twice: the recording lacks that part of the call."""
    count = int(rng.integers(1, 3))
    at = np.sort(rng.uniform(0.3, 0.7, count)) * b.call_s + np.arange(count) * 0.2 * b.call_s
    return {
        "jumps": tuple((float(t), -float(rng.uniform(3, 0.18 * b.call_s))) for t in at),
        "offset_s": float(rng.uniform(0, 8)),
    }


def _hidden(rng: np.random.Generator, _: Spec) -> Changes:
    return {"hidden_jump_s": float(np.exp(rng.uniform(np.log(0.03), np.log(1.0))) * rng.choice([-1, 1]))}


def _stopped(rng: np.random.Generator, b: Spec) -> Changes:
    return {"file_part": (0.0, b.call_s * float(rng.uniform(0.35, 0.9))), "offset_s": float(rng.uniform(0, 8))}


def _began_late(rng: np.random.Generator, b: Spec) -> Changes:
    return {"file_part": (b.call_s * float(rng.uniform(0.1, 0.6)), b.call_s), "offset_s": float(rng.uniform(0, 8))}


def _several(rng: np.random.Generator, _: Spec) -> Changes:
    """One or two other calls, before or after."""
    lengths = [float(rng.uniform(40, 120)) for _ in range(int(rng.integers(1, 3)))]
    before = [length for length in lengths if rng.random() < 0.6]
    after = [length for length in lengths if length not in before]
    return {
        "calls_before_s": tuple(before),
        "calls_after_s": tuple(after),
        "offset_s": sum(before) + 3.0 * len(before) + float(rng.uniform(0, 6)),
        "acw_s": sum(after) + 3.0 * len(after) + float(rng.uniform(2, 8)),
    }


def _same_prompt(rng: np.random.Generator, b: Spec) -> Changes:
    opening = {"preamble_s": float(rng.uniform(5, 20)), "shared_turns": int(rng.integers(1, 4))}
    return {**_several(rng, b), **opening}


def _music(rng: np.random.Generator, _: Spec) -> Changes:
    return {
        "loop_s": float(rng.uniform(4, 16)),
        "music": int(rng.integers(5)),
        "offset_s": float(rng.uniform(-20, 8)),
        "drift_ppm": float(rng.uniform(-20, 20)) if rng.random() < 0.5 else 0.0,
    }


def _few_words(rng: np.random.Generator, _: Spec) -> Changes:
    return {"turns": int(rng.integers(1, 6)), "pool": int(rng.choice([0, 40])), "offset_s": float(rng.uniform(-2, 8))}


def _one_turn(rng: np.random.Generator, _: Spec) -> Changes:
    alone = str(rng.choice(["agent", "customer"]))
    return {"turns": 1 + (alone == "customer"), "alone": alone, "offset_s": float(rng.uniform(0, 30))}


def _tiny(rng: np.random.Generator, _: Spec) -> Changes:
    return {"offset_s": float(rng.uniform(0, 30))}


def _drift(rng: np.random.Generator, _: Spec) -> Changes:
    return {"drift_ppm": float(rng.uniform(100, 1000) * rng.choice([-1, 1]))}


_ANY: Changes = {"expected": ANY_STATUS, "check_sides": False}

MAPS = (
    Family("part_transfer", lambda rng, b: _part(rng, b, "transfer"), (60, 240), {"kind": "part"}, weight=4),
    Family("part_late_join", lambda rng, b: _part(rng, b, "late"), (60, 240), {"kind": "part"}, weight=4),
    Family("part_consult", lambda rng, b: _part(rng, b, "consult"), (90, 240), {"kind": "part"}, weight=4),
    Family("rates_two", lambda rng, b: _bent(rng, b, 2), (120, 400), {"kind": "rates"}, weight=2),
    Family("rates_three", lambda rng, b: _bent(rng, b, 3), (160, 500), {"kind": "rates"}, weight=2),
    Family("quartz", _warming, (1700, 1850), {"kind": "quartz"}),
    Family("drift_large", _drift, fixed={"kind": "drift"}, call_s=(60, 400), weight=2),
    Family("music_near", _music, (50, 200), {"kind": "music", "hold_only": True, "reported": "near", **_ANY}, weight=2),
    Family("paused", _paused, (90, 240), {"kind": "pause"}),
    Family("hidden_pair", _hidden, (90, 200), {"kind": "pair", "pause": (0.5, 1.8), "double_talk": 0.0}),
    Family("connect_stopped", _stopped, (90, 240), {"kind": "file"}),
    Family("connect_late", _began_late, (90, 240), {"kind": "file"}),
    Family("several_calls", _several, (50, 150), {"kind": "several"}),
    Family("same_prompt", _same_prompt, (70, 150), {"kind": "several"}),
    Family("same_person", lambda _, b: {"customer": b.agent}, fixed={"kind": "odd", **_ANY}),
    Family("customer_only", fixed={"alone": "customer", "kind": "odd", **_ANY}, call_s=(30, 150)),
    Family("few_words", _few_words, (8, 25), {"kind": "odd", **_ANY}, weight=2),
    Family("one_turn", _one_turn, (6, 20), {"kind": "odd", **_ANY}),
    Family("tiny", _tiny, (1.7, 2.5), {"kind": "odd", **_ANY}),
)


def _wrong(name: str, draw: object = None, call_s: tuple[float, float] = (40, 200), **fixed: object) -> Family:
    return Family(name, draw, call_s, {"wrong": True, **APART, **fixed})  # type: ignore[arg-type]


WRONG_MAPS = (
    # the same two voices, and the reported end of either
    _wrong("w_other_length", lambda rng, b: {"file_part": (0.0, b.call_s * float(rng.uniform(0.2, 0.9)))}),
    _wrong("w_several_calls", _several, (50, 150)),
    _wrong("w_same_prompt", _same_prompt, (70, 150)),
    _wrong("w_part", lambda rng, b: _part(rng, b, str(rng.choice(["transfer", "late", "consult"]))), (60, 240)),
    _wrong("w_same_person", lambda _, b: {"customer": b.agent, "pool": 20}),
    _wrong("w_customer_only", lambda rng, _: {"pool": int(rng.choice([0, 20]))}, (30, 150), alone="customer"),
    _wrong("w_one_turn", _one_turn, (6, 20)),
    _wrong("w_tiny", _tiny, (1.7, 2.5)),
)
MAP_WHAT = {
    "part_transfer": "the agent passes the call on after 20 to 90 s; other work or silence follows",
    "part_late_join": "the agent joins for the last 20 to 90 s",
    "part_consult": "the agent takes part for 20 to 90 s in the middle",
    "rates_two": "the clock's rate changes once, up to 150 ppm either way",
    "rates_three": "it changes twice",
    "quartz": "the rate falls from 60 to 5 ppm in half an hour",
    "drift_large": "a drift of 100 to 1,000 ppm",
    "music_near": "looped music alone, with the reported end right to the second",
    "paused": "the recorder pauses once or twice, for 3 s or more",
    "hidden_pair": "the clock jumps and jumps back, with a word in between",
    "connect_stopped": "the call audio ends within the call",
    "connect_late": "the call audio begins within the call",
    "several_calls": "one or two other calls in the same recording",
    "same_prompt": "the same, and each call begins with the same announcement and script",
    "same_person": "the same voice on both sides",
    "customer_only": "only the customer speaks",
    "few_words": "calls of 8 to 25 s with one to five sentences",
    "one_turn": "one sentence in all",
    "tiny": "calls of 2 s",
    "w_other_length": "another call of the same voices, of another length",
    "w_several_calls": "two or three calls in the recording, and none of them is this one",
    "w_same_prompt": "the same, and each begins with the same announcement and script",
    "w_part": "a call of which the agent took a part, against another one",
    "w_same_person": "the same voice on both sides of both calls",
    "w_customer_only": "only the customer speaks in the call",
    "w_one_turn": "one sentence in the call",
    "w_tiny": "calls of 2 s",
}
"""Each family's material, in a phrase."""
