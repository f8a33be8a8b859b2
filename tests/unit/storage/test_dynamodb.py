"""The table in DynamoDB, on moto's server."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from aws_fixtures import ITEM, RECORDING, TABLE, Faulty, World, client_error, fails

from komorebi_qc.core.errors import AccessDeniedError, MessageError, StorageError, UnknownRecordingError
from komorebi_qc.storage.dynamodb import DynamoTable


def test_get_reads_the_item(world: World) -> None:
    """An item comes back as a recording."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    assert world.table().get("contact-1") == RECORDING


@pytest.mark.parametrize("value", [{"L": [{"S": "part-2"}]}, {"SS": ["part-2"]}], ids=["list", "set"])
def test_get_reads_the_further_files(world: World, value: dict[str, Any]) -> None:
    """The backend writes a list or a set of texts."""
    world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, "furtherVideoIDs": value})
    assert world.table().get("contact-1").further_ids == ("part-2",)


def test_get_of_no_item(world: World) -> None:
    """An ID without an item is an error that names the ID and the table."""
    with pytest.raises(UnknownRecordingError, match=r"table Recording has no item with videoID contact-1"):
        world.table().get("contact-1")


@pytest.mark.parametrize("change", [{"agentID": {"NULL": True}}, {"creationDate": {"S": "2022-99-99 00:00:00"}}])
def test_get_of_an_item_without_use(world: World, change: dict[str, Any]) -> None:
    """An item from which no key can be made is an unknown recording."""
    world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, **change})
    with pytest.raises(UnknownRecordingError, match="fix the item"):
        world.table().get("contact-1")


def test_get_refuses_what_is_no_id() -> None:
    """An ID that isn't safe in a key never reaches the table."""
    with pytest.raises(MessageError):
        DynamoTable(None, TABLE).get("../secrets")


def test_mark_processed_loses_nothing(world: World) -> None:
    """Only isProcessed and the given attributes change, whatever types the others have."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    new: dict[str, str | int | float | bool] = {"name": "New", "offset": -1.25e-7, "ok": True, "frames": 3, "x": 0.1}
    world.table().mark_processed(RECORDING, new)
    changed: dict[str, dict[str, Any]] = {
        "isProcessed": {"BOOL": True},
        "name": {"S": "New"},
        "offset": {"N": "-0.000000125"},
        "ok": {"BOOL": True},
        "frames": {"N": "3"},
        "x": {"N": "0.1"},
    }
    found = world.item()
    assert found.keys() == ITEM.keys() | changed.keys()
    expected: dict[str, Any] = {**ITEM, **changed}
    for name, value in expected.items():
        if "N" in value:
            assert Decimal(found[name]["N"]) == Decimal(value["N"])
        else:
            assert found[name] == value
    assert world.table().get("contact-1").is_processed


def test_mark_processed_keeps_what_others_write_meanwhile(world: World) -> None:
    """Changes by the backend after the item was read stay."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    read = world.table().get("contact-1")
    world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, "name": {"S": "Changed"}, "more": {"S": "new"}})
    world.table().mark_processed(read, {})
    assert world.item() == {
        **ITEM,
        "name": {"S": "Changed"},
        "more": {"S": "new"},
        "isProcessed": {"BOOL": True},
    }


def test_mark_processed_makes_no_item(world: World) -> None:
    """An item that was deleted meanwhile stays deleted."""
    with pytest.raises(UnknownRecordingError, match="deleted"):
        world.table().mark_processed(RECORDING, {"a": 1})
    assert world.dynamodb.scan(TableName=TABLE)["Items"] == []


@pytest.mark.parametrize("attributes", [{"videoID": "other"}, {"isProcessed": False}, {"a": float("nan")}])
def test_mark_processed_refuses_slips(attributes: dict[str, Any]) -> None:
    """The key, the flag itself and not-a-number are a programmer's slips."""
    with pytest.raises(ValueError, match=r"can't be set|isn't a number"):
        DynamoTable(None, TABLE).mark_processed(RECORDING, attributes)


