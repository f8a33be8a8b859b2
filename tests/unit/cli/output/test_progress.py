"""Progress of a batch: recordings that took no work have no effect on the rate."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

from komorebi_qc.cli.output.progress import BatchLines

if TYPE_CHECKING:
    import pytest


def test_unchanged_recordings_do_not_change_the_rate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Six hundred unchanged recordings and then one a second are one a second."""
    now_s = [0.0]
    monkeypatch.setattr("komorebi_qc.cli.output.progress.time", SimpleNamespace(monotonic=lambda: now_s[0]))
    lines = BatchLines()
    lines.begin(1000)
    for number in range(640):
        took_work = number >= 600
        now_s[0] += 1.0 if took_work else 0.01
        lines.done("pass", took_work=took_work)
    assert "  1.0/s  " in capsys.readouterr().err
