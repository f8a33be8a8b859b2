"""Three results appear together or not at all, even if another run publishes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import CONNECT, INPUT, OUTPUT, RECORDING, SOON, Faulty, client_error, fails
from fake_s3 import FakeS3

from komorebi_qc.core.errors import ConcurrentRunError, StorageError
from komorebi_qc.storage.generation import Generation
from komorebi_qc.storage.s3.media import S3Media
from komorebi_qc.storage.s3.multipart_writer import PartStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from komorebi_qc.storage.protocols import Published

VIDEO, THUMBNAIL, QC = RECORDING.video_key("mp4"), RECORDING.thumbnail_key, RECORDING.qc_key
WORDS = RECORDING.captions_key
BROKEN = client_error("InternalError", 500, "Any")


def media_of(client: Any) -> S3Media:
    """The store over a client."""
    return S3Media(client, CONNECT, INPUT, OUTPUT, now=lambda: SOON)


def publish(
    media: S3Media, run_id: str, *, has_thumbnail: bool = True, meanwhile: Callable[[], object] = lambda: None
) -> Published:
    """Publish the results of a run, each with the run's ID in it; others may do something between its two ends."""
    began = media.findings_version(RECORDING)
    meanwhile()
    with media.draft(RECORDING, "mp4", run_id, began) as draft:
        draft.begin(1000).write(f"video {run_id}".encode())
        thumbnail = f"png {run_id}".encode() if has_thumbnail else None
        return draft.publish(thumbnail=thumbnail, qc=f"qc {run_id}".encode())


def test_all_results_name_their_run() -> None:
    """In their metadata, and the store knows them by it."""
    s3 = FakeS3()
    publish(media_of(s3), "a")
    assert media_of(s3).generation(RECORDING, "mp4") == Generation("a", "a", "a")
    assert media_of(s3).has_results(RECORDING, "mp4", "a")
    assert not media_of(s3).has_results(RECORDING, "mp4", "b")
    assert not media_of(s3).has_results(RECORDING, "webm", "a")


def test_a_run_without_a_thumbnail_is_complete_without_one() -> None:
    """The earlier thumbnail stays, and isn't counted."""
    s3 = FakeS3()
    publish(media_of(s3), "a")
    publish(media_of(s3), "b", has_thumbnail=False)
    assert s3.content()[THUMBNAIL] == b"png a"
    assert media_of(s3).has_results(RECORDING, "mp4", "b")
    publish(media_of(s3), "c")
    assert media_of(s3).has_results(RECORDING, "mp4", "c")


def at_request(s3: FakeS3, operation: str, key: str, act: Callable[[], object]) -> None:
    """Do something before the first such request."""

    def before(asked: str, of: str) -> None:
        if (asked, of) == (operation, key):
            s3.before = lambda *_: None
            act()

    s3.before = before


REQUESTS = [("get", QC), ("get", THUMBNAIL), ("head", VIDEO), ("put", QC), ("put", THUMBNAIL), ("put", VIDEO)]


@pytest.mark.parametrize("keeps_versions", [False, True])
@pytest.mark.parametrize("is_first", [True, False])
@pytest.mark.parametrize("at", REQUESTS)
def test_a_run_that_is_overtaken_overwrites_nothing(
    at: tuple[str, str], *, is_first: bool, keeps_versions: bool
) -> None:
    """At any of its requests: it fails, the other one's results are whole, and nothing of its own is left."""
    s3 = FakeS3(keeps_versions=keeps_versions)
    if not is_first:
        publish(media_of(s3), "earlier")

    def meanwhile() -> None:
        at_request(s3, *at, lambda: publish(media_of(s3), "other"))

    with pytest.raises(ConcurrentRunError, match=r"another run wrote s3://.*a retry finds its results"):
        publish(media_of(s3), "mine", meanwhile=meanwhile)
    assert media_of(s3).generation(RECORDING, "mp4") == Generation("other", "other", "other")
    assert s3.content() == {QC: b"qc other", THUMBNAIL: b"png other", VIDEO: b"video other"}
    assert all(b"mine" not in version.body for some in s3.versions.values() for version in some)


