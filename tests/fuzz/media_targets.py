"""Call audio and agent recordings: probed, decoded, measured, and now and then joined into a file."""

from __future__ import annotations

import zlib
from contextlib import suppress
from typing import TYPE_CHECKING

from watch import FindingError

from komorebi_qc.batch.execution.media_tags import read_tags
from komorebi_qc.core.errors import KomorebiError
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.media.thumbnail import png_at
from komorebi_qc.pipeline.diagnose import diagnose
from komorebi_qc.pipeline.local import process_files
from komorebi_qc.pipeline.options import Options
from komorebi_qc.storage.input_file import opened_file
from komorebi_qc.storage.local import LocalFiles

if TYPE_CHECKING:
    from pathlib import Path

CALL_END = parse_call_end("2.5")
_JOIN_ONE_OF = 6


class MediaChecks:
    """Checks of one file beside another that stays as it is."""

    def __init__(self, call: bytes, recording: bytes) -> None:
        self._call, self._recording = call, recording

    def check_call(self, data: bytes, folder: Path) -> None:
        """Use changed call audio."""
        self._check(data, self._recording, data, folder)

    def check_recording(self, data: bytes, folder: Path) -> None:
        """Use a changed agent recording, also for its tags and its thumbnail."""
        path = folder / "recording.mp4"
        path.write_bytes(data)
        with opened_file(path) as source:
            read_tags(source.file)
        with suppress(KomorebiError), opened_file(path) as source:
            png_at(source, 1.0)
        self._check(self._call, data, data, folder)

    def _check(self, call: bytes, recording: bytes, changed: bytes, folder: Path) -> None:
        inputs = folder / "call.wav", folder / "recording.mp4"
        for path, content in zip(inputs, (call, recording), strict=True):
            path.write_bytes(content)
        if zlib.crc32(changed) % _JOIN_ONE_OF:
            with suppress(KomorebiError), opened_file(inputs[0]) as one, opened_file(inputs[1]) as other:
                diagnose(one, other, CALL_END).to_dict()
            made: set[str] = set()
        else:
            made = self._join(folder, *inputs)
        left = {path.name for path in folder.rglob("*") if path.is_file()} - {path.name for path in inputs}
        if left != made:
            raise FindingError(f"files are left: {sorted(left)}; made were {sorted(made)}")

    def _join(self, folder: Path, call: Path, recording: Path) -> set[str]:
        """Process both; the names of all that may be there afterwards: all files of a success, or no file."""
        files = LocalFiles(call, recording, folder / "unified", folder / "thumbnail.png")
        try:
            outcome = process_files(files, CALL_END, options=Options(thumbnail=True, force=True))
        except KomorebiError:
            return set()
        named = (outcome.published.video, outcome.published.thumbnail, outcome.published.qc)
        return {str(path).rpartition("/")[2] for path in named if path}
