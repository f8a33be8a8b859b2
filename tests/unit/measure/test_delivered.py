"""A delivered file against its call and recording, with made signals."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import pytest

from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import Alignment, Jump
from komorebi_qc.demo.sample_call import AGENT_RECORDING, CALL_AUDIO
from komorebi_qc.measure.delivered import measure_delivered
from komorebi_qc.media.decode_8khz import decode_call_8khz, decode_recording_8khz
from komorebi_qc.media.probe import probe_call, probe_recording
from komorebi_qc.storage.input_file import opened_file

if TYPE_CHECKING:
    from numpy.typing import NDArray

OFFSET_S = 2.567
"""Of the sample call in its recording."""


@cache
def sides() -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """The sample's call and recording."""
    with opened_file(CALL_AUDIO) as call, opened_file(AGENT_RECORDING) as recording:
        decoded = decode_call_8khz(call, probe_call(call))
        return np.asarray(decoded[0 : decoded.shape[0]]), decode_recording_8khz(recording, probe_recording(recording))


def delivered(at_s: float, shift_s: float = 0.0, cut: tuple[float, float] = (0.0, 0.0)) -> NDArray[np.int16]:
    """A file with the call's mix at a place, without a stretch of the call, and the recording's sound after it."""
    call, recording = sides()
    shift = round(shift_s * RATE)
    out = np.zeros(len(recording) + shift, np.int16)
    mixed = (call.astype(np.int32).sum(axis=1) // 2).astype(np.int16)
    mixed = np.concatenate([mixed[: round(cut[0] * RATE)], mixed[round(cut[1] * RATE) :]])
    first = round((at_s + shift_s) * RATE)
    end = first + len(mixed)
    out[first:end] = mixed
    out[end:] = recording[end - shift :][: len(out) - end]
    return out


@pytest.mark.parametrize("late_s", [0.0, 0.3, -0.3])
@pytest.mark.parametrize("shift_s", [0.0, 1.25])
def test_an_offset_error_is_found_on_any_clock(late_s: float, shift_s: float) -> None:
    """To a millisecond, although the delivered file begins at another moment of the recording."""
    found = measure_delivered(*sides(), delivered(OFFSET_S + late_s, shift_s), Alignment(OFFSET_S), 0.0)
    assert found.status == "aligned"
    assert found.shift_from == "own_sound"
    assert found.shift_s == pytest.approx(shift_s, abs=0.001)
    assert found.offset_error_s == pytest.approx(late_s, abs=0.002)
    assert found.worst is not None
    assert found.worst[1] == pytest.approx(late_s, abs=0.002)
    assert found.drift_error_ppm == pytest.approx(0.0, abs=20.0)


def test_each_second_has_its_source() -> None:
    """Silence before the call, the call, the recording after it; foreign sound is neither's."""
    made = delivered(OFFSET_S)
    made[26 * RATE : 28 * RATE] = np.random.default_rng(7).integers(-3000, 3000, 2 * RATE)
    found = measure_delivered(*sides(), made, Alignment(OFFSET_S), 0.0)
    origins = [(span.origin, span.from_s) for span in found.spans if span.to_s - span.from_s >= 2.0]
    assert [name for name, _ in origins if name != "silence"] == ["call", "call", "recording", "other", "recording"]
    assert found.seconds_of("other") == 2.0
    assert found.spans[0].origin == "silence"
    assert found.spans[-1].to_s == pytest.approx(len(made) / RATE)


def test_a_jump_that_the_file_follows_is_no_error() -> None:
    """A second of the call was lost in the recording, and the file leaves it out; another file doesn't."""
    alignment = Alignment(OFFSET_S, 0.0, (Jump(10.5, -1.0),))
    follows = measure_delivered(*sides(), delivered(OFFSET_S, cut=(9.5, 10.5)), alignment, 0.0)
    ignores = measure_delivered(*sides(), delivered(OFFSET_S), alignment, 0.0)
    assert follows.missing_jumps == ()
    assert ignores.missing_jumps == alignment.jumps
    assert max(abs(error_s) for at_s, error_s in follows.errors if not 8.0 < at_s < 12.0) < 0.005
    assert [error_s for at_s, error_s in ignores.errors if at_s > 12.0][-1] == pytest.approx(1.0, abs=0.005)


def test_a_file_of_another_call_is_located_nowhere() -> None:
    """It has no errors, and its sound is neither's."""
    made = delivered(OFFSET_S)[::-1].copy()
    found = measure_delivered(*sides(), made, Alignment(OFFSET_S), 0.0)
    assert (found.alignment, found.errors, found.worst) == (None, (), None)
    assert found.seconds_of("other") > 10.0
