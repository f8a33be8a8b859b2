"""An erasure on SeaweedFS: all versions, delete markers, uploads and older files of a dataset; locks stay."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import cases
from botocore.exceptions import ClientError
from parts import ROOT
from servers import KEY, REGION
from stack import CONNECT, INPUT, PREFIX, TABLE

sys.path.insert(1, str(ROOT / "tests" / "support"))
from erasures import OTHER, OURS, Search, fill_dataset

from komorebi_qc.erasure.run import ErasureRequest, erase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from parts import Report
    from storage import Place

BUCKET, LOCKED, PLAIN = "versions", "locked", "plain"
LOCKED_S = 60


def erasures(report: Report, place: Place) -> None:
    """A recording in a bucket that keeps versions, a row in one without, and a recording under locks."""
    _versions(report, place)
    _csv_rows(report, place)
    _locks(report, place)


def _versions(report: Report, place: Place) -> None:
    with report.case("all versions of a recording are erased, and the other recording's stay") as case:
        _make(place)
        before = Search(OTHER).in_bucket(place.s3, BUCKET)
        marks = len(Search(OURS).in_bucket(place.s3, BUCKET))
        with _settings(place, BUCKET):
            request = ErasureRequest(OURS, (f"s3://{BUCKET}/datasets/all",), (f"s3://{BUCKET}/pages",))
            listed = erase(request, os.environ, is_wanted=False)
            assert len(Search(OURS).in_bucket(place.s3, BUCKET)) == marks
            done = erase(request, os.environ, is_wanted=True)
        assert done.is_all_gone, [(one.kind, one.address, one.kept_because) for one in done.left]
        assert Search(OURS).in_bucket(place.s3, BUCKET) == []
        left = Search(OTHER).in_bucket(place.s3, BUCKET)
        gone = [one for one in before if one not in left and ".parquet" not in one]
        assert gone == [one for one in before if one.startswith("pages/fleet.html")], gone
        assert cases.own(place.item(OURS)) == cases.own(cases.item(OURS, place.created, _agent(place)))
        found = sum(one.count for one in listed.plan.found)
        case.note(f"{marks} versions, markers and uploads named it; {found} artefacts listed")


def _csv_rows(report: Report, place: Place) -> None:
    with report.case("rows leave a CSV file in a bucket without versions, and the file stays") as case:
        head, other = b"recording_id,work_key,verdict\n", f"{OTHER},k,pass\n".encode()
        place.s3.create_bucket(Bucket=PLAIN)
        place.s3.put_object(Bucket=PLAIN, Key="csv/rows.csv", Body=head + f"{OURS},k,pass\n".encode() + other)
        with _settings(place, PLAIN):
            request = ErasureRequest(OURS, also=(f"s3://{PLAIN}/csv",), only_named=True)
            assert erase(request, os.environ, is_wanted=True).is_all_gone
        assert place.s3.get_object(Bucket=PLAIN, Key="csv/rows.csv")["Body"].read() == head + other
        case.note("1 of 2 rows is left")


def _locks(report: Report, place: Place) -> None:
    with report.case("a version under a lock is named and left, and goes when the lock ends") as case:
        if not _make_locked(place):
            case.note("this server has no Object Lock")
            return
        with _settings(place, LOCKED):
            done = erase(ErasureRequest(OURS), os.environ, is_wanted=True)
            left = {one.kind: one.kept_because for one in done.left}
            assert left.keys() == {"qc.json", "thumbnail"}, done.left
            assert left["qc.json"] == "a legal hold", left
            assert left["thumbnail"].startswith("Object Lock (compliance mode) until "), left
            key = cases.keys(OURS, place.created, PREFIX, _agent(place))[2] + "qc.json"
            (held,) = (one for one in place.s3.list_object_versions(Bucket=LOCKED)["Versions"] if one["Key"] == key)
            named = {"Bucket": LOCKED, "Key": key, "VersionId": held["VersionId"]}
            place.s3.put_object_legal_hold(**named, LegalHold={"Status": "OFF"})
            time.sleep(LOCKED_S)  # the lock has ended for sure
            assert erase(ErasureRequest(OURS), os.environ, is_wanted=True).is_all_gone
        assert Search(OURS).in_bucket(place.s3, LOCKED) == []


def _make(place: Place) -> None:
    """Two recordings, published twice each, with a deleted result, an upload, a dataset and a fleet page."""
    s3 = place.s3
    s3.create_bucket(Bucket=BUCKET)
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    media = replace(place.media, client=s3, output_bucket=BUCKET)
    for name in (OURS, OTHER):
        order = place.put(name, cases.good_kinds()["vp9.mp4"])
        for _ in range(2):
            place.process(order, media)
        folder = cases.keys(name, place.created, PREFIX, _agent(place))[2]
        s3.delete_object(Bucket=BUCKET, Key=f"{folder}thumbnail.png")
        s3.create_multipart_upload(Bucket=BUCKET, Key=f"{folder}recording.webm")
    with _settings(place, BUCKET):
        fill_dataset(f"s3://{BUCKET}/datasets/all", OURS, OTHER)
    page = f'<main class="kq fleet" id="fleet">{OURS} {OTHER}</main>'.encode()
    s3.put_object(Bucket=BUCKET, Key="pages/fleet.html", Body=page)


def _make_locked(place: Place) -> bool:
    """A result under a legal hold; False if the server has no Object Lock."""
    try:
        place.s3.create_bucket(Bucket=LOCKED, ObjectLockEnabledForBucket=True)
        folder = cases.keys(OURS, place.created, PREFIX, _agent(place))[2]
        place.s3.put_object(Bucket=LOCKED, Key=f"{folder}qc.json", Body=b"{}", ObjectLockLegalHoldStatus="ON")
    except ClientError:
        return False
    until = {
        "ObjectLockMode": "COMPLIANCE",
        "ObjectLockRetainUntilDate": datetime.now(UTC) + timedelta(seconds=LOCKED_S),
    }
    place.s3.put_object(Bucket=LOCKED, Key=f"{folder}thumbnail.png", Body=b"png", **until)
    place.s3.put_object(Bucket=LOCKED, Key=f"{folder}recording.mp4", Body=b"video")
    return True


def _agent(place: Place) -> str:
    return str(place.item(OURS)["agentID"]["S"])


@contextmanager
def _settings(place: Place, output: str) -> Iterator[None]:
    """The environment of a person whose AWS is these servers."""
    before = dict(os.environ)
    own: dict[str, Any] = {
        "AWS_ACCESS_KEY_ID": KEY,
        "AWS_SECRET_ACCESS_KEY": KEY,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_ENDPOINT_URL_S3": place.s3.meta.endpoint_url,
        "AWS_ENDPOINT_URL_DYNAMODB": place.dynamodb.meta.endpoint_url,
        "AC_AUDIO_BUCKET_NAME": CONNECT,
        "INPUT_BUCKET_NAME": INPUT,
        "OUTPUT_BUCKET_NAME": output,
        "KOMOREBI_TABLE_NAME": TABLE,
        "KOMOREBI_CONNECT_PREFIX": PREFIX,
        "NO_PROXY": "*",
    }
    os.environ.update(own)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
