"""One window against the recording at every lag."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from plot_cases import pair
from sync_results import empty_result

from komorebi_qc.core.errors import InputError
from komorebi_qc.desk.plots.window_correlation import chosen_window, correlate
from komorebi_qc.sync.result import Window


def test_a_window_peaks_at_its_lag() -> None:
    """The curve has its peak at the true lag, to a fraction of a sample, and far above chance."""
    call, recording = pair()
    for side in ("agent", "customer"):
        found = correlate(call, recording, side, centre_s=6.0, lag_s=1.3)
        assert found.peak_s == pytest.approx(1.25, abs=2e-5)
        assert found.peak_z > 30
        assert all(z < 0.3 * found.peak_z for _, z in found.alternatives)


def test_a_repeated_sound_has_a_second_peak() -> None:
    """A sound that comes twice within reach has another peak at its other lag."""
    call, recording = pair()
    recording[:-800] += (recording[800:] * 0.7).astype(np.int16)
    found = correlate(call, recording, "agent", centre_s=6.0, lag_s=1.3)
    assert found.alternatives[0][0] == pytest.approx(1.15, abs=1e-3)
    assert found.alternatives[0][1] > 0.3 * found.peak_z


def test_silence_has_no_peak() -> None:
    """Silence against silence stays at chance, without an error."""
    found = correlate(np.zeros((80_000, 2), np.int16), np.zeros(80_000, np.int16), "agent", centre_s=5.0, lag_s=0.0)
    assert found.peak_z < 6.5
    assert not found.alternatives


@pytest.mark.parametrize(
    ("side", "centre_s", "words"),
    [
        ("nobody", 5.0, "there is no channel 'nobody'"),
        ("agent", 99.0, "outside the call"),
        ("agent", -1.0, "outside the call"),
    ],
)
def test_a_window_outside_the_call_is_refused(side: str, centre_s: float, words: str) -> None:
    """An unknown channel, or a moment outside the call, is an input error."""
    with pytest.raises(InputError, match=words):
        correlate(*pair(), side, centre_s=centre_s, lag_s=1.3)


def test_the_nearest_accepted_window_is_chosen() -> None:
    """A rejected window is chosen only if there is no other."""
    windows = tuple(Window(float(t), 1.0, "agent", 9.0, accepted=t != 5) for t in range(10))
    result = replace(empty_result(), windows=windows)
    chosen = chosen_window(result, 5.2)
    assert chosen is not None
    assert chosen.call_s == 6.0
    assert chosen_window(replace(result, windows=windows[5:6]), 0.0) is windows[5]
    assert chosen_window(empty_result()) is None
