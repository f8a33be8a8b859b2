"""The seal of qc.json: every byte counts."""

from __future__ import annotations

import hashlib
import json
import random
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from komorebi_qc.core.provenance.seal import Signature, opened_seal, sealed, sealed_bytes

if TYPE_CHECKING:
    from pathlib import Path

DOCUMENT: dict[str, Any] = {
    "schema": "2.2",
    "findings": [{"name": "drift", "text": 'a "quoted" é'}],
    "nested": {"seal": {"x": 1}},
    "none": {},
}


class Stamp:
    """A signer that notes its messages."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def sign(self, message: bytes) -> Signature:
        """A signature that only looks like one."""
        self.messages.append(message)
        return Signature("Ed25519", "sha256:00", b"\x01\x02\x03\x04")


def test_the_seal_is_the_last_key_and_leaves_the_rest_alone() -> None:
    """The document is unchanged apart from its new last key, and comes back intact."""
    made = sealed(DOCUMENT)
    assert list(made)[-1] == "seal"
    assert {name: value for name, value in made.items() if name != "seal"} == DOCUMENT
    found = opened_seal(sealed_bytes(made))
    assert (found.document, found.has_seal, found.is_intact, found.signature) == (made, True, True, None)


@pytest.mark.parametrize("signer", [None, Stamp()])
def test_every_changed_byte_breaks_it(signer: Stamp | None) -> None:
    """Each byte of an unsigned document, and each byte outside of a signature, changed in eight ways."""
    content = sealed_bytes(sealed(DOCUMENT, signer))
    free = content.index(b'"signature"') if signer else len(content)
    for at in range(len(content)):
        for bit in range(8):
            changed = bytearray(content)
            changed[at] ^= 1 << bit
            try:
                found = opened_seal(bytes(changed))
            except ValueError:
                continue
            is_same_signature = found.signature == opened_seal(content).signature
            assert not found.is_intact or (at > free and not is_same_signature), (at, bit)


def test_added_and_removed_bytes_break_it() -> None:
    """A newline at the end, a second space, and a missing byte are changes too."""
    content = sealed_bytes(sealed(DOCUMENT))
    rng = random.Random(3)  # noqa: S311  places to change
    for at in [0, len(content), *(rng.randrange(len(content)) for _ in range(200))]:
        for changed in (
            content[:at] + b" " + content[at:],
            content[:at] + b"\n" + content[at:],
            content[:at] + content[at + 1 :],
        ):
            if changed == content:
                continue
            try:
                assert not opened_seal(changed).is_intact, at
            except ValueError:
                continue


def test_the_digest_is_checked_with_sed_and_sha256sum(tmp_path: Path) -> None:
    """The command of the documentation prints the digest of the seal."""
    made = sealed(DOCUMENT)
    (tmp_path / "qc.json").write_bytes(sealed_bytes(made))
    command = """sed '/^ "seal": {$/,$d' qc.json | sha256sum"""
    printed = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, text=True, check=True).stdout  # noqa: S602
    assert printed.split()[0] == made["seal"]["sha256"]


def test_the_signature_signs_the_digest() -> None:
    """The signer gets one short text with the digest, and its signature is in the document."""
    stamp = Stamp()
    made = sealed(DOCUMENT, stamp)
    assert stamp.messages == [f"qc.json sha256:{made['seal']['sha256']}".encode()]
    found = opened_seal(sealed_bytes(made))
    assert found.message == stamp.messages[0]
    assert found.signature == Signature("Ed25519", "sha256:00", b"\x01\x02\x03\x04")
    assert found.is_intact


def test_the_message_follows_the_bytes_and_not_the_stated_digest() -> None:
    """A document with a digest that was changed with it still has a message that the old signature doesn't fit."""
    made = sealed(DOCUMENT, Stamp())
    forged = {**made, "schema": "9.9"}
    body = sealed_bytes({**forged, "seal": {}})
    forged["seal"] = {**made["seal"], "sha256": hashlib.sha256(body[: body.rindex(b'\n "seal": ') + 1]).hexdigest()}
    found = opened_seal(sealed_bytes(forged))
    assert found.is_intact
    assert found.message != opened_seal(sealed_bytes(made)).message


@pytest.mark.parametrize("value", ["AQIDBB==", "AQIDBA", " AQIDBA==", "!", 5, None])
def test_another_spelling_of_a_signature_is_refused(value: Any) -> None:
    """Base64 with spare bits, without padding or with spaces isn't the signature that was written."""
    made = sealed(DOCUMENT, Stamp())
    made["seal"]["signature"]["value"] = value
    assert opened_seal(sealed_bytes(made)).signature == Signature("", "", b"")


def test_documents_without_a_seal_are_read() -> None:
    """One of an earlier version has no seal; a broken one has it and isn't intact."""
    old = opened_seal(json.dumps({"schema": "2.1"}, indent=1).encode())
    assert (old.has_seal, old.is_intact, old.signature) == (False, False, None)
    broken = opened_seal(json.dumps({"schema": "2.2", "seal": 5}, indent=1).encode())
    assert (broken.has_seal, broken.is_intact) == (True, False)
    compact = opened_seal(json.dumps(sealed(DOCUMENT)).encode())
    assert (compact.has_seal, compact.is_intact) == (True, False)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff\xfe", b"null"])
def test_no_object_is_an_error(content: bytes) -> None:
    """Anything that isn't a JSON object is one kind of error."""
    with pytest.raises(ValueError):  # noqa: PT011  the text is json's
        opened_seal(content)
