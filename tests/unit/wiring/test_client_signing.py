"""The body of an S3 request is hashed once: a signed checksum protects it, so that the signature needn't cover it."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING, Any

from botocore.awsrequest import AWSResponse

from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

CONTENT = b"a part of a video"


class Empty:
    """The body of an answer without one."""

    def stream(self) -> Iterator[bytes]:
        """No pieces."""
        return iter(())


class Sent:
    """Takes the place of the network, and keeps the last request."""

    def __init__(self, client: Any) -> None:
        self.headers: dict[str, str] = {}
        client.meta.events.register("before-send.s3", self._answer)

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        self.headers = {
            name.lower(): value.decode() if isinstance(value, bytes) else str(value)
            for name, value in request.headers.items()
        }
        return AWSResponse(request.url, 200, {"ETag": '"1"'}, Empty())


def test_a_part_is_signed_by_its_checksum(monkeypatch: pytest.MonkeyPatch) -> None:
    """The checksum's header is among the signed ones, and the body isn't hashed a second time."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "https://127.0.0.1:1")
    client = aws_client("s3")
    sent = Sent(client)
    sha256 = base64.b64encode(hashlib.sha256(CONTENT).digest()).decode()
    named = {"Bucket": "b", "Key": "k", "UploadId": "u", "PartNumber": 2}
    client.upload_part(**named, Body=CONTENT, ChecksumAlgorithm="SHA256", ChecksumSHA256=sha256)
    assert sent.headers["x-amz-checksum-sha256"] == sha256
    assert sent.headers["x-amz-content-sha256"] == "UNSIGNED-PAYLOAD"
    assert "x-amz-checksum-sha256" in sent.headers["authorization"].partition("SignedHeaders=")[2]
