"""A recording in AWS with its contact's record, from the message to the dataset."""

from __future__ import annotations

import json
import os
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from contact_shapes import entry, exported
from jsonschema import Draft202012Validator

from komorebi_qc.batch.execution import work
from komorebi_qc.batch.execution.resolver import Resolver
from komorebi_qc.batch.execution.tasks import BatchRequest, own_settings
from komorebi_qc.batch.manifest.items import Item
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.demo.embedded_aws import sample_on_embedded_aws
from komorebi_qc.demo.sample_call import CALL_AUDIO
from komorebi_qc.pipeline.options import Order
from komorebi_qc.storage.contact.records import ExportedRecords
from komorebi_qc.wiring import Settings, aws_client

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

FOREIGN = "connect/demo/CallRecordings/2026/01/01/another-name_20260101T00:00_UTC.wav"


def test_the_records_audio_is_used_and_its_facts_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The file is found by the record, though its name isn't the contact's; a batch's worker asks for no record."""
    with sample_on_embedded_aws() as (recording_id, call_end):
        monkeypatch.setenv("KOMOREBI_CONTACT_RECORD", "s3://demo-input/records")
        settings, s3 = Settings.from_environment(os.environ), aws_client("s3")
        item = settings.table().get(recording_id)
        record = exported(
            entry(Location=f"{settings.connect_bucket}/{FOREIGN}"),
            ContactId=recording_id,
            DisconnectTimestamp="2026-11-24T12:00:21Z",
        )
        s3.put_object(Bucket=settings.connect_bucket, Key=FOREIGN, Body=CALL_AUDIO.read_bytes())
        body = json.dumps(record).encode()
        s3.put_object(Bucket="demo-input", Key=f"records/{item.created:%Y/%m/%d}/23/a", Body=body)

        outcome = settings.pipeline().process(Order(recording_id, parse_call_end(call_end)))
        document = outcome.document
        schema: Any = json.loads(files("komorebi_qc.findings").joinpath("qc.schema.json").read_text())
        published = s3.get_object(Bucket=settings.output_bucket, Key=item.qc_key)["Body"].read()
        Draft202012Validator(schema).validate(json.loads(published))
        assert document["provenance"]["inputs"]["call_audio"]["location"].endswith(FOREIGN)
        assert (document["contact"]["call_audio_by"], document["contact"]["agent_s"]) == ("record", 21.0)
        found = {one["name"]: one["status"] for one in document["findings"]}
        assert (found["call_audio_not_in_record"], found["record_disagrees"]) == ("pass", "pass")
        for private in ("Mustermann", "Erika", "+49", "DE02"):
            assert private not in published.decode()

        request = BatchRequest("diagnose", str(tmp_path), own_settings(os.environ))
        task = Resolver(request).task(Item(recording_id, "id", "here", call_end=call_end))

        def ask(*_: object) -> None:
            raise AssertionError("a worker asks for a record")

        monkeypatch.setattr(ExportedRecords, "get", ask)
        row = work.carry_out(task)
        assert (row["status"], row["call_audio_by"], row["team"]) == ("done", "record", "647c7f7d")
        assert row["call"].endswith(FOREIGN)
        assert row["record_call_end_error_s"] is not None
        assert "Mustermann" not in str(row)
