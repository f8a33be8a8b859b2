"""The findings about a recording with several video tracks, and about Amazon Connect's own one. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from komorebi_qc.core.finding import counted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.finding import Finding
    from komorebi_qc.core.limits import Limits
    from komorebi_qc.core.media_info import MediaInfo, VideoTracks


def screen_findings(recording: MediaInfo, limits: Limits) -> Iterator[Finding]:
    """The findings about a screen recording; empty for a browser's recording, which has one picture.

    Args:
        recording: the tracks of the agent recording.
        limits: the limits to check against.
    """
    tracks, screen = recording.video_tracks, recording.screen
    if tracks is not None and len(tracks.sizes) > 1:
        yield _tracks(tracks, limits)
    if screen is not None:
        missing = screen.rule == "fallback"
        found = "by its key" if screen.found_by == "prefix" else "by the contact's record"
        instead = "The browser's recording isn't there. Used instead:" if missing else "The agent recording is"
        yield limits.finding(
            "browser_recording_missing",
            int(missing),
            f"{instead} Amazon Connect's screen recording, found {found}: {screen.why}.",
        )


def _tracks(tracks: VideoTracks, limits: Limits) -> Finding:
    count = len(tracks.sizes)
    is_whole = tracks.is_named or tracks.is_side_by_side
    shown = "all of them, side by side" if tracks.is_side_by_side else f"track {tracks.used}, as named"
    listed = ", ".join(f"{number}: {width}x{height}" for number, (width, height) in enumerate(tracks.sizes, 1))
    left_out = count - 1
    return limits.finding(
        "video_tracks_left_out",
        0 if is_whole else left_out,
        f"The recording has {count} video tracks ({listed}). The output has track {tracks.used}, the first one, and "
        f"{counted(left_out, 'track isn', 'tracks aren')}'t in it. Name the track with "
        "KOMOREBI_VIDEO_TRACK, or show all of them with KOMOREBI_MONITORS=side-by-side.",
        good=f"The recording has {count} video tracks ({listed}). The output has {shown}.",
    )


def video_tracks_dict(tracks: VideoTracks | None) -> dict[str, Any] | None:
    """The video tracks for JSON; None for a file that was joined from several."""
    if tracks is None:
        return None
    return {
        "sizes": [list(size) for size in tracks.sizes],
        "used": tracks.used,
        "is_named": tracks.is_named,
        "is_side_by_side": tracks.is_side_by_side,
    }


def screen_dict(recording: MediaInfo) -> dict[str, Any] | None:
    """The origin of a screen recording for JSON; None for any other recording."""
    screen = recording.screen
    return None if screen is None else {"found_by": screen.found_by, "why": screen.why, "rule": screen.rule}
