"""The table in DynamoDB and the media in S3, and the one place where botocore's errors are sorted.

Nothing is left half done: inputs come into files without a name, and a result becomes visible in one request, its
last. In the output bucket stays what an earlier run left there under other names: a rerun that turns MP4 into WebM
doesn't delete the old ``recording.mp4``, and one without a thumbnail keeps the old thumbnail.

The rights it needs: ``dynamodb:GetItem`` and ``UpdateItem`` on the table; ``s3:ListBucket`` on all three buckets
(without it a missing object looks like a refused one); ``s3:GetObject`` on their objects; ``s3:PutObject``,
``s3:DeleteObject`` and ``s3:AbortMultipartUpload`` on the output's.
"""

from __future__ import annotations

import errno
import io
import math
import os
import tempfile
import uuid
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, BinaryIO

from komorebi_qc.errors import (
    AccessDeniedError,
    KomorebiError,
    MissingMediaError,
    NotThereYetError,
    PermanentError,
    StorageError,
    UnknownRecordingError,
)
from komorebi_qc.recording import Recording, check_recording_id, choose_call_audio
from komorebi_qc.stores import CONTENT_TYPES, Published, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PART_BYTES = 8 << 20
"""Videos from this size on go up in parts of it; S3 takes parts from 5 MiB on."""
MAX_PARTS = 10_000
_READ_BYTES = 1 << 20
_RESUMES = 4
_MARK = "komorebi-upload"

