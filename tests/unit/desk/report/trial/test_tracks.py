"""The audio of a trial."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import av
import numpy as np
from desk import sample_session

from komorebi_qc.desk.report.trial.tracks import CHUNK_S, TRIAL_FILE, write_trial_tracks

if TYPE_CHECKING:
    from pathlib import Path


def _chunks(path: Path) -> dict[str, list[str]]:
    found = re.search(r'id="tracks">(.*?)</script>', path.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    chunks: dict[str, list[str]] = json.loads(found[1])
    return chunks


def _decoded(text: str) -> np.ndarray[Any, Any]:
    file: Any
    with av.open(io.BytesIO(base64.b64decode(text)), "r") as file:
        return np.concatenate([frame.to_ndarray() for frame in file.decode(audio=0)], axis=1)


def test_both_files_are_on_their_own_clocks(tmp_path: Path) -> None:
    """Chunks of 30 s: the call with both of its channels, the recording with its own audio, both from their start."""
    found = sample_session().examined
    assert write_trial_tracks(found, tmp_path) == TRIAL_FILE
    chunks = _chunks(tmp_path / TRIAL_FILE)
    assert [len(chunks[name]) for name in ("call", "recording")] == [1, 2]
    call, recording = _decoded(chunks["call"][0]), _decoded(chunks["recording"][0])
    assert call.shape[0] == 2
    assert recording.shape[0] == 1
    wanted = np.asarray(found.diagnosis.pair.recording[: CHUNK_S * 8000], np.float64)
    size = min(len(wanted), recording.shape[1])
    assert np.corrcoef(wanted[:size], recording[0, :size])[0, 1] > 0.9


def test_a_silent_chunk_is_empty(tmp_path: Path) -> None:
    """Silence takes no room."""
    found = sample_session().examined
    pair = found.diagnosis.pair
    quiet: Any = replace(pair, recording=np.zeros(31 * 8000, np.int16))
    write_trial_tracks(replace(found, diagnosis=replace(found.diagnosis, pair=quiet)), tmp_path)
    assert _chunks(tmp_path / TRIAL_FILE)["recording"] == ["", ""]


def test_without_audio_an_earlier_file_is_removed(tmp_path: Path) -> None:
    """A recording without an audio track has no place to listen to."""
    (tmp_path / "audio").mkdir()
    (tmp_path / TRIAL_FILE).write_text("earlier", encoding="utf-8")
    found = sample_session().examined
    recording = replace(found.diagnosis.recording, audio=None)
    assert write_trial_tracks(replace(found, diagnosis=replace(found.diagnosis, recording=recording)), tmp_path) == ""
    assert not (tmp_path / TRIAL_FILE).exists()


def test_a_masked_span_is_silent_in_it(tmp_path: Path) -> None:
    """Samples that the examination masked have no sound in the chunks, beside the encoder's smear of 0.2 s."""
    found = sample_session().examined
    pair = found.diagnosis.pair
    call = np.asarray(pair.call).copy()
    call[9 * 8000 : 13 * 8000] = 0
    masked: Any = replace(pair, call=call)
    write_trial_tracks(replace(found, diagnosis=replace(found.diagnosis, pair=masked)), tmp_path)
    sound = _decoded(_chunks(tmp_path / TRIAL_FILE)["call"][0])
    assert float(np.abs(sound[:, int(9.2 * 8000) : int(12.8 * 8000)]).max()) < 1e-3
    assert float(np.abs(sound[:, : 9 * 8000]).max()) > 0.1
