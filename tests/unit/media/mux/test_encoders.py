"""The options of the audio encoders."""

from __future__ import annotations

import pytest

from komorebi_qc.media.mux.encoders import AMPLE_BITS, audio_encoder


@pytest.mark.parametrize(("bit_rate", "saves"), [(AMPLE_BITS, False), (AMPLE_BITS - 1, True)])
def test_tools_that_save_bits_are_off_from_a_bit_rate_on(bit_rate: int, *, saves: bool) -> None:
    """At the default rate they only take time. At a lower one FFmpeg decides."""
    name, options = audio_encoder("aac", bit_rate)
    assert name == "aac"
    assert options["aac_coder"] == "fast"
    tools = {"aac_ms", "aac_is", "aac_pns", "aac_tns"}
    assert {tool for tool in tools if options.get(tool) == "0"} == (set() if saves else tools)


def test_opus_has_no_such_tools() -> None:
    """Its options are the same at every rate."""
    assert audio_encoder("opus", 24_000) == audio_encoder("opus", 128_000)
