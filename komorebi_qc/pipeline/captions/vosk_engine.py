"""Vosk (https://alphacephei.com/vosk), with a model in a folder on this machine."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import soxr

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.samples import RATE, as_float
from komorebi_qc.transcript.turns import Word

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from numpy.typing import NDArray

    from komorebi_qc.transcript.turns import TranscriptSource

FILES: Final = ("am/final.mdl", "conf/mfcc.conf")
_RATE = re.compile(r"^--sample-frequency=(\d{4,5})", re.MULTILINE | re.ASCII)
_FULL: Final = 32_767.0


class Vosk:
    """A model of Kaldi."""

    source: Final[TranscriptSource] = "vosk"
    language: Final = ""

    def __init__(self, folder: Path) -> None:
        """Load the model.

        Args:
            folder: of the model.

        Raises:
            InputError: Vosk isn't installed, or the model can't be used.
        """
        try:
            import vosk  # noqa: PLC0415  installed by those who use it
        except ImportError:
            raise missing_vosk() from None
        vosk.SetLogLevel(-1)
        self.name = f"Vosk's transcript ({folder.name})"
        self._vosk: Any = vosk
        try:
            stated = _RATE.search((folder / "conf" / "mfcc.conf").read_text(encoding="utf-8"))
            self._rate = int(stated[1]) if stated else 16_000
            self._model: Any = vosk.Model(str(folder))
        except Exception as error:  # the engine has no errors of its own  # noqa: BLE001
            text = str(error)[:200]
            raise InputError(f"{folder} can't be used as a model of Vosk: {text}. Name another model") from None

    def words(self, samples: NDArray[np.int16]) -> Iterator[Word]:
        """As `komorebi_qc.transcript.recogniser.Recogniser.words`."""
        recogniser = self._vosk.KaldiRecognizer(self._model, float(self._rate))
        recogniser.SetWords(True)  # noqa: FBT003  the engine's own form
        audio = samples
        if self._rate != RATE:
            audio = np.clip(np.rint(soxr.resample(as_float(samples), RATE, self._rate) * _FULL), -_FULL, _FULL)
        content, step = audio.astype("<i2").tobytes(), 2 * self._rate
        for at in range(0, len(content), step):
            if recogniser.AcceptWaveform(content[at : at + step]):
                yield from _words(recogniser.Result())
        yield from _words(recogniser.FinalResult())


def missing_vosk() -> InputError:
    """Return the error for a model of Vosk without Vosk."""
    return InputError(
        "--transcribe needs Vosk for this model, and it isn't installed: install it with `pip install vosk`, or name a "
        "model of faster-whisper by --speech-model"
    )


def _words(answer: str) -> Iterator[Word]:
    for one in json.loads(answer).get("result", ()):
        yield Word(float(one["start"]), float(one["end"]), f" {one['word']}")
