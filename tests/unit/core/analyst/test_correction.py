"""The reader and writer of corrections."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from komorebi_qc.core.analyst.correction import (
    MAX_BYTES,
    Correction,
    alignment_dict,
    alignment_of,
    check_text,
    read_correction,
)
from komorebi_qc.core.errors import InputError
from komorebi_qc.core.timebase import Alignment, Jump, Knot, Span

CALL, OWN = "a" * 64, "b" * 64
CORRECTION = Correction(
    "rec-1",
    Alignment(2.567, 12.5, (Jump(10.0, 0.35),), (Knot(1.0, 0.001),), Span(0.5, 15.0)),
    CALL,
    OWN,
    "The echo was 120 ms early.",
    "arn:aws:iam::000000000000:user/kei",
    "2026-01-31T13:45:00Z",
    "komorebi-qc 0.2.0",
)


def changed(**keys: Any) -> bytes:
    """The file with other values at its top."""
    return json.dumps({**CORRECTION.to_dict(), **keys}).encode()


def aligned(**keys: Any) -> bytes:
    """The file with other values in its alignment."""
    return changed(alignment={**CORRECTION.to_dict()["alignment"], **keys})


def refusal(content: bytes) -> str:
    """The sentence that refuses a file."""
    with pytest.raises(InputError) as raised:
        read_correction(content, "c.json")
    text = str(raised.value)
    assert text.startswith("c.json isn't a correction that can be used: ")
    assert "\n" not in text
    assert len(text) < 400
    return text


def test_a_correction_is_read_as_it_was_written() -> None:
    """Every value survives, with bends, the agent's part, and the correction that its analyst saw."""
    assert read_correction(CORRECTION.to_bytes(), "c.json") == CORRECTION
    for seen in ("", "2026-01-30T10:00:00+00:00"):
        found = replace(CORRECTION, seen_correction=seen)
        assert read_correction(found.to_bytes(), "c.json") == found
    wrongs: tuple[Any, ...] = ("yesterday", 3, [], False)
    for wrong in wrongs:
        assert "seen_correction" in refusal(changed(seen_correction=wrong))


@pytest.mark.parametrize("size_s", [1e308, -1e308, 1e9, 43_200.1])
def test_no_jump_is_longer_than_a_recording(size_s: float) -> None:
    """A larger one is a slip, and no clock can show the call's end."""
    words = "no recording is longer than 12 hours"
    assert words in refusal(aligned(jumps=[{"call_s": 5.0, "size_s": size_s}]))
    assert words in refusal(aligned(knots=[{"call_s": 5.0, "deviation_s": size_s}]))


def test_a_correction_needs_neither_bends_nor_an_agent_part() -> None:
    """The shortest alignment has an offset, a drift and no jumps."""
    found = read_correction(changed(alignment={"offset_s": -3, "drift_ppm": 0, "jumps": []}), "c.json")
    assert found.alignment == Alignment(-3.0)


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "it isn't JSON"),
        (b"\xff\xfe{}", "it isn't JSON"),
        (b"[" * 100_000, "it isn't JSON"),
        (b"<html></html>", "it isn't JSON"),
        (b"[]", "the file isn't an object"),
        (b"{}", "the file lacks schema"),
        (b'{"schema": "a", "schema": "b"}', "a key twice"),
        (b" " * (MAX_BYTES + 1), "bytes"),
        (changed(schema="komorebi-correction/2"), "its schema is 'komorebi-correction/2'"),
        (changed(more=1), "'more', which a correction doesn't have"),
        (changed(recording_id="../rec"), "isn't a recording ID"),
        (changed(recording_id=7), "isn't a recording ID"),
        (changed(inputs=None), "inputs isn't an object"),
        (changed(inputs={"call_sha256": "A" * 64, "recording_sha256": OWN}), "64 hexadecimal digits"),
        (changed(inputs={"call_sha256": None, "recording_sha256": OWN}), "64 hexadecimal digits"),
        (changed(why="a\nb"), "line breaks"),
        (changed(why="a\u202eb"), "line breaks or control characters"),
        (changed(why="x" * 501), "501 characters"),
        (changed(why=None), "which isn't text"),
        (changed(by="x" * 257), "257 characters"),
        (changed(made_at="yesterday"), "isn't a time"),
        (changed(made_at="2026-01-31T13:45:00"), "isn't a time"),
        (changed(made_at="0001-01-01T00:00:00+23:59"), "isn't a time"),
        (changed(made_at=1), "isn't a time"),
        (aligned(offset_s="2.5"), "isn't a number"),
        (aligned(offset_s=True), "isn't a number"),
        (aligned(offset_s=10**400), "beyond all numbers"),
        (aligned(offset_s=float("nan")), "NaN"),
        (aligned(offset_s=float("inf")), "Infinity"),
        (changed().replace(b"2.567", b"1e999"), "beyond all numbers"),
        (aligned(offset_s=1e9), "did you give milliseconds"),
        (aligned(drift_ppm=20_000), "another unit"),
        (aligned(jumps={}), "aren't a list"),
        (aligned(jumps=[7]), "one of its jumps isn't an object"),
        (aligned(jumps=[{"call_s": 1, "size_s": 1}] * 2), "aren't in the order"),
        (aligned(jumps=[{"call_s": 2, "size_s": 1}, {"call_s": 1, "size_s": 1}]), "aren't in the order"),
        (aligned(jumps=[{"call_s": -2, "size_s": 1}]), "before the call"),
        (aligned(jumps=[{"call_s": 1e308, "size_s": 1}]), "no call is that long"),
        (aligned(agent_part={"call_from_s": 5, "call_to_s": 1e308}), "no part of a call"),
        (aligned(jumps=[{"call_s": i, "size_s": 1} for i in range(1001)]), "1001 jumps"),
        (aligned(knots=[{"call_s": 1, "size_s": 1}]), "lacks deviation_s"),
        (aligned(agent_part={"call_from_s": 5, "call_to_s": 5}), "no part of a call"),
    ],
)
def test_a_file_that_is_no_correction_is_refused_in_a_sentence(content: bytes, fault: str) -> None:
    """The sentence names the file and the fault."""
    assert fault in refusal(content)


