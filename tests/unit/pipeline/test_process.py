"""A run of all nine steps, against stores in memory."""

from __future__ import annotations

import io
import json
import time
import wave
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from analyses import as_json, redacted_analysis, times, turn
from captures import CAPTURES, Capture
from fake_stores import ID, NotedProgress, manual_order, measured_order, stores
from jsonschema import Draft202012Validator
from lossy import losing_audio
from made import encoded, wav

from komorebi_qc.core.contact.choice import FoundContact
from komorebi_qc.core.contact.record import ContactRecord, ContactRecording
from komorebi_qc.core.errors import (
    InputError,
    MediaError,
    NotThereYetError,
    StorageError,
    UnknownRecordingError,
    WrongPairError,
)
from komorebi_qc.core.limits.limit import UNDETERMINED
from komorebi_qc.core.timebase import Alignment, CallEnd, Span
from komorebi_qc.media.mux import write
from komorebi_qc.pipeline.options import Options, Order
from komorebi_qc.pipeline.process import STEPS, process

if TYPE_CHECKING:
    from pathlib import Path

    from komorebi_qc.measure.result import ResultCheck
    from komorebi_qc.pipeline.outcome import Outcome

BY_CALL_END = Options(align="call-end")
RETAINING = Options(retain_artifacts=True)
NAMES = [
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


def test_all_nine_steps_run_in_order(sample: Capture) -> None:
    """Each step is announced and reported once, and the result is published and marked."""
    table, media = stores(sample)
    progress = NotedProgress()
    began = time.monotonic()
    outcome = process(manual_order(sample), table=table, media=media, progress=progress)
    assert 0.0 < sum(step.seconds for step in outcome.steps) <= time.monotonic() - began + 0.001
    assert progress.steps == [(number, 9, name) for number, name in enumerate(NAMES, 1)]
    assert [step.name for step in outcome.steps] == NAMES
    assert list(STEPS) == NAMES
    assert progress.fractions == sorted(progress.fractions)
    assert progress.fractions[-1] == pytest.approx(1.0, abs=0.05)
    (update,) = table.updates
    assert update["outputContainer"] == "mp4"
    assert update["qcVerdict"] == "pass"
    assert update["qcSyncStatus"] == "unmeasured"
    assert len(media.published) == 1
    assert media.open_files == 0
    assert outcome.verdict == "pass", [f for f in outcome.findings if f.status != "pass"]


def test_steps_count_the_bytes_they_transfer(sample: Capture) -> None:
    """Fetching, writing and publishing transfer media; the other steps count none."""
    table, media = stores(sample)
    outcome = process(manual_order(sample), table=table, media=media)
    ((_, video, thumbnail),) = media.published
    assert [(step.name, step.bytes) for step in outcome.steps if step.bytes] == [
        ("fetch call audio", len(media.call)),
        ("fetch agent recording", len(media.own)),
        ("write output", len(video)),
        ("publish", len(video) + len(thumbnail or b"")),
    ]
    assert all(step.seconds >= 0 for step in outcome.steps)
    assert sum(step.seconds for step in outcome.steps) > 0


def test_the_outcome_is_json_with_units_in_its_names(capture: Capture) -> None:
    """The document has the output, its durations, its codecs and its alignment."""
    table, media = stores(capture)
    outcome = process(manual_order(capture), table=table, media=media)
    found = json.loads(json.dumps(outcome.to_dict()))
    assert found["output"] == f"recording.{found['container']}"
    assert found["durations"]["output_s"] == pytest.approx(found["durations"]["recording_s"], abs=0.001)
    assert found["codecs"]["video_copied"] is True
    assert found["alignment"]["offset_s"] == capture.offset_s
    assert found["alignment"]["source"] == "manual"
    assert found["call_end"]["used_s"] == pytest.approx(capture.call_end_s, abs=0.001)
    assert [step["name"] for step in found["steps"]] == NAMES
    assert [f["name"] for f in found["findings"]] == [f.name for f in outcome.findings]


def test_a_measured_alignment_is_within_the_truth(capture: Capture) -> None:
    """The call is placed by its audio, the reported end's error is known, and item and document agree."""
    table, media = stores(capture)
    outcome = process(measured_order(capture), table=table, media=media)
    assert outcome.placement.source == "measured"
    assert outcome.placement.alignment.offset_s == pytest.approx(capture.offset_s, abs=0.0015)
    assert outcome.document["call_end"]["measured_s"] == pytest.approx(capture.call_end_s, abs=0.005)
    assert table.updates[0]["qcOffsetSeconds"] == pytest.approx(capture.offset_s, abs=0.0015)
    assert media.documents == [outcome.document]


def test_the_document_fits_its_schema(capture: Capture) -> None:
    """`qc.json` is valid by the schema in the package, and has all of its top-level keys."""
    table, media = stores(capture)
    process(measured_order(capture), table=table, media=media)
    schema = json.loads(files("komorebi_qc.findings").joinpath("qc.schema.json").read_text())
    Draft202012Validator.check_schema(schema)
    Draft202012Validator(schema).validate(media.documents[0])
    assert set(media.documents[0]) == set(schema["properties"])


def test_by_the_call_end_nothing_is_measured(sample: Capture) -> None:
    """The reported call end places the call, and the finding about it says how far off that can be."""
    table, media = stores(sample)
    outcome = process(measured_order(sample), table=table, media=media, options=BY_CALL_END)
    by_name = {finding.name: finding for finding in outcome.findings}
    finding = by_name["alignment_resolution"]
    assert (finding.value, finding.unit, finding.status) == (1.3, "s", "fail")
    assert outcome.placement.alignment.offset_s == pytest.approx(22.0 - outcome.document["durations"]["call_s"])
    assert outcome.placement.source == "call_end"
    assert outcome.document["sync"] is None
    assert {"sync_status", "audio_gaps", "call_agent_sound", "seam_gap", "alignment_residual"}.isdisjoint(by_name)


def test_a_call_end_that_nobody_reported_is_measured(sample: Capture) -> None:
    """The audio is certain, so the recording is made; the document has no reported end, and fits its schema."""
    table, media = stores(sample)
    outcome = process(replace(measured_order(sample), call_end=None), table=table, media=media)
    assert outcome.placement.source == "measured"
    assert outcome.placement.alignment.offset_s == pytest.approx(sample.offset_s, abs=0.005)
    end = media.documents[0]["call_end"]
    assert (end["reported_s"], end["reported_resolution_s"], end["source"], end["error_s"]) == (None,) * 4
    assert end["measured_s"] == pytest.approx(end["used_s"])
    (finding,) = (one for one in outcome.findings if one.name == "call_end_error")
    assert (finding.value, finding.status) == (UNDETERMINED, "pass")
    schema = json.loads(files("komorebi_qc.findings").joinpath("qc.schema.json").read_text())
    Draft202012Validator(schema).validate(media.documents[0])


def test_without_a_call_end_an_uncertain_pair_waits(sample: Capture) -> None:
    """The call's end may be reported later: nothing is published, and the message returns. So it is unmeasured."""
    table, media = stores(sample)
    order = replace(measured_order(sample), call_end=None)
    with pytest.raises(NotThereYetError, match=r"isn't certain without its end \(it isn't measured\)"):
        process(order, table=table, media=media, options=BY_CALL_END)
    media.call = backwards(sample)
    with pytest.raises(NotThereYetError, match="isn't certain without its end"):
        process(order, table=table, media=media)
    assert not media.published
    assert not table.updates


def test_the_records_end_is_used_if_nobody_reported_one(sample: Capture) -> None:
    """The record has the recording's start; the document says that the call's end is the record's."""
    table, media = stores(sample)
    began_at = datetime(2026, 11, 24, 12, 0, 0, tzinfo=UTC)
    screen = ContactRecording("recording", media="VIDEO", began_at=began_at)
    record = ContactRecord(ID, after_work_at=began_at + timedelta(seconds=22), recordings=(screen,))
    media.found_contact = FoundContact("api", record, (), "record", "the record names it")
    order = replace(measured_order(sample), call_end=None)
    outcome = process(order, table=table, media=media, options=BY_CALL_END)
    end = media.documents[0]["call_end"]
    assert (end["reported_s"], end["reported_resolution_s"], end["source"]) == (21.0, 2.0, "record")
    assert end["used_s"] == 22.0
    assert outcome.placement.bound_s == pytest.approx(1.3)
    (finding,) = (one for one in outcome.findings if one.name == "alignment_resolution")
    assert "placed by its end by the contact's record alone, which has a resolution of 2 s" in finding.text
    reported = replace(order, call_end=CallEnd(22.0, 1.0))
    process(reported, table=table, media=media, options=BY_CALL_END)
    assert media.documents[1]["call_end"]["source"] == "reported"


def test_a_manual_alignment_is_measured_but_for_sync(sample: Capture) -> None:
    """Levels, timestamps and the result are checked; the sync measurement is left out."""
    table, media = stores(sample)
    outcome = process(manual_order(sample), table=table, media=media)
    names = {finding.name for finding in outcome.findings}
    assert {"alignment_resolution", "audio_gaps", "call_agent_sound", "seam_gap"} <= names
    assert {"sync_status", "belonging", "drift", "call_end_error"}.isdisjoint(names)


def test_a_right_alignment_follows_the_recordings_own_sound(capture: Capture) -> None:
    """The call in the file is within half a millisecond of the agent's voice in the recording."""
    table, media = stores(capture)
    outcome = process(measured_order(capture), table=table, media=media)
    finding = next(finding for finding in outcome.findings if finding.name == "alignment_residual")
    assert finding.status == "pass"
    assert isinstance(finding.value, float)
    assert finding.value < 0.0005
    assert "the agent's voice" in finding.text


@pytest.mark.parametrize(
    ("error_ms", "status"), [(5.0, "warn"), (-5.0, "warn"), (30.0, "fail"), (-30.0, "fail"), (900.0, "fail")]
)
@pytest.mark.parametrize("name", ["sample", "vp8.webm"])
def test_a_wrong_manual_offset_does_not(name: str, error_ms: float, status: str) -> None:
    """The file plays the call as planned, and the plan is wrong: only the recording's own sound shows it."""
    capture = CAPTURES[name]
    table, media = stores(capture)
    order = replace(manual_order(capture), alignment=Alignment(capture.offset_s + error_ms / 1000))
    outcome = process(order, table=table, media=media)
    by_name = {finding.name: finding for finding in outcome.findings}
    assert by_name["alignment_residual"].value == pytest.approx(abs(error_ms) / 1000, abs=0.0015)
    assert by_name["alignment_residual"].status == status
    assert by_name["call_residual"].status == "pass"
    assert outcome.verdict == status


@pytest.mark.parametrize("place", ["connect.wav", "recording", "publish"])
@pytest.mark.parametrize("error", [NotThereYetError("later"), StorageError("no answer"), KeyboardInterrupt()])
def test_a_failure_changes_nothing(sample: Capture, place: str, error: BaseException) -> None:
    """Nothing is published, the item is unchanged, every file is closed, and the error is passed on."""
    table, media = stores(sample)
    media.fails[place] = error  # type: ignore[assignment]
    with pytest.raises(type(error)) as caught:
        process(manual_order(sample), table=table, media=media)
    assert caught.value is error
    assert not media.published
    assert not table.updates
    assert media.open_files == 0


@pytest.mark.parametrize("which", ["call", "own"])
@pytest.mark.parametrize("data", [b"", b"hello, I am no media\n" * 40, b"\0" * 5000])
def test_a_file_without_media_is_refused(sample: Capture, which: str, data: bytes) -> None:
    """The error names the bad input, and nothing is published."""
    table, media = stores(sample)
    setattr(media, which, data)
    name = {"call": r"connect\.wav", "own": "recording"}[which]
    with pytest.raises(MediaError, match=f"^{name} is"):
        process(manual_order(sample), table=table, media=media)
    assert not media.published
    assert not table.updates


def test_files_without_the_needed_track_are_refused(sample: Capture, tmp_path: Path) -> None:
    """The call audio needs an audio track, and the recording a video track."""
    table, media = stores(sample)
    media.own = media.call[:100_000]
    with pytest.raises(MediaError, match="recording"):
        process(manual_order(sample), table=table, media=media)
    table, media = stores(sample)
    with av.open(str(tmp_path / "video.mp4"), "w") as container, av.open(io.BytesIO(media.own), "r") as given:
        stream = container.add_stream_from_template(given.streams.video[0])
        for packet in given.demux(given.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)
    media.call = (tmp_path / "video.mp4").read_bytes()
    with pytest.raises(MediaError, match=r"connect\.wav"):
        process(manual_order(sample), table=table, media=media)


def test_a_deleted_item_is_not_created_again(sample: Capture) -> None:
    """The update is conditional: the run fails if the item was deleted meanwhile."""
    table, media = stores(sample)

    def delete() -> None:
        table.item = None

    media.before_publishing = delete
    with pytest.raises(UnknownRecordingError):
        process(manual_order(sample), table=table, media=media)
    assert not table.updates


def test_a_call_end_after_the_recording_fails(sample: Capture) -> None:
    """The call is complete, there is no after-call audio, and the verdict fails."""
    table, media = stores(sample)
    outcome = process(Order(ID, CallEnd(500.0, 1.0)), table=table, media=media, options=BY_CALL_END)
    by_name = {finding.name: finding for finding in outcome.findings}
    late_s = 500.0 - outcome.document["durations"]["recording_s"]
    assert by_name["call_end_past_recording"].status == "fail"
    assert by_name["call_end_past_recording"].value == pytest.approx(late_s, abs=0.001)
    assert by_name["after_call_audio"].value == 0.0
    assert outcome.document["durations"]["output_s"] == pytest.approx(500.0)
    assert outcome.verdict == "fail"


def test_a_call_far_from_its_recording_is_refused(sample: Capture) -> None:
    """A typing error in the call end must not cost hours of silence."""
    table, media = stores(sample)
    with pytest.raises(InputError, match="over an hour away"):
        process(Order(ID, CallEnd(80_000.0, 1.0)), table=table, media=media, options=BY_CALL_END)
    assert not media.published


def test_a_cut_recording_fails_its_verdict(sample: Capture) -> None:
    """The complete part is used and published, and the finding counts the missing bytes."""
    table, media = stores(sample)
    media.own = media.own[: len(media.own) // 2]
    outcome = process(manual_order(sample), table=table, media=media)
    finding = next(finding for finding in outcome.findings if finding.name == "recording_missing")
    assert finding.status == "fail"
    assert "is cut off" in finding.text
    assert len(media.published) == 1


@pytest.mark.parametrize("rate", [8000, 48_000])
@pytest.mark.parametrize("name", ["sample", "vp8.webm"])
def test_every_rate_works_in_both_containers(rate: int, name: str) -> None:
    """AAC and Opus are written at the lowest and the highest rate."""
    table, media = stores(CAPTURES[name])
    outcome = process(manual_order(CAPTURES[name]), table=table, media=media, options=Options(audio_rate=rate))
    assert outcome.document["codecs"]["audio_rate_hz"] == rate
    with av.open(io.BytesIO(media.published[0][1])) as container:
        stream = container.streams.audio[0]
        assert stream.rate == (48_000 if stream.codec_context.name == "opus" else rate)


def test_the_container_can_be_chosen(sample: Capture) -> None:
    """H.264 isn't copied into WebM: it is encoded again, and a finding warns about it."""
    table, media = stores(sample)
    options = Options(align="call-end", container="webm", thumbnail=False)
    outcome = process(measured_order(sample), table=table, media=media, options=options)
    status = {finding.name: finding.status for finding in outcome.findings}
    assert outcome.document["container"] == "webm"
    assert (outcome.document["codecs"]["video"], outcome.document["codecs"]["video_copied"]) == ("vp9", False)
    assert status["video_reencoded"] == "warn"
    assert outcome.published.thumbnail is None


def test_a_wrong_pair_publishes_nothing(sample: Capture) -> None:
    """Another call is never combined with this recording; forced, it is, and the verdict fails."""
    table, media = stores(sample)
    media.call = backwards(sample)
    with pytest.raises(WrongPairError, match="different calls"):
        process(measured_order(sample), table=table, media=media)
    assert not media.published
    assert not table.updates
    outcome = process(measured_order(sample), table=table, media=media, options=Options(force=True))
    assert outcome.placement.source == "call_end"
    assert outcome.verdict == "fail"
    assert len(media.published) == 1


def backwards(sample: Capture) -> bytes:
    """A call of the same two speakers that never took place: the sample's, backwards in time."""
    with wave.open(str(sample.call), "rb") as file:
        parameters, data = file.getparams(), file.readframes(file.getnframes())
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setparams(parameters)
        file.writeframes(np.frombuffer(data, "<i2").reshape(-1, 2)[::-1].tobytes())
    return out.getvalue()


def test_artifacts_are_retained_on_request(sample: Capture) -> None:
    """By default an outcome holds no audio; on request it has both sides and the evidence of its findings."""
    table, media = stores(sample)
    assert process(measured_order(sample), table=table, media=media).artifacts is None
    artifacts = process(measured_order(sample), table=table, media=media, options=RETAINING).artifacts
    assert artifacts is not None
    assert artifacts.pair is not None
    assert isinstance(artifacts.pair.call, np.ndarray)
    assert artifacts.pair.result is artifacts.evidence.placement.measured
    assert artifacts.evidence.levels is not None
    assert artifacts.evidence.timing == artifacts.pair.timing
    # Beside a mask, the audio captured for the check has what the mask hides.
    assert artifacts.evidence.rendered.captured is None


@pytest.mark.parametrize("name", ["sample", "vp8.webm"])
def test_a_remote_store_gives_the_same_result(name: str) -> None:
    """Audio and check are equal, and each input is opened once for the run and once for writing."""
    capture = CAPTURES[name]
    checks: list[ResultCheck] = []
    audio: list[list[bytes]] = []
    for is_remote in (False, True):
        table, media = stores(capture)
        media.is_remote = is_remote
        checks.append(check_of(process(measured_order(capture), table=table, media=media, options=RETAINING)))
        audio.append(packets_of(media.published[0][1]))
        assert media.opened == (["connect.wav", "recording"] if is_remote else [])
        assert media.open_files == 0
    assert audio[0] == audio[1]
    local, remote = checks
    assert local == remote
    assert local.discontinuities == ()
    assert len(local.call.windows) > 3
    assert len(local.own.windows) > 3
    assert local.seams


def check_of(outcome: Outcome) -> ResultCheck:
    """The result check of a run that retains its artifacts."""
    assert outcome.artifacts is not None
    assert outcome.artifacts.evidence.check is not None
    return outcome.artifacts.evidence.check


def packets_of(video: bytes) -> list[bytes]:
    """The packets of a file's audio."""
    with av.open(io.BytesIO(video), "r") as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


@pytest.mark.parametrize("is_measured", [True, False])
def test_audio_lost_while_writing_fails(sample: Capture, monkeypatch: pytest.MonkeyPatch, *, is_measured: bool) -> None:
    """The result is compared with the audio decoded before, so a loss in the second pass is found."""
    monkeypatch.setattr(write, "PacketDemuxer", losing_audio(Span(sample.call_end_s, 1e9)))
    table, media = stores(sample)
    order = measured_order(sample) if is_measured else manual_order(sample)
    outcome = process(order, table=table, media=media)
    status = {finding.name: finding.status for finding in outcome.findings}
    assert status["own_audio_missing"] == "fail"
    assert status["call_missing"] == "pass"


@pytest.mark.parametrize("kind", ["mono", "flac"])
def test_a_decoded_call_is_checked_in_the_same_way(sample: Capture, kind: str, tmp_path: Path) -> None:
    """A call that isn't plain 8 kHz stereo has to be decoded; a local and a remote one get the same check."""
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
        checks.append(check_of(process(manual_order(sample), table=table, media=media, options=RETAINING)))
    local, remote = checks
    assert local == remote
    assert len(local.call.windows) > 3
    assert all(seam.gap_s is not None for seam in local.seams)


@pytest.mark.parametrize("align", ["auto", "call-end"])
def test_a_preferred_analysis_that_is_missing_warns(sample: Capture, align: Any) -> None:
    """With it, the redactions are a finding; they are also known if nothing is measured and nothing is masked."""
    table, media = stores(sample)
    options = Options(align=align, redacted="prefer", mask="none")
    before = process(measured_order(sample), table=table, media=media, options=options)
    assert "redaction_pending" in {finding.name for finding in before.findings}
    assert before.document["redactions"] is None
    media.analysis = {"a.json": as_json(redacted_analysis(turn(0, 9000, "", times(5000, 6000))))}
    after = process(measured_order(sample), table=table, media=media, options=options)
    (found,) = [finding for finding in after.findings if finding.name == "recording_redacted"]
    assert (found.value, found.status) == (1.0, "warn")
    assert [one["call_from_s"] for one in after.document["redactions"]] == [5.0]
    assert "redaction_pending" not in {finding.name for finding in after.findings}
