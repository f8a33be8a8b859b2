"""The bench runs from end to end, measures the named quantities, and reports each miss."""

from __future__ import annotations

import math
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from bench import measured as measured_module
from bench import process, rows, storage
from bench.inputs import call_s, make_inputs
from bench.measuring import BenchError, Usage, measured
from bench.sides import Run, check_made
from bench.table import Goal, compared, misses, not_measured, single, table
from cases import item, now
from hypothesis import given
from hypothesis import strategies as st
from measure import unavailable
from parts import MissingPartError
from servers import moto
from stack import CONNECT, INPUT, OUTPUT, TABLE

if TYPE_CHECKING:
    from collections.abc import Iterator

BENCH = Path(process.__file__)
MINUTES = 0.5


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Half a minute's input."""
    if shutil.which("ffmpeg") is None:
        unavailable("ffmpeg isn't on the PATH")
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs({MINUTES: ()}, folder)
    return folder


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[storage.Place]:
    """Buckets, table and queue, all on moto: nothing lies between them and the tool."""
    with moto(tmp_path_factory.mktemp("moto")) as server:
        yield storage.prepare(server, server, server)


def _cells(text: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in text.splitlines() if line.startswith("| ")]


# From end to end ------------------------------------------------------------------------------------------------------


def test_short_bench_prints_its_table(inputs: Path) -> None:
    """Sides take turns, the goals apply to each pair's ratio, and misses and runs are listed below the table."""
    command = [
        sys.executable,
        str(BENCH),
        "--rows",
        "call-end",
        "--minutes",
        "0.5",
        "--runs",
        "1",
        "--folder",
        str(inputs),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    cells = _cells(done.stdout)
    judged = [row for row in cells if row[0] == "call-end"]
    assert [row[2].split(",")[0] for row in judged] == ["wall", "CPU"]
    for row in judged:
        is_met = Goal(row[3]).is_met_by(float(row[7].split()[0]))
        assert (row[8] in ("met", "aim met")) == is_met
        assert (f"MISSED: call-end, 0.5 min, {row[2]}" in done.stdout) != is_met
    assert [row[1] for row in cells if row[0] == "0.5" and len(row) == 5] == ["call-end", "reference"]
    assert "cores of" in done.stdout
    assert sorted(path.name for path in inputs.iterdir()) == ["0.5min"]


def test_a_run_from_s3_is_whole_and_watched(inputs: Path, place: storage.Place, tmp_path: Path) -> None:
    """The tool makes all of a recording from S3 to S3, and its wall time, CPU time and memory are reported."""
    with place.buckets(CONNECT, INPUT):
        objects = place.put("bench-s3", inputs / "0.5min")
        storage.download(place.far, objects)
        run, scratch_bytes = storage.from_s3(place, "call-end", MINUTES, inputs, tmp_path, watch=True)
    assert run.side == "call-end from S3"
    assert min(run.wall_s, run.cpu_s) > 0
    assert 30 < run.memory_mb < 500
    assert scratch_bytes >= 0
    assert place.near.list_buckets()["Buckets"] == []


def test_the_worker_does_every_call_of_the_queue(inputs: Path, place: storage.Place, tmp_path: Path) -> None:
    """Each message's recording is processed once it counts, and the worker is gone when the row is done."""
    took = storage.worker_runs(rows.Bench(MINUTES, 1, inputs, calls=2), place, MINUTES, tmp_path)
    assert took.calls == 2
    assert took.worker_s > 0
    assert len(took.floor_s) == len(took.local_s) == 1
    place.see_processed(["bench-first", "bench-0", "bench-1"], tmp_path / "no.log")
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert not [line for line in running.splitlines() if str(tmp_path) in line]


def test_a_failing_worker_ends_the_bench_with_its_log(place: storage.Place, tmp_path: Path) -> None:
    """A recording that was taken off the queue and isn't processed is no call that was done."""
    log = tmp_path / "worker.log"
    log.write_text("the worker's last words")
    place.dynamodb.put_item(TableName=TABLE, Item=item("bench-failed", now()))
    with pytest.raises(BenchError, match=r"bench-failed .* the worker's last words"):
        place.see_processed(["bench-failed"], log)


def test_network_is_what_haproxy_takes(tmp_path: Path) -> None:
    """HAProxy takes the limit's configuration without an error or a warning."""
    haproxy = shutil.which("haproxy", path=f"{os.environ['PATH']}:/usr/sbin")
    if haproxy is None:
        unavailable("there is no haproxy here; on Debian: apt-get install haproxy")
    config = tmp_path / "haproxy.cfg"
    config.write_text(storage.LIMITED.format(host="127.0.0.1", port=40_001, behind=40_002, limit=50_000_000))
    done = subprocess.run([haproxy, "-c", "-V", "-f", str(config)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr + done.stdout


@pytest.mark.parametrize("row", ["s3", "worker"])
def test_missing_server_is_reported_in_its_row(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, row: str) -> None:
    """A row whose servers aren't here is NOT MEASURED, names the missing package, and counts as missed."""

    def no_program(*_: object) -> NoReturn:
        raise MissingPartError("there is no such thing here; on Debian: apt-get install it")

    monkeypatch.setattr(storage, "program", no_program)
    monkeypatch.setattr(storage, "stand_ins", no_program)
    found = rows.ALONE[row](rows.Bench(MINUTES, 1, tmp_path)).rows
    assert {one.verdict for one in found} == {"NOT MEASURED"}
    assert all("apt-get install" in one.markdown() for one in found)
    assert [one.is_met for one in found] == [False] * len(found)
    assert misses(found).count("NOT MEASURED") == len(found)


@given(st.integers(1, 1 << 32))
def test_parts_hold_every_byte_once(size: int) -> None:
    """The ranges of a transfer follow each other from the first byte to the last, none larger than a part."""
    ranges = storage.ranges(size)
    assert ranges[0][0] == 0
    assert ranges[-1][1] == size - 1
    assert all(0 < last + 1 - first <= storage.PART_BYTES for first, last in ranges)
    assert all(last + 1 == first for (_, last), (first, _) in pairwise(ranges))


def test_upload_and_download_lose_nothing(place: storage.Place, tmp_path: Path) -> None:
    """An upload in parts and a download in ranges keep the file's bytes, and a truncated object is an error."""
    file = tmp_path / "file"
    file.write_bytes(os.urandom(2 * storage.PART_BYTES + 12_345))
    with place.buckets(OUTPUT):
        storage.upload(place.far, file, OUTPUT)
        with place.near.get_object(Bucket=OUTPUT, Key="file")["Body"] as body:
            assert body.read() == file.read_bytes()
        storage.download(place.far, [(OUTPUT, "file"), (OUTPUT, "first")])


# A command's usage ----------------------------------------------------------------------------------------------------


@contextmanager
def _held(code: str, folder: Path) -> Iterator[int]:
    """A process that has run this code, and waits; its number."""
    command = [sys.executable, "-I", "-S", "-c", f"{code}\nprint(flush=True); input()"]
    # A test runner captures its tests' standard error in a file, too.
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=folder, text=True, **pipes) as process_:  # type: ignore[call-overload]
        process_.stdout.readline()
        yield process_.pid
        process_.stdin.write("\n")


def test_unnamed_files_and_those_in_memory_are_seen(tmp_path: Path) -> None:
    """A scratch file counts if it is open or in the folder, with or without a name, or in memory only."""
    (tmp_path / "left").write_bytes(bytes(1 << 20))
    code = (
        "import os, tempfile\n"
        "kept = [open('named', 'wb'), tempfile.TemporaryFile(), open(os.memfd_create('m'), 'wb'), open('left', 'rb')]\n"
        "for file in kept[:3]: file.write(bytes(1 << 20)); file.flush()"
    )
    with _held(code, tmp_path) as pid:
        sizes = measured_module.written_files([pid], str(tmp_path))
    assert sorted(sizes.values()) == [1 << 20] * 4


def test_memory_is_the_whole_tree_s(tmp_path: Path) -> None:
    """Two processes of 60 MB each are seen as both, and each alone as one."""
    held = "held = b'x' * 60_000_000"
    wait = f"{held}; print(flush=True); input()"
    code = (
        f"import subprocess, sys; {held}\n"
        f"child = subprocess.Popen([sys.executable, '-I', '-S', '-c', {wait!r}], stdin=-1, stdout=-1)\n"
        "child.stdout.readline()"
    )
    with _held(code, tmp_path) as pid:
        pids = measured_module.tree(pid)
        both, alone = measured_module.resident(pids), measured_module.resident(pids[:1])
    assert len(pids) == 2
    assert 120e6 < both < 160e6
    assert 60e6 < alone < 90e6


def test_a_process_that_writes_nothing_has_no_scratch_files(tmp_path: Path) -> None:
    """Reading and printing put no bytes into files."""
    code = f"print(len(open({str(BENCH)!r}, 'rb').read()))"
    used = measured([sys.executable, "-I", "-S", "-c", code], tmp_path, watch=True)
    assert (used.file_bytes, used.disk_bytes) == (0, 0)
    assert int(used.printed) == BENCH.stat().st_size


def test_files_that_are_gone_are_seen(tmp_path: Path) -> None:
    """Bytes written to a disk count even if the file is removed before the next look."""
    code = (
        "import os, tempfile\n"
        "with tempfile.TemporaryFile() as file: file.write(bytes(1 << 20)); file.flush(); os.fsync(file.fileno())"
    )
    used = measured([sys.executable, "-I", "-S", "-c", code], tmp_path)
    assert used.disk_bytes >= 1 << 20


def test_peak_memory_and_cpu_are_the_command_s(tmp_path: Path) -> None:
    """A command's peak is its own, not that of this larger process, and a child's CPU time is in it."""
    held = os.urandom(1 << 20) * 200
    child = "import time\nwhile time.process_time() < 0.3: pass"
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}]); held = b'x' * 60_000_000"
    used = measured([sys.executable, "-I", "-S", "-c", code], tmp_path)
    assert 60e6 < used.memory_mb * 1e6 < 90e6 < len(held)
    assert used.cpu_s >= 0.3


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ([sys.executable, "-c", "raise SystemExit('the disk is full')"], "ended with 1: the disk is full"),
        (["no-such-program"], "no-such-program can't be run: No such file or directory"),
    ],
)
def test_failing_command_is_a_sentence(tmp_path: Path, command: list[str], sentence: str) -> None:
    """A command that fails or isn't there ends the bench, with what it said."""
    with pytest.raises(BenchError, match=re.escape(sentence)):
        measured(command, tmp_path)


