"""The bench's cases: families of right and wrong pairs, each case drawn from its seed alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from bench.sync.spec import ANY_STATUS_BUT_ALIGNED, Spec

PEOPLE = ("en", "es", "fr", "it", "ru")

Changes = dict[str, Any]
Draw = Callable[[np.random.Generator, Spec], Changes]


@dataclass(frozen=True, slots=True)
class Family:
    """Cases of one kind: the drawn properties of each, and their common ones."""

    name: str
    draw: Draw | None = None
    call_s: tuple[float, float] = (50, 200)
    fixed: Changes = field(default_factory=dict)
    hard: bool = False
    """Compared with the hard cases' limit of the offset."""
    weight: int = 1
    """Cases in each round of the families whose truth is a map."""

    def spec(self, seed: int) -> Spec:
        """The case of this seed."""
        rng = np.random.default_rng(seed)
        base = _base(self.name, seed, rng, *self.call_s)
        return replace(base, **{**self.fixed, **(self.draw(rng, base) if self.draw else {})})


def _base(name: str, seed: int, rng: np.random.Generator, low: float, high: float) -> Spec:
    two = rng.choice(PEOPLE, 3, replace=False)
    # most recordings begin a little before the call, some after it, some long before
    reach = (0, 8, -20, 0, 8, 400)
    kind = 2 * int(np.searchsorted((0.6, 0.8), rng.random(), side="right"))
    offset = rng.uniform(*reach[kind : kind + 2])
    return Spec(
        name,
        seed,
        agent=str(two[0]),
        customer=str(two[1]),
        call_s=float(np.round(rng.uniform(low, high), 2)),
        offset_s=float(np.round(offset, 5)),
        drift_ppm=float(np.round(rng.uniform(-100, 100), 2)) if rng.random() < 0.5 else 0.0,
        acw_s=float(rng.uniform(2, 25)),
        customer_db=float(rng.uniform(-12, 3)),
    )


def _jumps(rng: np.random.Generator, b: Spec, count: int, least: float = 0.01) -> tuple[tuple[float, float], ...]:
    at = np.sort(rng.uniform(0.1, 0.9, count)) * b.call_s
    while np.any(np.diff(at) < 8):
        at = np.sort(rng.uniform(0.08, 0.92, count)) * b.call_s
    sizes = np.exp(rng.uniform(np.log(least), np.log(2.0), count)) * rng.choice([-1, 1], count)
    return tuple((float(a), float(s)) for a, s in zip(at, sizes, strict=True))


def _steps(
    rng: np.random.Generator, b: Spec, lows: tuple[float, ...], highs: tuple[float, ...], least: float
) -> tuple[tuple[float, float], ...]:
    at = rng.uniform(lows, highs) * b.call_s
    return tuple((float(t), float(rng.uniform(least, 0.04) * rng.choice([-1, 1]))) for t in at)


def _third(rng: np.random.Generator, b: Spec) -> str:
    return str(rng.choice([p for p in PEOPLE if p not in {b.agent, b.customer}]))


def _side(rng: np.random.Generator) -> str:
    return str(rng.choice(["agent", "customer"]))


def _small_jump(rng: np.random.Generator, b: Spec) -> Changes:
    size = float(rng.uniform(0.01, 0.03) * rng.choice([-1, 1]))
    return {"jumps": ((float(b.call_s * rng.uniform(0.1, 0.9)), size),)}


def _music(rng: np.random.Generator, loops: list[int]) -> Changes:
    return {"loop_s": float(rng.choice(loops)), "music": int(rng.integers(5))}


def _hold(rng: np.random.Generator, b: Spec) -> Changes:
    held = (b.call_s * float(rng.uniform(0.2, 0.4)), b.call_s * float(rng.uniform(0.6, 0.85)))
    return {"hold": (held,), **_music(rng, [4, 8, 16, 300])}


def _muted(rng: np.random.Generator, b: Spec) -> Changes:
    start = b.call_s * float(rng.uniform(0.2, 0.4))
    return {"muted": ((start, start + b.call_s * float(rng.uniform(0.1, 0.35))),)}


def _early_stop(rng: np.random.Generator, b: Spec) -> Changes:
    offset = float(rng.uniform(-5, 10))
    return {"offset_s": offset, "recording_stop_s": offset + b.call_s * float(rng.uniform(0.4, 0.8))}


def _lost(rng: np.random.Generator, b: Spec) -> Changes:
    offset = float(rng.uniform(0, 8))
    gaps = tuple((offset + b.call_s * float(u), float(rng.uniform(0.2, 6))) for u in rng.uniform(0.1, 0.8, 4))
    return {"offset_s": offset, "lost": gaps}


