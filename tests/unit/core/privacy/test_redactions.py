"""Contact Lens' redactions are read from every form that was seen, and nothing else passes for an analysis."""

from __future__ import annotations

import io
import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from analyses import AUDIO, CONTACT, analysis, as_json, redacted_analysis, times, turn
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.privacy.masks import PrivateSpan
from komorebi_qc.core.privacy.redactions import (
    MAX_ANALYSIS_BYTES,
    private_spans,
    read_analysis,
    redactions_of,
)
from komorebi_qc.core.source import Source
from komorebi_qc.core.timebase import Span

if TYPE_CHECKING:
    from collections.abc import Sequence

CALL_S = 20.0
CARD = times(5100, 7450)
_LEAVES = st.none() | st.booleans() | st.floats() | st.integers() | st.text()
_KEYS = st.sampled_from(
    ["Transcript", "Redaction", "RedactedTimestamps", "BeginOffsetMillis", "EndOffsetMillis", "Content", "Segments"]
)


def stated(redacted: Any) -> bytes:
    """An analysis whose only redaction is stated so."""
    return as_json(analysis(turn(0, 1, Redaction={"RedactedTimestamps": redacted})))


def spans(found: Any) -> list[tuple[float, float]]:
    """The redactions of an analysis, in seconds."""
    return seconds(read_analysis(as_json(found), "a.json").redactions)


def seconds(private: Sequence[PrivateSpan] | None) -> list[tuple[float, float]]:
    """Spans as pairs of numbers."""
    assert private is not None
    return [(one.call.start_s, one.call.end_s) for one in private]


def source(name: str, content: bytes = b"") -> Source:
    """An input in memory."""
    return Source(name, io.BytesIO(content), len(content))


# The forms that were seen


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(
            # https://docs.aws.amazon.com/connect/latest/adminguide/contact-lens-example-output-files.html, "Raw"
            analysis(turn(0, 900), turn(4640, 7600, "My number is 1 2 3", CARD)),
            [(5.1, 7.45)],
            id="admin guide, 1.1.0, original text",
        ),
        pytest.param(
            # The same page, "Redacted", RedactionMaskMode PII
            redacted_analysis(turn(0, 900), turn(4640, 7600, "My number is [PII]", CARD)),
            [(5.1, 7.45)],
            id="admin guide, 1.1.0, redacted text",
        ),
        pytest.param(
            # The same page on ENTITY_TYPE: the text names the kind of data
            redacted_analysis(turn(4640, 7600, "It is [CREDIT_DEBIT_NUMBER].", CARD)),
            [(5.1, 7.45)],
            id="admin guide, 1.1.0, the kind of data in the text",
        ),
        pytest.param(
            # The same page: "If two or more PII redactions exist in a turn, the first offset applies to the first PII"
            redacted_analysis(turn(0, 9000, "I'm [PII], card [PII].", times(300, 900), times(4000, 8000))),
            [(0.3, 0.9), (4.0, 8.0)],
            id="admin guide, two redactions in a turn",
        ),
        pytest.param(
            # awsdocs/amazon-connect-admin-guide: Version VOICE-2022-11-30, no turn with personal data
            analysis(turn(0, 900), turn(1000, 2000), Version="VOICE-2022-11-30"),
            [],
            id="admin guide of 2022, nothing redacted",
        ),
        pytest.param(
            # awsdocs/amazon-connect-admin-guide, Version 1.0.0: the example's times count from the turn, in a turn from
            # 3 s on. No other source does that, so both the times and the turn are masked.
            analysis(turn(3000, 3945, "It is a@b.example", times(900, 944)), Version="1.0.0"),
            [(0.9, 0.944), (3.0, 3.945)],
            id="admin guide of 2020, times outside of their turn",
        ),
        pytest.param(
            # ciopulse/ciopulse-connect-quickstart, of a live instance, 2026-09: no RedactionEntitiesRequested, and the
            # keys in alphabetical order, so that Version comes last
            dict(sorted(redacted_analysis(turn(4640, 7600, "it's [PII].", CARD)).items())),
            [(5.1, 7.45)],
            id="live instance",
        ),
        pytest.param(
            # awsdocs/amazon-transcribe-developer-guide, doc_source/analyze-output.md: one more list, LoudnessScores
            {
                "JobStatus": "COMPLETED",
                "JobName": "a job",
                "Channel": "VOICE",
                "Transcript": [
                    turn(4640, 7600, "Hey Mr [PII]?", Redaction={"RedactedTimestamps": [[CARD]]}, LoudnessScores=[1])
                ],
            },
            [(5.1, 7.45)],
            id="Transcribe Call Analytics",
        ),
        pytest.param(
            # The API reference's ListRealtimeContactAnalysisSegments: segments, some without a transcript
            {
                "Channel": "VOICE",
                "Status": "COMPLETED",
                "Segments": [{"Categories": {}}, {"Transcript": turn(4640, 7600, "It is [PII]", CARD)}],
            },
            [(5.1, 7.45)],
            id="real-time segments",
        ),
        pytest.param(
            # VP171097/contact-lens-voice-analytics-pipeline: every turn has a Redaction, no Version, no Channel
            {"JobStatus": "COMPLETED", "Transcript": [turn(0, 900, Redaction={"RedactedTimestamps": []})]},
            [],
            id="an exporter's empty Redaction",
        ),
        pytest.param(
            # rezaarchi/contact-lens-genai: neither Version, nor JobStatus, nor CustomerMetadata
            {"ContactId": "c", "Channel": "VOICE", "Transcript": [turn(0, 900)], "Categories": {}},
            [],
            id="a sample without a status",
        ),
        pytest.param(
            # The API's model of chats and real-time: CharacterOffsets and no times. The whole turn is masked.
            redacted_analysis(turn(4640, 7600, "[PII]", Redaction={"CharacterOffsets": [{"BeginOffsetChar": 0}]})),
            [(4.64, 7.6)],
            id="character offsets",
        ),
        pytest.param(
            # Not seen: fewer times than placeholders.
            redacted_analysis(turn(1000, 9000, "[PII], card [PII].", times(1100, 1900))),
            [(1.0, 9.0)],
            id="fewer times than placeholders",
        ),
        pytest.param(
            # Not seen: placeholders alone.
            redacted_analysis(turn(1000, 9000, "[NAME] here.")),
            [(1.0, 9.0)],
            id="placeholders without times",
        ),
        pytest.param(
            # Not seen: neither times of the turn nor other fields.
            analysis({"Redaction": {"RedactedTimestamps": [CARD]}}),
            [(5.1, 7.45)],
            id="a turn without times of its own",
        ),
    ],
)
def test_every_form_that_was_seen_is_read(found: Any, expected: list[tuple[float, float]]) -> None:
    """The spans come on the call clock, in order."""
    assert spans(found) == expected
    assert all(one.reason == "redacted" for one in read_analysis(as_json(found), "a.json").redactions)


