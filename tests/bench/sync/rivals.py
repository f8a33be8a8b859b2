"""Other tools on the bench's own cases: polysync, BBC's audio-offset-finder and audalign, each in a separate process.

They are installed, at the versions named here, into a separate virtual environment. Each gets two mono
WAV files (the call's channels summed) and is called as its README recommends, with its own defaults.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import wave
from dataclasses import dataclass, replace
from multiprocessing import Pool
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from bench.sync import voices
from bench.sync.judge import score
from bench.sync.paths import CALL_RATE
from bench.sync.simulate import make

from komorebi_qc.sync import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.sync.spec import Case, Spec, TrueJump
    from numpy.typing import NDArray

OURS = "komorebi_qc"
LIMIT_S = 600.0
"""Wall time, on a machine that may be busy: a tool that needs longer for a pair has given no answer."""
TELLING_SCORE = 10.0
"""audio-offset-finder's README: "one with a score greater than ten is likely to be correct"."""
TOP_RANKING = 10
FRAME_S = 0.02
SPEECH_RMS = 0.004 * 32768
"""Root mean square in steps of 16 bits: louder frames have speech."""
CALL, RECORDING = "call.wav", "recording.wav"
ASK_AUDALIGN = f"""
import json, sys
import audalign

if __name__ == "__main__":
    found = audalign.align_files({RECORDING!r}, {CALL!r}, recognizer=audalign.FingerprintRecognizer())
    if found is not None:
        found = audalign.fine_align(found, recognizer=audalign.CorrelationRecognizer()) or found
        ranks = found["rankings"]
        rank = (ranks.get("fine_match_info") or ranks["match_info"])[{RECORDING!r}][{CALL!r}]
        found = {{"offset_s": float(found[{CALL!r}]) - float(found[{RECORDING!r}]), "rank": int(rank)}}
    json.dump(found, open("found.json", "w"))
"""


