"""The nine steps, against hand-written stores."""

from __future__ import annotations

import io
import json
import wave
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from captures import CAPTURES, Capture
from jsonschema import Draft202012Validator
from lossy import losing_audio
from made import encoded, wav

from komorebi_qc.core.errors import (
    InputError,
    MediaError,
    NotThereYetError,
    StorageError,
    UnknownRecordingError,
    WrongPairError,
)
from komorebi_qc.core.recording import Recording
from komorebi_qc.core.source import Source
from komorebi_qc.core.timebase import Alignment, CallEnd, Span, parse_call_end
from komorebi_qc.media.mux import write
from komorebi_qc.pipeline.idempotency import inputs_fingerprint, is_done
from komorebi_qc.pipeline.options import Options, Order
from komorebi_qc.pipeline.process import STEPS, process
from komorebi_qc.storage.protocols import Published

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from contextlib import AbstractContextManager
    from pathlib import Path
    from typing import BinaryIO

    from komorebi_qc.measure.result import ResultCheck

ID = "7b0d2c1a-6a57-4a5e-9a3b-1f0c2d3e4f50"
ITEM = Recording(ID, "agent-1", datetime(2026, 11, 24, 12, 0, 0))  # noqa: DTZ001  as the table's


class Table:
    """A table with one item."""

    def __init__(self) -> None:
        self.item: Recording | None = ITEM
        self.updates: list[dict[str, object]] = []

    def get(self, recording_id: str) -> Recording:
        """The item."""
        if self.item is None or recording_id != ID:
            raise UnknownRecordingError(f"no item {recording_id}")
        return self.item

    def mark_processed(self, recording: Recording, attributes: Mapping[str, object]) -> None:
        """Note what was set."""
        if self.item is None:
            raise UnknownRecordingError(f"{recording.recording_id} has gone")
        self.updates.append(dict(attributes))


class Media:
    """A store that holds two inputs and notes what is published."""

    def __init__(self, call: bytes, recording: bytes) -> None:
        self.call, self.own = call, recording
        self.published: list[tuple[str, bytes, bytes | None]] = []
        self.documents: list[Any] = []
        self.open_files = 0
        self.is_remote = False
        self.opened: list[str] = []
        self.before_publishing: Callable[[], None] = lambda: None
        self.fails: dict[str, Exception] = {}
        self.versions: tuple[str, ...] = ("connect.wav", "1", "recording", "1")

    @contextmanager
    def _source(self, name: str, data: bytes) -> Iterator[Source]:
        if name in self.fails:
            raise self.fails[name]
        self.open_files += 1
        try:
            again = (lambda: self._again(name, data)) if self.is_remote else None
            yield Source(name, io.BytesIO(data), len(data), again, self.versions[2 * (name == "recording") :][:2])
        finally:
            self.open_files -= 1

    def _again(self, name: str, data: bytes) -> BinaryIO:
        self.opened.append(name)
        return io.BytesIO(data)

    def input_versions(self, recording: Recording) -> tuple[str, ...]:
        """What names the inputs."""
        assert recording.recording_id == ID
        if "versions" in self.fails:
            raise self.fails["versions"]
        return self.versions

    def has_video(self, recording: Recording, container: str) -> bool:
        """Whether it has been published."""
        assert recording.recording_id == ID
        return any(name == container for name, *_ in self.published)

    def call_audio(self, recording: Recording) -> AbstractContextManager[Source]:
        """Connect's audio."""
        assert recording.recording_id == ID
        return self._source("connect.wav", self.call)

    def agent_recording(self, recording: Recording) -> AbstractContextManager[Source]:
        """The recording."""
        assert recording.recording_id == ID
        return self._source("recording", self.own)

    @contextmanager
    def draft(self, recording: Recording, container: str) -> Iterator[Draft]:
        """A file in memory."""
        assert recording.recording_id == ID
        self.open_files += 1
        try:
            yield Draft(self, container)
        finally:
            self.open_files -= 1


