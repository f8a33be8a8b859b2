"""The plots as pictures, compared with golden images."""

from __future__ import annotations

from pathlib import Path

import pytest
from matplotlib.testing.compare import compare_images
from plot_cases import CASES, audio_plan, draw

from komorebi_qc.desk.plots.figure import new_figure
from komorebi_qc.desk.plots.splice import plot_splice

GOLDEN = Path(__file__).parents[3] / "golden"
TOLERANCE = 4.0
"""RMS over all pixels: the hinting of another FreeType differs by less than 2, a missing or moved line by more."""
UNITS = ("(ms)", "(mm:ss)", "(kHz)", "(count)", "(dBFS)", "dBFS", "chance)", "(share of the peak)")
NAMES = ("Track", "Channel", "Cause")
"""Axes of names have no unit."""


@pytest.mark.parametrize("name", CASES)
def test_a_plot_equals_its_golden_image(name: str, tmp_path: Path) -> None:
    """Each picture equals its golden image except for hinting; `tests/golden/remake.py` draws them again."""
    figure, _, _ = draw(name)
    figure.savefig(tmp_path / f"{name}.png")
    assert compare_images(str(GOLDEN / f"{name}.png"), str(tmp_path / f"{name}.png"), tol=TOLERANCE) is None


def test_a_changed_picture_is_noticed(tmp_path: Path) -> None:
    """A timeline without its reported end differs by more than the tolerance."""
    figure, (ax,) = new_figure(8.0, 3.2)
    figure.set_dpi(60)
    plot_splice(ax, audio_plan(), call_s=60.0, recording_s=75.0)
    figure.savefig(tmp_path / "other.png")
    assert compare_images(str(GOLDEN / "splice.png"), str(tmp_path / "other.png"), tol=TOLERANCE) is not None


@pytest.mark.parametrize("name", CASES)
def test_a_plot_returns_its_axes_and_labels_them(name: str) -> None:
    """The given axes come back, and both have a unit, or are axes of names."""
    _, given, returned = draw(name)
    assert returned is given
    for label in (returned.get_xlabel(), returned.get_ylabel()):
        assert label in NAMES or any(unit in label.replace("\n", " ") for unit in UNITS), label
