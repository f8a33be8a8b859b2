"""The seal of qc.json: its last key, with the digest of everything before it, and an optional signature.

``qc.json`` is JSON with an indent of one space. The *body* is all of its lines before the line `` "seal": {``. The seal
holds the body's SHA-256. A signature signs the text ``qc.json sha256:`` with that digest behind it, in ASCII. Both can
be checked with ``sed``, ``sha256sum`` and ``openssl``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

SEAL = "seal"
_BEGIN = f'\n "{SEAL}": '.encode()


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature.

    Attributes:
        algorithm: ``Ed25519`` or ``ECDSA_SHA_256``.
        key: identifies the key: a KMS key's ARN, or ``sha256:`` and the digest of an Ed25519 public key.
        value: its bytes.
    """

    algorithm: str
    key: str
    value: bytes

    def to_dict(self) -> dict[str, str]:
        """The signature for JSON."""
        return {
            "algorithm": self.algorithm,
            "key": self.key,
            "value": base64.b64encode(self.value).decode("ascii"),
        }


class Signer(Protocol):
    """A key that signs."""

    def sign(self, message: bytes) -> Signature:
        """Sign a message.

        Raises:
            KomorebiError: the key can't be used, or its service doesn't answer.
        """
        ...


@dataclass(frozen=True, slots=True)
class Sealed:
    """A ``qc.json`` as it was read.

    Attributes:
        document: its content.
        has_seal: whether it has a seal at all; documents before schema 2.2 lack it.
        is_intact: whether every byte is as it was sealed, apart from the signature's value.
        message: the text that a signature signs.
        signature: the signature; None without one.
    """

    document: dict[str, Any]
    has_seal: bool
    is_intact: bool
    message: bytes
    signature: Signature | None


def sealed(document: Mapping[str, Any], signer: Signer | None = None) -> dict[str, Any]:
    """Return the document with its seal as the last key; `sealed_bytes` writes it.

    Args:
        document: the content of ``qc.json`` without a seal.
        signer: signs it; None for no signature.

    Raises:
        KomorebiError: the signer can't sign.
    """
    sha256 = hashlib.sha256(_body(sealed_bytes({**document, SEAL: {}}))).hexdigest()
    signature = None if signer is None else signer.sign(_message(sha256)).to_dict()
    return {**document, SEAL: {"sha256": sha256, "signature": signature}}


def sealed_bytes(document: Mapping[str, Any]) -> bytes:
    """The bytes of a sealed document, the same wherever it is written."""
    return json.dumps(document, indent=1).encode()


def opened_seal(content: bytes) -> Sealed:
    """Read a ``qc.json``, and check its seal.

    Raises:
        ValueError: it isn't a JSON object.
    """
    document = json.loads(content)
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004  as for text that isn't JSON
    seal = document.get(SEAL)
    if not isinstance(seal, dict) or _BEGIN not in content:
        return Sealed(document, SEAL in document, is_intact=False, message=b"", signature=None)
    body, noted = _body(content), seal.get("sha256")
    sha256 = hashlib.sha256(body).hexdigest()
    # The seal's own bytes: written again, they have to be the same.
    tail = sealed_bytes({SEAL: seal}).removeprefix(b"{\n")
    is_intact = noted == sha256 and body + tail == content and set(seal) == {"sha256", "signature"}
    return Sealed(document, has_seal=True, is_intact=is_intact, message=_message(sha256), signature=_signature(seal))


def _body(content: bytes) -> bytes:
    return content[: content.rindex(_BEGIN) + 1]


def _message(sha256: str) -> bytes:
    return f"qc.json sha256:{sha256}".encode("ascii")


def _signature(seal: Mapping[str, Any]) -> Signature | None:
    found = seal.get("signature")
    if found is None:
        return None
    try:
        value = base64.b64decode(found["value"], validate=True)
        signature = Signature(str(found["algorithm"]), str(found["key"]), value)
    except (TypeError, KeyError, binascii.Error):
        return Signature("", "", b"")
    # Base64 has spare bits: only the usual spelling counts.
    return signature if signature.to_dict() == found else Signature("", "", b"")
