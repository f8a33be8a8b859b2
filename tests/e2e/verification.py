"""A verification on a real S3 server with versions: a video in parts, changed objects, and replaced inputs."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import cases
from servers import stand_ins
from stack import CONNECT, INPUT, OUTPUT, PREFIX
from storage import AGENT, Place, running_place

from komorebi_qc.pipeline.provenance.verify import Verification, verify_recording
from komorebi_qc.storage.object_store import split_s3

if TYPE_CHECKING:
    from parts import Report

RECORDING_ID = "verified-1"


def run(report: Report) -> None:
    """Process a large recording, then verify it before and after changes."""
    with ExitStack() as stack:
        place: Place | None = None
        with report.case("SeaweedFS comes up with versions of every object"):
            stand_ins()
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="komorebi-e2e-")))
            place = stack.enter_context(running_place(folder))
            for bucket in (CONNECT, INPUT, OUTPUT):
                place.s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        if place is not None:
            unchanged(report, place)
            changed_bytes(report, place)
            replaced_inputs(report, place)


def verified(place: Place) -> Verification:
    """The verification of the recording."""
    return verify_recording(RECORDING_ID, place.table, place.media)


def states(found: Verification) -> dict[str, str]:
    """The state of each file by its role."""
    return {one.role: one.state for one in found.files}


def unchanged(report: Report, place: Place) -> None:
    """Everything is as it was recorded."""
    with report.case("a video in parts and all other files are unchanged; the item names the video's version") as case:
        outcome = place.process(place.put(RECORDING_ID, cases.large_kind()))
        record = outcome.document["provenance"]
        parts = record["outputs"]["video"]["sha256_of_parts"]
        assert parts is not None
        assert int(parts.rpartition("-")[2]) > 2
        assert all(record["inputs"][name]["version_id"] for name in ("call_audio", "agent_recording"))
        assert place.item(RECORDING_ID)["qcVideoVersionId"]["S"] == outcome.published.video_version_id != ""
        found = verified(place)
        assert found.state == "unchanged", found
        case.note(f"{len(found.files)} files; {parts}")


def changed_bytes(report: Report, place: Place) -> None:
    """One byte of each output, changed by somebody who may write to the bucket."""
    with report.case("a changed byte in the video, the thumbnail or qc.json is named, and nothing else") as case:
        outputs = {one.role: one.address for one in verified(place).files if OUTPUT in one.address}
        assert outputs.keys() == {"qc.json", "video", "thumbnail"}
        for role, address in outputs.items():
            bucket, key = split_s3(address)
            content = place.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            for at in (0, len(content) // 2, len(content) - 1):
                changed = bytearray(content)
                changed[at] ^= 0x20
                place.s3.put_object(Bucket=bucket, Key=key, Body=bytes(changed))
                found = states(verified(place))
                assert [name for name, state in found.items() if state == "changed"] == [role], (role, at, found)
            place.s3.put_object(Bucket=bucket, Key=key, Body=content)
        assert verified(place).state == "unchanged"
        case.note("9 changes")


def replaced_inputs(report: Report, place: Place) -> None:
    """The inputs are read in the version that was processed."""
    with report.case("an overwritten and a deleted input are there in their version until it is removed") as case:
        call_key, recording_key, _ = cases.keys(RECORDING_ID, place.created, PREFIX, AGENT)
        version = next(one.version_id for one in verified(place).files if one.role == "agent_recording")
        place.s3.put_object(Bucket=CONNECT, Key=call_key, Body=b"another call")
        place.s3.delete_object(Bucket=INPUT, Key=recording_key)
        assert verified(place).state == "unchanged"
        place.s3.delete_object(Bucket=INPUT, Key=recording_key, VersionId=version)
        found = states(verified(place))
        assert [name for name, state in found.items() if state != "unchanged"] == ["agent_recording"], found
        assert found["agent_recording"] == "missing"
        case.note(f"version {version}")
