"""Options, and the measurements that follow from them."""

from __future__ import annotations

from typing import Any

import pytest

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.timebase import Alignment, CallEnd
from komorebi_qc.pipeline.options import MASKS_AS_SET, MaskRequest, MeasurementPlan, Options, Order

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
        ({"monitors": "both"}, "first, side-by-side"),
        ({"monitors": "side-by-side", "video_track": 2}, "choose one of both"),
        ({"mask": "all"}, "none, sound, picture"),
        ({"mask_margin_s": -0.1}, "between 0 and 60 seconds"),
        ({"mask_margin_s": 60.1}, "between 0 and 60 seconds"),
        ({"mask_margin_s": float("nan")}, "between 0 and 60 seconds"),
        ({"outside_call": "before"}, "own, after, silence"),
        ({"redacted": "always"}, "ignore, prefer, require"),
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


def test_by_default_sound_and_picture_are_masked_and_nothing_plays_before_the_call() -> None:
    """Suspended and redacted spans stay unrecorded unless somebody decides otherwise."""
    assert (Options().mask, Options().mask_margin_s, Options().outside_call) == ("picture", 0.5, "after")


def test_a_persons_masks_replace_those_of_the_settings() -> None:
    """The rest stays as it is set; for a worker elsewhere the choice becomes variables."""
    settings = Options(mask="sound", mask_margin_s=2.0, outside_call="silence")
    assert MASKS_AS_SET.of(settings) == settings
    chosen = MaskRequest("none", 0.0, "own")
    assert chosen.of(settings) == Options(mask="none", mask_margin_s=0.0, outside_call="own")
    assert MASKS_AS_SET.variables() == {}
    assert chosen.variables() == {
        "KOMOREBI_MASK": "none",
        "KOMOREBI_MASK_MARGIN_S": "0.000000",
        "KOMOREBI_OUTSIDE_CALL": "own",
    }
    with pytest.raises(InputError, match="the mask 'all'"):
        MaskRequest("all").variables()