def test_the_inputs_fingerprint_comes_with_the_item(world: World) -> None:
    """The next read returns the marked container and inputs."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    world.table().mark_processed(RECORDING, {"outputContainer": "webm", "qcInputsFingerprint": "0123abcd"})
    found = world.table().get("contact-1")
    assert (found.is_processed, found.container, found.inputs_fingerprint) == (True, "webm", "0123abcd")


def test_an_item_is_marked_only_after_the_run_that_was_read(world: World) -> None:
    """None, the run that was read, or any; another run's item stays as it is."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    table = world.table()
    assert table.mark_processed(RECORDING, {"qcRunId": "first", "qcVerdict": "pass"}, replaces="")
    assert table.get("contact-1").run_id == "first"
    assert not table.mark_processed(RECORDING, {"qcRunId": "late", "qcVerdict": "fail"}, replaces="")
    assert not table.mark_processed(RECORDING, {"qcRunId": "late", "qcVerdict": "fail"}, replaces="other")
    assert (world.item()["qcRunId"], world.item()["qcVerdict"]) == ({"S": "first"}, {"S": "pass"})
    assert table.mark_processed(RECORDING, {"qcRunId": "second"}, replaces="first")
    assert table.mark_processed(RECORDING, {"qcRunId": "third"})
    assert table.get("contact-1").run_id == "third"


def test_a_repeated_mark_is_the_runs_own(world: World) -> None:
    """The answer was lost, and botocore repeats the request: the item is marked already."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)

    def twice(true: Any, **arguments: Any) -> Any:
        true(**arguments)
        return true(**arguments)

    table = DynamoTable(Faulty(world.dynamodb, update_item=twice), TABLE)
    assert table.mark_processed(RECORDING, {"qcRunId": "mine"}, replaces="")
    assert table.get("contact-1").run_id == "mine"


def test_a_throttled_mark_is_retried_by_the_message(world: World) -> None:
    """The error is a passing one, and the item is unchanged."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    throttled = client_error("ProvisionedThroughputExceededException", 400, "UpdateItem")
    with pytest.raises(StorageError):
        DynamoTable(Faulty(world.dynamodb, update_item=fails(throttled)), TABLE).mark_processed(
            RECORDING, {"qcRunId": "mine"}, replaces=""
        )
    assert world.item() == ITEM


def test_own_attributes_are_ours_alone(world: World) -> None:
    """This package's attributes, with plain values; none of the backend's."""
    world.dynamodb.put_item(TableName=TABLE, Item=ITEM)
    assert world.table().own_attributes("contact-1") == {"isProcessed": False}
    written: dict[str, str | int | float | bool] = {
        "outputContainer": "mp4",
        "qcVerdict": "pass",
        "qcOffsetSeconds": -0.25,
        "qcInputsFingerprint": "0123",
        "qcSomethingNew": True,
    }
    world.table().mark_processed(RECORDING, written)
    found = world.table().own_attributes("contact-1")
    assert found == {"isProcessed": True, **written}
    assert list(found) == sorted(found)
    assert world.table().own_attributes("nobody") == {}
    with pytest.raises(MessageError):
        DynamoTable(None, TABLE).own_attributes("../secrets")


def test_a_table_that_does_not_exist(world: World) -> None:
    """A wrong table name is no reason to try again, and the sentence names it."""
    with pytest.raises(AccessDeniedError, match=r"table Nowhere doesn't exist"):
        DynamoTable(world.dynamodb, "Nowhere").get("contact-1")


def test_results_are_cleared(world: World) -> None:
    """Only the software's own attributes go, ``isProcessed`` is false again, and a second time changes nothing."""
    own = {"isProcessed": {"BOOL": True}, "qcVerdict": {"S": "pass"}, "outputContainer": {"S": "mp4"}}
    world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, **own})
    for _ in range(2):
        world.table().clear_results("contact-1")
        assert world.item() == {**ITEM, "isProcessed": {"BOOL": False}}


@pytest.mark.parametrize("own", [{"qcVerdict": {"S": "pass"}}, {"isProcessed": {"BOOL": True}}])
def test_part_of_the_results_is_cleared(world: World, own: dict[str, Any]) -> None:
    """An item may have some of the attributes only."""
    item = {name: value for name, value in ITEM.items() if name != "isProcessed"}
    world.dynamodb.put_item(TableName=TABLE, Item={**item, **own})
    world.table().clear_results("contact-1")
    left = {"isProcessed": {"BOOL": False}} if "isProcessed" in own else {}
    assert world.item() == {**item, **left}


def test_a_missing_item_is_not_made(world: World) -> None:
    """Clearing an item that is gone, before or meanwhile, makes no new one."""
    world.table().clear_results("contact-1")
    gone = Faulty(world.dynamodb, get_item=lambda _true, **_: {"Item": {"qcVerdict": {"S": "pass"}}})
    DynamoTable(gone, TABLE).clear_results("contact-1")
    assert "Item" not in world.dynamodb.get_item(TableName=TABLE, Key={"videoID": ITEM["videoID"]})
