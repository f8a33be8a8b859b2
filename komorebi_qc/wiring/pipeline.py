"""The pipeline over configured stores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from komorebi_qc.core.progress import Silent

if TYPE_CHECKING:
    from komorebi_qc.core.progress import Progress
    from komorebi_qc.pipeline.options import Options, Order
    from komorebi_qc.pipeline.outcome import Outcome
    from komorebi_qc.storage.protocols import RecordingsTable
    from komorebi_qc.storage.s3.media import S3Media


@dataclass(frozen=True, slots=True)
class WiredPipeline:
    """`komorebi_qc.pipeline.process.process` with its stores and options.

    Attributes:
        table: the table of recordings.
        media: the buckets.
        options: the options of every run.
    """

    table: RecordingsTable
    media: S3Media
    options: Options

    def process(self, order: Order, *, progress: Progress | None = None) -> Outcome:
        """Make one unified recording.

        Raises:
            PermanentError: a retry can't help.
            PassingError: a retry may help.
        """
        from komorebi_qc.pipeline.process import process  # noqa: PLC0415  decoders only where they are used

        reported = progress or Silent()
        media = replace(self.media, check_cancelled=reported.check)
        return process(order, table=self.table, media=media, options=self.options, progress=reported)

    def is_done(self, order: Order) -> bool:
        """Whether this order was processed already, from the same inputs.

        Raises:
            PermanentError: the item or an input is missing, or can't be read.
            PassingError: the same, but a retry may help.
        """
        from komorebi_qc.pipeline.idempotency import is_done  # noqa: PLC0415

        return is_done(order, table=self.table, media=self.media)