def _everything(rng: np.random.Generator, b: Spec) -> Changes:
    return {
        "leg_s": float(rng.uniform(0.02, 0.2)),
        "offset_s": float(rng.uniform(-5, 8)),
        "jumps": _jumps(rng, b, 2, 0.02),
        "codec": "libopus:24:webm" if rng.random() < 0.3 else "",
    }


def _long_hold(rng: np.random.Generator, b: Spec) -> Changes:
    share = float(rng.uniform(0.2, 0.9))
    start = b.call_s * (1 - share) * float(rng.uniform(0.2, 0.8))
    return {"hold": ((start, start + b.call_s * share),), **_music(rng, [8, 30, 300])}


def _stretches(rng: np.random.Generator, b: Spec) -> Changes:
    count = int(rng.integers(8, 30))
    at = np.sort(rng.uniform(0.05, 0.95, count)) * b.call_s
    return {
        "leg_stretches": tuple((float(t), int(sign)) for t, sign in zip(at, rng.choice([-1, 1], count), strict=True)),
        "leg_s": float(rng.uniform(0.04, 0.2)),
    }


def _bursts(rng: np.random.Generator, _: Spec) -> Changes:
    return {"loss": float(rng.uniform(0.03, 0.12)), "loss_burst": float(rng.uniform(3, 8))}


def _coded(rng: np.random.Generator, codec: str) -> Changes:
    return {"codec": codec, "offset_s": float(rng.uniform(-5, 8))}


RIGHT = (
    Family("plain"),
    Family(
        "opus24",
        lambda rng, _: _coded(rng, f"libopus:{rng.choice([16, 24, 32])}:webm"),
        (40, 90),
        {"snr_db": 25.0},
        hard=True,
    ),
    Family("aac", lambda rng, _: _coded(rng, "aac:48:mp4"), (40, 90)),
    Family("jump", lambda rng, b: {"jumps": _jumps(rng, b, 1)}),
    Family("small_jump", _small_jump),
    Family("jumps", lambda rng, b: {"jumps": _jumps(rng, b, int(rng.integers(2, 6)))}, (100, 240)),
    Family(
        "jump_hard",
        lambda rng, b: {"jumps": _jumps(rng, b, 2)},
        (100, 240),
        {"snr_db": 12.0, "sides": "agent", "reverb_s": 0.25},
        hard=True,
    ),
    Family("jump_in_silence", lambda rng, b: {"jumps": _jumps(rng, b, 1)}, (120, 240), {"pause": (2.0, 20.0)}),
    Family("one_sided", lambda rng, _: {"sides": _side(rng), "snr_db": float(rng.uniform(12, 35))}, hard=True),
    Family("leak", fixed={"sides": "leak", "check_sides": False}, hard=True),
    Family("leak_only", fixed={"sides": "leak_only", "check_sides": False}, hard=True),
    Family("noise10", lambda rng, _: {"gain_db": float(rng.uniform(-20, 0))}, fixed={"snr_db": 10.0}, hard=True),
    Family(
        "echo",
        lambda rng, _: {
            "echo": (float(rng.uniform(0.02, 0.2)), float(rng.uniform(-12, -5))),
            "reverb_s": float(rng.uniform(0, 0.4)),
        },
        hard=True,
    ),
    Family("clipping", lambda rng, _: {"clip_db": float(rng.uniform(10, 24))}, hard=True),
    Family("hold", _hold, (120, 240)),
    Family("customer_leg", lambda rng, _: {"leg_s": float(rng.uniform(0.02, 0.25))}),
    Family(
        "customer_jitter",
        lambda rng, b: {"leg_steps": _steps(rng, b, (0.1, 0.4, 0.7), (0.3, 0.6, 0.9), 0.01)},
        (90, 240),
        {"leg_s": 0.12},
    ),
    Family(
        "agent_jitter", lambda rng, b: {"agent_warps": _steps(rng, b, (0.15, 0.55), (0.45, 0.85), 0.015)}, (90, 240)
    ),
    Family("packet_loss", lambda rng, _: {"loss": float(rng.uniform(0.02, 0.1))}, hard=True),
    Family("agc", fixed={"agc": True, "snr_db": 20.0}),
    Family(
        "noise_suppression",
        lambda rng, _: {"snr_db": float(rng.uniform(8, 20))},
        fixed={"suppression": True},
        hard=True,
    ),
    Family("inverted_tilted", fixed={"tilt": True}),
    Family("narrow_codec", lambda rng, _: {"narrow": str(rng.choice(["amr", "g723", "g726"]))}, (50, 120)),
    Family(
        "acoustic_echo",
        lambda rng, _: {"leg_s": float(rng.uniform(0.0, 0.2)), "sides": str(rng.choice(["both", "agent"]))},
        fixed={"acoustic_echo": True, "check_sides": False},
    ),
    Family("conference", lambda rng, b: {"third": _third(rng, b)}, fixed={"double_talk": 0.4}),
    Family("muted_side_talk", _muted, (90, 240)),
    Family(
        "transfer",
        lambda rng, b: {"third": _third(rng, b), "transfer_at_s": b.call_s * float(rng.uniform(0.4, 0.7))},
        (100, 240),
    ),
    Family("late_start", lambda rng, b: {"offset_s": -b.call_s * float(rng.uniform(0.2, 0.6))}, (90, 240)),
    Family("ends_early", _early_stop, (90, 240)),
    Family(
        "few_turns",
        lambda rng, _: {"offset_s": float(rng.uniform(0, 60)), "turns": int(rng.integers(4, 7))},
        (40, 90),
    ),
    Family("long_silences", call_s=(150, 400), fixed={"pause": (4.0, 40.0)}),
    Family("lost_buffers", _lost, (90, 200)),
    Family(
        "everything", _everything, (90, 220), {"snr_db": 16.0, "reverb_s": 0.2, "agc": True, "loss": 0.02}, hard=True
    ),
    Family("two_lags", lambda rng, _: {"customer_db": float(rng.uniform(-6, 6))}, fixed={"leg_s": 0.18}),
    Family("jitter_buffer", _stretches, (90, 240)),
    Family("burst_loss", _bursts, hard=True),
    Family("repeated_prompts", lambda rng, _: {"pool": int(rng.integers(4, 16))}, (90, 240)),
    Family("long", lambda rng, _: {"drift_ppm": float(np.round(rng.uniform(-100, 100), 2))}, (500, 800)),
)
HOLD = (
    Family(
        "hold_only",
        lambda rng, _: {"offset_s": float(rng.uniform(-20, 8)), **_music(rng, [4, 8, 12])},
        fixed={"hold_only": True, "expected": ("ambiguous",), "check_sides": False},
    ),
)
APART: Changes = {"matches": False, "expected": ANY_STATUS_BUT_ALIGNED}


