"""Inputs that a list named: local files and objects, unless another recording needs them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_fixtures import INPUT, World
from dataset_rows import row
from erasures import OTHER, OURS, versioned

from komorebi_qc.batch.dataset.dataset import open_dataset
from komorebi_qc.erasure.dataset_rows import DatasetRows
from komorebi_qc.erasure.listed_inputs import ListedInputs
from komorebi_qc.erasure.name_match import NameMatch

if TYPE_CHECKING:
    from pathlib import Path


def test_local_inputs(tmp_path: Path) -> None:
    """The recording is removed; the call audio that another row names stays, with the reason."""
    for name in ("call.wav", "ours.webm", "ours.json", "other.webm"):
        (tmp_path / name).write_bytes(b"x")
    shared: dict[str, Any] = {"call": str(tmp_path / "call.wav"), "named_by": "files"}
    dataset = open_dataset(str(tmp_path / "dataset"))
    analysis = str(tmp_path / "ours.json")
    dataset.add(row(OURS, recording=str(tmp_path / "ours.webm"), analysis=analysis, **shared))
    dataset.add(row(OTHER, recording=str(tmp_path / "other.webm"), **shared))
    place = ListedInputs(DatasetRows(dataset.store, NameMatch(OURS)))
    found = list(place.find())
    assert [(one.kind, one.is_input, one.kept_because) for one in found] == [
        ("call audio", True, "a row of another recording names it too"),
        ("Contact Lens file", True, ""),
        ("agent recording", True, ""),
    ]
    for one in found[1:]:
        place.remove(one)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["call.wav", "dataset", "other.webm"]


def test_an_input_behind_a_link(tmp_path: Path) -> None:
    """A folder may be a link, and a file too: the file goes, and the link by which it was listed."""
    (tmp_path / "disk").mkdir()
    (tmp_path / "data").symlink_to(tmp_path / "disk")
    for name in ("call.wav", "real.webm"):
        (tmp_path / "disk" / name).write_bytes(b"x")
    (tmp_path / "ours.webm").symlink_to(tmp_path / "data" / "real.webm")
    dataset = open_dataset(str(tmp_path / "dataset"))
    files: dict[str, Any] = {"call": str(tmp_path / "data" / "call.wav"), "recording": str(tmp_path / "ours.webm")}
    dataset.add(row(OURS, named_by="files", **files))
    place = ListedInputs(DatasetRows(dataset.store, NameMatch(OURS)))
    found = list(place.find())
    disk = (tmp_path / "disk").resolve()
    assert [one.address for one in found] == [str(disk / "call.wav"), str(disk / "real.webm")]
    for one in found:
        place.remove(one)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "dataset", "disk"]
    assert list((tmp_path / "disk").iterdir()) == []


def test_objects_below_the_key_of_a_listed_one_stay(world: World, tmp_path: Path) -> None:
    """A listed object that is gone isn't a folder of inputs."""
    world.s3.put_object(Bucket=INPUT, Key="ours.webm/other.webm", Body=b"x")
    dataset = open_dataset(str(tmp_path))
    dataset.add(row(OURS, recording=f"s3://{INPUT}/ours.webm", named_by="files"))
    assert list(ListedInputs(DatasetRows(dataset.store, NameMatch(OURS))).find()) == []


def test_inputs_on_s3(world: World, tmp_path: Path) -> None:
    """All versions of the listed object go, and those of recordings of the table aren't listed inputs."""
    versioned(world, INPUT)
    for body in (b"1", b"2"):
        world.s3.put_object(Bucket=INPUT, Key="ours.webm", Body=body)
    dataset = open_dataset(str(tmp_path))
    dataset.add(row(OURS, recording=f"s3://{INPUT}/ours.webm", call="/gone.wav", named_by="files"))
    dataset.add(row(f"{OURS}-2", recording=f"s3://{INPUT}/by-id.webm", named_by="id", error=OURS))
    rows = DatasetRows(dataset.store, NameMatch(OURS))
    assert list(ListedInputs(rows, may_use_s3=False).find()) == []
    place = ListedInputs(rows)
    (one,) = place.find()
    assert (one.address, one.count) == (f"s3://{INPUT}/ours.webm", 2)
    place.remove(one)
    assert list(ListedInputs(rows).find()) == []
