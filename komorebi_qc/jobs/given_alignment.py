"""The alignment that a person gives to a command: --offset with --drift-ppm, or --from a correction."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.analyst.correction import MAX_BYTES, read_correction
from komorebi_qc.core.errors import InputError
from komorebi_qc.core.provenance.parts import whole_digest
from komorebi_qc.core.recording import LOCAL_ID
from komorebi_qc.core.timebase import Alignment
from komorebi_qc.pipeline.correction.given import GivenAlignment
from komorebi_qc.storage.input_file import opened_file

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.core.analyst.correction import Correction
    from komorebi_qc.core.source import Source


def read_correction_file(path: Path) -> Correction:
    """Read a ``correction.json``.

    Raises:
        InputError: it doesn't exist, isn't a regular file, can't be read, or isn't a correction.
    """
    with opened_file(path) as source:
        return read_correction(source.file.read(MAX_BYTES + 1), source.name)


def given_alignment(
    offset_s: float | None, drift_ppm: float, correction: Path | None, recording_id: str = ""
) -> GivenAlignment | None:
    """The alignment that a person gave; None if it is to be measured.

    Args:
        offset_s: the call's start on the recording clock; None without ``--offset``.
        drift_ppm: how much faster the recording clock runs than the call clock.
        correction: the file of ``--from``; None without one.
        recording_id: of a recording in AWS; empty for files.

    Raises:
        InputError: two options contradict each other, or the correction can't be used for this recording.
    """
    if correction is not None:
        if offset_s is not None or drift_ppm:
            raise InputError("--from has an alignment of its own: leave out --offset and --drift-ppm")
        found = read_correction_file(correction)
        # The content identifies files, which have no ID. A correction without it was made from a report of files.
        if recording_id or not found.names_inputs:
            found.check_recording(recording_id or LOCAL_ID)
        return GivenAlignment(found.alignment, found)
    if offset_s is None:
        if drift_ppm:
            raise InputError("--drift-ppm needs --offset: a call that is placed by its end has no known drift")
        return None
    return GivenAlignment(Alignment(offset_s, drift_ppm))


def check_inputs(given: GivenAlignment | None, call: Source, recording: Source) -> None:
    """Check that a correction was made from these files. They are read once for it.

    Raises:
        InputError: it was made from another version of one.
    """
    if given is None or given.correction is None:
        return
    wanted = (given.correction.call_sha256, given.correction.recording_sha256)
    if any(wanted):
        given.correction.check_inputs(
            *(
                whole_digest(one.reopen().file).sha256 if sha256 else ""
                for one, sha256 in zip((call, recording), wanted, strict=True)
            )
        )
