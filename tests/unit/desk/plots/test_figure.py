"""Figures and their image files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from matplotlib.image import imread
from matplotlib.testing.compare import compare_images
from plot_cases import draw

from komorebi_qc.desk.plots.figure import image_of, new_figure, save_png

if TYPE_CHECKING:
    from pathlib import Path


def test_an_older_image_is_replaced(tmp_path: Path) -> None:
    """The file is a PNG of the figure's size, equal for an equal figure, and no other file remains."""
    for name in ("a.png", "b.png", "b.png"):
        save_png(draw("counts")[0], tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "b.png"]
    assert compare_images(str(tmp_path / "a.png"), str(tmp_path / "b.png"), tol=0.1) is None


def test_a_failed_write_keeps_the_older_image(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error while drawing leaves the older file, and no part file."""
    path = tmp_path / "f.png"
    path.write_bytes(b"older")
    figure, _ = new_figure()

    def fail(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(figure, "savefig", fail)
    with pytest.raises(OSError, match="Input/output"):
        save_png(figure, path)
    assert path.read_bytes() == b"older"
    assert list(tmp_path.iterdir()) == [path]


def test_an_image_has_the_figures_size(tmp_path: Path) -> None:
    """Inches times dots an inch, as PNG and as WebP."""
    figure, axes = new_figure(6.0, 2.0, rows=2)
    assert len(axes) == 2
    (tmp_path / "f.png").write_bytes(image_of(figure))
    assert imread(tmp_path / "f.png").shape[:2] == (200, 600)
    assert image_of(figure, "webp")[8:12] == b"WEBP"
