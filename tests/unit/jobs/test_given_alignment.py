"""The alignment that a person gives to a command."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from komorebi_qc.core.analyst.correction import Correction
from komorebi_qc.core.errors import InputError
from komorebi_qc.core.provenance.parts import digest_of_bytes
from komorebi_qc.core.timebase import Alignment
from komorebi_qc.jobs.given_alignment import check_inputs, given_alignment
from komorebi_qc.storage.input_file import opened_file

if TYPE_CHECKING:
    from pathlib import Path

CALL, OWN = b"the call", b"the recording"
CORRECTION = Correction(
    "contact-1",
    Alignment(1.5),
    digest_of_bytes(CALL).sha256,
    digest_of_bytes(OWN).sha256,
    "Early.",
    "",
    "2026-03-01T10:00:00Z",
    "x",
)


def saved(folder: Path, correction: Correction = CORRECTION) -> Path:
    """A correction's file."""
    path = folder / "correction.json"
    path.write_bytes(correction.to_bytes())
    return path


def test_numbers_or_a_file(tmp_path: Path) -> None:
    """An offset with its drift, or a correction; without any of them the alignment is measured."""
    assert given_alignment(None, 0.0, None) is None
    given = given_alignment(-1.0, 5.0, None)
    assert given is not None
    assert (given.alignment, given.correction) == (Alignment(-1.0, 5.0), None)
    found = given_alignment(None, 0.0, saved(tmp_path), "contact-1")
    assert found is not None
    assert (found.alignment, found.correction) == (Alignment(1.5), CORRECTION)


def test_contradictions_are_refused(tmp_path: Path) -> None:
    """Each names the options."""
    path = saved(tmp_path)
    for offset_s, drift_ppm in ((1.0, 0.0), (None, 3.0)):
        with pytest.raises(InputError, match=r"leave out --offset and --drift-ppm"):
            given_alignment(offset_s, drift_ppm, path)
    with pytest.raises(InputError, match=r"--drift-ppm needs --offset"):
        given_alignment(None, 3.0, None)
    with pytest.raises(InputError, match=r"of recording contact-1, not of contact-2"):
        given_alignment(None, 0.0, path, "contact-2")
    with pytest.raises(InputError, match=r"missing\.json"):
        given_alignment(None, 0.0, tmp_path / "missing.json")


def test_files_are_identified_by_their_content(tmp_path: Path) -> None:
    """A recording's correction fits its downloaded files. Without digests nothing shows that, and it is refused."""
    assert given_alignment(None, 0.0, saved(tmp_path)) is not None
    with pytest.raises(InputError, match=r"of recording contact-1, not of local"):
        given_alignment(None, 0.0, saved(tmp_path, replace(CORRECTION, call_sha256="")))
    given = given_alignment(None, 0.0, saved(tmp_path))
    (tmp_path / "call.wav").write_bytes(CALL)
    for content, is_same in ((OWN, True), (b"another version", False)):
        (tmp_path / "own.webm").write_bytes(content)
        with opened_file(tmp_path / "call.wav") as call, opened_file(tmp_path / "own.webm") as own:
            if is_same:
                check_inputs(given, call, own)
            else:
                with pytest.raises(InputError, match="another version of the agent recording"):
                    check_inputs(given, call, own)
