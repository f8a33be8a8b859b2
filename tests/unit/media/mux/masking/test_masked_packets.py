"""Masked pictures: plain frames in the masks, copied packets outside, and every frame at its own time."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
from captures import CAPTURES
from masked_video import (
    FPS,
    Masked,
    Moving,
    frames,
    is_plain,
    likeness,
    moving,
    on_show,
    packets,
    written,
)

from komorebi_qc.core.errors import MaskError
from komorebi_qc.core.timebase import Alignment
from komorebi_qc.media.mux.masking import group_decoder, group_encoder
from komorebi_qc.media.mux.masking import h264_parameter_sets as h264
from komorebi_qc.media.mux.masking.coded_frames import looks_ahead, nal_units
from komorebi_qc.media.mux.masking.picture_mask import PictureMask

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from komorebi_qc.core.output import Container

    Spans = Sequence[tuple[float, float]]

REALTIME = {"deadline": "realtime", "lag-in-frames": "0", "auto-alt-ref": "0"}
B_FRAMES = {"bf": "3", "b-adapt": "0", "preset": "fast", "x264-params": "scenecut=0"}
SVT = {"preset": "10", "svtav1-params": "pred-struct=1:rtc=1:lp=1"}
SHAPES = {
    "vp8.webm": Moving("libvpx", options=REALTIME),
    "vp9.webm": Moving("libvpx-vp9", options=REALTIME),
    "vp9.mp4": Moving("libvpx-vp9", options=REALTIME),
    "av1.mp4": Moving("libsvtav1", options=SVT),
    "h264.mp4": Moving("libx264", options={"bf": "0", "preset": "veryfast"}),
    "baseline.mp4": Moving("libx264", options={"profile": "baseline", "preset": "veryfast"}),
    "b-frames.mp4": Moving("libx264", options=B_FRAMES),
}
MASK = ((0.75, 1.45),)
"""From the middle of a group to the middle of the next one: frames 8 to 14, and frame 7, on show until 0.8."""


def check_pictures(made: Masked, path: Path, spans: Spans, least_likeness: float = 0.9, shift_s: float = 0.0) -> None:
    """Every frame is at its own time, plain in the masks, and like the source's outside of them."""
    before, after = frames(path), frames(made.file)
    moved = [b.pts_s - a.pts_s - shift_s for a, b in zip(before, after, strict=True)]
    assert max(map(abs, moved)) < 0.0006
    masked = on_show(before, spans)
    assert made.rendered.masked_frames == sum(masked)
    for is_masked, a, b in zip(masked, before, after, strict=True):
        assert is_plain(b) == is_masked, a.pts_s
        if is_masked:
            assert abs(likeness(a, b)) < 0.2, a.pts_s
        else:
            assert likeness(a, b) > least_likeness, a.pts_s


def copied(made: Masked, path: Path) -> list[bool]:
    """Which packets of the source are in the output, byte for byte."""
    after = {round(packet.pts_s, 3): packet.data for packet in packets(made.file)}
    return [after[round(packet.pts_s, 3)] == packet.data for packet in packets(path)]


@pytest.mark.parametrize("name", SHAPES)
def test_only_the_groups_of_a_mask_are_made_again(name: str, tmp_path: Path) -> None:
    """The group before the mask is copied up to it, and the first group after it is copied whole."""
    path = moving(tmp_path / name, SHAPES[name])
    made = written(path, MASK)
    check_pictures(made, path, MASK)
    assert made.rendered.video_packets == len(packets(path)) == 30
    stays = copied(made, path)
    if name == "b-frames.mp4":  # a mask begins between frames that depend on each other
        assert sum(stays[:8]) >= 4
    else:
        assert stays[:7] == [True] * 7
        assert stays[7:20] == [False] * 13
    assert stays[20:] == [True] * 10
    assert made.rendered.remade_frames == 30 - sum(stays)


def test_a_mask_begins_with_a_keyframe_and_ends_at_the_sources_next_one(tmp_path: Path) -> None:
    """A player can seek to the first masked frame and to the first copied one."""
    made = written(moving(tmp_path / "a.webm", SHAPES["vp8.webm"]), MASK)
    assert [round(p.pts_s, 1) for p in packets(made.file) if p.is_keyframe] == [0.0, 0.7, 2.0]


