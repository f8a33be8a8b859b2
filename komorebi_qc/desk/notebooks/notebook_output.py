"""The output of a notebook's cell: self-contained HTML, and the same content as plain text.

Images and audio are data URIs, so an executed notebook can be sent by mail and opened anywhere. The HTML has no script
and no style element, so a notebook that JupyterLab doesn't trust looks the same.
"""

from __future__ import annotations

import base64
import html
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.core.samples import RATE
from komorebi_qc.desk.plots.figure import image_of
from komorebi_qc.desk.report.audio_tracks import MEDIA_TYPE, write_track

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

_COLORS = {"pass": "#007A5A", "warn": "#8A5A00", "fail": "#B03A00"}
_AUDIO_BITS = 32_000
"""A second of each channel. At half of it, a click at a seam is hardly audible."""
_LEFT = "text-align:left;vertical-align:top"


@dataclass(frozen=True, slots=True)
class NotebookOutput:
    """A part of a cell's output. Parts add up.

    Attributes:
        html: the part for a browser.
        text: the part as plain text.
    """

    html: str
    text: str

    def __add__(self, other: NotebookOutput) -> NotebookOutput:
        return NotebookOutput(f"{self.html}\n{other.html}", f"{self.text}\n\n{other.text}".strip())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002
        """Jupyter displays this."""
        return {"text/html": self.html, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text


def combined(parts: Iterable[NotebookOutput]) -> NotebookOutput:
    """The parts, one below the other."""
    return sum(parts, NotebookOutput("", ""))


def paragraph(text: str, *, bold: bool = False) -> NotebookOutput:
    """A paragraph."""
    escaped = html.escape(text)
    return NotebookOutput(f"<p>{f'<b>{escaped}</b>' if bold else escaped}</p>", text)


def status_line(status: str, text: str) -> NotebookOutput:
    """A sentence after its status, which is shown by word and by colour."""
    return NotebookOutput(f"<p>{_tag(status)} {html.escape(text)}</p>", f"{status.upper()}: {text}")


def heading(text: str) -> NotebookOutput:
    """A small heading."""
    return NotebookOutput(f"<h4>{html.escape(text)}</h4>", text)


def fact_table(rows: Iterable[tuple[str, str]]) -> NotebookOutput:
    """Names and values."""
    facts = list(rows)
    body = "".join(
        f'<tr><th scope="row" style="{_LEFT}">{html.escape(name)}</th>'
        f'<td style="{_LEFT};overflow-wrap:anywhere">{html.escape(value)}</td></tr>'
        for name, value in facts
    )
    return NotebookOutput(
        f"<table><tbody>{body}</tbody></table>", "\n".join(f"{name}: {value}" for name, value in facts)
    )


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, status: int | None = None) -> NotebookOutput:
    """Rows under a head; the column `status` holds pass, warn or fail."""
    cells = [list(row) for row in rows]
    top = "".join(f'<th scope="col" style="{_LEFT}">{html.escape(name)}</th>' for name in head)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="{_LEFT}">{_tag(cell) if column == status else html.escape(cell)}</td>'
            for column, cell in enumerate(row)
        )
        + "</tr>"
        for row in cells
    )
    text = "\n".join(" | ".join(row) for row in (list(head), *cells))
    return NotebookOutput(f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>", text)


def collapsed(summary: str, part: NotebookOutput) -> NotebookOutput:
    """A part that opens with a click."""
    return NotebookOutput(
        f"<details><summary>{html.escape(summary)}</summary>{part.html}</details>", f"{summary}\n{part.text}"
    )


def figure_image(figure: Figure, description: str, *, kind: str = "webp") -> NotebookOutput:
    """A figure as ``png`` or ``webp``, with a description for people who can't see it."""
    return image(image_of(figure, kind), f"image/{kind}", description)


def image(content: bytes, media_type: str, description: str, *, width: str = "100%") -> NotebookOutput:
    """An image file."""
    address = _data_uri(content, media_type)
    alt = html.escape(description, quote=True)
    return NotebookOutput(
        f'<img alt="{alt}" src="{address}" style="display:block;width:{width};max-width:1200px">',
        f"[figure: {description}]",
    )


def audio_player(label: str, samples: NDArray[np.int16]) -> NotebookOutput:
    """A short piece of audio at 8 kHz: ``(n,)``, or ``(n, 2)`` for left and right."""
    file = io.BytesIO()
    sides = (samples,) if samples.ndim == 1 else (samples[:, 0], samples[:, 1])
    write_track(file, sides, _AUDIO_BITS, [1.0] * len(sides))
    address, escaped = _data_uri(file.getvalue(), MEDIA_TYPE), html.escape(label, quote=True)
    return NotebookOutput(
        f'<p>{escaped}<br><audio controls preload="metadata" aria-label="{escaped}" src="{address}"></audio></p>',
        f"[audio, {len(samples) / RATE:.1f} s: {label}]",
    )


def video_player(label: str, content: bytes, media_type: str) -> NotebookOutput:
    """A short video."""
    address, escaped = _data_uri(content, media_type), html.escape(label, quote=True)
    return NotebookOutput(
        f'<p>{escaped}<br><video controls preload="metadata" playsinline aria-label="{escaped}" src="{address}" '
        'style="width:100%;max-width:640px"></video></p>',
        f"[video: {label}]",
    )


def _tag(status: str) -> str:
    color = _COLORS.get(status, "#555555")
    return (
        f'<span style="background:{color};color:#fff;padding:0 .45em;border-radius:.25em;font-weight:bold">'
        f"{html.escape(status)}</span>"
    )


def _data_uri(content: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(content).decode()}"
