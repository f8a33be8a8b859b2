"""Reads figures: drawn artists, lines and texts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import NDArray


def empty_axes() -> Axes:
    """Empty axes in a new figure."""
    figure = Figure(figsize=(12, 4), dpi=100)
    FigureCanvasAgg(figure)
    return figure.add_axes((0.1, 0.2, 0.85, 0.6))


def drawn(ax: Axes, gid: str) -> list[Any]:
    """The artists with a group ID."""
    return [artist for artist in ax.get_children() if artist.get_gid() == gid]


def line_positions(ax: Axes, begins: str) -> list[float]:
    """The x position of lines whose group ID begins so."""
    return [float(np.asarray(line.get_xdata())[0]) for line in ax.lines if str(line.get_gid()).startswith(begins)]


def texts(figure: Axes | Figure) -> str:
    """All texts."""
    return "\n".join(text.get_text() for text in figure.texts)


def envelope_points(ax: Axes, gid: str) -> NDArray[np.float64]:
    """The points of a waveform envelope."""
    (shape,) = [collection for collection in ax.collections if collection.get_gid() == gid]
    return np.concatenate([np.asarray(path.vertices, float) for path in shape.get_paths()])
