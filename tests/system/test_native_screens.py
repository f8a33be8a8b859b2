"""Amazon Connect's own screen recordings, made with real voices, through whole runs; `make bench-native` has more."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import pytest
from native_runs import run
from native_screens import CASES, FROZEN

if TYPE_CHECKING:
    from pathlib import Path

BY_SEED = {case.seed: case for case in CASES}


@pytest.mark.parametrize("seed", [2, 4, 12])
def test_the_agents_sound_places_the_call(tmp_path: Path, seed: int) -> None:
    """Within a millisecond from the call's start to its end, with all frames, and without a false finding."""
    row = run(tmp_path, BY_SEED[seed])
    assert (row.status, row.placed_by, row.unexpected, row.freeze) == ("aligned", "measured", (), "pass")
    assert row.error_ms < 1.0
    assert row.is_good


def test_without_sound_the_record_places_the_call(tmp_path: Path) -> None:
    """The result reports it, states a bound that holds, and never passes."""
    row = run(tmp_path, BY_SEED[17])
    assert (row.status, row.placed_by, row.end_by) == ("insufficient", "call_end", "record")
    assert 1.0 <= row.bound_s <= 2.0
    assert row.error_ms / 1000 <= row.bound_s
    assert "alignment_resolution" in row.others
    assert row.verdict == "fail"


def test_a_named_monitor_is_in_the_output(tmp_path: Path) -> None:
    """Of three tracks the second is copied, with all of its frames, and nothing warns."""
    case = BY_SEED[7]
    row = run(tmp_path, case, track=2)
    assert row.is_good
    assert row.others == ()
    with av.open(str(tmp_path / "unified.mp4")) as output:
        (video,) = output.streams.video
        assert (video.width, video.height) == case.sizes[1]
        assert video.frames == row.frames[1]


def test_a_real_freeze_is_found_at_five_frames_a_second(tmp_path: Path) -> None:
    """14 s without a new frame."""
    row = run(tmp_path, FROZEN)
    assert (row.freeze, row.unexpected) == ("warn", ())
