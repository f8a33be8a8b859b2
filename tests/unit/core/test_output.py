"""The output's container and codecs, and the length of a file's tracks."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from komorebi_qc.core.finding import Finding, counted, verdict
from komorebi_qc.core.media_info import AudioInfo, MediaInfo, VideoInfo
from komorebi_qc.core.output import AUDIO_CODEC, AUDIO_RATES, ENCODED_AS, Container, can_mask_in_place, plan_container
from komorebi_qc.core.timebase import Span


@pytest.mark.parametrize(
    ("codec", "wanted", "expected"),
    [
        ("h264", None, ("mp4", True)),
        ("hevc", None, ("mp4", True)),
        ("vp9", None, ("mp4", True)),
        ("av1", None, ("mp4", True)),
        ("vp8", None, ("webm", True)),
        ("mpeg4", None, ("mp4", False)),
        ("h264", "webm", ("webm", False)),
        ("hevc", "webm", ("webm", False)),
        ("vp8", "mp4", ("mp4", False)),
        ("vp9", "webm", ("webm", True)),
        ("av1", "webm", ("webm", True)),
        ("h264", "mp4", ("mp4", True)),
    ],
)
def test_the_container_follows_the_video(codec: str, wanted: Container | None, expected: tuple[str, bool]) -> None:
    """MP4 where it holds the codec, WebM for VP8, else encoded again; a wanted container is kept."""
    assert plan_container(codec, wanted) == expected


@pytest.mark.parametrize(
    ("codec", "pixel_format", "size", "can_be"),
    [
        ("h264", "yuv420p", (1280, 720), True),
        ("h264", "yuv420p10le", (1280, 720), False),
        ("vp8", "yuv420p", (161, 91), True),
        ("vp9", "yuv420p", (161, 91), True),
        ("vp9", "yuv420p10le", (1280, 720), False),
        ("av1", "yuv420p", (1280, 720), True),
        ("av1", "yuv420p", (1281, 720), False),
        ("av1", "yuv420p", (1280, 62), False),
        ("hevc", "yuv420p", (1280, 720), False),
        ("h264", "", (1280, 720), False),
    ],
)
def test_four_codecs_are_masked_in_place(
    codec: str,
    pixel_format: str,
    size: tuple[int, int],
    can_be: bool,  # noqa: FBT001  a parameter
) -> None:
    """In the formats that browsers play; an unknown format isn't."""
    video = VideoInfo(codec, *size, 250, Span(0.0, 10.0), 0, Fraction(1, 1000), pixel_format)
    assert can_mask_in_place(video) == can_be


def test_a_track_whose_timestamps_run_back_is_not_masked_in_place() -> None:
    """Two recordings that somebody joined into one: the second one's frames are shown after the first one's."""
    video = VideoInfo("vp8", 640, 480, 250, Span(0.0, 10.0), 0, Fraction(1, 1000), "yuv420p")
    assert can_mask_in_place(video)
    assert not can_mask_in_place(replace(video, disordered=1))


def test_each_container_has_its_codecs() -> None:
    """H.264 and AAC in MP4, VP9 and Opus in WebM; rates that AAC and Opus both take."""
    assert ENCODED_AS == {"mp4": "h264", "webm": "vp9"}
    assert AUDIO_CODEC == {"mp4": "aac", "webm": "opus"}
    assert AUDIO_RATES == (8_000, 12_000, 16_000, 24_000, 48_000)


def media(missing_bytes: int = 0, missing_s: float | None = 0.0, *, tracks: int = 2) -> MediaInfo:
    """A file whose video ends at 10 s and whose audio ends at 11 s."""
    video = VideoInfo("h264", 640, 480, 250, Span(0.0, 10.0), 0, Fraction(1, 1000)) if tracks else None
    audio = AudioInfo("aac", 48_000, 2, 500, Span(0.0, 11.0)) if tracks > 1 else None
    return MediaInfo("a.mp4", "mp4", video, audio, 0.0, missing_bytes, missing_s)


def test_a_file_ends_with_its_last_track() -> None:
    """The later of both ends; 0 without tracks."""
    assert media().end_s == 11.0
    assert media(tracks=1).end_s == 10.0
    assert media(tracks=0).end_s == 0.0


@pytest.mark.parametrize(
    ("missing_bytes", "missing_s", "expected"),
    [(0, 0.0, False), (1, 0.0, True), (0, 0.5, False), (0, 0.51, True), (0, None, False), (1, None, True)],
)
def test_a_truncated_file(missing_bytes: int, missing_s: float | None, *, expected: bool) -> None:
    """Missing bytes, or over half a second less than the header announces."""
    assert media(missing_bytes, missing_s).is_truncated is expected


def test_the_verdict_is_the_worst_status() -> None:
    """Fail before warn before pass; pass without findings."""
    passed, warned, failed = (Finding("a", 1, "s", status, ".") for status in ("pass", "warn", "fail"))
    assert verdict([]) == "pass"
    assert verdict([passed, passed]) == "pass"
    assert verdict([passed, warned]) == "warn"
    assert verdict([failed, warned, passed]) == "fail"


def test_counts() -> None:
    """Singular for one, plural for others, and an own plural."""
    assert [counted(n, "packet") for n in (0, 1, 2)] == ["0 packets", "1 packet", "2 packets"]
    assert [counted(n, "byte is", "bytes are") for n in (1, 2)] == ["1 byte is", "2 bytes are"]
