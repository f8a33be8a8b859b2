"""The head of an element of EBML (RFC 8794), in which WebM and Matroska are written."""

from __future__ import annotations


def read_head(data: memoryview, offset: int) -> tuple[int, int | None, int] | None:
    """The ID of an element, its length (None without one), and the place of its content; None if it isn't EBML."""
    # An ID or a length of n bytes begins with n - 1 zero bits.
    width = 9 - data[offset].bit_length()
    begin = offset + width
    if width > 4 or begin >= len(data):
        return None
    step = 9 - data[begin].bit_length()
    body = begin + step
    if step > 8 or body > len(data):
        return None
    most = (1 << 7 * step) - 1
    length = int.from_bytes(data[begin:body], "big") & most
    return int.from_bytes(data[offset:begin], "big"), None if length == most else length, body
