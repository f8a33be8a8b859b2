"""From a request of the desk's page to one of our own commands. Every value is checked; nothing reaches a shell."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.analyst.correction import MAX_WHY, check_text
from komorebi_qc.core.errors import InputError
from komorebi_qc.core.recording import check_recording_id
from komorebi_qc.desk.delivered_file import PUBLISHED
from komorebi_qc.storage.opened_folder import parts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.storage.opened_folder import OpenedFolder

_TIME = re.compile(r"\d[\d:.]{0,19}", re.ASCII)
_SIZE = re.compile(r"\d{2,4}x\d{2,4}", re.ASCII)
_SOUNDS = ("output", "sides")
_MOST_CLIP_S = 120.0
_INPUTS = ("recording_id", "connect", "recording", "analysis", "call_end", "correction")
_KEYS = {
    "audit": {*_INPUTS, "transcript", "transcribe", "delivered", "out"},
    "clip": {*_INPUTS, "at", "seconds", "sound", "size", "out"},
    "correct": {"recording_id", "correction", "why", "call_end", "publish", "undo"},
}


@dataclass(frozen=True, slots=True)
class Command:
    """One of our commands, with its arguments.

    Attributes:
        title: for people.
        arguments: after ``komorebi-qc``.
        out: the folder or the file that it makes, relative to the root; empty without one.
        values: of the request, for the same form again.
    """

    title: str
    arguments: tuple[str, ...]
    out: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)


def command_of(request: object, root: OpenedFolder) -> Command:
    """Build a command.

    Args:
        request: decoded JSON of the page.
        root: the folder of reports. All files of the command are below it.

    Raises:
        InputError: a value is missing, unknown, of another kind, or names a file elsewhere.
    """
    kind = request.get("kind") if isinstance(request, dict) else None
    if not isinstance(request, dict) or not isinstance(kind, str) or kind not in _KEYS:
        raise InputError("the request names no known command: choose audit, clip or correct")
    values = {key: value for key, value in request.items() if key != "kind" and value not in ("", None)}
    if unknown := sorted(values.keys() - _KEYS[kind]):
        raise InputError(f"{kind} has no value {unknown[0][:40]!r}: reload the page")
    command = {"audit": _audit, "clip": _clip, "correct": _correct}[kind](values, root)
    return replace(command, values={"kind": kind, **values})


def _audit(values: Mapping[str, Any], root: OpenedFolder) -> Command:
    out = _new_name(values.get("out"), root, "folder")
    options = []
    if "transcript" in values:
        options.append(f"--transcript={_existing(values['transcript'], root, 'the transcript')}")
    transcribe = values.get("transcribe", False)
    if not isinstance(transcribe, bool):
        raise InputError("transcribe is true or false")
    if transcribe:
        options.append("--transcribe")
    if "delivered" in values:
        is_published = values["delivered"] == PUBLISHED and "recording_id" in values
        delivered = PUBLISHED if is_published else _existing(values["delivered"], root, "the delivered file")
        options.append(f"--delivered={delivered}")
    arguments = ("audit", *_inputs(values, root), *options, f"--out={root.root / out}")
    return Command(f"audit into {out}", arguments, out)


def _clip(values: Mapping[str, Any], root: OpenedFolder) -> Command:
    out = _new_name(values.get("out"), root, "file")
    if not out.endswith(".mp4"):
        raise InputError("the clip's name must end in .mp4")
    at = _time(values.get("at"), "the clip's time")
    seconds = values.get("seconds", 20.0)
    if isinstance(seconds, bool) or not isinstance(seconds, (int, float)) or not 0.5 <= seconds <= _MOST_CLIP_S:
        raise InputError(f"a clip has 0.5 to {_MOST_CLIP_S:g} seconds: choose another length")
    sound = values.get("sound", "output")
    if sound not in _SOUNDS:
        raise InputError(f"the clip's sound is one of {', '.join(_SOUNDS)}")
    size = values.get("size", "1280x720")
    if not isinstance(size, str) or _SIZE.fullmatch(size) is None:
        raise InputError("the clip's size isn't a size: write it as 1280x720")
    options = (f"--at={at}", f"--seconds={seconds:g}", f"--sound={sound}", f"--size={size}", f"--out={root.root / out}")
    return Command(f"clip of {at} into {out}", ("clip", *_inputs(values, root), *options), out)


def _correct(values: Mapping[str, Any], root: OpenedFolder) -> Command:
    if "recording_id" not in values:
        raise InputError("the recording's ID is missing: a correction is of a recording in AWS")
    recording_id = check_recording_id(values["recording_id"])
    publish, undo = (values.get(key, False) for key in ("publish", "undo"))
    if not isinstance(publish, bool) or not isinstance(undo, bool):
        raise InputError("publish and undo are true or false")
    source = "--undo" if undo else f"--from={_existing(values.get('correction'), root, 'the correction')}"
    options = []
    if "why" in values:
        if not isinstance(values["why"], str):
            raise InputError("the reason isn't a text")
        options.append(f"--why={check_text(values['why'], 'the reason', MAX_WHY)}")
    if "call_end" in values:
        options.append(f"--call-end={_time(values['call_end'], 'the call end')}")
    arguments = ("correct", recording_id, source, *options, *(("--publish",) if publish else ()))
    what = "the removal of the correction" if undo else "the correction"
    return Command(f"{'publish' if publish else 'check'} {what} of {recording_id}", arguments)


def _inputs(values: Mapping[str, Any], root: OpenedFolder) -> list[str]:
    found: list[str] = []
    if "recording_id" in values:
        if "connect" in values or "recording" in values:
            raise InputError("name a recording's ID or two files, not both")
        found.append(check_recording_id(values["recording_id"]))
    else:
        found.append(f"--connect={_existing(values.get('connect'), root, 'the call audio')}")
        found.append(f"--recording={_existing(values.get('recording'), root, 'the agent recording')}")
        if "call_end" not in values:
            raise InputError("the call end is missing: when the call ended, counted from the recording's start (57:01)")
    if "analysis" in values:
        found.append(f"--analysis={_existing(values['analysis'], root, 'the analysis')}")
    if "call_end" in values:
        found.append(f"--call-end={_time(values['call_end'], 'the call end')}")
    if "correction" in values:
        found.append(f"--from={_existing(values['correction'], root, 'the correction')}")
    return found


def _time(value: object, what: str) -> str:
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        raise InputError(f"{what} isn't a time: write it as 57:01, 01:57:01.5 or seconds")
    return value


def _existing(value: object, root: OpenedFolder, what: str) -> str:
    if not isinstance(value, str):
        raise InputError(f"{what} is missing: name a file below {root.root}")
    try:
        os.close(root.open_file(value))
    except FileNotFoundError:
        raise InputError(f"{what} isn't a file below {root.root}: choose one of the list") from None
    return str(root.root / value)


def _new_name(value: object, root: OpenedFolder, kind: str) -> str:
    """A name below the root that can be made. A folder may be an audit's already."""
    what = f"the {kind} for the result"
    if not isinstance(value, str):
        raise InputError(f"{what} is missing: name one below {root.root}")
    try:
        parts = parts_of(value)
    except FileNotFoundError:
        raise InputError(f"{what} isn't a name below {root.root}: use letters, digits and '-'") from None
    path = root.root
    for part in parts:
        path /= part
        if path.is_symlink():
            raise InputError(f"{what} is a link, or is in one: name another")
    if kind == "file" and path.exists():
        raise InputError(f"{value} exists: name another file")
    if kind == "folder" and path.exists():
        if not (path / "status.json").is_file():
            raise InputError(f"{value} exists, and no audit made it: name another folder")
        if link := _link_in(path):
            raise InputError(f"{value} has a link in it, {link}, and a job writes below {root.root} only: remove it")
    return value


def _link_in(folder: Path) -> str:
    """The name of a link in a folder or below it, which a writer might follow; empty without one."""
    for parent, folders, names in os.walk(folder):
        for name in (*folders, *names):
            path = Path(parent) / name
            if path.is_symlink():
                return path.relative_to(folder).as_posix()
    return ""
