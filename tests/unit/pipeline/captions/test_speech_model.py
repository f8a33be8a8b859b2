"""The files of a model decide its engine. Without engine or model, one sentence says what to install or to name."""

from __future__ import annotations

import sys
from textwrap import dedent
from typing import TYPE_CHECKING

import numpy as np
import pytest

from komorebi_qc.core.errors import InputError
from komorebi_qc.pipeline.captions.speech_model import check_speech_model, recogniser_in

if TYPE_CHECKING:
    from pathlib import Path

WHISPER = ("model.bin", "config.json", "tokenizer.json")
VOSK = ("am/final.mdl", "conf/mfcc.conf")

# The parts of both engines that are used, with their own names and forms.
FASTER_WHISPER = """
    from pathlib import Path
    from types import SimpleNamespace as S

    class WhisperModel:
        def __init__(self, model_size_or_path, device, compute_type, local_files_only):
            assert (device, compute_type, local_files_only) == ("cpu", "int8", True)
            if Path(model_size_or_path, "model.bin").read_text() == "broken":
                raise RuntimeError("Unsupported model binary version")

        def transcribe(self, audio, language, word_timestamps, condition_on_previous_text):
            assert (str(audio.dtype), word_timestamps, condition_on_previous_text) == ("float32", True, False)
            words = [S(start=0.5, end=0.5 + len(audio) / 16000 / 4, word=f" {language}", probability=0.9)]
            return iter([S(words=words), S(words=None)]), S(language="de", language_probability=0.8)
"""
VOSK_MODULE = """
    import json
    from pathlib import Path

    def SetLogLevel(level):
        pass

    class Model:
        def __init__(self, model_path):
            if Path(model_path, "am", "final.mdl").read_text() == "broken":
                raise Exception("Failed to create a model")

    class KaldiRecognizer:
        def __init__(self, model, rate):
            self.rate, self.size, self.with_words = rate, 0, False

        def SetWords(self, on):
            self.with_words = on

        def AcceptWaveform(self, data):
            self.size += len(data)
            return self.size > 2 * 2 * self.rate

        def Result(self):
            at = self.size / 2 / self.rate
            words = [{"conf": 1.0, "start": at - 1, "end": at, "word": "so"}]
            return json.dumps({"result": words, "text": "so"} if self.with_words else {"text": "so"})

        def FinalResult(self):
            return json.dumps({"text": ""})
"""


@pytest.fixture
def engines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder on the path for engines; neither is installed yet."""
    monkeypatch.setattr(sys, "path", [str(tmp_path / "engines"), *sys.path])
    for name in ("faster_whisper", "vosk"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        if __import__("importlib.util").util.find_spec(name) is not None:
            pytest.skip(f"{name} is installed here")
    (tmp_path / "engines").mkdir()
    return tmp_path / "engines"


def install(engines: Path, name: str, content: str) -> None:
    """Make an engine that can be imported."""
    (engines / f"{name}.py").write_text(dedent(content))
    __import__("importlib").invalidate_caches()


def model(folder: Path, names: tuple[str, ...], content: str = "") -> Path:
    """A model's folder."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def test_without_an_engine_a_sentence_says_what_to_install(engines: Path, tmp_path: Path) -> None:
    """With a model, and without one."""
    assert engines.is_dir()
    with pytest.raises(InputError, match=r"--transcribe needs faster-whisper, which isn't installed; install it with"):
        check_speech_model(None)
    with pytest.raises(InputError, match=r"needs faster-whisper.*\[transcribe\]"):
        check_speech_model(model(tmp_path / "tiny", WHISPER))
    with pytest.raises(InputError, match=r"needs Vosk for this model.*pip install vosk"):
        recogniser_in(model(tmp_path / "small", VOSK))


def test_without_a_model_a_sentence_says_what_to_name(engines: Path, tmp_path: Path) -> None:
    """A folder that isn't there, or that has no model, as well."""
    install(engines, "faster_whisper", FASTER_WHISPER)
    with pytest.raises(InputError, match="--transcribe needs a model: name its folder by --speech-model or KOMOREBI_"):
        check_speech_model(None)
    with pytest.raises(InputError, match="isn't a folder"):
        check_speech_model(tmp_path / "absent")
    with pytest.raises(InputError, match=r"isn't a model of a known form: .*tokenizer\.json"):
        check_speech_model(model(tmp_path / "half", WHISPER[:2]))


def test_faster_whisper_gets_16_khz_and_keeps_the_language(engines: Path, tmp_path: Path) -> None:
    """The language is found once; words have plain numbers."""
    install(engines, "faster_whisper", FASTER_WHISPER)
    found = recogniser_in(model(tmp_path / "tiny", WHISPER))
    assert (found.source, found.language) == ("faster_whisper", "")
    (word,) = found.words(np.zeros(8000 * 4, np.int16))
    assert (word.from_s, word.text) == (0.5, " None")
    assert word.to_s == pytest.approx(1.5)
    assert found.language == "de"
    (word,) = found.words(np.zeros(8000, np.int16))
    assert word.text == " de"
    assert "tiny" in found.name


def test_vosk_gets_the_rate_of_its_model(engines: Path, tmp_path: Path) -> None:
    """Words of all its answers are there, each with a space before it."""
    install(engines, "vosk", VOSK_MODULE)
    folder = model(tmp_path / "small", VOSK, "--use-energy=false\n--sample-frequency=16000\n")
    found = recogniser_in(folder)
    words = list(found.words(np.zeros(8000 * 4, np.int16)))
    assert [(word.from_s, word.to_s, word.text) for word in words] == [(2.0, 3.0, " so"), (3.0, 4.0, " so")]
    assert (found.source, found.language) == ("vosk", "")


@pytest.mark.parametrize(
    ("module", "content", "names", "text"),
    [
        ("faster_whisper", FASTER_WHISPER, WHISPER, "Unsupported model binary version"),
        ("vosk", VOSK_MODULE, VOSK, "Failed to create a model"),
    ],
)
def test_a_broken_model_is_refused(
    engines: Path, tmp_path: Path, module: str, content: str, names: tuple[str, ...], text: str
) -> None:
    """The error names the folder, the engine's own words, and a remedy."""
    install(engines, module, content)
    with pytest.raises(InputError, match=rf"can't be used as a model of .*: {text}\. Name another model"):
        recogniser_in(model(tmp_path / "model", names, "broken"))
