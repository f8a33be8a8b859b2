"""The source of contact records by the settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import CONNECT, INPUT, OUTPUT

from komorebi_qc.core.errors import SettingsError
from komorebi_qc.storage.contact.records import ApiRecords, ExportedRecords, KnownRecords
from komorebi_qc.wiring import Settings, aws_confinement, clients, given_contact_records

if TYPE_CHECKING:
    from komorebi_qc.storage.contact.records import ContactRecords

BUCKETS = {"AC_AUDIO_BUCKET_NAME": CONNECT, "INPUT_BUCKET_NAME": INPUT, "OUTPUT_BUCKET_NAME": OUTPUT}


@pytest.fixture(autouse=True)
def region(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clients are made and ask nobody."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")


def source(value: str, **more: str) -> ContactRecords | None:
    """The source of a value."""
    return Settings.from_environment({**BUCKETS, "KOMOREBI_CONTACT_RECORD": value, **more}).media().contacts


def test_no_records_are_read_by_default() -> None:
    """An absent value and `off` use no records."""
    assert Settings.from_environment(BUCKETS).media().contacts is None
    assert source("off") is None


def test_the_api_is_asked_about_one_instance() -> None:
    """The instance is named by another variable."""
    found: Any = source("api", KOMOREBI_CONNECT_INSTANCE="1d908e11-3d5f")
    assert isinstance(found, ApiRecords)
    assert found.instance_id == "1d908e11-3d5f"


@pytest.mark.parametrize(
    ("value", "bucket", "prefix"),
    [("s3://records", "records", ""), ("s3://records/ctr/v1/", "records", "ctr/v1"), ("s3://records/", "records", "")],
)
def test_exported_records_are_found_by_their_address(value: str, bucket: str, prefix: str) -> None:
    """The prefix has no slash at its ends."""
    found: Any = source(value)
    assert isinstance(found, ExportedRecords)
    assert (found.bucket, found.prefix) == (bucket, prefix)


@pytest.mark.parametrize("value", ["yes", "s3://", "s3://UPPER/x", "file:///records", "s3://records/a*", "API"])
def test_other_values_are_refused(value: str) -> None:
    """The message lists the allowed ones."""
    with pytest.raises(SettingsError, match=r"KOMOREBI_CONTACT_RECORD is .*off, api, or s3://bucket/prefix"):
        source(value)


def test_the_api_needs_an_instance() -> None:
    """Without one, no request could be made."""
    with pytest.raises(SettingsError, match="KOMOREBI_CONNECT_INSTANCE isn't set"):
        source("api")


def test_known_records_are_used_within_their_context_only() -> None:
    """A worker uses the record of its task; without the setting it stays unused."""
    known = KnownRecords("api", {})
    with given_contact_records(known):
        assert source("api", KOMOREBI_CONNECT_INSTANCE="a") is known
        assert source("off") is None
    assert source("api", KOMOREBI_CONNECT_INSTANCE="a") is not known


def test_a_confined_run_reaches_the_api_only_if_it_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run without records makes no client of Connect, whose model takes long to load."""
    made: list[str] = []
    real = clients.aws_client

    def client(service: str) -> Any:
        made.append(service)
        return real(service)

    monkeypatch.setattr(clients, "aws_client", client)
    monkeypatch.setenv("AWS_ENDPOINT_URL_CONNECT", "https://connect.example:8443")
    assert "connect.example" not in aws_confinement({}).hosts
    assert "connect" not in made
    assert "connect.example" in aws_confinement({"KOMOREBI_CONTACT_RECORD": "api"}).hosts
