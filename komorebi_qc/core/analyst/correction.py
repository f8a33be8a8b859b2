"""An analyst's correction of an alignment: the file ``correction.json``. Pure.

The report writes it, and `komorebi-qc correct` applies it. It names the recording and the SHA-256 of both inputs, so
that it can't be applied to another recording, or to another version of its files.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.recording import LOCAL_ID, check_recording_id
from komorebi_qc.core.timebase import Alignment, Jump, Knot, Span, clock_text

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NoReturn

SCHEMA = "komorebi-correction/1"
MAX_BYTES = 1 << 20
MAX_POINTS = 1000
"""The most jumps, or knots; an hour of the worst measured recordings has fewer than twenty."""
MAX_WHY, MAX_BY = 500, 256
"""The longest texts, in characters. An ARN of an assumed role fits into the second."""
MAX_SIZE_S = 43_200.0
"""The largest jump, or deviation of the clock: the longest recording lasts 12 hours."""
_MAX_SOFTWARE = 100
_MAX_CALL_S = 48 * 3600.0
"""Twice the length of the longest shift, as for the reported call end."""
_SHA256 = re.compile(r"[0-9a-f]{64}", re.ASCII)
_TOP = ("schema", "recording_id", "inputs", "alignment", "why", "by", "made_at", "software")
_INPUTS = ("call_sha256", "recording_sha256")
_REMEDY = "save it again from the report"


@dataclass(frozen=True, slots=True)
class Correction:
    """A correction of a call's alignment.

    Attributes:
        recording_id: the recording; ``local`` for two files.
        alignment: the call's position on the recording clock.
        call_sha256: SHA-256 of the call audio, in hexadecimal; empty if the report didn't know it.
        recording_sha256: SHA-256 of the agent recording; empty if the report didn't know it.
        why: the analyst's reason.
        by: the analyst, as the file or the caller's identity names them; empty if unknown.
        made_at: when it was made, RFC 3339.
        software: that wrote it.
        seen_correction: the time of the correction that the analyst's report showed; empty if it showed an uncorrected
            recording, None if the file doesn't say.
    """

    recording_id: str
    alignment: Alignment
    call_sha256: str
    recording_sha256: str
    why: str
    by: str
    made_at: str
    software: str
    seen_correction: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """The correction for JSON."""
        return {
            "schema": SCHEMA,
            "recording_id": self.recording_id,
            "inputs": {"call_sha256": self.call_sha256, "recording_sha256": self.recording_sha256},
            "alignment": alignment_dict(self.alignment),
            "why": self.why,
            "by": self.by,
            "made_at": self.made_at,
            "software": self.software,
            **({} if self.seen_correction is None else {"seen_correction": self.seen_correction}),
        }

    def to_bytes(self) -> bytes:
        """The content of ``correction.json``."""
        return json.dumps(self.to_dict(), indent=1).encode() + b"\n"

    @property
    def names_inputs(self) -> bool:
        """Whether it names the content of both inputs."""
        return bool(self.call_sha256 and self.recording_sha256)

    @property
    def when(self) -> datetime:
        """When it was made, with its time zone."""
        return datetime.fromisoformat(self.made_at)

    def check_recording(self, recording_id: str) -> None:
        """Check that it is a correction of this recording.

        The ID ``local`` stands for two files without an ID. It fits any recording if the inputs are named by content.

        Raises:
            InputError: it is of another recording.
        """
        if recording_id == self.recording_id:
            return
        if LOCAL_ID in (recording_id, self.recording_id) and self.names_inputs:
            return
        raise InputError(
            f"the correction is of recording {self.recording_id}, not of {recording_id}: choose the file that was "
            f"saved from the report of {recording_id}"
        )

    def check_inputs(self, call_sha256: str, recording_sha256: str) -> None:
        """Check that it was made from these inputs.

        Raises:
            InputError: it was made from another version of one.
        """
        pairs = (
            ("call audio", self.call_sha256, call_sha256),
            ("agent recording", self.recording_sha256, recording_sha256),
        )
        for name, wanted, found in pairs:
            if wanted and found and wanted != found:
                raise InputError(
                    f"the correction was made from another version of the {name} (its SHA-256 begins {wanted[:12]}, "
                    f"the present one's {found[:12]}): run an audit of the present files, and correct those"
                )

    def check_call(self, call_s: float) -> None:
        """Check that each jump is within the call.

        Args:
            call_s: the call's length.

        Raises:
            InputError: a jump is outside of it.
        """
        points = [("jump", jump.call_s) for jump in self.alignment.jumps]
        points += [("bend", knot.call_s) for knot in self.alignment.knots]
        for name, at_s in points:
            if not 0.0 <= at_s <= call_s or (name == "jump" and at_s in (0.0, call_s)):
                raise InputError(
                    f"the correction has a {name} at {clock_text(at_s)} of the call, which lasts {clock_text(call_s)}: "
                    "move it into the call, or remove it"
                )
        part = self.alignment.part
        if part is not None and part.start_s >= call_s:
            raise InputError(
                f"the correction's agent part begins at {clock_text(part.start_s)} of the call, which lasts "
                f"{clock_text(call_s)}: {_REMEDY}"
            )


def alignment_dict(alignment: Alignment) -> dict[str, Any]:
    """The alignment as a correction has it. Bends and the agent's part are there if the alignment has them."""
    found: dict[str, Any] = {
        "offset_s": round(alignment.offset_s, 6),
        "drift_ppm": round(alignment.drift_ppm, 4),
        "jumps": [{"call_s": round(jump.call_s, 6), "size_s": round(jump.size_s, 6)} for jump in alignment.jumps],
    }
    if alignment.knots:
        found["knots"] = [
            {"call_s": round(knot.call_s, 6), "deviation_s": round(knot.deviation_s, 6)} for knot in alignment.knots
        ]
    if (part := alignment.part) is not None:
        found["agent_part"] = {"call_from_s": round(part.start_s, 6), "call_to_s": round(part.end_s, 6)}
    return found


