"""Signatures by a KMS key and by an Ed25519 key in a file."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import Faulty, client_error, fails
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from recorded_runs import key_files

from komorebi_qc.core.errors import AccessDeniedError, InputError, PermanentError, SettingsError, StorageError
from komorebi_qc.core.provenance.seal import Signature
from komorebi_qc.storage.signing import Ed25519Key, KmsKey, signing_key
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Callable

MESSAGE = b"qc.json sha256:0011"


def no_client() -> Any:
    """A PEM file needs no client."""
    raise AssertionError


def test_a_private_key_signs_and_its_public_key_checks(tmp_path: Path) -> None:
    """Either file checks the signature; it names the public key by its digest."""
    private, public = key_files(tmp_path)
    signature = signing_key(str(private), no_client).sign(MESSAGE)
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", public, "-pubout", "-outform", "der"], capture_output=True, check=True
    ).stdout
    assert (signature.algorithm, signature.key) == ("Ed25519", f"sha256:{hashlib.sha256(der).hexdigest()}")
    for path in (private, public):
        assert signing_key(str(path), no_client).verify(MESSAGE, signature)
    with pytest.raises(SettingsError, match=r"key\.pub\.pem holds a public key, which can only check"):
        Ed25519Key(public).sign(MESSAGE)


def test_openssl_checks_the_signature(tmp_path: Path) -> None:
    """The command of the documentation accepts the signature of a PEM file."""
    private, public = key_files(tmp_path)
    (tmp_path / "signature").write_bytes(Ed25519Key(private).sign(MESSAGE).value)
    (tmp_path / "message").write_bytes(MESSAGE)
    asked: list[str | Path] = ["openssl", "pkeyutl", "-verify", "-pubin", "-inkey", public, "-rawin"]
    asked += ["-in", tmp_path / "message", "-sigfile", tmp_path / "signature"]
    assert subprocess.run(asked, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    "change",
    [
        lambda s: replace(s, value=bytes([s.value[0] ^ 1]) + s.value[1:]),
        lambda s: replace(s, value=s.value[:-1]),
        lambda s: replace(s, key=s.key[:-1] + ("0" if s.key[-1] != "0" else "1")),
        lambda s: replace(s, algorithm="ECDSA_SHA_256"),
        lambda _: Signature("", "", b""),
    ],
)
def test_a_changed_signature_is_refused(tmp_path: Path, change: Callable[[Signature], Signature]) -> None:
    """A bit of the value, the key's name and the algorithm all count, and so does the message."""
    private, _ = key_files(tmp_path)
    key = Ed25519Key(private)
    signature = key.sign(MESSAGE)
    assert not key.verify(MESSAGE, change(signature))
    assert not key.verify(MESSAGE + b"0", signature)


def test_another_key_is_refused(tmp_path: Path) -> None:
    """Only the key that signed checks the signature."""
    signature = Ed25519Key(key_files(tmp_path)[0]).sign(MESSAGE)
    assert not Ed25519Key(key_files(tmp_path, "other")[1]).verify(MESSAGE, signature)


def private_pem(key: Any, encryption: Any) -> bytes:
    """A private key in a PEM file."""
    return bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, encryption))


def test_other_files_are_refused(tmp_path: Path) -> None:
    """An RSA key, an elliptic key, a key with a password, and no key: each is an error with a remedy."""
    private, _ = key_files(tmp_path)
    own = load_pem_private_key(private.read_bytes(), None)
    for content in (
        private_pem(rsa.generate_private_key(65537, 2048), NoEncryption()),
        private_pem(ec.generate_private_key(ec.SECP256R1()), NoEncryption()),
        private_pem(own, BestAvailableEncryption(b"secret")),
        b"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
        b"no key",
    ):
        path = tmp_path / "other.pem"
        path.write_bytes(content)
        with pytest.raises(SettingsError, match=r"other\.pem isn't an Ed25519 key in PEM without a password"):
            Ed25519Key(path).sign(MESSAGE)
    with pytest.raises(SettingsError, match=r"none\.pem can't be read: No such file"):
        Ed25519Key(tmp_path / "none.pem").verify(MESSAGE, Signature("Ed25519", "", b""))


