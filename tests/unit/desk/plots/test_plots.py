"""The plots that take and return axes: where things stand, that axes say their unit, and how they look."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from matplotlib.testing.compare import compare_images
from plot_cases import CASES, RATE, draw, laid, level_rows, pair, speech

from komorebi_qc.core.errors import InputError
from komorebi_qc.desk.plots import plots
from komorebi_qc.desk.plots.correlation import chosen_window, correlate
from komorebi_qc.desk.plots.plots import new_figure, plot_levels, plot_seam, plot_spectrogram, plot_splice, plot_tracks
from komorebi_qc.sync import Window
from komorebi_qc.sync.measure import SyncResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GOLDEN = Path(__file__).parents[3] / "golden"
TOLERANCE = 4.0
"""RMS over all pixels: another FreeType's hinting stays under 2, a line that is missing or moved doesn't."""
UNITS = ("(ms)", "(mm:ss)", "(kHz)", "(count)", "(dBFS)", "dBFS", "chance)", "of the peak given)", "to the peak given)")
NAMES = ("Track", "Channel", "Cause")
"""Axes that hold names have no unit."""


def drawn(ax: Axes, gid: str) -> list[Any]:
    """What was drawn under a name."""
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


@pytest.mark.parametrize("name", CASES)
def test_a_plot_looks_as_it_did(name: str, tmp_path: Path) -> None:
    """Each picture is its golden image but for hinting; `tests/golden/remake.py` makes those anew."""
    figure, _, _ = draw(name)
    figure.savefig(tmp_path / f"{name}.png")
    assert compare_images(str(GOLDEN / f"{name}.png"), str(tmp_path / f"{name}.png"), tol=TOLERANCE) is None


def test_a_changed_picture_is_noticed(tmp_path: Path) -> None:
    """The tolerance lets no missing marker pass: a splice without its told end differs by more."""
    figure, (ax,) = new_figure(8.0, 3.2)
    figure.set_dpi(60)
    plot_splice(ax, laid(), call_s=60.0, recording_s=75.0)
    figure.savefig(tmp_path / "other.png")
    assert compare_images(str(GOLDEN / "splice.png"), str(tmp_path / "other.png"), tol=TOLERANCE) is not None


@pytest.mark.parametrize("name", CASES)
def test_a_plot_returns_its_axes_and_says_its_units(name: str) -> None:
    """What was given comes back, and both axes say what they count in, or that they hold names."""
    _, given, back = draw(name)
    assert back is given
    for label in (back.get_xlabel(), back.get_ylabel()):
        assert label in NAMES or any(unit in label for unit in UNITS), label


def test_all_plots_are_in_one_place() -> None:
    """The older ones are re-exported, and every name that is promised is there."""
    assert {"plot_waveforms", "plot_lags"} <= set(plots.__all__)
    assert all(callable(getattr(plots, name)) for name in plots.__all__)


def test_the_splice_stands_where_it_plays() -> None:
    """Bars lie where the pieces do, on the output's row and on their source's."""
    _, ax, _ = draw("splice")
    bars: list[Any] = list(ax.patches)
    output = [bar for bar in bars if str(bar.get_gid() or "").endswith(" 0")]
    found = [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in output]
    assert found == [pytest.approx((p.output.start_s, p.output.end_s)) for p in laid().pieces]
    assert all(a[1] == pytest.approx(b[0]) for a, b in pairwise(found))
    assert len(drawn(ax, "seam")) == len(laid().seams_s)
    assert [bar.get_gid() for bar in output] == ["recording 0", "call 0", "recording 0", "call 0", "recording 0"]


def test_a_window_peaks_at_its_lag() -> None:
    """The whole correlation has its peak at the true lag, to a fraction of a sample, and far above chance."""
    call, recording = pair()
    for side in ("agent", "customer"):
        found = correlate(call, recording, side, centre_s=6.0, lag_s=1.3)
        assert found.peak_s == pytest.approx(1.25, abs=2e-5)
        assert found.peak_z > 30
        assert all(z < 0.3 * found.peak_z for _, z in found.rivals)


def test_a_rival_is_found_where_it_is() -> None:
    """A sound that comes twice within reach has a rival at its other place."""
    call, recording = pair()
    recording[:-800] += (recording[800:] * 0.7).astype(np.int16)
    found = correlate(call, recording, "agent", centre_s=6.0, lag_s=1.3)
    assert found.rivals[0][0] == pytest.approx(1.15, abs=1e-3)
    assert found.rivals[0][1] > 0.3 * found.peak_z


def test_silence_has_no_peak() -> None:
    """Nothing against nothing is no agreement, and no error."""
    found = correlate(np.zeros((80_000, 2), np.int16), np.zeros(80_000, np.int16), "agent", centre_s=5.0, lag_s=0.0)
    assert found.peak_z < 6.5
    assert not found.rivals


@pytest.mark.parametrize(("side", "centre_s"), [("nobody", 5.0), ("agent", 99.0), ("agent", -1.0)])
def test_a_window_that_is_none_is_refused(side: str, centre_s: float) -> None:
    """An unknown channel, or a moment outside the call, is a slip of the person's."""
    with pytest.raises(InputError):
        correlate(*pair(), side, centre_s=centre_s, lag_s=1.3)