@pytest.mark.parametrize(
    "spans",
    [
        pytest.param(((0.0, 0.3),), id="start"),
        pytest.param(((2.5, 9.0),), id="end"),
        pytest.param(((0.0, 9.0),), id="whole"),
        pytest.param(((0.25, 0.35), (0.65, 0.75)), id="two in a group"),
        pytest.param(((0.5, 1.0), (1.05, 2.0)), id="close together"),
        pytest.param(((1.0, 2.0),), id="a group"),
        pytest.param(((1.001, 1.999),), id="inside of a group"),
        pytest.param(((0.41, 0.42),), id="shorter than a frame"),
        pytest.param(((7.0, 9.0),), id="after the last frame"),
    ],
)
@pytest.mark.parametrize("name", ["vp8.webm", "b-frames.mp4"])
def test_masks_can_be_anywhere(name: str, spans: Spans, tmp_path: Path) -> None:
    """At the start or the end, over all, twice in one group, or between two frames."""
    path = moving(tmp_path / name, SHAPES[name])
    check_pictures(written(path, spans), path, spans)


def test_a_frame_that_stays_on_show_into_a_mask_is_masked(tmp_path: Path) -> None:
    """A screen without changes has no frames: its last one from before the mask would stay on show."""
    shape = Moving("libvpx", options=REALTIME, skipped=frozenset(range(5, 19)))
    path = moving(tmp_path / "a.webm", shape)
    made = written(path, ((0.9, 1.5),))
    check_pictures(made, path, ((0.9, 1.5),))
    assert made.rendered.masked_frames == 1


def test_an_unmasked_output_is_the_same_as_before(tmp_path: Path) -> None:
    """Masks of the sound only leave all packets alone."""
    path = moving(tmp_path / "a.mp4", SHAPES["h264.mp4"])
    made = written(path, ())
    assert all(copied(made, path))
    assert (made.rendered.masked_frames, made.rendered.remade_frames) == (0, 0)


def test_the_output_clock_moves_a_mask_with_its_frames(tmp_path: Path) -> None:
    """If the call began first, the video starts later, and its masks with it."""
    path = moving(tmp_path / "a.mp4", SHAPES["h264.mp4"])
    check_pictures(written(path, MASK, alignment=Alignment(-0.4)), path, MASK, shift_s=0.4)


def test_open_groups_are_made_again_up_to_a_real_opening(tmp_path: Path) -> None:
    """Frames after an H.264 keyframe that isn't an IDR picture may depend on masked ones: all up to the end is new."""
    options = {**B_FRAMES, "x264-params": "open-gop=1:scenecut=0:bframes=2"}
    path = moving(tmp_path / "a.mp4", Moving("libx264", options=options))
    assert sum(p.is_keyframe for p in packets(path)) >= 3
    made = written(path, MASK)
    check_pictures(made, path, MASK)
    stays = copied(made, path)
    assert not any(stays[8:])
    assert any(stays[:4])


