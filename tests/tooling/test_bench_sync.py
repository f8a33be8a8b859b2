"""The sync bench runs from end to end on a few voices from the repository, and reports each failure."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from bench.sync import bench, kept, paths, rivals, truth, voices
from bench.sync.catalogue import BY_NAME, WHAT, specs
from bench.sync.cost import MP4, WEBM, Cost
from bench.sync.judge import calibration, how_good, report
from bench.sync.judge.marks import Row
from bench.sync.simulate import make
from bench.sync.spec import Spec

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[2]
FILES = (ROOT / "komorebi_qc" / "demo" / "sample" / "call.wav", ROOT / "tests" / "media" / "call.wav")
SPEEDS = np.linspace(0.8, 1.25, 8)
"""At another speed the same words count as different ones for an alignment, as another voice's would."""
PIECE_S = 2.5


def _channels() -> list[NDArray[np.int16]]:
    """The sides of both calls, 8 kHz."""
    sides = []
    for path in FILES:
        with wave.open(str(path), "rb") as source:
            sound = np.frombuffer(source.readframes(source.getnframes()), "<i2").reshape(-1, source.getnchannels())
        sides += [sound[:, 0], sound[:, 1]]
    return sides


def _clips(sound: NDArray[np.int16], speeds: NDArray[np.float64]) -> list[NDArray[np.int16]]:
    """Pieces with speech, at 16 kHz, at each speed."""
    n = int(PIECE_S * paths.CALL_RATE)
    pieces = [sound[i : i + n].astype(np.float32) for i in range(0, len(sound) - n, n)]
    loud = [p for p in pieces if np.sqrt(np.mean(p**2)) > 300]
    return [
        np.clip(paths.resampled(p, round(paths.CALL_RATE * speed), paths.RATE), -32768, 32767).astype(np.int16)
        for speed in speeds
        for p in loud
    ]


@pytest.fixture(autouse=True)
def _usual_places() -> Iterator[None]:
    """Leave the bench's folders as they were."""
    yield
    voices.use(voices.SOUNDS, voices.CACHE)


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """A voice cache that needs no packages."""
    folder = tmp_path / "voices"
    voices.use(tmp_path / "none", folder)
    sides = _channels()
    for k, name in enumerate(voices.FOLDERS):
        voices.keep(name, _clips(sides[k % len(sides)], SPEEDS * (1.0 if k < len(sides) else 1.03)))
    t = np.arange(90 * voices.RATE) / voices.RATE
    tune = sum(np.sin(2 * np.pi * (330 + 110 * k) * t) * (np.sin(t * (k + 1.3)) > 0) for k in range(5))
    voices.keep(voices.MUSIC, [(np.asarray(tune) * 3000).astype(np.int16)])
    return folder