def test_overlapping_redactions_become_one() -> None:
    """Customer and agent may say the same at once: the spans have no overlap."""
    found = analysis(turn(0, 9000, "", times(6000, 8000), times(1000, 2000)), turn(5000, 9000, "", times(5500, 7000)))
    assert spans(found) == [(1.0, 2.0), (5.5, 8.0)]


def test_a_redaction_without_a_length_redacts_its_turn() -> None:
    """Every word takes some time, so this time is wrong."""
    assert spans(analysis(turn(0, 9000, "", times(4000, 4000)))) == [(0.0, 9.0)]


def test_text_in_brackets_is_no_placeholder_in_lower_case() -> None:
    """A person's own brackets redact nothing."""
    assert spans(analysis(turn(0, 9000, "I [laughs] see [ok] [A]"))) == []


# Other files


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "it isn't JSON"),
        (b"RIFF\x00\x00", "it isn't JSON"),
        (b"\xff\xfe\x00", "it isn't JSON"),
        (b"{", "it isn't JSON"),
        (as_json(analysis())[:-1], "it isn't JSON"),
        (b"[" * 100_000, "it isn't JSON"),
        (b'{"Transcript":' * 5_000, "it isn't JSON"),
        (b"null", "known form"),
        (b"[]", "known form"),
        (b'"analysis"', "known form"),
        (b"{}", "known form"),
        (b'{"Segments": [1]}', "known form"),
        (as_json({"results": {"transcripts": [{"transcript": "of plain Transcribe"}]}, "status": "x"}), "known form"),
        (as_json(analysis() | {"Transcript": None}), "known form"),
        (as_json(analysis() | {"Transcript": {}}), "known form"),
        (as_json(analysis(Channel="CHAT")), "Channel isn't VOICE"),
        (as_json(analysis(JobStatus="FAILED")), "JobStatus isn't COMPLETED"),
        (as_json(analysis(JobStatus=None)), "JobStatus isn't COMPLETED"),
        (as_json(analysis(1)), "turn 1 isn't an object"),
        (as_json(analysis(turn(0, 1), turn(0, 1, Redaction=[]))), "turn 2 has a Redaction that isn't an object"),
        (stated(CARD), "unknown form"),
        (stated([1]), "unknown form"),
        (stated([[[[CARD]]]]), "unknown form"),
        (stated([{"BeginOffsetMillis": 1}]), "a redaction of turn 1 has no EndOffsetMillis"),
        (stated([{"BeginOffsetMillis": "1", "EndOffsetMillis": 2}]), "BeginOffsetMillis"),
        (stated([{"BeginOffsetMillis": True, "EndOffsetMillis": 2}]), "BeginOffsetMillis"),
        (stated([times(-1, 2)]), "negative"),
        (stated([times(3, 2)]), "backwards"),
        (stated([times(0, float("nan"))]), "run backwards"),
        (stated([times(0, float("inf"))]), "longer than any call"),
        (stated([times(0, 10**400)]), "longer than any call"),
        (b'{"Transcript": [{"Redaction": {"RedactedTimestamps": [' + b"1" * 5000 + b"]}}]}", "can't be used"),
        (as_json(analysis({"Content": "[PII]"})), "turn 1 has no BeginOffsetMillis"),
        (as_json(analysis())[:-1] + b', "Transcript": []}', "a key twice"),
        (as_json(analysis(turn(0, 1))).replace(b'"Content"', b'"Redaction": {}, "Redaction"', 1), "a key twice"),
        (as_json(analysis(turn(0, 1, redaction={}))), "the key Redaction in another case"),
        (stated([times(0, 1)]).replace(b"RedactedT", b"redactedT"), "the key RedactedTimestamps in another case"),
    ],
)
def test_a_file_that_is_no_complete_analysis_is_refused(content: bytes, fault: str) -> None:
    """One sentence names the file and the fault, says that nothing is published, and how to go on."""
    with pytest.raises(InputError, match=fault) as caught:
        read_analysis(content, "s3://calls/a.json")
    text = str(caught.value)
    assert text.startswith("s3://calls/a.json can't be used: ")
    assert "nothing is published" in text
    assert "KOMOREBI_ANALYSIS_PREFIX=off" in text
    assert len(text) < 400


