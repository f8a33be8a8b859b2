"""Each of AWS's answers and failures, sorted."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import (
    PREFIX,
    RECORDING,
    TABLE,
    World,
    client_error,
)
from botocore import exceptions as aws

from komorebi_qc.core.errors import (
    AccessDeniedError,
    KomorebiError,
    PassingError,
    PermanentError,
    StorageError,
)
from komorebi_qc.storage.aws_errors import aws_errors
from komorebi_qc.storage.dynamodb import DynamoTable
from komorebi_qc.storage.s3.publication import PART_BYTES
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = f"{PREFIX}/CallRecordings/2026/03/02"
NEXT_DAY = f"{PREFIX}/CallRecordings/2026/03/03"
VIDEO_KEY, THUMBNAIL_KEY = RECORDING.video_key("mp4"), RECORDING.thumbnail_key
BIG = os.urandom(1 << 16) * (2 * PART_BYTES // (1 << 16)) + b"the end"


SORTED: list[tuple[Exception, type[KomorebiError]]] = [
    (client_error("SlowDown", 503), StorageError),
    (client_error("InternalError", 500), StorageError),
    (client_error("ThrottlingException", 400), StorageError),
    (client_error("ProvisionedThroughputExceededException", 400), StorageError),
    (client_error("RequestTimeout", 400), StorageError),
    (client_error("PreconditionFailed", 412), StorageError),
    (client_error("429", 429), StorageError),
    (client_error("NoSuchUpload", 404), StorageError),
    (aws.EndpointConnectionError(endpoint_url="https://x"), StorageError),
    (aws.ConnectTimeoutError(endpoint_url="https://x"), StorageError),
    (aws.ReadTimeoutError(endpoint_url="https://x"), StorageError),
    (aws.ResponseStreamingError(error="cut"), StorageError),
    (aws.IncompleteReadError(actual_bytes=1, expected_bytes=2), StorageError),
    (ConnectionResetError(), StorageError),
    (client_error("AccessDenied", 403), AccessDeniedError),
    (client_error("403", 403), AccessDeniedError),
    (client_error("AccessDeniedException", 400), AccessDeniedError),
    (client_error("InvalidAccessKeyId", 403), AccessDeniedError),
    (client_error("UnrecognizedClientException", 400), AccessDeniedError),
    (client_error("ExpiredToken", 400), AccessDeniedError),
    (client_error("NoSuchBucket", 404), AccessDeniedError),
    (client_error("ResourceNotFoundException", 400), AccessDeniedError),
    (client_error("PermanentRedirect", 301), AccessDeniedError),
    (client_error("RequestTimeTooSkewed", 403), AccessDeniedError),
    (aws.NoCredentialsError(), AccessDeniedError),
    (aws.ParamValidationError(report="bad name"), AccessDeniedError),
    (client_error("ValidationException", 400), PermanentError),
    (client_error("InvalidArgument", 400), PermanentError),
]


@pytest.mark.parametrize(("error", "kind"), SORTED, ids=[repr(e) for e, _ in SORTED])
def test_errors_are_sorted(error: Exception, kind: type[KomorebiError]) -> None:
    """Each error of botocore's becomes one kind of ours, which names the place and not what the service wrote."""
    with pytest.raises(KomorebiError) as caught, aws_errors("bucket b"):
        raise error
    assert type(caught.value) is kind
    assert issubclass(kind, PassingError) != issubclass(kind, PermanentError)
    assert "bucket b" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("code", ["RequestTimeTooSkewed", "RequestInTheFuture", "RequestExpired"])
def test_a_wrong_clock_is_named(code: str) -> None:
    """Credentials and rights aren't the reason, so the sentence doesn't send anybody there."""
    with pytest.raises(AccessDeniedError, match="differs from AWS's by more than 15 min"), aws_errors("bucket b"):
        raise client_error(code, 403)


def test_other_errors_pass_as_they_are() -> None:
    """Other exceptions pass unchanged."""
    with pytest.raises(ZeroDivisionError), aws_errors("bucket b"):
        raise ZeroDivisionError


def test_a_failing_server_is_retried_and_then_a_passing_error(world: World) -> None:
    """The server answers 503: botocore makes five attempts, then a passing error is raised."""
    from botocore.awsrequest import AWSResponse  # noqa: PLC0415

    tries = 0

    class Raw:
        """An empty body."""

        def stream(self, **_: Any) -> Iterator[bytes]:
            return iter(())

    def in_trouble(request: Any, **_: Any) -> AWSResponse:
        nonlocal tries
        tries += 1
        return AWSResponse(request.url, 503, {}, Raw())

    client = aws_client("dynamodb")
    client.meta.events.register("before-send.dynamodb.GetItem", in_trouble)
    del world
    with pytest.raises(StorageError, match="table Recording"):
        DynamoTable(client, TABLE).get("contact-1")
    assert tries == 4


def test_nobody_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A port on which nothing listens is a passing error."""
    del world
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    from boto3.session import Session  # noqa: PLC0415

    with pytest.raises(StorageError, match="EndpointConnectionError"):
        DynamoTable(Session().client("dynamodb"), TABLE).get("contact-1")