def test_a_run_that_began_before_another_one_ended_does_not_publish() -> None:
    """It was suspended since, and its inputs may be older: nothing is written."""
    s3 = FakeS3()
    with pytest.raises(ConcurrentRunError, match="since this one began"):
        publish(media_of(s3), "mine", meanwhile=lambda: publish(media_of(s3), "other"))
    assert media_of(s3).has_results(RECORDING, "mp4", "other")


def test_a_dead_runs_results_are_replaced() -> None:
    """It died in the middle: the next run finds results of two runs, and makes all of them anew."""
    s3 = FakeS3()
    publish(media_of(s3), "earlier")
    s3.put_object(Key=QC, Body=b"qc dead", Metadata={"komorebi-run": "dead"})
    assert not media_of(s3).has_results(RECORDING, "mp4", "earlier")
    publish(media_of(s3), "mine")
    assert media_of(s3).generation(RECORDING, "mp4") == Generation("mine", "mine", "mine")


@pytest.mark.parametrize("keeps_versions", [False, True])
@pytest.mark.parametrize("is_shorter", [True, False])
def test_a_video_that_is_not_what_was_sent_is_removed(
    monkeypatch: pytest.MonkeyPatch, *, keeps_versions: bool, is_shorter: bool
) -> None:
    """By its size or its checksum. Thumbnail and findings are as before, and with versions the video is too."""
    monkeypatch.setattr("komorebi_qc.storage.s3.publication.PART_BYTES", 64 << 10)
    s3 = FakeS3(keeps_versions=keeps_versions)
    publish(media_of(s3), "earlier")

    def wrong(true: Any, **arguments: Any) -> Any:
        found = true(**arguments)
        if arguments["Key"] == VIDEO and found["Metadata"]["komorebi-run"] == "mine":
            found |= {"ContentLength": 1} if is_shorter else {"ChecksumSHA256": "other=-3"}
        return found

    with media_of(Faulty(s3, head_object=wrong)).draft(RECORDING, "mp4", "mine") as draft:
        draft.begin(1000).write(b"v" * (300 << 10))
        with pytest.raises(StorageError, match=r"recording\.mp4 isn't what was sent.*was removed"):
            draft.publish(thumbnail=b"png mine", qc=b"qc mine")
    wanted = {QC: b"qc earlier", THUMBNAIL: b"png earlier"}
    assert s3.content() == (wanted | {VIDEO: b"video earlier"} if keeps_versions else wanted)
    assert all(b"mine" not in version.body for some in s3.versions.values() for version in some)


def test_a_video_that_cannot_be_looked_at_stays() -> None:
    """It was accepted: the look before the item is marked will find out what is there."""
    s3 = FakeS3()

    def denied_afterwards(true: Any, **arguments: Any) -> Any:
        if VIDEO in s3.content():
            raise BROKEN
        return true(**arguments)

    publish(media_of(Faulty(s3, head_object=denied_afterwards)), "mine")
    assert s3.runs() == dict.fromkeys(("recording.mp4", "thumbnail.png", "qc.json"), "mine")


@pytest.mark.parametrize("keeps_versions", [False, True])
@pytest.mark.parametrize("on", [1, 2, 3])
def test_a_failed_write_leaves_no_version(on: int, *, keeps_versions: bool) -> None:
    """Findings, thumbnail or video: the earlier results are the only ones."""
    s3 = FakeS3(keeps_versions=keeps_versions)
    publish(media_of(s3), "earlier")
    before = {key: list(some) for key, some in s3.versions.items()}
    with pytest.raises(StorageError):
        publish(media_of(Faulty(s3, put_object=fails(BROKEN, on=on))), "mine")
    if keeps_versions:
        assert s3.versions == before
    else:
        assert s3.content() == {key: some[-1].body for key, some in before.items()}


