"""One recording, processed into a folder for people to look at: the result, its findings, and the sound behind them.

Nothing is published anywhere else, and no item is touched: an examination changes nothing in production.
"""

from __future__ import annotations

import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from komorebi_qc.core.errors import InputError, WrongPairError
from komorebi_qc.core.progress import SILENT
from komorebi_qc.core.recording import Recording
from komorebi_qc.core.splice import align_as_told, splice
from komorebi_qc.media.decode_8khz import RATE, decode_output_8khz
from komorebi_qc.media.thumbnail import png_at
from komorebi_qc.pipeline.diagnose import diagnose, diagnosed
from komorebi_qc.pipeline.process import THUMBNAIL_AT_S, Options, Order, process
from komorebi_qc.storage.local import LocalFiles, LocalTable, opened_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from komorebi_qc.core.progress import Progress
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.splice import Splice
    from komorebi_qc.core.timebase import Alignment, CallEnd
    from komorebi_qc.pipeline.diagnose import Diagnosis
    from komorebi_qc.pipeline.process import Outcome

VIDEO_NAME, AGENT_NAME, THUMBNAIL_NAME = "recording", "agent-recording", "thumbnail.png"
LOCAL = "local"
"""The ID of what has none."""
_BLOCK = 60 * RATE


@dataclass(frozen=True, slots=True, eq=False)
class Lanes:
    """The sound of all sides at 8 kHz on the output clock: sample ``i`` at ``output_s = i / 8000``.

    Attributes:
        customer: Connect's left channel, ``(n,)``.
        agent: Connect's right channel.
        recording: the agent recording's own audio.
        output: the unified recording's, both sides as one; None where none was made.
    """

    customer: NDArray[np.int16]
    agent: NDArray[np.int16]
    recording: NDArray[np.int16]
    output: NDArray[np.int16] | None


@dataclass(frozen=True, slots=True, eq=False)
class Examined:
    """All there is to show.

    Attributes:
        recording_id: whose.
        folder: where the files lie.
        video: the unified recording, or where none was made the agent recording itself.
        document: as ``qc.json``; where nothing was made, the diagnosis.
        diagnosis: of the two inputs, with levels.
        laid: what plays when; where nothing was made, what would if the call were placed as told.
        lanes: the sound.
        outcome: of the pipeline; None where it refused.
        refused: why it did.
    """

    recording_id: str
    folder: Path
    video: Path
    document: dict[str, Any]
    diagnosis: Diagnosis
    laid: Splice
    lanes: Lanes
    outcome: Outcome | None
    refused: str | None

    @property
    def alignment(self) -> Alignment:
        """By which the call is shown."""
        return self.laid.alignment


class _Given(LocalFiles):
    """Inputs that are open already, wherever they came from; outputs in files."""

    def __init__(self, call: Source, recording: Source, out: Path, thumbnail: Path) -> None:
        super().__init__(Path(call.name), Path(recording.name), out, thumbnail)
        self._call, self._own = call, recording

    def check(self) -> None:
        self.check_outputs()

    @contextmanager
    def call_audio(self, recording: Recording) -> Iterator[Source]:  # noqa: ARG002  one file, whatever the item says
        yield self._call.reopen()

    @contextmanager
    def agent_recording(self, recording: Recording) -> Iterator[Source]:  # noqa: ARG002  one file, whatever the item says
        yield self._own.reopen()


