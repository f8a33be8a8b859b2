"""Requests of a publication: their conditions, and how each is undone."""

from __future__ import annotations

from typing import Any

import pytest
from aws_fixtures import OUTPUT, Faulty, client_error, fails
from botocore import exceptions as aws
from fake_s3 import FakeS3

from komorebi_qc.core.errors import AccessDeniedError, ConcurrentRunError, StorageError
from komorebi_qc.storage.s3.publication import Upload

KEY = "folder/qc.json"
LOST = aws.ConnectionClosedError(endpoint_url="x")
PROPERTIES = {
    "ContentType": "application/json",
    "CacheControl": "no-store",
    "ContentDisposition": "inline",
    "ContentEncoding": "identity",
    "ContentLanguage": "ja",
    "WebsiteRedirectLocation": "/elsewhere",
    "StorageClass": "STANDARD_IA",
    "ServerSideEncryption": "aws:kms",
    "SSEKMSKeyId": "key-1",
    "BucketKeyEnabled": True,
    "Metadata": {"made-by": "hand"},
}
TAGS = {"retention": "7 years", "a&b": "c=d"}


def upload(client: Any, run_id: str = "mine") -> Upload:
    """A publication."""
    return Upload(client, OUTPUT, run_id, lambda: None)


def by_hand(s3: FakeS3, body: bytes = b"earlier") -> None:
    """An object with all properties that one can have."""
    s3.put_object(Key=KEY, Body=body, Tagging="retention=7+years&a%26b=c%3Dd", **PROPERTIES)


def put(one: Upload, body: bytes = b"new") -> Any:
    """Replace the object; returns its backup."""
    backup = one.back_up(KEY)
    one.put(KEY, "application/json", body)
    return backup


@pytest.mark.parametrize("keeps_versions", [False, True])
def test_an_object_comes_back_with_all_its_properties(*, keeps_versions: bool) -> None:
    """Content, type, language, metadata, tags, key and storage class; with versions nothing of the run is left."""
    s3 = FakeS3(keeps_versions=keeps_versions)
    by_hand(s3)
    before = s3.present(KEY)
    one = upload(s3)
    backup = put(one)
    assert s3.content() == {KEY: b"new"}
    one.put_back(KEY, backup)
    found = s3.present(KEY)
    assert found is not None
    assert (found.body, found.properties, found.tags) == (b"earlier", PROPERTIES, TAGS)
    assert len(s3.versions[KEY]) == 1
    if keeps_versions:
        assert found is before
    assert one.left == []


@pytest.mark.parametrize("keeps_versions", [False, True])
def test_an_object_that_was_not_there_goes(*, keeps_versions: bool) -> None:
    """Without an earlier object, neither an object nor a version is left."""
    s3 = FakeS3(keeps_versions=keeps_versions)
    one = upload(s3)
    one.put_back(KEY, put(one))
    assert (s3.content(), s3.versions.get(KEY, [])) == ({}, [])


def test_a_version_of_a_refused_run_goes_even_below_another_runs() -> None:
    """The other run's version stays the present one."""
    s3 = FakeS3(keeps_versions=True)
    by_hand(s3)
    one = upload(s3)
    backup = put(one)
    put(upload(s3, "other"), b"other's")
    one.put_back(KEY, backup)
    assert [version.body for version in s3.versions[KEY]] == [b"earlier", b"other's"]


def test_another_runs_object_stays() -> None:
    """Without versions, the earlier object isn't restored over another run's."""
    s3 = FakeS3()
    one = upload(s3)
    backup = put(one)
    put(upload(s3, "other"), b"other's")
    one.put_back(KEY, backup)
    assert s3.content() == {KEY: b"other's"}