class Draft:
    """A video in memory; where the store is far, it has gone once it is written."""

    def __init__(self, media: Media, container: str) -> None:
        self.media, self.container = media, container
        self.file = io.BytesIO()
        self.begun: list[int] = []

    def begin(self, head_bytes: int) -> BinaryIO:
        """A new file."""
        self.begun.append(head_bytes)
        self.file = io.BytesIO()
        return self.file

    def front(self) -> bytes:
        """Its first bytes."""
        return self.file.getvalue()[: 1 << 20]

    def publish(self, *, thumbnail: bytes | None, qc: bytes | None) -> Published:
        """Note what was published."""
        media = self.media
        media.before_publishing()
        if "publish" in media.fails:
            raise media.fails["publish"]
        data = self.file.getvalue()
        media.published.append((self.container, data, thumbnail))
        media.documents.append(json.loads(qc or b"null"))
        name = "thumbnail.png" if thumbnail else None
        qc_name = "qc.json" if qc else None
        return Published(f"recording.{self.container}", name, qc_name, len(data), len(thumbnail or b""))


class Told:
    """Notes the progress."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int, str]] = []
        self.fractions: list[float] = []

    def step(self, number: int, of: int, name: str) -> None:
        """A step begins."""
        self.steps.append((number, of, name))

    def advance(self, fraction: float) -> None:
        """It goes on."""
        self.fractions.append(fraction)

    def check(self) -> None:
        """It goes on."""


def stores(capture: Capture) -> tuple[Table, Media]:
    """A table and a store for a capture."""
    return Table(), Media(capture.call.read_bytes(), capture.recording.read_bytes())


def order(capture: Capture, *, as_reported: bool = False) -> Order:
    """The order that a capture's truth gives."""
    return Order(ID, parse_call_end(capture.call_end), None if as_reported else Alignment(capture.offset_s))


def run(order: Order, table: Table, media: Media, **rest: object):  # type: ignore[no-untyped-def]  # noqa: ANN201
    """Process with the hand-written stores."""
    return process(order, table=table, media=media, **rest)  # type: ignore[arg-type]


def test_all_nine_steps_are_taken_in_order(sample: Capture) -> None:
    """Each is announced and reported once, and what comes out is in its place."""
    table, media = stores(sample)
    told = Told()
    outcome = run(order(sample), table, media, progress=told)
    names = [
        "read item",
        "fetch call audio",
        "fetch agent recording",
        "separate audio and video",
        "locate call",
        "plan audio",
        "write output",
        "publish",
        "mark processed",
    ]
    assert told.steps == [(number, 9, name) for number, name in enumerate(names, 1)]
    assert [step.name for step in outcome.steps] == names
    assert list(STEPS) == names
    assert told.fractions == sorted(told.fractions)
    assert told.fractions[-1] == pytest.approx(1.0, abs=0.05)
    (update,) = table.updates
    assert update["outputContainer"] == "mp4"
    assert update["qcVerdict"] == "pass"
    assert update["qcSyncStatus"] == "unmeasured"
    assert len(media.published) == 1
    assert media.open_files == 0
    assert outcome.verdict == "pass", [f for f in outcome.findings if f.status != "pass"]


def test_as_reported_says_how_coarse_it_is(sample: Capture) -> None:
    """Whole seconds are named as the limit of what can be known."""
    table, media = stores(sample)
    outcome = run(order(sample, as_reported=True), table, media, options=Options(align="call-end"))
    finding = next(f for f in outcome.findings if f.name == "alignment_resolution")
    assert (finding.value, finding.unit, finding.status) == (1.0, "s", "warn")
    assert outcome.placement.alignment.offset_s == pytest.approx(22.0 - outcome.document["durations"]["call_s"])
    assert outcome.placement.source == "call_end"


