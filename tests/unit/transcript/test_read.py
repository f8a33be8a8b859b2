"""A transcript is read in every form that was seen, and nothing else passes for one."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from transcripts import lens

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.source import Source
from komorebi_qc.transcript.read import check_size, has_words, read_transcript, transcript_in
from komorebi_qc.transcript.turns import MAX_TRANSCRIPT_BYTES

VTT = b"""WEBVTT
Kind: captions
Language: de-DE

NOTE made by hand

1
00:00:01.000 --> 00:00:02.500 align:start
<v Agent>Guten <b>Tag</b> &amp; hallo</v>

01:00:02.000 --> 01:00:03.000
<v Speaker0>Ja
bitte
"""
SRT = b"""1
00:00:01,000 --> 00:00:02,500
Agent: Good day

2
00:00:03,000 --> 00:00:04,000
[Customer] Hello <script>alert(1)</script> 5 < 6

3
00:00:05,000 --> 00:00:06,000
(speaker 1) I see
"""
WHISPER: dict[str, Any] = {
    "text": " Hello there.",
    "language": "en",
    "segments": [
        {
            "id": 0,
            "start": 0.0,
            "end": 2.0,
            "text": " Hello there.",
            "words": [{"word": " Hello", "start": 0.5, "end": 0.9}, {"word": " there.", "start": 1.0, "end": 1.4}],
        },
        {"id": 1, "start": 2.0, "end": 4.0, "text": " Yes."},
    ],
}
CPP = {
    "model": {"type": "base"},
    "result": {"language": "en"},
    "transcription": [
        {
            "timestamps": {"from": "00:00:00,000", "to": "00:00:02,000"},
            "offsets": {"from": 0, "to": 2000},
            "text": " Good day",
            "speaker": "1",
            "tokens": [
                {"text": "[_BEG_]", "offsets": {"from": 0, "to": 0}},
                {"text": " Good", "offsets": {"from": 300, "to": 600}},
                {"text": " day", "offsets": {"from": 600, "to": 900}},
                {"text": "[_TT_100]", "offsets": {"from": 2000, "to": 2000}},
            ],
        },
        {"offsets": {"from": 2000, "to": 3000}, "text": " Hello", "speaker": "0"},
        {"offsets": {"from": 3000, "to": 4000}, "text": " Hm", "speaker": "?"},
    ],
}


def shown(content: bytes) -> list[tuple[str, float, float, str]]:
    """The turns of a file."""
    return [(one.speaker, one.from_s, one.to_s, one.text) for one in read_transcript(content, "words").turns]


def test_a_contact_lens_analysis_gives_its_turns_by_role_in_order() -> None:
    """Participants have roles; others, such as a bot, are unknown speakers."""
    content = lens(("p-2", 4000, 5500, "Hello."), ("p-1", 0, 900, "Hi."), ("p-9", 6000, 7000, "Welcome."))
    assert shown(content) == [
        ("customer", 0.0, 0.9, "Hi."),
        ("agent", 4.0, 5.5, "Hello."),
        ("unknown", 6.0, 7.0, "Welcome."),
    ]
    assert (read_transcript(content, "a").language, read_transcript(content, "a").source) == ("en-US", "contact_lens")


def test_the_redacted_variant_says_which_turns_lack_words() -> None:
    """The text of a redaction is a placeholder. Other brackets, and those in the original variant, replace nothing."""
    turns = ("p-1", 0, 900, "It is [PII]."), ("p-2", 1000, 1900, "Thanks. [UNCLEAR_AUDIO] [OK]")
    more = ("p-1", 2000, 2900, "[CREDIT_DEBIT_NUMBER], yes"), ("p-2", 3000, 3900, "[NOISE] my card is 4711")
    redacted = lens(*turns, *more, ContentMetadata={"Output": "Redacted", "RedactionTypes": ["PII"]})
    assert [one.is_redacted for one in read_transcript(redacted, "a").turns] == [True, False, True, False]
    for original in (lens(*turns, *more), lens(*turns, *more, ContentMetadata=None)):
        assert not any(one.is_redacted for one in read_transcript(original, "a").turns)


def test_the_real_time_variant_has_its_turns_in_segments_with_their_roles() -> None:
    """ListRealtimeContactAnalysisSegments of the API reference."""
    turn = {"ParticipantRole": "AGENT", "BeginOffsetMillis": 0, "EndOffsetMillis": 900, "Content": "Hello."}
    content = json.dumps({"Segments": [{"Transcript": turn}, {"Categories": {}}]}).encode()
    assert shown(content) == [("agent", 0.0, 0.9, "Hello.")]


def test_webvtt_gives_voices_language_and_plain_text() -> None:
    """Markup is left out, and entities are characters."""
    assert shown(VTT) == [("agent", 1.0, 2.5, "Guten Tag & hallo"), ("customer", 3602.0, 3603.0, "Ja bitte")]
    assert read_transcript(b"\xef\xbb\xbf" + VTT, "a.vtt").language == "de-DE"


def test_srt_gives_labels_as_speakers() -> None:
    """SRT has no voices, so a label at a text's start counts."""
    assert shown(SRT) == [
        ("agent", 1.0, 2.5, "Good day"),
        ("customer", 3.0, 4.0, "Hello alert(1) 5 < 6"),
        ("agent", 5.0, 6.0, "I see"),
    ]