@pytest.mark.parametrize("is_new", [False, True])
def test_an_object_that_changes_under_the_undo_stays(*, is_new: bool) -> None:
    """Between the look and the undo another run writes: the condition of the undo keeps its object."""
    s3 = FakeS3()
    if not is_new:
        by_hand(s3)
    one = upload(s3)
    backup = put(one)

    def another_run(operation: str, _: str) -> None:
        if operation in ("put", "delete"):
            s3.before = lambda *_: None
            put(upload(s3, "other"), b"other's")

    s3.before = another_run
    one.put_back(KEY, backup)
    assert s3.content() == {KEY: b"other's"}
    assert one.left == []


@pytest.mark.parametrize(("before", "after"), [(None, {}), (b"earlier", {KEY: b"earlier"})])
def test_a_locked_version_is_hidden_and_named(before: bytes | None, after: dict[str, bytes]) -> None:
    """Object Lock keeps the version: a copy of the earlier object, or a delete marker, comes on top of it."""
    s3 = FakeS3(locks=True)
    if before is not None:
        by_hand(s3, before)
    one = upload(s3)
    backup = put(one)
    (mine,) = one.written.values()
    one.put_back(KEY, backup)
    assert s3.content() == after
    assert one.left == [f"version {mine} of s3://{OUTPUT}/{KEY}, which Object Lock or the policy keeps"]
    found = s3.present(KEY)
    if found is not None:
        assert (found.properties, found.tags) == (PROPERTIES, TAGS)


def test_an_object_that_cannot_be_restored_is_named() -> None:
    """The undo goes on with the other objects."""
    s3 = FakeS3()
    one = upload(Faulty(s3, delete_object=fails(client_error("AccessDenied", 403, "DeleteObject"))))
    one.put_back(KEY, put(one))
    assert one.left == [f"s3://{OUTPUT}/{KEY}"]


def test_an_object_is_written_only_as_it_was_found() -> None:
    """A new one, a replaced one and a deleted one are another run's work; nothing is overwritten."""
    s3 = FakeS3()
    one = upload(s3)
    one.back_up(KEY)
    put(upload(s3, "other"), b"other's")
    with pytest.raises(ConcurrentRunError, match=rf"another run wrote s3://{OUTPUT}/{KEY}"):
        one.put(KEY, "application/json", b"mine")
    one.back_up(KEY)
    put(upload(s3, "other"), b"other's again")
    with pytest.raises(ConcurrentRunError):
        one.put(KEY, "application/json", b"mine")
    assert s3.content() == {KEY: b"other's again"}
    one.back_up(KEY)
    s3.delete_object(Key=KEY)
    with pytest.raises(ConcurrentRunError):
        one.put(KEY, "application/json", b"mine")


def test_a_conflict_during_the_write_is_another_runs_work() -> None:
    """S3 answers so to one of two requests at the same moment."""
    conflict = client_error("ConditionalRequestConflict", 409, "PutObject")
    with pytest.raises(ConcurrentRunError):
        put(upload(Faulty(FakeS3(), put_object=fails(conflict))))


def test_a_repeated_request_finds_its_own_object() -> None:
    """The first answer was lost, and botocore repeats: the condition fails, and the object is this run's."""
    s3 = FakeS3(keeps_versions=True)

    def twice(true: Any, **arguments: Any) -> Any:
        true(**arguments)
        return true(**arguments)

    one = upload(Faulty(s3, put_object=twice))
    put(one)
    found = s3.present(KEY)
    assert found is not None
    assert one.written == {KEY: found.version_id}
    assert len(s3.versions[KEY]) == 1


def test_a_lost_answer_is_looked_up() -> None:
    """The object arrived, or it didn't: the error stays only if it didn't."""
    s3 = FakeS3()
    put(upload(Faulty(s3, put_object=fails(LOST, after=True))))
    assert s3.content() == {KEY: b"new"}
    with pytest.raises(StorageError):
        put(upload(Faulty(s3, put_object=fails(LOST)), "other"))
    assert s3.content() == {KEY: b"new"}


def test_a_denied_write_stays_denied() -> None:
    """A key that may not be used is no other run."""
    denied = client_error("AccessDenied", 403, "PutObject")
    with pytest.raises(AccessDeniedError):
        put(upload(Faulty(FakeS3(), put_object=fails(denied))))
