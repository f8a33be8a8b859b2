"""Figures and image files. No function uses pyplot: plots need no display and leave no state behind."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes


DPI = 100


def new_figure(width: float = 12.0, height: float = 4.0, rows: int = 1) -> tuple[Figure, list[Axes]]:
    """A white figure, in inches, with axes above each other."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor="white", layout="constrained")
    FigureCanvasAgg(figure)
    return figure, [figure.add_subplot(rows, 1, k + 1) for k in range(rows)]


def image_of(figure: Figure, kind: str = "png") -> bytes:
    """The figure as an image file: ``png`` or ``webp``."""
    held = io.BytesIO()
    figure.savefig(held, format=kind, dpi=figure.dpi)
    return held.getvalue()


def save_png(figure: Figure, path: Path) -> None:
    """Write the figure as PNG. An older file stays until the new one is complete."""
    target = path.resolve()
    with tempfile.TemporaryDirectory(prefix=f".{target.name[:100]}.", dir=target.parent) as folder:
        made = Path(folder) / "figure.png"
        figure.savefig(made, format="png", dpi=figure.dpi)
        made.replace(target)
