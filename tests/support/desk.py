"""For tests of the desk: the sample call, examined once, and notebooks made for a test."""

from __future__ import annotations

import json
import wave
from dataclasses import replace
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from captures import CAPTURES

from komorebi_qc.desk.session import AuditRequest, AuditSession, open_session
from komorebi_qc.storage.temporary_folder import begin_folder

if TYPE_CHECKING:
    from komorebi_qc.pipeline.examine import Examined

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
RATE = 8_000


_KEPT = begin_folder("desk-test").path


@cache
def sample_session() -> AuditSession:
    """The sample call, from its files, in a folder that is kept until the tests end."""
    capture = CAPTURES["sample"]
    request = AuditRequest(str(capture.call), str(capture.recording), call_end=capture.call_end)
    return open_session(request, _KEPT / "sample")


def wrong_call(folder: Path) -> Path:
    """A call of the same two speakers that never took place: the sample's, backwards in time."""
    with wave.open(str(CAPTURES["sample"].call), "rb") as file:
        parameters, data = file.getparams(), file.readframes(file.getnframes())
    path = folder / "wrong.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams(parameters)
        file.writeframes(np.frombuffer(data, "<i2").reshape(-1, 2)[::-1].tobytes())
    return path


@cache
def wrong_session() -> AuditSession:
    """A call with the recording of another one: a refused pair."""
    capture = CAPTURES["sample"]
    request = AuditRequest(str(wrong_call(_KEPT)), str(capture.recording), call_end=capture.call_end)
    return open_session(request, _KEPT / "wrong")


def clicking(at_s: float) -> Examined:
    """The sample's video with silence and one click in every track."""
    found = sample_session().examined
    lane = np.zeros(len(found.tracks.recording), np.int16)
    lane[round(at_s * RATE)] = 30_000
    silent = np.zeros_like(lane)
    tracks = replace(found.tracks, customer=lane, agent=silent, recording=lane, output=lane)
    return replace(found, tracks=tracks)


def made_notebook(path: Path, *cells: str) -> Path:
    """A notebook of these code cells, each under its own heading."""
    v4: Any = import_module("nbformat.v4")
    content = v4.new_notebook(metadata={"kernelspec": {"name": "python3", "display_name": "p", "language": "python"}})
    for number, cell in enumerate(cells, 1):
        content.cells += [v4.new_markdown_cell(f"## Part {number}"), v4.new_code_cell(cell)]
    import_module("nbformat").write(content, str(path))
    return path


def read_json(path: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(path.read_text())
