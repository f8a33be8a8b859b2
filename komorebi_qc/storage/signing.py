"""Keys that sign qc.json and check its signature: an asymmetric KMS key, or an Ed25519 key in a PEM file.

The rights it needs on a KMS key: ``kms:Sign`` to sign, ``kms:Verify`` to check. The private key never leaves KMS. A PEM
file needs the package ``cryptography``, which the extra `sign` brings.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import SettingsError, missing_extra
from komorebi_qc.core.provenance.seal import Signature
from komorebi_qc.storage.aws_errors import aws_errors, error_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KMS = "kms:"
"""Before the ID, ARN or alias of a KMS key."""
ECDSA, ED25519 = "ECDSA_SHA_256", "Ed25519"


@dataclass(frozen=True, slots=True)
class KmsKey:
    """A key pair of KMS with the key spec ``ECC_NIST_P256`` and the usage ``SIGN_VERIFY``.

    Attributes:
        key_id: its ID, ARN or alias.
        make_client: makes boto3's ``kms`` client.
    """

    key_id: str
    make_client: Callable[[], Any]

    def sign(self, message: bytes) -> Signature:
        """Sign a message of up to 4,096 bytes.

        Raises:
            StorageError: KMS doesn't answer.
            AccessDeniedError: it refuses access.
            PermanentError: the key is of another kind, or doesn't exist.
        """
        client = self.make_client()
        with aws_errors(self._name):
            answer = client.sign(KeyId=self.key_id, Message=message, MessageType="RAW", SigningAlgorithm=ECDSA)
        return Signature(ECDSA, str(answer["KeyId"]), bytes(answer["Signature"]))

    def verify(self, message: bytes, signature: Signature) -> bool:
        """Return whether this key made the signature of the message.

        Raises:
            StorageError: KMS doesn't answer.
            AccessDeniedError: it refuses access.
            PermanentError: the key is of another kind, or doesn't exist.
        """
        if signature.algorithm != ECDSA or not signature.value:
            return False
        client = self.make_client()
        with aws_errors(self._name):
            try:
                answer = client.verify(
                    KeyId=self.key_id,
                    Message=message,
                    MessageType="RAW",
                    Signature=signature.value,
                    SigningAlgorithm=ECDSA,
                )
            except Exception as error:
                if error_code(error) == "KMSInvalidSignatureException":
                    return False
                raise
        return bool(answer["SignatureValid"]) and str(answer["KeyId"]) == signature.key

    @property
    def _name(self) -> str:
        return f"the KMS key {self.key_id}"


@dataclass(frozen=True, slots=True)
class Ed25519Key:
    """An Ed25519 key in a PEM file: a private key (PKCS 8, without a password), or a public key to check only.

    Attributes:
        path: of the file.
    """

    path: Path

    def sign(self, message: bytes) -> Signature:
        """Sign a message.

        Raises:
            SettingsError: the file isn't an Ed25519 private key.
            InputError: the package `cryptography` isn't installed.
        """
        private, public = self._keys()
        if private is None:
            raise SettingsError(f"{self.path} holds a public key, which can only check: give the private key's file")
        return Signature(ED25519, _name_of(public), private.sign(message))

    def verify(self, message: bytes, signature: Signature) -> bool:
        """Return whether this key made the signature of the message.

        Raises:
            SettingsError: the file isn't an Ed25519 key.
            InputError: the package `cryptography` isn't installed.
        """
        _, public = self._keys()
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415  an extra, which is there by now

        if (signature.algorithm, signature.key) != (ED25519, _name_of(public)):
            return False
        try:
            public.verify(signature.value, message)
        except InvalidSignature:
            return False
        return True

    def _keys(self) -> tuple[Ed25519PrivateKey | None, Ed25519PublicKey]:
        """The private key, None for a file without it, and the public key."""
        try:
            from cryptography.exceptions import UnsupportedAlgorithm  # noqa: PLC0415  an extra
            from cryptography.hazmat.primitives import serialization  # noqa: PLC0415
            from cryptography.hazmat.primitives.asymmetric import ed25519  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise missing_extra("sign", error.name or "cryptography", needed_by="a signature by a PEM file") from None
        try:
            content = self.path.read_bytes()
        except OSError as error:
            raise SettingsError(f"the signing key {self.path} can't be read: {error.strerror}") from None
        try:
            if b"PRIVATE KEY-----" in content:
                private = serialization.load_pem_private_key(content, None)
                if isinstance(private, ed25519.Ed25519PrivateKey):
                    return private, private.public_key()
            else:
                public = serialization.load_pem_public_key(content)
                if isinstance(public, ed25519.Ed25519PublicKey):
                    return None, public
        except (ValueError, TypeError, UnsupportedAlgorithm):  # a TypeError for a key with a password
            pass
        raise SettingsError(
            f"{self.path} isn't an Ed25519 key in PEM without a password; `openssl genpkey -algorithm ed25519 -out "
            "key.pem` makes one"
        )


def _name_of(public: Ed25519PublicKey) -> str:
    """The digest of the public key, as ``openssl pkey -pubout -outform der | sha256sum`` shows it."""
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415  an extra

    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return f"sha256:{hashlib.sha256(der).hexdigest()}"


def signing_key(text: str, kms_client: Callable[[], Any]) -> KmsKey | Ed25519Key:
    """The key that a setting names; it isn't read yet.

    Args:
        text: ``kms:`` and a key's ID, ARN or alias, or the path of a PEM file.
        kms_client: makes boto3's ``kms`` client; it isn't called for a file.
    """
    if text.startswith(KMS):
        return KmsKey(text.removeprefix(KMS), kms_client)
    return Ed25519Key(Path(text))
