"""Figures and image files. No function uses pyplot: plots need no display and leave no state behind."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from komorebi_qc.storage.atomic_file import new_part_file

if TYPE_CHECKING:
    from pathlib import Path

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


def save_png(figure: Figure, path: Path, about: str = "") -> None:
    """Write the figure as PNG. An older file stays until the new one is complete.

    Args:
        figure: the figure.
        path: the file.
        about: the recording's name, written into the file, so that `komorebi-qc erase` finds it.

    Raises:
        InputError: The name can't be used for a file.
        StorageError: The disk didn't take the file.
    """
    with new_part_file(path) as part:
        metadata = {"Software": "komorebi_qc", **({"Description": about} if about else {})}
        figure.savefig(part.file, format="png", dpi=figure.dpi, metadata=metadata)
        part.sync()
        part.move_to(path)