def test_the_outcome_is_json_with_units_in_its_names(capture: Capture) -> None:
    """What is printed says what was made, how long, how and by which alignment."""
    table, media = stores(capture)
    found = json.loads(json.dumps(run(order(capture), table, media).to_dict()))
    assert found["output"] == f"recording.{found['container']}"
    assert found["durations"]["output_s"] == pytest.approx(found["durations"]["recording_s"], abs=0.001)
    assert found["codecs"]["video_copied"] is True
    assert found["alignment"]["offset_s"] == capture.offset_s
    assert found["call_end"]["used_s"] == pytest.approx(capture.call_end_s, abs=0.001)
    assert {s["name"] for s in found["steps"]} == set(STEPS)
    assert all({"name", "value", "unit", "status", "text"} <= set(f) for f in found["findings"])


@pytest.mark.parametrize("place", ["connect.wav", "recording", "publish"])
@pytest.mark.parametrize("error", [NotThereYetError("later"), StorageError("no answer"), KeyboardInterrupt()])
def test_what_fails_on_the_way_touches_nothing(sample: Capture, place: str, error: BaseException) -> None:
    """Whatever goes wrong: nothing published, the item as it was, every file closed, the error unchanged."""
    table, media = stores(sample)
    media.fails[place] = error  # type: ignore[assignment]
    with pytest.raises(type(error)):
        run(order(sample), table, media)
    assert not media.published
    assert not table.updates
    assert media.open_files == 0


@pytest.mark.parametrize("which", ["call", "own"])
@pytest.mark.parametrize("data", [b"", b"hello, I am no media\n" * 40, b"\0" * 5000])
def test_what_is_no_media_touches_nothing(sample: Capture, which: str, data: bytes) -> None:
    """A bad input is named, and nothing is published."""
    table, media = stores(sample)
    setattr(media, which, data)
    name = {"call": r"connect\.wav", "own": "recording"}[which]
    with pytest.raises(MediaError, match=f"^{name} is"):
        run(order(sample), table, media)
    assert not media.published
    assert not table.updates


def test_an_item_that_vanishes_meanwhile_is_told(sample: Capture) -> None:
    """The update is conditional: a deleted recording doesn't come back to life."""
    table, media = stores(sample)

    def delete() -> None:
        table.item = None

    media.before_publishing = delete
    with pytest.raises(UnknownRecordingError):
        run(order(sample), table, media)
    assert not table.updates


def test_a_call_end_behind_the_recording_is_a_finding(sample: Capture) -> None:
    """The call is kept whole, there is no after-call audio, and the verdict fails."""
    table, media = stores(sample)
    outcome = run(Order(ID, CallEnd(500.0, 1.0)), table, media, options=Options(align="call-end"))
    by_name = {f.name: f for f in outcome.findings}
    assert by_name["call_end_past_recording"].status == "fail"
    assert by_name["call_end_past_recording"].value == pytest.approx(
        500.0 - outcome.document["durations"]["recording_s"], abs=0.001
    )
    assert by_name["after_call_audio"].value == 0.0
    assert outcome.document["durations"]["output_s"] == pytest.approx(500.0)
    assert outcome.verdict == "fail"