def test_one_keyframe_for_all_needs_bounded_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A long group is decoded on the way instead of being kept."""
    path = moving(tmp_path / "a.webm", Moving("libvpx", group=1000, options=REALTIME))
    monkeypatch.setattr(group_decoder, "WAITING_BYTES", 2000)
    held = []
    skip = group_decoder.GroupDecoder.skip

    def watched(decoder: group_decoder.GroupDecoder, packet: object) -> None:
        skip(decoder, packet)
        held.append(decoder._bytes)

    monkeypatch.setattr(group_decoder.GroupDecoder, "skip", watched)
    made = written(path, ((1.0, 1.5),))
    check_pictures(made, path, ((1.0, 1.5),))
    assert sum(p.is_keyframe for p in packets(path)) == 1
    assert len(held) > 10
    assert max(held) <= 2000


def test_pictures_that_an_encoder_looked_ahead_for_are_not_left_over(tmp_path: Path) -> None:
    """AV1 may hide a later picture in an earlier packet: such packets near a mask are made again too."""
    path = moving(tmp_path / "a.mp4", Moving("libsvtav1", group=100, options={"preset": "10"}))
    ahead = [n for n, p in enumerate(packets(path)) if looks_ahead("av1", p.data)]
    assert ahead
    spans = ((ahead[0] / FPS + 1.25, ahead[0] / FPS + 1.65),)
    made = written(path, spans)
    check_pictures(made, path, spans)
    stays = copied(made, path)
    assert all(stays[: ahead[0]])
    assert not any(stays[ahead[0] :])


def test_frames_that_are_never_shown_arent_missed(tmp_path: Path) -> None:
    """VP8's hidden frames are left out of new groups, count as written, and end no frame's time on the screen."""
    path = moving(tmp_path / "a.webm", Moving("libvpx", group=100, options=REALTIME))
    data, number = path.read_bytes(), 12
    shown = packets(path)[number].data
    assert data.count(shown) == 1
    path.write_bytes(data.replace(shown, bytes([shown[0] & ~16]) + shown[1:]))
    assert len(frames(path)) == 29
    for spans in (((0.5, 2.0),), ((1.2, 1.25),), ((2.05, 2.15),)):
        made = written(path, spans)
        check_pictures(made, path, spans)
        assert made.rendered.video_packets == len(packets(path)) == 30
        assert len(packets(made.file)) == 29


@pytest.mark.parametrize("encoder", ["libvpx", "libvpx-vp9"])
def test_odd_sizes_stay(encoder: str, tmp_path: Path) -> None:
    """A window of 161 by 91 pixels keeps its size in the mask."""
    path = moving(tmp_path / "a.webm", Moving(encoder, size=(161, 91), options=REALTIME))
    made = written(path, MASK)
    check_pictures(made, path, MASK)
    assert {frame.grey.shape for frame in frames(made.file)} == {(91, 161)}


def test_the_text_is_upright_in_a_rotated_video(tmp_path: Path) -> None:
    """The plain picture is turned as the others are."""
    path = moving(tmp_path / "a.mp4", Moving("libx264", size=(320, 192), options={"bf": "0"}))
    data = path.read_bytes()
    plain = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    turned = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
    at = data.index(plain, data.index(b"tkhd"))
    path.write_bytes(data[:at] + turned + data[at + 36 :])
    made = written(path, MASK)
    assert {abs(frame.rotation) % 180 for frame in frames(made.file)} == {90}
    check_pictures(made, path, MASK)


@pytest.mark.parametrize(
    ("name", "spans"),
    [
        ("vp8.webm", ((4.0, 5.0), (9.0, 9.6))),
        ("vp9.mp4", ((4.0, 5.0),)),
        ("av1.webm", ((4.0, 5.0),)),
        ("h264.mkv", ((4.0, 5.0),)),
        ("sample", ((4.0, 5.0),)),
        ("resize.webm", ((5.5, 6.5),)),
    ],
)
def test_captures_of_chromium_are_masked_in_place(name: str, spans: Spans, tmp_path: Path) -> None:
    """Each codec that MediaRecorder writes, in the container that the software chooses, and a tab made smaller."""
    made = written(CAPTURES[name].recording, spans, folder=tmp_path)
    before, after = frames(CAPTURES[name].recording), frames(made.file)
    assert len(before) == len(after)
    for number, (is_masked, a, b) in enumerate(zip(on_show(before, spans), before, after, strict=True)):
        assert b.pts_s == pytest.approx(a.pts_s, abs=0.0011)
        if number % 8 and not any(first - 0.5 < a.pts_s < last + 0.5 for first, last in spans):
            continue  # far from a mask every eighth frame is compared
        assert is_plain(b) == is_masked, a.pts_s
        if not is_masked:
            assert likeness(a, b) > 0.97, a.pts_s
    assert made.rendered.remade_frames < len(before) / 2 or name == "resize.webm"


@pytest.mark.parametrize(("name", "in_packets"), [("h264.mkv", {0, 31}), ("sample", set())])
def test_new_keyframes_bring_parameter_sets_if_the_sources_do(name: str, in_packets: set[int], tmp_path: Path) -> None:
    """Firefox builds its decoder anew from a packet's sets alone: the source's and the new ones have to be in it."""
    made = written(CAPTURES[name].recording, ((4.0, 5.0),), folder=tmp_path)
    made.file.seek(0)
    with av.open(made.file, "r") as container:
        header = container.streams.video[0].codec_context.extradata
    assert {h264._number(unit) for unit in h264.parameter_sets(header)} == {0, 31}
    first = next(p for p in packets(made.file) if p.is_keyframe and 3.8 < p.pts_s < 5.0)
    units = [unit for unit in nal_units(first.data, 4) if unit[0] & 31 in (7, 8)]
    assert {h264._number(unit) for unit in units} == in_packets


@pytest.mark.parametrize(
    ("suffix", "shape", "wanted"),
    [
        pytest.param(".mp4", Moving("libx265", options={"x265-params": "log-level=none"}), None, id="hevc"),
        pytest.param(".mp4", Moving("libx264", pixel_format="yuv420p10le"), None, id="h264 of 10 bits"),
        pytest.param(".webm", Moving("libvpx", options=REALTIME), "mp4", id="another container"),
        pytest.param(".mp4", Moving("libx264"), "webm", id="h264 into webm"),
    ],
)
def test_other_video_is_encoded_whole(suffix: str, shape: Moving, wanted: Container | None, tmp_path: Path) -> None:
    """HEVC, 10 bits, and a change of container: all frames are new, and the masked ones are plain."""
    path = moving(tmp_path / f"a{suffix}", shape)
    made = written(path, MASK, wanted)
    check_pictures(made, path, MASK)
    assert not any(copied(made, path))
    assert made.rendered.remade_frames == 0


def test_the_rest_of_a_damaged_group_is_plain(tmp_path: Path) -> None:
    """Behind a packet that can't be decoded, pictures may have parts of masked ones. No frame is lost."""
    path = moving(tmp_path / "a.webm", Moving("libvpx-vp9", group=25, options=REALTIME))
    data, bad = path.read_bytes(), packets(path)[20].data
    assert data.count(bad) == 1
    path.write_bytes(data.replace(bad, b"\x86" + bytes(len(bad) - 1)))
    made = written(path, MASK)
    after = frames(made.file)
    plain = [number for number, frame in enumerate(after) if is_plain(frame)]
    assert plain == [*range(7, 15), *range(20, 25)]
    assert len(plain) == made.rendered.masked_frames
    assert len(after) == made.rendered.video_packets == 30


