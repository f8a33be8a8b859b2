"""Recursive filters over blocks, against the recursion itself."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import numpy as np
import pytest

from komorebi_qc.measure.levels.block_filter import BLOCK, BlockFilter, narrow_product
from komorebi_qc.measure.levels.loudness import k_weighting

if TYPE_CHECKING:
    from komorebi_qc.core.samples import Doubles, Floats
    from komorebi_qc.measure.levels.block_filter import Section


def recursion(sections: tuple[Section, ...], samples: Floats) -> Doubles:
    """The difference equations of the sections, one sample after the other."""
    out = samples.astype(np.float64)
    for (b0, b1, b2), (a1, a2) in sections:
        x, y = np.concatenate([[0.0, 0.0], out]), np.zeros(len(out) + 2)
        for n in range(2, len(y)):
            y[n] = b0 * x[n] + b1 * x[n - 1] + b2 * x[n - 2] - a1 * y[n - 1] - a2 * y[n - 2]
        out = y[2:]
    return out


@pytest.mark.parametrize("blocks", [[1], [3, 1, 10], [100]])
def test_blocks_give_what_the_recursion_gives(blocks: list[int]) -> None:
    """K-weighting of two channels is that of the difference equations, from call to call."""
    sections = k_weighting(8000)
    samples = np.random.default_rng(1).normal(size=(2, BLOCK * sum(blocks))).astype(np.float32)
    block_filter = BlockFilter(sections, 2)
    cuts = np.cumsum([0, *blocks]) * BLOCK
    out = np.concatenate([block_filter.run(samples[:, a:b].copy()) for a, b in itertools.pairwise(cuts)], axis=1)
    for channel in range(2):
        assert out[channel] == pytest.approx(recursion(sections, samples[channel]), abs=2e-5)


def test_a_product_in_portions_is_the_product() -> None:
    """Whole portions and the rest of the rows are multiplied."""
    rng = np.random.default_rng(2)
    rows, matrix = rng.normal(size=(7001, 32)).astype(np.float32), rng.normal(size=(32, 8)).astype(np.float32)
    assert narrow_product(rows, matrix) == pytest.approx(rows @ matrix, abs=1e-4)