def test_a_cut_recording_gives_what_is_whole_and_fails_the_verdict(sample: Capture) -> None:
    """What is there is used, and the finding says how much is missing."""
    table, media = stores(sample)
    media.own = media.own[: len(media.own) // 2]
    outcome = run(order(sample), table, media)
    finding = next(f for f in outcome.findings if f.name == "recording_missing")
    assert finding.status == "fail"
    assert "is cut off" in finding.text
    assert len(media.published) == 1


def test_options_that_cant_be_used_are_refused() -> None:
    """A rate that one of the codecs doesn't take is named with those that both take."""
    with pytest.raises(InputError, match="8000, 12000, 16000, 24000, 48000"):
        Options(audio_rate=44_100)
    with pytest.raises(InputError, match="bit rate"):
        Options(audio_bit_rate=1)
    with pytest.raises(InputError, match="auto, mp4, webm"):
        Options(container="avi")  # type: ignore[arg-type]


@pytest.mark.parametrize("rate", [8000, 12_000, 24_000, 48_000])
@pytest.mark.parametrize("name", ["sample", "vp8.webm"])
def test_every_rate_works_in_both_containers(rate: int, name: str) -> None:
    """AAC and Opus are written at each of the rates that are offered."""
    table, media = stores(CAPTURES[name])
    outcome = run(order(CAPTURES[name]), table, media, options=replace(Options(), audio_rate=rate))
    assert outcome.document["codecs"]["audio_rate_hz"] == rate
    assert len(media.published[0][1]) > 10_000


def test_the_sound_tells_where_the_call_lies(capture: Capture) -> None:
    """Measured, every capture's call is placed within the truth's tolerance, and the told end's error is known."""
    table, media = stores(capture)
    outcome = run(order(capture, as_reported=True), table, media)
    assert outcome.placement.source == "measured"
    assert outcome.placement.alignment.offset_s == pytest.approx(capture.offset_s, abs=0.0015)
    assert outcome.document["call_end"]["measured_s"] == pytest.approx(capture.call_end_s, abs=0.005)
    assert table.updates[0]["qcOffsetSeconds"] == pytest.approx(capture.offset_s, abs=0.0015)
    assert media.documents == [outcome.document]


def test_a_wrong_pair_publishes_nothing(sample: Capture) -> None:
    """Another call's audio is never joined to this agent's picture, unless it is forced: then the verdict fails."""
    table, media = stores(sample)
    media.call = wrong_call(sample)
    with pytest.raises(WrongPairError, match="different calls"):
        run(order(sample, as_reported=True), table, media)
    assert not media.published
    assert not table.updates
    outcome = run(order(sample, as_reported=True), table, media, options=Options(force=True))
    assert outcome.placement.source == "call_end"
    assert outcome.verdict == "fail"
    assert len(media.published) == 1


def wrong_call(sample: Capture) -> bytes:
    """A call of the same two speakers that never took place: the sample's, backwards in time."""
    with wave.open(str(sample.call), "rb") as file:
        parameters, data = file.getparams(), file.readframes(file.getnframes())
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams(parameters)
        file.writeframes(np.frombuffer(data, "<i2").reshape(-1, 2)[::-1].tobytes())
    return out.getvalue()


def test_the_document_fits_its_schema(capture: Capture) -> None:
    """What lies beside every video is what the schema in the package promises."""
    table, media = stores(capture)
    run(order(capture, as_reported=True), table, media)
    schema = json.loads(files("komorebi_qc.findings").joinpath("qc.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(media.documents[0])


def test_an_order_is_done_once(sample: Capture) -> None:
    """Processed from the inputs that lie there now, for the same call end, and still there: only then is it done.

    In which way it was made doesn't count: a message that comes again must not undo what an operator has corrected.
    """
    table, media = stores(sample)
    wanted, options = order(sample), Options(align="call-end")
    assert not is_done(wanted, table=table, media=media)
    process(wanted, table=table, media=media, options=options)
    done = replace(
        ITEM, is_processed=True, container="mp4", inputs_fingerprint=str(table.updates[-1]["qcInputsFingerprint"])
    )
    table.item = done
    fresh = partial(is_done, table=table, media=media)
    assert fresh(wanted)
    assert not fresh(replace(wanted, call_end=CallEnd(1.0, 1.0)))
    assert fresh(replace(wanted, alignment=Alignment(1.0)))
    table.item = replace(done, is_processed=False)
    assert not fresh(wanted)
    table.item = done
    media.versions = ("connect.wav", "1", "recording", "2")
    assert not fresh(wanted)
    media.versions = ("connect.wav", "1", "recording", "1")
    media.published.clear()
    assert not fresh(wanted)


def test_inputs_without_versions_are_never_done(sample: Capture) -> None:
    """Where nothing names the inputs, nothing is written of them, and no order counts as done."""
    table, media = stores(sample)
    media.versions = ()
    process(order(sample), table=table, media=media, options=Options(align="call-end"))
    assert "qcInputsFingerprint" not in table.updates[-1]
    assert inputs_fingerprint(order(sample), ()) == ""


@pytest.mark.parametrize("name", ["sample", "vp8.webm"])
def test_a_far_store_gets_the_same_result_and_is_read_once_for_each_need(name: str) -> None:
    """Where nothing can be read again cheaply: the same sound, the same check, and Connect's audio opened once."""
    capture = CAPTURES[name]
    checks: list[ResultCheck] = []
    sounds: list[list[bytes]] = []
    for is_remote in (False, True):
        table, media = stores(capture)
        media.is_remote = is_remote
        kept = run(order(capture, as_reported=True), table, media, options=Options(retain_artifacts=True)).artifacts
        assert kept is not None
        assert kept.evidence.check is not None
        checks.append(kept.evidence.check)
        sounds.append(packets_of(media.published[0][1]))
        assert media.opened == (["connect.wav", "recording"] if is_remote else [])
        assert media.open_files == 0
    assert sounds[0] == sounds[1]
    near, far = checks
    assert near.discontinuities == far.discontinuities == ()
    for mine, yours in ((near.call, far.call), (near.own, far.own)):
        assert len(mine.windows) == len(yours.windows) > 3
        assert [lag.output_s for lag in mine.windows] == pytest.approx(
            [lag.output_s for lag in yours.windows], abs=1e-4
        )
        assert [lag.lag_s for lag in mine.windows] == pytest.approx([lag.lag_s for lag in yours.windows], abs=2e-5)
    assert len(near.seams) == len(far.seams) > 0
    for one, other in zip(near.seams, far.seams, strict=True):
        assert one.click_db == pytest.approx(other.click_db, abs=0.1)
        assert (one.hole_s, one.timestamp_gap_s) == (other.hole_s, other.timestamp_gap_s)
        assert one.level_step_db == pytest.approx(other.level_step_db, abs=0.05)


@pytest.mark.parametrize("as_reported", [True, False])
def test_a_far_result_is_checked_against_what_was_heard_before(
    sample: Capture, monkeypatch: pytest.MonkeyPatch, *, as_reported: bool
) -> None:
    """Measured or placed by hand: where the rendering loses the sound behind the call, the finding fails."""
    monkeypatch.setattr(write, "PacketDemuxer", losing_audio(Span(sample.call_end_s, 1e9)))
    table, media = stores(sample)
    media.is_remote = True
    outcome = run(order(sample, as_reported=as_reported), table, media)
    status = {finding.name: finding.status for finding in outcome.findings}
    assert status["own_audio_missing"] == "fail"
    assert status["call_missing"] == "pass"


def packets_of(video: bytes) -> list[bytes]:
    """The sound's packets."""
    with av.open(io.BytesIO(video), "r") as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@pytest.mark.parametrize("kind", ["mono", "flac"])
def test_a_far_call_of_another_kind_is_checked_as_a_near_one(sample: Capture, kind: str, tmp_path: Path) -> None:
    """What only a decoder gets at, forwards: the seams' places lie among the others, and each is found."""
    with wave.open(str(sample.call), "rb") as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).astype(np.float32) / 32768
    if kind == "mono":
        path = wav(tmp_path / "call.wav", pcm.mean(axis=1))
    else:
        path = encoded(tmp_path / "call.flac", pcm.astype(np.float32), "flac", 8000, "flac")
    checks: list[ResultCheck] = []
    for is_remote in (False, True):
        table, media = stores(sample)
        media.call, media.is_remote = path.read_bytes(), is_remote
        kept = run(order(sample), table, media, options=Options(retain_artifacts=True)).artifacts
        assert kept is not None
        assert kept.evidence.check is not None
        checks.append(kept.evidence.check)
    near, far = checks
    assert len(near.call.windows) == len(far.call.windows) > 3
    for one, other in zip(near.seams, far.seams, strict=True):
        assert (one.hole_s, one.gap_s) == (other.hole_s, other.gap_s)
        assert one.added_step_db == pytest.approx(other.added_step_db, abs=0.1)
