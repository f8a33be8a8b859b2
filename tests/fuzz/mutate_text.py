"""Changes to JSON, CSV and single texts: hostile values in the place of good ones, and broken structure."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from mutate_bytes import changed_bytes

if TYPE_CHECKING:
    from random import Random

TEXTS = (
    *("", " ", "\0", "\x1b[2J\x1b]0;x\x07", "\u202e\u2066x", "\ud800", "a" * 5000, "=HYPERLINK(1)", "@SUM(A1)"),
    *("../../../etc/passwd", "/etc/passwd", "/dev/zero", "/proc/self/mem", "s3://", "s3://other/x.html", "s3:///x"),
    *("file:///etc/passwd", "concat:a|b", "http://169.254.169.254/", "\\\\host\\share", "a/../b.html", "CON", "-rf"),
    *("NaN", "Infinity", "-1", "1e400", "99:99:99", "00:00:00", "0:0:0.0000000000000000001", "24:00:00", "9" * 400),
    *(
        "<script>alert(1)</script>",
        "'; drop table rows; --",
        "{{7*7}} %s {0}",
        "\u0661\u0662",
        "\u2028\u2029",
        "🍃" * 40,
    ),
    *("contact-1", "00:57:01", "57:01", "22", "true", "null", "2026-03-02 23:55:09", "0000-00-00 00:00:00"),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1.5, 1e308, -0.0, 2**63, 10**400, float("nan"), float("inf"), [], {}, [[]], {"": {}}),
    *TEXTS,
)
CUE_LINES = (
    *("NOTE x", "STYLE", "REGION", "", "-->", "00:00:05.000 --> 00:00:04.000", "99:99:99,999 --> 100:00:00,000"),
    *("00:01.000 --> 00:02.000 position:10% line:-1", "<v Customer>yes", "</v></v>", "<00:01.500>", "&lt;b&gt; &#0;"),
    *("<c" * 3000, "1" * 400 + ":00:00.000 --> 00:00:01.000", "Agent: yes", "[REDACTED]", "{\\an8}<font color=red>"),
)
"""Lines of subtitles, some of them malformed."""
_DEEP = "a deep nest"
_LEVELS = (200, 2000, 100_000)
_LARGEST = 300_000


def mutate_json(data: bytes, rng: Random) -> bytes:
    """One changed JSON text."""
    if rng.random() < 0.15:
        return changed_bytes(data, rng)
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        return changed_bytes(data, rng)
    for _ in range(rng.choice((1, 1, 2, 3))):
        found = _changed(found, rng, 0)
    try:
        text = json.dumps(found, ensure_ascii=rng.random() < 0.5)
        levels = rng.choice(_LEVELS)
        text = text.replace(f'"{_DEEP}"', "[" * levels + "]" * levels)
        return text.encode("utf-8", "surrogatepass") if len(text) <= _LARGEST else data
    except (ValueError, RecursionError):
        return data


def _changed(value: Any, rng: Random, depth: int) -> Any:
    if depth < 40 and isinstance(value, dict) and value and rng.random() < 0.85:
        return _changed_dict(dict(value), rng, depth)
    if depth < 40 and isinstance(value, list) and value and rng.random() < 0.85:
        items = list(value)
        at = rng.randrange(len(items))
        kind = rng.randrange(4)
        if kind == 0:
            del items[at]
        elif kind == 1:
            items.insert(at, items[at])
        else:
            items[at] = _changed(items[at], rng, depth + 1)
        return items
    if rng.random() < 0.05:
        return _DEEP if rng.random() < 0.5 else [value] * rng.choice((10, 1000))
    return changed_text(value, rng) if isinstance(value, str) and rng.random() < 0.4 else rng.choice(VALUES)


def _changed_dict(found: dict[str, Any], rng: Random, depth: int) -> dict[str, Any]:
    name = rng.choice(list(found))
    kind = rng.randrange(6)
    if kind == 0:
        del found[name]
    elif kind == 1:
        found[rng.choice(TEXTS)] = found[name]
    else:
        found[name] = _changed(found[name], rng, depth + 1)
    return found


def changed_text(text: str, rng: Random) -> str:
    """A text with another in it, or with a few changed characters."""
    at = rng.randrange(len(text) + 1)
    other = rng.choice(TEXTS)
    return rng.choice((other, text[:at] + other + text[at:], text[:at], text * 2, text[::-1], text.upper()))


def mutate_csv(data: bytes, rng: Random) -> bytes:
    """One changed CSV text."""
    if rng.random() < 0.3:
        return changed_bytes(data, rng)
    rows = [line.split(",") for line in data.decode("utf-8", "replace").splitlines()] or [[""]]
    for _ in range(rng.choice((1, 1, 2, 5))):
        row = rng.choice(rows)
        at = rng.randrange(len(row)) if row else 0
        kind = rng.randrange(6)
        if kind <= 2 and row:
            cell = changed_text(row[at], rng)
            row[at] = f'"{cell}"' if rng.random() < 0.3 else cell
        elif kind == 3 and row:
            del row[at]
        elif kind == 4:
            row.insert(at, rng.choice(TEXTS))
        else:
            rows.insert(rng.randrange(len(rows) + 1), list(row))
    text = rng.choice(("\n", "\n", "\r\n", "\r")).join(rng.choice((",", ",", ",", ";", "\t")).join(row) for row in rows)
    return text.encode(rng.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16")), "surrogatepass")


def mutate_subtitles(data: bytes, rng: Random) -> bytes:
    """One changed WebVTT or SRT text: blocks, times and words."""
    if rng.random() < 0.2:
        return changed_bytes(data, rng)
    blocks = [block.split("\n") for block in data.decode("utf-8", "replace").split("\n\n")]
    for _ in range(rng.choice((1, 1, 2, 5))):
        block = rng.choice(blocks)
        at = rng.randrange(len(block))
        kind = rng.randrange(7)
        if kind <= 2:
            block[at] = changed_text(block[at], rng)
        elif kind == 3:
            block.insert(at, rng.choice(CUE_LINES))
        elif kind == 4:
            blocks.insert(rng.randrange(len(blocks) + 1), list(block))
        elif kind == 5 and len(blocks) > 1:
            blocks.remove(block)
        else:
            block[at] = block[at].replace(":", rng.choice((":", ".", ",", "")), 1)
    text = rng.choice(("\n\n", "\n\n", "\n\n\n", "\n")).join("\n".join(block) for block in blocks)
    text = text.replace("\n", rng.choice(("\n", "\n", "\r\n", "\r")))
    encoding = rng.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16"))
    return text.encode(encoding, "surrogatepass") if len(text) <= _LARGEST else data
