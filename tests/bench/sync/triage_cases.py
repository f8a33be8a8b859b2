"""The quick look of a case, compared with the measurement of the whole call."""

from __future__ import annotations

import json
import time
import traceback
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

from bench.sync.catalogue import BY_NAME
from bench.sync.judge.score import JUMP_MS, OFFSET_MS, SURE_JUMP_S, drift_limit_ppm
from bench.sync.kept import kept

from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.measure.quick.settle import settle
from komorebi_qc.sync import measure

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import numpy as np
    from bench.sync.spec import Case, Spec
    from numpy.typing import NDArray

    from komorebi_qc.core.timebase import Span
    from komorebi_qc.sync import SyncResult

RATE = 8000
LONG = (
    *("plain", "jump", "jumps", "customer_leg", "hold", "conference", "two_lags", "noise10", "one_sided", "transfer"),
    *("w_same_speakers", "w_script", "w_hold", "w_long_script", "w_transfer"),
)
"""Families of which long cases are made: their calls are longer than any that is measured whole."""
LONG_S = (960.0, 1800.0)
LONG_SEED = 3_000_000


@dataclass(frozen=True, slots=True)
class Compared:
    """One case.

    Attributes:
        name: family and seed.
        matches: whether both files are of the same call.
        call_s: the call's length.
        whole: the status by the whole call.
        quick: the status by the quick look.
        measured: ``pieces`` or ``whole``.
        doubts: of the pieces.
        is_settled: whether the quick look's status is that of the whole call, by itself.
        differences: of the quick look from the whole measurement; empty if both agree.
        read: the share of the recording's audio that was read.
        cpu_s: of the whole measurement and of the quick look, the case's whole measurement not included.
    """

    name: str
    matches: bool
    call_s: float
    whole: str
    quick: str
    measured: str
    doubts: tuple[str, ...]
    is_settled: bool = True
    differences: tuple[str, ...] = field(default=())
    read: float = 1.0
    cpu_s: tuple[float, float] = (0.0, 0.0)


class _Array:
    """A recording in memory, read by spans."""

    def __init__(self, samples: NDArray[np.int16]) -> None:
        self._samples = samples
        self.length_s = len(samples) / RATE

    def read(self, spans: Sequence[Span]) -> Iterator[tuple[int, NDArray[np.int16]]]:
        for span in spans:
            first = round(span.start_s * RATE)
            yield first, self._samples[first : round(span.end_s * RATE)]


def long_specs(count: int, first_seed: int) -> list[Spec]:
    """Cases of some families, with calls that are too long to be measured whole."""
    names = [LONG[i % len(LONG)] for i in range(count)]
    return [replace(BY_NAME[name], call_s=LONG_S).spec(first_seed + LONG_SEED + i) for i, name in enumerate(names)]


def name_of(spec: Spec) -> str:
    """Family and seed of a case."""
    return f"{spec.family}:{spec.seed}"


def read_rows(path: Path | None) -> dict[str, Compared]:
    """The cases of a file of an earlier run, by name; empty without one."""
    if path is None or not path.is_file():
        return {}
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        fields: dict[str, Any] = json.loads(line)
        values: dict[str, Any] = {k: tuple(value) if isinstance(value, list) else value for k, value in fields.items()}
        row = Compared(**values)
        found[row.name] = row
    return found


def add_row(path: Path, row: Compared) -> None:
    """Add a case to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(asdict(row)) + "\n")


def compare(spec: Spec) -> Compared:
    """Make a case, measure it whole and quickly, and compare."""
    name = name_of(spec)
    try:
        return _compared(name, kept(spec))
    except Exception:  # noqa: BLE001  whatever it is, it is this case's result
        reason = traceback.format_exc().splitlines()[-1]
        return Compared(name, spec.matches, spec.call_s, "CRASH", "CRASH", "", (), differences=(reason,))


def _compared(name: str, case: Case) -> Compared:
    call_s, end = len(case.call) / RATE, CallEnd(case.reported_s, case.resolution_s)
    began = time.process_time()
    whole = measure(case.call, case.recording, case.reported_s, case.resolution_s)
    middle = time.process_time()
    # The whole measurement is the same one, so it isn't made again.
    found = settle(case.call, call_s, _Array(case.recording), end, lambda: whole)
    ended = time.process_time()
    share = 1.0 if found.measured == "whole" else found.look.recording_read_s * RATE / max(len(case.recording), 1)
    return Compared(
        *(name, case.spec.matches, call_s, whole.status, found.result.status, found.measured, found.doubts),
        found.measured == "whole" or not found.doubts,
        tuple(differences(whole, found.result, call_s)),
        share,
        (middle - began, ended - middle),
    )


def differences(whole: SyncResult, quick: SyncResult, call_s: float) -> Iterator[str]:
    """Status, offset, drift, and the net jumps of 20 ms and more, where a quick look differs."""
    if quick.status != whole.status:
        yield f"status {quick.status}, not {whole.status}"
        return
    one, other = whole.alignment, quick.alignment
    if one is None or other is None:
        return
    offset_ms = (other.offset_s - one.offset_s) * 1e3
    if abs(offset_ms) > OFFSET_MS:
        yield f"offset {offset_ms:+.3f} ms"
    drift_ppm = other.drift_ppm - one.drift_ppm
    if abs(drift_ppm) > drift_limit_ppm(call_s):
        yield f"drift {drift_ppm:+.2f} ppm (limit {drift_limit_ppm(call_s):.2f})"
    before, after = ([j.size_s for j in a.jumps] for a in (one, other))
    if not _same(net(before), net(after)):
        shown = [", ".join(f"{size * 1e3:+.0f}" for size in sizes) or "none" for sizes in (before, after)]
        yield f"jumps {shown[1]} ms, not {shown[0]} ms"


def net(sizes_s: Sequence[float]) -> list[float]:
    """The jumps of 20 ms and more, without pairs that follow each other and cancel out."""
    out: list[float] = []
    for size in sizes_s:
        if out and abs(out[-1] + size) < SURE_JUMP_S:
            out[-1:] = [out[-1] + size]
        else:
            out.append(size)
    return [size for size in out if abs(size) >= SURE_JUMP_S]


def _same(one: Sequence[float], other: Sequence[float]) -> bool:
    return len(one) == len(other) and all(abs(a - b) * 1e3 <= JUMP_MS for a, b in zip(one, other, strict=True))