def test_whisper_gives_words_and_a_turn_begins_with_its_first_word() -> None:
    """A segment of Whisper begins where the one before it ends, in the silence between them."""
    first, second = read_transcript(json.dumps(WHISPER).encode(), "w.json").turns
    assert (first.from_s, first.to_s, [word.text for word in first.words]) == (0.5, 2.0, [" Hello", " there."])
    assert (second.from_s, second.words, second.speaker) == (2.0, (), "unknown")


def test_whisper_cpp_numbers_the_channels_and_its_special_tokens_are_no_words() -> None:
    """Channel 0 is the left one: the customer of Connect's call audio."""
    found = read_transcript(json.dumps(CPP).encode(), "w.json")
    assert [(one.speaker, one.from_s) for one in found.turns] == [("agent", 0.3), ("customer", 2.0), ("unknown", 3.0)]
    assert [word.text for word in found.turns[0].words] == [" Good", " day"]


def test_half_a_letter_in_a_token_costs_the_words_times_and_not_the_text() -> None:
    """whisper.cpp splits letters between tokens, which isn't UTF-8."""
    content = json.dumps(CPP, ensure_ascii=False).encode().replace(b'" day", "offsets"', b'" d\xc3", "offsets"')
    first = read_transcript(content, "w.json").turns[0]
    assert (first.text, first.words) == ("Good day", ())


@pytest.mark.parametrize("word", [{"word": " there.", "start": None, "end": None}, {"word": " there."}])
def test_a_word_without_its_time_costs_the_words_times_and_not_the_text(word: dict[str, Any]) -> None:
    """WhisperX's files have no times for numbers."""
    segment = WHISPER["segments"][0] | {"words": [{"word": " Hello", "start": 0.5, "end": 0.9}, word]}
    (turn,) = read_transcript(json.dumps({"segments": [segment]}).encode(), "w.json").turns
    assert (turn.text, turn.from_s, turn.words) == ("Hello there.", 0.0, ())


@pytest.mark.parametrize("words", [[" SECRET"], [" Hello"], ["w" * 5_000_000]])
def test_words_of_another_text_do_not_count(words: list[str]) -> None:
    """They would be shown beside a mask, in the place of the text."""
    listed = [{"word": word, "start": 0.5, "end": 0.9} for word in words]
    found = read_transcript(json.dumps({"segments": [WHISPER["segments"][0] | {"words": listed}]}).encode(), "w.json")
    assert [(turn.text, turn.words) for turn in found.turns] == [("Hello there.", ())]


