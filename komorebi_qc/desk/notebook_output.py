"""What a cell of a notebook shows: HTML that needs nothing else, and the same in words for whoever has no HTML.

Pictures and sounds lie in it as data URIs, so that an executed notebook can be sent and opened anywhere. No script and
no style element: what is shown is the same in a notebook that JupyterLab doesn't trust.
"""

from __future__ import annotations

import base64
import html
import io
import wave
from dataclasses import dataclass
from typing import TYPE_CHECKING

from komorebi_qc.desk.plots.plots import image_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy as np
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

RATE = 8_000
_COLORS = {"pass": "#007A5A", "warn": "#8A5A00", "fail": "#B03A00"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A part of what a cell shows; parts add up.

    Attributes:
        html: as it is shown.
        text: in words.
    """

    html: str
    text: str

    def __add__(self, other: Shown) -> Shown:
        return Shown(f"{self.html}\n{other.html}", f"{self.text}\n\n{other.text}".strip())

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:  # noqa: ARG002
        """What Jupyter asks for."""
        return {"text/html": self.html, "text/plain": self.text}

    def __repr__(self) -> str:
        return self.text


NOTHING = Shown("", "")


def all_of(parts: Iterable[Shown]) -> Shown:
    """The parts below each other."""
    return sum(parts, NOTHING)


def said(text: str, *, bold: bool = False) -> Shown:
    """A paragraph."""
    shown = html.escape(text)
    return Shown(f"<p>{f'<b>{shown}</b>' if bold else shown}</p>", text)


def judged(status: str, text: str) -> Shown:
    """A sentence with the status before it, told by word and by colour."""
    return Shown(f"<p>{_tag(status)} {html.escape(text)}</p>", f"{status.upper()}: {text}")


def headed(text: str) -> Shown:
    """A small heading."""
    return Shown(f"<h4>{html.escape(text)}</h4>", text)


def facts(rows: Iterable[tuple[str, str]]) -> Shown:
    """Names and values."""
    held = list(rows)
    body = "".join(
        f'<tr><th scope="row" style="text-align:left">{html.escape(name)}</th>'
        f'<td style="text-align:left">{html.escape(value)}</td></tr>'
        for name, value in held
    )
    return Shown(f"<table><tbody>{body}</tbody></table>", "\n".join(f"{name}: {value}" for name, value in held))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, status: int | None = None) -> Shown:
    """Rows under a head; the column `status` holds pass, warn or fail."""
    held = [list(row) for row in rows]
    top = "".join(f'<th scope="col" style="text-align:left">{html.escape(name)}</th>' for name in head)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="text-align:left;vertical-align:top">{_tag(cell) if k == status else html.escape(cell)}</td>'
            for k, cell in enumerate(row)
        )
        + "</tr>"
        for row in held
    )
    text = "\n".join(" | ".join(row) for row in (list(head), *held))
    return Shown(f"<table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table>", text)


def folded(summary: str, part: Shown) -> Shown:
    """Something that is shown at a click."""
    shown = f"<details><summary>{html.escape(summary)}</summary>{part.html}</details>"
    return Shown(shown, f"{summary}\n{part.text}")


def picture(figure: Figure, meaning: str, *, kind: str = "png") -> Shown:
    """A figure as ``png`` or ``webp``; `meaning` tells it to those who don't see it."""
    return image(image_of(figure, kind), f"image/{kind}", meaning)


def image(content: bytes, media_type: str, meaning: str, *, width: str = "100%") -> Shown:
    """An image file."""
    at = _data_uri(content, media_type)
    words = html.escape(meaning, quote=True)
    return Shown(
        f'<img alt="{words}" src="{at}" style="display:block;width:{width};max-width:1200px">', f"[picture: {meaning}]"
    )


def sound(label: str, samples: NDArray[np.int16]) -> Shown:
    """A short piece of a track at 8 kHz, playable: ``(n,)``, or ``(n, 2)`` for both ears."""
    held = io.BytesIO()
    with wave.open(held, "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else 2)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(samples.astype("<i2").tobytes())
    at, words = _data_uri(held.getvalue(), "audio/wav"), html.escape(label, quote=True)
    return Shown(
        f'<p>{words}<br><audio controls preload="metadata" aria-label="{words}" src="{at}"></audio></p>',
        f"[sound, {len(samples) / RATE:.1f} s: {label}]",
    )


def film(label: str, content: bytes, media_type: str) -> Shown:
    """A short video, playable."""
    at, words = _data_uri(content, media_type), html.escape(label, quote=True)
    return Shown(
        f'<p>{words}<br><video controls preload="metadata" playsinline aria-label="{words}" src="{at}" '
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
