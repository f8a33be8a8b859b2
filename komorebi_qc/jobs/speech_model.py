"""The model that a person names for `--transcribe`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import InputError
from komorebi_qc.pipeline.captions.speech_model import VARIABLE, check_speech_model

if TYPE_CHECKING:
    from collections.abc import Mapping


def speech_model(named: Path | None, environ: Mapping[str, str], *, transcribe: bool) -> Path | None:
    """Return the model's folder; None if nothing is transcribed.

    Args:
        named: by ``--speech-model``; None for the environment's.
        environ: the settings.
        transcribe: whether the call is transcribed.

    Raises:
        InputError: the engine or the model is missing, or a model is named and not used.
    """
    if not transcribe:
        if named is not None:
            raise InputError("--speech-model can only be used with --transcribe")
        return None
    default = environ.get(VARIABLE, "")
    return check_speech_model(named or (Path(default) if default else None))
