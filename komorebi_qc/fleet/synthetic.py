"""A synthetic fleet: rows drawn from real diagnoses, with two faults that a report has to find.

`seeds.json` has diagnoses of recordings by Chromium's MediaRecorder, and of simulated calls with real voices. Each row
is one of them, varied as calls differ: by an agent's habit, a browser's release, and chance. The faults are a release
that shifts the offset (`SHIFTED`, by `SHIFT_S`), and an agent whose recordings are mixed up (`MIXED_UP`).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from komorebi_qc import __version__
from komorebi_qc.batch.dataset.schema import DAY, SCHEMA_VERSION, WITH_DAY

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

FIRST_DAY: Final = date(2026, 8, 24)
SHIFTED: Final = "Chrome 142"
SHIFT_S: Final = 0.18
MIXED_UP: Final = "agent-017"
_RELEASES = (("Chrome 140", -40), ("Chrome 141", 15), (SHIFTED, 43), ("Chrome 143", 71))
"""Releases, and the day on which half of all agents have them, counted from the first day."""
_ROLL_OUT_DAYS = 1.5
_PART_ROWS = 100_000
_EDGE_SHARE, _UNKNOWN_SHARE = 0.12, 0.04
_REASONS = (
    ("MissingMediaError", "s3://calls/{id}.wav isn't there 50 h after creationDate; after 48 h nothing comes", False),
    ("MediaError", "{id}.webm is cut off: 1,482 of 90,112 bytes are missing; get it again", False),
    ("TimeLimit", "it took longer than 600 s and was stopped; raise --time-limit", True),
    ("StorageError", "s3://recordings: SlowDown, HTTP 503: a retry may help", True),
)  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """The place of some rows in a larger fleet.

    Attributes:
        first: their first day, counted from the fleet's.
        shares: ``(agents,)`` each agent's share of the recordings.
        habits: ``(agents,)`` by how much recordings of each agent begin later than others, seconds.
    """

    first: int
    shares: NDArray[np.float64]
    habits: NDArray[np.float64]


def seeds() -> list[dict[str, Any]]:
    """Real diagnoses, as columns of `komorebi_qc.batch.dataset.schema`; ``case`` names the recording."""
    found: list[dict[str, Any]] = json.loads((files("komorebi_qc.fleet") / "seeds.json").read_text(encoding="utf-8"))
    return found


def synthetic_rows(
    count: int, *, days: int = 92, agents: int = 120, seed: int = 1, faults: bool = True, part: Part | None = None
) -> pa.Table:
    """Rows of a fleet; the same arguments give the same rows.

    Args:
        count: number of rows.
        days: number of days.
        agents: number of agents.
        seed: of the random numbers.
        faults: whether the two faults are added; without them no day and no agent stands out.
        part: the rows' place in a larger fleet; None for a fleet of its own.
    """
    rng = np.random.default_rng(seed)
    known = seeds()
    day = _days(count, days, rng) + (0 if part is None else part.first)
    shares = _shares(agents, rng) if part is None else part.shares
    agent = np.array([f"agent-{n:03d}" for n in range(agents)])[rng.choice(agents, count, p=shares)]
    browser = _browsers(day, rng, faults=faults)
    picked = rng.choice(len(known), count, p=_weights(known))
    if faults:
        wrong = [k for k, one in enumerate(known) if one["failures"]]
        picked = np.where((agent == MIXED_UP) & (rng.random(count) < 0.3), rng.choice(wrong, count), picked)
    habits = rng.normal(0, 0.08, agents) if part is None else part.habits
    habit = dict(zip(sorted(set(agent)), habits, strict=False))
    moved = np.array([habit[name] for name in agent]) + rng.normal(0, 0.06, count)
    if faults:
        moved += np.where(np.isin(browser, (SHIFTED, "Chrome 143")), SHIFT_S, 0.0)
    stamped = rng.uniform(-0.5, 0.5, count)
    odds = rng.random(count)
    failed, rejected = odds < 0.011, odds > 0.998
    reason = rng.choice(len(_REASONS), count, p=(0.5, 0.2, 0.1, 0.2))

    # The failing seeds are simulated, and all have one codec. The media are drawn apart, so that it isn't to blame.
    media = rng.choice(len(known), count)

    def of(name: str, which: NDArray[np.int64] = picked) -> NDArray[Any]:
        return np.array([one.get(name) for one in known], dtype=object)[which]

    def number(name: str, move: NDArray[np.float64]) -> NDArray[Any]:
        values = np.array([np.nan if one[name] is None else one[name] for one in known])[picked] + move
        return _blanked(values, failed | rejected | np.isnan(values))

    def done(values: NDArray[Any]) -> list[Any]:
        return list(_blanked(values, failed | rejected))

    ids = [f"{seed:02x}{n:06x}-5b1e-4c6d-9a57-2e8d41c0b6f2" for n in range(count)]
    reasons = [_REASONS[k] for k in reason]
    drift = rng.normal(0, 3.0, count)
    errors = [one[1].format(id=i) for one, i in zip(reasons, ids, strict=True)]
    columns: dict[str, Any] = {
        "recording_id": ids,
        "agent": agent.tolist(),
        "schema_version": [SCHEMA_VERSION] * count,
        "version": [__version__] * count,
        "action": ["diagnose"] * count,
        "done_at": [_stamp(n) for n in day.tolist()],
        "took_s": rng.gamma(4.0, 0.4, count),
        "status": np.where(rejected, "rejected", np.where(failed, "failed", "done")).tolist(),
        "error_class": _where(failed, rejected, [one[0] for one in reasons], "MessageError"),
        "error": _where(failed, rejected, errors, "its call end isn't a time"),
        "is_worth_a_retry": [bool(f and one[2]) for f, one in zip(failed, reasons, strict=True)],
        "verdict": done(of("verdict")),
        "warnings": done(of("warnings")),
        "failures": done(of("failures")),
        "warn_count": done(_lengths(of("warnings"))),
        "fail_count": done(_lengths(of("failures"))),
        "sync_status": done(of("sync_status")),
        "offset_s": number("offset_s", moved),
        "drift_ppm": number("drift_ppm", drift),
        "jump_count": done(of("jump_count")),
        "call_end_error_s": number("call_end_error_s", stamped),
        "coverage": number("coverage", -np.abs(rng.normal(0, 0.02, count))),
        "container": done(of("container", media)),
        "video_codec": done(of("video_codec", media)),
        "audio_codec": done(of("audio_codec", media)),
        "muxing_app": done(np.full(count, "Chrome", dtype=object)),
        "browser": done(browser),
        "duration_s": number("duration_s", rng.gamma(2.0, 150.0, count)),
        "call_s": number("call_s", np.zeros(count)),
        DAY: [(FIRST_DAY + timedelta(days=n)).isoformat() for n in day.tolist()],
    }
    return pa.table(
        [
            pa.array(columns[field.name], field.type, from_pandas=True)
            if field.name in columns
            else pa.nulls(count, field.type)
            for field in WITH_DAY
        ],
        schema=WITH_DAY,
    )


def synthetic_parts(count: int, *, days: int = 92, agents: int = 120) -> Iterator[pa.Table]:
    """Rows of a fleet of any size, a few days at a time; agents keep their habits.

    Args:
        count: number of rows.
        days: number of days.
        agents: number of agents.
    """
    rng = np.random.default_rng(1)
    shares, habits = _shares(agents, rng), rng.normal(0, 0.08, agents)
    parts = min(-(-count // _PART_ROWS), days)
    for n in range(parts):
        first, last = (days * k // parts for k in (n, n + 1))
        rows = count * (n + 1) // parts - count * n // parts
        yield synthetic_rows(rows, days=last - first, agents=agents, seed=n + 1, part=Part(first, shares, habits))


def write_dataset(rows: pa.Table, root: Path) -> None:
    """Write rows as `komorebi-qc batch` does: ``day=YYYY-MM-DD/rows.parquet``."""
    root.mkdir(parents=True, exist_ok=True)
    for day in rows[DAY].unique().to_pylist():
        folder = root / f"day={day}"
        folder.mkdir(exist_ok=True)
        pq.write_table(rows.filter(pc.equal(rows[DAY], day)).drop_columns([DAY]), folder / "rows.parquet")


def _days(count: int, days: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Days of the rows, with fewer at weekends."""
    busy = np.array([0.25 if (FIRST_DAY + timedelta(days=n)).weekday() > 4 else 1.0 for n in range(days)])
    return np.sort(rng.choice(days, count, p=busy / busy.sum()))