def test_no_error_quotes_the_conversation() -> None:
    """The sentence is logged, and the text is a customer's."""
    found = analysis(turn(0, 1, "my card is 4111", times(3, 2)))
    with pytest.raises(InputError) as caught:
        read_analysis(as_json(found), "a.json")
    assert "4111" not in str(caught.value)


@pytest.mark.parametrize("content", [b"a" * 5_000_000, b'"' + b"a" * 5_000_000 + b'"', b"[" * 5_000_000])
def test_megabytes_of_something_else_are_refused_at_once(content: bytes) -> None:
    """Neither a word of 5 MB nor as deep a nesting takes long."""
    began = time.process_time()
    with pytest.raises(InputError, match=r"it isn't JSON|known form"):
        read_analysis(content, "a.json")
    assert time.process_time() - began < 2.0


def test_a_file_that_is_too_large_is_not_read() -> None:
    """The size decides before the content is fetched."""

    class Unread(io.BytesIO):
        def read(self, *_: Any) -> bytes:
            raise AssertionError("it is read")

    large = Source("a.json", Unread(), MAX_ANALYSIS_BYTES + 1)
    with pytest.raises(InputError, match="has at most"):
        redactions_of(source("call.wav"), CALL_S, [large])
    with pytest.raises(InputError, match="has at most"):
        read_analysis(b" " * (MAX_ANALYSIS_BYTES + 1), "a.json")


@given(st.recursive(_LEAVES, lambda one: st.lists(one) | st.dictionaries(_KEYS, one), max_leaves=20))
def test_any_json_is_read_or_refused(found: Any) -> None:
    """Any content gives spans, or one InputError."""
    try:
        read = read_analysis(json.dumps(found).encode(), "a.json")
    except InputError:
        return
    assert all(0.0 <= one.call.start_s <= one.call.end_s for one in read.redactions)


# Of which call audio it is


