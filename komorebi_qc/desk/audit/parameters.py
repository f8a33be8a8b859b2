"""The notebooks of an audit, and their parameters: found by name, and checked before a run."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

NOTEBOOKS = ("process_recording", "sync_diagnostics")
"""An audit runs these unless others are chosen."""
SET_BY_AUDIT = frozenset(
    {"connect", "recording", "recording_id", "call_end", "out", "examined"}
    | {"analysis", "transcript", "redacted", "mask", "mask_margin", "outside_call"}
)
"""A person who runs an executed notebook again gets the same masks."""
_YES, _NO = ("true", "yes", "1"), ("false", "no", "0")


def find_notebook(name: str) -> Path:
    """Find a notebook by its name or its path.

    Raises:
        InputError: The notebook doesn't exist.
    """
    if name.endswith(".ipynb"):
        path = Path(name)
        if path.is_file():
            return path
        raise InputError(f"there is no notebook {name}")
    package = Path(__file__).resolve().parents[2]
    for folder in (package / "notebooks", package.parent / "notebooks"):
        if (path := folder / f"{name}.ipynb").is_file():
            return path
    raise InputError(f"there is no notebook {name!r}: name one of {', '.join(NOTEBOOKS)}, or a file ending in .ipynb")


def share_parameters(paths: Sequence[Path], given: Mapping[str, str]) -> list[tuple[Path, dict[str, Any]]]:
    """Give each notebook the parameters that it has, converted to their types.

    Raises:
        InputError: No notebook has a parameter of that name, or a text doesn't fit its type.
    """
    known = {path: parameter_types(path).keys() for path in paths}
    for name, text in given.items():
        if not any(name in names for names in known.values()):
            check_parameters(paths[0], {name: text})  # raises, and suggests a name
    return [
        (path, check_parameters(path, {name: text for name, text in given.items() if name in known[path]}))
        for path in paths
    ]


def check_parameters(path: Path, given: Mapping[str, str]) -> dict[str, Any]:
    """Convert parameters to the types of the notebook's parameters cell.

    papermill itself only warns about an unknown name and continues with the default.

    Raises:
        InputError: The notebook has no such parameter, or a text doesn't fit its type.
    """
    types = parameter_types(path)
    converted = {}
    for name, text in given.items():
        if name in SET_BY_AUDIT:
            raise InputError(f"the parameter {name} is set by the audit itself: name the recording by its own options")
        if name not in types:
            near = difflib.get_close_matches(name, set(types) - SET_BY_AUDIT, 1)
            own = ", ".join(sorted(set(types) - SET_BY_AUDIT))
            names = f"its parameters are {own}" if own else "it has no parameters to set"
            hint = f"did you mean {near[0]}?" if near else names
            raise InputError(f"{path.name} has no parameter {name}: {hint}")
        converted[name] = _converted(name, text, types[name])
    return converted


def parameter_types(path: Path) -> dict[str, str]:
    """Names and types from a notebook's parameters cell."""
    import papermill  # noqa: PLC0415  an extra

    return {name: str(found["inferred_type_name"]) for name, found in papermill.inspect_notebook(str(path)).items()}


def _converted(name: str, text: str, kind: str) -> Any:
    try:
        if kind == "bool":
            if text.lower() not in (*_YES, *_NO):
                raise ValueError
            return text.lower() in _YES
        return {"int": int, "float": float}.get(kind, str)(text)
    except ValueError:
        raise InputError(f"the parameter {name} is {text[:80]!r}, but it takes a {kind}") from None