@pytest.mark.parametrize(
    ("text", "speaker", "shown_text"),
    [
        ("Speaker 1: hello", "unknown", "hello"),
        ("Speaker 10: x", "unknown", "x"),
        ("[SPEAKER_02]: hi", "unknown", "hi"),
        ("speaker 0800 is our number", "unknown", "speaker 0800 is our number"),
        ("(speaker 1) 0800 is it", "agent", "0800 is it"),
        ("(speaker 12) x", "unknown", "(speaker 12) x"),
    ],
)
def test_numbers_of_speakers_are_channels_only_in_the_form_of_whisper_cpp(
    text: str, speaker: str, shown_text: str
) -> None:
    """Other tools number speakers from 1, in the order in which they speak."""
    assert shown(f"1\n00:00:01,000 --> 00:00:02,500\n{text}\n".encode()) == [(speaker, 1.0, 2.5, shown_text)]


def test_two_voices_in_one_cue_are_an_unknown_speaker() -> None:
    """Its times are of both."""
    both = b"WEBVTT\n\n00:00:01.000 --> 00:00:02.500\n<v Agent>Hello</v>\n<v.loud Customer>Good day</v>\n"
    assert shown(both) == [("unknown", 1.0, 2.5, "Hello Good day")]
    same = both.replace(b"Customer", b"Agent")
    assert shown(same) == [("agent", 1.0, 2.5, "Hello Good day")]


def test_marks_within_words_vanish() -> None:
    """Soft hyphens, joiners of words, tags, and marks of direction."""
    content = lens(("p-1", 0, 900, "card\u00adholder \u061cnum\u2060ber\U000e0041"))
    assert shown(content)[0][3] == "cardholder number"


def test_any_script_is_text_and_what_turns_it_around_is_not() -> None:
    """Other languages stay as they are; hidden marks, which can disguise text, are spaces."""
    content = lens(("p-1", 0, 900, "\u200f你好 Grüße \u202e!\u0000 \ud800"))
    assert shown(content)[0][3] == "你好 Grüße ! \ufffd"


def test_turns_may_overlap() -> None:
    """Both sides speak at once."""
    assert len(shown(lens(("p-1", 0, 5000, "Yes"), ("p-2", 1000, 2000, "No")))) == 2


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "it is empty"),
        (b"RIFF\x00\x00\x00\x00WAVE\xff\xfe", "it isn't text in UTF-8"),
        (b"Dear reader", "it isn't a transcript in a known format"),
        (b'{"Transcript": [', "it isn't JSON, or is cut off"),
        (b"[" * 100_000, "it isn't JSON, or is cut off"),
        (b"[1, 2]", "its JSON isn't a transcript in a known form"),
        (b'{"results": []}', "its JSON isn't a transcript in a known form"),
        (b"WEBVTT\n\n00:00:01.000 --> soon\nHello\n", "line 3 has -->, and isn't the times of a cue"),
        (b"WEBVTT\n\nNOTE a --> b\n\n00:01.000 --> 00:02.000\nHello\n", "line 3 has -->, and isn't the times"),
        (b"Hello --> there\n", "line 1 has -->, and isn't the times of a cue"),
        (b"1\n0:00:01,5 --> 0:00:02,5\nHello\n", "line 2 has -->, and isn't the times of a cue with three decimals"),
        (
            b"1\n00:00:01,000 --> 00:00:02,000\na\n\nx\n00:00:03,000 --> 00:00:04,000\nb\n",
            "it has the times of 2 cues, and 1 of them can be read",
        ),
        (
            b"1\n00:00:01,000 --> 00:00:02,000\na\n\n2\n0:0:1 --> xx\nb\n",
            "line 6 has -->, and isn't the times of a cue",
        ),
        ('{"segments": [{"start": 0, "end": 1, "text": "Straße"}]}'.encode("latin-1"), "it isn't text in UTF-8"),
        (
            '{"transcription": [{"offsets": {"from": 0, "to": 9}, "text": "Straße"}]}'.encode("latin-1"),
            "it isn't text in UTF-8",
        ),
        (b"WEBVTT\n\n", "it has no turn with words"),
        (b"WEBVTT\n\n00:00:02.000 --> 00:00:01.000\nHello\n", "cue 1 ends before it begins"),
        (
            b"WEBVTT\n\n99:00:00.000 --> 99:00:01.000\nHello\n",
            "cue 1 has a time that isn't a number from 0 to 48 hours",
        ),
        (lens(), "it has no turn with words"),
        (lens(("p-1", 0, 1, "Hi"), Channel="CHAT"), "its Channel isn't VOICE"),
        (lens(("p-1", 0, 1, "Hi"), JobStatus="IN_PROGRESS"), "its JobStatus isn't COMPLETED"),
        (lens(("p-1", 5, 1, "Hi")), "turn 1 ends before it begins"),
        (lens(("p-1", -5, 1, "Hi")), "turn 1 has a time that isn't a number"),
        (lens(("p-1", 10**400, 1, "Hi")), "turn 1 has a time that isn't a number"),
        (lens(("p-1", True, 1, "Hi")), "turn 1 has a time that isn't a number"),
        (b'{"Transcript": [7]}', "turn 1 isn't an object"),
        (b'{"segments": {}}', "its segments aren't a list"),
        (b'{"segments": [{"start": NaN, "end": 1, "text": "a"}]}', "segment 1 has a time that isn't a number"),
        (b'{"transcription": [{"text": "a"}]}', "segment 1 has no offsets"),
    ],
)
def test_an_error_names_the_file_the_fault_and_the_remedy(content: bytes, fault: str) -> None:
    """Hostile and broken files are refused with a sentence, which quotes no words of the call."""
    with pytest.raises(InputError) as caught:
        read_transcript(content, "calls/words.json")
    text = str(caught.value)
    assert text.startswith("calls/words.json can't be used as a transcript: ")
    assert fault in text
    assert text.rpartition(". ")[2].startswith(("Give ", "Replace "))


