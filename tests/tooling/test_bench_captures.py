"""The bench of real captures finds what is right, reports what is off, and needs a folder of captures."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from bench.sync import bench, captures

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEDIA = Path(__file__).parents[1] / "media"
NAME = "vp8.webm"


def folder(to: Path, *, off_s: float = 0.0, **more: Any) -> Path:
    """A shipped capture as a capture's folder, with a truth that is `off_s` late."""
    one = to / "one"
    one.mkdir()
    shutil.copy(MEDIA / "call.wav", one / "connect.wav")
    shutil.copy(MEDIA / NAME, one / "recording.webm")
    kept = json.loads((MEDIA / "truth.json").read_text())[NAME]
    offset_s, call_s = kept["offset_s"] + off_s, kept["call_s"]
    line = [[0.0, offset_s], [call_s, offset_s + call_s]]
    truth = kept | {"offset_s": offset_s, "map": line, "absent": [], "jumps": []} | more
    (one / "truth.json").write_text(json.dumps(truth))
    return one


def moments(*call_s: float) -> NDArray[np.float64]:
    """Moments of a call."""
    return np.array(call_s)


def test_a_right_capture_has_no_miss(tmp_path: Path) -> None:
    """Diagnosed and processed, both within a millisecond, and written into the table."""
    row = captures.judge(folder(tmp_path))
    assert row.failures == []
    assert row.status == "aligned"
    assert row.p95_ms is not None
    assert row.output_ms is not None
    assert max(row.p95_ms, row.output_ms) < 1.2
    assert "1 of 1 captures without a miss" in captures.table([row])


def test_a_map_that_is_off_is_a_miss(tmp_path: Path) -> None:
    """A truth 10 ms later than it is, with a jump that isn't there: the map, the output and the jump are reported."""
    row = captures.judge(folder(tmp_path, off_s=0.01, jumps=[{"at_s": 5.0, "size_s": 0.05}]))
    text = "; ".join(row.failures)
    assert "map off by 10." in text
    assert "output off by" in text
    assert "jump of +50 ms at 5.0 s missed" in text
    assert text in captures.table([row])


def test_a_recording_that_cant_be_read_is_a_miss(tmp_path: Path) -> None:
    """The exit code and the last line of the error stay in the row."""
    one = folder(tmp_path)
    (one / "recording.webm").write_bytes(b"no video")
    row = captures.judge(one)
    assert (row.status, row.exit_code) == ("error", 2)
    assert len(row.failures) == 1


def test_a_map_is_straight_between_its_points_and_jumps_at_a_double_one() -> None:
    """Beyond both ends it goes on as it does there; at the jump itself the later part counts."""
    points = [(0.0, 1.0), (10.0, 11.0), (10.0, 8.0), (20.0, 18.01)]
    found = captures.at(points, moments(-1.0, 5.0, 10.0, 15.0, 30.0))
    assert found == pytest.approx([0.0, 6.0, 8.0, 13.005, 28.02])


def test_jumps_are_matched_by_place_and_size() -> None:
    """A cut's jump counts anywhere in what is missing; small true jumps are neither asked for nor called invented."""
    truth = {
        "absent": [[5.0, 8.0]],
        "jumps": [{"at_s": 8.0, "size_s": -3.0}, {"at_s": 12.0, "size_s": 0.01}, {"at_s": 15.0, "size_s": 0.1}],
    }
    assert captures.jumps(truth, [{"call_s": 5.5, "size_s": -3.0005}, {"call_s": 15.1, "size_s": 0.1}]) == ("2/2", [])
    assert captures.jumps(truth, [{"call_s": 5.5, "size_s": -3.0}, {"call_s": 12.1, "size_s": 0.01}]) == (
        "1/2",
        ["jump of +100 ms at 15.0 s missed"],
    )
    count, wrong = captures.jumps({"absent": [], "jumps": []}, [{"call_s": 3.0, "size_s": 0.02}])
    assert (count, wrong) == ("0/0", ["jump of +20.0 ms invented at 3.0 s"])


def test_a_brief_excursion_is_no_jump_to_be_found() -> None:
    """A second earlier and back again within a quarter of a second: neither asked for nor called invented."""
    there_and_back = [{"at_s": 12.9, "size_s": -1.19}, {"at_s": 13.1, "size_s": 1.19}]
    truth: dict[str, Any] = {"absent": [], "jumps": there_and_back}
    assert captures.jumps(truth, []) == ("0/0", [])
    assert captures.jumps(truth, [{"call_s": 13.0, "size_s": -1.0}]) == ("0/0", [])
    apart = [{"at_s": 12.9, "size_s": -1.19}, {"at_s": 15.1, "size_s": 1.19}]
    assert captures.jumps({"absent": [], "jumps": apart}, [])[0] == "0/2"


def test_a_part_without_a_good_truth_is_not_judged() -> None:
    """No jump is asked for in an unsteady part, and no moment of it counts."""
    truth = {"absent": [], "unsteady": [[4.0, 6.0]], "jumps": [{"at_s": 5.0, "size_s": 0.1}]}
    assert captures.jumps(truth, [{"call_s": 5.2, "size_s": 0.3}]) == ("0/0", [])
    found = captures.moments(truth, np.full((10 * 8000, 2), 0.5))
    assert not ((found > 3.5) & (found < 6.5)).any()


def test_the_error_is_judged_where_the_recording_has_speech() -> None:
    """Silence, missing parts, and half a second around a jump don't count."""
    call = np.zeros((10 * 8000, 2))
    call[8000 : 9 * 8000, 1] = 0.5
    truth = {"absent": [[6.0, 7.0]], "jumps": [{"at_s": 3.0, "size_s": 0.1}]}
    found = captures.moments(truth, call)
    assert found.min() == pytest.approx(1.05)
    assert found.max() == pytest.approx(8.95)
    assert not ((found > 2.5) & (found < 3.5)).any()
    assert not ((found > 5.5) & (found < 7.5)).any()


def test_the_bench_needs_a_folder_of_captures(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """An empty folder is an error that names the generator; a capture gives the table and the rows as JSON."""
    assert bench.main(["--captures", str(tmp_path)]) == 2
    assert "make_captures.py" in capsys.readouterr().err
    folder(tmp_path)
    rows = tmp_path / "rows.json"
    assert bench.main(["--captures", str(tmp_path), "--json", str(rows)]) == 0
    assert "| one | aligned |" in capsys.readouterr().out
    assert json.loads(rows.read_text())[0]["name"] == "one"
