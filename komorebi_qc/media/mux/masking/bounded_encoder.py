"""An encoder that may get stuck, and whose calls end nevertheless.

SVT-AV1 4.1 deadlocks now and then on a busy machine, with one thread as with two: about once in 800 groups of pictures.
All of its threads wait for each other, and the call into it never returns. Closing it would wait for the same threads.
So a stuck encoder is left alone, and a new one takes its frames.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import PassingError

if TYPE_CHECKING:
    from collections.abc import Callable

ANSWER_S = 30.0
"""A frame of 4K takes less than a second of one processor at the preset that is used."""
MOST_STUCK = 2
"""Encoders that may get stuck in one group of pictures. Each keeps its memory until the process ends."""
_stuck: list[Any] = []
"""They must not be closed, so something must refer to them."""


class BoundedEncoder:
    """Encodes as a codec context of PyAV does, with a new context where one gets stuck."""

    def __init__(self, open_context: Callable[[], Any], answer_s: float = ANSWER_S) -> None:
        """Open the first context.

        Args:
            open_context: opens a context of PyAV.
            answer_s: a call that takes longer is taken as stuck.
        """
        self._open = open_context
        self._answer_s = answer_s
        self._context = open_context()
        self._waiting: list[tuple[int, Any]] = []
        """PTS and frame of what went in and didn't come out."""
        self._stuck_count = 0

    def encode(self, frame: Any) -> list[Any]:
        """Encode a frame, or end the group with None; returns the packets that are ready.

        Raises:
            PassingError: more than `MOST_STUCK` encoders got stuck.
            FFmpegError: FFmpeg refuses the frame.
        """
        if frame is not None:
            self._waiting.append((frame.pts, frame))
        try:
            return self._encoded(frame)
        except TimeoutError:
            return self._encoded_anew(is_end=frame is None)

    def _encoded_anew(self, *, is_end: bool) -> list[Any]:
        """Encode with a new context what the stuck one didn't give back. The first of these packets is a keyframe."""
        _stuck.append(self._context)
        self._stuck_count += 1
        if self._stuck_count > MOST_STUCK:
            raise PassingError(
                f"The picture can't be masked: FFmpeg's encoder got stuck {self._stuck_count} times. Nothing was "
                "published; try again"
            )
        self._context = self._open()
        packets = []
        try:
            for pts, frame in list(self._waiting):
                frame.pts = pts  # the plain picture is one frame for all of its moments
                packets += self._encoded(frame)
            return packets + self._encoded(None) if is_end else packets
        except TimeoutError:
            return packets + self._encoded_anew(is_end=is_end)

    def _encoded(self, frame: Any) -> list[Any]:
        """Encode in a thread of its own.

        Raises:
            TimeoutError: there is no answer.
        """
        packets: list[Any] = []
        errors: list[Exception] = []
        context = self._context

        def encode() -> None:
            try:
                packets.extend(context.encode(frame))
            except Exception as error:  # noqa: BLE001  it is raised in the caller's thread
                errors.append(error)

        thread = threading.Thread(target=encode, daemon=True)
        thread.start()
        thread.join(self._answer_s)
        if thread.is_alive():
            raise TimeoutError
        if errors:
            raise errors[0]
        done = {packet.pts for packet in packets}
        self._waiting = [(pts, waiting) for pts, waiting in self._waiting if pts not in done]
        return packets