def test_settings_of_this_machine_are_ignored(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The environment doesn't change the measured defaults, and a side's own settings apply."""
    monkeypatch.setenv("KOMOREBI_CONTAINER", "webm")
    monkeypatch.setenv("AWS_PROFILE", "of-mine")
    code = "import os; print(*sorted(n for n in os.environ if n.startswith(('KOMOREBI_', 'AWS_', 'AUDIO_'))))"
    used = measured([sys.executable, "-c", code], tmp_path, more={"AUDIO_FREQUENCY": "48000"})
    assert used.printed.split() == ["AUDIO_FREQUENCY"]


# Tables and reports ---------------------------------------------------------------------------------------------------


def _run(side: str, wall_s: float, cpu_s: float = 1.0, memory_mb: float = 100.0) -> Run:
    return Run(side, 60.0, wall_s, cpu_s, memory_mb)


def test_half_a_recording_is_no_run(tmp_path: Path) -> None:
    """An output that is shorter or much smaller than its recording ends the bench."""
    recording = tmp_path / "recording"
    recording.write_bytes(bytes(1000))
    usage = Usage(1.0, 1.0, 1.0, 0, 0, '{"durations": {"output_s": 60.2}}')
    check_made("call-end", usage, 900, 1.0, recording)
    with pytest.raises(BenchError, match="not all of it"):
        check_made("call-end", usage, 700, 1.0, recording)
    with pytest.raises(BenchError, match=r"made 60\.2 s"):
        check_made("call-end", usage, 900, 2.0, recording)


@pytest.mark.parametrize(
    ("text", "within", "beyond"),
    [
        ("<= 1/4.5", 0.2222, 0.2223),
        (">= 4.3", 4.3, 4.29),
        ("<= 1.1x", 1.1, 1.11),
        ("<= 200 MB", 200, 200.1),
        ("<= 0 bytes", 0, 1),
    ],
)
def test_goal_is_what_is_written(text: str, within: float, beyond: float) -> None:
    """A limit holds to its last digit, in each way it is written."""
    assert Goal(text).is_met_by(within)
    assert not Goal(text).is_met_by(beyond)


def test_goal_without_a_sign_is_an_error() -> None:
    """A limit needs a sign, at least or at most."""
    with pytest.raises(ValueError, match="neither"):
        Goal("200 MB").is_met_by(1)


def test_each_row_has_a_status() -> None:
    """A row is met, meets its aim, is missed, isn't measured or has no goal, and only the bad ones are misses."""
    found = [
        single("a", "60", "one", 150, "<= 200 MB", "120 MB"),
        single("b", "60", "two", 110, "<= 200 MB", "120 MB"),
        single("c", "60", "three", 201, "<= 200 MB", "120 MB"),
        not_measured("d", "60", "four", "nothing is here", "<= 1.3x"),
        single("e", "60", "five", 7),
    ]
    assert [row.verdict for row in found] == ["met", "aim met", "MISSED", "NOT MEASURED", ""]
    assert [row[8] for row in _cells(table(found))[2:]] == [row.verdict for row in found]
    assert [line.split(":")[0] for line in misses(found).splitlines()] == ["- MISSED", "- NOT MEASURED"]
    assert misses(found[:2]) == "Nothing is missed."
    assert misses(found[4:]) == "No goal was checked."


def test_ratio_is_the_medians_and_its_spread_the_turns() -> None:
    """One slow turn moves the spread and not the ratio."""
    row = compared("call-end", 60, "wall, s", [2.0, 9.0, 2.2], [10.0, 10.0, 11.0], "<= 1/4", "1/5")
    assert row.ratio == "0.220 (0.200 to 0.900)"
    assert row.verdict == "met"


def test_every_pair_has_its_row() -> None:
    """Each pair of sides becomes one row, of the measure it names."""
    sides = {side for pair in rows.PAIRS for side in (pair.ours, pair.against)}
    runs = [_run(side, 100.0 if side.startswith(("reference", "call-only")) else 10.0, 7.0) for side in sides]
    found = rows.pair_rows(rows.PAIRS, runs, 60.0)
    assert [row.row for row in found] == [pair.row for pair in rows.PAIRS]
    assert {row.value for row in found if "CPU" in row.what} == {1.0}
    assert {row.value for row in found if "wall" in row.what} == {0.1}


def test_memory_rows_take_growth_from_the_shortest() -> None:
    """Growth is from the shortest recording on, and only the diagnosed one has no goal."""
    found = rows.memory_rows((10.0, 60.0, 240.0), [80.0, 111.0, 139.0, 250.0])
    assert [row.value for row in found] == [111.0, 31.0, 59.0, 250.0]
    assert [row.verdict for row in found] == ["aim met", "MISSED", "met", ""]


def test_a_shift_has_a_goal_of_its_own() -> None:
    """Ten hours may take 300 MB, and the row shows how long they took."""
    row = rows.hours_row(600.0, 310.0, 123.4)
    assert (row.verdict, row.ours) == ("MISSED", "310.0 (done in 123 s)")


def test_quality_is_the_worse_channel_s() -> None:
    """A good customer doesn't make up for an agent below the limit."""
    good, bad = ({"mean": mean, "worst": mean - 0.2, "windows": 20} for mean in (4.5, 4.29))
    (row,) = rows.quality_rows("60", {"customer": good, "agent": bad})
    assert (row.value, row.verdict) == (4.29, "MISSED")


def test_s3_is_held_against_the_slowest_alone() -> None:
    """The ratio is to the longest of the three medians, which is named. A measured alignment has goals of its own."""
    walls = {"call-end alone": 6.0, "auto alone": 20.0, "download alone": 10.0, "upload alone": 8.0}
    walls |= {"call-end from S3": 12.5, "auto from S3": 21.0}
    runs = [_run(side, wall_s, memory_mb=180.0) for side, wall_s in walls.items()]
    runs.append(_run("call-end from S3, watched", 99.0, memory_mb=251.0))
    runs.append(replace(_run("auto from S3", 99.0, memory_mb=160.0), minutes=10.0))
    found = storage.s3_rows(runs, {"call-end": 0, "auto": 1}, 60.0)
    assert [row.verdict for row in found] == ["met", "MISSED", "met", "", "MISSED", "met", "MISSED", ""]
    against = ["10.00 (download alone)", "20.00 (auto alone)", "10.00"]
    assert [row.against for row in found if row.against] == against
    assert found[0].value == 1.25
    assert found[-2].value == pytest.approx(0.4)


def test_worker_is_held_against_its_codecs() -> None:
    """A call's time beyond its codecs is the batch's wall time over its calls, less the same on local files."""
    found = storage.worker_rows(storage.Took(100, 120.0, [0.7, 0.8, 9.0], [1.0, 1.1, 1.2]), 5.0)
    assert [round(row.value or math.nan, 6) for row in found] == [0.1, 0.4]
    assert [row.verdict for row in found] == ["aim met", ""]


@pytest.mark.parametrize(
    ("names", "wanted"),
    [
        (["call-end", "quality"], {60.0: set()}),
        (["s3"], {60.0: set(), 10.0: set()}),
        (["hours"], {60.0: set(), 600.0: set()}),
        (["call-end48", "webm"], {60.0: {"wide", "webm"}}),
        (["diagnose"], {60.0: {"mono", "webm", "webm-mono"}}),
        (["memory"], {10.0: set(), 60.0: set(), 240.0: set()}),
        (["worker"], {5.0: set()}),
    ],
)
def test_only_the_input_that_rows_need_is_made(names: list[str], wanted: dict[float, set[str]]) -> None:
    """Rows name the lengths and extras they run on, and nothing else."""
    assert rows.needs(names, 60.0) == wanted


@given(st.floats(0.5, 600))
def test_the_call_ends_within_its_recording(minutes: float) -> None:
    """At any length, something follows the call."""
    assert 0 < call_s(minutes) < minutes * 60


# The command line -----------------------------------------------------------------------------------------------------


def _result(*_: object) -> rows.Result:
    missed = compared("call-end", 60.0, "wall, s", [50.0], [100.0], "<= 1/5")
    return rows.Result([missed], [_run("call-end", 50.0), _run("download alone", 9.0, memory_mb=math.nan)], ["A note."])


@pytest.mark.parametrize(("arguments", "expected"), [([], 0), (["--check"], 1)])
def test_missed_row_fails_the_bench_only_if_asked(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], expected: int
) -> None:
    """With ``--check`` a miss is exit status 1; without it the bench reports and succeeds."""
    _without_work(monkeypatch)
    assert process.main([*arguments, "--folder", str(tmp_path)]) == expected


