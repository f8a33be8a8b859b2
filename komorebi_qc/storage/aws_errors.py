"""The one place that sorts botocore's errors: passing, refused, or a wrong request."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import AccessDeniedError, KomorebiError, PermanentError, StorageError

if TYPE_CHECKING:
    from collections.abc import Iterator

NO_SUCH_KEY = ("NoSuchKey", "404")
_PASSING_CODES = frozenset(
    {
        "BadDigest",
        "BandwidthLimitExceeded",
        "IncompleteBody",
        "KMS.ThrottlingException",
        "KMSThrottlingException",
        "LimitExceededException",
        "NoSuchUpload",  # a lifecycle rule or another run deleted it: a retry makes its own
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
_REFUSED_CODES = frozenset(  # codes with status 400; 401 and 403 need no list
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

_WRONG_CLOCK_CODES = frozenset({"RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"})


def error_code(error: BaseException) -> str:
    """Return AWS's code of a failed request; empty for any other error."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


@contextmanager
def aws_errors(where: str) -> Iterator[None]:
    """Sort botocore's exceptions into passing and permanent errors. `where` names the bucket, key, table or queue.

    Raises:
        StorageError: throttling, 5xx, timeouts and broken connections.
        AccessDeniedError: credentials, rights, and buckets, tables or queues that don't exist.
        PermanentError: any other request that the service rejects.
    """
    try:
        yield
    except Exception as error:
        found = _sorted(error, where)
        if found is None:
            raise
        raise found from error


def _sorted(error: Exception, where: str) -> KomorebiError | None:
    from botocore import exceptions as aws  # noqa: PLC0415  only an error needs it

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
        return StorageError(f"{where} didn't answer properly ({name}): a retry may help")
    if isinstance(error, aws.BotoCoreError):
        # Missing credentials, an unknown profile or region, or an invalid name.
        return AccessDeniedError(
            f"{where} can't be reached ({name}): check the credentials (`aws sts get-caller-identity`), the region and "
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
        return StorageError(f"{where} was replaced during reading ({asked}): a retry reads the new one")
    if code in _PASSING_CODES or status in (408, 409, 429) or status >= 500:
        return StorageError(f"{where} didn't accept the request ({asked}, HTTP {status}): a retry may help")
    if code in _WRONG_CLOCK_CODES:
        return AccessDeniedError(
            f"{where} refuses access ({asked}): this machine's clock differs from AWS's by more than 15 minutes; set it"
        )
    if code in _REFUSED_CODES or status in (301, 307, 401, 403):
        is_s3 = where.startswith(("s3:", "bucket "))
        listing = " (s3:ListBucket too: without it, a missing object looks like a refused one)" if is_s3 else ""
        return AccessDeniedError(
            f"{where} refuses access ({asked}): check the credentials, the policy's rights{listing} and the region"
        )
    return PermanentError(f"{where} rejects the request ({asked}, HTTP {status}): check the settings")