@settings(max_examples=25)
@given(
    st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    )
)
def test_no_json_does_more_than_being_refused(found: Any) -> None:
    """Any JSON is refused with an InputError, also in place of one key."""
    refusal(json.dumps(found).encode())
    for key in ("alignment", "inputs", "made_at"):
        refusal(changed(**{key: found}))


def test_a_correction_of_another_recording_is_refused() -> None:
    """The sentence names both recordings."""
    CORRECTION.check_recording("rec-1")
    with pytest.raises(InputError, match=r"of recording rec-1, not of rec-2"):
        CORRECTION.check_recording("rec-2")


def test_a_correction_of_local_files_fits_a_recording_with_the_same_content() -> None:
    """Two files have no ID; their content identifies them. Without it, the ID has to be the same."""
    local = read_correction(changed(recording_id="local"), "c.json")
    local.check_recording("rec-2")
    nameless = read_correction(changed(recording_id="local", inputs={"call_sha256": "", "recording_sha256": OWN}), "c")
    with pytest.raises(InputError, match=r"of recording local, not of rec-2"):
        nameless.check_recording("rec-2")


def test_a_correction_of_another_version_is_refused() -> None:
    """The sentence names the changed input."""
    CORRECTION.check_inputs(CALL, OWN)
    with pytest.raises(InputError, match=r"another version of the call audio \(its SHA-256 begins aaaaaaaaaaaa"):
        CORRECTION.check_inputs("c" * 64, OWN)
    with pytest.raises(InputError, match=r"another version of the agent recording"):
        CORRECTION.check_inputs(CALL, "c" * 64)


def test_a_jump_outside_of_the_call_is_refused() -> None:
    """A jump at the call's end moves nothing, so it is outside as well."""
    CORRECTION.check_call(10.1)
    for call_s in (9.0, 10.0):
        with pytest.raises(InputError, match=r"a jump at 00:00:10.000 of the call, which lasts"):
            CORRECTION.check_call(call_s)


def test_an_agent_part_after_the_call_is_refused() -> None:
    """A part has to begin within the call."""
    found = read_correction(
        changed(
            alignment={
                "offset_s": 0,
                "drift_ppm": 0,
                "jumps": [],
                "agent_part": {"call_from_s": 30, "call_to_s": 40},
            }
        ),
        "c",
    )
    with pytest.raises(InputError, match=r"agent part begins at 00:00:30"):
        found.check_call(20.0)


@given(
    st.floats(-1e4, 1e4),
    st.floats(-500, 500),
    st.lists(st.tuples(st.integers(1, 10**6), st.floats(-2, 2)), unique_by=lambda pair: pair[0]),
)
def test_an_alignment_keeps_its_place(offset_s: float, drift_ppm: float, jumps: list[tuple[int, float]]) -> None:
    """The written alignment is the same to a microsecond for each number."""
    one = Alignment(offset_s, drift_ppm, tuple(Jump(ms / 1000, size_s) for ms, size_s in sorted(jumps)))
    found = alignment_of(alignment_dict(one))
    for at_s in (0.0, 10.0, 1000.0):
        assert found.to_recording(at_s) == pytest.approx(one.to_recording(at_s), abs=1e-6 * (2 + len(jumps)))


def test_a_persons_text_is_one_line() -> None:
    """Spaces around it are dropped; line breaks are refused."""
    assert check_text("  agreed with Kei  ", "--why", 20) == "agreed with Kei"
    with pytest.raises(InputError, match=r"--why has line breaks"):
        check_text("a\x00b", "--why", 20)