def test_the_nearest_accepted_window_is_chosen() -> None:
    """Rejected ones are taken only where there is no other."""
    windows = [Window(float(t), 1.0, "agent", 9.0, accepted=t != 5) for t in range(10)]
    result = SyncResult(
        "aligned", "", 0.0, None, 0.0, None, (), "both", 0.0, None, (), 1.0, (), tuple(windows), None, 0.0, 0.0
    )
    chosen = chosen_window(result, 5.2)
    assert chosen is not None
    assert chosen.call_s == 6.0
    object.__setattr__(result, "windows", (windows[5],))
    assert chosen_window(result, 0.0) is windows[5]
    object.__setattr__(result, "windows", ())
    assert chosen_window(result) is None


def test_a_tone_lies_at_its_frequency_and_a_hole_is_dark() -> None:
    """The brightest row of the spectrogram is the tone's; where the sound is cut, it is at the floor."""
    _, ax, _ = draw("spectrogram")
    (image,) = ax.images
    shown = np.asarray(image.get_array(), float)
    khz = np.linspace(0, RATE / 2000, shown.shape[0])
    assert khz[int(shown.mean(axis=1).argmax())] == pytest.approx(1.0, abs=0.04)
    columns = np.linspace(0.5, 1.5, shown.shape[1])
    hole = shown[:, (columns > 1.02) & (columns < 1.03)]
    assert hole.max() < -100
    assert shown.max() == pytest.approx(-12.3, abs=1.0)  # 8000 of 32768


def test_levels_are_marked_by_their_status() -> None:
    """Shape and word follow the limit's own judgement; what isn't known says so."""
    _, ax, _ = draw("levels")
    assert drawn(ax, "agent pass")
    assert drawn(ax, "customer warn")
    texts = [text.get_text().strip() for text in ax.texts]
    assert texts[-1] == "nothing to measure" or "nothing to measure" in texts
    assert any(text.endswith("warn") for text in texts)
    figure, (off,) = new_figure(6, 2)
    rows = [plots.LevelRow("agent", -60.0, level_rows()[0].limit)]
    assert plot_levels(off, rows, unit="dBFS") is off
    assert figure.axes[0] is off


def test_a_seam_is_drawn_sample_by_sample() -> None:
    """A click stands in the picture at its millisecond."""
    lane = np.zeros(3 * RATE, np.int16)
    lane[2 * RATE + 80] = 20_000
    _, (ax,) = new_figure(8, 3)
    plot_seam(ax, [("output", lane)], at_s=2.0)
    (line,) = drawn(ax, "output")
    x, y = (np.asarray(part, float) for part in line.get_data())
    assert x[int(y.argmax())] == pytest.approx(10.0, abs=1e-6)


def test_stretches_beyond_the_ends_are_silence() -> None:
    """A seam at the very start, or a track that ends early, is drawn all the same."""
    _, (ax, other, third) = new_figure(8, 6, rows=3)
    plot_seam(ax, [("output", speech(1.0))], at_s=0.0)
    plot_spectrogram(other, speech(0.5), from_s=-1.0, to_s=1.0)
    plot_tracks(third, [("output", np.zeros(0, np.int16))])
    assert other.get_xlim() == (-1.0, 1.0)
