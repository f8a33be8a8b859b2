"""Inputs as people may see and play them."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from captures import CAPTURES
from suspended import kept_of, part_of, sound_of

from komorebi_qc.core.privacy.masks import Masks, PrivateSpan, masks
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.timebase import Alignment, Span, parse_call_end
from komorebi_qc.media.probe import probe_recording
from komorebi_qc.pipeline.diagnose import diagnose
from komorebi_qc.pipeline.options import Options
from komorebi_qc.pipeline.privacy.masked_inputs import masked_pair, write_masked_recording
from komorebi_qc.storage.input_file import opened_file

if TYPE_CHECKING:
    from pathlib import Path

    from captures import Capture

    from komorebi_qc.core.privacy.masks import MaskChoice

PRIVATE = (PrivateSpan(Span(3.0, 6.0), "suspended"),)


def masks_of(capture: Capture, choice: MaskChoice = "picture") -> Masks:
    """Masks from 3 to 6 s of the call."""
    return masks(PRIVATE, Alignment(capture.offset_s), call_s=9.1, choice=choice)


def test_the_samples_of_a_pair_are_silent_in_the_masks(sample: Capture) -> None:
    """Each track on its own clock; measurements and the given pair stay."""
    with opened_file(sample.call) as call, opened_file(sample.recording) as recording:
        pair = diagnose(call, recording, parse_call_end(sample.call_end)).pair.in_memory()
    masked = masked_pair(pair, masks_of(sample))
    call_part = slice(round(2.5 * RATE), round(6.5 * RATE))
    first, last = (round((at_s + sample.offset_s) * RATE) for at_s in (2.5, 6.5))
    assert not np.asarray(masked.call[0 : masked.call.shape[0]])[call_part].any()
    assert not masked.recording[first:last].any()
    assert np.asarray(pair.call[0 : pair.call.shape[0]])[call_part].any()
    assert pair.recording[first:last].any()
    assert masked.recording[: first - 1].tolist() == pair.recording[: first - 1].tolist()
    assert masked.recording[last + 1 :].tolist() == pair.recording[last + 1 :].tolist()
    assert masked.result is pair.result
    assert masked_pair(pair, masks_of(sample, "none")).recording is pair.recording


def test_a_span_before_the_output_is_silent_in_the_call(sample: Capture) -> None:
    """A redaction of the part before a late agent is in no output, and the call's own samples hold it."""
    with opened_file(sample.call) as call, opened_file(sample.recording) as recording:
        pair = diagnose(call, recording, parse_call_end(sample.call_end)).pair.in_memory()
    late = Alignment(-10.0, part=Span(10.0, 20.1))
    before = masks(PRIVATE, late, call_s=20.1, choice="picture")
    assert before.output == ()
    part = slice(round(2.5 * RATE), round(6.5 * RATE))
    assert not np.asarray(masked_pair(pair, before).call)[part].any()
    assert np.asarray(pair.call)[part].any()


@pytest.mark.parametrize("choice", ["sound", "picture"])
@pytest.mark.parametrize("name", ["sample", "vp8.webm"])
def test_a_copy_of_the_recording_has_its_masks(tmp_path: Path, name: str, choice: MaskChoice) -> None:
    """In its own container and codec; the sound beside the mask is the recording's own."""
    capture = CAPTURES[name]
    path = tmp_path / f"agent-recording.{'webm' if name.endswith('webm') else 'mp4'}"
    with opened_file(capture.recording) as recording:
        info = probe_recording(recording)
        write_masked_recording(recording, info, masks_of(capture, choice), Options(), path)
    content = path.read_bytes()
    from_s, to_s = (at_s + capture.offset_s for at_s in (3.0, 6.0))
    assert kept_of(capture, content, from_s, to_s) < 0.02
    assert kept_of(capture, content, 0.0, from_s - 0.6) > 0.9
    assert not part_of(sound_of(content), from_s - 0.3, to_s + 0.3).any()
    assert path.stat().st_mode & 0o077 == 0
    with av.open(io.BytesIO(content), "r") as file, av.open(str(capture.recording), "r") as before:
        assert file.streams.video[0].codec_context.name == before.streams.video[0].codec_context.name
        frames = [sum(packet.size > 0 for packet in one.demux(video=0)) for one in (file, before)]
    assert frames[0] == pytest.approx(frames[1], abs=1)
    assert [path.name for path in tmp_path.iterdir()] == [path.name]
