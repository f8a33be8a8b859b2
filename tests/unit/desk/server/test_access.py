"""The addresses of the server, and the requests that it takes."""

from __future__ import annotations

import pytest

from komorebi_qc.desk.server.access import Secrets, is_own_host, is_own_origin, is_plain_path


def test_secrets_differ_with_every_start() -> None:
    """The token opens only its own desk, and a report's secret opens only that report."""
    one, other = Secrets(), Secrets()
    assert one.opens(one.token)
    assert not one.opens(other.token)
    assert not one.opens("")
    assert not one.opens("\u6728")
    assert len(one.token) >= 43
    assert len({one.of_report("a"), one.of_report("b"), one.of_report(""), other.of_report("a")}) == 4
    assert one.of_report("a") == one.of_report("a")


@pytest.mark.parametrize(
    ("host", "is_own"),
    [
        ("127.0.0.1:8000", True),
        ("localhost:8000", True),
        ("LOCALHOST:8000", True),
        ("127.0.0.1", False),
        ("127.0.0.1:8001", False),
        ("evil.example:8000", False),
        ("127.0.0.1.evil.example:8000", False),
        ("[::1]:8000", False),
        ("", False),
    ],
)
def test_host(host: str, is_own: bool) -> None:  # noqa: FBT001  a parameter of the test
    """A name that somebody else lets resolve to this machine isn't the server's."""
    assert is_own_host(host, 8000) is is_own


def test_origin() -> None:
    """The null origin is a sandboxed report's, and opens no address of the desk."""
    assert is_own_origin(None, 8000, opaque=False)
    assert is_own_origin("http://127.0.0.1:8000", 8000, opaque=False)
    assert not is_own_origin("http://127.0.0.1:8001", 8000, opaque=True)
    assert not is_own_origin("https://127.0.0.1:8000", 8000, opaque=True)
    assert not is_own_origin("null", 8000, opaque=False)
    assert is_own_origin("null", 8000, opaque=True)


@pytest.mark.parametrize("path", ["/a%2fb", "/a%2Fb", "/a%5cb", "/%2e%2e/b", "/a%00", "/a\\b"])
def test_hidden_separators(path: str) -> None:
    """A path with an encoded slash isn't plain; an ordinary one is."""
    assert not is_plain_path(path)
    assert is_plain_path("/r/0/a%20b.html")
