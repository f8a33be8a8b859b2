"""The contact sheet's data: thumbnail, waveform and report link of each of the worst recordings.

Thumbnail and waveform come from the audit's folder: ``thumbnail.png``, and the waveform envelope in ``report.html``.
Missing or malformed files are left out, and the card notes it.
"""

from __future__ import annotations

import base64
import io
import json
import os
import warnings
import zlib
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

import numpy as np
from PIL import Image

from komorebi_qc.core.errors import KomorebiError
from komorebi_qc.fleet.audit_files import OutsideError, audit_file, audit_store
from komorebi_qc.storage.object_store import Folder, Prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from komorebi_qc.fleet.dataset import Fleet
    from komorebi_qc.fleet.study.queries import Worst
    from komorebi_qc.storage.object_store import ObjectStore

THUMBNAIL, REPORT = "thumbnail.png", "report.html"
THUMBNAIL_PX = 288
WAVE_BINS = 144
_MAX_PIXELS = 40_000_000
_MAX_ENVELOPE_BYTES = 100_000_000
_LANES = frozenset({"customer", "agent", "recording", "output"})
_DATA_BEGINS, _DATA_ENDS = b'<script type="application/json" data-kq="data">', b"</script>"
_AT_ONCE = 8
_Shown = TypeVar("_Shown")


@dataclass(frozen=True, slots=True, eq=False)
class Wave:
    """A track's waveform in small.

    Attributes:
        name: ``customer``, ``agent``, ``recording`` or ``output``; it gives the colour.
        heights: ``(WAVE_BINS,)`` the largest excursion of each bin, companded, 0 to 1.
    """

    name: str
    heights: NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Card:
    """One of the worst recordings, ready to be shown.

    Attributes:
        row: the dataset's row.
        thumbnail: a small WebP as data URI; "" if it is missing.
        waves: waveforms of its tracks, from top to bottom; empty if they are missing.
        link: the report's address relative to the page; "" if a browser can't open it from there.
        place: the report's path or ``s3://`` address; "" without a report.
        has_report: whether the report was found.
        is_outside: whether it isn't read, because it is outside of the dataset.
    """

    row: Worst
    thumbnail: str = ""
    waves: tuple[Wave, ...] = ()
    link: str = ""
    place: str = ""
    has_report: bool = False
    is_outside: bool = False


def cards(fleet: Fleet, rows: Sequence[Worst], out: str) -> tuple[Card, ...]:
    """A card for each row; `out` is the page's place: a file, or ``s3://bucket/key``."""
    with warnings.catch_warnings(), ThreadPoolExecutor(_AT_ONCE) as pool:
        # Such a thumbnail is left out anyway.
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)
        return tuple(pool.map(lambda row: _card(fleet, row, out), rows))


def _card(fleet: Fleet, row: Worst, out: str) -> Card:
    if row.report is None:
        return Card(row)
    try:
        folder, name = audit_store((fleet.root, *fleet.results), row.report)
        place = folder.address_of(name)
        page, picture = (audit_file(folder, file) for file in (name, THUMBNAIL))
    except OutsideError:
        return Card(row, place=row.report, is_outside=True)
    except (KomorebiError, OSError, RuntimeError, ValueError):
        return Card(row, place=row.report)
    thumbnail = _shown(_thumbnail, picture, "")
    no_waves: tuple[Wave, ...] = ()
    waves = _shown(_waves, page, no_waves)
    return Card(row, thumbnail, waves, _link(folder, name, out), place, page is not None)


def report_links(fleet: Fleet, reports: Iterable[str], out: str) -> dict[str, str]:
    """The addresses of reports relative to the page, by their place; those that a browser can't open are left out.

    So are missing files. Of a bucket nobody asks: the rows name its reports.

    Args:
        fleet: the dataset.
        reports: places as the rows name them.
        out: the page's place: a file, or ``s3://bucket/key``.
    """
    found: dict[str, str] = {}
    for report in reports:
        try:
            folder, name = audit_store((fleet.root, *fleet.results), report)
            is_there = not isinstance(folder, Folder) or folder.has(name)
            found[report] = _link(folder, name, out) if is_there else ""
        except (KomorebiError, OSError, RuntimeError, ValueError):  # it is outside of the dataset, or no address
            continue
    return {report: address for report, address in found.items() if address}


def _link(folder: ObjectStore, name: str, out: str) -> str:
    """The report's address relative to the page, so that both can be moved together; "" if there isn't one."""
    if isinstance(folder, Folder):
        if out.startswith("s3://"):
            return ""
        return quote(os.path.relpath(folder.root / name, Path(out).resolve().parent))
    bucket, _, key = out.removeprefix("s3://").partition("/")
    if not isinstance(folder, Prefix) or not out.startswith("s3://") or bucket != folder.bucket:
        return ""
    return quote(os.path.relpath(f"/{folder.prefix}/{name}", f"/{key.rpartition('/')[0]}"))


def _shown(show: Callable[[bytes], _Shown], content: bytes | None, otherwise: _Shown) -> _Shown:
    """A file from outside, converted by `show`; `otherwise` if it is missing or malformed."""
    if content is None:
        return otherwise
    try:
        return show(content)
    except Exception:  # noqa: BLE001  decoders of pictures, JSON and deflate raise exceptions of many classes
        return otherwise


def _thumbnail(content: bytes) -> str:
    """The thumbnail in its final size; "" if the file is too large to be one."""
    with Image.open(io.BytesIO(content), formats=("PNG",)) as image:
        if image.width * image.height > _MAX_PIXELS:
            return ""
        small = image.convert("RGB")
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX))
    buffer = io.BytesIO()
    small.save(buffer, "WEBP", quality=70)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _waves(page: bytes) -> tuple[Wave, ...]:
    """The waveforms in a report; empty if they are missing or malformed."""
    data: dict[str, Any] = json.loads(page.partition(_DATA_BEGINS)[2].partition(_DATA_ENDS)[0])
    names = [track["name"] for track in data["tracks"]]
    envelope = data["envelope"] if "envelope" in data else data["outline"]  # the name in reports of version 0.1
    bins, size = envelope["bins"], 0
    if isinstance(bins, int) and len(set(names)) == len(names) and set(names) <= _LANES:
        size = bins * 2 * len(names)
    if not 0 < size <= _MAX_ENVELOPE_BYTES:
        return ()
    raw = zlib.decompressobj(-15).decompress(base64.b64decode(envelope["data"]), size)
    if len(raw) != size:
        return ()
    extremes = np.frombuffer(raw, np.int8).reshape(len(names), 2, bins)
    edges = np.linspace(0, bins, min(WAVE_BINS, bins) + 1).astype(int)[:-1]
    lowest, highest = (reduce.reduceat(extremes, edges, axis=2) / 127 for reduce in (np.minimum, np.maximum))
    heights = np.minimum(np.maximum(-lowest, highest).max(axis=1), 1.0)
    return tuple(Wave(name, row) for name, row in zip(names, heights, strict=True))
