"""Seeded changes of single bytes, and whether a verification notices each one.

    .venv/bin/python tests/support/byte_changes.py [--changes 1000] [--seed 1] [--aws]

processes the sample call, changes one byte of one of its files after the other, and verifies the run after each change.
With --aws, the files are objects on the embedded AWS. Exit code 1 if a change isn't noticed.
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from komorebi_qc.pipeline.provenance.verify import Verification


class Place(Protocol):
    """A file that can be read and written."""

    def read(self) -> bytes:
        """Its content."""
        ...

    def write(self, content: bytes) -> None:
        """Replace it."""
        ...


@dataclass(frozen=True, slots=True)
class OnDisk:
    """A file."""

    path: Path

    def read(self) -> bytes:
        """Its content."""
        return self.path.read_bytes()

    def write(self, content: bytes) -> None:
        """Replace it."""
        self.path.write_bytes(content)


@dataclass(frozen=True, slots=True)
class Change:
    """One byte of one file, changed.

    Attributes:
        role: the file, as a verification names it.
        at: the byte's place.
        flip: the bits that are turned over, 1 to 255.
        states: the state of each file afterwards, by role.
    """

    role: str
    at: int
    flip: int
    states: Mapping[str, str]

    @property
    def is_caught(self) -> bool:
        """Whether this very file is named as changed; in qc.json the change may be in the signature."""
        roles = ("qc.json", "signature") if self.role == "qc.json" else (self.role,)
        return any(self.states.get(role) == "changed" for role in roles)


def changes(places: Mapping[str, Place], verify: Callable[[], Verification], count: int, seed: int) -> Iterator[Change]:
    """Change one byte after the other, verify, and put it back. Every file has its turn equally often.

    Args:
        places: the files by role.
        verify: verifies the run.
        count: of changes.
        seed: of the places in the files and the changed bits.
    """
    rng = random.Random(seed)  # noqa: S311  places to change, no secrets
    roles = list(places)
    before = {role: place.read() for role, place in places.items()}
    for number in range(count):
        role = roles[number % len(roles)]
        content = bytearray(before[role])
        at, flip = rng.randrange(len(content)), rng.randint(1, 255)
        content[at] ^= flip
        places[role].write(bytes(content))
        states = {one.role: one.state for one in verify().files}
        places[role].write(before[role])
        yield Change(role, at, flip, states)


def sample_on_disk(folder: Path) -> tuple[dict[str, Place], Callable[[], Verification]]:
    """The sample call, processed and signed in a folder: its files, and its verification."""
    from captures import SAMPLE  # noqa: PLC0415  a module of the tests
    from recorded_runs import key_files  # noqa: PLC0415

    from komorebi_qc.core.timebase import parse_call_end  # noqa: PLC0415
    from komorebi_qc.pipeline.local import process_files  # noqa: PLC0415
    from komorebi_qc.pipeline.options import Options  # noqa: PLC0415
    from komorebi_qc.pipeline.provenance.verify import verify_run  # noqa: PLC0415
    from komorebi_qc.storage.local import LocalFiles  # noqa: PLC0415
    from komorebi_qc.storage.recorded_files import RecordedFiles  # noqa: PLC0415
    from komorebi_qc.storage.signing import Ed25519Key  # noqa: PLC0415

    private, public = key_files(folder)
    for name in ("call.wav", "recording.mp4"):
        shutil.copy(SAMPLE / name, folder / name)
    files = LocalFiles(folder / "call.wav", folder / "recording.mp4", folder / "unified.mp4", folder / "unified.png")
    process_files(files, parse_call_end("22"), options=Options(signer=Ed25519Key(private)))
    places: dict[str, Place] = {
        "qc.json": OnDisk(folder / "unified.qc.json"),
        "video": OnDisk(folder / "unified.mp4"),
        "thumbnail": OnDisk(folder / "unified.png"),
        "call_audio": OnDisk(folder / "call.wav"),
        "agent_recording": OnDisk(folder / "recording.mp4"),
    }
    opened = RecordedFiles(str(folder), _no_client)
    return places, lambda: verify_run(opened, "unified.qc.json", keys=(Ed25519Key(public),))


def _no_client() -> None:
    raise AssertionError("files on this machine need no client")


@dataclass(frozen=True, slots=True)
class OnS3:
    """An object on the embedded AWS."""

    client: Any
    bucket: str
    key: str

    def read(self) -> bytes:
        """Its content."""
        return bytes(self.client.get_object(Bucket=self.bucket, Key=self.key)["Body"].read())

    def write(self, content: bytes) -> None:
        """Replace it."""
        self.client.put_object(Bucket=self.bucket, Key=self.key, Body=content)


def sample_on_aws() -> tuple[dict[str, Place], Callable[[], Verification]]:
    """The sample call, processed on the running embedded AWS, and signed by a KMS key."""
    from komorebi_qc.core.timebase import parse_call_end  # noqa: PLC0415
    from komorebi_qc.demo.sample_call import RECORDING, reported_call_end  # noqa: PLC0415
    from komorebi_qc.pipeline.options import Order  # noqa: PLC0415
    from komorebi_qc.pipeline.provenance.verify import verify_recording  # noqa: PLC0415
    from komorebi_qc.storage.object_store import split_s3  # noqa: PLC0415
    from komorebi_qc.storage.signing import KmsKey  # noqa: PLC0415
    from komorebi_qc.wiring import Settings, aws_client  # noqa: PLC0415

    kms = aws_client("kms")
    key = kms.create_key(KeySpec="ECC_NIST_P256", KeyUsage="SIGN_VERIFY")["KeyMetadata"]["Arn"]
    settings = replace(Settings.from_environment(os.environ), signing_key=f"kms:{key}")
    settings.pipeline().process(Order(RECORDING.recording_id, parse_call_end(reported_call_end())))
    table, media, keys = settings.table(), settings.media(), (KmsKey(key, lambda: kms),)

    def verify() -> Verification:
        return verify_recording(RECORDING.recording_id, table, media, keys=keys)

    found = verify()
    places: dict[str, Place] = {
        one.role: OnS3(media.client, *split_s3(one.address)) for one in found.files if one.role != "signature"
    }
    return places, verify


def main(argv: list[str]) -> int:
    """Make the changes, and print how many of each file were noticed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--changes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--aws", action="store_true", help="objects on the embedded AWS instead of files")
    asked = parser.parse_args(argv)
    began = time.monotonic()
    if asked.aws:
        from komorebi_qc.demo.embedded_aws import sample_on_embedded_aws  # noqa: PLC0415

        with sample_on_embedded_aws():
            return _report(*sample_on_aws(), asked.changes, asked.seed, began)
    with tempfile.TemporaryDirectory() as folder:
        return _report(*sample_on_disk(Path(folder)), asked.changes, asked.seed, began)


def _report(
    places: Mapping[str, Place], verify: Callable[[], Verification], count: int, seed: int, began: float
) -> int:
    whole = verify()
    print(f"unchanged: {whole.state}, {len(whole.files)} entries")
    found = list(changes(places, verify, count, seed))
    print("| file | bytes | changes | caught |\n| --- | --- | --- | --- |")
    for role, place in places.items():
        own = [one for one in found if one.role == role]
        print(f"| {role} | {len(place.read()):,} | {len(own)} | {sum(one.is_caught for one in own)} |")
    missed = [one for one in found if not one.is_caught]
    for one in missed:
        print(f"missed: {one}")
    others = sum(1 for one in found if sum(state != "unchanged" for state in one.states.values()) > 1)
    print(f"{len(found) - len(missed)} of {len(found)} caught; {time.monotonic() - began:.0f} s; seed {seed}")
    print(f"{others} changes made another file look changed, missing or unknown too")
    return 0 if whole.state == "unchanged" and not missed else 1


if __name__ == "__main__":
    sys.path[:0] = [str(Path(__file__).parent)]
    sys.exit(main(sys.argv[1:]))
