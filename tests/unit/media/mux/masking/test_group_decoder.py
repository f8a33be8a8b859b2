"""Decoding only as far as it is needed."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest
from masked_video import FPS, Moving, moving, texture

from komorebi_qc.media.mux.masking import group_decoder
from komorebi_qc.media.mux.masking.group_decoder import GroupDecoder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def opened(path: Path) -> Iterator[tuple[GroupDecoder, list[Any]]]:
    """A decoder, and the packets of its video."""
    with av.open(str(path)) as container:
        stream: Any = container.streams.video[0]
        found = [packet for packet in container.demux(stream) if packet.size]
        yield GroupDecoder(stream.codec_context), found


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Three groups of ten frames."""
    options = {"deadline": "realtime", "lag-in-frames": "0"}
    return moving(tmp_path / "a.webm", Moving("libvpx", options=options))


def test_skipped_packets_are_decoded_before_a_later_one(video: Path) -> None:
    """A frame in the middle of a group is right, though muxing has changed the timestamps of those before it."""
    with opened(video) as (decoder, packets):
        for packet in packets[:7]:
            decoder.skip(packet)
            packet.pts, packet.dts = -1, -1
        (frame,) = decoder.frames(packets[7])
        assert frame.pts == 7 * 1000 // FPS
        assert np.abs(frame.to_ndarray(format="gray").astype(int) - texture(7, (160, 96))).mean() < 8


def test_a_new_group_drops_all_before_it(video: Path) -> None:
    """Its frames don't need them."""
    with opened(video) as (decoder, packets):
        for packet in packets[:10]:
            decoder.skip(packet)
        decoder.restart()
        (frame,) = decoder.frames(packets[10])
        assert frame.pts == 1000


def test_the_shape_is_the_groups(video: Path) -> None:
    """It is read from the keyframe, which is decoded again later; without one it isn't known."""
    with opened(video) as (decoder, packets):
        assert decoder.shape() is None
        decoder.skip(packets[0])
        assert decoder.shape() == (160, 96, "yuv420p", 0, False)
        (frame,) = decoder.frames(packets[1])
        assert frame.pts == 100
        decoder.restart()
        decoder.skip(packets[11])
        assert decoder.shape() is None


def test_a_long_group_is_decoded_on_the_way(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The packets that wait stay below a limit, and later frames are still right."""
    monkeypatch.setattr(group_decoder, "WAITING_BYTES", 3000)
    with opened(video) as (decoder, packets):
        for packet in packets[:9]:
            decoder.skip(packet)
            assert decoder._bytes <= 3000
        assert decoder.shape() == (160, 96, "yuv420p", 0, False)
        (frame,) = decoder.frames(packets[9])
        assert np.abs(frame.to_ndarray(format="gray").astype(int) - texture(9, (160, 96))).mean() < 8


def test_the_last_frames_of_a_group_are_drained(tmp_path: Path) -> None:
    """H.264 with B-frames holds frames back."""
    path = moving(tmp_path / "a.mp4", Moving("libx264", seconds=1.0, options={"bf": "3", "b-adapt": "0"}))
    with opened(path) as (decoder, packets):
        shown = [frame.pts for packet in packets for frame in decoder.frames(packet)]
        assert len(shown) < 10
        shown += [frame.pts for frame in decoder.drain()]
        assert shown == sorted(packet.pts for packet in packets)


def test_a_damaged_packet_has_no_frame(video: Path) -> None:
    """It raises nothing."""
    with opened(video) as (decoder, _):
        damaged = av.Packet(b"\x9d" * 40)
        assert list(decoder.frames(damaged)) == []
