"""The findings of an erasure, its plan and its result. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Kind = Literal[
    "agent recording",
    "audio track",
    "call audio",
    "captions",
    "chain overview",
    "clip",
    "Contact Lens file",
    "correction",
    "CSV row",
    "dataset row",
    "dead letter",
    "figure",
    "fleet page",
    "item attribute",
    "notebook",
    "notes",
    "other file",
    "part file",
    "qc.json",
    "report",
    "status",
    "thumbnail",
    "transcript",
    "unfinished upload",
    "video",
]
NOT_OURS: Final = "this software didn't write it"


@dataclass(frozen=True, slots=True)
class Artefact:
    """Something that holds data of the recording, or names it.

    Attributes:
        kind: its kind.
        address: a path, an ``s3://`` address, or a description.
        count: how many rows, attributes, versions or messages.
        versions: version IDs of an object; IDs of an upload or of messages.
        is_input: whether this software only reads it.
        kept_because: why it can't be removed; empty if it can.
    """

    kind: Kind
    address: str
    count: int = 1
    versions: tuple[str, ...] = ()
    is_input: bool = False
    kept_because: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The artefact for JSON."""
        found = {"kind": self.kind, "address": self.address, "count": self.count, "is_input": self.is_input}
        return {**found, "kept_because": self.kept_because} if self.kept_because else found


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that was found, in the order of its removal.

    Attributes:
        recording_id: the recording.
        found: the artefacts.
        not_searched: places that weren't searched, and why.
    """

    recording_id: str
    found: tuple[Artefact, ...]
    not_searched: tuple[str, ...] = ()

    @property
    def removable(self) -> tuple[Artefact, ...]:
        """The artefacts that can be removed."""
        return tuple(one for one in self.found if not one.kept_because)

    @property
    def kept(self) -> tuple[Artefact, ...]:
        """The artefacts that have to stay."""
        return tuple(one for one in self.found if one.kept_because)


@dataclass(frozen=True, slots=True)
class Erasure:
    """The result of an erasure, or of a search that removed nothing.

    Attributes:
        plan: everything that was found before.
        is_done: whether it was to be removed.
        left: everything that a second search found afterwards, with a reason if it is known. Without a removal, all
            that was found.
    """

    plan: Plan
    is_done: bool
    left: tuple[Artefact, ...]

    @property
    def is_all_gone(self) -> bool:
        """Whether nothing is left."""
        return not self.left

    @property
    def removed(self) -> dict[str, int]:
        """How many of each kind are gone, by kind: of those that could be removed.

        A message that another process reads may be any recording's: if it is visible again later, it wasn't removed.
        """
        places = {(one.kind, one.address) for one in self.plan.removable}
        kept = {(one.kind, one.address, one.kept_because) for one in self.plan.kept}
        after = counts(
            one
            for one in self.left
            if (one.kind, one.address, one.kept_because) not in kept
            and (not one.kept_because or (one.kind, one.address) in places)
        )
        gone = {kind: count - after.get(kind, 0) for kind, count in counts(self.plan.removable).items()}
        return {kind: count for kind, count in gone.items() if count > 0}

    def to_dict(self) -> dict[str, Any]:
        """The result for JSON."""
        return {
            "recording_id": self.plan.recording_id,
            "is_done": self.is_done,
            "found": [one.to_dict() for one in self.plan.found],
            "counts": counts(self.plan.found),
            "removed": self.removed if self.is_done else {},
            "left": [one.to_dict() for one in self.left],
            "not_searched": list(self.plan.not_searched),
        }


def counts(found: Iterable[Artefact]) -> dict[str, int]:
    """Return how many there are of each kind, in the order of the first of each."""
    numbers: Counter[str] = Counter()
    for one in found:
        numbers[one.kind] += one.count
    return dict(numbers)


def with_reasons(left: Iterable[Artefact], failures: Iterable[tuple[Artefact, str]]) -> tuple[Artefact, ...]:
    """Return what is left, each with the error of its removal.

    Args:
        left: found after the removal.
        failures: artefacts that couldn't be removed, and why.
    """
    reasons = {(one.kind, one.address): reason for one, reason in failures}
    return tuple(
        one if one.kept_because or not reason else _kept(one, reason)
        for one in left
        for reason in (reasons.get((one.kind, one.address), ""),)
    )


def _kept(one: Artefact, reason: str) -> Artefact:
    return Artefact(one.kind, one.address, one.count, one.versions, one.is_input, reason)
