"""The table of limits, and how settings change it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.finding import counted
from komorebi_qc.core.limits import DEFAULT, EVERYTHING, LIMITS, RENAMED, UNDETERMINED, Range, beyond


def test_every_row_says_what_and_who() -> None:
    """Each limit has a unit, a meaning and a source, fails no earlier than it warns, and its name is its own."""
    for row in LIMITS:
        assert row.unit, row.name
        assert row.meaning, row.name
        assert row.source, row.name
        assert row.fail.contains(row.warn), row.name
        assert all(DEFAULT.of(f"{scope}_{row.name}") is row for scope in row.scopes), row.name
    assert len({row.name for row in LIMITS}) == len(LIMITS)


@pytest.mark.parametrize(
    ("name", "value", "status", "limit"),
    [
        ("drift", 100.0, "pass", 100.0),
        ("drift", -101.0, "warn", 100.0),
        ("customer_leg_delay", -0.401, "fail", 0.15),
        ("coverage", 0.75, "pass", 0.75),
        ("coverage", 0.74, "warn", 0.75),
        ("call_before_recording", 601.0, "fail", 1.0),
        ("video_frames_lost", 1, "fail", 0),
        ("speech_level", -29.0, "warn", -28.0),
        ("speech_level", -15.0, "warn", -16.0),
        ("audio_start_skew", -0.046, "warn", -0.045),
        ("audio_start_skew", 0.046, "pass", 0.125),
        ("call_channels", 1, "warn", 2),
        ("loudness", -70.0, "pass", None),
    ],
)
def test_numbers_are_judged_on_their_side(name: str, value: float, status: str, limit: float | None) -> None:
    """Above, below or on either side: the status, and the limit on the value's side."""
    found = DEFAULT.of(name).finding(name, value, "A sentence.")
    assert (found.status, found.limit, found.limit_name) == (status, limit, name)


def test_the_rounded_value_is_compared() -> None:
    """A value that rounds to its limit passes: nobody reads 100.0 against 100.0 as a warning."""
    assert DEFAULT.of("drift").finding("drift", 100.0004, "A sentence.", digits=3).status == "pass"


def test_a_sentence_fits_its_status() -> None:
    """A pass has its own sentence, a failure has advice, and a switched-off limit is reported as not judged."""
    limit = DEFAULT.of("snr")
    low = limit.finding("snr", 3.0, "It is noisy.", good="It is clear.", advice="check the room.")
    assert low.text == "It is noisy: check the room."
    assert limit.finding("snr", 30.0, "It is noisy.", good="It is clear.").text == "It is clear."
    off = DEFAULT.changed_by("snr=off").of("snr").finding("snr", 3.0, "It is noisy.")
    assert (off.status, off.limit) == ("pass", None)
    assert off.text == "It is noisy. Not judged: the limit is switched off."
    unknown = limit.unknown("snr", "Nobody speaks.")
    assert (unknown.value, unknown.status, unknown.limit) == (UNDETERMINED, "pass", 20.0)


@pytest.mark.parametrize(
    ("text", "name", "warn", "fail"),
    [
        ("drift=50", "drift", beyond(50), EVERYTHING),
        ("drift=50:200", "drift", beyond(50), beyond(200)),
        ("drift = 50 : 200 ", "drift", beyond(50), beyond(200)),
        ("customer_leg_delay=0.2", "customer_leg_delay", beyond(0.2), beyond(0.4)),
        ("customer_leg_delay=0.5", "customer_leg_delay", beyond(0.5), beyond(0.5)),
        ("customer_leg_delay=.2:off", "customer_leg_delay", beyond(0.2), EVERYTHING),
        ("video_frames_lost=2", "video_frames_lost", Range(high=2), Range(high=2)),
        ("coverage=0.5:0.2", "coverage", Range(low=0.5), Range(low=0.2)),
        ("speech_level=-30..-10", "speech_level", Range(-30, -10), EVERYTHING),
        ("call_agent_snr=10", "call_agent_snr", Range(low=10), EVERYTHING),
        ("loudness=-30..-16", "loudness", Range(-30, -16), EVERYTHING),
        ("drift=off,drift=70", "drift", beyond(70), EVERYTHING),
    ],
)
def test_a_setting_changes_its_limit(text: str, name: str, warn: Range, fail: Range) -> None:
    """A number goes the way its limit goes, a range is a range, and nothing fails before it warns."""
    (row,) = DEFAULT.changed_by(text).changes
    assert (row.name, row.warn, row.fail, row.is_off) == (name, warn, fail, False)


