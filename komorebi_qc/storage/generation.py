"""Which run made each result of a recording: the results of one run are of one generation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Generation:
    """The run of each published object: its run ID, empty for a version without run IDs, None for a missing object.

    Attributes:
        video: of the unified recording, in the container that was asked for.
        thumbnail: of the thumbnail.
        qc: of the findings.
        has_thumbnail: whether the run of the findings published a thumbnail. An older one may be there if it didn't.
        captions: of the captions, if the run of the findings published some.
        has_captions: whether it did.
    """

    video: str | None = None
    thumbnail: str | None = None
    qc: str | None = None
    has_thumbnail: bool = True
    captions: str | None = None
    has_captions: bool = False

    def is_of(self, run_id: str) -> bool:
        """Return whether all results are there, and all of this run; without a run ID, the video alone has to be."""
        others = {self.qc, *([self.thumbnail] * self.has_thumbnail), *([self.captions] * self.has_captions)}
        if not run_id:
            return self.video == "" and others <= {"", None}
        return self.video == run_id and others == {run_id}

    def to_dict(self) -> dict[str, Any]:
        """The run of each object for JSON: empty without a run ID, null for a missing object."""
        captions = {"captions": self.captions} if self.has_captions else {}
        return {"video": self.video, "thumbnail": self.thumbnail, "qc": self.qc, **captions}
