"""Options, and the measurements that follow from them."""

from __future__ import annotations

from typing import Any

import pytest

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.timebase import Alignment, CallEnd
from komorebi_qc.pipeline.options import MeasurementPlan, Options, Order

MEASURED = Order("one", CallEnd(10.0, 1.0))
MANUAL = Order("one", CallEnd(10.0, 1.0), Alignment(1.0))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"audio_rate": 44_100}, "8000, 12000, 16000, 24000, 48000"),
        ({"audio_bit_rate": 15_999}, "bit rate 15999"),
        ({"audio_bit_rate": 256_001}, "bit rate 256001"),
        ({"container": "avi"}, "auto, mp4, webm"),
        ({"align": "told"}, "auto, call-end"),
    ],
)
def test_an_unusable_value_is_refused(change: dict[str, Any], words: str) -> None:
    """The error names the values that can be used."""
    with pytest.raises(InputError, match=words):
        Options(**change)


@pytest.mark.parametrize("bit_rate", [16_000, 256_000])
def test_both_ends_of_the_bit_rate_are_allowed(bit_rate: int) -> None:
    """The range includes its ends."""
    assert Options(audio_bit_rate=bit_rate).audio_bit_rate == bit_rate


@pytest.mark.parametrize(
    ("order", "options", "expected"),
    [
        (MEASURED, Options(), (True, True, True)),
        (MANUAL, Options(), (True, False, True)),
        (MEASURED, Options(align="call-end"), (False, False, False)),
        (MANUAL, Options(align="call-end"), (False, False, False)),
    ],
)
def test_the_plan_follows_from_order_and_options(
    order: Order, options: Options, expected: tuple[bool, bool, bool]
) -> None:
    """A manual alignment replaces the sync measurement alone; by the call end nothing is measured."""
    plan = MeasurementPlan.of(order, options)
    assert (plan.measures_inputs, plan.measures_sync, plan.checks_output) == expected
    assert plan.retains_artifacts is False


def test_the_plan_retains_artifacts_on_request() -> None:
    """The option is passed on."""
    assert MeasurementPlan.of(MEASURED, Options(retain_artifacts=True)).retains_artifacts is True
