"""The recogniser for a model's folder. The files in it decide which engine it is of; nothing is downloaded."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import InputError, missing_extra
from komorebi_qc.pipeline.captions import faster_whisper_engine, vosk_engine

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.transcript.recogniser import Recogniser

VARIABLE = "KOMOREBI_SPEECH_MODEL"
_FORMS = (
    f"a model of faster-whisper has {', '.join(faster_whisper_engine.FILES[:-1])} and "
    f"{faster_whisper_engine.FILES[-1]}, and one of Vosk has {' and '.join(vosk_engine.FILES)}"
)


def check_speech_model(folder: Path | None) -> Path:
    """Check, before any work, that an engine and a model are there.

    Args:
        folder: of the model; None if it isn't named.

    Raises:
        InputError: the engine isn't installed, or the model is missing.
    """
    if folder is None:
        if find_spec("faster_whisper") is None and find_spec("vosk") is None:
            raise missing_extra("transcribe", "faster-whisper", needed_by="--transcribe")
        raise InputError(
            f"--transcribe needs a model: name its folder by --speech-model or {VARIABLE}. Models aren't downloaded; "
            f"{_FORMS}"
        )
    if not folder.is_dir():
        raise InputError(f"{folder} isn't a folder: name a model's folder by --speech-model or {VARIABLE}")
    if _has(folder, faster_whisper_engine.FILES):
        if find_spec("faster_whisper") is None:
            raise missing_extra("transcribe", "faster-whisper", needed_by="--transcribe")
    elif not _has(folder, vosk_engine.FILES):
        raise InputError(f"{folder} isn't a model of a known form: {_FORMS}")
    elif find_spec("vosk") is None:
        raise vosk_engine.missing_vosk()
    return folder


def recogniser_in(folder: Path) -> Recogniser:
    """Load a model.

    Args:
        folder: of the model.

    Raises:
        InputError: its engine isn't installed, or it can't be used.
    """
    check_speech_model(folder)
    if _has(folder, faster_whisper_engine.FILES):
        return faster_whisper_engine.FasterWhisper(folder)
    return vosk_engine.Vosk(folder)


def _has(folder: Path, names: tuple[str, ...]) -> bool:
    return all((folder / name).is_file() for name in names)
