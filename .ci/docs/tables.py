# ruff: noqa: INP001, T201  a script, no package
"""Writes the reference tables in docs/reference from the code: commands, settings, limits, qc.json, dataset.

    .venv/bin/python .ci/docs/tables.py            writes them between their markers
    .venv/bin/python .ci/docs/tables.py --check    writes nothing; 1 where a page is out of date

A table is between ``<!-- NAME -->`` and ``<!-- /NAME -->``. It needs the extras `demo` and `fleet`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer.main

from komorebi_qc.batch.dataset import legacy as dataset_legacy
from komorebi_qc.batch.dataset import schema as dataset
from komorebi_qc.cli.main import app
from komorebi_qc.core.limits import EVERYTHING, LIMITS
from komorebi_qc.findings import legacy
from komorebi_qc.media.bounds.table import BOUNDS
from komorebi_qc.wiring import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from komorebi_qc.core.limits import Limit

ROOT = Path(__file__).parents[2]
REFERENCE = ROOT / "docs" / "reference"
QC_SCHEMA = ROOT / "komorebi_qc" / "findings" / "qc.schema.json"


def settings() -> str:
    """Every environment variable."""
    rows = []
    for one in VARIABLES:
        default = "must be set" if one.default is None else f"`{one.default}`" if one.default else ""
        rows.append((f"`{one.name}`", default, one.allowed, one.meaning))
    return _table(("variable", "default", "values", "meaning"), rows)


def limits() -> str:
    """Every limit with its source, and the scopes that may be set alone."""
    return _table(
        ("limit", "unit", "warns", "fails", "meaning", "source"),
        [(_limit_names(one), one.unit, _warns(one), _fails(one), one.meaning, one.source) for one in LIMITS],
    )


def _limit_names(one: Limit) -> str:
    scopes = ", ".join(f"`{scope}_`" for scope in one.scopes)
    return f"`{one.name}`" + (f" (also {scopes})" if scopes else "")


def _warns(one: Limit) -> str:
    return "" if one.warn in (EVERYTHING, one.fail) else str(one.warn)


def _fails(one: Limit) -> str:
    return "" if one.fail == EVERYTHING else str(one.fail)


def bounds() -> str:
    """Every bound of a media file with its reason."""
    return _table(("subject", "bound", "reason"), [(one.subject, one.bound, one.reason) for one in BOUNDS])


def qc_keys() -> str:
    """Every key of qc.json with its type, from its JSON Schema."""
    document = json.loads(QC_SCHEMA.read_text(encoding="utf-8"))
    return _table(("key", "type", "meaning"), list(_keys(document, document, "")))


def _keys(root: dict[str, Any], node: dict[str, Any], path: str) -> Iterator[tuple[str, str, str]]:
    node = _resolved(root, node)
    for name, about in node.get("properties", {}).items():
        whole = _resolved(root, about)
        key = f"{path}.{name}" if path else name
        items = _resolved(root, whole["items"]) if isinstance(whole.get("items"), dict) else {}
        inner = [_resolved(root, one) for one in whole.get("oneOf", whole.get("anyOf", ()))]
        has_items = bool(items.get("properties"))
        yield (
            f"`{key}{'[]' if has_items else ''}`",
            _type(root, whole),
            about.get("description", whole.get("description", "")),
        )
        yield from _keys(root, items if has_items else whole, f"{key}{'[]' if has_items else ''}")
        for one in inner:
            if one.get("properties"):
                yield from _keys(root, one, key)
        values = whole.get("additionalProperties")
        if isinstance(values, dict) and _resolved(root, values).get("properties"):
            yield from _keys(root, values, f"{key}.<name>")


def _resolved(root: dict[str, Any], node: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in node:
        return node
    found: Any = root
    for part in node["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return {**found, **{name: value for name, value in node.items() if name != "$ref"}}


def _type(root: dict[str, Any], node: dict[str, Any]) -> str:
    if "const" in node:
        return f"`{node['const']}`"
    if "enum" in node:
        return ", ".join("null" if one is None else f"`{one}`" for one in node["enum"])
    several = node.get("oneOf", node.get("anyOf"))
    if several:
        return " or ".join(dict.fromkeys(_type(root, _resolved(root, one)) for one in several))
    kind = node.get("type", "any")
    kinds = kind if isinstance(kind, list) else [kind]
    items = node.get("items")
    if "array" in kinds and isinstance(items, dict):
        of = _type(root, _resolved(root, items))
        of = f"({of})" if " or " in of else of
        kinds = [f"array of {of}" if one == "array" else one for one in kinds]
    return " or ".join(kinds)


def renamed() -> str:
    """Every name that schema 2.0 changed, from the tables of the readers for 1.x."""
    columns = {f"dataset, column `{old}`": f"`{new}`" for old, new in dataset_legacy.RENAMED_COLUMNS.items()}
    statuses = {f"dataset, `status` `{old}`": f"`{new}`" for old, new in dataset_legacy.RENAMED_STATUS.items()}
    values = {
        f"value of `{key}`: `{old}`": f"`{new}`" for key, pairs in legacy.VALUES.items() for old, new in pairs.items()
    }
    names = {
        **{f"key `{old}`": f"`{new}`" for old, new in legacy.KEYS.items()},
        **values,
        **{f"finding and limit `{old}`": f"`{new}`" for old, new in legacy.NAMES.items()},
        **columns,
        **statuses,
        **{f"item, attribute `{old}`": f"`{new}`" for old, new in legacy.ATTRIBUTES.items()},
    }
    return _table(("1.x", "2.0"), list(names.items()))


def commands() -> str:
    """Every command with its options, hidden ones left out."""
    group: Any = typer.main.get_command(app)
    parts = []
    for name, command in _leaves(group, "komorebi-qc"):
        text = " ".join((command.help or "").split())
        parts.append(f"## {name.removeprefix('komorebi-qc ')}\n\n```\n{_usage(command, name)}\n```\n\n{text}\n")
        rows = [
            (_option(one), _default(one), " ".join((one.help or "").split()))
            for one in command.params
            if not getattr(one, "hidden", False) and one.name != "help"
        ]
        parts.append(_table(("option", "default", "meaning"), rows))
    return "\n".join(parts)


def _leaves(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    for name, one in getattr(command, "commands", {}).items():
        if getattr(one, "hidden", False):
            continue
        if getattr(one, "commands", None):
            yield from _leaves(one, f"{path} {name}")
        else:
            yield f"{path} {name}", one


def _usage(command: Any, path: str) -> str:
    names = [_metavar(one) for one in command.params if one.param_type_name == "argument"]
    return " ".join([path, "[OPTIONS]", *names])


def _metavar(one: Any) -> str:
    name = str(one.metavar or one.name.upper()).strip("[]{}")
    return name if one.required else f"[{name}]"


def _option(one: Any) -> str:
    if one.param_type_name == "argument":
        return f"`{_metavar(one)}`"
    names = ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts))
    if getattr(one, "is_flag", False):
        return names
    kind = one.metavar or (getattr(one.type, "choices", None) and "|".join(map(str, one.type.choices)))
    return f"{names} `{kind or one.name.upper()}`"


def _default(one: Any) -> str:
    value = one.default
    if value is None or value in ("", False) or callable(value) or getattr(one, "is_flag", False):
        return ""
    if getattr(one, "required", False):
        return ""
    return f"`{getattr(value, 'value', value)}`"


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *(tuple(cell.replace("|", "\\|") for cell in row) for row in rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


PAGES = {
    "commands.md": {"commands": commands},
    "settings.md": {"variables": settings},
    "limits.md": {"limits": limits},
    "media-bounds.md": {"bounds": bounds},
    "schema.md": {"keys": qc_keys, "renamed": renamed},
    "dataset.md": {"schema": dataset.as_markdown, "version": lambda: dataset.SCHEMA_VERSION},
}
"""Of each page, its tables and the functions that make them."""


def rendered(text: str, tables: dict[str, Any]) -> str:
    """A page with its tables made again.

    Raises:
        ValueError: if the page lacks a table's markers.
    """
    for name, make in tables.items():
        begin, end = f"<!-- {name} -->", f"<!-- /{name} -->"
        made = make()
        block = f"{begin}\n{made}{end}" if made.endswith("\n") else f"{begin}{made}{end}"
        text, count = re.subn(f"{begin}.*?{end}", lambda _, block=block: block, text, flags=re.DOTALL)
        if count != 1:
            raise ValueError(f"the page needs {begin} and {end} once, and has them {count} times")
    return text


def main(arguments: list[str]) -> int:
    """Write the tables, or say which pages are out of date."""
    stale = []
    for name, tables in PAGES.items():
        page = REFERENCE / name
        before = page.read_text(encoding="utf-8")
        after = rendered(before, tables)
        if after != before:
            stale.append(name)
            if "--check" not in arguments:
                page.write_text(after, encoding="utf-8")
    doing = "out of date, run .ci/docs/tables.py" if "--check" in arguments else "written"
    print(f"docs/reference: {', '.join(stale)} {doing}" if stale else "docs/reference: up to date")
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
