"""The bench of suspensions: its codecs, its tables and its exit status, without any voice."""

from __future__ import annotations

import numpy as np
import pytest
from bench.suspended.calls import CODECS, KINDS, kinds_and_seeds, through
from bench.suspensions import Row, is_met, misses, table
from talkers import talk

from komorebi_qc.core.privacy.suspensions import suspended_spans

RATE = 8000


def row(kind: str, seed: int, wanted: int = 0, found: int = 0, taken: int = 0) -> Row:
    """One call's result."""
    return Row(kind, seed, "by hand", wanted, found, found, taken, found, taken, (), ())


@pytest.mark.parametrize("codec", CODECS)
def test_a_suspension_is_found_after_every_codec(codec: str) -> None:
    """On both channels, to 0.1 s."""
    call = talk(4, 12.0) + np.random.default_rng(4).normal(0, 20, (12 * RATE, 2)).astype(np.int16)
    call[round(4.3 * RATE) : round(8.1 * RATE)] = 0
    (found,) = suspended_spans(through(call, codec))
    assert found.call.start_s == pytest.approx(4.3, abs=0.1)
    assert found.call.end_s == pytest.approx(8.1, abs=0.1)


def test_the_kinds_take_turns() -> None:
    """The first part of the list is as good a sample as the whole, and no seed comes twice."""
    listed = kinds_and_seeds(3, 1)
    assert [kind for kind, _ in listed[: len(KINDS)]] == list(KINDS)
    assert len(set(listed)) == len({seed for _, seed in listed}) == 3 * len(KINDS)


def test_the_table_counts_calls_and_suspensions() -> None:
    """Suspensions are counted one by one, look-alikes by calls."""
    rows = [row("suspended", 1, 3, 2), row("suspended", 2, 1, 1), row("mute", 3, taken=2), row("mute", 4)]
    lines = table(rows).splitlines()[2:]
    assert [line.split("|")[2:7] for line in lines] == [
        [" 2 ", " 4 ", " 3 ", " 3 ", " 0 "],
        [" 2 ", "  ", "  ", "  ", " 1 "],
    ]
    assert misses(rows).splitlines() == [
        "- `suspended:1`, by hand: there nothing, found nothing",
        "- `mute:3`, by hand: there nothing, found nothing",
    ]
    assert misses(rows[1:2]) == "No call was judged wrong."


def test_the_limits_decide_the_exit_status() -> None:
    """Every suspension, and at most one of a hundred of each look-alike."""
    right = [row("suspended", 1, 2, 2), *(row("hold", n) for n in range(199))]
    assert is_met([*right, row("hold", 200, taken=1)])
    assert not is_met([*right, *(row("hold", 200 + n, taken=1) for n in range(3))])
    assert not is_met([*right, row("suspended", 3, 1, 0)])