def test_few_cases_make_a_table(cache: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Right pairs are measured to the limits, wrong ones aren't accepted, and every case is in the JSON."""
    target, page = tmp_path / "rows.json", tmp_path / "page.md"
    page.write_text(f"Before.\n\n{report.BEGIN}\nold\n{report.END}\n\nAfter.\n", encoding="utf-8")
    arguments = ["--case", "plain:1", "--case", "jump:4", "--case", "customer_leg:16", "--case", "aac:3"]
    arguments += ["--case", "w_same_speakers:1000001", "--workers", "1", "--json", str(target)]
    arguments += ["--markdown", str(page)]

    assert bench.main([*arguments, "--cache", str(cache), "--sounds", str(tmp_path / "none")]) == 0

    table = capsys.readouterr().out
    rows = json.loads(target.read_text(encoding="utf-8"))
    assert [row["family"] for row in rows] == ["plain", "jump", "customer_leg", "aac", "w_same_speakers"]
    assert "0 of 5 cases failed." in table
    assert "| wrong pairs published, 5 s of speech or more in both | 0 of 1,000 | 0 of 1,000 | 0 of 1 | met |" in table
    assert "| right pairs refused or held, three turns or more | 1 of 1,000 | 0 | 0 of 4 | met, the aim too |" in table
    assert "measured 4 of 4 | met |" in table
    assert "| wrong pairs accepted | 0 of 300 | 0 of 1,000 | 0 of 1 | met |" in table
    assert "| right pairs refused | 2 of 300 | 0 of 1,000 | 0 of 4 | met |" in table
    assert "| CPU, 60-minute pair, decoding included, one core | 5 s | 3 s | not run | not measured |" in table
    written = page.read_text(encoding="utf-8")
    assert written.startswith("Before.\n\n<!-- table -->\n\nMade by `make bench-sync ARGS=")
    assert written.endswith("<!-- /table -->\n\nAfter.\n")
    assert "\nold\n" not in written
    assert "| `w_same_speakers` | another call of the same two voices | 1 | 0 |" in written
    assert "0 of 5 cases failed." in written


def test_miss_is_reported_with_its_case() -> None:
    """A wrong pair that is accepted and an offset beyond its limit are misses, each with its family and seed."""
    rows = [
        Row("w_hold", 7, matches=False, status="aligned", reason="", failures=["status aligned"]),
        Row(
            "plain",
            8,
            matches=True,
            status="aligned",
            reason="",
            failures=["offset off by +0.700 ms"],
            numbers={"offset_ms": 0.7},
        ),
    ]
    rows[1].numbers = {"offset_ms": 0.7}

    found = f"{report.table(rows)}\n{report.misses(rows)}"

    assert "| 1 of 1 | MISSED |" in found
    assert "worst 0.7000 (n = 1) | MISSED |" in found
    assert "- `w_hold:7` both hold the same hold music, 20 to 90 % of the call: status aligned." in found
    assert "- `plain:8` two voices, little noise: offset off by +0.700 ms." in found


def test_missing_voices_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the packages the bench names each, and how they come."""
    assert bench.main(["--cache", str(tmp_path / "cache"), "--sounds", str(tmp_path / "sounds")]) == 2

    errors = capsys.readouterr().err
    assert "apt-get install asterisk-core-sounds-en-g722 " in errors
    assert "asterisk-moh-opsound-wav" in errors


def test_page_without_markers_is_refused_first(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A page without markers for the tables is refused before anything runs, and is unchanged."""
    page = tmp_path / "page.md"
    page.write_text("Prose.\n", encoding="utf-8")

    assert bench.main(["--markdown", str(page)]) == 2

    assert report.BEGIN in capsys.readouterr().err
    assert page.read_text(encoding="utf-8") == "Prose.\n"


def test_every_family_is_described_and_drawn() -> None:
    """Each family has a description, and the default run has cases of all of them."""
    assert set(WHAT) == set(BY_NAME)
    assert {spec.family for spec in specs(304, 1050, 8, 1)} == set(BY_NAME)
    assert {spec.family for spec in specs(60, 60, 1, 1)} == set(BY_NAME)


def test_first_part_of_the_list_is_a_fair_sample() -> None:
    """The first half has half of the right pairs, of the maps and of the wrong pairs."""
    todo = specs(38, 100, 2, 1)

    half = todo[: len(todo) // 2]

    assert sum(not spec.matches for spec in half) == pytest.approx(50, abs=1)
    assert sum(bool(spec.kind) for spec in half) == pytest.approx(sum(bool(spec.kind) for spec in todo) / 2, abs=1)
    assert len({(spec.family, spec.seed) for spec in todo}) == len(todo)


def test_time_limit_keeps_what_was_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time limit no other case begins."""
    monkeypatch.setattr(bench, "run", lambda spec: Row(spec.family, spec.seed, spec.matches, "aligned", "", []))
    todo = specs(5, 5, 0, 1)

    assert len(bench.run_all(todo, 1)) == len(todo)
    assert bench.run_all(todo, 1, -1.0) == []


@pytest.mark.parametrize(
    ("cpu_s", "peak_mb", "verdicts"),
    [
        (2.9, 200.0, ["met, the aim too", "met"]),
        (4.9, 200.0, ["met", "met"]),
        (5.1, 200.0, ["MISSED", "met"]),
        (2.9, 251.0, ["met, the aim too", "MISSED"]),
        (2.9, 231.0, ["met, the aim too", "MISSED"]),
    ],
)
def test_goals_of_cost_apply_to_the_worse_container(cpu_s: float, peak_mb: float, verdicts: list[str]) -> None:
    """CPU, peak memory and its growth a minute are missed separately, if one of the two containers misses them."""
    costs = [Cost(kind, minutes, 1.0, 180.0, "aligned") for kind in (MP4, WEBM) for minutes in (10.0, 60.0)]
    costs[-1] = Cost(WEBM, 60.0, cpu_s, peak_mb, "aligned")

    assert [line.verdict for line in report.lines([], costs)[-2:]] == verdicts


def test_stretches_shift_by_their_listed_sizes(cache: Path) -> None:
    """Number and length of a jitter buffer's repeated and omitted periods match their list."""
    assert cache
    spoken = np.concatenate([voices.clip("en", k) for k in range(6)])
    wishes = [(2.0, 1), (4.0, 1), (6.0, -1), (8.0, 1)]

    warped, steps = paths.stretched(spoken, wishes, paths.RATE)

    assert [at for at, _ in steps] == [at for at, _ in wishes]
    assert [np.sign(size) for _, size in steps] == [sign for _, sign in wishes]
    assert all(0.0025 <= abs(size) <= 0.015 for _, size in steps)
    later = round(sum(size for _, size in steps) * paths.RATE)
    tail = int(8.1 * paths.RATE)
    assert later > 0
    np.testing.assert_array_equal(warped[tail:], spoken[tail - later : len(spoken) - later])


def test_burst_loss_takes_packets_in_a_row() -> None:
    """Lost packets come as many as asked for, and in runs of the length asked for."""
    sound = np.arange(1, 2000 * 320 + 1, dtype=np.float32)

    found = paths.concealed(sound, 0.1, np.random.default_rng(3), paths.RATE, burst=5.0)

    lost = np.any((found != sound).reshape(-1, 320), axis=1)
    runs = int(np.count_nonzero(np.diff(lost.astype(int)) == 1))
    assert 0.07 < lost.mean() < 0.13
    assert 4.0 < lost.sum() / runs < 7.0


def _case(**changes: float) -> Spec:
    return Spec("plain", 3, call_s=40.0, offset_s=2.0, **changes)  # type: ignore[arg-type]


def test_error_of_a_constant_lag_is_measured_at_each_moment(cache: Path) -> None:
    """With drift, a constant lag is exact at one moment and wrong at others; either side's lag counts as true."""
    assert cache
    drifting = make(_case(drift_ppm=100.0))
    nearest, farthest = rivals.errors_ms(drifting, rivals.Estimate(2.002))
    assert nearest < 0.01
    assert farthest == pytest.approx(2.0, abs=0.2)
    assert rivals.errors_ms(drifting, rivals.Estimate(2.0, 100.0)) == pytest.approx((0, 0), abs=1e-6)
    late = make(_case(leg_s=0.18))
    assert rivals.errors_ms(late, rivals.Estimate(2.18)) == pytest.approx((0, 0), abs=1e-6)
    assert rivals.errors_ms(late, rivals.Estimate(2.05)) == pytest.approx((50, 50), abs=1e-6)


def _program(folder: Path, name: str, text: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{text}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


SIDECAR = """echo '{"delta_seconds": 2.5, "drift_slope": 0.00005}' > call.wav.sync.json"""
PARTIAL = f"""[ "$4" = --partial ] || {{ echo 'ERROR: use --partial' >&2; exit 1; }}
{SIDECAR}
echo '(fallback: coarse)'"""


@pytest.mark.parametrize(
    ("name", "text", "ask", "expected"),
    [
        (
            "polysync",
            SIDECAR,
            rivals.ask_polysync,
            rivals.Answer(rivals.Estimate(2.5 - 0.00005 * 50, 50.0), accepted=True),
        ),
        ("polysync", PARTIAL, rivals.ask_polysync, rivals.Answer(rivals.Estimate(2.5 - 0.00005 * 50), accepted=True)),
        (
            "polysync",
            f"{PARTIAL}\necho WARNING >&2",
            rivals.ask_polysync,
            rivals.Answer(rivals.Estimate(2.5 - 0.00005 * 50)),
        ),
        ("polysync", "echo no >&2; exit 1", rivals.ask_polysync, rivals.Answer(None, note="exit 1: no")),
        (
            "audio-offset-finder",
            """echo '{"time_offset": 2.5, "standard_score": 10.0}'""",
            rivals.ask_audio_offset_finder,
            rivals.Answer(rivals.Estimate(2.5), note="score 10.0"),
        ),
        (
            "audio-offset-finder",
            """echo '{"time_offset": -2.5, "standard_score": 10.5}'""",
            rivals.ask_audio_offset_finder,
            rivals.Answer(rivals.Estimate(-2.5), accepted=True, note="score 10.5"),
        ),
        (
            "python",
            """echo '{"offset_s": 2.5, "rank": 10}' > found.json""",
            rivals.ask_audalign,
            rivals.Answer(rivals.Estimate(2.5), accepted=True, is_top=True, note="ranking 10"),
        ),
        ("python", "echo null > found.json", rivals.ask_audalign, rivals.Answer(None, note="no alignment")),
    ],
)
def test_other_tools_are_read_as_they_document(
    tmp_path: Path, name: str, text: str, ask: Callable[[Path, Path, float], rivals.Answer], expected: rivals.Answer
) -> None:
    """A tool's output becomes its offset, its drift if it reports one, and its own confidence."""
    _program(tmp_path / "bin", name, text)

    assert ask(tmp_path / "bin", tmp_path, 100.0) == expected


def test_comparison_counts_ours_and_theirs(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A tool that accepts whatever it gets has its wrong pairs counted; one that hangs is ended; one is missing."""
    assert cache
    monkeypatch.setattr(rivals, "LIMIT_S", 0.5)
    _program(tmp_path / "bin", "audio-offset-finder", """echo '{"time_offset": 9.0, "standard_score": 11.0}'""")
    _program(tmp_path / "bin", "polysync", "sleep 60")
    tools = [tool for tool in rivals.TOOLS if tool.name != "audalign"]
    todo = [BY_NAME["plain"].spec(1), BY_NAME["w_same_speakers"].spec(1_000_001)]

    found = rivals.table(
        rivals.compare(todo, tmp_path, tools, 1, lambda _: None), {"audalign": "no matching distribution"}
    )

    assert "| | komorebi_qc | polysync 0.3.0 | audio-offset-finder 0.5.5 |" in found
    assert "| right pairs refused | 0 of 1 | 1 of 1 | 0 of 1 |" in found
    assert "| wrong pairs accepted | 0 of 1 | 0 of 1 | 1 of 1 |" in found
    assert "| crashes and time-outs | 0 | 2 | 0 |" in found
    assert "audalign couldn't be installed: no matching distribution" in found


def test_tool_that_can_not_be_installed_is_reported(tmp_path: Path) -> None:
    """The reason why pip can't install a tool is kept for the table, and the others go on."""
    _program(tmp_path / "bin", "python", 'case "$*" in *audalign*) echo "no such wheel" >&2; exit 1;; esac')

    assert rivals.install(tmp_path, rivals.TOOLS, lambda _: None) == {"audalign": "no such wheel"}


def _spec(family: str, **changes: object) -> Spec:
    return Spec(family, 3, call_s=60.0, offset_s=2.0, **changes)  # type: ignore[arg-type]


def test_bent_clock_moves_the_audio_along_its_map(cache: Path) -> None:
    """Each piece of the recording has the audio of the call at the map's place, before a knot and after it."""
    assert cache
    bent = make(_spec("rates_two", kind="rates", points=((0.0, 2.0), (30.0, 32.03), (60.0, 62.0))))
    straight = make(_spec("rates_two"))
    calls, recordings = np.array(bent.points).T

    sound = bent.recording[20 * 8000 : 60 * 8000].astype(np.float32)
    call_s = np.interp(20.0 + np.arange(len(sound)) / 8000, recordings, calls)
    there = paths.interpolated(straight.recording.astype(np.float32), 8000, 2.0 + call_s)

    assert np.corrcoef(sound, there)[0, 1] > 0.995
    assert truth.to_recording(bent.points, np.array([15.0, 45.0])) == pytest.approx([17.015, 47.015])


def test_map_counts_from_the_start_of_the_file_that_connect_kept(cache: Path) -> None:
    """A file that begins within the call has its own clock, and the jump after that is at its time on it."""
    assert cache
    case = make(_spec("connect_late", file_part=(20.0, 60.0), jumps=((30.0, 0.5),)))

    assert len(case.call) == 40 * 8000
    assert case.points[0] == pytest.approx((0.0, 22.0))
    assert truth.jump_times(case.points) == pytest.approx([10.0])
    assert case.points[-1] == pytest.approx((40.0, 62.5))


def test_agent_part_is_silent_of_the_customer_outside(cache: Path) -> None:
    """Outside of the agent's part the recording has none of the call, and no moment there is judged."""
    assert cache
    case = make(_spec("part_consult", kind="part", agent_part=(20.0, 40.0), third="ru", aside=False))

    moments = truth.moments(case)
    loud = np.abs(case.recording.astype(float)).reshape(-1, 800).mean(1) > 0.01 * 32768
    times = (np.flatnonzero(loud) + 0.5) * 0.1 - 2.0
    assert len(moments) > 50
    assert moments.min() > 20
    assert moments.max() < 40
    during_call = times[(times > 0) & (times < 60)]
    assert np.all((during_call > 19.9) & (during_call < 40.3))


def test_hidden_pair_is_in_the_pauses_around_a_word(cache: Path) -> None:
    """The two jumps are opposite, and each is in a pause."""
    assert cache
    spec = _spec("hidden_pair", kind="pair", hidden_jump_s=0.2, pause=(0.5, 1.8), double_talk=0.0)

    first, second = make(spec).jumps

    assert first.size_s == pytest.approx(-second.size_s)
    assert 0 < first.size_s <= 0.2
    assert first.from_s < first.at_s < first.to_s <= second.from_s < second.at_s < second.to_s


def test_same_case_comes_from_the_folder(cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A case that was kept is the one that is made; another case isn't."""
    assert cache
    monkeypatch.setenv(kept.FOLDER, str(tmp_path / "cases"))
    made = kept.kept(_case())
    monkeypatch.setattr("bench.sync.simulate.make", lambda _: pytest.fail("it was made again"))

    again = kept.kept(_case())

    np.testing.assert_array_equal(again.recording, made.recording)
    assert again.points == made.points
    with pytest.raises(pytest.fail.Exception, match="made again"):
        kept.kept(_case(drift_ppm=1.0))


def _row(family: str, published: str, *, matches: bool, answer: str = "unknown", **numbers: float) -> Row:
    found = {"call_speech_s": 9.0, "recording_speech_s": 9.0, "true_turns": 3.0, **numbers}
    return Row(family, 1, matches, "insufficient", "", [], found, published=published, answer=answer)


def test_published_wrong_pair_and_held_right_one_are_misses() -> None:
    """Wrong pairs count by their speech, right ones by their turns; a bound that doesn't hold is a miss."""
    rows = [
        _row("w_hold", "candidate", matches=False),
        _row("w_short", "call_end", matches=False, call_speech_s=2.0),
        _row("w_script", "held", matches=False),
        _row("w_script", "refused", matches=False, answer="no"),
        _row("plain", "held", matches=True),
        _row("few_words", "held", matches=True, true_turns=2.0),
        _row("plain", "measured", matches=True, bound_ms=0.1, bound_holds=0.0, map_p95_ms=2.0),
    ]

    lines = {line.what: line for line in how_good.lines(rows)}

    assert lines["wrong pairs published, 5 s of speech or more in both"].measured == "1 of 3"
    assert lines["wrong pairs published, 5 s of speech or more in both"].verdict == "MISSED"
    assert lines["of those, held that needn't be"].measured == "1 of 3 held, 1 refused"
    assert lines["wrong pairs published, less speech"].measured == "1 of 1"
    assert lines["right pairs refused or held, three turns or more"].measured == "1 of 2"
    assert lines["the stated bound holds (p95 of the error in speech)"].measured == "0.0% of 1: measured 0 of 1"
    assert [bool(how_good.missed(row)) for row in rows] == [True, True, True, False, True, False, True]


def test_map_that_is_not_sure_or_far_off_misses_its_limit() -> None:
    """One case of a kind that isn't aligned, or is beyond the limit, or invents a jump, misses the row."""
    good = Row("rates_two", 1, matches=True, status="aligned", reason="", failures=[], kind="rates")
    good.numbers = {"map_p95_ms": 0.2, "map_worst_ms": 0.25}
    far = Row("rates_two", 2, matches=True, status="aligned", reason="", failures=[], kind="rates")
    far.numbers = {"map_p95_ms": 0.9, "map_worst_ms": 3.5}
    unsure = Row("rates_two", 3, matches=True, status="ambiguous", reason="", failures=[], kind="rates")

    def verdict(rows: list[Row]) -> str:
        return next(line.verdict for line in how_good.lines(rows) if line.what.startswith("two or three rates"))

    assert verdict([good]) == "met, the aim too"
    assert verdict([good, far]) == "MISSED"
    assert verdict([good, unsure]) == "MISSED"
    good.numbers["jumps_invented"] = 1.0
    assert verdict([good]) == "MISSED"


def test_probability_is_compared_with_the_truth_at_even_odds() -> None:
    """Nine wrong pairs weigh as much as one right pair, in the score and in the diagram."""
    rows = [_row("plain", "measured", matches=True, probability=0.995)]
    rows += [_row("w_script", "refused", matches=False, probability=0.0) for _ in range(8)]
    rows += [_row("w_script", "refused", matches=False, probability=1.0)]

    assert calibration.brier(rows) == pytest.approx(0.5 * 0.005**2 + 0.5 / 9)
    right, wrong, share = calibration.sure(rows)
    assert (right, wrong) == (1, 1)
    assert share == pytest.approx(0.9)
    last = calibration.bins(rows)[-1]
    assert (last.right, last.wrong) == (1, 1)
    assert last.observed == pytest.approx(0.9)
    assert "| 99% to 100% | 1 | 1 | 99.5% | 90.0% |" in calibration.diagram(rows)
