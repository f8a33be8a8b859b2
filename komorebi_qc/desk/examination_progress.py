"""The steps of an examination. It runs the pipeline's steps, but it publishes nothing and marks no item."""

from __future__ import annotations

from typing import TYPE_CHECKING

from komorebi_qc.pipeline.process import STEPS

if TYPE_CHECKING:
    from komorebi_qc.core.progress import Progress

EXAMINATION_STEPS = ("open the recording", *STEPS[1:-2], "write the results")
"""The pipeline's first and last two steps concern the item and the bucket, which an examination doesn't change."""


DRY_NAMES = dict(zip(STEPS[-2:], ("write the results", "leave the item"), strict=True))
"""An examination's own names for the last two steps of the pipeline's."""


class ExaminationProgress:
    """Reports the pipeline's steps under an examination's own names, among all steps of a longer run."""

    def __init__(self, progress: Progress, of: int) -> None:
        self._progress, self._of = progress, of

    def step(self, number: int, of: int, name: str) -> None:  # noqa: ARG002  the pipeline's own count and name
        """A step of the pipeline starts."""
        if number <= len(EXAMINATION_STEPS):
            self._progress.step(number, self._of, EXAMINATION_STEPS[number - 1])

    def advance(self, fraction: float) -> None:
        """The current step is done to `fraction`."""
        self._progress.advance(fraction)

    def check(self) -> None:
        """Raise if the run is to stop."""
        self._progress.check()