@pytest.mark.parametrize("kind", ["lens", "vtt", "srt", "one line"])
def test_five_megabytes_of_one_word_are_refused_at_once(kind: str) -> None:
    """No reader may take minutes over one line."""
    word = "a" * 5_000_000
    content = {
        "lens": lens(("p-1", 0, 900, word)),
        "vtt": f"WEBVTT\n\n00:00:01.000 --> 00:00:02.000\n{word}\n".encode(),
        "srt": f"1\n00:00:01,000 --> 00:00:02,000\n{word}\n".encode(),
        "one line": f"WEBVTT {word}".encode(),
    }[kind]
    began = time.process_time()
    with pytest.raises(InputError, match="characters, and a turn has at most"):
        read_transcript(content, "words")
    assert time.process_time() - began < 3.0


def test_a_file_larger_than_any_transcript_is_not_read() -> None:
    """The size alone decides."""
    with pytest.raises(InputError, match="and a transcript has at most"):
        check_size("words.json", MAX_TRANSCRIPT_BYTES + 1)


def test_a_source_is_read_from_its_start_and_can_be_read_again() -> None:
    """The file's digest is taken of the same source."""
    source = Source("words.vtt", io.BytesIO(VTT), len(VTT))
    assert transcript_in(source) == transcript_in(source)


def test_an_analysis_of_a_silent_call_has_no_words() -> None:
    """It isn't an error: nobody spoke."""
    assert not has_words(lens())
    assert has_words(lens(("p-1", 0, 900, "Yes")))


_KEYS = (
    *("Transcript", "Segments", "segments", "transcription", "words", "tokens", "offsets", "from", "to", "start"),
    *("end", "text", "Content", "BeginOffsetMillis", "EndOffsetMillis", "Participants", "speaker", "result"),
)
_JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(_KEYS),
            inner,
            max_size=6,
        )
    ),
    max_leaves=30,
)


@settings(deadline=None)
@given(found=_JSON)
def test_no_json_raises_anything_but_an_error_for_a_person(found: Any) -> None:
    """In any form."""
    try:
        read_transcript(json.dumps({"Transcript": found} if isinstance(found, list) else found).encode(), "words")
    except InputError:
        return


@settings(deadline=None)
@given(
    lines=st.lists(st.sampled_from(["WEBVTT", "", "1", "00:00:01.000 --> 00:00:02.000", "<v Agent>a", "-->", "\x00"]))
)
def test_no_text_raises_anything_but_an_error_for_a_person(lines: list[str]) -> None:
    """In any order of lines."""
    try:
        read_transcript("\n".join(lines).encode(), "words")
    except InputError:
        return
