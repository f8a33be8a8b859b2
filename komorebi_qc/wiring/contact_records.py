"""The source of contact records that the settings name, or records that a batch has read before."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from komorebi_qc.wiring import clients

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.storage.contact.chains import ChainRecords
    from komorebi_qc.storage.contact.records import ContactRecords

_GIVEN: ContextVar[ContactRecords | None] = ContextVar("given contact records", default=None)


def contact_records(setting: str, instance_id: str) -> ContactRecords | None:
    """The source of contact records; None if they aren't used.

    Args:
        setting: ``off``, ``api`` or ``s3://bucket/prefix``.
        instance_id: Connect's instance, for ``api``.

    Raises:
        SettingsError: no region is configured, or the AWS profile doesn't exist.
    """
    from komorebi_qc.storage.contact.records import ApiRecords, ExportedRecords  # noqa: PLC0415  only where they are used

    if setting == "off":
        return None
    given = _GIVEN.get()
    if given is not None:
        return given
    if setting == "api":
        return ApiRecords(clients.aws_client("connect"), instance_id)
    bucket, _, prefix = setting.removeprefix("s3://").partition("/")
    return ExportedRecords(clients.aws_client("s3"), bucket, prefix.strip("/"))


def chain_records(setting: str, instance_id: str) -> ChainRecords | None:
    """The source of the records of chains; None if records aren't used. The arguments are those of `contact_records`.

    Raises:
        SettingsError: no region is configured, or the AWS profile doesn't exist.
    """
    from komorebi_qc.storage.contact.chains import ApiChain, ExportedChain  # noqa: PLC0415  only where they are used
    from komorebi_qc.storage.contact.records import ExportedRecords  # noqa: PLC0415

    found = contact_records(setting, instance_id)
    if found is None or isinstance(found, ExportedRecords):
        return None if found is None else ExportedChain(found)
    return ApiChain(clients.aws_client("connect"), instance_id)


@contextmanager
def given_contact_records(records: ContactRecords | None) -> Iterator[None]:
    """Let pipelines made in this context use these records, and ask nobody; None changes nothing."""
    token = _GIVEN.set(records)
    try:
        yield
    finally:
        _GIVEN.reset(token)
