"""Certificates for an encrypted Dask cluster: an authority, and one certificate for everybody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

if TYPE_CHECKING:
    from pathlib import Path

_USAGES = (
    *("digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement"),
    *("key_cert_sign", "crl_sign", "encipher_only", "decipher_only"),
)


def make_certificates(folder: Path) -> tuple[str, ...]:
    """Make an authority and a certificate by it in a folder; return the arguments of Dask's commands."""
    now = datetime.now(UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("authority", "127.0.0.1")]
    pem: list[bytes] = []
    for is_authority, key, name in zip((True, False), keys, names, strict=True):
        usage = x509.KeyUsage(**dict.fromkeys(_USAGES, is_authority) | {"digital_signature": True})
        built = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(names[0])
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(hours=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()),
                critical=False,
            )
            .add_extension(usage, critical=True)
            .sign(keys[0], hashes.SHA256())
        )
        pem.append(built.public_bytes(serialization.Encoding.PEM))
    secret = keys[1].private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    (folder / "ca.pem").write_bytes(pem[0])
    (folder / "node.pem").write_bytes(secret + pem[1])
    node = str(folder / "node.pem")
    return ("--tls-ca-file", str(folder / "ca.pem"), "--tls-cert", node, "--tls-key", node)