def test_without_the_extra_a_sentence_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A PEM file needs `cryptography`; the error has the line that installs it."""
    private, _ = key_files(tmp_path)
    monkeypatch.setitem(sys.modules, "cryptography.exceptions", None)
    with pytest.raises(InputError, match=r"a signature by a PEM file needs cryptography.*\[sign\]"):
        Ed25519Key(private).sign(MESSAGE)


# --- KMS


def make_key(spec: str = "ECC_NIST_P256") -> str:
    """A new key on the embedded AWS; its ARN."""
    return str(aws_client("kms").create_key(KeySpec=spec, KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"])


def kms_key(key_id: str, client: Any = None) -> KmsKey:
    """A key as the settings give it."""
    found = signing_key(f"kms:{key_id}", lambda: client or aws_client("kms"))
    assert isinstance(found, KmsKey)
    return found


@pytest.mark.usefixtures("world")
def test_a_kms_key_signs_and_checks() -> None:
    """By its ID, ARN or alias; the signature names the ARN."""
    arn = make_key()
    aws_client("kms").create_alias(AliasName="alias/findings", TargetKeyId=arn)
    signature = kms_key("alias/findings").sign(MESSAGE)
    assert (signature.algorithm, signature.key) == ("ECDSA_SHA_256", arn)
    for name in (arn, arn.rpartition("/")[2], "alias/findings"):
        assert kms_key(name).verify(MESSAGE, signature)
    assert not kms_key(arn).verify(MESSAGE + b"0", signature)
    assert not kms_key(arn).verify(MESSAGE, replace(signature, key=arn + "0"))
    assert not kms_key(arn).verify(MESSAGE, replace(signature, algorithm="Ed25519"))
    assert not kms_key(arn).verify(MESSAGE, Signature("ECDSA_SHA_256", arn, b""))
    assert not kms_key(make_key()).verify(MESSAGE, signature)


@pytest.mark.usefixtures("world")
def test_a_refusal_of_kms_is_a_wrong_signature() -> None:
    """AWS answers a wrong signature with an error, where the embedded AWS answers false."""
    arn = make_key()
    signature = kms_key(arn).sign(MESSAGE)
    invalid = client_error("KMSInvalidSignatureException", 400, "Verify")
    assert not kms_key(arn, Faulty(aws_client("kms"), verify=fails(invalid))).verify(MESSAGE, signature)


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("AccessDeniedException", 400, AccessDeniedError),
        ("ThrottlingException", 400, StorageError),
        ("KMSInternalException", 500, StorageError),
        ("InvalidKeyUsageException", 400, PermanentError),
    ],
)
def test_errors_of_kms_are_sorted(code: str, status: int, kind: type[Exception]) -> None:
    """A refusal, throttling and a wrong key are errors of their own, in signing and in checking."""
    arn = make_key()
    signature = kms_key(arn).sign(MESSAGE)
    failing = Faulty(
        aws_client("kms"),
        sign=fails(client_error(code, status, "Sign")),
        verify=fails(client_error(code, status, "Verify")),
    )
    with pytest.raises(kind, match=f"the KMS key {arn}"):
        kms_key(arn, failing).sign(MESSAGE)
    with pytest.raises(kind):
        kms_key(arn, failing).verify(MESSAGE, signature)


@pytest.mark.usefixtures("world")
def test_a_key_of_another_kind_is_refused() -> None:
    """An RSA key can't make this signature, and a missing key can't make any."""
    with pytest.raises(PermanentError):
        kms_key(make_key("RSA_2048")).sign(MESSAGE)
    with pytest.raises(PermanentError):
        kms_key("alias/missing").sign(MESSAGE)


def test_settings_name_one_or_the_other() -> None:
    """`kms:` is before a KMS key; anything else is a path."""
    assert signing_key("kms:alias/x", no_client) == KmsKey("alias/x", no_client)
    assert signing_key("keys/qc.pem", no_client) == Ed25519Key(Path("keys/qc.pem"))
