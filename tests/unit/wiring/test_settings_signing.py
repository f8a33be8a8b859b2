"""The signing key among the settings."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from komorebi_qc.core.errors import SettingsError
from komorebi_qc.storage.signing import Ed25519Key, KmsKey
from komorebi_qc.wiring import Settings, present_signing_key, read_local

BUCKETS = {"AC_AUDIO_BUCKET_NAME": "calls", "INPUT_BUCKET_NAME": "recordings", "OUTPUT_BUCKET_NAME": "unified"}
ARN = f"arn:aws:kms:eu-central-1:{'1' * 12}:key/1234abcd"


@pytest.mark.parametrize("key_id", [ARN, "alias/findings", "1234abcd-12ab-34cd-56ef-1234567890ab"])
def test_a_kms_key_is_named_by_id_arn_or_alias(key_id: str) -> None:
    """It reaches the options of a run on files and of a run in AWS, without a request."""
    environ = {"KOMOREBI_SIGNING_KEY": f"kms:{key_id}"}
    local = read_local(environ)["signer"]
    assert isinstance(local, KmsKey)
    assert local.key_id == key_id
    assert Settings.from_environment({**BUCKETS, **environ}).signing_key == f"kms:{key_id}"


@pytest.mark.usefixtures("world")
def test_the_pipeline_signs_with_the_key() -> None:
    """Its options have the signer; without the setting there is no signer."""
    settings = Settings.from_environment({**os.environ, "KOMOREBI_SIGNING_KEY": f"kms:{ARN}"})
    signer = settings.pipeline().options.signer
    assert isinstance(signer, KmsKey)
    assert signer.key_id == ARN
    assert Settings.from_environment(os.environ).pipeline().options.signer is None


def test_a_file_is_named_by_its_path() -> None:
    """A value that isn't a KMS key is a path, which isn't read yet."""
    found = present_signing_key({"KOMOREBI_SIGNING_KEY": " keys/qc.pem "})
    assert found == Ed25519Key(Path("keys/qc.pem"))
    assert present_signing_key({}) is None
    assert "signer" not in read_local({})


@pytest.mark.parametrize("text", ["kms:", "kms:a key", "kms:s3://x?y"])
def test_a_malformed_kms_key_is_refused(text: str) -> None:
    """The error names the variable and its allowed values."""
    with pytest.raises(SettingsError, match="KOMOREBI_SIGNING_KEY is 'kms:"):
        present_signing_key({"KOMOREBI_SIGNING_KEY": text})