def read_correction(content: bytes, name: str) -> Correction:
    """Read a ``correction.json``.

    Args:
        content: of the file.
        name: the file's name, for the error.

    Raises:
        InputError: it isn't a correction. The sentence names the file and the fault.
    """
    if len(content) > MAX_BYTES:
        raise _unusable(name, f"it has {len(content)} bytes, and a correction has at most {MAX_BYTES}")
    try:
        found = json.loads(content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_refuse_constant)
    except _FaultError as error:
        raise _unusable(name, str(error)) from None
    except (ValueError, RecursionError):
        raise _unusable(name, "it isn't JSON") from None
    try:
        return correction_of(found)
    except InputError as error:
        raise _unusable(name, str(error)) from None


def correction_of(found: object) -> Correction:
    """Read a correction that is decoded JSON already.

    Raises:
        InputError: it isn't a correction.
    """
    top = _exact(found, "the file", _TOP, ("seen_correction",))
    if top["schema"] != SCHEMA:
        raise InputError(f"its schema is {_shown(top['schema'])}, and this version reads {SCHEMA}")
    inputs = _exact(top["inputs"], "inputs", _INPUTS)
    call_sha256, recording_sha256 = (_sha256(inputs[key], key) for key in _INPUTS)
    by, why = _text(top["by"], "by", MAX_BY), _text(top["why"], "why", MAX_WHY)
    software = _text(top["software"], "software", _MAX_SOFTWARE)
    recording_id = check_recording_id(top["recording_id"])
    made_at = _moment(top["made_at"], "made_at")
    seen = top.get("seen_correction")
    if seen:
        seen = _moment(seen, "seen_correction")
    elif seen not in (None, ""):
        raise InputError(f"its seen_correction is {_shown(seen)}, which isn't a time")
    alignment = alignment_of(top["alignment"])
    return Correction(recording_id, alignment, call_sha256, recording_sha256, why, by, made_at, software, seen)


def alignment_of(found: object) -> Alignment:
    """Read what `alignment_dict` wrote.

    Raises:
        InputError: a key is missing, unknown or of another kind, or two clocks can't be as far apart as it has them.
    """
    keys = _exact(found, "alignment", ("offset_s", "drift_ppm", "jumps"), ("knots", "agent_part"))
    jumps = tuple(Jump(*pair) for pair in _points(keys["jumps"], "jumps", "size_s"))
    knots = tuple(Knot(*pair) for pair in _points(keys.get("knots", []), "knots", "deviation_s"))
    part = None
    if keys.get("agent_part") is not None:
        edges = _exact(keys["agent_part"], "agent_part", ("call_from_s", "call_to_s"))
        from_s, to_s = (_number(edges[key], key) for key in ("call_from_s", "call_to_s"))
        if not 0.0 <= from_s < to_s <= _MAX_CALL_S:
            raise InputError(f"its agent_part runs from {from_s:g} s to {to_s:g} s, which is no part of a call")
        part = Span(from_s, to_s)
    offset_s, drift_ppm = (_number(keys[key], key) for key in ("offset_s", "drift_ppm"))
    return Alignment(offset_s, drift_ppm, jumps, knots, part)


