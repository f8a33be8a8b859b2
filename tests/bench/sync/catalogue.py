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
JUDGING_SEED, TUNING_SEED = 100_000_001, 1
"""The first seeds. Limits and models were made on the tuning seeds alone."""


def specs(right: int, wrong: int, rounds: int, first_seed: int) -> list[Spec]:
    """The bench's list; a case of hold music alone for every 25 right ones, one at least.

    All groups advance at the same pace, and each one's families come in turn: the first part of the list is as good a
    sample as the whole.

    Args:
        right: how many right pairs of the families with an offset, a drift and jumps.
        wrong: how many wrong pairs.
        rounds: of the families whose truth is a map.
        first_seed: the seed of the first case.
    """
    hold = max(right // RIGHTS_PER_HOLD, 1) if right else 0
    one_round = [family for family in MAPS for _ in range(family.weight)]
    groups = (
        (RIGHT, right, 0),
        (HOLD, hold, HOLD_SEED),
        (one_round, rounds * len(one_round), MAP_SEED),
        (WRONG, wrong, WRONG_SEED),
    )
    placed = [
        ((i + 0.5) / count, k, group[i % len(group)].spec(first_seed + base + i))
        for k, (group, count, base) in enumerate(groups)
        for i in range(count)
    ]
    return [spec for _, _, spec in sorted(placed, key=lambda case: case[:2])]
