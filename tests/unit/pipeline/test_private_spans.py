"""Private spans, found in the call audio, and placed in the recording."""

from __future__ import annotations

import wave
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from captures import CAPTURES
from made import noise
from made_sync import result

from komorebi_qc.core.errors import MaskError
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.privacy.masks import PrivateSpan
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import Alignment, Jump, Span
from komorebi_qc.findings.evidence import Placement
from komorebi_qc.pipeline.options import Options
from komorebi_qc.pipeline.private_spans import (
    CRYSTAL,
    GIVEN_BOUND_S,
    find_suspensions,
    place_masks,
    require_agreement,
    suspensions_at,
)
from komorebi_qc.sync import FoundJump
from komorebi_qc.sync.evidence.belonging import Belonging

if TYPE_CHECKING:
    from numpy.typing import NDArray

CALL_S = 1000.0
PRIVATE = (PrivateSpan(Span(100.0, 104.0), "suspended"),)
ALIGNED = Alignment(3.0)


def masked(placement: Placement, **options: Any) -> tuple[float, float]:
    """The only mask on the recording clock."""
    (mask,) = place_masks(PRIVATE, placement, CALL_S, Options(**options)).recording
    return mask.start_s, mask.end_s


@pytest.mark.parametrize(
    ("placement", "bound_s"),
    [
        (Placement(ALIGNED, "measured", result(), 0.001), 0.001),
        (Placement(ALIGNED, "candidate", result(), 0.155, is_confirmed=False), 0.155),
        (Placement(ALIGNED, "call_end", None, 1.3), 1.3 + CRYSTAL * CALL_S),
        (Placement(ALIGNED, "manual", None), GIVEN_BOUND_S + CRYSTAL * CALL_S),
        (Placement(Alignment(3.0, 20.0), "manual", None), GIVEN_BOUND_S),
    ],
)
def test_a_mask_is_wider_by_what_the_place_may_be_off(placement: Placement, bound_s: float) -> None:
    """A clock that nobody measured may run 100 ppm off as well."""
    alignment = placement.alignment
    expected = alignment.to_recording(100.0) - 0.5 - bound_s, alignment.to_recording(104.0) + 0.5 + bound_s
    assert masked(placement) == pytest.approx(expected)


def test_margin_and_choice_come_from_the_options() -> None:
    """The choice is kept, also without a span."""
    placement = Placement(ALIGNED, "measured", result(), 0.0)
    assert masked(placement, mask_margin_s=0.0) == pytest.approx((103.0, 107.0))
    assert masked(placement, mask_margin_s=2.0) == pytest.approx((101.0, 109.0))
    found = place_masks(PRIVATE, placement, CALL_S, Options(mask="sound"))
    assert (found.choice, found.masks_sound, found.masks_picture) == ("sound", True, False)
    nothing = place_masks((), placement, CALL_S, Options())
    assert (nothing.choice, nothing.output) == ("picture", ())


def test_a_measured_jump_may_be_anywhere_in_its_pause() -> None:
    """A jump 40 s before the span, in a pause that goes on into it, may be inside of it: both sides are masked."""
    jump = FoundJump(60.0, 3.0, (3.0, 3.0), (59.0, 101.0))
    alignment = Alignment(3.0, jumps=(Jump(60.0, 3.0),))
    measured = replace(result(), jumps=(jump,))
    (mask,) = place_masks(PRIVATE, Placement(alignment, "measured", measured, 0.0), CALL_S, Options()).recording
    assert (mask.start_s, mask.end_s) == pytest.approx((102.5, 110.5))
    short = replace(result(), jumps=(replace(jump, between_s=(59.0, 60.5)),))
    (mask,) = place_masks(PRIVATE, Placement(alignment, "measured", short, 0.0), CALL_S, Options()).recording
    assert (mask.start_s, mask.end_s) == pytest.approx((105.5, 110.5))


@pytest.mark.parametrize(
    ("customer_s", "steps_s", "expected"),
    [
        (3.8, (), (102.5, 108.3)),
        (2.8, (), (102.3, 107.5)),
        (3.1, (0.4, -0.6), (102.0, 108.0)),
        (None, (0.4,), (102.5, 107.5)),
    ],
)
def test_a_late_customer_is_masked_to_the_last_word(
    customer_s: float | None, steps_s: tuple[float, ...], expected: tuple[float, float]
) -> None:
    """The recording has the customer's voice later than the agent's, by the delay of the leg and its changes."""
    steps = tuple(FoundJump(500.0, size_s, (size_s, size_s), (499.0, 501.0)) for size_s in steps_s)
    measured = replace(result(), lag_agent_s=3.0, lag_customer_s=customer_s, customer_steps=steps)
    assert masked(Placement(ALIGNED, "measured", measured, 0.0)) == pytest.approx(expected)


