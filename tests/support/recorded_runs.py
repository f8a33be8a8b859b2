"""Small runs with a record: files of random bytes, and the qc.json that describes them."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from komorebi_qc.core.provenance.parts import digest_of_bytes
from komorebi_qc.core.provenance.record import FileRecord, Provenance
from komorebi_qc.core.provenance.seal import sealed, sealed_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.core.provenance.seal import Signer

NAMES = {
    "video": "unified.mp4",
    "thumbnail": "unified.png",
    "call_audio": "../in/call.wav",
    "agent_recording": "../in/agent.webm",
}


def content_of(name: str, size: int = 5_000) -> bytes:
    """Bytes that depend on the name only."""
    return random.Random(name).randbytes(size)  # noqa: S311  test data


def document_of(provenance: Provenance, signer: Signer | None = None, **more: Any) -> bytes:
    """A short qc.json with a record and a seal."""
    document = {"schema": "2.2", "version": "9.9.9", "recording_id": "local", "findings": [], **more}
    return sealed_bytes(sealed({**document, "provenance": provenance.to_dict()}, signer))


def run_in(folder: Path, signer: Signer | None = None) -> Path:
    """A run in ``out/``, with its inputs in ``in/``; its qc.json."""
    records: dict[str, FileRecord] = {}
    for role, name in NAMES.items():
        content = content_of(name)
        path = folder / "out" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        (folder / "in").mkdir(exist_ok=True)
        path.write_bytes(content)
        records[role] = FileRecord(name, digest_of_bytes(content))
    path = folder / "out" / "unified.qc.json"
    inputs = (records["call_audio"], records["agent_recording"])
    path.write_bytes(document_of(Provenance(*inputs, records["video"], records["thumbnail"]), signer))
    return path


def key_files(folder: Path, name: str = "key") -> tuple[Path, Path]:
    """A new Ed25519 key: the files of the private and of the public key."""
    key = Ed25519PrivateKey.generate()
    private, public = folder / f"{name}.pem", folder / f"{name}.pub.pem"
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return private, public
