"""The truth of browser captures is found by its pilots alone, in files whose defects are known to the sample."""

from __future__ import annotations

import json
import subprocess
import threading
import urllib.error
import urllib.request
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from media.make_captures import main
from media.studio import scenarios
from media.studio.clock import sound
from media.studio.dialogue import SPEAKERS
from media.studio.pilot import BANDS, pilot, sightings
from media.studio.rewrite import Rewriting
from media.studio.server import Site, serving
from media.studio.signals import FULL, NARROW, Signal, gain, write_wav
from media.studio.truth import truth

if TYPE_CHECKING:
    from collections.abc import Callable

STUDIO = Path(__file__).parents[1] / "media" / "studio"
CALL_S, LEAD_S = 10.0, 1.25


def mixed(call_s: float = CALL_S, lead_s: float = LEAD_S) -> Signal:
    """Both pilots in noise that is louder than they are, as a mixing graph gives them."""
    first = round(lead_s * FULL)
    x = np.random.default_rng(3).normal(0, gain(-40), round((lead_s + call_s + 2) * FULL))
    for side in BANDS:
        code = pilot(side, call_s)
        x[first : first + len(code)] += code
    return x


def encoded(path: Path, x: Signal) -> Path:
    """`x` as Opus in WebM."""
    wav = path.with_suffix(".wav")
    write_wav(wav, x, FULL)
    subprocess.run(["ffmpeg", "-v", "error", "-i", str(wav), "-c:a", "libopus", "-b:a", "40k", str(path)], check=True)
    return path


def one(spans: list[tuple[float, float]]) -> tuple[float, float]:
    """The only pair of a list."""
    assert len(spans) == 1
    return spans[0]


