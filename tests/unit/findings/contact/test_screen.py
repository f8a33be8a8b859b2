"""The findings about several video tracks, and about Amazon Connect's own screen recording."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.core.contact.screen import ScreenRecording
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.media_info import MediaInfo, VideoTracks
from komorebi_qc.findings.contact.screen import screen_dict, screen_findings, video_tracks_dict

if TYPE_CHECKING:
    from komorebi_qc.core.contact.screen import ScreenRule
    from komorebi_qc.core.finding import Finding

THREE = ((1280, 720), (1920, 1080), (1366, 768))


def info(tracks: VideoTracks | None = None, screen: ScreenRecording | None = None) -> MediaInfo:
    """A recording's contents, as far as these findings read them."""
    return MediaInfo("screen.mp4", "mp4", None, None, 0.0, 0, None, video_tracks=tracks, screen=screen)


def found(recording: MediaInfo) -> dict[str, Finding]:
    """All findings by their names."""
    return {finding.name: finding for finding in screen_findings(recording, DEFAULT)}


def by_screen(rule: ScreenRule) -> Finding:
    """The finding about a screen recording that the record names."""
    return found(info(screen=ScreenRecording("record", "the record names one", rule)))["browser_recording_missing"]


def test_a_browsers_recording_has_none_of_them() -> None:
    """One picture, by a browser."""
    assert found(info(VideoTracks(THREE[:1]))) == {}
    assert (video_tracks_dict(None), screen_dict(info())) == (None, None)


def test_tracks_that_nobody_chose_between_are_left_out() -> None:
    """The first of three is used: two are missing from the output, and the text says how to name one."""
    finding = found(info(VideoTracks(THREE)))["video_tracks_left_out"]
    assert (finding.status, finding.value) == ("warn", 2)
    assert "3 video tracks (1: 1280x720, 2: 1920x1080, 3: 1366x768)." in finding.text
    assert "The output has track 1, the first one" in finding.text
    assert "2 tracks aren't in it" in finding.text
    assert "1 track isn't in it" in found(info(VideoTracks(THREE[:2])))["video_tracks_left_out"].text


def test_a_named_track_leaves_nothing_out() -> None:
    """Somebody chose."""
    tracks = VideoTracks(THREE, 2, is_named=True)
    finding = found(info(tracks))["video_tracks_left_out"]
    assert (finding.status, finding.value) == ("pass", 0)
    assert "track 2, as named" in finding.text
    sizes = [list(size) for size in THREE]
    assert video_tracks_dict(tracks) == {"sizes": sizes, "used": 2, "is_named": True, "is_side_by_side": False}


def test_all_tracks_side_by_side_pass() -> None:
    """None is left out, and the finding says how they are shown."""
    finding = found(info(VideoTracks(THREE, is_side_by_side=True)))["video_tracks_left_out"]
    assert (finding.status, finding.value) == ("pass", 0)
    assert "all of them, side by side" in finding.text


def test_a_missing_browsers_recording_warns() -> None:
    """It was expected with `fallback`, and never with `only`."""
    fallback, only = by_screen("fallback"), by_screen("only")
    assert (fallback.status, only.status) == ("warn", "pass")
    assert fallback.text.startswith("The browser's recording isn't there. Used instead: Amazon Connect's screen")
    assert "found by the contact's record: the record names one." in only.text
    named = ScreenRecording("prefix", "contact records aren't read", "only")
    assert "found by its key" in found(info(screen=named))["browser_recording_missing"].text
    assert screen_dict(info(screen=named)) == {
        "found_by": "prefix",
        "why": "contact records aren't read",
        "rule": "only",
    }
