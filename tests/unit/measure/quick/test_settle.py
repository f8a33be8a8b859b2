"""When a quick look settles a call, and when the whole call is measured."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from made_sync import result
from spans_in_memory import ArrayReader
from talkers import place, talk

from komorebi_qc.core.timebase import CallEnd
from komorebi_qc.measure.quick import settle as module
from komorebi_qc.measure.quick.settle import Settled, settle

if TYPE_CHECKING:
    import numpy as np

CALL_S = 200.0
WHOLE = result("aligned", reason="by the whole call")


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    """A call and its recording."""
    call = talk(21, CALL_S)
    return call, place(call, 2.0)


def settled(pair: tuple[np.ndarray, np.ndarray], reported_s: float, *, trembles: bool = False) -> Settled:
    """The status of a pair by its pieces, or `WHOLE`."""
    call, recording = pair
    end = CallEnd(reported_s, 1.0)
    return settle(call, CALL_S, ArrayReader(recording), end, lambda: WHOLE, lambda: trembles)


def test_a_clean_call_is_settled_by_its_pieces(pair: tuple[np.ndarray, np.ndarray]) -> None:
    """The whole call isn't measured."""
    found = settled(pair, 202.0)
    assert (found.measured, found.doubts) == ("pieces", ())
    assert found.result.status == "aligned"
    assert found.result.offset_s == pytest.approx(2.0, abs=1e-4)


@pytest.mark.parametrize(("reported_s", "trembles"), [(180.0, False), (202.0, True)])
def test_a_short_call_with_a_doubt_is_measured_whole(
    pair: tuple[np.ndarray, np.ndarray], reported_s: float, *, trembles: bool
) -> None:
    """A wrong call end and trembling timestamps leave a doubt."""
    found = settled(pair, reported_s, trembles=trembles)
    assert found.measured == "whole"
    assert found.result is WHOLE
    assert len(found.doubts) == 1


def test_a_long_call_with_a_doubt_about_its_place_is_insufficient(
    pair: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names its doubt, and places nothing."""
    monkeypatch.setattr(module, "WHOLE_MOST_S", 100.0)
    found = settled(pair, 180.0)
    assert (found.measured, found.result.status) == ("pieces", "insufficient")
    assert "nothing agrees at the reported call end" in found.result.reason
    assert found.result.offset_s is None


def test_a_long_call_keeps_its_place_if_only_the_clock_is_in_doubt(
    pair: tuple[np.ndarray, np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Trembling timestamps make its jumps and drift unsure."""
    monkeypatch.setattr(module, "WHOLE_MOST_S", 100.0)
    found = settled(pair, 202.0, trembles=True)
    assert (found.measured, found.result.status) == ("pieces", "aligned")
    assert found.doubts == ("the recording's timestamps tremble",)
