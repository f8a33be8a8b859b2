"""The record that a run makes of itself."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import av
import pytest
from fake_stores import manual_order, stores
from recorded_runs import key_files

import komorebi_qc
from komorebi_qc.core.errors import StorageError
from komorebi_qc.core.provenance.parts import digest_of_bytes
from komorebi_qc.core.provenance.seal import Signature, opened_seal
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.pipeline.local import process_files
from komorebi_qc.pipeline.options import Options
from komorebi_qc.pipeline.process import process
from komorebi_qc.pipeline.provenance.record import NOT_SETTINGS, settings, software
from komorebi_qc.storage.local import LocalFiles
from komorebi_qc.storage.signing import Ed25519Key

if TYPE_CHECKING:
    from pathlib import Path

    from captures import Capture


@pytest.mark.parametrize("is_remote", [False, True])
@pytest.mark.parametrize("align", ["auto", "call-end"])
def test_every_input_and_output_is_recorded(capture: Capture, is_remote: bool, align: Any) -> None:  # noqa: FBT001
    """Whether it is measured or not, near or far, the digests are those of the files."""
    table, media = stores(capture)
    media.is_remote = is_remote
    options = Options(align=align, force=True, unconfirmed="publish")
    outcome = process(replace(manual_order(capture), alignment=None), table=table, media=media, options=options)
    ((_, video, thumbnail),) = media.published
    found = outcome.document["provenance"]
    for record, content in (
        (found["inputs"]["call_audio"], media.call),
        (found["inputs"]["agent_recording"], media.own),
        (found["outputs"]["video"], video),
        (found["outputs"]["thumbnail"], thumbnail),
    ):
        assert content is not None
        assert (record["sha256"], record["size_bytes"]) == (hashlib.sha256(content).hexdigest(), len(content))
    assert found["settings"]["align"] == align


def test_the_published_document_is_sealed_and_known_to_the_item(sample: Capture) -> None:
    """The seal is intact in the bytes that are published, and the item has their SHA-256."""
    table, media = stores(sample)
    published: list[bytes] = []
    media.keep_document = published.append
    outcome = process(manual_order(sample), table=table, media=media)
    (content,) = published
    found = opened_seal(content)
    assert found.is_intact
    assert found.document == outcome.document
    assert table.updates[0]["qcDocumentSha256"] == digest_of_bytes(content).sha256
    assert "qcVideoETag" not in table.updates[0]


class BrokenKey:
    """A key that can't be used now."""

    def sign(self, message: bytes) -> Signature:
        """Fail."""
        raise StorageError(f"the KMS key doesn't answer to {message[:7]!r}")


def test_nothing_is_published_without_the_wanted_signature(sample: Capture) -> None:
    """A key that fails ends the run before anything is visible."""
    table, media = stores(sample)
    with pytest.raises(StorageError, match="doesn't answer"):
        process(manual_order(sample), table=table, media=media, options=Options(signer=BrokenKey()))
    assert (media.published, table.updates, media.open_files) == ([], [], 0)


def test_local_files_are_recorded_relative_to_the_output(sample: Capture, tmp_path: Path) -> None:
    """Paths lead from the folder of qc.json to the inputs, also through a link, so the tree can be moved."""
    for folder in ("in", "really/out"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "out").symlink_to(tmp_path / "really" / "out")
    shutil.copy(sample.call, tmp_path / "in" / "call.wav")
    shutil.copy(sample.recording, tmp_path / "in" / "agent.mp4")
    private, public = key_files(tmp_path)
    out = tmp_path / "out"
    files = LocalFiles(tmp_path / "in" / "call.wav", tmp_path / "in" / "agent.mp4", out / "u", out / "u.png")
    options = Options(align="call-end", signer=Ed25519Key(private))
    process_files(files, parse_call_end(sample.call_end), options=options)
    sealed = opened_seal((out / "u.qc.json").read_bytes())
    found = sealed.document["provenance"]
    assert [one["location"] for one in found["inputs"].values() if isinstance(one, dict)] == [
        "../../in/call.wav",
        "../../in/agent.mp4",
    ]
    assert [one["location"] for one in found["outputs"].values() if one] == ["u.mp4", "u.png"]
    assert sealed.signature is not None
    assert Ed25519Key(public).verify(sealed.message, sealed.signature)


def test_settings_are_all_options_that_matter() -> None:
    """Each option but limits, artifacts and the signer is a plain value of JSON."""
    found = settings(Options(container="webm", whole_call=True))
    assert (found["container"], found["whole_call"]) == ("webm", True)
    assert set(found) | NOT_SETTINGS == set(Options.__dataclass_fields__)
    assert json.loads(json.dumps(found)) == found


def test_the_software_is_named_with_its_versions() -> None:
    """This package, Python, PyAV and the FFmpeg in it."""
    found = software()
    assert (found["komorebi_qc"], found["pyav"]) == (komorebi_qc.__version__, av.__version__)
    assert found["ffmpeg"]
    assert found["python"]


def test_bytes_that_no_step_reads_are_read_at_the_end(sample: Capture) -> None:
    """Bytes behind the last packet belong to the file as well."""
    table, media = stores(sample)
    media.own += b"\0\0\x10\0free" + bytes(4088)
    outcome = process(manual_order(sample), table=table, media=media, options=Options(align="call-end"))
    recorded = outcome.document["provenance"]["inputs"]["agent_recording"]
    assert recorded["sha256"] == digest_of_bytes(media.own).sha256
    assert io.BytesIO(media.own).read(4) == sample.recording.read_bytes()[:4]
