"""Numbers and times in plots."""

from __future__ import annotations

import math

SECONDS_FROM_S = 10.0
"""A lag axis that spans more than this is labelled in seconds."""


def number_text(value: float, decimals: int) -> str:
    """A number with a fixed number of decimals and a true minus sign."""
    return f"{value + 0.0:.{decimals}f}".replace("-", "\N{MINUS SIGN}")


def signed_text(value: float, unit: str, decimals: int) -> str:
    """A number with sign and unit, without trailing zeros."""
    text = f"{abs(value):.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    sign = "" if float(text) == 0 else "\N{MINUS SIGN}" if value < 0 else "+"
    return f"{sign}{text} {unit}".rstrip()


def ms_text(seconds: float) -> str:
    """A signed time in ms, or in s from 10 s on."""
    return signed_text(seconds, "s", 2) if abs(seconds) >= SECONDS_FROM_S else signed_text(seconds * 1000, "ms", 1)


def rounded_text(value: float) -> str:
    """Two digits, never an exponent."""
    if value < 0.01:
        return "0.01" if value > 0 else "0"
    return f"{value:.{max(0, 1 - math.floor(math.log10(value)))}f}"


def seconds_text(value: float) -> str:
    """A length: below a second in ms."""
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def clock_text(seconds: float, decimals: int) -> str:
    """mm:ss, from an hour on h:mm:ss."""
    units = round(abs(seconds) * 10**decimals)
    whole, rest = divmod(units, 10**decimals)
    hours = f"{whole // 3600}:" if whole >= 3600 else ""
    fraction = f".{rest:0{decimals}d}" if decimals else ""
    sign = "\N{MINUS SIGN}" if seconds < 0 and units else ""
    return f"{sign}{hours}{whole // 60 % 60:02d}:{whole % 60:02d}{fraction}"


def whole_text(seconds: float) -> str:
    """Like `clock_text`, with milliseconds only if they aren't zero."""
    return clock_text(seconds, 3).removesuffix(".000")
