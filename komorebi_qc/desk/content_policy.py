"""A page's content security policy: it runs its own scripts, by their hashes, and loads nothing from a network."""

from __future__ import annotations

import base64
import hashlib


def content_policy(*scripts: str, media: str = "", frames: str = "", connections: str = "") -> str:
    """The policy of a page.

    Styles aren't listed by hash, because hashes don't cover style attributes. A style can't load anything here.

    Args:
        scripts: the contents of the page's script elements, without those that only hold data.
        media: sources of audio and video, such as ``'self' data:``; empty without media.
        frames: sources of frames; empty without frames.
        connections: servers that scripts speak to; empty for none of them.

    Examples:
        >>> content_policy("1").partition(";")[0]
        "default-src 'none'"
    """
    hashes = " ".join(f"'sha256-{base64.b64encode(hashlib.sha256(one.encode()).digest()).decode()}'" for one in scripts)
    parts = (
        "default-src 'none'",
        "img-src data:",
        f"media-src {media}" if media else "",
        f"frame-src {frames}" if frames else "",
        f"connect-src {connections}" if connections else "",
        "style-src 'unsafe-inline'",
        f"script-src {hashes}" if hashes else "",  # `default-src` forbids them then
        "base-uri 'none'",
        "form-action 'none'",
    )
    return "; ".join(filter(None, parts))
