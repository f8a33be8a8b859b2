"""The arguments of a command become a selection: checked before any file or service is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from komorebi_qc.core.errors import InputError, MessageError
from komorebi_qc.demo.sample_call import AGENT_RECORDING, CALL_AUDIO, reported_call_end
from komorebi_qc.jobs import MaskRequest, ProcessRequest, Selection, speech_model
from komorebi_qc.pipeline.options import Options

CALL, OWN = Path("call.wav"), Path("a folder/own.webm")


def test_files_a_recording_and_the_sample() -> None:
    """Each gives the words that name it again on a command line."""
    files = Selection.of("", CALL, OWN, "00:10", demo=False)
    assert files.words() == ["--connect", "call.wav", "--recording", "a folder/own.webm", "--call-end", "00:10"]
    assert Selection.of("id-1", None, None, "10", demo=False).words() == ["id-1", "--call-end", "10"]
    sample = Selection.of("", None, None, "", demo=True)
    assert (sample.connect, sample.recording, sample.call_end) == (CALL_AUDIO, AGENT_RECORDING, reported_call_end())
    assert sample.words() == ["--demo"]
    assert Selection.of("", None, None, "20", demo=True).words() == ["--demo", "--call-end", "20"]
    assert Selection.of("", None, None, "0:20", demo=True).call_end == "0:20"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("", None, None, "1", False), "--connect and --recording are missing"),
        (("", CALL, None, "1", False), "--recording is missing"),
        (("", CALL, OWN, "", False), "--call-end is missing"),
        (("", CALL, OWN, "soon", False), "HH:MM:SS"),
        (("id-1", CALL, None, "1", False), "--connect can't be used with a recording ID"),
        (("id-1", None, None, "", True), "name no recording beside it"),
        (("", CALL, OWN, "1", True), "name no recording beside it"),
    ],
)
def test_contradictions_are_refused(arguments: tuple[str, Path | None, Path | None, str, bool], words: str) -> None:
    """One sentence names the options."""
    *given, demo = arguments
    with pytest.raises(InputError, match=words):
        Selection.of(*given, demo=demo)  # type: ignore[arg-type]


def test_malformed_id_is_refused() -> None:
    """Before any setting is read."""
    with pytest.raises(MessageError):
        Selection.of("../x", None, None, "1", demo=False)


def test_known_call_end_needs_no_table() -> None:
    """Settings are read only if the call end is to come from the item."""
    selection = Selection.of("id-1", None, None, "1", demo=False)
    assert selection.with_call_end({}) is selection
    with pytest.raises(InputError, match="AC_AUDIO_BUCKET_NAME"):
        Selection.of("id-1", None, None, "", demo=False).with_call_end({})


def request(**more: Any) -> ProcessRequest:
    """A request with a call end."""
    return ProcessRequest("10", None, 0.0, "auto", **more)


def test_an_option_wins_over_the_environments_rule() -> None:
    """Without the option the environment's rule counts; an unknown rule is refused."""
    settings = Options(unconfirmed="hold")
    assert request().options(settings, "auto", thumbnail=False).unconfirmed == "hold"
    chosen = request(unconfirmed="publish", whole_call=True).options(settings, "auto", thumbnail=False)
    assert (chosen.unconfirmed, chosen.whole_call) == ("publish", True)
    with pytest.raises(InputError, match="'maybe' for unconfirmed pairs"):
        request(unconfirmed="maybe").options(settings, "auto", thumbnail=False)


def test_a_persons_masks_win_over_the_environments() -> None:
    """The rest is as the environment has it."""
    settings = Options(mask="sound", outside_call="silence")
    assert request().options(settings, "auto", thumbnail=False).mask == "sound"
    chosen = request(masks=MaskRequest("none", 1.5)).options(settings, "auto", thumbnail=False)
    assert (chosen.mask, chosen.mask_margin_s, chosen.outside_call) == ("none", 1.5, "silence")
    with pytest.raises(InputError, match="the mask 'all'"):
        request(masks=MaskRequest("all")).options(settings, "auto", thumbnail=False)


