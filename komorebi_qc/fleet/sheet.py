"""The contact sheet: of each of the worst its thumbnail, its sound at a glance, and the way to its own report.

Thumbnail and sound come from the audit's folder: ``thumbnail.png``, and the outline that ``report.html`` holds for its
player. What isn't there, or isn't what it should be, is left out, and the card says so.
"""

from __future__ import annotations

import base64
import io
import json
import os
import re
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import numpy as np
from PIL import Image, UnidentifiedImageError

from komorebi_qc.errors import KomorebiError
from komorebi_qc.fleet.places import Folder, Prefix, audit_of
from komorebi_qc.settings import aws_client

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from komorebi_qc.fleet.asked import Worst
    from komorebi_qc.fleet.dataset import Fleet

THUMBNAIL, REPORT = "thumbnail.png", "report.html"
THUMBNAIL_PX = 288
WAVE_BINS = 144
_MOST_PIXELS = 40_000_000
_LANES = frozenset({"customer", "agent", "recording", "output"})
_DATA = re.compile(rb'<script type="application/json" data-kq="data">(.*?)</script>', re.DOTALL)
_AT_ONCE = 8


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
    with ThreadPoolExecutor(_AT_ONCE) as pool:
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
    thumbnail = "" if picture is None else _thumbnail(picture)
    waves = () if page is None else _waves(page)
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


def _thumbnail(content: bytes) -> str:
    """The picture made small; "" where it is none."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
                if image.width * image.height > _MOST_PIXELS:
                    return ""
                small = image.convert("RGB")
        small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
        held = io.BytesIO()
        small.save(held, "WEBP", quality=70)
    except (OSError, SyntaxError, ValueError, UnidentifiedImageError, Image.DecompressionBombError, Warning):
        return ""
    return f"data:image/webp;base64,{base64.b64encode(held.getvalue()).decode()}"


def _waves(page: bytes) -> tuple[Wave, ...]:
    """The tracks' outlines out of a report; none where it holds none."""
    found = _DATA.search(page)
    if found is None:
        return ()
    try:
        data: dict[str, Any] = json.loads(found[1])
        names = [track["name"] for track in data["tracks"]]
        bins = int(data["outline"]["bins"])
        squeezed = base64.b64decode(data["outline"]["data"])
        size = bins * 2 * len(names)
        raw = zlib.decompressobj(-15).decompress(squeezed, size)
        if bins < 1 or len(raw) != size or not set(names) <= _LANES:
            return ()
    except (ValueError, KeyError, TypeError, zlib.error):
        return ()
    extremes = np.abs(np.frombuffer(raw, np.int8).reshape(len(names), 2, bins).astype(np.float64)).max(axis=1) / 127
    edges = np.linspace(0, bins, min(WAVE_BINS, bins) + 1).astype(int)[:-1]
    return tuple(
        Wave(name, np.minimum(np.maximum.reduceat(row, edges), 1.0)) for name, row in zip(names, extremes, strict=True)
    )
