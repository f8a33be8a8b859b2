"""The predecessor's defects that no other test covers; docs/developer/predecessor.md has the whole list."""

from __future__ import annotations

import ast
import io
import re
import threading
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from aws_fixtures import CONNECT, INPUT, ITEM, PREFIX, RECORDING, SOON, TABLE, Faulty
from captures import CAPTURES
from cloudformation import read_template
from made import Shape, recording, wav
from runs import without_run

from komorebi_qc.core.errors import UnknownRecordingError
from komorebi_qc.core.recording import Recording
from komorebi_qc.core.timebase import parse_call_end
from komorebi_qc.pipeline.options import Options, Order
from komorebi_qc.pipeline.process import process
from komorebi_qc.storage.local import LocalFiles, LocalTable
from komorebi_qc.storage.s3.publication import PART_BYTES
from komorebi_qc.wiring import Settings, aws_client

if TYPE_CHECKING:
    from collections.abc import Callable

    from aws_fixtures import World

ROOT = Path(__file__).parents[2]
DEFECTS = ROOT / "docs" / "developer" / "predecessor.md"
_NAMED = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def test_every_test_that_the_list_names_is_there() -> None:
    """Each row of docs/developer/predecessor.md names tests or end-to-end cases that exist."""
    rows = [line for line in DEFECTS.read_text().splitlines() if line.startswith("| ") and "`tests/" in line]
    assert len(rows) >= 16
    for row in rows:
        for file, name in _NAMED.findall(row):
            tree = ast.parse((ROOT / file).read_text())
            there = {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}
            assert not name or name in there, f"{file} has no {name}"


def test_the_list_has_no_row_without_a_test() -> None:
    """A defect that nothing shows to be gone would stand out."""
    lines = [line for line in DEFECTS.read_text().splitlines() if line.startswith("| ")][2:]
    assert all(_NAMED.search(line) for line in lines), [line for line in lines if not _NAMED.search(line)]


@pytest.mark.parametrize("suffix", [".webm", ".mp4"])
def test_audio_after_a_stereo_call_keeps_its_speed(tmp_path: Path, suffix: str) -> None:
    """A stereo call in front of a mono recording: a tone after the call keeps its pitch and its length."""
    at = np.arange(6 * 48_000) / 48_000
    tone = np.where(at >= 3.0, 0.3 * np.sin(2 * np.pi * 1000 * at), 0.0).astype(np.float32)
    video = "libvpx" if suffix == ".webm" else "libx264"
    own = recording(tmp_path / f"own{suffix}", Shape(seconds=6.0, video=video, channels=1), tone)
    call = wav(tmp_path / "call.wav", np.zeros((2 * 8000, 2), np.float32))
    made = _process_files(call, own, "00:00:02")
    decoded, rate = _decoded(made)
    assert len(decoded) / rate == pytest.approx(6.0, abs=0.05)
    after = decoded[round(3.2 * rate) : round(5.8 * rate)]
    spectrum = np.abs(np.fft.rfft(after * np.hanning(len(after))))
    assert np.argmax(spectrum) / (len(after) / rate) == pytest.approx(1000, abs=2)
    assert np.sqrt(np.mean(decoded[round(2.2 * rate) : round(2.8 * rate)] ** 2)) < 0.01
    assert np.sqrt(np.mean(decoded[round(5.5 * rate) : round(5.9 * rate)] ** 2)) > 0.1


def test_the_package_starts_no_other_program() -> None:
    """No other process makes a recording, so no full pipe can block it, and no FFmpeg program's version matters."""
    starting = {"subprocess", "multiprocessing", "pty", "os.system", "os.popen", "os.fork", "os.exec", "os.spawn"}
    isolation = ROOT / "komorebi_qc" / "isolation"  # supervises worker processes, which run this package
    found = [path for path in (ROOT / "komorebi_qc").rglob("*.py") if not path.is_relative_to(isolation)]
    assert found
    for path in [*found, ROOT / "lambda" / "app.py"]:
        used = set()
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                used |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                used.add((node.module or "").partition(".")[0])
            elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used.add(f"{node.value.id}.{node.attr}")
        assert not used & starting, f"{path.name} uses {used & starting}"


