"""An S3 client with one object in memory."""

from __future__ import annotations

import io
from typing import Any


class Memory:
    """A client with one object in memory, some of whose bodies break, by the numbers that come."""

    def __init__(self, content: bytes, breaks: list[int]) -> None:
        self.content = content
        self.breaks = breaks
        self.asked: list[tuple[int, int]] = []

    def get_object(self, **asked: str) -> dict[str, Any]:
        """S3's answer to a range."""
        first, last = map(int, asked["Range"].removeprefix("bytes=").split("-"))
        assert 0 <= first <= last < len(self.content)
        self.asked.append((first, last + 1))
        body = self.content[first : last + 1]
        sent = body[: self.breaks.pop() % (len(body) + 1)] if self.breaks else body
        content_range = f"bytes {first}-{last}/{len(self.content)}"
        return {"ETag": '"e"', "ContentRange": content_range, "ContentLength": len(body), "Body": io.BytesIO(sent)}