def examine(
    call: Source,
    recording: Source,
    call_end: CallEnd,
    folder: Path,
    *,
    recording_id: str = LOCAL,
    options: Options | None = None,
    progress: Progress = SILENT,
) -> Examined:
    """Process a pair into `folder`, or where the two don't belong together, say so and show them all the same.

    ``recording.mp4`` (or ``.webm``), ``recording.qc.json`` and ``thumbnail.png`` are written there; where nothing is
    made, ``agent-recording.*``, a copy of the input, and its ``thumbnail.png``.

    Raises:
        KomorebiError: see `komorebi_qc.pipeline.process.process`.
    """
    chosen = replace(options or Options(), keep=True)
    files = _Given(call, recording, folder / VIDEO_NAME, folder / THUMBNAIL_NAME)
    item = Recording(recording_id, recording_id, datetime(1970, 1, 1))  # noqa: DTZ001  as the table's: no zone
    order = Order(recording_id, call_end)
    try:
        outcome = process(order, table=LocalTable(item), media=files, options=chosen, progress=progress)
    except WrongPairError as error:
        diagnosis = diagnose(call.reopen(), recording.reopen(), call_end, chosen.limits)
        return _refused(_kept(diagnosis), recording, folder, recording_id, str(error))
    kept = outcome.kept
    if kept is None:
        raise InputError("an examination keeps what the run knew: `keep` can't be switched off")
    evidence = kept.evidence
    # Nothing is heard where the recording has no sound, or where the caller says where the call lies.
    diagnosis = (
        diagnose(call.reopen(), recording.reopen(), call_end, chosen.limits)
        if kept.heard is None
        else diagnosed(
            evidence.call, evidence.recording, replace(kept.heard, timing=kept.timing), call_end, chosen.limits
        )
    )
    diagnosis = _kept(diagnosis)
    video = Path(outcome.published.video)
    with opened_file(video) as made:
        lanes = _lanes(diagnosis, evidence.splice, decode_output_8khz(made))
    return Examined(recording_id, folder, video, outcome.document, diagnosis, evidence.splice, lanes, outcome, None)


def _kept(diagnosis: Diagnosis) -> Diagnosis:
    """With samples that outlive the inputs."""
    return replace(diagnosis, heard=diagnosis.heard.in_memory())


def _refused(diagnosis: Diagnosis, recording: Source, folder: Path, recording_id: str, why: str) -> Examined:
    call_audio, own = diagnosis.call.audio, diagnosis.recording.audio
    call_s = 0.0 if call_audio is None else call_audio.span.end_s
    told = align_as_told(diagnosis.call_end, call_s)
    laid = splice(told, call_s=call_s, recording_audio=None if own is None else own.span)
    video = folder / f"{AGENT_NAME}.{'webm' if diagnosis.recording.container == 'webm' else 'mp4'}"
    source = recording.reopen()
    with video.open("wb") as copy:
        shutil.copyfileobj(source.file, copy, 1 << 20)
    thumbnail = png_at(recording.reopen(), THUMBNAIL_AT_S, diagnosis.recording.origin_s)
    (folder / THUMBNAIL_NAME).write_bytes(thumbnail)
    return Examined(
        recording_id, folder, video, diagnosis.to_dict(), diagnosis, laid, _lanes(diagnosis, laid, None), None, why
    )


def _lanes(diagnosis: Diagnosis, laid: Splice, output: NDArray[np.int16] | None) -> Lanes:
    heard = diagnosis.heard
    shift = round(laid.alignment.output_shift_s * RATE)
    own = heard.recording
    n = max(round(laid.output_end_s * RATE), shift + len(own), 0 if output is None else len(output))
    moved = np.zeros(n, np.int16)
    moved[shift : shift + len(own)] = own[: n - shift]
    call = np.zeros((n, 2), np.int16)
    samples: NDArray[np.int16] = np.asarray(heard.call)
    for piece in laid.pieces:
        if piece.source == "call":
            first, last = round(piece.fade_in.start_s * RATE), min(round(piece.fade_out.end_s * RATE), n)
            for start in range(first, last, _BLOCK):
                stop = min(start + _BLOCK, last)
                at = np.rint(piece.source_s(0.0) * RATE + np.arange(start, stop) / piece.rate).astype(np.intp)
                call[start:stop] = samples[np.clip(at, 0, len(samples) - 1)]
    both = None if output is None else ((output[:, 0].astype(np.int32) + output[:, 1]) // 2).astype(np.int16)
    return Lanes(call[:, 0].copy(), call[:, 1].copy(), moved, both)
