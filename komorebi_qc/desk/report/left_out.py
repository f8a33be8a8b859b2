"""The audio of the call that isn't in the video, as small files beside the page or inside it."""

from __future__ import annotations

import base64
import io
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE
from komorebi_qc.desk.report.audio_tracks import FOLDER, MEDIA_TYPE, write_track
from komorebi_qc.storage.atomic_file import make_folder, new_part_file

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from komorebi_qc.core.timebase import Span
    from komorebi_qc.pipeline.examine import Examined

MOST_SPANS = 8
"""The longest spans; a recording with a hundred jumps backwards has a hundred short ones."""
LEFT_OUT_FILES = tuple(f"{FOLDER}/left_out_{number}.m4a" for number in range(1, MOST_SPANS + 1))
"""All that `write_left_out` may write, relative to the page."""
LEAST_S = 0.1
"""A shorter span is too short to recognize a word."""
_EMBEDDED_S = 60.0
_BIT_RATE, _EMBEDDED_BIT_RATE = 16_000, 12_000


def left_out_spans(examined: Examined) -> tuple[Span, ...]:
    """The longest spans of the call that aren't in the video, in order; empty if no unified recording was written."""
    if examined.outcome is None:
        return ()
    long = [span for span in examined.timeline.left_out if span.length_s >= LEAST_S]
    chosen = sorted(long, key=lambda span: -span.length_s)[:MOST_SPANS]
    return tuple(sorted(chosen, key=lambda span: span.start_s))


def left_out_samples(examined: Examined, span: Span) -> NDArray[np.int16]:
    """The call audio of a span, ``(n, 2)``: customer left, agent right."""
    first, last = round(span.start_s * RATE), round(span.end_s * RATE)
    samples: NDArray[np.int16] = np.asarray(examined.diagnosis.pair.call[first:last])
    return samples


def write_left_out(examined: Examined, folder: Path) -> tuple[str, ...]:
    """Write ``audio/left_out_1.m4a`` and so on into a folder, and return their addresses relative to the page.

    Such files of an earlier report are removed: a mask may have come since.

    Raises:
        InputError: The folder can't be written to.
        StorageError: The disk is full.
    """
    addresses = []
    for address, span in zip(LEFT_OUT_FILES, left_out_spans(examined), strict=False):
        make_folder(folder / FOLDER)
        with new_part_file(folder / address) as part:
            write_track(str(part.path), _sides(left_out_samples(examined, span)), _BIT_RATE)
            part.move_to(folder / address)
        addresses.append(address)
    for address in set(LEFT_OUT_FILES).difference(addresses):
        (folder / address).unlink(missing_ok=True)
    return tuple(addresses)


def embedded_left_out(examined: Examined) -> tuple[str, ...]:
    """The same audio as data URIs, up to a minute in all; empty texts for the spans without room."""
    addresses, room_s = [], _EMBEDDED_S
    for span in left_out_spans(examined):
        if span.length_s > room_s:
            addresses.append("")
            continue
        room_s -= span.length_s
        file = io.BytesIO()
        write_track(file, _sides(left_out_samples(examined, span)), _EMBEDDED_BIT_RATE)
        addresses.append(f"data:{MEDIA_TYPE};base64,{base64.b64encode(file.getvalue()).decode()}")
    return tuple(addresses)


def _sides(samples: NDArray[np.int16]) -> tuple[NDArray[np.int16], ...]:
    return samples[:, 0], samples[:, 1]
