"""Findings about levels: their names, their numbers, and the value at which each begins to warn."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from sentences import numbers

from komorebi_qc.core.finding import At, Finding
from komorebi_qc.core.timebase import Span
from komorebi_qc.findings.levels import level_findings
from komorebi_qc.measure.levels import ChannelLevels, HoldMusic

GOOD = ChannelLevels(
    length_s=120.0,
    samples=960_000,
    rms_dbfs=-27.0,
    peak_dbfs=-6.0,
    true_peak_dbtp=-5.5,
    speech_dbfs=-22.04,
    activity=0.4,
    loudness_lufs=-24.0,
    clipped_samples=0,
    clipped_runs=0,
    dc_offset=0.0,
    digital_silence_s=0.0,
    is_dead=False,
    dropouts=(),
    dropout_count=0,
    silences=(),
    hold_music=(),
    noise_floor_dbfs=-62.0,
    snr_db=40.0,
    bandwidth_hz=3400.0,
    invalid_samples=0,
)
PER_CHANNEL = [
    "sound", "speech_level", "true_peak", "clipping", "dc_offset", "dropouts", "snr", "bandwidth", "hold_music",
]  # fmt: skip


def one(name: str, **changes: Any) -> Finding:
    """A finding of a recording of one channel, which is good but for the changes."""
    found = {f.name: f for f in level_findings("recording", (replace(GOOD, **changes),))}
    return found[f"recording_{name}"]


def test_a_good_track_has_all_findings() -> None:
    """One channel without a name has its track's name; every finding passes, and no finding has a moment to look at."""
    found = level_findings("recording", (GOOD,))
    assert [f.name for f in found] == [f"recording_{n}" for n in ("digital_silence", "dead_air", *PER_CHANNEL)]
    assert all(f.status == "pass" for f in found)
    assert all(f.at is None for f in found)
    assert all(f.text.endswith(".") for f in found)


def test_every_sentence_starts_with_a_capital_or_a_number() -> None:
    """A channel's name may be the first word, in a good channel, a bad one and a dead one."""
    damaged = replace(GOOD, clipped_samples=5, clipped_runs=1, dropouts=(Span(3.0, 3.1),), dropout_count=1)
    bad = replace(damaged, hold_music=(HoldMusic(Span(2.0, 9.0), 0.9, None),))
    dead = replace(GOOD, rms_dbfs=-80.0, speech_dbfs=None, is_dead=True)
    found = level_findings("call", (GOOD, bad, dead), sides=("customer", "agent", "supervisor"))
    texts = {f.name: f.text for f in found}
    assert texts["call_agent_true_peak"].startswith("Call agent peaks at -5.5 dBTP.")
    assert texts["call_supervisor_sound"].startswith("Call supervisor is dead")
    assert not [text for text in texts.values() if text[0].islower()]


def test_channels_have_names_or_numbers() -> None:
    """A channel has its given name, or else a number from 1; a single channel may have a name too."""
    sides = level_findings("call", (GOOD, GOOD, GOOD), sides=("customer", "agent"))
    assert [f.name for f in sides if f.name.endswith("_snr")] == [
        "call_customer_snr",
        "call_agent_snr",
        "call_channel_3_snr",
    ]
    (alone,) = (f for f in level_findings("call", (GOOD,), sides=("agent",)) if f.name.endswith("_snr"))
    assert alone.name == "call_agent_snr"
    assert "call agent" in alone.text


def test_a_track_without_channels() -> None:
    """No channel gives the track's own findings, of no length."""
    found = level_findings("call", ())
    assert [(f.name, f.value, f.limit) for f in found] == [
        ("call_digital_silence", 0.0, -0.2),
    ]


@pytest.mark.parametrize(("silent_s", "status"), [(119.8, "pass"), (119.81, "warn"), (120.0, "warn")])
def test_digital_silence(silent_s: float, status: str) -> None:
    """Two tenths of a second of a track have to be more; else dead air isn't measured."""
    found = level_findings("recording", (replace(GOOD, digital_silence_s=silent_s),))
    assert (found[0].value, found[0].status, found[0].limit) == (silent_s, status, 119.8)
    names = [f.name for f in found[1:]]
    assert ("recording_dead_air" in names) is (status == "pass")
    assert names[-len(PER_CHANNEL) :] == [f"recording_{n}" for n in PER_CHANNEL]


def test_the_least_silent_channel_counts() -> None:
    """A track is silent if all of its channels are; its length is the longest channel's."""
    silent = replace(GOOD, digital_silence_s=120.0)
    found = level_findings("call", (silent, replace(GOOD, digital_silence_s=3.0)))[0]
    assert (found.name, found.value, found.status) == ("call_digital_silence", 3.0, "pass")
    longer = level_findings("call", (silent, replace(silent, length_s=130.0, digital_silence_s=125.0)))[0]
    assert (longer.limit, longer.status) == (129.8, "pass")