def test_two_recordings_at_once_do_not_meet(world: World) -> None:
    """Each has separate files: two results that are made at the same time equal those that are made alone."""
    alone = {name: _put_and_process(world, f"alone-{n}", name) for n, name in enumerate(("vp9.mp4", "h264.mkv"))}
    together: dict[str, bytes] = {}

    def make(recording_id: str, name: str) -> None:
        together[recording_id] = _put_and_process(world, recording_id, name)

    threads = [
        threading.Thread(target=make, args=(f"side-{n}-{name.partition('.')[0]}", name))
        for n in range(2)
        for name in alone
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(together) == len(threads)
    for recording_id, content in together.items():
        (name,) = [name for name in alone if name.partition(".")[0] in recording_id]
        assert without_run(content) == without_run(alone[name]), recording_id


@pytest.mark.parametrize("region", ["ap-southeast-2", "eu-west-1"])
def test_the_region_is_the_environments(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    """Every client goes to the region that is configured."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", region)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    wired = Settings("calls", "recordings", "unified").pipeline()
    assert wired.media.client.meta.region_name == region
    assert all(aws_client(service).meta.region_name == region for service in ("sqs", "dynamodb"))


def test_no_region_is_written_into_the_code() -> None:
    """The demo's region is the exception: its AWS is embedded in its own process."""
    region = re.compile(r"[\"'](?:us|eu|ap|sa|ca|me|af)-[a-z]+-\d[\"']")
    files = [*(ROOT / "komorebi_qc").rglob("*.py"), ROOT / "lambda" / "app.py", ROOT / "template.yaml"]
    assert {path.name for path in files if region.search(path.read_text())} <= {"embedded_aws.py"}


@pytest.mark.parametrize(
    ("text", "hour"), [("2026-03-02 13:00:00", 13), ("2026-03-02 00:10:00", 0), ("2026-03-02 12:30:00", 12)]
)
def test_hours_count_to_24(text: str, hour: int) -> None:
    """One o'clock in the afternoon is 13, noon is 12 and midnight is 0."""
    item = {"videoID": "r-1", "agentID": "agent-7", "creationDate": text}
    assert Recording.from_item(item).created.hour == hour


@pytest.mark.parametrize("text", ["2026-99-99 10:00:00", "2026-02-29 10:00:00", "2026-03-02 24:00:00", "26-3-2 1:0:0"])
def test_an_impossible_date_is_refused(text: str) -> None:
    """An impossible date is never rolled over into another month's folder."""
    with pytest.raises(UnknownRecordingError, match="creationDate"):
        Recording.from_item({"videoID": "r-1", "agentID": "agent-7", "creationDate": text})


def test_an_upload_goes_in_parts(world: World) -> None:
    """A video of any length is uploaded in parts of known length while it is made; the first part goes last."""
    sent: list[tuple[int, int]] = []

    def noted(true: Callable[..., Any], **asked: Any) -> Any:
        sent.append((asked["PartNumber"], len(asked["Body"])))
        return true(**asked)

    content = np.random.default_rng(1).bytes(2 * PART_BYTES + 12_345)
    media = world.media(s3=Faulty(world.s3, upload_part=noted, put_object=noted))
    with media.draft(RECORDING, "mp4") as draft:
        draft.begin(1000).write(content)
        published = draft.publish(thumbnail=None, qc=None)
    assert sorted(sent) == [(1, PART_BYTES), (2, PART_BYTES), (3, 12_345)]
    assert sent[-1] == (1, PART_BYTES)  # parts 2 and 3 are on their way at once, in either order
    assert world.read(published.video.removeprefix("s3://").partition("/")[2]) == content


def test_the_function_has_a_whole_processor_and_all_the_time_there_is() -> None:
    """At 1,769 MB Lambda gives one vCPU; its longest time limit is 900 s."""
    parameters = read_template(ROOT / "template.yaml")["Parameters"]
    assert int(parameters["MemoryMegabytes"]["Default"]) >= 1769
    assert int(parameters["TimeoutSeconds"]["Default"]) == 900


@pytest.mark.parametrize("name", ["requirements/demo.lock", "lambda/requirements.lock"])
def test_every_package_is_pinned_by_its_content(name: str) -> None:
    """FFmpeg comes inside of PyAV, and that in one version with its hashes."""
    lock = (ROOT / name).read_text()
    packages = re.split(r"\n(?=[a-z0-9])", re.sub(r"(?m)^ *#.*\n", "", lock).strip())
    assert all(re.match(r"[\w.\[\]-]+==\S+[^\n]*\\\n +--hash=sha256:[0-9a-f]{64}", package) for package in packages)
    assert any(package.startswith("av==") for package in packages)


def _process_files(call: Path, own: Path, call_end: str) -> bytes:
    out = own.with_name("unified")
    files = LocalFiles(call, own, out)
    item = Recording("local", "local", datetime(1970, 1, 1))  # noqa: DTZ001  as the table's: no zone
    order = Order("local", parse_call_end(call_end))
    outcome = process(order, table=LocalTable(item), media=files, options=Options(align="call-end"))
    return Path(outcome.published.video).read_bytes()


def _decoded(content: bytes) -> tuple[Any, int]:
    """The left channel, -1 to 1, and its samples a second."""
    resampler = av.AudioResampler(format="flt", layout="stereo")
    with av.open(io.BytesIO(content), "r") as file:
        frames = [new for frame in file.decode(audio=0) for new in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray().reshape(-1, 2)[:, 0] for frame in frames]), frames[0].sample_rate


def _put_and_process(world: World, recording_id: str, name: str) -> bytes:
    capture = CAPTURES[name]
    of = replace(RECORDING, recording_id=recording_id)
    key = f"{of.call_audio_prefixes(PREFIX)[0]}20260302T23:55_UTC.wav"
    world.s3.put_object(Bucket=CONNECT, Key=key, Body=capture.call.read_bytes())
    world.s3.put_object(Bucket=INPUT, Key=of.agent_recording_key, Body=capture.recording.read_bytes())
    world.dynamodb.put_item(TableName=TABLE, Item={**ITEM, "videoID": {"S": recording_id}})
    order = Order(recording_id, parse_call_end(capture.call_end))
    process(order, table=world.table(), media=world.media(now=SOON), options=Options(align="call-end"))
    return world.read(of.video_key("mp4"))
