"""The targets: each takes bytes that nobody trusts, and checks that the package refuses or handles them.

An expected refusal is a `KomorebiError`. Any other exception is a finding, and so is a property that doesn't hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import analyst_targets
import media_targets
import text_targets
from mutate_ebml import mutate as mutate_ebml
from mutate_mp4 import mutate as mutate_mp4
from mutate_text import mutate_csv, mutate_json, mutate_subtitles
from mutate_wav import mutate as mutate_wav

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from random import Random

    from seeds import Seeds


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of input.

    Attributes:
        seeds: good inputs.
        mutate: changes one of them.
        check: uses an input in a folder of its own; raises for a finding.
    """

    seeds: list[bytes]
    mutate: Callable[[bytes, Random], bytes]
    check: Callable[[bytes, Path], None]


def target(name: str, seeds: Seeds) -> Target:
    """The target of a name."""
    media = media_targets.MediaChecks(seeds.call, seeds.recording)
    found = {
        "wav": Target(seeds.wav, mutate_wav, media.check_call),
        "mp4": Target(seeds.mp4, mutate_mp4, media.check_recording),
        "ebml": Target(seeds.ebml, mutate_ebml, media.check_recording),
        "message": Target(text_targets.MESSAGES, mutate_json, text_targets.check_message),
        "item": Target(text_targets.ITEMS, mutate_json, text_targets.check_item),
        "manifest-csv": Target(text_targets.MANIFESTS, mutate_csv, text_targets.check_csv_manifest),
        "manifest-json": Target(text_targets.JSON_LINES, mutate_json, text_targets.check_json_manifest),
        "row": Target(text_targets.ROWS, mutate_json, text_targets.check_row),
        "parameters": Target(text_targets.PARAMETERS, mutate_json, text_targets.check_parameters),
        "analysis": Target(text_targets.ANALYSES, mutate_json, text_targets.check_analysis),
        "transcript": Target(analyst_targets.TRANSCRIPTS, mutate_json, analyst_targets.check_transcript),
        "subtitles": Target(analyst_targets.SUBTITLES, mutate_subtitles, analyst_targets.check_transcript),
        "correction": Target(analyst_targets.CORRECTIONS, mutate_json, analyst_targets.check_correction),
        "notes": Target(analyst_targets.NOTES, mutate_json, analyst_targets.check_notes),
    }
    return found[name]
