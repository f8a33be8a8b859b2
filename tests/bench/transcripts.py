"""How exact captions are on the output clock, and which wrong transcripts are refused: made conversations, real voices.

    .venv/bin/python tests/bench/transcripts.py [--minutes 60] [--count 20] [--cache FOLDER]

Makes one long conversation with drift and three jumps, measures its place, puts its transcript on the output clock, and
compares the turns' starts with the truth. Then it makes `--count` shorter ones of the families of `make bench-sync`,
each with a right transcript and four wrong ones: of another call, with another zero, with exchanged channels, and half
of it. A right transcript has the voices' own times, and an error like a recogniser's (a normal one of 80 ms). The
voices are those of `make bench-sync`.

Exit status: 0; 1 if the median start error is over 0.15 s, a wrong transcript is used, or a right one isn't.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

if __name__ == "__main__":
    # As a script its own folder comes first, where `bench` would be no package.
    sys.path[0] = str(Path(__file__).resolve().parents[1])

import numpy as np
from bench.sync import simulate, voices
from bench.sync.families import RIGHT
from bench.sync.paths import RATE
from bench.sync.spec import Spec

from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Span
from komorebi_qc.findings.words.transcript import ComparedTranscript, is_believed
from komorebi_qc.measure.transcript_timing import compare_with_speech
from komorebi_qc.sync import measure
from komorebi_qc.transcript.placed import place_transcript
from komorebi_qc.transcript.turns import Transcript, Turn

if TYPE_CHECKING:
    from collections.abc import Sequence

    from bench.sync.spec import Case

    from komorebi_qc.transcript.turns import Speaker

SEED = 80_000_001
ERROR_S = 0.08
MOST_MEDIAN_S = 0.15
SPEECH = 0.004
"""RMS of a voice's first 10 ms that count, as for the bench's own truth."""
Said = tuple["Speaker", float, float]


def said_in(spec: Spec, seed: int) -> list[Said]:
    """Who speaks when, by the draws of `simulate.dialogue` with the same seed."""
    rng = np.random.default_rng(seed)
    names, said = (spec.agent, spec.customer), list[Said]()
    at_s, turn = 0.3, 0
    while True:
        many = len(voices.clips(names[turn]))
        words = voices.clip(names[turn], int(rng.integers(min(spec.pool, many) if spec.pool else many)))
        first = int(at_s * RATE)
        if first + len(words) > int(spec.call_s * RATE) - RATE // 2:
            return said
        frame = RATE // 100
        level = np.sqrt(np.mean(words[: len(words) // frame * frame].reshape(-1, frame) ** 2, axis=1))
        loud = np.flatnonzero(level > SPEECH) / 100
        if len(loud):
            said.append((("agent", "customer")[turn], first / RATE + loud[0], first / RATE + loud[-1] + 0.01))
        pause = rng.uniform(-0.4, 0.0) if rng.random() < spec.double_talk else rng.uniform(*spec.pause)
        at_s += len(words) / RATE + pause
        turn = 1 - turn


def recognised(said: Sequence[Said], rng: np.random.Generator, shift_s: float = 0.0) -> Transcript:
    """A transcript with a recogniser's errors."""
    turns = []
    for who, from_s, to_s in said:
        start_s = max(0.0, from_s + shift_s + rng.normal(0, ERROR_S))
        end_s = max(start_s + 0.1, to_s + shift_s + rng.normal(0, ERROR_S))
        turns.append(Turn(who, round(start_s, 2), round(end_s, 2), "words"))
    return Transcript(tuple(sorted(turns, key=lambda turn: turn.from_s)), "en-US", "contact_lens")


def is_used(transcript: Transcript, case: Case) -> bool:
    """Whether the check lets a transcript pass."""
    return is_believed(ComparedTranscript(transcript, compare_with_speech(transcript, case.call)))


