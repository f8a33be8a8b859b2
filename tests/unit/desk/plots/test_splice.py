"""The audio plan as a timeline."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from figures import drawn
from plot_cases import audio_plan, draw


def test_bars_are_at_the_pieces_times() -> None:
    """The output's row has every piece in order, without a gap, and a marker for each seam."""
    _, ax, _ = draw("splice")
    bars: list[Any] = list(ax.patches)
    output = [bar for bar in bars if str(bar.get_gid() or "").endswith(" 0")]
    found = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in output]
    assert found == [pytest.approx((piece.output.start_s, piece.output.end_s)) for piece in audio_plan().pieces]
    assert all(a[1] == pytest.approx(b[0]) for a, b in pairwise(found))
    assert len(drawn(ax, "seam")) == len(audio_plan().seams_s)
    assert [bar.get_gid() for bar in output] == ["recording 0", "call 0", "recording 0", "call 0", "recording 0"]
