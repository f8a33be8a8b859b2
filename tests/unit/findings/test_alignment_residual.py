"""The finding about the call against the recording's own sound."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from sentences import numbers
from sync_results import sync_result

from komorebi_qc.core.finding import At, Finding
from komorebi_qc.core.limits import DEFAULT, UNDETERMINED
from komorebi_qc.core.output import Rendered, RenderPlan
from komorebi_qc.core.splice import splice
from komorebi_qc.core.timebase import Alignment, CallEnd, Span
from komorebi_qc.findings.alignment_residual import alignment_residual_findings
from komorebi_qc.findings.evidence import Evidence, Placement
from komorebi_qc.measure.alignment_residual import AlignmentResidual, VoiceLag
from komorebi_qc.measure.residual_lag import Residual
from komorebi_qc.measure.result import ResultCheck
from komorebi_qc.sync import FoundJump
from unit_media import CALL, CALL_AUDIO, RECORDING, VIDEO

if TYPE_CHECKING:
    from komorebi_qc.measure.alignment_residual import Voice