def true_recording_s(points: Sequence[tuple[float, float]], call_s: float) -> float:
    """The recording time of a moment of the call, by the case's truth."""
    for (from_s, start_s), (to_s, end_s) in pairwise(points):
        if from_s <= call_s < to_s:
            return start_s + (call_s - from_s) / (to_s - from_s) * (end_s - start_s)
    return points[-1][1]


def long_call(minutes: float) -> list[float]:
    """The start errors of a long call's captions on the output clock, in seconds."""
    call_s = 60.0 * minutes
    jumps = ((0.2 * call_s, 0.7), (0.5 * call_s, -1.3), (0.8 * call_s, 2.1))
    spec = Spec("long", SEED, call_s=call_s, offset_s=3.217, drift_ppm=60.0, jumps=jumps)
    case, said = simulate.make(spec), said_in(spec, spec.seed)
    result = measure(case.call, case.recording, case.reported_s, case.resolution_s)
    if result.alignment is None:
        raise SystemExit(f"the long call isn't aligned: {result.reason}")
    transcript = recognised(said, np.random.default_rng(SEED))
    print(f"{minutes:g} minutes: {len(said)} turns, used: {is_used(transcript, case)}, jumps: {len(result.jumps)}")
    own = Span(0.0, len(case.recording) / 8000)
    timeline = splice(result.alignment, call_s=len(case.call) / 8000, recording_audio=own, outside_call="after")
    placed = place_transcript(transcript, timeline)
    truth = np.sort([true_recording_s(case.points, from_s) + result.alignment.output_shift_s for _, from_s, _ in said])
    return [float(np.min(np.abs(truth - turn.from_s))) for turn in placed.turns]


def short_calls(count: int) -> dict[str, list[bool]]:
    """For each kind of transcript, whether it was used in each call."""
    used: dict[str, list[bool]] = {}
    fits = (f for f in RIGHT * (count // len(RIGHT) + 2))
    for number, family in enumerate(fits):
        spec = family.spec(SEED + number)
        plain = not (spec.hold or spec.hold_only or spec.muted or spec.third or spec.shared_turns or spec.preamble_s)
        if not plain or spec.agent_part or spec.file_part or spec.alone or spec.transfer_at_s or spec.turns:
            continue
        case, said, rng = simulate.make(spec), said_in(spec, spec.seed), np.random.default_rng(spec.seed)
        exchanged: list[Said] = [("agent" if who == "customer" else "customer", a, b) for who, a, b in said]
        kinds = {
            "right": recognised(said, rng),
            "another call": recognised(said_in(spec, spec.seed + 999), rng),
            "another zero (2.5 s)": recognised(said, rng, 2.5),
            "another zero (0.4 s)": recognised(said, rng, 0.4),
            "exchanged channels": recognised(exchanged, rng),
            "first half": recognised(said[: len(said) // 2], rng),
        }
        unknown = kinds["right"], kinds["another call"]
        for name, one in zip(("right, no speakers", "another call, no speakers"), unknown, strict=True):
            kinds[name] = replace(one, turns=tuple(replace(turn, speaker="unknown") for turn in one.turns))
        for name, one in kinds.items():
            used.setdefault(name, []).append(is_used(one, case))
        if len(used["right"]) == count:
            break
    return used


def main() -> int:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--cache", type=Path, default=voices.CACHE)
    args = parser.parse_args()
    voices.use(voices.SOUNDS, args.cache)
    voices.prepare()
    is_good = True
    used = short_calls(args.count)
    for name, answers in used.items():
        wanted = name.startswith("right")
        is_good &= all(answer == wanted for answer in answers)
        print(f"{name:26} used {sum(answers):3} of {len(answers)}", flush=True)
    errors = long_call(args.minutes)
    p50_s, p95_s = np.percentile(errors, [50, 95])
    print(f"start errors on the output clock: p50 {p50_s:.3f} s, p95 {p95_s:.3f} s, {len(errors)} turns")
    return 0 if is_good and p50_s <= MOST_MEDIAN_S else 1


if __name__ == "__main__":
    sys.exit(main())
