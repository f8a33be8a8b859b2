"""The beam search over candidates of a lag, on small tables whose best path can be worked out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from komorebi_qc.sync.lags.lag_path import DRIFT, LagPath, beam_search

SLACK_S, PRICE, JUMP_S = 0.001, 5.0, 2.0


def search(lag_s: list[list[float]], gain: list[list[float]], best: int = 1, apart_s: float = 0.5) -> list[LagPath]:
    """The best paths through candidates one second apart."""
    return beam_search(
        np.arange(len(lag_s), dtype=np.float64),
        np.array(lag_s),
        np.array(gain),
        slack_s=SLACK_S,
        jump_price=PRICE,
        jump_s=JUMP_S,
        best=best,
        apart_s=apart_s,
    )


def price(gap_s: float, apart_s: float) -> float:
    """The price of a step from one lag to another."""
    drift = SLACK_S + DRIFT * apart_s
    if gap_s <= drift:
        return 0.3 * gap_s / drift
    return PRICE * (1.0 + 0.1 * gap_s / JUMP_S) if gap_s <= JUMP_S + drift else np.inf


def test_nothing_gives_no_path() -> None:
    """Without windows, and without gains, there is no path."""
    assert beam_search(
        np.zeros(0), np.zeros((0, 3)), np.zeros((0, 3)), slack_s=SLACK_S, jump_price=PRICE, jump_s=JUMP_S
    ) == []  # fmt: skip
    assert search([[1.0, 2.0]], [[0.0, -1.0]]) == []


def test_windows_without_a_candidate_are_left_out() -> None:
    """A window with nothing near the path costs nothing, and the path continues after it."""
    (found,) = search([[1.0, 3.0], [9.0, 7.0], [3.0, 1.0]], [[2.0, 0.5], [1.0, 0.0], [0.5, 3.0]])
    assert list(found.windows) == [0, 2]
    assert list(found.choices) == [0, 1]
    assert found.score == pytest.approx(5.0)


def test_the_score_is_the_gains_less_the_prices() -> None:
    """Within the drift a step costs up to 0.3; a jump costs its price and more with its size."""
    (found,) = search([[1.0], [1.0005], [2.5], [2.5]], [[4.0], [4.0], [4.0], [4.0]])
    assert list(found.windows) == [0, 1, 2, 3]
    assert found.score == pytest.approx(16.0 - price(0.0005, 1.0) - price(1.4995, 1.0))
    assert price(1.4995, 1.0) == pytest.approx(5.0 * (1 + 0.1 * 1.4995 / 2.0))


def test_the_drift_grows_with_the_time_between() -> None:
    """A lag 3 ms off is a jump after a second, and drift after nine seconds."""
    near = search([[1.0], [1.003]], [[2.0], [2.0]])
    assert [list(c.windows) for c in near] == [[0]] or [list(c.windows) for c in near] == [[1]]
    lags, gains = [[1.0]] + [[0.0]] * 8 + [[1.003]], [[2.0]] + [[0.0]] * 8 + [[2.0]]
    (far,) = search(lags, gains)
    assert list(far.windows) == [0, 9]
    assert far.score == pytest.approx(4.0 - 0.3 * 0.003 / (0.001 + 9 * DRIFT))


@pytest.mark.parametrize(("size_s", "follows"), [(1.99, True), (2.0, True), (2.01, False)])
def test_the_largest_jump(size_s: float, *, follows: bool) -> None:
    """A path follows a jump up to its limit, but not beyond it."""
    (found,) = search([[1.0]] * 3 + [[1.0 + size_s]] * 3, [[4.0]] * 6)
    assert len(found.windows) == (6 if follows else 3)


def test_one_good_window_pays_for_no_jump() -> None:
    """The path stays with its lag where a jump there and back costs more than the window is worth."""
    (found,) = search([[1.0], [1.0], [2.0], [1.0]], [[3.0], [3.0], [5.0], [3.0]])
    assert list(found.windows) == [0, 1, 3]
    assert found.score == pytest.approx(9.0)


def test_the_best_paths_end_apart() -> None:
    """Several paths come best first, and each ends further from the others than asked."""
    lags = [[1.0, 1.3, 4.0, 8.0]] * 4
    gains = [[3.0, 2.5, 2.0, 1.0]] * 4
    found = search(lags, gains, best=3)
    assert [list(c.choices) for c in found] == [[0] * 4, [2] * 4, [3] * 4]
    assert [c.score for c in found] == pytest.approx([12.0, 8.0, 4.0])
    assert [list(c.choices) for c in search(lags, gains, best=3, apart_s=0.2)] == [[0] * 4, [1] * 4, [2] * 4]
    assert len(search(lags, gains, best=1)) == 1


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.lists(
            st.tuples(st.sampled_from([1.0, 1.0008, 1.002, 1.9, 3.5]), st.floats(0.0, 6.0)), min_size=2, max_size=2
        ),
        min_size=1,
        max_size=5,
    )
)
def test_the_path_found_is_worth_what_it_says(rows: list[list[tuple[float, float]]]) -> None:
    """The score is that of the path's own candidates, and no path that leaves windows out is worth more."""
    lag = [[c[0] for c in row] for row in rows]
    gain = [[c[1] for c in row] for row in rows]
    found = search(lag, gain)

    def worth(path: list[tuple[int, int]]) -> float:
        total = sum(gain[i][j] for i, j in path)
        return total - sum(
            price(abs(lag[b[0]][b[1]] - lag[a[0]][a[1]]), float(b[0] - a[0])) for a, b in itertools.pairwise(path)
        )

    possible = [
        [(i, j) for i, j in enumerate(choice) if j is not None]
        for choice in itertools.product([None, 0, 1], repeat=len(rows))
    ]
    possible = [p for p in possible if p and all(gain[i][j] > 0 for i, j in p)]
    if not possible:
        assert found == []
        return
    path = list(zip(found[0].windows.tolist(), found[0].choices.tolist(), strict=True))
    assert found[0].score == pytest.approx(worth(path))
    # a path that another one has overtaken by a jump is dropped, which may cost a little of the prices that follow
    assert found[0].score >= max(worth(p) for p in possible) - 0.3 - 1e-9


def test_more_paths_than_the_beam_holds() -> None:
    """With more ends than the beam holds the best are kept, the first found among them."""
    rng = np.random.default_rng(3)
    lags = [[1.0, *rng.uniform(10.0 + 40 * i, 40.0 + 40 * i, 7)] for i in range(20)]
    gains = [[2.0] + [1.0] * 7 for _ in range(20)]
    (found,) = search(lags, gains)
    assert list(found.windows) == list(range(20))
    assert found.score == pytest.approx(40.0)
