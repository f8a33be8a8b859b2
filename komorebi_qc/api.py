"""The functions of the public interface: files in, results out.

Import them from `komorebi_qc`, which loads this module at their first use:

    import komorebi_qc

    found = komorebi_qc.diagnose(connect="call.wav", recording="recording.mp4", call_end="00:00:22")

None of them uses AWS or reads environment variables; the command line adds both. Only `audit` takes the rate of the
audio, its bit rate and the signing key from them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from komorebi_qc.core.errors import missing_extra
from komorebi_qc.core.limits import DEFAULT, Limits
from komorebi_qc.core.progress import SILENT, Progress
from komorebi_qc.core.timebase import CallEnd, parse_call_end
from komorebi_qc.pipeline import diagnose as diagnosing
from komorebi_qc.pipeline.local import container_of, process_files
from komorebi_qc.pipeline.options import MaskRequest, Options
from komorebi_qc.storage.input_file import opened_file, read_analysis_file
from komorebi_qc.storage.local import LocalFiles

if TYPE_CHECKING:
    from collections.abc import Sequence
    from os import PathLike

    from komorebi_qc.core.timebase import Alignment
    from komorebi_qc.desk.audit.status import AuditStatus
    from komorebi_qc.pipeline.diagnose import Diagnosis
    from komorebi_qc.pipeline.outcome import Outcome


def diagnose(
    *,
    connect: str | PathLike[str],
    recording: str | PathLike[str],
    call_end: str | float | CallEnd,
    analysis: str | PathLike[str] | None = None,
    limits: Limits = DEFAULT,
) -> Diagnosis:
    """Measure the call's position in the recording, and check both files. Nothing is written.

    Args:
        connect: the call audio by Amazon Connect (WAV).
        recording: the agent recording (WebM or MP4).
        call_end: the reported call end, from the recording's start: ``HH:MM:SS``, ``MM:SS`` or seconds.
        analysis: Contact Lens' analysis of the call audio (JSON), whose redactions are listed; None without one.
        limits: the limits of the findings.

    Returns:
        The measurements and findings. Its audio is in memory: 115 MB for an hour of call. It is that of the two files,
        without masks.

    Raises:
        InputError: a file or the call end can't be used.

    Examples:
        The sample call is part of the package. It begins 2.57 s after the recording:

        >>> import komorebi_qc
        >>> from komorebi_qc.demo.sample_call import AGENT_RECORDING, CALL_AUDIO
        >>> found = komorebi_qc.diagnose(connect=CALL_AUDIO, recording=AGENT_RECORDING, call_end="00:00:22")
        >>> found.verdict, found.sync.status
        ('pass', 'aligned')
        >>> print(f"{found.sync.offset_s:.2f} s")
        2.57 s
        >>> [finding.name for finding in found.findings if finding.status != "pass"]
        []
    """
    analyses = () if analysis is None else (read_analysis_file(Path(analysis)),)
    with opened_file(Path(connect)) as call, opened_file(Path(recording)) as own:
        found = diagnosing.diagnose(call, own, _call_end(call_end), limits, analyses=analyses)
        return replace(found, pair=found.pair.in_memory())


def process(
    *,
    connect: str | PathLike[str],
    recording: str | PathLike[str],
    call_end: str | float | CallEnd,
    out: str | PathLike[str],
    analysis: str | PathLike[str] | None = None,
    thumbnail: str | PathLike[str] | None = None,
    alignment: Alignment | None = None,
    options: Options | None = None,
    progress: Progress = SILENT,
) -> Outcome:
    """Write the unified recording: the agent recording's video with the call audio, in sync.

    Its findings are written beside it, as ``<name>.qc.json``.

    Args:
        connect: the call audio by Amazon Connect (WAV).
        recording: the agent recording (WebM or MP4).
        call_end: the reported call end, from the recording's start: ``HH:MM:SS``, ``MM:SS`` or seconds.
        analysis: Contact Lens' analysis of the call audio (JSON), whose redactions are masked; None without one.
        out: the unified recording. Its extension, ``.mp4`` or ``.webm``, names the container; without one the video
            codec decides, and the extension is added.
        thumbnail: a PNG to write; None for no thumbnail.
        alignment: the call's position on the recording clock; None to measure it.
        options: sample rate, bit rate, limits and more.
        progress: shows each step; its `check` ends the run.

    Returns:
        The paths of the written files, and the findings.

    Raises:
        InputError: a file, the call end or an option can't be used.
        WrongPairError: call and recording belong to different calls.
        KomorebiError: another foreseen failure; see `komorebi_qc.core.errors`.

    Examples:
        >>> import komorebi_qc
        >>> from komorebi_qc.demo.sample_call import AGENT_RECORDING, CALL_AUDIO
        >>> outcome = komorebi_qc.process(
        ...     connect=CALL_AUDIO, recording=AGENT_RECORDING, call_end="00:00:22", out="unified.mp4"
        ... )
        >>> outcome.verdict, outcome.published.video, outcome.published.qc
        ('pass', 'unified.mp4', 'unified.qc.json')
        >>> outcome.document["alignment"]["source"]
        'measured'
    """
    given = options or Options()
    chosen = replace(given, container=container_of(Path(out), given.container), thumbnail=thumbnail is not None)
    picture, redactions = (None if path is None else Path(path) for path in (thumbnail, analysis))
    files = LocalFiles(Path(connect), Path(recording), Path(out), picture, redactions)
    return process_files(files, _call_end(call_end), alignment=alignment, options=chosen, progress=progress)


def audit(
    *,
    connect: str | PathLike[str],
    recording: str | PathLike[str],
    call_end: str | float,
    out: str | PathLike[str],
    analysis: str | PathLike[str] | None = None,
    notebooks: Sequence[str] | None = None,
    limits: Limits = DEFAULT,
    progress: Progress = SILENT,
) -> AuditStatus:
    """Write a report with video and audio for an analyst, and run the analysis notebooks on the recording.

    It needs the extra `desk`.

    Args:
        connect: the call audio by Amazon Connect (WAV).
        recording: the agent recording (WebM or MP4).
        call_end: the reported call end, from the recording's start: ``HH:MM:SS``, ``MM:SS`` or seconds.
        analysis: Contact Lens' analysis of the call audio (JSON), whose redactions are masked; None without one.
        out: the folder for the report, or ``s3://bucket/folder``.
        notebooks: names or paths of notebooks; None for the two of the package, an empty sequence for the report alone.
        limits: the limits of the findings.
        progress: shows each step; its `check` ends the run.

    Returns:
        The state of the audit, the same as in ``status.json``.

    Raises:
        InputError: a file, the call end or a notebook can't be used, or the extra `desk` isn't installed.
        KomorebiError: another foreseen failure; see `komorebi_qc.core.errors`.

    Examples:
        >>> import komorebi_qc
        >>> from komorebi_qc.demo.sample_call import AGENT_RECORDING, CALL_AUDIO
        >>> status = komorebi_qc.audit(
        ...     connect=CALL_AUDIO, recording=AGENT_RECORDING, call_end="00:00:22", out="audit", notebooks=()
        ... )
        >>> status.state, status.verdict
        ('done', 'pass')
        >>> "report.html" in status.files
        True
    """
    try:
        from komorebi_qc.desk.audit import NOTEBOOKS, AuditJob  # noqa: PLC0415  an extra
        from komorebi_qc.desk.audit import audit as run_audit  # noqa: PLC0415
        from komorebi_qc.desk.session import AuditRequest  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise missing_extra("desk", error.name or "a library", needed_by="an audit") from None
    named = "" if analysis is None else str(analysis)
    request = AuditRequest(connect=str(connect), recording=str(recording), call_end=str(call_end), analysis=named)
    chosen = NOTEBOOKS if notebooks is None else tuple(notebooks)
    usual = Options()
    masks = MaskRequest(usual.mask, usual.mask_margin_s, usual.outside_call)
    return run_audit(AuditJob(request, str(out), chosen, limits=limits, masks=masks), progress)


def _call_end(value: str | float | CallEnd) -> CallEnd:
    return value if isinstance(value, CallEnd) else parse_call_end(str(value))