@dataclass(frozen=True, slots=True)
class Estimate:
    """A tool's placement of the call: recording_s = offset_s + call_s * (1 + drift_ppm * 1e-6) + jumps before it."""

    offset_s: float
    drift_ppm: float | None = None
    """None: it doesn't report one."""
    jumps: tuple[tuple[float, float], ...] = ()

    def lags_s(self, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
        """recording_s - call_s at these call times."""
        lags = self.offset_s + times_s * (self.drift_ppm or 0.0) * 1e-6
        for at, size in self.jumps:
            lags = lags + size * (times_s >= at)
        return lags


@dataclass(frozen=True, slots=True)
class Answer:
    """A tool's answer for one pair."""

    estimate: Estimate | None
    """None: it refused, or broke."""
    accepted: bool = False
    """With the confidence that its own makers call sufficient."""
    is_top: bool = False
    """At the top of its scale."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Trial:
    """One tool on one pair."""

    tool: str
    family: str
    seed: int
    matches: bool
    hold_only: bool
    answered: bool
    accepted: bool
    is_top: bool
    nearest_ms: float | None = None
    """The smallest error of its lag during the call: one lag can't follow drift or jumps."""
    farthest_ms: float | None = None
    """The largest error of its lag during the call, which a viewer would notice."""
    drift_error_ppm: float | None = None
    jumps: int = 0
    """Jumps of 20 ms and more in the call."""
    jumps_reported: int = 0
    note: str = ""


# Truth ----------------------------------------------------------------------------------------------------------------


def true_lags_s(case: Case, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """A row for each side that the recording holds: its recording_s - call_s at these call times."""
    s = case.spec
    clock = s.offset_s + times_s * s.drift_ppm * 1e-6
    agent = clock + np.sum([j.size_s * (times_s >= j.at_s) for j in case.jumps], axis=0)
    far = clock + s.leg_s + np.sum([size * (times_s >= at) for at, size in (*s.jumps, *s.leg_steps)], axis=0)
    far = far + np.sum([size * (times_s >= at) for at, size in case.stretches], axis=0)
    rows = {"agent": [agent], "customer": [far], "leak_only": [far]}.get(s.sides, [agent, far])
    return np.stack([np.broadcast_to(row, times_s.shape) for row in rows])


def errors_ms(case: Case, estimate: Estimate) -> tuple[float, float]:
    """(least, greatest) error, at each moment against the nearer side, as long as the recording runs.

    The least one may fall into a pause, the greatest one counts during speech.
    """
    frame = round(FRAME_S * CALL_RATE)
    sound = case.call[: len(case.call) // frame * frame].astype(np.float64).reshape(-1, frame, 2)
    is_significant = np.sqrt(np.mean(sound**2, axis=1)).max(axis=1) > SPEECH_RMS
    times = np.arange(len(is_significant), dtype=np.float64) * FRAME_S
    truth = true_lags_s(case, times)
    place = truth[0] + times
    is_held = (place >= 0) & (place <= len(case.recording) / CALL_RATE)
    is_held &= times < (case.spec.transfer_at_s or case.spec.call_s)
    off_ms = np.min(np.abs(truth - estimate.lags_s(times)), axis=0) * 1e3
    return float(np.min(off_ms[is_held], initial=np.inf)), float(np.max(off_ms[is_held & is_significant], initial=0.0))


# The tools ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Done:
    code: int
    out: str
    err: str


def _run(command: Sequence[str], folder: Path) -> _Done:
    """The command in that folder, with all that it started ended with it.

    Raises:
        subprocess.TimeoutExpired: after `LIMIT_S`.
    """
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    env |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "TMPDIR": str(folder), "MPLBACKEND": "Agg"}
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=env,
        text=True,
        start_new_session=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        out, err = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        raise
    return _Done(process.returncode, out, err)


def _broken(done: _Done) -> Answer:
    lines = (done.err.strip() or done.out.strip()).splitlines()
    return Answer(None, note=f"exit {done.code}: {lines[-1] if lines else 'nothing said'}")


def ask_polysync(programs: Path, folder: Path, call_s: float) -> Answer:
    """It must match the whole call, or part of it if it asks for ``--partial``. With its warning it isn't accepted."""
    command = [str(programs / "polysync"), "sync", RECORDING, CALL]
    done = _run(command, folder)
    if done.code and "--partial" in done.err:
        done = _run([*command, "--partial"], folder)
    if done.code:
        return _broken(done)
    found = json.loads((folder / f"{CALL}.sync.json").read_text(encoding="utf-8"))
    reports_drift = "fallback" not in done.out
    slope = float(found["drift_slope"])
    # its delta is the lag in the middle of the call, not at the beginning
    start = float(found["delta_seconds"]) - slope * call_s / 2
    return Answer(Estimate(start, slope * 1e6 if reports_drift else None), accepted="WARNING" not in done.err)


def ask_audio_offset_finder(programs: Path, folder: Path, _: float) -> Answer:
    """Accepted from the score on that its README names."""
    command = [str(programs / "audio-offset-finder"), "--find-offset-of", CALL, "--within", RECORDING, "--json"]
    done = _run(command, folder)
    if done.code:
        return _broken(done)
    found = json.loads(done.out)
    mark = float(found["standard_score"])
    return Answer(Estimate(float(found["time_offset"])), accepted=mark > TELLING_SCORE, note=f"score {mark:.1f}")


def ask_audalign(programs: Path, folder: Path, _: float) -> Answer:
    """By fingerprints, then finely by correlation. It names no threshold: each alignment is accepted."""
    (folder / "ask.py").write_text(ASK_AUDALIGN, encoding="utf-8")
    done = _run([str(programs / "python"), "ask.py"], folder)
    if done.code:
        return _broken(done)
    found = json.loads((folder / "found.json").read_text(encoding="utf-8"))
    if found is None:
        return Answer(None, note="no alignment")
    rank = found["rank"]
    return Answer(Estimate(found["offset_s"]), accepted=True, is_top=rank == TOP_RANKING, note=f"ranking {rank}")


@dataclass(frozen=True, slots=True)
class Tool:
    """A published tool."""

    name: str
    """As the package registry knows it."""
    version: str
    rule: str
    """When its answer counts as accepted."""
    ask: Callable[[Path, Path, float], Answer]
    """(programs' folder, folder with the two files, the call's seconds)."""

    @property
    def requirement(self) -> str:
        """For pip."""
        return f"{self.name}=={self.version}"


TOOLS = (
    # audalign names exact versions of what it needs, so it comes first
    Tool("audalign", "1.3.1", "it found an alignment (it names no threshold)", ask_audalign),
    Tool("polysync", "0.3.0", "exit 0 without its warning of a low correlation", ask_polysync),
    Tool("audio-offset-finder", "0.5.5", "standard score above 10, as its README recommends", ask_audio_offset_finder),
)


def install(place: Path, tools: Sequence[Tool], say: Callable[[str], None]) -> dict[str, str]:
    """Make the environment and put them into it; why not, for each that can't be installed."""
    python = place / "bin" / "python"
    if not python.exists():
        say(f"{place}: making a virtual environment for the other tools")
        made = subprocess.run([sys.executable, "-m", "venv", place], capture_output=True, text=True, check=False)
        if made.returncode:
            return dict.fromkeys((tool.name for tool in tools), f"no virtual environment: {_last(made)}")
    missing = {}
    for tool in tools:
        asked = f"import importlib.metadata as m; assert m.version({tool.name!r}) == {tool.version!r}"
        if subprocess.run([python, "-c", asked], capture_output=True, check=False).returncode == 0:
            continue
        say(f"installing {tool.requirement}")
        command = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", tool.requirement]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            missing[tool.name] = _last(done)
    return missing


def _last(done: subprocess.CompletedProcess[str]) -> str:
    lines = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return lines[-1] if lines else f"exit {done.returncode}"


# Trials ---------------------------------------------------------------------------------------------------------------


def write_pair(case: Case, folder: Path) -> None:
    """Both as mono WAV files: the call's channels summed, which almost never clips."""
    both = np.clip(case.call.astype(np.int32).sum(axis=1), -32768, 32767).astype("<i2")
    for name, sound in ((CALL, both), (RECORDING, case.recording)):
        with wave.open(str(folder / name), "wb") as target:
            target.setnchannels(1)
            target.setsampwidth(2)
            target.setframerate(CALL_RATE)
            target.writeframes(sound.astype("<i2").tobytes())


def trial(case: Case, tool: str, answer: Answer) -> Trial:
    """An answer against the truth."""
    s = case.spec
    right = s.matches and not s.hold_only
    jumps = sum(abs(j.size_s) >= score.SURE_JUMP_S and score.is_observable(s, j) for j in case.jumps) if right else 0
    found = answer.estimate
    base = Trial(
        tool, s.family, s.seed, s.matches, s.hold_only, found is not None, answer.accepted, answer.is_top, jumps=jumps
    )
    if found is None or not right:
        return _with(base, note=answer.note)
    nearest, farthest = errors_ms(case, found)
    drift = None if found.drift_ppm is None else abs(found.drift_ppm - s.drift_ppm)
    reported = sum(
        _is_reported(j, found) for j in case.jumps if abs(j.size_s) >= score.SURE_JUMP_S and score.is_observable(s, j)
    )
    return _with(
        base, nearest_ms=nearest, farthest_ms=farthest, drift_error_ppm=drift, jumps_reported=reported, note=answer.note
    )


def _with(base: Trial, **changes: float | str | None) -> Trial:
    return replace(base, **changes)  # type: ignore[arg-type]


def _is_reported(jump: TrueJump, found: Estimate) -> bool:
    low, high = jump.from_s - score.PLACE_S, jump.to_s + score.PLACE_S
    return any(low <= at <= high and abs(size - jump.size_s) * 1e3 <= score.JUMP_MS for at, size in found.jumps)


def ask_ourselves(case: Case) -> Answer:
    """Our own answer; accepted if it is *aligned*."""
    r = measure(case.call, case.recording, case.call_end_s)
    if r.offset_s is None:
        return Answer(None, note=r.status)
    jumps = tuple((j.call_s, j.size_s) for j in r.jumps)
    # a status but *aligned* is a refusal, whatever numbers come with it
    aligned = r.status == "aligned"
    return Answer(Estimate(r.offset_s, r.drift_ppm, jumps) if aligned else None, aligned, note=r.status)


def _ask_all(job: tuple[Spec, Path, tuple[str, ...]]) -> list[Trial]:
    """Ours and every named tool on one pair."""
    spec, programs, names = job
    case = make(spec)
    trials = [trial(case, OURS, ask_ourselves(case))]
    for tool in TOOLS:
        if tool.name not in names:
            continue
        with tempfile.TemporaryDirectory(prefix="komorebi-rival-") as name:
            folder = Path(name)
            write_pair(case, folder)
            try:
                answer = tool.ask(programs, folder, spec.call_s)
            except subprocess.TimeoutExpired:
                answer = Answer(None, note=f"no answer in {LIMIT_S:g} s")
            except (OSError, ValueError, KeyError, TypeError) as error:  # its output differs from its documentation
                answer = Answer(None, note=f"{type(error).__name__}: {error}")
        trials.append(trial(case, tool.name, answer))
    return trials


def compare(
    todo: Sequence[Spec], place: Path, tools: Sequence[Tool], workers: int, say: Callable[[str], None]
) -> list[Trial]:
    """Every tool on every case."""
    jobs = [(spec, place / "bin", tuple(tool.name for tool in tools)) for spec in todo]
    if workers <= 1:
        return [t for job in jobs for t in _ask_all(job)]
    done: list[Trial] = []
    with Pool(workers, voices.use, (voices.places.sounds, voices.places.cache)) as pool:
        for number, trials in enumerate(pool.imap(_ask_all, jobs), 1):
            done += trials
            if number % 10 == 0:
                say(f"other tools: {number} of {len(jobs)} pairs")
    return done


# The table ------------------------------------------------------------------------------------------------------------


def _percentiles(values: Sequence[float]) -> str:
    if not values:
        return "none"
    p50, p90, worst = np.percentile(np.array(values), [50, 90, 100])
    return f"{p50:.3g} / {p90:.3g} / {worst:.3g} (n = {len(values)})"


def _shares(values: Sequence[float]) -> str:
    if not values:
        return "none"
    return f"{np.mean(np.array(values) <= 0.5):.0%} / {np.mean(np.array(values) <= 20):.0%}"


def _column(own: Sequence[Trial]) -> list[str]:
    """One tool's cells."""
    hold = [t for t in own if t.hold_only]
    right = [t for t in own if t.matches and not t.hold_only]
    wrong = [t for t in own if not t.matches]
    taken = [t for t in right if t.accepted]
    nearest = [t.nearest_ms for t in taken if t.nearest_ms is not None]
    farthest = [t.farthest_ms for t in taken if t.farthest_ms is not None]
    drift = [t.drift_error_ppm for t in taken if t.drift_error_ppm is not None]
    top = sum(t.is_top for t in wrong)
    accepted = f"{sum(t.accepted for t in wrong)} of {len(wrong)}" + (f" ({top} at its top ranking)" if top else "")
    jumps, reported = sum(t.jumps for t in right), sum(t.jumps_reported for t in taken)
    return [
        f"{len(right) - len(taken)} of {len(right)}",
        accepted,
        f"{sum(t.answered for t in wrong)} of {len(wrong)}",
        f"{sum(t.accepted for t in hold)} of {len(hold)}",
        _percentiles(nearest),
        _shares(nearest),
        _percentiles(farthest),
        _shares(farthest),
        _percentiles(drift) if drift else "not reported",
        f"{reported} of {jumps}",
        str(sum("no answer in" in t.note or "exit" in t.note for t in own)),
    ]


MEASURES = (
    "right pairs refused",
    "wrong pairs accepted",
    "wrong pairs answered at all",
    "hold music alone, accepted",
    "offset error, ms, at its smallest: p50 / p90 / worst",
    "... within 0.5 ms / within 20 ms",
    "the same at its largest, while someone speaks",
    "... within 0.5 ms / within 20 ms",
    "drift's error, ppm: p50 / p90 / worst",
    "jumps of 20 ms and more reported",
    "crashes and time-outs",
)


def table(trials: Sequence[Trial], missing: dict[str, str]) -> str:
    """The comparison in Markdown; below it are the reasons why tools are missing."""
    versions = {tool.name: tool.version for tool in TOOLS}
    names = [name for name in (OURS, *versions) if any(t.tool == name for t in trials)]
    columns = [_column([t for t in trials if t.tool == name]) for name in names]
    heads = [f"{name} {versions[name]}" if name in versions else name for name in names]
    out = [f"| | {' | '.join(heads)} |", "| --- " * (len(names) + 1) + "|"]
    out += [f"| {what} | {' | '.join(cells)} |" for what, *cells in zip(MEASURES, *columns, strict=True)]
    out += ["", f"Accepted means: {OURS}: status *aligned*" + "".join(f"; {t.name}: {t.rule}" for t in TOOLS) + "."]
    out.append(
        "A tool that reports one lag is right at the moments when the true lag, which drift and jumps move, equals it."
    )
    out += [f"{name} couldn't be installed: {why}" for name, why in missing.items()]
    return "\n".join(out)
