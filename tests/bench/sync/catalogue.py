"""All families by name, and the list of cases that a run judges."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bench.sync import families, map_families
from bench.sync.families import HOLD, RIGHT
from bench.sync.map_families import MAPS, WRONG_MAPS

if TYPE_CHECKING:
    from bench.sync.spec import Spec

HOLD_SEED, WRONG_SEED, MAP_SEED = 500_000, 1_000_000, 2_000_000
RIGHTS_PER_HOLD = 25
WRONG = (*families.WRONG, *WRONG_MAPS)
WHAT = {**families.WHAT, **map_families.MAP_WHAT}
BY_NAME = {family.name: family for family in (*RIGHT, *HOLD, *MAPS, *WRONG)}
JUDGING_SEED, TUNING_SEED = 50_000_001, 1
"""The first seeds. Limits and models were made on the tuning seeds alone."""


def specs(right: int, wrong: int, rounds: int, first_seed: int) -> list[Spec]:
    """The bench's list, families in turn; a case of hold music alone for every 25 right ones, one at least.

    `rounds`: of the families whose truth is a map.
    """
    hold = max(right // RIGHTS_PER_HOLD, 1) if right else 0
    one_round = [family for family in MAPS for _ in range(family.weight)]
    counts = (
        (RIGHT, right, 0),
        (HOLD, hold, HOLD_SEED),
        (one_round, rounds * len(one_round), MAP_SEED),
        (WRONG, wrong, WRONG_SEED),
    )
    return [group[i % len(group)].spec(first_seed + base + i) for group, count, base in counts for i in range(count)]
