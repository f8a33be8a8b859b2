"""How well the call in the written file follows the recording's own sound. Pure.

The residual lag compares the file with the plan, so a wrong plan passes there. Here windows of the call, as the file
plays them, are searched for in the recording's own sound at the times at which the file plays them. The alignment takes
no part in it. A positive lag means that the voice is later in the recording than in the file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from komorebi_qc.core.samples import RATE, piece
from komorebi_qc.measure.residual_lag import BLOCK, LESS_ACTIVE_DB, QUIET_DB, REACH, SURE_Z, WIDTH, activity_db
from komorebi_qc.sync.lags.gcc_phat import lag_peaks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from komorebi_qc.core.samples import Doubles, Flags, Ints, Track
    from komorebi_qc.core.splice import Splice
    from komorebi_qc.measure.residual_lag import Block

Voice = Literal["agent", "customer"]
VOICES: dict[Voice, int] = {"agent": 1, "customer": 0}
"""The call's channel of each voice, in the order of preference: the alignment follows the agent's voice."""
WIDE = 12_288
"""Samples at 8 kHz: a voice that isn't near its place is searched for within 1.5 s of it."""
SOUND = WIDTH + 2 * WIDE
FEWEST = 3
"""Fewer windows are no measurement: an echo or a repeated word may be found once or twice."""
MOST: dict[Voice, int] = {"agent": 32, "customer": 16}
"""Windows of each voice. Each takes 64 kB until the file is written."""
_EDGE = 8
"""Samples: a peak this close to the end of the search is the slope of another one."""
_NEAR_TOGETHER_S = 0.020
_FAR_TOGETHER_S, _FAR_SHARE = 0.005, 0.25
"""A voice far from its place is off by the same time in many windows. A repeated word or chance isn't."""


@dataclass(frozen=True, slots=True, eq=False)
class OwnSound:
    """The recording's own sound around the place of one window of the call.

    Attributes:
        voice: the voice that speaks in the window.
        output_s: the middle of the window, on the output clock.
        call_s: the moment of the call that the plan puts there.
        pcm: `SOUND` samples at 8 kHz; silence outside of the recording.
        start_s: the first sample's time on the output clock.
    """

    voice: Voice
    output_s: float
    call_s: float
    pcm: NDArray[np.int16]
    start_s: float


@dataclass(frozen=True, slots=True)
class VoiceLag:
    """The lag of one window.

    Attributes:
        output_s: the middle of the window.
        call_s: the moment of the call.
        lag_s: how much later the voice is in the recording's own sound.
    """

    output_s: float
    call_s: float
    lag_s: float


@dataclass(frozen=True, slots=True)
class AlignmentResidual:
    """The call in the file compared with the recording's own sound.

    Attributes:
        voice: the voice that was searched for: the agent's, or the customer's if the recording lacks the agent's.
        windows: the windows in which it was found, in order.
        active: how many windows were searched in which the recording has active sound, too.
    """

    voice: Voice
    windows: tuple[VoiceLag, ...]
    active: int

    @property
    def is_measured(self) -> bool:
        """Whether enough windows were found."""
        return len(self.windows) >= FEWEST

    @property
    def missing(self) -> float:
        """The share of the windows with active sound of both in which the voice wasn't found; 0 without windows."""
        return max(0.0, 1.0 - len(self.windows) / self.active) if self.active else 0.0

    @property
    def lags(self) -> tuple[VoiceLag, ...]:
        """The windows to judge; empty if too few were found.

        The customer's voice has its median lag taken off, because the network delays it on its way to the agent.
        """
        if not self.is_measured or self.voice == "agent":
            return self.windows if self.is_measured else ()
        median_s = float(np.median([w.lag_s for w in self.windows]))
        return tuple(replace(w, lag_s=w.lag_s - median_s) for w in self.windows)

    @property
    def p95_s(self) -> float | None:
        """The magnitude that 95 % of the lags don't exceed; None if it isn't measured."""
        return float(np.percentile([abs(w.lag_s) for w in self.lags], 95)) if self.lags else None

    @property
    def median_s(self) -> float | None:
        """The median lag; None if it isn't measured."""
        return float(np.median([w.lag_s for w in self.lags])) if self.lags else None

    @property
    def worst(self) -> VoiceLag | None:
        """The window with the largest lag; None if it isn't measured."""
        return max(self.lags, key=lambda w: abs(w.lag_s), default=None)

    def without_steps(self, steps: Sequence[tuple[float, float]], followed_s: float = 0.0) -> AlignmentResidual:
        """The same windows less the known steps of this voice alone, which no clock made and no alignment follows.

        Args:
            steps: the moment of the call, and how much later the voice is in the recording from then on.
            followed_s: how much of the steps the alignment follows.
        """
        return replace(
            self,
            windows=tuple(
                replace(w, lag_s=w.lag_s + followed_s - sum(size_s for at_s, size_s in steps if at_s <= w.call_s))
                for w in self.windows
            ),
        )


