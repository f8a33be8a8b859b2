"""The call audio and the agent recording on their own clocks, in a file that the report's script can read.

A browser doesn't let a page that was opened as a file read another file, but it lets the page talk to a frame. So the
audio is in an HTML file without any content to see: its script sends the page one chunk after the other. Chunks are AAC
in MP4; browsers decode them with each sample at its place.
"""

from __future__ import annotations

import base64
import io
import json
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.samples import RATE
from komorebi_qc.desk.content_policy import content_policy
from komorebi_qc.desk.report.audio_tracks import FOLDER, gain_of, write_track
from komorebi_qc.storage.atomic_file import make_folder, new_part_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from komorebi_qc.pipeline.examine import Examined

TRIAL_FILE = f"{FOLDER}/trial.html"
"""The file, relative to the page."""
CHUNK_S = 30
_BIT_RATE = 16_000
_SCRIPT = """"use strict";
const tracks = JSON.parse(document.getElementById("tracks").textContent);
addEventListener("message", (event) => {
  if (event.source !== parent || !Array.isArray(event.data) || event.data.length !== 2) return;
  const [name, n] = event.data, chunks = Object.hasOwn(tracks, name) ? tracks[name] : [];
  parent.postMessage({ trial: [name, n], chunk: chunks[n] || "" }, "*");
});
parent.postMessage({ trial: "ready" }, "*");
"""


def write_trial_tracks(examined: Examined, folder: Path) -> str:
    """Write ``audio/trial.html``, and return its address relative to the page; empty without audio on either side.

    The samples are those of the examination, which are silent in masks.

    Raises:
        InputError: The folder can't be written to.
        StorageError: The disk is full.
    """
    if not has_both_sides(examined):
        (folder / TRIAL_FILE).unlink(missing_ok=True)
        return ""
    pair = examined.diagnosis.pair
    make_folder(folder / FOLDER)
    with new_part_file(folder / TRIAL_FILE) as part:
        part.file.write(
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{content_policy(_SCRIPT)}">\n'
            "<title>Audio of a report</title>\n</head>\n<body>\n"
            '<script type="application/json" id="tracks">{"call":['.encode()
        )
        part.file.writelines(_joined(_chunks(np.asarray(pair.call))))
        part.file.write(b'],"recording":[')
        part.file.writelines(_joined(_chunks(pair.recording[:, None])))
        part.file.write(f"]}}</script>\n<script>{_SCRIPT}</script>\n</body>\n</html>\n".encode())
        part.move_to(folder / TRIAL_FILE)
    return TRIAL_FILE


def has_both_sides(examined: Examined) -> bool:
    """Whether both files have audio: without it no place can be heard."""
    pair = examined.diagnosis.pair
    return examined.diagnosis.recording.audio is not None and len(pair.recording) > 0 and examined.call_s > 0


def _joined(chunks: Iterator[bytes]) -> Iterator[bytes]:
    for number, chunk in enumerate(chunks):
        yield (b"," if number else b"") + json.dumps(base64.b64encode(chunk).decode()).encode()


def _chunks(samples: NDArray[np.int16]) -> Iterator[bytes]:
    """Each chunk of ``(n, channels)`` as a file; an empty one if it is silent."""
    gains = [gain_of(samples[:, k]) for k in range(samples.shape[1])]
    for start in range(0, len(samples), CHUNK_S * RATE):
        part = samples[start : start + CHUNK_S * RATE]
        if not part.any():
            yield b""
            continue
        file = io.BytesIO()
        write_track(file, tuple(np.ascontiguousarray(part[:, k]) for k in range(part.shape[1])), _BIT_RATE, gains)
        yield file.getvalue()
