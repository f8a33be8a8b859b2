"""The steps of an examination."""

from __future__ import annotations

from komorebi_qc.core.progress import MARK, PUBLISH
from komorebi_qc.desk.examination_progress import EXAMINATION_STEPS, ExaminationProgress
from komorebi_qc.pipeline.process import STEPS


class NotedProgress:
    """Notes every call."""

    def __init__(self) -> None:
        self.steps: list[tuple[int, int, str]] = []
        self.advanced: list[float] = []
        self.checks = 0

    def step(self, number: int, of: int, name: str) -> None:
        """A step starts."""
        self.steps.append((number, of, name))

    def advance(self, fraction: float) -> None:
        """The step advances."""
        self.advanced.append(fraction)

    def check(self) -> None:
        """A check for cancellation."""
        self.checks += 1


def test_an_examination_publishes_and_marks_nothing() -> None:
    """The pipeline's nine steps are reported as eight, without the item, among all steps of the run."""
    noted = NotedProgress()
    progress = ExaminationProgress(noted, 11)
    for number, name in enumerate(STEPS, 1):
        progress.step(number, len(STEPS), name)
    progress.advance(0.5)
    progress.check()
    assert [(number, of) for number, of, _ in noted.steps] == [(number, 11) for number in range(1, 9)]
    assert tuple(name for _, _, name in noted.steps) == EXAMINATION_STEPS
    assert not {PUBLISH, MARK, STEPS[0]} & set(EXAMINATION_STEPS)
    assert set(STEPS[1:-2]) < set(EXAMINATION_STEPS)
    assert (noted.advanced, noted.checks) == ([0.5], 1)