def own_sound(
    call: Track, recording: NDArray[np.int16], windows: Sequence[tuple[float, float]], splice: Splice
) -> tuple[OwnSound, ...]:
    """The recording's own sound around the windows in which a voice of the call is active.

    Args:
        call: the call audio at 8 kHz, shape ``(n, 2)``.
        recording: the recording's own audio at 8 kHz, shape ``(m,)``.
        windows: the middle of each window, on the output clock and on the call clock.
        splice: which source was planned when; only its shift of the output clock is used.
    """
    shift_s = splice.alignment.output_shift_s
    sounds = []
    for voice, channel in VOICES.items():
        for output_s, call_s in _active(call, channel, windows, MOST[voice]):
            first = round((output_s - shift_s) * RATE) - SOUND // 2
            pcm = np.zeros(SOUND, np.int16)
            part = recording[max(first, 0) : max(first + SOUND, 0)]
            begin = max(-first, 0)
            pcm[begin : begin + len(part)] = part
            sounds.append(OwnSound(voice, output_s, call_s, pcm, first / RATE + shift_s))
    return tuple(sounds)


def _active(call: Track, channel: int, windows: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """The windows with active sound in a channel, thinned out evenly."""
    if not windows:
        return []
    firsts = [round(call_s * RATE) - WIDTH // 2 for _, call_s in windows]
    levels = np.array([activity_db(piece(call, first, first + WIDTH, channel)) for first in firsts])
    which: Ints = np.flatnonzero(levels >= max(QUIET_DB, levels.max() - LESS_ACTIVE_DB))
    if len(which) > most:
        which = which[np.unique(np.rint(np.linspace(0, len(which) - 1, most)).astype(int))]
    return [windows[int(i)] for i in which]


def measure_voice(voice: Voice, sounds: Sequence[OwnSound], outputs: Sequence[Block]) -> AlignmentResidual:
    """Find a voice, as the file plays it, in the recording's own sound.

    Args:
        voice: the voice.
        sounds: the recording's own sound around each of its windows.
        outputs: for each of them the file's audio, which begins `BLOCK` / 2 samples before the middle of the window.
    """
    if not sounds:
        return AlignmentResidual(voice, (), 0)
    played = np.zeros((len(sounds), BLOCK), np.float32)
    for row, block in enumerate(outputs):
        low = block.at_rate(RATE).pcm[:BLOCK, VOICES[voice]]
        played[row, : len(low)] = low
    lag_s, z = _lags(sounds, played, REACH)
    is_found = (z >= SURE_Z) & _has_company(lag_s, z >= SURE_Z, 2, _NEAR_TOGETHER_S)
    far = np.flatnonzero(~is_found)
    if len(far):
        far_lag_s, far_z = _lags([sounds[int(i)] for i in far], played[far], WIDE)
        fewest = max(FEWEST, _FAR_SHARE * len(far))
        lag_s[far] = far_lag_s
        is_found[far] = (far_z >= SURE_Z) & _has_company(far_lag_s, far_z >= SURE_Z, fewest, _FAR_TOGETHER_S)
    found = []
    for sound, block, lag, is_sure in zip(sounds, outputs, lag_s, is_found, strict=True):
        if is_sure:
            late_s = sound.start_s + SOUND / RATE / 2 - block.start_s - BLOCK / RATE / 2
            found.append(VoiceLag(sound.output_s, sound.call_s, float(lag) + late_s))
    is_active = [bool(is_sure) or _is_active(sound) for sound, is_sure in zip(sounds, is_found, strict=True)]
    return AlignmentResidual(voice, tuple(found), is_active.count(True))


def _is_active(sound: OwnSound) -> bool:
    """Whether the recording has active sound at the window's place."""
    return activity_db(piece(sound.pcm, WIDE, WIDE + WIDTH)) >= QUIET_DB


def _has_company(lag_s: Doubles, is_sure: Flags, fewest: float, within_s: float) -> Flags:
    """For each window, whether enough sure windows have about its lag; it counts itself."""
    is_together = np.abs(lag_s[:, None] - lag_s[None, :]) <= within_s
    enough: Flags = (is_together & is_sure[None, :]).sum(axis=1) >= fewest
    return enough


def _lags(sounds: Sequence[OwnSound], played: NDArray[np.float32], reach: int) -> tuple[Doubles, Doubles]:
    """The best lag of each window within a reach, and its height over the noise; 0 at the ends of the search."""
    count = np.arange(len(sounds))
    starts: Ints = (count * BLOCK + REACH).astype(np.intp)
    centres: Ints = (count * SOUND + WIDE - starts).astype(np.intp)
    recorded = np.concatenate([sound.pcm for sound in sounds])
    found = lag_peaks(played.reshape(-1, 1), 0, recorded, starts, centres, WIDTH, reach)
    lag_s: Doubles = found.lag_s[:, 0] - centres / RATE
    return lag_s, np.where(np.abs(lag_s) < (reach - _EDGE) / RATE, found.z[:, 0], 0.0)