def test_an_analysis_of_the_call_is_placed_on_it() -> None:
    """A span that ends after the call's end is cut there."""
    found = as_json(analysis(turn(0, 30_000, "", times(19_000, 20_900))))
    assert seconds(redactions_of(source(AUDIO), CALL_S, [source("a.json", found)])) == [(19.0, 20.0)]


def test_redactions_of_several_analyses_are_united() -> None:
    """Two analyses of the same audio may differ, as a later one may find more."""
    one, other = (as_json(analysis(turn(0, 9000, "", times(*at)))) for at in ((1000, 2000), (1500, 4000)))
    found = redactions_of(source(AUDIO), CALL_S, [source("a.json", one), source("b.json", other)])
    assert seconds(found) == [(1.0, 4.0)]
    assert redactions_of(source(AUDIO), CALL_S, []) is None


def test_a_redaction_after_the_calls_end_is_of_other_audio() -> None:
    """Its times can't be placed, so nothing is published."""
    found = as_json(analysis(turn(60_000, 62_000, "", times(60_000, 61_000))))
    with pytest.raises(InputError, match=r"begins at 00:01:00\.000, after the end of .* at 00:00:20\.000"):
        redactions_of(source("call.wav"), CALL_S, [source("a.json", found)])


def test_analyses_of_other_audio_do_not_count() -> None:
    """Of a contact's two recordings, the analysed one is named in the analysis."""
    other = as_json(analysis(turn(0, 9000, "", CARD)) | {"CustomerMetadata": {"InputS3Uri": AUDIO.replace("58", "40")}})
    ours = as_json(analysis(turn(0, 9000, "", times(1000, 2000))))
    both = [source("a.json", other), source("b.json", ours)]
    assert seconds(redactions_of(source(AUDIO), CALL_S, both)) == [(1.0, 2.0)]
    with pytest.raises(InputError, match=r"a\.json can't be used: it is of other call audio"):
        redactions_of(source(AUDIO), CALL_S, both[:1])


def test_a_local_file_may_have_any_name() -> None:
    """The person who names both files knows that they belong together."""
    found = as_json(analysis(turn(0, 9000, "", CARD)))
    assert seconds(redactions_of(source("call.wav"), CALL_S, [source("a.json", found)])) == [(5.1, 7.45)]


@pytest.mark.parametrize("variant", ["analysis_redacted", "analysis"])
def test_redacted_audio_goes_with_the_analysis_of_its_timestamp(variant: str) -> None:
    """Redacted audio isn't named in an analysis, but has the same timestamp in its name."""
    folder = "s3://calls/Analysis/Voice/Redacted/2026/11/24/"
    audio = source(f"{folder}{CONTACT}_call_recording_redacted_2026-11-24T11:58:20Z.wav")
    content = as_json(redacted_analysis(turn(0, 9000, "", CARD)))
    ours = source(f"{folder}{CONTACT}_{variant}_2026-11-24T11:58:20Z.json", content)
    other = source(f"{folder}{CONTACT}_{variant}_2026-11-24T11:40:00Z.json", content)
    assert seconds(redactions_of(audio, CALL_S, [other, ours])) == [(5.1, 7.45)]
    with pytest.raises(InputError, match="of other call audio"):
        redactions_of(audio, CALL_S, [other])


# Beside suspensions


def test_the_silence_of_a_redaction_is_no_suspension() -> None:
    """Redacted audio is silent at a redaction, up to rounding; a suspension around it, or elsewhere, is one."""
    redacted = PrivateSpan(Span(5.1, 7.45), "redacted")
    silences = [PrivateSpan(Span(*at), "suspended") for at in ((12.0, 15.0), (5.1, 7.45), (3.0, 9.0))]
    assert private_spans(silences, [redacted]) == (silences[2], redacted, silences[0])
    assert private_spans(silences[:1], ()) == (silences[0],)


def test_all_of_the_silence_of_a_redaction_is_redacted() -> None:
    """Its silence may begin before the time in the analysis and end after it, and is masked whole."""
    redactions = [PrivateSpan(Span(5.1, 7.45), "redacted"), PrivateSpan(Span(20.0, 21.0), "redacted")]
    silence = PrivateSpan(Span(4.3, 7.9), "suspended")
    assert private_spans([silence], redactions) == (PrivateSpan(silence.call, "redacted"), redactions[1])