@pytest.mark.parametrize("wanted", [None, "webm"])
def test_damage_that_a_decoder_would_hide_shows_no_masked_picture(wanted: Container | None, tmp_path: Path) -> None:
    """H.264's decoder fills damaged parts from the picture before, which is a masked one."""
    path = moving(tmp_path / "a.mp4", Moving("libx264", group=25, options={"bf": "0", "preset": "veryfast"}))
    spoil(path, 15)
    made = written(path, MASK, wanted)
    after = frames(made.file)
    assert [number for number, frame in enumerate(after) if is_plain(frame)][-1] >= 22
    assert sum(map(is_plain, after)) == made.rendered.masked_frames
    secret = frames(path)[14]
    for number, frame in enumerate(after):
        assert abs(likeness(frame, secret)) < 0.6, number


def spoil(path: Path, number: int) -> None:
    """Spoil the second half of a frame's packet."""
    data, bad = path.read_bytes(), packets(path)[number].data
    assert data.count(bad) == 1
    half = len(bad) // 2
    path.write_bytes(data.replace(bad, bad[:half] + b"\xa5" * (len(bad) - half)))


def test_nothing_is_written_if_a_mask_cant_be_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An encoder that refuses the format ends the work: it is never left unmasked."""
    path = moving(tmp_path / "a.webm", SHAPES["vp8.webm"])
    options = {**group_encoder._ENCODERS, "vp8": ("libvpx", {"cpu-used": "nonsense"})}
    monkeypatch.setattr(group_encoder, "_ENCODERS", options)
    with pytest.raises(MaskError, match=r"can't be masked.*160 x 96 pixels.*Nothing was published"):
        written(path, MASK)


@pytest.mark.parametrize("wanted", [None, "mp4"])
def test_a_mask_that_masks_no_frame_ends_the_work(
    wanted: Container | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy or a new encoding without a plain frame is never a masked video."""
    path = moving(tmp_path / "a.webm", SHAPES["vp8.webm"])
    for name in ("covers", "contains"):
        monkeypatch.setattr(PictureMask, name, lambda *_: False)
    with pytest.raises(MaskError, match=r"not one was masked.*Nothing was published"):
        written(path, MASK, wanted)


def test_the_new_group_looks_as_good_as_the_source(tmp_path: Path) -> None:
    """After a mask, frames are encoded again: hardly any detail is lost."""
    for name in ("vp8.webm", "vp9.webm", "av1.mp4", "h264.mp4"):
        path = moving(tmp_path / name, SHAPES[name])
        before, after = frames(path), frames(written(path, MASK).file)
        tail = range(round(1.5 * FPS), 20)
        worst = max(float(np.abs(before[n].grey.astype(int) - after[n].grey).mean()) for n in tail)
        assert worst < 3.0, name
