"""A recording in the embedded AWS and an analyst's shell: messages, corrections, and their results."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from aws_fixtures import CONNECT, INPUT, OUTPUT, PREFIX, RECORDING, World

from komorebi_qc.core.analyst.correction import Correction
from komorebi_qc.core.provenance.parts import digest_of_bytes
from komorebi_qc.core.timebase import Alignment

if TYPE_CHECKING:
    from pathlib import Path

    from shell import Shell

CALL_KEY = f"{PREFIX}/CallRecordings/2026/03/02/contact-1_20260302T23:55_UTC.wav"
ID = RECORDING.recording_id
OWN = ("qcCorrection", "qcCorrectedBy", "qcCorrectedAt", "qcCorrectionWhy")


class Story:
    """A recording in the embedded AWS, and an analyst's shell."""

    def __init__(self, world: World, shell: Shell, folder: Path, call_end: str) -> None:
        self.world, self.shell, self.folder, self.call_end = world, shell, folder, call_end

    def message(self, **more: Any) -> None:
        """A message, handled."""
        body = {"recordingID": ID, "callEndingTimestamp": self.call_end, **more}
        self.world.queue().send(json.dumps(body))
        self.shell.run("worker", "--once")

    def document(self) -> dict[str, Any]:
        """The published findings."""
        found: dict[str, Any] = json.loads(self.world.s3.get_object(Bucket=OUTPUT, Key=RECORDING.qc_key)["Body"].read())
        return found

    def correction(self, **changes: Any) -> Correction:
        """A correction of the recording's files."""
        call, own = (
            self.world.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            for bucket, key in ((CONNECT, CALL_KEY), (INPUT, RECORDING.agent_recording_key))
        )
        return replace(
            Correction(
                ID,
                Alignment(2.567),
                digest_of_bytes(call).sha256,
                digest_of_bytes(own).sha256,
                "The words were late.",
                "",
                "2999-01-01T00:00:00Z",
                "komorebi-qc 0.2.0",
            ),
            **changes,
        )

    def file(self, name: str = "correction.json", **changes: Any) -> Path:
        """The file of a correction."""
        path = self.folder / name
        path.write_bytes(self.correction(**changes).to_bytes())
        return path

    def counted(self) -> tuple[int, int]:
        """The corrections that a batch and its fleet page count."""
        listed, dataset = self.folder / "list.csv", self.folder / "quality"
        listed.write_text(f"recording_id,call_end\n{ID},{self.call_end}\n")
        _, batch = self.shell.json("batch", str(listed), "--out", str(dataset))
        _, fleet = self.shell.json("fleet", str(dataset), "--out", str(self.folder / "fleet.html"))
        return batch["corrected"], fleet["corrected"]

    def attributes(self) -> dict[str, str]:
        """The item's attributes about a correction."""
        item = self.world.item()
        return {name: item[name]["S"] for name in OWN if name in item}
