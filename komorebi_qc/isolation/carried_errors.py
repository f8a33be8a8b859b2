"""An error of a worker process as plain values, and the same error again in its supervisor."""

from __future__ import annotations

from pathlib import PurePath
from traceback import extract_tb
from typing import TYPE_CHECKING, Any

from komorebi_qc.core import errors
from komorebi_qc.core.errors import HeldError, KomorebiError

if TYPE_CHECKING:
    from collections.abc import Mapping


class UnforeseenError(Exception):
    """An unforeseen error in another process. Its text names the error's class and places, not the error's own text."""


def error_places(error: Exception) -> str:
    """The places where an unforeseen error was raised, instead of its text, which may quote anything."""
    if isinstance(error, UnforeseenError):
        return str(error)
    frames = extract_tb(error.__traceback__)[-5:]
    return f"{type(error).__name__} at " + ", ".join(
        f"{PurePath(frame.filename).name}:{frame.lineno} {frame.name}" for frame in frames
    )


def packed_error(error: Exception) -> dict[str, Any]:
    """The error as plain values; `unpacked_error` makes it again.

    An error of a class that `komorebi_qc.core.errors` lacks becomes one of the nearest class there.
    """
    if not isinstance(error, KomorebiError):
        return {"unforeseen": error_places(error)}
    name = next(one.__name__ for one in type(error).__mro__ if one.__module__ == errors.__name__)
    packed: dict[str, Any] = {"class": name, "text": str(error)}
    if isinstance(error, HeldError):
        packed |= {"reason": error.reason, "candidates": error.candidates}
    return packed


def unpacked_error(packed: Mapping[str, Any]) -> Exception:
    """The error that `packed_error` packed."""
    if "unforeseen" in packed:
        return UnforeseenError(str(packed["unforeseen"]))
    found = getattr(errors, str(packed["class"]), None)
    text = str(packed["text"])
    if not isinstance(found, type) or not issubclass(found, KomorebiError):
        return UnforeseenError(text)
    if issubclass(found, HeldError):
        candidates = tuple((float(offset_s), float(chance)) for offset_s, chance in packed["candidates"])
        return found(text, str(packed["reason"]), candidates)
    return found(text)
