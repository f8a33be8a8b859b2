"""The requests and bytes that SeaweedFS's S3 counts itself, in Prometheus' format."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.request import ProxyHandler, build_opener

if TYPE_CHECKING:
    from collections.abc import Iterable

_TOTAL = re.compile(r'SeaweedFS_s3_request_total\{bucket="([^"]*)",code="(\d+)",type="([A-Z]+)"\} (\S+)')
_SENT = re.compile(r'SeaweedFS_s3_bucket_traffic_sent_bytes_total\{bucket="([^"]*)"\} (\S+)')
_PARTIAL = "206"


@dataclass(frozen=True, slots=True)
class S3Counts:
    """Requests and bytes since the server's start.

    Attributes:
        requests: by bucket and kind: ``GET range``, ``GET or HEAD``, ``LIST``, ``PUT`` and others.
        sent_bytes: by bucket.
    """

    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    sent_bytes: Counter[str] = field(default_factory=Counter)

    def since(self, before: S3Counts) -> S3Counts:
        """The counts after an earlier time."""
        return S3Counts(self.requests - before.requests, self.sent_bytes - before.sent_bytes)

    def of(self, buckets: Iterable[str]) -> tuple[Counter[str], int]:
        """Requests by kind, and bytes, of some buckets."""
        named, found = set(buckets), Counter[str]()
        for (bucket, kind), count in self.requests.items():
            found[kind] += count if bucket in named else 0
        return +found, sum(count for bucket, count in self.sent_bytes.items() if bucket in named)


def read_counts(host: str, port: int) -> S3Counts:
    """Ask a server for its counts."""
    with build_opener(ProxyHandler({})).open(f"http://{host}:{port}/metrics", timeout=10) as answer:
        return parsed(answer.read().decode())


def parsed(text: str) -> S3Counts:
    """The counts in a text of Prometheus' format."""
    counts = S3Counts()
    for bucket, code, kind, value in _TOTAL.findall(text):
        # The server counts a HEAD as a GET.
        name = {"GET": "GET range" if code == _PARTIAL else "GET or HEAD"}.get(kind, kind)
        counts.requests[bucket, name] += int(float(value))
    for bucket, value in _SENT.findall(text):
        counts.sent_bytes[bucket] += int(float(value))
    return counts