def test_another_calls_end_is_no_place() -> None:
    """Of a wrong pair nothing says where a span is: that is an error, unless nothing is to be masked."""
    wrong = Placement(ALIGNED, "call_end", replace(result(), status="wrong_pair"), 1.3, is_confirmed=False)
    with pytest.raises(MaskError, match=r"from 00:01:40\.000 to 00:01:44\.000.*Nothing was published"):
        place_masks(PRIVATE, wrong, CALL_S, Options())
    assert place_masks(PRIVATE, wrong, CALL_S, Options(mask="none")).masks_sound is False
    assert place_masks((), wrong, CALL_S, Options()).output == ()
    unsure = Placement(ALIGNED, "call_end", replace(result(), status="insufficient"), 1.3, is_confirmed=False)
    assert place_masks(PRIVATE, unsure, CALL_S, Options()).masks_sound is True


def test_a_call_end_that_the_audio_contradicts_is_no_place() -> None:
    """Other speech at the reported place is an error as well; a candidate or an operator's offset places the call."""
    belongs = Belonging("unknown", 0.5, 0.0, 0, 8.0, 3)
    contradicted = replace(result(), status="insufficient", belongs=belongs)
    with pytest.raises(MaskError, match=r"contradicts the reported call end.*Nothing was published.*--offset"):
        place_masks(PRIVATE, Placement(ALIGNED, "call_end", contradicted, 1.3, is_confirmed=False), CALL_S, Options())
    for placement in (
        Placement(ALIGNED, "candidate", contradicted, 2.0, is_confirmed=False),
        Placement(ALIGNED, "manual", contradicted),
    ):
        assert place_masks(PRIVATE, placement, CALL_S, Options()).masks_sound is True


@cache
def talk() -> NDArray[np.int16]:
    """A minute of both sides."""
    sides = [noise(60, RATE, seed) * 0.5 + noise(60, RATE, seed + 9) * 0.001 for seed in (1, 2)]
    found: NDArray[np.int16] = (np.stack(sides, axis=1) * 32767).astype(np.int16)
    found[found == 0] = 1  # a live line has no digital silence
    return found


@pytest.mark.parametrize(("source", "bound_s"), [("manual", None), ("call_end", 1.3)])
def test_a_given_place_must_be_the_audios(source: Any, bound_s: float | None) -> None:
    """A place that puts a span farther from its sound than the mask is wide ends the run; one within that doesn't."""
    allowed_s = (GIVEN_BOUND_S if bound_s is None else bound_s) + CRYSTAL * CALL_S
    given = Placement(ALIGNED, source, None, bound_s)
    for off_s in (0.9 * allowed_s, -0.9 * allowed_s):
        require_agreement(PRIVATE, given, result(offset_s=3.0 + off_s), CALL_S)
    for off_s in (1.1 * allowed_s, -1.1 * allowed_s):
        with pytest.raises(MaskError, match=r"suspended audio.*away from where the audio is.*Nothing was published"):
            require_agreement(PRIVATE, given, result(offset_s=3.0 + off_s), CALL_S)
    jumps = result(offset_s=3.0, jumps=(FoundJump(60.0, 5.0, (5.0, 5.0), (59.0, 61.0)),))
    with pytest.raises(MaskError, match=r"5\.00 s away"):
        require_agreement(PRIVATE, given, jumps, CALL_S)
    require_agreement(PRIVATE, given, result("insufficient"), CALL_S)


def test_without_a_recording_all_that_may_be_a_suspension_is_one() -> None:
    """The call ends in silence on both channels. With a witness who stays silent, it is only the end of the talk."""
    call = talk().copy()
    call[50 * RATE :] = 0
    (alone,) = find_suspensions(call, None, ALIGNED)
    assert (alone.call.start_s, alone.call.end_s) == pytest.approx((50.0, 60.0), abs=0.1)
    mixed = np.concatenate([np.zeros(3 * RATE, np.int16), call.mean(axis=1).astype(np.int16)])
    assert find_suspensions(call, mixed, ALIGNED) == ()


def sample_call() -> NDArray[np.int16]:
    """The sample's call audio, shape ``(n, 2)``."""
    with wave.open(str(CAPTURES["sample"].call), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


def test_an_unsure_place_has_its_own_witness() -> None:
    """The measurement wasn't sure, so it found nothing; at the place in use the recording speaks on."""
    call = sample_call().copy()
    mixed = np.concatenate([np.zeros(3 * RATE, np.int16), call.mean(axis=1).astype(np.int16)])
    call[12 * RATE :] = 0
    unsure = Placement(ALIGNED, "call_end", replace(result(), status="insufficient"), 1.3, is_confirmed=False)
    (found,) = suspensions_at((), call, mixed, unsure, DEFAULT)
    assert (found.call.start_s, found.call.end_s) == pytest.approx((12.0, len(call) / RATE), abs=0.1)
    assert suspensions_at(PRIVATE, call, mixed, Placement(ALIGNED, "measured", result(), 0.0), DEFAULT) == set(PRIVATE)


def test_the_sample_has_no_suspension() -> None:
    """With a witness and without one."""
    call = sample_call()
    assert find_suspensions(call, None, None) == ()
    assert find_suspensions(call, np.zeros(0, np.int16), Alignment(2.5)) == ()