def _wrong(
    name: str, draw: Draw | None = None, call_s: tuple[float, float] = (40, 200), fixed: Changes | None = None
) -> Family:
    return Family(name, draw, call_s, {"wrong": True, **APART, **(fixed or {})})


WRONG = (
    _wrong("w_same_speakers"),
    _wrong("w_shared_prompts", lambda rng, _: {"pool": int(rng.integers(8, 40))}),
    _wrong("w_few_prompts", lambda rng, _: {"pool": int(rng.integers(2, 6))}),
    _wrong("w_announcement", lambda rng, _: {"preamble_s": float(rng.uniform(8, 30))}),
    _wrong("w_script", lambda rng, _: {"shared_turns": int(rng.integers(1, 5))}),
    _wrong(
        "w_announcement_script",
        lambda rng, _: {"preamble_s": float(rng.uniform(5, 20)), "shared_turns": int(rng.integers(1, 4))},
    ),
    _wrong("w_hold", _long_hold, (100, 240)),
    _wrong(
        "w_short",
        lambda rng, _: {
            "offset_s": float(rng.uniform(-4, 8)),
            "pool": int(rng.choice([0, 10, 40])),
            "turns": int(rng.integers(1, 5)),
        },
        (8, 25),
    ),
    _wrong("w_one_sided", lambda rng, _: {"sides": _side(rng), "pool": int(rng.choice([0, 40]))}),
    _wrong(
        "w_noisy",
        lambda rng, _: {"pool": int(rng.choice([0, 40]))},
        fixed={"snr_db": 10.0, "reverb_s": 0.3, "echo": (0.1, -6.0)},
    ),
    Family("w_acw_only", call_s=(60, 150), fixed={"acw_only": True, "acw_s": 40.0, **APART}),
    _wrong("w_opus", call_s=(30, 70), fixed={"codec": "libopus:24:webm", "offset_s": 2.0}),
    # the agent's canned sentences, up to eight in a row with the same pauses
    _wrong("w_long_script", lambda rng, _: {"shared_turns": int(rng.integers(4, 9))}, (90, 200)),
    # almost nothing but the same music
    _wrong(
        "w_muted_hold",
        lambda rng, b: {"hold": ((4.0, b.call_s - 4.0),), "music": int(rng.integers(5))},
        (100, 200),
        {"loop_s": 300.0},
    ),
    # all that a path does to voices, on voices that have nothing to do with each other
    _wrong(
        "w_worn_path",
        lambda rng, _: {
            "leg_s": float(rng.uniform(0.02, 0.2)),
            "narrow": str(rng.choice(["", "amr", "g723", "g726"])),
            "pool": int(rng.choice([0, 20])),
        },
        fixed={
            "agc": True,
            "suppression": True,
            "snr_db": 15.0,
            "loss": 0.05,
            "loss_burst": 3.0,
            "acoustic_echo": True,
        },
    ),
    _wrong(
        "w_conference",
        lambda rng, b: {"third": _third(rng, b), "pool": int(rng.choice([0, 20]))},
        fixed={"double_talk": 0.4},
    ),
    # another call of the same agent, with a transfer in it, and silence after that
    _wrong(
        "w_transfer",
        lambda rng, b: {"third": _third(rng, b), "transfer_at_s": b.call_s * float(rng.uniform(0.3, 0.7))},
        (80, 200),
        {"pool": 20},
    ),
)
WHAT = {
    "plain": "two voices, little noise",
    "opus24": "the recording as Opus at 16 to 32 kb/s",
    "aac": "the recording as AAC at 48 kb/s",
    "jump": "the recording's clock jumps once, by 10 ms to 2 s",
    "small_jump": "it jumps once, by 10 to 30 ms",
    "jumps": "it jumps two to five times",
    "jump_hard": "it jumps twice, with the agent's microphone alone in a noisy room",
    "jump_in_silence": "it jumps once, with pauses of up to 20 s",
    "one_sided": "only one of the two is in the recording, in noise",
    "leak": "the customer only leaks from the headset",
    "leak_only": "nothing but the customer's leak from the headset",
    "noise10": "noise 10 dB below the voices",
    "echo": "an echo and a room",
    "clipping": "overdriven by 10 to 24 dB",
    "hold": "hold music in the middle, in both",
    "customer_leg": "the customer reaches the agent 20 to 250 ms later than Connect",
    "customer_jitter": "that lag changes three times",
    "agent_jitter": "Connect's jitter buffer moves the agent's channel twice",
    "packet_loss": "2 to 10 % of the packets lost and concealed",
    "agc": "automatic gain",
    "noise_suppression": "noise suppression by spectral gating",
    "inverted_tilted": "polarity and spectrum changed by the microphone",
    "narrow_codec": "the customer through AMR, G.723.1 or G.726",
    "acoustic_echo": "the customer's voice comes back through the agent's microphone, into both files",
    "conference": "three people, much at once",
    "muted_side_talk": "the agent mutes and talks to a colleague",
    "transfer": "the call continues without this agent",
    "late_start": "the recording begins within the call",
    "ends_early": "the recording ends within the call",
    "few_turns": "four to six sentences in all",
    "long_silences": "pauses of up to 40 s",
    "lost_buffers": "up to four stretches of the recording are silent",
    "everything": "two jumps, a customer delay, noise, a room, automatic gain, loss and sometimes Opus at once",
    "two_lags": "the customer is 180 ms behind the agent, as loud as the agent or louder",
    "jitter_buffer": "a jitter buffer repeats or leaves out 8 to 30 pitch periods of the customer's voice",
    "burst_loss": "3 to 12 % of the packets lost, several in a row, and concealed",
    "repeated_prompts": "each repeats the same 4 to 16 sentences",
    "long": "8 to 13 minutes, with drift",
    "hold_only": "nothing but looped hold music",
    "w_same_speakers": "another call of the same two voices",
    "w_shared_prompts": "the same, out of the same 8 to 40 sentences",
    "w_few_prompts": "the same, out of the same two to six sentences",
    "w_announcement": "both begin with the same announcement",
    "w_script": "both hold one to four of the agent's sentences in a row",
    "w_announcement_script": "both hold an announcement and a script",
    "w_hold": "both hold the same hold music, 20 to 90 % of the call",
    "w_short": "calls of 8 to 25 s",
    "w_one_sided": "only one side in the recording",
    "w_noisy": "noise, a room and an echo",
    "w_acw_only": "the recording holds the work after the call alone",
    "w_opus": "the recording as Opus at 24 kb/s",
    "w_long_script": "both hold four to eight sentences in a row, with the same pauses",
    "w_muted_hold": "both contain little but the same music",
    "w_worn_path": "automatic gain, suppression, bursts of loss, acoustic echo and narrow codecs",
    "w_conference": "three people, much at once",
    "w_transfer": "a call that is passed on, against another one",
}
"""Each family's material, in a phrase."""
HARD = frozenset(family.name for family in RIGHT if family.hard)