def test_table_goes_between_the_markers_and_nowhere_else(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Text before and after a file's markers is kept, and a file without them is refused before any work."""
    _without_work(monkeypatch)
    target, plain = tmp_path / "README.md", tmp_path / "plain.md"
    target.write_text("before\n<!-- table -->\nstale\n<!-- /table -->\nafter\n")
    plain.write_text("no markers\n")
    assert process.main(["--folder", str(tmp_path), "--markdown", str(target)]) == 0
    text = target.read_text()
    assert text.startswith("before\n")
    assert text.endswith("after\n")
    assert "stale" not in text
    assert "MISSED" in text
    assert "- A note." in text
    assert process.main(["--folder", str(tmp_path), "--markdown", str(plain)]) == 2
    assert plain.read_text() == "no markers\n"


def test_report_lists_runs_and_notes() -> None:
    """Every run is in the report, with an empty cell where its memory isn't known."""
    text = process.report(_result(), "no machine")
    assert "| 60 | download alone | 9.00 | 1.00 |  |" in text
    assert "- A note." in text


def _without_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "measure", _result)
    monkeypatch.setattr(process, "machine", lambda: "no machine")
    monkeypatch.setattr(process, "make_inputs", lambda *_: None)
    monkeypatch.setattr(shutil, "which", lambda _: "ffmpeg")


def test_missing_ffmpeg_is_a_sentence(tmp_path: Path) -> None:
    """Without FFmpeg the bench prints one line, with exit status 2 and no table."""
    command = [sys.executable, str(BENCH), "--folder", str(tmp_path / "bench")]
    environ = {**os.environ, "PATH": str(tmp_path)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environ)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("ffmpeg isn't on the PATH")
    assert done.stderr.count("\n") == 1
