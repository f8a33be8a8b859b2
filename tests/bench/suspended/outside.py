"""Conversation outside of Connect's audio, on the families of the bench of sync: found, and wrongly found."""

from __future__ import annotations

from dataclasses import dataclass
from multiprocessing import Pool
from typing import TYPE_CHECKING

from bench.sync import voices
from bench.sync.families import RIGHT
from bench.sync.map_families import MAPS
from bench.sync.simulate import make

from komorebi_qc.sync import measure

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from bench.sync.spec import Spec

LATE, STOPPED = "connect_late", "connect_stopped"
ACROSS = (LATE, STOPPED)
"""Families whose call audio begins or ends within the conversation."""
LEAST_OUTSIDE_S = 5.0


@dataclass(frozen=True, slots=True)
class Row:
    """One pair's result.

    Attributes:
        family: of the pair.
        seed: of the pair.
        wanted: ``before``, ``after`` or neither.
        is_aligned: whether sync was sure of the place; otherwise nothing is searched.
        found: the parts in which conversation was found.
        customer_s: the customer's speech in them; None if the voices couldn't be distinguished.
    """

    family: str
    seed: int
    wanted: str
    is_aligned: bool
    found: tuple[str, ...]
    customer_s: tuple[float | None, ...]


def judge(spec: Spec) -> Row:
    """Make one pair and measure it."""
    case = make(spec)
    result = measure(case.call, case.recording, case.reported_s, case.resolution_s)
    wanted = ""
    if spec.family in ACROSS:
        first, last = spec.file_part or (0.0, spec.call_s)
        wanted = "before" if first > LEAST_OUTSIDE_S else "after" if spec.call_s - last > LEAST_OUTSIDE_S else ""
    return Row(
        spec.family,
        spec.seed,
        wanted,
        result.status == "aligned",
        tuple(span.part for span in result.outside),
        tuple(span.customer_s for span in result.outside),
    )


def specs(rounds: int, first_seed: int) -> list[Spec]:
    """The list: ten pairs of each family across an edge, and one of each other family, every round."""
    families = [family for family in (*RIGHT, *MAPS) if family.name not in (*ACROSS, "quartz")]
    across = [family for family in MAPS if family.name in ACROSS for _ in range(10)]
    return [
        family.spec(first_seed + 900_000 + 1000 * turn + k)
        for turn in range(rounds)
        for k, family in enumerate((*across, *families))
    ]


def run_all(rounds: int, first_seed: int, workers: int, say: Callable[[str], None]) -> list[Row]:
    """Every pair, in order."""
    todo = specs(rounds, first_seed)
    if workers <= 1:
        return [judge(spec) for spec in todo]
    rows = []
    with Pool(workers, voices.use, (voices.places.sounds, voices.places.cache)) as pool:
        for row in pool.imap(judge, todo):
            rows.append(row)
            if len(rows) % 50 == 0:
                say(f"{len(rows)} of {len(todo)} pairs")
    return rows


def table(rows: Sequence[Row]) -> str:
    """How often conversation outside of the call audio was found."""
    lines = ["| pairs | count | aligned | found | found at another edge |", "| --- | ---: | ---: | ---: | ---: |"]
    kinds = (
        ("the call audio begins within the conversation", [r for r in rows if r.wanted == "before"]),
        ("the call audio ends within the conversation", [r for r in rows if r.wanted == "after"]),
        ("all other families, with talk before and after the call", [r for r in rows if not r.wanted]),
    )
    for name, mine in kinds:
        aligned = [r for r in mine if r.is_aligned]
        found = sum(r.wanted in r.found for r in aligned) if mine and mine[0].wanted else ""
        elsewhere = sum(any(part != r.wanted for part in r.found) for r in aligned)
        lines.append(f"| {name} | {len(mine)} | {len(aligned)} | {found} | {elsewhere} |")
    return "\n".join(lines)


def misses(rows: Sequence[Row]) -> str:
    """Every pair that isn't right, one line each."""
    wrong = [r for r in rows if r.is_aligned and set(r.found) != ({r.wanted} if r.wanted else set())]
    return (
        "\n".join(
            f"- `{r.family}:{r.seed}`: there {r.wanted or 'nothing'}, found {', '.join(r.found) or 'nothing'}"
            for r in wrong
        )
        or "No pair was judged wrong."
    )
