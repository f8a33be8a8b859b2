"""Held recordings for people: an operator decides whether they are published."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from komorebi_qc.cli.output.console import count_of, print_rows, safe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

_MOST_CANDIDATES = 3
_UNITS = (("d", 86_400), ("h", 3_600), ("min", 60))


def print_held(console: Console, held: Sequence[dict[str, Any]]) -> None:
    """Print held recordings, the oldest first: how long they have been held, the reason, and the candidates."""
    if not held:
        return
    many = len(held) > 1
    console.print(f"\n[bold cyan]Held[/]: {count_of(len(held), 'recording')}, not published. You decide.")
    for letter in held:
        name = letter["recording_id"] or f"message {letter['message_id']}"
        console.print(f"  [bold]{safe(name)}[/], held for {age_text(letter['held_for_s'])}", soft_wrap=True)
        rows = [("reason", safe(letter["reason"])), ("candidates", candidates_text(letter["candidates"]))]
        print_rows(console, rows, indent=4)
    console.print(
        f"  Listen to {'each pair' if many else 'both files'}: komorebi-qc audit RECORDING_ID --out audit\n"
        "  Publish one: komorebi-qc dlq release RECORDING_ID [--offset SECONDS]",
        markup=False,
        soft_wrap=True,
    )


def print_held_redrive(console: Console, done: dict[str, Any]) -> None:
    """Print what a redrive did with held recordings (`Redriven.to_dict`)."""
    if left := done["held_left"]:
        stay = f"{count_of(left, 'held recording')} {'stays' if left == 1 else 'stay'}: a redrive would only hold "
        console.print(f"{stay}{'it' if left == 1 else 'them'} again. See komorebi-qc dlq release.", soft_wrap=True)
    if sent := done["held_sent"]:
        console.print(
            f"{count_of(sent, 'held recording')} among them: held again, unless a file, the item or "
            "KOMOREBI_UNCONFIRMED has changed.",
            soft_wrap=True,
        )


def candidates_text(candidates: Sequence[dict[str, float]]) -> str:
    """Possible offsets with their probabilities, the most probable first."""
    shown = [f"{one['offset_s']:+.3f} s ({one['probability']:.0%})" for one in candidates[:_MOST_CANDIDATES]]
    if not shown:
        return "no place is known"
    more = f", and {len(candidates) - len(shown)} more" if len(candidates) > len(shown) else ""
    return ", ".join(shown) + more


def age_text(seconds: float) -> str:
    """A length of time in its largest unit."""
    unit, size = next((pair for pair in _UNITS if seconds >= 2 * pair[1]), ("s", 1))
    return f"{seconds / size:.0f} {unit}"
