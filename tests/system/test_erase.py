"""An erasure of what the commands themselves have made of a recording: afterwards, nothing names it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from aws_fixtures import OUTPUT, World
from captures import CAPTURES
from command import run_installed
from erasures import Search, own_attributes
from jupyter_home import jupyter_environment

from komorebi_qc.batch.dataset.dataset import open_dataset
from komorebi_qc.demo.embedded_aws import SETTINGS, shell_environment, upload_sample
from komorebi_qc.demo.sample_call import RECORDING, reported_call_end

if TYPE_CHECKING:
    from pathlib import Path

ID = RECORDING.recording_id


def test_everything_that_was_made_is_found(world: World, tmp_path: Path) -> None:
    """The worker's results, a clip, a plot, an audit, a batch with its CSV file, and the fleet's page."""
    upload_sample()
    world.s3.put_bucket_versioning(Bucket=OUTPUT, VersioningConfiguration={"Status": "Enabled"})
    home, desk, data = tmp_path / "home", tmp_path / "desk", tmp_path / "data"
    for folder in (home, desk):
        folder.mkdir()
    jupyter = jupyter_environment(home)
    environ = {
        **{name: text for name, text in jupyter.items() if name.startswith(("JUPYTER", "IPYTHON"))},
        **shell_environment(),
        **SETTINGS,
        "KOMOREBI_QUEUE_URL": world.queue().url,
    }
    call_end = reported_call_end()
    for force in (False, True):
        world.queue().send(json.dumps({"recordingID": ID, "callEndingTimestamp": call_end, "force": force}))
        assert run_installed("worker", "--once", **environ).returncode == 0
    (tmp_path / "list.csv").write_text(f"recording_id,call_end\n{ID},{call_end}\n")
    limit = ("--limit", "video_freeze=0.1")  # a warning, so that the fleet's page shows it
    made = (
        ("clip", ID, "--call-end", call_end, "--at", 6, "--seconds", 1, "--out", desk / "clip.mp4"),
        ("diagnose", ID, "--call-end", call_end, "--plot", desk / "plot.png"),
        ("audit", ID, "--call-end", call_end, "--notebook", "sync_diagnostics", "--out", desk / "audit"),
        ("batch", tmp_path / "list.csv", "--out", data, *limit, "--csv", desk / "rows.csv"),
        ("fleet", data, "--out", desk / "fleet.html"),
    )
    for words in made:
        ran = run_installed(*words, **environ)
        assert ran.returncode in (0, 3), ran.stderr
    erasing = ("erase", ID, "--dataset", data, "--also", desk, "--json")
    listed = run_installed(*erasing, **environ)
    found = json.loads(listed.stdout)
    assert listed.returncode == 3
    assert found["counts"].keys() >= {
        *("video", "thumbnail", "qc.json", "report", "audio track", "notebook", "status", "clip", "figure"),
        *("fleet page", "CSV row", "dataset row", "item attribute"),
    }
    assert (found["counts"]["CSV row"], found["counts"]["dataset row"], found["counts"]["clip"]) == (1, 1, 1)
    assert found["not_searched"] == []
    done = run_installed(*erasing, "--yes", **environ)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["left"] == []
    assert Search(ID).in_folder(desk) == []
    assert Search(ID).in_folder(data) == []
    assert Search(ID).in_bucket(world.s3, OUTPUT) == []
    assert own_attributes(world, ID) == {"isProcessed": {"BOOL": False}}
    assert {path.name for path in desk.rglob("*") if path.is_file()} == {"rows.csv"}
    assert len((desk / "rows.csv").read_text(encoding="utf-8-sig").splitlines()) == 1
    again = run_installed("erase", ID, "--dataset", data, "--also", desk, **environ)
    assert (again.returncode, again.stdout.strip()) == (0, f"{ID}: nothing found")


def test_a_short_id_among_others(tmp_path: Path) -> None:
    """Recording 1 goes from a dataset with a recording 12, and no page of the other one names it by chance."""
    sample, data, desk = CAPTURES["sample"], tmp_path / "data", tmp_path / "desk"
    desk.mkdir()
    files = f"{sample.call},{sample.recording},{sample.call_end}"
    (tmp_path / "list.csv").write_text(f"recording_id,connect,recording,call_end\n1,{files}\n12,{files}\n")
    limit = ("--limit", "video_freeze=0.1")  # a warning, so that the fleet's page shows it
    batch = ("batch", tmp_path / "list.csv", "--out", data, "--action", "process", *limit, "--csv", desk / "rows.csv")
    fleet = ("fleet", data, "--out", desk / "fleet.html")
    for words in (batch, fleet):
        ran = run_installed(*words)
        assert ran.returncode in (0, 3), ran.stderr
    other = {path.name: path.read_bytes() for path in (data / "_unified" / "12").iterdir()}
    erasing = ("erase", "1", "--only-named", "--dataset", data, "--also", desk, "--yes", "--json")
    done = run_installed(*erasing)
    assert (done.returncode, json.loads(done.stdout)["left"]) == (0, [])
    assert json.loads(done.stdout)["removed"] == {
        "video": 1,
        "thumbnail": 1,
        "qc.json": 1,
        "fleet page": 1,
        "CSV row": 1,
        "dataset row": 1,
    }
    assert [path.name for path in (data / "_unified").iterdir()] == ["12"]
    assert {path.name: path.read_bytes() for path in (data / "_unified" / "12").iterdir()} == other
    assert open_dataset(str(data)).read()["recording_id"].to_pylist() == ["12"]
    assert [line.split(",")[0] for line in (desk / "rows.csv").read_text("utf-8-sig").splitlines()[1:]] == ["12"]
    assert run_installed(*fleet).returncode == 0
    again = run_installed(*erasing)
    assert (again.returncode, json.loads(again.stdout)["found"]) == (0, [])
    assert (desk / "fleet.html").is_file()