def test_an_analysis_comes_with_two_files() -> None:
    """It is an input like them, and the words name it again; with an ID the store looks for it."""
    files = Selection.of("", CALL, OWN, "10", demo=False, analysis=Path("a.json"))
    assert files.words()[-2:] == ["--analysis", "a.json"]
    assert files.files == [CALL, OWN, Path("a.json")]
    for recording_id, demo in (("id-1", False), ("", True)):
        with pytest.raises(InputError, match="--analysis can only be used with two files"):
            Selection.of(recording_id, None, None, "10", demo=demo, analysis=Path("a.json"))


def test_redacted_audio_is_chosen_for_a_recording_in_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """The option wins over the environment; for two files the redacted audio is named by itself."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    environ = dict.fromkeys(("AC_AUDIO_BUCKET_NAME", "INPUT_BUCKET_NAME", "OUTPUT_BUCKET_NAME"), "bucket")
    environ["KOMOREBI_REDACTED"] = "prefer"
    chosen = Selection.of("id-1", None, None, "10", demo=False, redacted="require")
    assert chosen.words() == ["id-1", "--call-end", "10", "--redacted", "require"]
    assert chosen.wired(environ).media.redacted == "require"
    assert chosen.wired(environ).options.redacted == "require"
    assert Selection.of("id-1", None, None, "10", demo=False).wired(environ).media.redacted == "prefer"
    with pytest.raises(InputError, match="KOMOREBI_ANALYSIS_PREFIX is off"):
        chosen.wired({**environ, "KOMOREBI_REDACTED": "", "KOMOREBI_ANALYSIS_PREFIX": "off"})
    with pytest.raises(InputError, match="name it by --connect"):
        Selection.of("", CALL, OWN, "10", demo=False, redacted="prefer")
    with pytest.raises(InputError, match="name one of ignore, prefer, require"):
        Selection.of("id-1", None, None, "10", demo=False, redacted="always")


def test_words_are_of_a_file_or_of_a_recogniser() -> None:
    """For two files, for a recording in AWS and for the sample; the audit's command names them again."""
    words, model = Path("words.vtt"), Path("tiny")
    for given, demo in (
        (("", CALL, OWN, "1"), False),
        (("id-1", None, None, "1"), False),
        (("", None, None, ""), True),
    ):
        named = Selection.of(*given, demo=demo, transcript=words)
        assert named.words()[-2:] == ["--transcript", "words.vtt"]
        made = Selection.of(*given, demo=demo, speech_model=model)
        assert made.words()[-3:] == ["--transcribe", "--speech-model", "tiny"]
        with pytest.raises(InputError, match="--transcript and --transcribe can't be used together"):
            Selection.of(*given, demo=demo, transcript=words, speech_model=model)


def test_a_model_is_named_by_an_option_or_by_the_environment(tmp_path: Path) -> None:
    """Without --transcribe neither counts, and an option that isn't used is refused."""
    assert speech_model(None, {"KOMOREBI_SPEECH_MODEL": "/absent"}, transcribe=False) is None
    with pytest.raises(InputError, match="--speech-model can only be used with --transcribe"):
        speech_model(tmp_path, {}, transcribe=False)
    with pytest.raises(InputError, match="/absent isn't a folder"):
        speech_model(None, {"KOMOREBI_SPEECH_MODEL": "/absent"}, transcribe=True)
    with pytest.raises(InputError, match="isn't a model of a known form"):
        speech_model(tmp_path, {"KOMOREBI_SPEECH_MODEL": "/absent"}, transcribe=True)


def test_a_recording_may_have_further_files() -> None:
    """They are inputs: no result may overwrite them."""
    more = Path("more.webm")
    selection = Selection.of("", CALL, OWN, "10", demo=False, further=[more])
    assert selection.further == (more,)
    assert selection.files == [CALL, OWN, more]
    assert Selection.of("", CALL, OWN, "10", demo=False).further == ()
