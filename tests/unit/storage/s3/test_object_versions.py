"""All versions of objects are listed and removed; a lock keeps its own, and no older version becomes visible."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import OUTPUT, Faulty, World, client_error, fails

from komorebi_qc.core.errors import AccessDeniedError, StorageError
from komorebi_qc.storage.s3.object_versions import NO_VERSION, StoredVersion, VersionedBucket

if TYPE_CHECKING:
    from collections.abc import Iterable

LOCKED = "locked"


@pytest.fixture
def bucket(world: World) -> VersionedBucket:
    """A bucket that keeps versions."""
    world.s3.put_bucket_versioning(Bucket=OUTPUT, VersioningConfiguration={"Status": "Enabled"})
    return VersionedBucket(world.s3, OUTPUT)


@pytest.fixture
def locked(world: World) -> VersionedBucket:
    """A bucket with Object Lock."""
    world.s3.create_bucket(
        Bucket=LOCKED,
        CreateBucketConfiguration={"LocationConstraint": "eu-central-1"},
        ObjectLockEnabledForBucket=True,
    )
    return VersionedBucket(world.s3, LOCKED)


def put(bucket: VersionedBucket, key: str, *bodies: bytes, **more: Any) -> list[str]:
    """Write an object several times; its version IDs."""
    return [bucket.client.put_object(Bucket=bucket.name, Key=key, Body=one, **more)["VersionId"] for one in bodies]


def listed(bucket: VersionedBucket, prefix: str = "") -> dict[str, list[StoredVersion]]:
    """All keys with their versions."""
    return dict(bucket.versions(prefix))


def visible(bucket: VersionedBucket) -> list[str]:
    """The keys that a plain listing shows."""
    return [one["Key"] for one in bucket.client.list_objects_v2(Bucket=bucket.name).get("Contents", ())]


def test_versions_come_oldest_first(bucket: VersionedBucket) -> None:
    """Each key has its versions and delete markers; the last one is what a plain request gets."""
    ids = put(bucket, "a/1", b"one", b"two")
    put(bucket, "b", b"")
    bucket.client.delete_object(Bucket=OUTPUT, Key="a/1")
    found = listed(bucket)
    assert list(found) == ["a/1", "b"]
    assert [one.version_id for one in found["a/1"]][:2] == ids
    assert [(one.is_latest, one.is_marker, one.size) for one in found["a/1"]] == [
        (False, False, 3),
        (False, False, 3),
        (True, True, 0),
    ]
    assert list(listed(bucket, "a/")) == ["a/1"]
    assert bucket.versions_of("a") == []
    assert [key for key, _ in bucket.versions(deep=False)] == ["b"]


class Pages:
    """A client that lists versions in pages, some of which end within a key."""

    def get_paginator(self, _name: str) -> Pages:
        """Itself."""
        return self

    def paginate(self, **_: Any) -> Iterable[dict[str, Any]]:
        """Two pages; the versions of ``b`` are on both."""
        when = datetime(2026, 3, 2, tzinfo=UTC)

        def one(key: str, version: str, minute: int, *, is_latest: bool = False) -> dict[str, Any]:
            at = when + timedelta(minutes=minute)
            return {"Key": key, "VersionId": version, "Size": 1, "IsLatest": is_latest, "LastModified": at}

        yield {"Versions": [one("a", "a1", 0, is_latest=True), one("b", "b3", 3, is_latest=True)], "NextKeyMarker": "b"}
        yield {"Versions": [one("b", "b1", 1)], "DeleteMarkers": [one("b", "b2", 2)]}


def test_a_key_on_two_pages_is_one() -> None:
    """Versions and markers of one key come together, in their order."""
    found = [(key, [one.version_id for one in versions]) for key, versions in VersionedBucket(Pages(), "x").versions()]
    assert found == [("a", ["a1"]), ("b", ["b1", "b2", "b3"])]


def test_an_object_without_versions(world: World) -> None:
    """It is one version, and its removal leaves nothing."""
    bucket = VersionedBucket(world.s3, OUTPUT)
    world.s3.put_object(Bucket=OUTPUT, Key="a", Body=b"one")
    (only,) = bucket.versions_of("a")
    assert (only.version_id, only.is_latest) == (NO_VERSION, True)
    assert b"".join(bucket.content(only)) == b"one"
    assert bucket.lock_of(only) == ""
    bucket.remove("a", [NO_VERSION])
    assert listed(bucket) == {}


def test_all_versions_are_removed(bucket: VersionedBucket) -> None:
    """Delete markers go with the last version; another key with the same start stays."""
    ids = put(bucket, "a", b"one", b"two", b"three")
    put(bucket, "ab", b"other")
    bucket.client.delete_object(Bucket=OUTPUT, Key="a")
    bucket.remove("a", ids)
    assert list(listed(bucket)) == ["ab"]
    bucket.remove("a", ids)  # once more, after an interruption


def test_delete_markers_alone_are_removed(bucket: VersionedBucket) -> None:
    """They hold the key."""
    (version,) = put(bucket, "a", b"one")
    bucket.client.delete_object(Bucket=OUTPUT, Key="a")
    bucket.client.delete_object(Bucket=OUTPUT, Key="a", VersionId=version)
    markers = bucket.versions_of("a")
    assert [one.is_marker for one in markers] == [True]
    bucket.remove("a", [one.version_id for one in markers])
    assert listed(bucket) == {}


def test_no_older_version_becomes_visible(bucket: VersionedBucket) -> None:
    """If only the newest version is removed, a delete marker hides the others."""
    ids = put(bucket, "a", b"one", b"two")
    bucket.remove("a", ids[1:])
    assert [(one.version_id == ids[0], one.is_marker) for one in bucket.versions_of("a")] == [
        (True, False),
        (False, True),
    ]
    assert visible(bucket) == []


def test_an_older_version_is_removed_alone(bucket: VersionedBucket) -> None:
    """The newest one stays visible, without a marker."""
    ids = put(bucket, "a", b"one", b"two")
    bucket.remove("a", ids[:1])
    assert [one.version_id for one in bucket.versions_of("a")] == ids[1:]
    assert visible(bucket) == ["a"]


def test_the_content_of_a_version(bucket: VersionedBucket) -> None:
    """An older version is read by its ID; one that is gone is empty."""
    put(bucket, "a", b"one", b"two")
    first, second = bucket.versions_of("a")
    assert b"".join(bucket.content(first)) == b"one"
    assert b"".join(bucket.content(second)) == b"two"
    bucket.remove("a", [first.version_id])
    assert b"".join(bucket.content(first)) == b""


def test_retention_is_named(locked: VersionedBucket) -> None:
    """The lock has its mode and its end; after the end there is no lock."""
    until = datetime(2098, 7, 1, 12, 30, tzinfo=UTC)
    put(locked, "a", b"one", ObjectLockMode="GOVERNANCE", ObjectLockRetainUntilDate=until)
    (version,) = locked.versions_of("a")
    assert locked.lock_of(version) == "Object Lock (governance mode) until 2098-07-01 12:30 UTC"
    assert locked.lock_of(version, now=until) == ""


def test_a_legal_hold_is_named(locked: VersionedBucket) -> None:
    """Once it is released, the version is free."""
    put(locked, "a", b"one", ObjectLockLegalHoldStatus="ON")
    (version,) = locked.versions_of("a")
    assert locked.lock_of(version) == "a legal hold"
    locked.client.put_object_legal_hold(Bucket=LOCKED, Key="a", LegalHold={"Status": "OFF"})
    assert locked.lock_of(version) == ""


def test_a_lock_keeps_its_version_only(locked: VersionedBucket) -> None:
    """The others are removed, the refusal is an error, and the object isn't visible any more."""
    (held,) = put(locked, "a", b"one", ObjectLockLegalHoldStatus="ON")
    free = put(locked, "a", b"two", b"three")
    with pytest.raises(AccessDeniedError):
        locked.remove("a", [held, *free])
    left = locked.versions_of("a")
    assert [one.version_id for one in left if not one.is_marker] == [held]
    assert left[-1].is_marker
    assert visible(locked) == []


def test_uploads_are_found_and_aborted(world: World) -> None:
    """Only those under the prefix; a second abort is no error."""
    bucket = VersionedBucket(world.s3, OUTPUT)
    upload_id = world.s3.create_multipart_upload(Bucket=OUTPUT, Key="r1/recording.mp4")["UploadId"]
    world.s3.create_multipart_upload(Bucket=OUTPUT, Key="r2/recording.mp4")
    assert bucket.uploads("r1/") == [("r1/recording.mp4", upload_id)]
    bucket.abort("r1/recording.mp4", upload_id)
    bucket.abort("r1/recording.mp4", upload_id)
    assert [key for key, _ in bucket.uploads("")] == ["r2/recording.mp4"]


def test_a_busy_bucket_can_be_tried_again(bucket: VersionedBucket) -> None:
    """An error of the service is a passing one; the versions that are left are removed later."""
    ids = put(bucket, "a", b"one", b"two")
    busy = fails(client_error("SlowDown", 503, "DeleteObject"), on=2)
    with pytest.raises(StorageError):
        VersionedBucket(Faulty(bucket.client, delete_object=busy), OUTPUT).remove("a", [*ids, "gone"])
    bucket.remove("a", ids)
    assert listed(bucket) == {}
