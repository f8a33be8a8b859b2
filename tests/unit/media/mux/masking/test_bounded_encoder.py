"""An encoder that gets stuck is left behind, and no frame is lost."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

import pytest

from komorebi_qc.core.errors import PassingError
from komorebi_qc.media.mux.masking.bounded_encoder import MOST_STUCK, BoundedEncoder


@dataclass
class Frame:
    """A frame that knows its picture."""

    picture: str
    pts: int = 0


@dataclass(frozen=True)
class Packet:
    """An encoded frame."""

    pts: int
    picture: str
    is_keyframe: bool


@dataclass
class FakeContext:
    """Gives each frame back one call later, as an encoder with a delay does; never returns from one of its calls."""

    stuck_at: int
    calls: int = 0
    held: list[Packet] = field(default_factory=list)

    def encode(self, frame: Frame | None) -> list[Packet]:
        """Encode a frame, or end with None."""
        if self.calls == self.stuck_at:
            threading.Event().wait()
        ready, self.held = self.held, []
        if frame is not None:
            self.held = [Packet(frame.pts, frame.picture, is_keyframe=self.calls == 0)]
        self.calls += 1
        return ready


def encoder(*stuck_at: int) -> BoundedEncoder:
    """An encoder whose contexts get stuck at these calls, one after another; the last one works."""
    calls = iter([*stuck_at, -1])
    return BoundedEncoder(lambda: FakeContext(next(calls)), answer_s=0.1)


def encoded(of: BoundedEncoder, frames: list[Frame]) -> list[Any]:
    """All packets of some frames, which have PTS in their order."""
    out = []
    for pts, frame in enumerate(frames):
        frame.pts = pts
        out += of.encode(frame)
    return out + of.encode(None)


@pytest.mark.parametrize("stuck_at", range(6))
def test_a_stuck_encoder_is_replaced(stuck_at: int) -> None:
    """At any call, also the last: each frame has one packet, and the new context's first packet is a keyframe."""
    packets = encoded(encoder(stuck_at), [Frame(str(n)) for n in range(5)])
    assert [(packet.pts, packet.picture) for packet in packets] == [(n, str(n)) for n in range(5)]
    assert [packet.pts for packet in packets if packet.is_keyframe] == sorted({0, max(0, stuck_at - 1)})


def test_a_frame_that_is_encoded_twice_keeps_both_moments() -> None:
    """The plain picture is one object."""
    plain = Frame("plain")
    packets = encoded(encoder(2), [plain, plain, plain, plain])
    assert [packet.pts for packet in packets] == [0, 1, 2, 3]


def test_a_new_encoder_may_get_stuck_too() -> None:
    """So many times; then the run ends with an error that is worth a retry, and nothing is published."""
    packets = encoded(encoder(1, 1), [Frame(str(n)) for n in range(4)])
    assert [packet.pts for packet in packets] == [0, 1, 2, 3]
    with pytest.raises(PassingError, match="got stuck 3 times"):
        encoded(encoder(*[1] * (MOST_STUCK + 1)), [Frame(str(n)) for n in range(4)])


def test_the_encoders_own_error_is_raised() -> None:
    """In the caller's thread, as if there were no other."""

    class Refusing:
        def encode(self, frame: Frame | None) -> list[Packet]:
            raise ValueError(f"refused {frame}")

    with pytest.raises(ValueError, match="refused"):
        BoundedEncoder(Refusing).encode(Frame("a"))
