"""The settings of a clip."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from komorebi_qc.core.errors import InputError

Sound = Literal["output", "sides"]
SOUNDS = ("output", "sides")
LONGEST_S = 600.0
SHORTEST_S = 0.2


@dataclass(frozen=True, slots=True)
class ClipJob:
    """The settings of a clip.

    Attributes:
        at_s: its middle, output clock.
        seconds: its length.
        sound: ``output``, or ``sides``: the call audio left and the agent recording's audio right.
        width: pixels; even.
        height: pixels; even.

    Raises:
        InputError: A value can't be used.
    """

    at_s: float
    seconds: float = 20.0
    sound: Sound = "output"
    width: int = 1280
    height: int = 720

    def __post_init__(self) -> None:
        if not SHORTEST_S <= self.seconds <= LONGEST_S:
            raise InputError(
                f"a clip of {self.seconds:g} s can't be made: the length must be {SHORTEST_S} to {LONGEST_S:g} s"
            )
        if self.sound not in SOUNDS:
            raise InputError(f"there is no sound {self.sound!r}: name one of {', '.join(SOUNDS)}")
        if self.width < 320 or self.height < 240 or self.width % 2 or self.height % 2:
            raise InputError(
                f"a size of {self.width} x {self.height} can't be used: give even numbers of pixels, at least 320 x 240"
            )