def test_a_suspension_is_no_dead_air() -> None:
    """Two minutes of a suspension leave the silence before and after it; less than 2 s of that is a pause."""
    silent = (Span(10.0, 150.0),)
    for private, value in (
        ((), 140.0),
        ((Span(20.0, 145.0),), 10.0),
        ((Span(11.0, 149.0),), 0.0),
        ((Span(0.0, 60.0), Span(100.0, 200.0)), 40.0),
    ):
        found = level_findings(
            "call", (replace(GOOD, silences=silent), replace(GOOD, silences=silent)), private=private
        )
        assert {f.name: f.value for f in found}["call_dead_air"] == value


def test_dead_air_is_what_all_channels_share() -> None:
    """The longest stretch in which every channel is silent, on the track's clock."""
    customer = replace(GOOD, silences=(Span(0.0, 70.0), Span(80.0, 120.0)))
    agent = replace(GOOD, silences=(Span(5.0, 20.0), Span(30.0, 95.0)))
    found = level_findings("call", (customer, agent))[1]
    assert (found.name, found.value, found.status) == ("call_dead_air", 40.0, "pass")
    assert found.at == At("call", 30.0)
    assert numbers(found.text) == ["40.0", "00:00:30.000"]
    touching = level_findings("call", (customer, replace(GOOD, silences=(Span(70.0, 80.0),))))[1]
    assert (touching.value, touching.at) == (0.0, None)


@pytest.mark.parametrize(("length_s", "status"), [(60.0, "pass"), (60.1, "warn")])
def test_dead_air_of_a_minute(length_s: float, status: str) -> None:
    """A minute passes, more warns with advice."""
    found = one("dead_air", silences=(Span(10.0, 10.0 + length_s),))
    assert (found.status, found.limit) == (status, 60.0)
    assert found.at == At("recording", 10.0)
    assert ("hold" in found.text) == (status == "warn")


def test_loudness_is_compared_with_a_broadcast() -> None:
    """The loudness of the whole track is a number without a limit, if it is given."""
    found = level_findings("call", (GOOD, GOOD), loudness_lufs=-26.456)[2]
    assert (found.name, found.value, found.status, found.limit) == ("call_loudness", -26.46, "pass", None)
    assert numbers(found.text) == ["-26.5", "+3.5"]
    assert "call_loudness" not in {f.name for f in level_findings("call", (GOOD, GOOD))}


def test_a_dead_channel_has_no_other_finding() -> None:
    """Below -60 dBFS nothing else is measured of a channel."""
    dead = replace(GOOD, is_dead=True, rms_dbfs=-75.5, speech_dbfs=-70.0)
    found = level_findings("call", (dead, GOOD), sides=("customer", "agent"))
    assert [f.name for f in found if "customer" in f.name] == ["call_customer_sound"]
    (sound,) = (f for f in found if f.name == "call_customer_sound")
    assert (sound.value, sound.status, sound.limit) == (-75.5, "warn", -60.0)
    assert "-60" in numbers(sound.text)
    assert len([f for f in found if "agent" in f.name]) == len(PER_CHANNEL)


@pytest.mark.parametrize(
    ("changes", "value"),
    [
        ({}, -22.04),
        ({"speech_dbfs": None}, -27.0),
        ({"rms_dbfs": -75.0, "speech_dbfs": -50.0}, -50.0),
        ({"rms_dbfs": -75.0, "speech_dbfs": None}, -60.0),
        ({"rms_dbfs": None, "speech_dbfs": None, "is_dead": True}, -120.0),
    ],
)
def test_the_level_of_the_active_audio(changes: dict[str, Any], value: float) -> None:
    """The mean, or that of the speech; a channel that isn't dead reaches -60 dBFS somewhere."""
    assert one("sound", **changes).value == value


@pytest.mark.parametrize(
    ("speech_dbfs", "status", "limit", "said"),
    [
        (-28.0, "pass", -28.0, ["-28.0"]),
        (-28.4, "warn", -28.0, ["-28.4", "0.4"]),
        (-16.0, "pass", -16.0, ["-16.0"]),
        (-12.5, "warn", -16.0, ["-12.5", "3.5"]),
    ],
)
def test_the_speech_level_states_its_distance(speech_dbfs: float, status: str, limit: float, said: list[str]) -> None:
    """Outside of -28 to -16 dBFS the sentence states the distance and the direction."""
    found = one("speech_level", speech_dbfs=speech_dbfs)
    assert (found.value, found.status, found.limit) == (speech_dbfs, status, limit)
    assert numbers(found.text) == said
    assert ("loud" in found.text, "quiet" in found.text) == (speech_dbfs > -16, speech_dbfs < -28)
    assert ("gain down" in found.text, "gain up" in found.text) == (speech_dbfs > -16, speech_dbfs < -28)


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("speech_level", "speech_dbfs"),
        ("true_peak", "true_peak_dbtp"),
        ("snr", "snr_db"),
        ("bandwidth", "bandwidth_hz"),
    ],
)
def test_an_unmeasured_value_has_no_finding(name: str, field: str) -> None:
    """A measurement of None is left out, and nothing else with it."""
    unmeasured: dict[str, Any] = {field: None}
    full = {f.name for f in level_findings("recording", (GOOD,))}
    found = {f.name for f in level_findings("recording", (replace(GOOD, **unmeasured),))}
    assert full - found == {f"recording_{name}"}


