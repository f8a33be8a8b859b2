"""A listed recording becomes a task: its media, their versions and its call end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aws_fixtures import CONNECT, INPUT, PREFIX, World
from listed_recordings import IDS, put_item, put_media

from komorebi_qc.batch.execution.resolver import Resolver
from komorebi_qc.batch.execution.tasks import BatchRequest
from komorebi_qc.batch.manifest.manifest_file import read_manifest
from komorebi_qc.batch.manifest.prefix_listing import read_prefix
from komorebi_qc.core.errors import InputError, MissingMediaError, SettingsError, UnknownRecordingError
from komorebi_qc.demo.embedded_aws import SETTINGS

if TYPE_CHECKING:
    from pathlib import Path


def settings() -> dict[str, str]:
    """The embedded AWS's settings."""
    return dict(SETTINGS)


def test_a_task_has_the_current_versions_of_its_media(world: World, tmp_path: Path) -> None:
    """Keys and ETags of both objects, agent and day of the item; another ETag gives another work key."""
    put_item(world, IDS[0], "2026-11-24 09:00:00", callEndingTimestamp="00:02:00")
    put_media(world, IDS[0])
    listing = read_prefix(world.s3, f"s3://{INPUT}/", input_bucket=INPUT)
    resolver = Resolver(BatchRequest("audit", str(tmp_path), settings(), call_end_attribute="callEndingTimestamp"))
    task = resolver.task(listing.items[0])
    assert task.call == f"s3://{CONNECT}/{PREFIX}/CallRecordings/2026/11/24/{IDS[0]}_20261124T09:00_UTC.wav"
    assert task.recording == f"s3://{INPUT}/2026/11/24/agent-7/{IDS[0]}.mp4"
    assert (task.agent, task.day, task.item.call_end) == ("agent-7", "2026-11-24", "00:02:00")
    assert task.report == f"_reports/{IDS[0]}/report.html"
    assert '"' not in task.call_etag
    world.s3.put_object(Bucket=INPUT, Key=f"2026/11/24/agent-7/{IDS[0]}.mp4", Body=b"another")
    again = resolver.task(listing.items[0])
    assert (again.call_etag, again.recording_etag != task.recording_etag) == (task.call_etag, True)
    assert again.work_key != task.work_key


def test_files_on_s3(world: World, tmp_path: Path) -> None:
    """A manifest may name objects of any bucket; a missing object is an error."""
    world.s3.put_object(Bucket=INPUT, Key="some/call.wav", Body=b"call")
    world.s3.put_object(Bucket=INPUT, Key="some/2026/11/24/screen.webm", Body=b"recording")
    path = tmp_path / "list.csv"
    path.write_text(
        "connect,recording,call_end\n"
        f"s3://{INPUT}/some/call.wav,s3://{INPUT}/some/2026/11/24/screen.webm,00:01:00\n"
        f"s3://{INPUT}/some/call.wav,s3://{INPUT}/none.webm,00:01:00\n"
    )
    there, missing = read_manifest(path).items
    resolver = Resolver(BatchRequest("diagnose", str(tmp_path)))
    task = resolver.task(there)
    assert (task.recording, task.day) == (f"s3://{INPUT}/some/2026/11/24/screen.webm", "2026-11-24")
    with pytest.raises(MissingMediaError, match=r"none\.webm doesn't exist"):
        resolver.task(missing)


def test_missing_settings_are_errors_before_any_work(world: World, tmp_path: Path) -> None:
    """Settings for recordings by ID, an item that doesn't exist, and results that can't go to S3."""
    assert world.s3
    path = tmp_path / "list.csv"
    path.write_text(f"recording_id,call_end\n{IDS[0]},00:01:00\n")
    items = read_manifest(path).items
    with pytest.raises(SettingsError, match="AC_AUDIO_BUCKET_NAME"):
        Resolver(BatchRequest("diagnose", str(tmp_path))).prepare(items)
    resolver = Resolver(BatchRequest("diagnose", str(tmp_path), settings()))
    resolver.prepare(items)
    with pytest.raises(UnknownRecordingError):
        resolver.task(items[0])
    (tmp_path / "call.wav").touch()
    path.write_text("connect,recording,call_end\ncall.wav,call.wav,00:01:00\n")
    with pytest.raises(InputError, match="--results"):
        Resolver(BatchRequest("process", "s3://bucket/dataset")).prepare(read_manifest(path).items)


def test_a_call_end_comes_from_the_item(world: World, tmp_path: Path) -> None:
    """A manifest's row without one takes the item's; the row's own wins; without both the error says what to do."""
    put_item(world, IDS[0], "2026-11-24 09:00:00", callEndingTimestamp="00:02:00")
    put_item(world, IDS[1], "2026-11-24 09:00:00", callEndingTimestamp="00:02:00")
    put_item(world, IDS[2], "2026-11-24 09:00:00")
    for name in IDS[:3]:
        put_media(world, name)
    path = tmp_path / "list.csv"
    path.write_text(f"recording_id,call_end\n{IDS[0]},\n{IDS[1]},00:01:00\n{IDS[2]},\n")
    first, second, third = read_manifest(path).items
    resolver = Resolver(BatchRequest("diagnose", str(tmp_path), settings(), call_end_attribute="callEndingTimestamp"))
    assert resolver.task(first).item.call_end == "00:02:00"
    assert resolver.task(second).item.call_end == "00:01:00"
    with pytest.raises(InputError, match=r"its item has no attribute callEndingTimestamp: .* by --call-ends"):
        resolver.task(third)


def test_an_id_list_needs_no_call_end_column(world: World, tmp_path: Path) -> None:
    """A list of IDs alone is a manifest."""
    put_item(world, IDS[0], "2026-11-24 09:00:00", callEndingTimestamp="00:02:00")
    put_media(world, IDS[0])
    path = tmp_path / "list.csv"
    path.write_text(f"recording_id\n{IDS[0]}\n")
    (item,) = read_manifest(path).items
    resolver = Resolver(BatchRequest("diagnose", str(tmp_path), settings(), call_end_attribute="callEndingTimestamp"))
    assert resolver.task(item).item.call_end == "00:02:00"


def test_a_diagnosis_shows_more_than_a_triage(world: World, tmp_path: Path) -> None:
    """A triage counts as done if the same inputs were diagnosed, and not the other way round."""
    put_item(world, IDS[0], "2026-11-24 09:00:00", callEndingTimestamp="00:02:00")
    put_media(world, IDS[0])
    (item,) = read_prefix(world.s3, f"s3://{INPUT}/", input_bucket=INPUT).items
    triage, diagnosis = (
        Resolver(BatchRequest(action, str(tmp_path), settings(), call_end_attribute="callEndingTimestamp")).task(item)
        for action in ("triage", "diagnose")
    )
    assert diagnosis.work_key in triage.equivalent_keys
    assert triage.work_key not in diagnosis.equivalent_keys
    assert (triage.out, triage.report) == ("", "")
