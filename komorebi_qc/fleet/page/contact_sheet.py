"""The contact sheet: of each of the worst its thumbnail, its sound at a glance, and the way to its own report.

Thumbnail and sound come from the audit's folder: ``thumbnail.png``, and the outline that ``report.html`` holds for its
player. What isn't there, or isn't what it should be, is left out, and the card says so.
"""

from __future__ import annotations

import base64
import io
import json
import os
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import numpy as np
from PIL import Image

from komorebi_qc.core.errors import KomorebiError
from komorebi_qc.fleet.places import Folder, Prefix, audit_of
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from komorebi_qc.fleet.dataset import Fleet
    from komorebi_qc.fleet.study.queries import Worst

THUMBNAIL, REPORT = "thumbnail.png", "report.html"
THUMBNAIL_PX = 288
WAVE_BINS = 144
_MOST_PIXELS = 40_000_000
_MOST_OUTLINE_BYTES = 100_000_000
_LANES = frozenset({"customer", "agent", "recording", "output"})
_DATA_BEGINS, _DATA_ENDS = b'<script type="application/json" data-kq="data">', b"</script>"
_AT_ONCE = 8
_Shown = TypeVar("_Shown")


@dataclass(frozen=True, slots=True, eq=False)
class Wave:
    """A track at a glance.

    Attributes:
        name: ``customer``, ``agent``, ``recording`` or ``output``; it chooses the colour.
        heights: ``(WAVE_BINS,)`` the largest excursion of each part, companded, 0 to 1.
    """

    name: str
    heights: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """One of the worst, as it is shown.

    Attributes:
        row: what the dataset says of it.
        thumbnail: a small WebP as data URI; "" where there is none.
        waves: of its tracks, from top to bottom; empty where there are none.
        link: the report's address from where the page lies; "" where a browser can't get there.
        place: where the report lies, for a person; "" where there is none.
        is_there: whether the report was found there.
    """

    row: Worst
    thumbnail: str = ""
    waves: tuple[Wave, ...] = ()
    link: str = ""
    place: str = ""
    is_there: bool = False


def cards(fleet: Fleet, rows: Sequence[Worst], out: str) -> tuple[Card, ...]:
    """A card of each; `out` is where the page will lie: a file, or ``s3://bucket/key``."""
    on_s3 = isinstance(fleet.root, Prefix) or any((row.report or "").startswith("s3://") for row in rows)
    client = None
    if on_s3:
        # Without S3 the page lacks these pictures, and nothing else.
        with suppress(KomorebiError):
            client = aws_client("s3")
    with warnings.catch_warnings(), ThreadPoolExecutor(_AT_ONCE) as pool:
        # Such a picture is left out anyway.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return tuple(pool.map(lambda row: _card(fleet, row, out, client), rows))


def _card(fleet: Fleet, row: Worst, out: str, client: Any) -> Card:
    if row.report is None:
        return Card(row)
    try:
        folder, name = audit_of(fleet.root, row.report, client)
        place = folder.address(name)
        page = folder.read(name)
        picture = folder.read(THUMBNAIL)
    except (KomorebiError, OSError, ValueError):
        return Card(row, place=row.report)
    thumbnail = _kept(_thumbnail, picture, "")
    no_waves: tuple[Wave, ...] = ()
    waves = _kept(_waves, page, no_waves)
    return Card(row, thumbnail, waves, _link(folder, name, out), place, page is not None)


def _link(folder: Folder | Prefix, name: str, out: str) -> str:
    """From the page to the report: relative, so that both can be moved or sent together."""
    if isinstance(folder, Folder):
        if out.startswith("s3://"):
            return ""
        return quote(os.path.relpath(folder.root / name, Path(out).resolve().parent))
    bucket, _, key = out.removeprefix("s3://").partition("/")
    if not out.startswith("s3://") or bucket != folder.bucket:
        return ""
    return quote(os.path.relpath(f"/{folder.prefix}/{name}", f"/{key.rpartition('/')[0]}"))


def _kept(show: Callable[[bytes], _Shown], content: bytes | None, otherwise: _Shown) -> _Shown:
    """What is made of a file from outside: whatever is wrong with it costs its own picture, and nothing else."""
    if content is None:
        return otherwise
    try:
        return show(content)
    except Exception:  # noqa: BLE001  decoders of pictures, JSON and deflate raise what they like
        return otherwise


def _thumbnail(content: bytes) -> str:
    """The picture made small; "" where it is too large to be a thumbnail."""
    with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        if image.width * image.height > _MOST_PIXELS:
            return ""
        small = image.convert("RGB")
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    held = io.BytesIO()
    small.save(held, "WEBP", quality=70)
    return f"data:image/webp;base64,{base64.b64encode(held.getvalue()).decode()}"


def _waves(page: bytes) -> tuple[Wave, ...]:
    """The tracks' outlines out of a report; none where it holds none, or no sound one."""
    data: dict[str, Any] = json.loads(page.partition(_DATA_BEGINS)[2].partition(_DATA_ENDS)[0])
    names = [track["name"] for track in data["tracks"]]
    bins, size = data["outline"]["bins"], 0
    if isinstance(bins, int) and len(set(names)) == len(names) and set(names) <= _LANES:
        size = bins * 2 * len(names)
    if not 0 < size <= _MOST_OUTLINE_BYTES:
        return ()
    raw = zlib.decompressobj(-15).decompress(base64.b64decode(data["outline"]["data"]), size)
    if len(raw) != size:
        return ()
    extremes = np.frombuffer(raw, np.int8).reshape(len(names), 2, bins)
    edges = np.linspace(0, bins, min(WAVE_BINS, bins) + 1).astype(int)[:-1]
    lowest, highest = (reduce.reduceat(extremes, edges, axis=2) / 127 for reduce in (np.minimum, np.maximum))
    heights = np.minimum(np.maximum(-lowest, highest).max(axis=1), 1.0)
    return tuple(Wave(name, row) for name, row in zip(names, heights, strict=True))
