"""A token bucket: requests at a mean rate, shared by all threads of a process."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_STEP_S = 0.2


@dataclass(slots=True)
class TokenBucket:
    """Tokens that grow at a rate up to a number; each request takes one, and waits if there isn't any.

    Attributes:
        rate_hz: tokens a second.
        burst: the most tokens that are kept.
        now: a clock that never goes back, seconds.
        sleep: waits for seconds.
    """

    rate_hz: float = 2.0
    burst: float = 2.0
    now: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    _free_at: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, check_cancelled: Callable[[], None] = lambda: None) -> None:
        """Take a token; wait for it if need be.

        Args:
            check_cancelled: called while it waits; an exception from it ends the wait.
        """
        with self._lock:  # the moment is reserved at once, so that threads get theirs in order
            now = self.now()
            earliest = now - (self.burst - 1) / self.rate_hz
            at = earliest if self._free_at is None else max(self._free_at, earliest)
            self._free_at = at + 1 / self.rate_hz
        while (wait_s := at - self.now()) > 0:
            check_cancelled()
            self.sleep(min(wait_s, _STEP_S))
