"""A chain's items and inputs in the configured AWS; whole runs are in `tests/system/test_chain.py`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from aws_fixtures import INPUT, ITEM, TABLE, World

from komorebi_qc.chain.aws import AwsSource
from komorebi_qc.core.contact.chains.model import ChainMember
from komorebi_qc.core.errors import NotThereYetError, SettingsError, UnknownRecordingError

if TYPE_CHECKING:
    from collections.abc import Mapping

MEMBER = ChainMember("contact-1", "first")


@pytest.fixture
def source(world: World, monkeypatch: pytest.MonkeyPatch) -> AwsSource:
    """The embedded AWS with one item, and no media."""
    monkeypatch.setenv("KOMOREBI_CONTACT_RECORD", f"s3://{INPUT}/records")
    monkeypatch.setenv("KOMOREBI_GIVE_UP_AFTER_HOURS", "8760")
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    return AwsSource.of(os.environ)


def test_an_item_names_the_agent(source: AwsSource) -> None:
    """A contact without an item, or whose ID can't be one of the table, has no recording."""
    assert source.agent("contact-1") == "agent-7"
    assert source.agent("contact-2") is None
    assert source.agent("x" * 200) is None


@pytest.mark.parametrize("change", [{"agentID": {"NULL": True}}, {"creationDate": {"S": "today"}}])
def test_an_item_that_cannot_be_used_is_an_error(
    source: AwsSource, world: World, change: Mapping[str, Mapping[str, object]]
) -> None:
    """It isn't taken for a contact without a recording."""
    world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, **change})
    with pytest.raises(UnknownRecordingError, match="contact-1"):
        source.agent("contact-1")


def test_missing_inputs_are_found_before_anything_is_made(source: AwsSource) -> None:
    """Nothing is made of an item whose files aren't there yet, and a check reports it."""
    assert source.done(MEMBER) is None
    with pytest.raises(NotThereYetError):
        source.check(MEMBER)


def test_chains_need_contact_records(source: AwsSource, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a source of records the settings are refused."""
    assert source.name == "export"
    monkeypatch.setenv("KOMOREBI_CONTACT_RECORD", "off")
    with pytest.raises(SettingsError, match="--from"):
        AwsSource.of(os.environ)