@pytest.mark.parametrize(
    ("name", "changes", "value", "status", "limit", "said"),
    [
        ("true_peak", {"true_peak_dbtp": -1.0}, -1.0, "pass", -1.0, ["-1.0"]),
        ("true_peak", {"true_peak_dbtp": 0.256}, 0.26, "warn", -1.0, ["0.3"]),
        ("clipping", {"clipped_samples": 96, "clipped_runs": 7}, 0.01, "pass", 0.01, ["96", "7"]),
        ("clipping", {"clipped_samples": 97, "clipped_runs": 1}, 0.0101, "warn", 0.01, ["97", "1"]),
        ("clipping", {"clipped_samples": 1, "clipped_runs": 1}, 0.0001, "pass", 0.01, ["1", "1"]),
        ("clipping", {"clipped_samples": 0, "samples": 0}, 0.0, "pass", 0.01, []),
        ("dc_offset", {"dc_offset": -0.005}, -0.5, "pass", 0.5, ["0.50"]),
        ("dc_offset", {"dc_offset": -0.00512}, -0.512, "warn", 0.5, ["0.51"]),
        ("snr", {"snr_db": 19.96}, 20.0, "pass", 20.0, ["20"]),
        ("snr", {"snr_db": 12.34}, 12.3, "warn", 20.0, ["12"]),
        ("bandwidth", {"bandwidth_hz": 2999.6}, 3000, "pass", 3000.0, ["3000"]),
        ("bandwidth", {"bandwidth_hz": 1850.2}, 1850, "warn", 3000.0, ["1850"]),
    ],
)
def test_each_number(
    name: str, changes: dict[str, Any], value: float, status: str, limit: float, said: list[str]
) -> None:
    """The value in the limit's unit, rounded, its status, and the sentence's numbers; advice only with a warning."""
    found = one(name, **changes)
    assert found.value == pytest.approx(value)
    assert (found.status, found.limit) == (status, limit)
    assert numbers(found.text) == said
    assert (": " in found.text) == (status == "warn")


def test_one_clipped_sample_is_in_the_singular() -> None:
    """One sample is, two are."""
    assert " is clipped" in one("clipping", clipped_samples=1, clipped_runs=1).text
    assert " are clipped" in one("clipping", clipped_samples=2, clipped_runs=1).text


@pytest.mark.parametrize(
    ("count", "length_s", "rate", "status"),
    [(1, 30.0, 1.0, "pass"), (2, 30.0, 2.0, "warn"), (2, 120.0, 1.0, "pass"), (3, 120.0, 1.5, "warn")],
)
def test_dropouts_a_minute(count: int, length_s: float, rate: float, status: str) -> None:
    """Dropouts count a minute, of at least one minute, with the first one's place."""
    found = one("dropouts", length_s=length_s, dropout_count=count, dropouts=(Span(7.5, 7.55), Span(9.0, 9.02))[:count])
    assert (found.value, found.status, found.limit) == (rate, status, 1.0)
    assert found.at == At("recording", 7.5)
    assert numbers(found.text) == [str(count), "00:00:07.500"]


@pytest.mark.parametrize(("confidence", "word"), [(0.8, "may be"), (0.81, "are")])
def test_hold_music(confidence: float, word: str) -> None:
    """All of it together, from its first moment on; how sure it is goes by the surest span."""
    music = HoldMusic(Span(20.0, 31.0), 0.5, None), HoldMusic(Span(60.0, 82.26), confidence, 8.0)
    found = one("hold_music", hold_music=music)
    assert (found.value, found.status, found.limit) == (33.3, "pass", None)
    assert found.at == At("recording", 20.0)
    assert numbers(found.text)[:2] == ["33", "00:00:20.000"]
    assert f" {word} " in found.text
    assert (one("hold_music").value, one("hold_music").at) == (0.0, None)


def test_the_call_has_its_own_clock() -> None:
    """A channel of the call is on the call clock."""
    found = level_findings("call", (replace(GOOD, dropout_count=1, dropouts=(Span(1.0, 1.05),)),), sides=("agent",))
    assert [f.at for f in found if f.name == "call_agent_dropouts"] == [At("call", 1.0)]
