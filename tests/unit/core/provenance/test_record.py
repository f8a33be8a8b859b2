"""The record of a run, as JSON and back."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from komorebi_qc.core.provenance.parts import digest_of_bytes
from komorebi_qc.core.provenance.record import FileRecord, Provenance

CALL = FileRecord("s3://calls/a.wav", digest_of_bytes(b"call"), '"e1"', "v1")
OWN = FileRecord("../in/agent.webm", digest_of_bytes(b"own"))
VIDEO = FileRecord("unified.mp4", digest_of_bytes(b"video"))
RECORD = Provenance(
    CALL, OWN, VIDEO, VIDEO, (CALL,), {"komorebi_qc": "1.0", "ffmpeg": None}, {"container": "auto", "force": False}
)


def test_a_record_survives_json() -> None:
    """Every value that is written is read back."""
    written = json.loads(json.dumps(RECORD.to_dict()))
    assert written["inputs"]["call_audio"]["version_id"] == "v1"
    assert written["inputs"]["agent_recording"]["etag"] is None
    assert Provenance.from_dict(written) == RECORD


def test_a_record_may_lack_thumbnail_and_analyses() -> None:
    """Without them the keys are null and empty."""
    plain = Provenance(CALL, OWN, VIDEO)
    written = plain.to_dict()
    assert (written["outputs"]["thumbnail"], written["inputs"]["analyses"]) == (None, [])
    assert Provenance.from_dict(written) == plain


def without(*path: str) -> dict[str, Any]:
    """A record without one key."""
    written: dict[str, Any] = json.loads(json.dumps(RECORD.to_dict()))
    node = written
    for name in path[:-1]:
        node = node[name]
    del node[path[-1]]
    return written


@pytest.mark.parametrize(
    "path",
    [("inputs",), ("outputs", "video"), ("inputs", "call_audio", "location"), ("outputs", "video", "size_bytes")],
)
def test_an_incomplete_record_is_refused(path: tuple[str, ...]) -> None:
    """A missing key is an error of one kind, whatever is missing."""
    with pytest.raises(ValueError, match=r"incomplete|no location|another kind"):
        Provenance.from_dict(without(*path))


@pytest.mark.parametrize("found", [{"inputs": 5, "outputs": {}}, {"inputs": {"call_audio": []}, "outputs": {}}])
def test_a_record_of_another_shape_is_refused(found: dict[str, Any]) -> None:
    """Values of another type are the same error."""
    with pytest.raises(ValueError, match="incomplete"):
        Provenance.from_dict(found)


def test_further_recordings_survive_json() -> None:
    """A document of an earlier version has none of them."""
    several = replace(RECORD, further_recordings=(OWN, VIDEO))
    assert Provenance.from_dict(several.to_dict()) == several
    older = RECORD.to_dict()
    del older["inputs"]["further_recordings"]
    assert Provenance.from_dict(older) == RECORD