def _shares(agents: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Each agent's share of the recordings."""
    weight = rng.gamma(3.0, 1.0, agents)
    shares: NDArray[np.float64] = weight / weight.sum()
    return shares


def _weights(known: Sequence[dict[str, Any]]) -> NDArray[np.float64]:
    """Weights of the seeds: most recordings pass."""
    weight = np.array([{"pass": 1.0, "warn": 0.12, "fail": 0.16}[one["verdict"]] for one in known])
    shares: NDArray[np.float64] = weight / weight.sum()
    return shares


def _browsers(day: NDArray[np.int64], rng: np.random.Generator, *, faults: bool) -> NDArray[Any]:
    """Browsers of the rows: each release replaces the one before within days."""
    ready = rng.logistic(0.0, _ROLL_OUT_DAYS, len(day))
    name = np.full(len(day), _RELEASES[0][0], dtype=object)
    if faults:
        for release, at in _RELEASES[1:]:
            name = np.where(day + ready > at, release, name)
    other = rng.random(len(day))
    name = np.where(other < _EDGE_SHARE, "Edge 141", name)
    return _blanked(name, other > 1 - _UNKNOWN_SHARE)


def _stamp(day: int) -> datetime:
    return datetime.combine(FIRST_DAY + timedelta(days=day + 1), datetime.min.time(), UTC) + timedelta(hours=2)


def _blanked(values: NDArray[Any], where: NDArray[np.bool_]) -> NDArray[Any]:
    left: NDArray[Any] = values.astype(object)
    left[where] = None
    return left


def _lengths(lists: NDArray[Any]) -> NDArray[Any]:
    return np.array([len(one) for one in lists], dtype=object)


def _where(failed: NDArray[Any], rejected: NDArray[Any], texts: Sequence[str], otherwise: str) -> list[str | None]:
    return [otherwise if r else text if f else None for f, r, text in zip(failed, rejected, texts, strict=True)]
