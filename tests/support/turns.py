"""Publications that take turns: each runs in its own thread, and does one request whenever it is its turn."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

WAIT_S = 20.0


class KilledError(BaseException):
    """A killed run: its requests don't happen any more."""


class Turns:
    """A function in a thread that waits for its turn before each request.

    Attributes:
        result: returned by the function; None before.
        error: raised by it.
    """

    def __init__(self, act: Callable[[Turns], Any]) -> None:
        self.result: Any = None
        self.error: BaseException | None = None
        self.is_killed = False
        self.loses_answer = False
        self._mine, self._yours = threading.Semaphore(0), threading.Semaphore(0)
        self._is_over = False
        self._thread = threading.Thread(target=self._run, args=(act,), daemon=True)
        self._thread.start()
        self._wait_for_it()

    def _run(self, act: Callable[[Turns], Any]) -> None:
        try:
            self.result = act(self)
        except BaseException as error:  # noqa: BLE001  the test looks at it
            self.error = error
        self._is_over = True
        self._yours.release()

    @property
    def is_over(self) -> bool:
        """Whether it has returned, or raised, or was killed."""
        return self._is_over

    def wait(self) -> None:
        """Called in the thread, before a request.

        Raises:
            KilledError: the run was killed.
        """
        if self.is_killed:
            raise KilledError
        self._yours.release()
        assert self._mine.acquire(timeout=WAIT_S)
        if self.is_killed:
            raise KilledError

    def step(self) -> None:
        """Let it do one request, up to the next one."""
        if not self._is_over:
            self._mine.release()
            self._wait_for_it()

    def kill(self) -> None:
        """End it before its next request; nothing is tidied up."""
        self.is_killed = True
        self.step()
        assert self._is_over

    def finish(self) -> None:
        """Let it run to its end."""
        while not self._is_over:
            self.step()

    def _wait_for_it(self) -> None:
        assert self._yours.acquire(timeout=WAIT_S)


class TurnsClient:
    """A client each of whose requests waits for its turn. `Turns.loses_answer` loses the next answer."""

    def __init__(self, client: Any, turns: Turns, lost: Exception) -> None:
        self._client, self._turns, self._lost = client, turns, lost

    def __getattr__(self, name: str) -> Any:
        true = getattr(self._client, name)
        if name in ("get_paginator", "exceptions", "upload_part"):  # parts have threads of their own
            return true

        def request(**arguments: Any) -> Any:
            self._turns.wait()
            answer = true(**arguments)
            if self._turns.loses_answer:
                self._turns.loses_answer = False
                raise self._lost
            return answer

        return request