def test_the_narrowest_name_wins() -> None:
    """A setting for one channel applies there; a setting for its track or for all applies elsewhere."""
    limits = DEFAULT.changed_by("snr=12", "call_snr=15", "call_agent_snr=18")
    assert limits.of("call_agent_snr").warn.low == 18
    assert limits.of("call_customer_snr").warn.low == 15
    assert limits.of("recording_snr").warn.low == 12
    assert limits.of("recording_channel_2_snr").warn.low == 12
    assert limits.of("call_agent_bandwidth") == DEFAULT.of("bandwidth")
    assert DEFAULT.of("call_agent_snr").name == "snr"
    with pytest.raises(KeyError, match="call_agent_nonsense"):
        DEFAULT.of("call_agent_nonsense")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("drfit=50", "no limit 'drfit': did you mean drift?"),
        ("call_agent_srn=50", "did you mean call_agent_snr?"),
        ("customer-leg-delay=1", "did you mean customer_leg_delay?"),
        ("loundess=off", "did you mean loudness?"),
        ("xyz=1", "`komorebi-qc limits` lists them"),
        ("drift", "isn't NAME=WARN or NAME=WARN:FAIL, such as drift=50:200"),
        ("drift=", "isn't NAME=WARN"),
        ("coverage=0,8", "decimal point"),
        ("drift=fifty", "drift takes a number, in ppm, and not 'fifty'"),
        ("seam_gap=10ms", "takes a number, in s, such as 0.01, and not '10ms'"),
        ("coverage=80%", "such as 0.8"),
        ("drift=nan", "takes a number"),
        ("drift=1e3", "takes a number"),
        ("drift=-50", "can't be '-50': give its size, in ppm"),
        ("coverage=80", "it is a share, from 0 to 1"),
        ("drift=200:50", "would fail before it warns"),
        ("coverage=0.5:0.7", "would fail before it warns"),
        ("drift=200..50", "the smaller number comes first"),
        ("drift=50:", "takes a number"),
        ("drift=off:5", "is off and has a FAIL number"),
        ("speech_level=-20", "takes a range in dBFS, such as speech_level=-28..-16"),
        ("drift=" + "9" * 400, "takes a number"),
        ("x" * 10_000 + "=1", "no limit"),
    ],
)
def test_slips_are_guessed(text: str, says: str) -> None:
    """A wrong name or number gets one sentence, of readable length, that says what was probably meant."""
    with pytest.raises(InputError) as caught:
        DEFAULT.changed_by(text)
    assert says in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200


@given(st.text(max_size=60) | st.from_regex(r"\A(drift|coverage|call_snr)=[-0-9.:of,]{0,20}\Z"))
def test_any_text_is_read_or_refused(text: str) -> None:
    """Any text gives a table whose limits don't fail before they warn, or one InputError."""
    try:
        limits = DEFAULT.changed_by(text)
    except InputError:
        return
    for row in limits.changes:
        assert row.fail.contains(row.warn)
        assert row.status(0.0) in ("pass", "warn", "fail")


def test_json_shows_changed_limits_with_their_defaults() -> None:
    """The rows that findings were judged by, with their sources, and the changed ones with their defaults."""
    limits = DEFAULT.changed_by("call_agent_snr=10:5", "coverage=off")
    found = [limits.of("drift").finding("drift", 1.0, "A sentence.")]
    shown = json.loads(json.dumps(limits.to_dict(found), allow_nan=False))
    assert list(shown) == ["drift", "coverage", "call_agent_snr"]
    assert shown["drift"]["changed"] is False
    assert shown["drift"]["warn"] == [-100.0, 100.0]
    assert shown["drift"]["fail"] is None
    assert "G.711" in shown["drift"]["source"]
    assert shown["coverage"] == {
        "warn": None,
        "fail": None,
        "unit": "share",
        "direction": "below",
        "source": DEFAULT.of("coverage").source,
        "changed": True,
        "default": {"warn": [0.75, None], "fail": None},
    }
    assert shown["call_agent_snr"]["warn"] == [10.0, None]
    assert shown["call_agent_snr"]["fail"] == [5.0, None]
    assert len(limits.to_dict()) == len(LIMITS) + 1


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        ("", "drift", "warns beyond +-100 ppm"),
        ("", "call_before_recording", "warns above 1 s, fails above 600 s"),
        ("", "video_frames_lost", "fails above 0 frames"),
        ("", "coverage", "warns below 0.75 share"),
        ("", "call_channels", "warns other than 2 channels"),
        ("", "speech_level", "warns outside -28..-16 dBFS"),
        ("", "hold_music", "reported only, in s"),
        ("drift=off", "drift", "off"),
    ],
)
def test_a_person_reads_how_it_judges(text: str, name: str, says: str) -> None:
    """A row in words."""
    assert DEFAULT.changed_by(text).of(name).judges() == says


def test_counts_have_their_noun() -> None:
    """One packet, two packets."""
    assert [counted(n, "packet") for n in (0, 1, 2)] == ["0 packets", "1 packet", "2 packets"]
    assert counted(2, "byte is", "bytes are") == "2 bytes are"


def test_names_of_version_0_1_still_set_their_limit() -> None:
    """A setting written for 0.1 changes the limit of the new name, and each new name exists."""
    for old, new in RENAMED.items():
        assert DEFAULT.of(new).name == new
        assert DEFAULT.changed_by(f"{old}=7").of(new).warn.holds(7)
        assert not DEFAULT.changed_by(f"{old}=7").of(new).warn.holds(7.1)
