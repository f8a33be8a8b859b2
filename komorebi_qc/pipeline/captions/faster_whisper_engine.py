"""faster-whisper (https://github.com/SYSTRAN/faster-whisper), with a model in a folder on this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
import soxr

from komorebi_qc.core.errors import InputError, missing_extra
from komorebi_qc.core.samples import RATE, as_float
from komorebi_qc.transcript.turns import Word

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from komorebi_qc.transcript.turns import TranscriptSource

FILES: Final = ("model.bin", "config.json", "tokenizer.json")
"""The files of a model. Without its tokenizer, the engine would download one."""
_RATE = 16_000
_SURE: Final = 0.5
"""Least probability of a language that counts for the rest of the call."""


class FasterWhisper:
    """A model of Whisper in CTranslate2's form, on the processor."""

    source: Final[TranscriptSource] = "faster_whisper"

    def __init__(self, folder: Path) -> None:
        """Load the model.

        Args:
            folder: of the model.

        Raises:
            InputError: faster-whisper isn't installed, or the model can't be used.
        """
        try:
            from faster_whisper import WhisperModel  # noqa: PLC0415  an extra
        except ImportError:
            raise missing_extra("transcribe", "faster-whisper", needed_by="--transcribe") from None
        self.name = f"faster-whisper's transcript ({folder.name})"
        self.language = ""
        self._folder = folder
        try:
            self._model: Any = WhisperModel(str(folder), device="cpu", compute_type="int8", local_files_only=True)
        except Exception as error:  # the engine has no errors of its own  # noqa: BLE001
            raise _unusable(folder, error) from None

    def words(self, samples: NDArray[np.int16]) -> Iterator[Word]:
        """As `komorebi_qc.transcript.recogniser.Recogniser.words`."""
        audio = np.asarray(soxr.resample(as_float(samples), RATE, _RATE), np.float32)
        try:
            # Without the words before it, one window's mistake doesn't spread.
            segments, info = self._model.transcribe(
                audio, language=self.language or None, word_timestamps=True, condition_on_previous_text=False
            )
            found = [word for segment in segments for word in segment.words or ()]
        except Exception as error:  # noqa: BLE001  likewise
            raise _unusable(self._folder, error) from None
        if not self.language and float(info.language_probability) >= _SURE:
            self.language = str(info.language)
        for word in found:
            yield Word(float(word.start), float(word.end), str(word.word))


def _unusable(folder: Path, error: Exception) -> InputError:
    return InputError(f"{folder} can't be used as a model of faster-whisper: {str(error)[:200]}. Name another model")
