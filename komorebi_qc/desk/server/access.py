"""The addresses of the server: their secrets, and the requests that it takes. Pure.

Every address begins with a secret, so no cookie is needed, and a page of another origin has nothing to send. One
secret opens the desk. Each report has a secret of its own: a report may come from somebody else, and only reaches its
own folder. Other users of this machine can connect to the port, but they don't know the secrets.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

OPAQUE = "null"
"""The origin of a report: it runs in a sandbox."""
_ENCODED = re.compile(r"%(2f|5c|00|2e)", re.IGNORECASE)
"""A slash, a backslash, NUL or a dot, written so that another reader might see it later than this one."""


@dataclass(frozen=True, slots=True)
class Secrets:
    """The secrets of one start of the server.

    Attributes:
        token: opens the desk.
        key: makes the secrets of the reports.
    """

    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    key: bytes = field(default_factory=lambda: secrets.token_bytes(32))

    def opens(self, given: str) -> bool:
        """Whether a text is the token. The time that this takes doesn't depend on the text."""
        return hmac.compare_digest(given.encode(), self.token.encode())

    def of_report(self, folder: str) -> str:
        """The secret of a report's folder, by its name relative to the root."""
        return hmac.new(self.key, folder.encode("utf-8", "surrogateescape"), hashlib.sha256).hexdigest()[:40]


def is_own_host(host: str, port: int) -> bool:
    """Whether a request names this server. A name of somebody else that resolves to this machine isn't one."""
    return host.lower() in (f"127.0.0.1:{port}", f"localhost:{port}")


def is_own_origin(origin: str | None, port: int, *, opaque: bool) -> bool:
    """Whether a request may come from this origin.

    Args:
        origin: the header; None without one.
        port: of this server.
        opaque: whether a sandboxed report may send it.
    """
    own = (f"http://127.0.0.1:{port}", f"http://localhost:{port}")
    return origin is None or origin in own or (opaque and origin == OPAQUE)


def is_plain_path(path: str) -> bool:
    """Whether a path, as it was sent, hides no separator from a check."""
    return _ENCODED.search(path) is None and "\\" not in path
