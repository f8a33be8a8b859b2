"""Pictures of one size fitted into another: scaled with their proportions, in the middle of a black picture."""

from __future__ import annotations

from typing import Any

from av.filter import Graph


class Fitting:
    """Fits frames into one size and pixel format, by FFmpeg's filters. Frames may change their size on the way."""

    def __init__(self, width: int, height: int, pixel_format: str) -> None:
        self._size = (width, height)
        self._format = pixel_format
        self._graph: Graph | None = None
        self._shape = (0, 0, "")

    def fitted(self, frame: Any) -> Any:
        """The frame in the other size, with its timestamp."""
        shape = (frame.width, frame.height, frame.format.name)
        if shape == (*self._size, self._format):
            return frame
        if shape != self._shape or self._graph is None:
            self._graph, self._shape = self._made(frame), shape
        self._graph.push(frame)
        fitted: Any = self._graph.pull()
        fitted.pts, fitted.time_base = frame.pts, frame.time_base
        return fitted

    def _made(self, frame: Any) -> Graph:
        width, height = self._size
        graph = Graph()
        source = graph.add_buffer(
            width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base
        )
        # Even places: pictures of 4:2:0 have colours for pairs of pixels.
        steps = (
            ("scale", f"w={width}:h={height}:force_original_aspect_ratio=decrease:force_divisible_by=2"),
            ("pad", f"w={width}:h={height}:x=trunc((ow-iw)/4)*2:y=trunc((oh-ih)/4)*2"),
            ("format", f"pix_fmts={self._format}"),
        )
        last: Any = source
        for name, arguments in steps:
            step = graph.add(name, arguments)
            last.link_to(step)
            last = step
        last.link_to(graph.add("buffersink"))
        graph.configure()
        return graph
