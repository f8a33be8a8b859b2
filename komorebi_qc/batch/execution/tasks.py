"""A batch's request, and one recording's task with everything that a process elsewhere needs to do it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from komorebi_qc.wiring import VARIABLES, present_limits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.batch.manifest.items import Item
    from komorebi_qc.core.limits import Limits

Action = Literal["diagnose", "process", "audit", "triage"]
READS_ONLY: Final = ("diagnose", "triage")
"""The actions that write no files."""
REPORTS, UNIFIED = "_reports", "_unified"
"""Folders of the dataset for audits and unified recordings, unless the request names others."""
_OUTPUT_SETTINGS = ("AUDIO_FREQUENCY", "KOMOREBI_AUDIO_BIT_RATE", "KOMOREBI_CONTAINER")
_MASK_SETTINGS = ("KOMOREBI_MASK", "KOMOREBI_MASK_MARGIN_S", "KOMOREBI_OUTSIDE_CALL")


@dataclass(frozen=True, slots=True)
class BatchRequest:
    """The work to do with every recording.

    Attributes:
        action: the kind of work.
        dataset: the dataset's root: an absolute path, or ``s3://bucket/prefix``.
        environ: this software's settings by the names of their environment variables.
        limits: ``NAME=WARN[:FAIL]``, on top of the environment's.
        results: the root for audits and unified recordings of listed files; empty for the dataset's own folders.
        call_end_attribute: attribute of the table's item with the reported call end, for recordings listed without
            one; empty to look up no call end.
        unconfirmed: ``auto``, ``publish`` or ``hold``, for processing; empty for the environment's.
        whole_call: for processing, keep the call audio to its end, also outside of the agent's part of it.
    """

    action: Action
    dataset: str
    environ: Mapping[str, str] = field(default_factory=dict)
    limits: tuple[str, ...] = ()
    results: str = ""
    call_end_attribute: str = ""
    unconfirmed: str = ""
    whole_call: bool = False

    def changed_limits(self) -> Limits:
        """The limits of the environment, changed by the request's.

        Raises:
            InputError: A limit is malformed.
        """
        return present_limits(self.environ).changed_by(*self.limits)

    def output_settings(self) -> list[str]:
        """All settings that change a unified recording, or decide whether it is published."""
        settings = [self.environ.get(name, "") for name in _OUTPUT_SETTINGS]
        rule = self.unconfirmed or self.environ.get("KOMOREBI_UNCONFIRMED", "").strip() or "auto"
        return [*settings, rule, "whole call" if self.whole_call else "", *self.mask_settings()]

    def word_settings(self) -> list[str]:
        """The setting that chooses the words of a call; nothing by default, as in the keys of earlier rows."""
        choice = self.environ.get("KOMOREBI_TRANSCRIPT", "").strip()
        return [] if choice in ("", "off") else [f"words of {choice}"]

    def record_settings(self) -> list[str]:
        """The source of contact records; nothing by default, as in the keys of earlier rows."""
        source = self.environ.get("KOMOREBI_CONTACT_RECORD", "").strip()
        return [] if source in ("", "off") else [f"records of {source}"]

    def mask_settings(self) -> list[str]:
        """All settings that change the masks of an audit or a unified recording."""
        masks = [variable for variable in VARIABLES if variable.name in _MASK_SETTINGS]
        return [str(v.value(self.environ.get(v.name, "").strip() or v.default or "")) for v in masks]


def own_settings(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment variables that this software reads."""
    return {variable.name: environ[variable.name] for variable in VARIABLES if variable.name in environ}


@dataclass(frozen=True, slots=True)
class Task:
    """One recording's work.

    Attributes:
        item: as it was listed, with its call end.
        request: the batch's request.
        call: the call audio: an absolute path, or ``s3://bucket/key``.
        call_etag: its ETag, or size and mtime.
        recording: the agent recording.
        recording_etag: its ETag, or size and mtime.
        agent: the agent's ID; may be empty.
        day: ``YYYY-MM-DD``; may be empty.
        out: the folder for the results; empty if they go elsewhere, or the action has no results.
        report: the place of the audit's report, as the row names it.
        inputs_key: see `komorebi_qc.batch.execution.work_keys`.
        work_key: likewise.
        equivalent_keys: work keys of other actions whose rows include this work.
        has_results: whether the results exist in `out`; true if the action leaves no results there.
        correction: who corrected the recording's alignment, when and why; empty if nobody did.
        contact: the contact's record as `FoundContact.source` and JSON, so that no worker asks for it again; empty if
            records aren't used.
    """

    item: Item
    request: BatchRequest
    call: str
    call_etag: str
    recording: str
    recording_etag: str
    agent: str
    day: str
    out: str
    report: str
    inputs_key: str
    work_key: str
    equivalent_keys: tuple[str, ...] = ()
    has_results: bool = True
    correction: tuple[str, str, str] | tuple[()] = ()
    contact: tuple[str, str] | tuple[()] = ()
