"""A window to choose by hand: static without a front end, live with one."""

from __future__ import annotations

import re

import numpy as np
import pytest
from desk import sample_session

from komorebi_qc.core.timebase import Span
from komorebi_qc.desk.notebooks import explore as module
from komorebi_qc.desk.notebooks.explore import explore, has_front_end, window_output
from komorebi_qc.desk.notebooks.notebook_output import NotebookOutput


def test_front_ends() -> None:
    """JupyterLab names the session; a kernel of papermill has no such name."""
    assert has_front_end({"JPY_SESSION_NAME": "a.ipynb"})
    assert not has_front_end({"JPY_PARENT_PID": "1"})


def test_a_page_that_is_only_read_has_one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    """With a picture, its sound, and a hint."""
    monkeypatch.delenv("JPY_SESSION_NAME", raising=False)
    found = explore(sample_session())
    assert isinstance(found, NotebookOutput)
    assert "Open this notebook in JupyterLab" in found.text
    assert "<script" not in found.html
    assert 'src="data:audio/mp4;base64,' in found.html


def test_a_moved_alignment_fits_worse() -> None:
    """The best lag is as far away as the alignment was moved."""
    session = sample_session()

    def numbers(moved_ms: float) -> tuple[float, float]:
        text = window_output(session, 12.0, "agent", 2.0, moved_ms).text
        found = re.search(r"Here the fit is ([\d.]+) times chance; the best lag is ([+-][\d.]+) ms away", text)
        assert found is not None
        return float(found[1]), float(found[2])

    fit, away_ms = numbers(0.0)
    moved_fit, moved_away_ms = numbers(100.0)
    assert fit > 10 * moved_fit
    assert moved_away_ms == pytest.approx(away_ms - 100.0, abs=0.02)


def test_masked_spans_are_silent() -> None:
    """Nothing that was not to be recorded is drawn or plays."""
    masked = module._masked(np.ones(16_000), 8_000, (Span(1.5, 2.0), Span(0.0, 1.1), Span(9.0, 10.0)))
    assert masked[:800].sum() == 0
    assert masked[4_000:8_000].sum() == 0
    assert masked.sum() == 16_000 - 800 - 4_000


def test_widgets_show_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    """A slider's new value is drawn at once."""
    monkeypatch.setenv("JPY_SESSION_NAME", "a.ipynb")
    box = explore(sample_session())
    (moment, _), (moved, side), shown = box.children[0].children, box.children[1].children, box.children[2]
    assert "(+0.0 ms)" in shown.value
    moved.value = 20.0
    assert "(+20.0 ms)" in shown.value
    side.value = "customer"
    moment.value = 5.0
    assert "the customer" in shown.value
