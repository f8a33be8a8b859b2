"""The state of an installation, as `komorebi-qc doctor` shows it."""

from __future__ import annotations

import json
from importlib import metadata
from typing import TYPE_CHECKING

import av
from command import run

from komorebi_qc.wiring.installation import CODECS, EXTRAS, inspect_installation

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

SECRET = "a-secret-that-must-not-be-printed"  # noqa: S105  it is none
BUCKETS = {"AC_AUDIO_BUCKET_NAME": "calls", "INPUT_BUCKET_NAME": "recordings", "OUTPUT_BUCKET_NAME": "s3://unified"}


def test_everything_is_here() -> None:
    """Versions are those of the packages, the encoders are there, and nothing of the base is missing."""
    found = inspect_installation({})
    assert found.is_usable
    assert (found.pyav, found.codecs) == (av.__version__, dict.fromkeys(CODECS, True))
    assert found.packages["numpy"] == metadata.version("numpy")
    assert [extra.name for extra in found.extras] == list(EXTRAS)


def test_missing_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """An extra without its packages, and a base without one, are told apart."""
    version = metadata.version

    def without(name: str) -> str:
        if name in ("papermill", "soxr", "faster-whisper"):
            raise metadata.PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(metadata, "version", without)
    found = inspect_installation({})
    lacking = {extra.name: extra.missing for extra in found.extras if extra.missing}
    assert lacking == {"desk": ("papermill",), "transcribe": ("faster-whisper",)}
    assert not found.is_usable
    done = run("doctor")
    assert done.returncode == 1
    assert "missing: papermill" in done.stdout
    assert "Local files can't be processed." in done.stdout


def test_aws_is_described_without_its_values(tmp_path: Path) -> None:
    """Region, kind of credentials, and the names of variables are shown; keys, accounts and values are not."""
    (tmp_path / "credentials").write_text(f"[default]\naws_access_key_id = 123\naws_secret_access_key = {SECRET}\n")
    environ = {
        **BUCKETS,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
    }
    shown = run("doctor", **environ)
    assert shown.returncode == 0
    assert "eu-central-1" in shown.stdout
    assert "found (shared-credentials-file)" in shown.stdout
    assert "values not allowed     OUTPUT_BUCKET_NAME" in shown.stdout
    as_json = run("doctor", "--json", **environ)
    aws = json.loads(as_json.stdout)["aws"]
    assert (aws["region"], aws["unusable"], aws["missing"]) == ("eu-central-1", ["OUTPUT_BUCKET_NAME"], [])
    for text in (shown.stdout, as_json.stdout):
        assert [secret for secret in (SECRET, "calls", "s3://unified", '123"') if secret in text] == []


def test_aws_that_isnt_configured(tmp_path: Path) -> None:
    """The variables to set are named; that is no failure."""
    environ = {name: str(tmp_path / "none") for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE")}
    done = run("doctor", **environ)
    assert done.returncode == 0
    assert "region                 not configured" in done.stdout
    assert "settings to set        AC_AUDIO_BUCKET_NAME, INPUT_BUCKET_NAME, OUTPUT_BUCKET_NAME" in done.stdout
