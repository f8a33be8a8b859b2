"""A lock on S3: an object that its holder renews, and that others take over when it isn't renewed any more.

A run that was killed leaves its object. A waiting run sees that the object's version stays the same, and takes it over
after `LEASE_S` of its own clock; so the machines' clocks needn't agree.
"""

from __future__ import annotations

import secrets
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import KomorebiError, StorageError
from komorebi_qc.storage.aws_errors import NO_SUCH_KEY, aws_errors, error_code

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LEASE_S = 60.0
"""A holder that hasn't renewed its object for so long is taken to be dead."""
_RENEW_S, _ASK_S = 15.0, 0.5
_MOST_WAIT_S = 1800.0
_LOST = ("PreconditionFailed", "ConditionalRequestConflict", *NO_SUCH_KEY)


@dataclass(frozen=True, slots=True)
class Lease:
    """A lock by one object.

    Attributes:
        client: the S3 client.
        bucket: the bucket.
        key: the object.
        now: a clock in seconds.
        sleep: waits for some seconds.
    """

    client: Any
    bucket: str
    key: str
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @contextmanager
    def held(self) -> Iterator[None]:
        """Wait for the lock, and hold it.

        Raises:
            StorageError: others hold it all the time, or S3 doesn't answer.
            AccessDeniedError: S3 refuses access.
        """
        version = [self._taken()]
        done = threading.Event()

        def renew() -> None:
            while not done.wait(_RENEW_S):
                try:
                    found = self._put(IfMatch=version[0])
                except KomorebiError:  # the next turn may succeed; if none does, another run takes it over
                    continue
                if found is None:
                    return
                version[0] = found

        keeper = threading.Thread(target=renew, name="komorebi-lease", daemon=True)
        keeper.start()
        try:
            yield
        finally:
            done.set()
            keeper.join()
            if self._version() == version[0]:
                with aws_errors(self._address):
                    self.client.delete_object(Bucket=self.bucket, Key=self.key)

    @property
    def _address(self) -> str:
        return f"s3://{self.bucket}/{self.key}"

    def _taken(self) -> str:
        began = seen_at = self.now()
        seen = ""
        while (version := self._put(IfNoneMatch="*")) is None:
            found = self._version()
            if found is None:
                continue
            if found != seen:
                seen, seen_at = found, self.now()
            elif self.now() - seen_at >= LEASE_S and (version := self._put(IfMatch=found)) is not None:
                return version
            if self.now() - began > _MOST_WAIT_S:
                raise StorageError(
                    f"other runs are writing to {self._address.rpartition('/')[0]} all the time: run the command again "
                    "when they are done"
                )
            self.sleep(_ASK_S)
        return version

    def _put(self, **only_if: str) -> str | None:
        """Write the object with a content of its own; None if the condition isn't met."""
        with aws_errors(self._address):
            try:
                answer = self.client.put_object(
                    Bucket=self.bucket, Key=self.key, Body=secrets.token_hex(16).encode(), **only_if
                )
            except Exception as error:
                if error_code(error) in _LOST:
                    return None
                raise
        return str(answer["ETag"])

    def _version(self) -> str | None:
        with aws_errors(self._address):
            try:
                return str(self.client.head_object(Bucket=self.bucket, Key=self.key)["ETag"])
            except Exception as error:
                if error_code(error) in NO_SUCH_KEY:
                    return None
                raise
