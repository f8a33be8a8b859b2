"""Both inputs with their masks: decoded samples for plots and players, and a copy of the recording for a player."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from komorebi_qc.core.errors import MediaError
from komorebi_qc.core.output import ENCODED_AS, CaptureSpans, RenderPlan, can_mask_in_place, plan_container
from komorebi_qc.core.samples import RATE
from komorebi_qc.core.splice import own_sound
from komorebi_qc.core.timebase import Span
from komorebi_qc.measure.mask_level import mask_levels, require_silence
from komorebi_qc.media import mux
from komorebi_qc.media.plain_call.wav import PlainPcm
from komorebi_qc.storage.atomic_file import new_part_file

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path
    from typing import BinaryIO

    from numpy.typing import NDArray

    from komorebi_qc.core.media_info import MediaInfo
    from komorebi_qc.core.output import Container
    from komorebi_qc.core.privacy.masks import Masks
    from komorebi_qc.core.source import Source
    from komorebi_qc.pipeline.options import Options
    from komorebi_qc.pipeline.pair import DecodedPair


def masked_pair(pair: DecodedPair, masks: Masks) -> DecodedPair:
    """A pair in memory whose samples are silent in the masks; its measurements stay as they are.

    Args:
        pair: the pair; it isn't changed.
        masks: of the call.
    """
    kept = pair.in_memory()
    # A span before the output's start has no mask there, but the call's own samples hold it.
    if masks.choice == "none" or not (masks.call or masks.recording):
        return kept
    call: NDArray[np.int16] = np.array(kept.call[0 : kept.call.shape[0]])
    recording = kept.recording.copy()
    _silence(call, masks.call)
    _silence(recording, masks.recording)
    return replace(kept, call=call, recording=recording)


def _silence(samples: NDArray[np.int16], spans: Sequence[Span]) -> None:
    for span in spans:
        samples[max(0, int(span.start_s * RATE)) : max(0, int(np.ceil(span.end_s * RATE)))] = 0


def write_masked_recording(recording: Source, info: MediaInfo, masks: Masks, options: Options, path: Path) -> None:
    """Write a copy of the agent recording that is masked in sound and picture.

    Args:
        recording: the agent recording.
        info: its tracks.
        masks: of the call, by the placement in use.
        options: container and codec of the sound.
        path: the file; its extension names the container.

    Raises:
        MediaError: the recording has no video, or can't be written into this container.
        MaskError: a mask of the written file isn't silent.
    """
    if info.video is None:
        raise MediaError(f"{info.name} has no video track")
    container: Container = "webm" if path.suffix == ".webm" else "mp4"
    codec, copies = info.video.codec, plan_container(info.video.codec, container)[1]
    copies = copies and (not masks.masks_picture or can_mask_in_place(info.video))
    codec = codec if copies else ENCODED_AS[container]
    plan = RenderPlan(container, codec, copies, options.audio_rate, options.audio_bit_rate)
    sound = tuple(Span(max(0.0, span.start_s), span.end_s) for span in masks.recording if span.end_s > 0.0)
    timeline = own_sound(info.end_s, has_audio=info.audio is not None, masked=sound if masks.masks_sound else ())
    capture = CaptureSpans((), timeline.masked) if timeline.masked else None
    on_its_clock = replace(masks, recording=sound, output=sound)
    nothing = PlainPcm(np.zeros((0, 2), np.int16))
    job = mux.RenderJob(timeline, plan, recording, recording, info, info.video, nothing, capture, on_its_clock)
    with new_part_file(path) as part:
        rendered = mux.write_output(job, lambda _: _emptied(part.file), lambda _: None)
        if timeline.masked:
            require_silence(mask_levels(rendered.captured, timeline.masked))
        part.sync()
        part.move_to(path)


def _emptied(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    file.truncate()
    return file