def test_a_video_in_parts_is_completed_under_the_condition(monkeypatch: pytest.MonkeyPatch) -> None:
    """The request that shows it names the object that it replaces."""
    monkeypatch.setattr("komorebi_qc.storage.s3.publication.PART_BYTES", 64 << 10)
    s3 = FakeS3()
    asked: list[dict[str, Any]] = []

    def noted(true: Any, **arguments: Any) -> Any:
        asked.append(arguments)
        return true(**arguments)

    media = media_of(Faulty(s3, complete_multipart_upload=noted))
    for run_id in ("first", "second"):
        with media.draft(RECORDING, "mp4", run_id) as draft:
            draft.begin(1000).write(run_id.encode() * (40 << 10))
            draft.publish(thumbnail=None, qc=None)
        if run_id == "first":
            first = s3.present(VIDEO)
    assert first is not None
    assert [one.get("IfNoneMatch") for one in asked] == ["*", None]
    assert [one.get("IfMatch") for one in asked] == [None, first.etag]


def test_a_stream_of_parts_is_what_a_draft_gives() -> None:
    """The muxer writes into it."""
    with media_of(FakeS3()).draft(RECORDING, "mp4") as draft:
        assert isinstance(draft.begin(10), PartStream)


def publish_words(media: S3Media, run_id: str, words: bytes | None, *, replaces_all: bool = False) -> Published:
    """Publish a run with or without captions."""
    with media.draft(RECORDING, "mp4", run_id, media.findings_version(RECORDING)) as draft:
        draft.begin(1000).write(f"video {run_id}".encode())
        qc = f"qc {run_id}".encode()
        return draft.publish(thumbnail=None, qc=qc, captions=words, replaces_all=replaces_all)


def test_captions_are_of_the_same_run_and_count_for_its_results() -> None:
    """A text of their own type, whose run is known."""
    s3 = FakeS3()
    media = media_of(s3)
    found = publish_words(media, "a", b"WEBVTT a")
    assert found.captions == f"s3://{OUTPUT}/{WORDS}"
    assert s3.head_object(Bucket=OUTPUT, Key=WORDS)["ContentType"] == "text/vtt"
    assert media.generation(RECORDING, "mp4").to_dict()["captions"] == "a"
    assert media.has_results(RECORDING, "mp4", "a")


def test_results_without_their_captions_are_a_mix() -> None:
    """They were deleted, or are of another run."""
    s3 = FakeS3()
    media = media_of(s3)
    publish_words(media, "a", b"WEBVTT a")
    s3.delete_object(Bucket=OUTPUT, Key=WORDS)
    assert not media.has_results(RECORDING, "mp4", "a")


@pytest.mark.parametrize("replaces_all", [False, True])
def test_captions_of_an_earlier_run_go_with_a_run_without_captions(*, replaces_all: bool) -> None:
    """They fit the earlier video."""
    s3 = FakeS3()
    media = media_of(s3)
    publish_words(media, "a", b"WEBVTT a")
    publish_words(media, "b", None, replaces_all=replaces_all)
    assert WORDS not in s3.content()
    assert media.has_results(RECORDING, "mp4", "b")
    publish_words(media, "c", b"WEBVTT c")
    assert s3.content()[WORDS] == b"WEBVTT c"
    assert media.has_results(RECORDING, "mp4", "c")


def test_captions_that_a_killed_run_left_go_with_the_next_run() -> None:
    """It had replaced the findings, and died before it removed them."""
    s3 = FakeS3()
    media = media_of(s3)
    publish_words(media, "a", b"WEBVTT a")
    content = s3.content()[WORDS]
    publish_words(media, "b", None)
    s3.put_object(Bucket=OUTPUT, Key=WORDS, Body=content)
    publish_words(media, "c", None)
    assert WORDS not in s3.content()


def test_a_failed_video_restores_the_earlier_captions() -> None:
    """All complete, or none."""
    s3 = FakeS3()
    publish_words(media_of(s3), "a", b"WEBVTT a")
    faulty = Faulty(s3, put_object=fails(BROKEN, on=3))
    with pytest.raises(StorageError):
        publish_words(media_of(faulty), "b", b"WEBVTT b")
    assert s3.content()[WORDS] == b"WEBVTT a"
    assert media_of(s3).has_results(RECORDING, "mp4", "a")
