"""Amazon Connect's own screen recordings, made with real voices, through whole runs; `make bench-native` has more."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from command import run as command
from contact_shapes import entry, exported
from native_runs import run
from native_screens import CASES, FROZEN, make
from runs import without_run

from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.demo.embedded_aws import sample_on_embedded_aws
from komorebi_qc.pipeline.options import Order
from komorebi_qc.wiring import Settings, aws_client

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


def test_all_monitors_are_side_by_side(tmp_path: Path) -> None:
    """Each shows its own window at the place of the moment, and the call is as exact as with one of them."""
    row = run(tmp_path, BY_SEED[7], monitors="side-by-side")
    assert row.is_good
    assert (row.others, row.verdict) == ((), "pass")
    assert row.error_ms < 1.0
    with av.open(str(tmp_path / "unified.mp4")) as output:
        (video,) = output.streams.video
        assert (video.width, video.height) == (3828, 718)
        assert video.frames == row.frames[1]
        bright = [(frame.time or 0.0, np.asarray(frame.to_ndarray(), np.uint8)[:718]) for frame in output.decode(video)]
    for number, (own_width, _) in enumerate(row.case.sizes):
        for at_s, picture in bright[::5]:
            cell = picture[718 // 4 + 5, 1276 * number : 1276 * (number + 1)]
            assert np.median(cell) == pytest.approx(60 + 50 * number, abs=4)
            begins = float(np.flatnonzero(cell > 195)[0]) * own_width / 1276
            assert begins == pytest.approx(round(at_s * 16) % (own_width - 128), abs=4)


def test_the_command_chooses_the_monitors(tmp_path: Path) -> None:
    """The first one alone is in the output without the option and with `first`: the files are the same."""
    made = make(tmp_path, BY_SEED[6])
    outputs = {}
    for name, words in {"none": (), "first": ("--monitors", "first"), "all": ("--monitors", "side-by-side")}.items():
        out = tmp_path / f"{name}.mp4"
        end = ("--call-end", f"{made.call_end_s:.3f}")
        done = command("process", "--connect", made.call, "--recording", made.recording, *end, "--out", out, *words)
        assert done.returncode in (0, 3), done.stderr
        outputs[name] = without_run(out.read_bytes())
    assert outputs["none"] == outputs["first"]
    with av.open(str(tmp_path / "all.mp4")) as output:
        assert (output.streams.video[0].width, output.streams.video[0].height) == (3840, 1080)
    named = {"KOMOREBI_VIDEO_TRACK": "2", "KOMOREBI_MONITORS": "side-by-side"}
    refused = command("diagnose", "--connect", made.call, "--recording", made.recording, "--call-end", "20", **named)
    assert "choose one of both" in refused.stderr


def test_a_real_freeze_is_found_at_five_frames_a_second(tmp_path: Path) -> None:
    """14 s without a new frame."""
    row = run(tmp_path, FROZEN)
    assert (row.freeze, row.unexpected) == ("warn", ())


def test_a_missing_browsers_recording_is_replaced_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the bucket to the results: the reported end is on the browser's clock, so the record's places the call."""
    made = make(tmp_path, BY_SEED[17])
    key = "connect/demo/Screens/2026/11/24/whatever.mp4"
    with sample_on_embedded_aws() as (recording_id, _):
        monkeypatch.setenv("KOMOREBI_CONTACT_RECORD", "s3://demo-input/records")
        monkeypatch.setenv("KOMOREBI_SCREEN_RECORDING", "fallback")
        monkeypatch.setenv("KOMOREBI_SCREEN_LOCATION", "s3://demo-connect/connect/demo/Screens")
        settings, s3 = Settings.from_environment(os.environ), aws_client("s3")
        item = settings.table().get(recording_id)
        times = {"StartTimestamp": "2026-11-24T12:00:00Z", "StopTimestamp": "2026-11-24T12:00:28Z"}
        screen = entry(Location=f"s3://demo-connect/{key}", MediaStreamType="VIDEO", ParticipantType="AGENT", **times)
        record = exported(screen, ContactId=recording_id, DisconnectTimestamp="2026-11-24T12:00:22Z")
        record["Agent"]["AfterContactWorkStartTimestamp"] = "2026-11-24T12:00:22Z"
        s3.put_object(Bucket="demo-connect", Key=key, Body=made.recording.read_bytes())
        body = json.dumps(record).encode()
        s3.put_object(Bucket="demo-input", Key=f"records/{item.created:%Y/%m/%d}/23/a", Body=body)
        s3.delete_object(Bucket=settings.input_bucket, Key=item.agent_recording_key)

        pipeline, order = settings.pipeline(), Order(recording_id, parse_call_end("00:00:12"))
        document = pipeline.process(order).document
        assert document["provenance"]["inputs"]["agent_recording"]["location"] == f"s3://demo-connect/{key}"
        assert document["screen_recording"]["rule"] == "fallback"
        assert (document["sync"]["status"], document["call_end"]["source"]) == ("insufficient", "record")
        assert document["call_end"]["used_s"] == pytest.approx(made.call_end_s, abs=1.0)
        found = {one["name"]: one["status"] for one in document["findings"]}
        assert (found["browser_recording_missing"], found["alignment_resolution"]) == ("warn", "fail")
        assert pipeline.is_done(order)