def with_stamps(path: Path, stamp: Callable[[float], float | None]) -> Path:
    """The file's packets with other timestamps; those that get no time are left out."""
    out = path.with_name(f"stamped.{path.name}")
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        stream = source.streams.audio[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.pts is None or packet.time_base is None:
                continue
            at = stamp(float(packet.pts * packet.time_base))
            if at is None:
                continue
            packet.pts = packet.dts = round(at / Fraction(packet.time_base))
            packet.stream = copy
            target.mux(packet)
    return out


def test_a_pilot_is_found_to_a_tenth_of_a_millisecond() -> None:
    """Every window of both sides, in noise and between samples of the search's rate."""
    x = mixed()
    for side in BANDS:
        found = sightings(x, side, CALL_S)
        assert len(found) >= 0.95 * (CALL_S - 0.4) / 0.1
        assert np.abs([one.lag_s - LEAD_S for one in found]) == pytest.approx(0.0, abs=1e-4)


def test_a_pilot_that_isnt_there_is_not_found() -> None:
    """Noise of the pilots' own bands gives no window."""
    noise = np.random.default_rng(9).normal(0, gain(-30), 15 * FULL)
    assert sightings(noise, "agent", CALL_S) == []


def test_the_pilots_are_beyond_what_the_product_measures() -> None:
    """Connect's file ends at 4 kHz, and the code of the truth imports nothing of the product."""
    assert min(low for low, _ in BANDS.values()) > NARROW / 2
    for module in STUDIO.glob("*.py"):
        assert "import komorebi_qc" not in module.read_text()
        assert "from komorebi_qc" not in module.read_text()


def test_an_undisturbed_capture_has_a_straight_map(tmp_path: Path) -> None:
    """Opus in WebM: the map is straight, and no window is missing."""
    found = truth(encoded(tmp_path / "a.webm", mixed()), CALL_S)
    assert found.jumps == []
    assert found.absent == []
    assert found.windows == found.windows_of
    assert [r - c for c, r in found.map] == pytest.approx([LEAD_S] * len(found.map), abs=0.001)
    assert found.map[-1][0] == CALL_S
    assert found.customer_lag_s == pytest.approx(0.0, abs=1e-4)


def test_a_cut_is_a_jump_with_a_missing_part(tmp_path: Path) -> None:
    """A pause of the recorder, 2.5 s long: nothing of the call from 5 to 7.5 s, and the rest is earlier."""
    x = mixed()
    cut = np.delete(x, slice(round((LEAD_S + 5.0) * FULL), round((LEAD_S + 7.5) * FULL)))
    found = truth(encoded(tmp_path / "a.webm", cut), CALL_S)
    assert one(found.jumps)[1] == pytest.approx(-2.5, abs=0.0005)
    assert one(found.absent) == pytest.approx((5.0, 7.5), abs=0.04)
    assert found.map[-1] == pytest.approx((CALL_S, LEAD_S + CALL_S - 2.5), abs=0.001)


def test_a_step_of_the_timestamps_is_a_jump(tmp_path: Path) -> None:
    """The samples go on, the presentation is 30 ms later from second 6 of the call on."""
    path = encoded(tmp_path / "a.webm", mixed())
    late = with_stamps(path, lambda at: at + (0.03 if at >= LEAD_S + 6.0 else 0.0))
    found = truth(late, CALL_S)
    at, size = one(found.jumps)
    assert at == pytest.approx(6.0, abs=0.05)
    assert size == pytest.approx(0.03, abs=0.001)
    assert found.absent == []


def test_inserted_sound_is_a_jump(tmp_path: Path) -> None:
    """4 ms more samples in one place: small, and found there."""
    x = mixed()
    at = round((LEAD_S + 4.0) * FULL)
    found = truth(encoded(tmp_path / "a.webm", np.insert(x, at, np.zeros(round(0.004 * FULL)))), CALL_S)
    place, size = one(found.jumps)
    assert place == pytest.approx(4.0, abs=0.1)
    assert size == pytest.approx(0.004, abs=0.0003)


def test_lost_packets_leave_a_gap_and_no_jump(tmp_path: Path) -> None:
    """1.5 s of packets never arrived: a missing part, and no other change."""
    path = encoded(tmp_path / "a.webm", mixed())
    lost = with_stamps(path, lambda at: None if LEAD_S + 5.0 <= at < LEAD_S + 6.5 else at)
    found = truth(lost, CALL_S)
    assert found.jumps == []
    assert one(found.absent) == pytest.approx((5.0, 6.5), abs=0.06)
    assert found.map[-1][1] == pytest.approx(LEAD_S + CALL_S, abs=0.001)


def test_stamps_that_jump_all_the_time_give_an_unsteady_part(tmp_path: Path) -> None:
    """From second 4 to 6 of the call every 100 ms of sound is stamped 7 ms later than the 100 ms before."""
    path = encoded(tmp_path / "a.webm", mixed())
    low, high = LEAD_S + 4.0, LEAD_S + 6.0
    found = truth(with_stamps(path, lambda at: at + 0.007 * int(10 * (min(max(at, low), high) - low))), CALL_S)
    assert found.absent == []
    start, stop = found.unsteady[0][0], found.unsteady[-1][1]
    assert 3.0 < start < 4.6
    assert 5.4 < stop < 7.0
    assert found.map[-1][1] == pytest.approx(LEAD_S + CALL_S + 0.14, abs=0.002)


def test_a_recording_that_begins_in_the_call_has_a_negative_offset(tmp_path: Path) -> None:
    """The second file of a restart: its first second is the call's seventh."""
    found = truth(encoded(tmp_path / "a.webm", mixed()[round((LEAD_S + 6.0) * FULL) :]), CALL_S)
    assert found.map[0][1] - found.map[0][0] == pytest.approx(-6.0, abs=0.001)
    assert one(found.absent) == pytest.approx((0.0, 6.0), abs=0.06)


def test_a_recording_without_pilots_has_no_truth(tmp_path: Path) -> None:
    """No truth is better than a wrong one."""
    noise = np.random.default_rng(4).normal(0, gain(-30), 5 * FULL)
    with pytest.raises(RuntimeError, match="pilots are not found"):
        truth(encoded(tmp_path / "a.webm", noise), CALL_S)


def test_trembling_stamps_are_averaged(tmp_path: Path) -> None:
    """Stamps that are 4 ms early and late in turn give the samples' own even time, and no step."""
    turn = iter(range(10_000))
    path = encoded(tmp_path / "a.webm", mixed())
    shaken = sound(with_stamps(path, lambda at: at + 0.01 + (0.004 if next(turn) % 2 else -0.004)))
    assert shaken.steps() == []
    assert shaken.presented_s(5.0 * FULL) == pytest.approx(sound(path).presented_s(5.0 * FULL) + 0.01, abs=0.001)


def test_the_server_keeps_uploads_and_serves_its_folders_alone(tmp_path: Path) -> None:
    """A page's upload reaches the one who waits; a path that leaves the folder is unknown."""
    inside = tmp_path / "site"
    inside.mkdir()
    (inside / "a.js").write_text("1")
    (tmp_path / "secret").write_text("2")
    with serving(Site(inside)) as site:
        assert urllib.request.urlopen(f"{site.address}/a.js").read() == b"1"  # noqa: S310  an address of this machine
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{site.address}/../secret")  # noqa: S310  as above
        put = urllib.request.Request(f"{site.address}/x/log", b"done", method="PUT")  # noqa: S310  as above
        later = threading.Timer(0.1, lambda: urllib.request.urlopen(put).close())  # noqa: S310  as above
        later.start()
        assert site.wait_for("x/log", 10.0) == b"done"
        with pytest.raises(TimeoutError, match="was not uploaded"):
            site.wait_for("never", 0.05)


def test_the_scenarios_cover_what_happens_in_practice(capsys: pytest.CaptureFixture[str]) -> None:
    """At least 24 sessions of both browsers, with every event, every tool and more than one container."""
    every = scenarios.SCENARIOS
    assert len({one.name for one in every}) == len(every) >= 24
    assert {one.browser for one in every} == {"chromium", "firefox"}
    assert {one.picture for one in every} == {"canvas", "screen", "tab"}
    assert {event["do"] for one in every for event in one.events} >= {"pause", "resume", "device", "restart", "block"}
    assert {tool for one in every for tool in one.rewritten} == set(scenarios.ALL_TOOLS)
    assert {one.suffix for one in every} == {".webm", ".mp4", ".mkv"}
    assert all(json.dumps(one.plan()) for one in every)
    assert main(["--list"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == len(every)


def test_a_tool_for_webm_is_not_asked_for_mp4() -> None:
    """`fix-webm-duration` and ts-ebml read WebM alone."""
    asked = [
        Rewriting(tool, Path(f"recording{scenario.suffix}"), Path("out"), 0.0)
        for scenario in scenarios.SCENARIOS
        for tool in scenario.rewritten
    ]
    assert len(asked) >= 24
    assert all(rewriting.fits for rewriting in asked)
    assert not Rewriting("ts-ebml", Path("a.mp4"), Path("b.mp4"), 0.0).fits


def test_the_script_has_three_turns_of_each_voice_on_both_sides_of_the_middle() -> None:
    """So both files of a restart hold enough of the conversation to be placed by its speech."""
    turns = scenarios.SCRIPT.turns
    assert {turn.who for turn in turns} == set(SPEAKERS)
    for half in (turns[: len(turns) // 2], turns[len(turns) // 2 :]):
        assert all(sum(turn.who == who for turn in half) >= 3 for who in SPEAKERS)
