"""Recursive filters (IIR) as matrix products over blocks of 32 samples.

NumPy has no IIR filter. An FFT costs three times as much, and a FIR filter long enough for a high-pass at 38 Hz thirty
times.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from komorebi_qc.core.samples import Doubles, Floats

    Section = tuple[tuple[float, float, float], tuple[float, float]]
    """One biquad: ``(b0, b1, b2), (a1, a2)`` with a0 = 1."""

BLOCK = 32
"""Samples."""
_MAX_PRODUCT = 200_000
"""Multiplications. OpenBLAS stays in one thread up to 262,144."""


class BlockFilter:
    """A cascade of biquads that keeps its state from call to call.

    A block's output is the sum of two matrix products: the response to its own samples, and the response to the state
    before it. The state before each block is the state before the previous block, decayed, plus the state that the
    previous block leaves. That is a prefix sum; it is computed by doubling until the decayed part has vanished.
    """

    def __init__(self, sections: Sequence[Section], channels: int) -> None:
        order = 2 * len(sections)
        response, after = _trace(sections, np.zeros(order), 1.0)
        lag = np.subtract.outer(np.arange(BLOCK), np.arange(BLOCK)).T
        self._direct = np.where(lag >= 0, response[np.maximum(lag, 0)], 0.0).astype(np.float32)
        self._leaves = after[::-1].astype(np.float32)  # an impulse at sample i has 32 - i samples to go
        traces = [_trace(sections, unit, 0.0) for unit in np.eye(order)]
        self._adds = np.array([out for out, _ in traces], np.float32)
        self._passes = np.array([states[-1] for _, states in traces])
        self._state = np.zeros((channels, order))

    def run(self, samples: Floats) -> Floats:
        """Filter the next samples, shape ``(channels, n)`` with `n` a multiple of 32; the output has the same shape."""
        blocks = samples.reshape(len(samples), -1, BLOCK)
        flat = blocks.reshape(-1, BLOCK)
        left = narrow_product(flat, self._leaves).astype(np.float64).reshape(*blocks.shape[:2], -1)
        states = np.concatenate([self._state[:, None], left], axis=1)
        passes, shift = self._passes, 1
        while shift < states.shape[1] and np.abs(passes).max() > 1e-12:
            states[:, shift:] += states[:, :-shift] @ passes
            passes, shift = passes @ passes, 2 * shift
        self._state = states[:, -1].copy()
        out = narrow_product(flat, self._direct)
        before = states[:, :-1].reshape(len(flat), -1).astype(np.float32)
        out += narrow_product(before, self._adds)
        return out.reshape(samples.shape)


def narrow_product(rows: Floats, matrix: Floats) -> Floats:
    """``rows @ matrix`` in portions too small for BLAS to use threads.

    Threads gain nothing on such narrow products; waiting for each other, they used six times the CPU.
    """
    depth, width = matrix.shape
    portion = max(1, min(_MAX_PRODUCT // (depth * width), len(rows)))
    whole = len(rows) // portion * portion
    out = np.empty((len(rows), width), np.float32)
    np.matmul(rows[:whole].reshape(-1, portion, depth), matrix, out=out[:whole].reshape(-1, portion, width))
    np.matmul(rows[whole:], matrix, out=out[whole:])
    return out


def _trace(sections: Sequence[Section], state: Doubles, impulse: float) -> tuple[Doubles, Doubles]:
    """Run one block on an impulse, from a state (transposed direct form II).

    Returns:
        The output, shape ``(32,)``, and the state after each sample, shape ``(32, order)``.
    """
    now, out, states = [float(value) for value in state], [], []
    for sample in range(BLOCK):
        value = impulse if sample == 0 else 0.0
        for number, ((b0, b1, b2), (a1, a2)) in enumerate(sections):
            first, second = now[2 * number : 2 * number + 2]
            result = b0 * value + first
            now[2 * number : 2 * number + 2] = [b1 * value - a1 * result + second, b2 * value - a2 * result]
            value = result
        out.append(value)
        states.append(list(now))
    return np.array(out), np.array(states)