_PASSING_CODES = frozenset(
    {
        "BadDigest",
        "BandwidthLimitExceeded",
        "IncompleteBody",
        "KMS.ThrottlingException",
        "KMSThrottlingException",
        "LimitExceededException",
        "NoSuchUpload",  # a lifecycle rule, or another run's clearing up, took it away: the next try makes its own
        "OperationAborted",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "ReplicatedWriteConflictException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_NO_SUCH_PLACE_CODES = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)
_REFUSED_CODES = frozenset(  # those that come with status 400; 401 and 403 say it themselves
    {
        "AccessDenied",
        "AccessDeniedException",
        "AuthorizationHeaderMalformed",
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "KMS.AccessDeniedException",
        "KMS.DisabledException",
        "KMS.NotFoundException",
        "MissingAuthenticationTokenException",
        "PermanentRedirect",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


def error_code(error: BaseException) -> str:
    """AWS's own code of a failed request; empty where it isn't one."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


@contextmanager
def aws_errors(where: str) -> Iterator[None]:
    """Sort what botocore raises: worth another try, or refused. `where` names the bucket, key, table or queue.

    Raises:
        StorageError: for throttling, 5xx, timeouts and broken connections.
        AccessDeniedError: for credentials, rights, and buckets, tables or queues that don't exist.
        PermanentError: for any other request that the service calls wrong.
    """
    try:
        yield
    except Exception as error:
        told = _sorted(error, where)
        if told is None:
            raise
        raise told from error


def _sorted(error: Exception, where: str) -> KomorebiError | None:
    from botocore import exceptions as aws  # noqa: PLC0415  an error is the only one who needs it

    if isinstance(error, aws.ClientError):
        return _sorted_answer(error, where)
    passing = (
        aws.HTTPClientError,
        aws.ConnectionError,
        aws.IncompleteReadError,
        aws.ChecksumError,
        aws.FlexibleChecksumError,
        aws.CredentialRetrievalError,
        aws.MetadataRetrievalError,
        ConnectionError,
        TimeoutError,
    )
    name = type(error).__name__
    if isinstance(error, passing):
        return StorageError(f"{where} didn't answer as it should ({name}): it is worth another try")
    if isinstance(error, aws.BotoCoreError):
        # Credentials that aren't there, a profile or region that doesn't exist, a name that no request takes.
        return AccessDeniedError(
            f"{where} can't be asked ({name}): check the credentials (`aws sts get-caller-identity`), the region and "
            "the names in the settings"
        )
    return None


def _sorted_answer(error: Any, where: str) -> KomorebiError:
    code = error_code(error) or "no code"
    status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    asked = f"{error.operation_name}: {code}"
    if code in _NO_SUCH_PLACE_CODES:
        return AccessDeniedError(
            f"{where} doesn't exist, or not in this account and region ({asked}): check the names in the settings"
        )
    if code == "PreconditionFailed" or status == 412:
        return StorageError(f"{where} was replaced while it was read ({asked}): the next try reads the new one")
    if code in _PASSING_CODES or status in (408, 409, 429) or status >= 500:
        return StorageError(f"{where} didn't take the request ({asked}, HTTP {status}): it is worth another try")
    if code in _REFUSED_CODES or status in (301, 307, 401, 403):
        return AccessDeniedError(
            f"{where} refuses ({asked}): check the credentials, the policy's rights (s3:ListBucket as well: without it "
            "a missing object is refused) and the region"
        )
    return PermanentError(f"{where} calls the request wrong ({asked}, HTTP {status}): check the settings")


@contextmanager
def _room_on_disk(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise StorageError(
                f"no room left in {tempfile.gettempdir()} for {what}: free some, give the function more "
                "ephemeral storage, or set TMPDIR"
            ) from error
        raise


@dataclass(frozen=True, slots=True)
class DynamoTable:
    """The table ``Recording`` in DynamoDB (`komorebi_qc.stores.RecordingsTable`).

    Attributes:
        client: boto3's low-level ``dynamodb`` client.
        name: the table's.
    """

    client: Any
    name: str

    def get(self, recording_id: str) -> Recording:
        """Read one item, as it is now and not as it was a moment ago.

        Raises:
            MessageError: where `recording_id` is none.
            UnknownRecordingError: where there is no item, or it lacks what the keys are made of.
            StorageError: where the table doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        key = {"videoID": {"S": check_recording_id(recording_id)}}
        with aws_errors(f"table {self.name}"):
            answer = self.client.get_item(
                TableName=self.name,
                Key=key,
                ConsistentRead=True,
                ProjectionExpression="videoID, agentID, creationDate, isProcessed",
            )
        if "Item" not in answer:
            raise UnknownRecordingError(
                f"table {self.name} has no item with videoID {recording_id}: check the ID and the table's name"
            )
        return Recording.from_item({name: next(iter(typed.values())) for name, typed in answer["Item"].items()})

    def mark_processed(self, recording: Recording, attributes: Mapping[str, str | int | float | bool]) -> None:
        """Set ``isProcessed`` and `attributes`, and nothing else, if the item is still there.

        Raises:
            ValueError: where an attribute is the key, ``isProcessed`` itself, or not finite.
            UnknownRecordingError: where the item has been deleted meanwhile.
            StorageError: where the table doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        if taken := {"videoID", "isProcessed"} & attributes.keys():
            raise ValueError(f"{' and '.join(sorted(taken))} can't be set as attributes")
        # Names go as placeholders: DynamoDB reserves some 570 words, `name` and `duration` among them.
        names = {"#processed": "isProcessed", **{f"#n{i}": name for i, name in enumerate(attributes)}}
        values = {":true": {"BOOL": True}, **{f":v{i}": _typed(v) for i, v in enumerate(attributes.values())}}
        sets = ["#processed = :true", *(f"#n{i} = :v{i}" for i in range(len(attributes)))]
        item_still_exists = "attribute_exists(videoID)"
        with aws_errors(f"table {self.name}"):
            try:
                self.client.update_item(
                    TableName=self.name,
                    Key={"videoID": {"S": recording.recording_id}},
                    UpdateExpression="SET " + ", ".join(sets),
                    ConditionExpression=item_still_exists,
                    ExpressionAttributeNames=names,
                    ExpressionAttributeValues=values,
                )
            except Exception as error:
                if error_code(error) != "ConditionalCheckFailedException":
                    raise
                raise UnknownRecordingError(
                    f"the item of recording {recording.recording_id} has been deleted from table {self.name} while "
                    "the recording was processed: the result is in its bucket, but no item tells of it"
                ) from error


def _typed(value: str | float | bool) -> dict[str, Any]:  # noqa: FBT001  a value of the table, not a switch
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, str):
        return {"S": value}
    if not math.isfinite(value):
        raise ValueError(f"{value} is no number for DynamoDB")
    return {"N": format(Decimal(repr(value)), "f")}


@dataclass(frozen=True, slots=True)
class _Kept:
    """An object as it was before it was replaced."""

    body: bytes
    headers: dict[str, Any]


@dataclass(frozen=True, slots=True)
class S3Media:
    """Connect's, the input and the output bucket (`komorebi_qc.stores.MediaStore`).

    Attributes:
        client: boto3's ``s3`` client.
        connect_bucket: where Connect writes; ``connect_prefix`` stands before ``CallRecordings/``.
        input_bucket: where the browser's recordings are.
        output_bucket: where results go.
        give_up_after: how long after the item's ``creationDate`` a missing object may still come. Its zone isn't
            known, so under 26 hours it would be given up too early somewhere.
        now: the present, with its zone.
    """

    client: Any
    connect_bucket: str
    input_bucket: str
    output_bucket: str
    connect_prefix: str = ""
    give_up_after: timedelta = timedelta(hours=48)
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))

    @contextmanager
    def call_audio(self, recording: Recording) -> Iterator[Source]:
        """Connect's audio of the call: of a contact's two recordings, the agent's.

        Raises:
            NotThereYetError: where it may still come.
            MissingMediaError: where it won't.
            StorageError: where the bucket doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        # All three days: the IVR's recording and the agent's may lie on either side of midnight.
        prefixes = recording.call_audio_prefixes(self.connect_prefix)
        keys = [key for prefix in prefixes for key in self._keys(prefix)]
        key = choose_call_audio(recording.recording_id, keys)
        if key is None:
            raise self._absent(
                recording,
                f"Connect's audio of recording {recording.recording_id} "
                f"(s3://{self.connect_bucket}/{prefixes[0]}*.wav, or a day beside it)",
            )
        with self._fetched(recording, self.connect_bucket, key) as source:
            yield source

    @contextmanager
    def agent_recording(self, recording: Recording) -> Iterator[Source]:
        """The browser's recording.

        Raises:
            NotThereYetError: where it may still come.
            MissingMediaError: where it won't.
            StorageError: where the bucket doesn't answer.
            AccessDeniedError: where it refuses or doesn't exist.
        """
        with self._fetched(recording, self.input_bucket, recording.agent_recording_key) as source:
            yield source

    @contextmanager
    def scratch(self) -> Iterator[BinaryIO]:
        """A file without a name: it is gone with the context, and with the process however that ends.

        Raises:
            StorageError: where the disk is full, now or while the file is written.
        """
        with _room_on_disk("the video"), tempfile.TemporaryFile() as file:
            yield file

    def publish(
        self, recording: Recording, container: str, video: BinaryIO, *, thumbnail: bytes | None, qc: bytes | None
    ) -> Published:
        """Put the video, the thumbnail and the findings in their places: all complete, or none.

        The video's parts go up first, where nobody sees them; then the small objects; then one request makes the video
        visible. What fails before that is undone.

        Raises:
            StorageError: where the bucket doesn't take them; a thing that couldn't be undone is named.
            AccessDeniedError: where the bucket refuses or doesn't exist.
        """
        upload = _Upload(self.client, self.output_bucket, uuid.uuid4().hex)
        size = video.seek(0, os.SEEK_END)
        video.seek(0)
        video_key = recording.video_key(container)
        small = [(recording.thumbnail_key, "png", thumbnail), (recording.qc_key, "json", qc)]
        wanted = [(key, CONTENT_TYPES[kind], body) for key, kind, body in small if body is not None]
        try:
            with ExitStack() as undo:
                kept = {key: upload.keep(key) for key, _, _ in wanted}
                show_video = upload.prepare(video_key, CONTENT_TYPES[container], video, size, undo)
                for key, content_type, body in wanted:
                    undo.callback(upload.put_back, key, kept[key])
                    upload.put(key, content_type, body)
                show_video()
                undo.pop_all()
        except KomorebiError as error:
            if upload.left:
                raise type(error)(f"{error}; left behind, please remove: {', '.join(upload.left)}") from error
            raise
        return Published(
            video=f"s3://{self.output_bucket}/{video_key}",
            thumbnail=None if thumbnail is None else f"s3://{self.output_bucket}/{recording.thumbnail_key}",
            qc=None if qc is None else f"s3://{self.output_bucket}/{recording.qc_key}",
            video_bytes=size,
            thumbnail_bytes=len(thumbnail or b""),
        )

    def _keys(self, prefix: str) -> Iterator[str]:
        with aws_errors(f"bucket {self.connect_bucket}"):
            pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.connect_bucket, Prefix=prefix)
            for page in pages:
                yield from (listed["Key"] for listed in page.get("Contents", ()))

    def _absent(self, recording: Recording, what: str) -> KomorebiError:
        age = self.now().astimezone(UTC).replace(tzinfo=None) - recording.created
        hours = self.give_up_after / timedelta(hours=1)
        if age < self.give_up_after:
            return NotThereYetError(f"{what} isn't there yet: it is waited for until {hours:g} h after creationDate")
        return MissingMediaError(
            f"{what} isn't there {age / timedelta(hours=1):.0f} h after creationDate, and after {hours:g} h nothing "
            "comes any more: check that the item's agentID and creationDate are right, and that the object was written"
        )

    @contextmanager
    def _fetched(self, recording: Recording, bucket: str, key: str) -> Iterator[Source]:
        where = f"s3://{bucket}/{key}"
        with tempfile.TemporaryFile() as file:
            with aws_errors(where), _room_on_disk(where):
                try:
                    answer = self.client.get_object(Bucket=bucket, Key=key)
                except Exception as error:
                    if error_code(error) in ("NoSuchKey", "404"):
                        raise self._absent(recording, where) from error
                    raise
                self._read_all(answer, bucket, key, file)
            size = file.tell()
            file.seek(0)
            yield Source(where, file, size)

    def _read_all(self, answer: Any, bucket: str, key: str, file: BinaryIO) -> None:
        """Copy the object into `file`; go on where the connection broke, as long as it is the same object."""
        where, size, etag = f"s3://{bucket}/{key}", int(answer["ContentLength"]), answer["ETag"]
        for resumes_left in range(_RESUMES, -1, -1):
            try:
                with aws_errors(where), closing(answer["Body"]) as body:
                    while chunk := body.read(_READ_BYTES):
                        file.write(chunk)
                break
            except StorageError:
                if not resumes_left or file.tell() >= size:
                    raise
            with aws_errors(where):
                answer = self.client.get_object(Bucket=bucket, Key=key, Range=f"bytes={file.tell()}-", IfMatch=etag)
        if file.tell() != size:
            raise StorageError(f"{where} gave {file.tell()} of its {size} bytes: it is worth another try")


@dataclass(frozen=True, slots=True)
class _Upload:
    """The requests of one publication.

    Attributes:
        client: boto3's ``s3`` client.
        bucket: the output bucket.
        mark: tells this publication's objects from those of any other run.
        left: what couldn't be undone.
    """

    client: Any
    bucket: str
    mark: str
    left: list[str] = field(default_factory=list)

    def prepare(self, key: str, content_type: str, video: BinaryIO, size: int, undo: ExitStack) -> Callable[[], None]:
        """Send all that can be sent unseen; what is returned makes the object visible in one request."""
        if size < PART_BYTES:
            return lambda: self.put(key, content_type, _exactly(video, size))
        with aws_errors(self._where(key)):
            upload_id = self.client.create_multipart_upload(
                Bucket=self.bucket,
                Key=key,
                ContentType=content_type,
                Metadata={_MARK: self.mark},
                ChecksumAlgorithm="CRC32",
            )["UploadId"]
        undo.callback(self.abort, key, upload_id)
        part_bytes = max(PART_BYTES, -(-size // MAX_PARTS))
        parts = []
        for number, start in enumerate(range(0, size, part_bytes), start=1):
            content = _exactly(video, min(part_bytes, size - start))
            with aws_errors(self._where(key)):
                sent = self.client.upload_part(
                    Bucket=self.bucket,
                    Key=key,
                    UploadId=upload_id,
                    PartNumber=number,
                    Body=content,
                    ChecksumAlgorithm="CRC32",
                )
            told = {name: sent[name] for name in ("ETag", "ChecksumCRC32") if name in sent}
            parts.append({"PartNumber": number, **told})
        return lambda: self._for_certain(
            key,
            lambda: self.client.complete_multipart_upload(
                Bucket=self.bucket, Key=key, UploadId=upload_id, MultipartUpload={"Parts": parts}
            ),
        )

    def put(self, key: str, content_type: str, content: bytes) -> None:
        """Write a small object in one request."""
        self._for_certain(
            key,
            lambda: self.client.put_object(
                Bucket=self.bucket,
                Key=key,
                Body=content,
                ContentType=content_type,
                Metadata={_MARK: self.mark},
            ),
        )

    def keep(self, key: str) -> _Kept | None:
        """What lies there now; None for nothing."""
        with aws_errors(self._where(key)):
            try:
                answer = self.client.get_object(Bucket=self.bucket, Key=key)
            except Exception as error:
                if error_code(error) in ("NoSuchKey", "404"):
                    return None
                raise
            headers = ("ContentType", "CacheControl", "ContentDisposition", "ContentEncoding", "Metadata")
            with closing(answer["Body"]) as body:
                return _Kept(body.read(), {name: answer[name] for name in headers if answer.get(name)})

    def put_back(self, key: str, kept: _Kept | None) -> None:
        """Undo `put`: as it was before, or gone. Another run's object stays."""
        try:
            if not self._is_ours(key):
                return
            with aws_errors(self._where(key)):
                if kept is None:
                    self.client.delete_object(Bucket=self.bucket, Key=key)
                else:
                    self.client.put_object(Bucket=self.bucket, Key=key, Body=kept.body, **kept.headers)
        except KomorebiError:
            self.left.append(self._where(key))

    def abort(self, key: str, upload_id: str) -> None:
        """Undo `prepare`."""
        try:
            with aws_errors(self._where(key)):
                self.client.abort_multipart_upload(Bucket=self.bucket, Key=key, UploadId=upload_id)
        except KomorebiError as error:
            if error_code(error.__cause__ or error) != "NoSuchUpload":
                self.left.append(f"the multipart upload {upload_id} of {self._where(key)}")

    def _for_certain(self, key: str, act: Callable[[], object]) -> None:
        """Do `act`; where its answer was an error or got lost, look whether the object is there all the same."""
        try:
            with aws_errors(self._where(key)):
                act()
        except StorageError:
            try:
                arrived = self._is_ours(key)
            except KomorebiError:
                arrived = False
            if not arrived:
                raise

    def _is_ours(self, key: str) -> bool:
        with aws_errors(self._where(key)):
            try:
                answer = self.client.head_object(Bucket=self.bucket, Key=key)
            except Exception as error:
                if error_code(error) in ("NoSuchKey", "404"):
                    return False
                raise
        return bool(answer.get("Metadata", {}).get(_MARK) == self.mark)

    def _where(self, key: str) -> str:
        return f"s3://{self.bucket}/{key}"


def _exactly(file: BinaryIO, size: int) -> bytes:
    """The next `size` bytes: a reader may return fewer at a time."""
    content = io.BytesIO()
    while (missing := size - content.tell()) and (chunk := file.read(missing)):
        content.write(chunk)
    if missing:
        raise StorageError(f"the finished video ended {missing} bytes early while it was read for the upload")
    return content.getvalue()
