"""Turns to put into a page."""

from __future__ import annotations

from komorebi_qc.transcript.placed import PlacedTurn

WORDS = (
    "Hello, this is Northwind Care. How can I help you today?",
    "Hello. My home line has been down since this morning.",
    "Let me look at your account. Please give me your customer number.",
    "It is C-20417. <b>The card number</b> is in my letter.",
    "Thank you. A fault in your area will be fixed by noon.",
)


def spoken(count: int = len(WORDS), each_s: float = 4.0, start_s: float = 2.6) -> tuple[PlacedTurn, ...]:
    """Turns of agent and customer, one after the other."""
    return tuple(
        PlacedTurn(
            "agent" if k % 2 == 0 else "customer",
            start_s + each_s * k,
            start_s + each_s * (k + 0.95),
            WORDS[k % len(WORDS)] if count <= len(WORDS) else f"{WORDS[k % len(WORDS)]} Turn {k}.",
        )
        for k in range(count)
    )