def check_text(text: str, name: str, longest: int) -> str:
    """Return a person's text without spaces around it.

    Raises:
        InputError: it is too long, or has control characters.
    """
    found = text.strip()
    if len(found) > longest:
        raise InputError(f"{name} has {len(found)} characters, and {longest} are allowed: write it shorter")
    if not found.isprintable():
        raise InputError(f"{name} has line breaks or control characters: write it in one line")
    return found


class _FaultError(ValueError):
    """A fault of the JSON itself, in words."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise _FaultError("it has a key twice in one object")
    return found


def _refuse_constant(text: str) -> NoReturn:
    raise _FaultError(f"it has {text}, which isn't a number of JSON")


def _exact(found: object, name: str, wanted: tuple[str, ...], optional: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """The object, if it has the wanted keys and no others."""
    if not isinstance(found, dict):
        raise InputError(f"{name} isn't an object with {', '.join(wanted)}")
    if missing := [key for key in wanted if key not in found]:
        raise InputError(f"{name} lacks {', '.join(missing)}")
    if unknown := [key for key in found if key not in (*wanted, *optional)]:
        raise InputError(f"{name} has {_shown(unknown[0])}, which a correction doesn't have")
    return found


def _points(found: object, name: str, second: str) -> list[tuple[float, float]]:
    """Pairs of a moment of the call and a number, in the order of the call."""
    if not isinstance(found, list):
        raise InputError(f"its {name} aren't a list")
    if len(found) > MAX_POINTS:
        raise InputError(f"it has {len(found)} {name}, and {MAX_POINTS} are allowed")
    one = f"one of its {name}"
    objects = [_exact(point, one, ("call_s", second)) for point in found]
    pairs = [(_number(point["call_s"], "call_s"), _number(point[second], second)) for point in objects]
    moments = [at_s for at_s, _ in pairs]
    if moments != sorted(set(moments)):
        raise InputError(f"its {name} aren't in the order of the call, each at a moment of its own")
    if any(at_s < 0.0 for at_s in moments):
        raise InputError(f"one of its {name} is before the call")
    if far := next((size_s for _, size_s in pairs if abs(size_s) > MAX_SIZE_S), None):
        raise InputError(f"one of its {name} is of {far:g} s, and no recording is longer than 12 hours")
    if any(at_s > _MAX_CALL_S for at_s in moments):
        raise InputError(f"one of its {name} is at {moments[-1]:g} s, and no call is that long")
    return pairs


def _number(found: object, name: str) -> float:
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise InputError(f"its {name} is {_shown(found)}, which isn't a number")
    try:
        number = float(found)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise InputError(f"its {name} is beyond all numbers of seconds")
    return number


def _sha256(found: object, name: str) -> str:
    if found == "":
        return ""
    if not isinstance(found, str) or _SHA256.fullmatch(found) is None:
        raise InputError(f"its {name} is {_shown(found)}, which isn't 64 hexadecimal digits")
    return found


def _text(found: object, name: str, longest: int) -> str:
    if not isinstance(found, str):
        raise InputError(f"its {name} is {_shown(found)}, which isn't text")
    return check_text(found, f"its {name}", longest)


def _moment(found: object, name: str) -> str:
    """The text of a moment with a time zone."""
    try:
        if not isinstance(found, str) or len(found) > 40 or datetime.fromisoformat(found).tzinfo is None:
            raise ValueError(found)
        datetime.fromisoformat(found).astimezone()
    except (ValueError, OverflowError):
        raise InputError(
            f"its {name} is {_shown(found)}, which isn't a time of the form 2026-01-31T13:45:00Z"
        ) from None
    return found


def _shown(value: object) -> str:
    text = ascii(value)
    return text if len(text) <= 60 else f"{text[:50]}... ({len(text)} characters)"


def _unusable(name: str, fault: str) -> InputError:
    return InputError(f"{name} isn't a correction that can be used: {fault}; {_REMEDY}")
