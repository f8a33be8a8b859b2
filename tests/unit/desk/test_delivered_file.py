"""The delivered file of an audit."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aws_fixtures import OUTPUT, RECORDING, World

from komorebi_qc.core.errors import InputError
from komorebi_qc.desk.delivered_file import name_of, opened_delivered

if TYPE_CHECKING:
    from pathlib import Path


def test_a_file_or_the_published_video(world: World, tmp_path: Path) -> None:
    """A path is opened as it is; `published` is the video in the output bucket."""
    path = tmp_path / "disputed.mp4"
    path.write_bytes(b"a file")
    with opened_delivered(str(path)) as source:
        assert source.file.read() == b"a file"
    with (
        pytest.raises(InputError, match="no video of recording contact-1"),
        opened_delivered("published", RECORDING, world.media()),
    ):
        pass
    world.s3.put_object(Bucket=OUTPUT, Key=RECORDING.video_key("webm"), Body=b"a video")
    with opened_delivered("published", RECORDING, world.media()) as source:
        assert source.file.read() == b"a video"
    assert name_of("published", RECORDING) == "the published video of contact-1"
    assert name_of(str(path)) == "disputed.mp4"


def test_files_have_no_published_video() -> None:
    """Only a recording in AWS has one."""
    with pytest.raises(InputError, match="needs a recording ID"), opened_delivered("published"):
        pass
