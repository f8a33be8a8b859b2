"""Texts for logs keep an object's bucket and name, and lose the agent."""

from __future__ import annotations

import pytest

from komorebi_qc.core.privacy.addresses import without_agents

AGENT = "jane.doe@example.com"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"s3://in/2026/03/02/{AGENT}/c1.mp4 isn't there yet", "s3://in/.../c1.mp4 isn't there yet"),
        (f"(s3://in/2026/03/02/{AGENT}/c1.mp4, or a day later)", "(s3://in/.../c1.mp4, or a day later)"),
        (
            f"please delete: s3://o/{AGENT}/a.png, s3://o/{AGENT}/b.json",
            "please delete: s3://o/.../a.png, s3://o/.../b.json",
        ),
        (f"s3://in/{AGENT}", "s3://in/..."),
        (f"'s3://in/2026/{AGENT}/c1.mp4'", "'s3://in/.../c1.mp4'"),
        ("s3://in/2026/jane/c1.mp4", "s3://in/.../c1.mp4"),
        (f"the item names <{AGENT}>", "the item names <...>"),
        ("https://in.example.org/2026/03/02/jane/c1.mp4?x=1", "https://in.example.org/2026/03/02/.../c1.mp4?x=1"),
        ("no key 2026/03/02/jane/c1/qc.json", "no key 2026/03/02/.../c1/qc.json"),
        ("jane.doe%40example.com has no item", "... has no item"),
        ("bucket calls doesn't exist", "bucket calls doesn't exist"),
        ("s3://calls and s3://calls/c1.wav", "s3://calls and s3://calls/c1.wav"),
        ("", ""),
    ],
)
def test_no_agent_is_left(text: str, shown: str) -> None:
    """The folders of a key and mail addresses are left out; everything else stays."""
    assert without_agents(text) == shown
    assert "jane" not in without_agents(text)


def test_a_text_is_shortened_once() -> None:
    """A text that was shortened before stays as it is."""
    once = without_agents(f"s3://in/2026/03/02/{AGENT}/c1.mp4")
    assert without_agents(once) == once
