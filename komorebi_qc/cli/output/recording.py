"""One recording's results for people: an outcome, a diagnosis, an audit, and the limits of the findings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.markup import escape

from komorebi_qc.cli.output.console import VERDICTS, out, print_rows, safe, size_text
from komorebi_qc.core.errors import refusal_reason
from komorebi_qc.core.finding import counted, worst_status
from komorebi_qc.core.media_info import codec_text
from komorebi_qc.core.timebase import clock_text
from komorebi_qc.findings.sync.clock import jump_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from komorebi_qc.core.limits import Limits
    from komorebi_qc.desk.audit.status import AuditStatus
    from komorebi_qc.pipeline.examine import Examined

_SOURCES = {
    "measured": "measured",
    "candidate": "the place that fits the reported call end best, not confirmed",
    "call_end": "from the reported call end, not measured",
    "manual": "as given, not measured",
}
_NOT_MEASURED = "not measured"
_MASKED = {"none": "; not masked", "sound": "; the sound is masked", "picture": "; sound and picture are masked"}
_MOST_CANDIDATES = 5
_MOST_SPANS = 8
_HOW_TO_SET = (
    "Set a limit with --limit or in KOMOREBI_LIMITS. Examples: drift=50:200 warns beyond +-50 ppm and fails beyond "
    "+-200 ppm; speech_level=-30..-14 sets a range; dead_air=off turns a limit off. A track or a channel can have a "
    "limit of its own: call_snr=15, call_agent_snr=10, own_audio_residual=0.002."
)


def print_outcome(found: dict[str, Any], next_command: str, remark: str = "") -> None:
    """Print an outcome (`Outcome.to_dict`): the file, its facts, the findings, and how to see more.

    Args:
        found: the outcome.
        next_command: the command that shows this recording in depth.
        remark: what to know before that command; may be empty.
    """
    console = out()
    durations, codecs, alignment = found["durations"], found["codecs"], found["alignment"]
    container = {"mp4": "MP4", "webm": "WebM"}[found["container"]]
    verb = "copied" if codecs["video_copied"] else "re-encoded"
    if codecs["video_copied"] and found["masks"]["choice"] == "picture" and found["masks"]["output"]:
        verb = "copied, except in masks"
    size = next((step["bytes"] for step in found["steps"] if step["name"].startswith(("mux", "write"))), 0)
    console.print(f"{VERDICTS[found['verdict']]}  [bold]{escape(found['output'])}[/]", soft_wrap=True)
    is_by_record = alignment["source"] == "call_end" and found.get("call_end", {}).get("source") == "record"
    by = "from the call end by the contact's record, not measured" if is_by_record else _SOURCES[alignment["source"]]
    where = f"{clock_text(alignment['offset_s'])} of the recording ({by})"
    rows = [
        ("length", f"{clock_text(durations['output_s'])}, {size_text(size)}"),
        ("video", f"{codec_text(codecs['video'])} in {container}, {verb}"),
        ("audio", f"{codec_text(codecs['audio'])}, {codecs['audio_rate_hz'] / 1000:g} kHz, stereo"),
        ("call", f"{clock_text(durations['call_s'])}, from {where}"),
        ("uncertainty", _bound_text(alignment, "record's" if is_by_record else "reported")),
        *_clock_rows(alignment),
        *_part_rows(alignment["agent_part"], "; the video has the recording's own audio outside of it"),
        ("after the call", clock_text(durations["after_call_s"])),
        *_redaction_rows(found["redactions"]),
    ]
    if found["thumbnail"]:
        rows.append(("thumbnail", escape(found["thumbnail"])))
    if found.get("captions"):
        rows.append(("captions", escape(found["captions"])))
    print_rows(console, rows)
    print_findings(console, found["findings"], where=found["qc"])
    _print_next(console, found["verdict"], next_command, remark)


def print_diagnosis(found: dict[str, Any], next_command: str, remark: str = "", plot: str = "") -> None:
    """Print a diagnosis (`Diagnosis.to_dict`): the answer, the numbers, the findings, and how to see more.

    Args:
        found: the diagnosis.
        next_command: the command that shows this recording in depth.
        remark: what to know before that command; may be empty.
        plot: the plot's file; empty without a plot.
    """
    console = out()
    sync, end = found["sync"], found["call_end"]
    status = sync["status"].replace("_", " ")
    console.print(f"{VERDICTS[found['verdict']]}  [bold]{status}[/]: {escape(sync['reason'])}", soft_wrap=True)
    rows: list[tuple[str, str]] = []
    if sync["offset_s"] is None:
        rows += [("offset", _NOT_MEASURED), *_clock_rows(sync)]
        rows += _candidate_rows(sync["candidates"]) if sync["status"] != "wrong_pair" else ()
    else:
        rows.append(("offset", f"{_signed(sync['offset_s'], 4)} s{_interval(sync['offset_ci_s'], 1000, 'ms')}"))
        rows += [*_clock_rows(sync), *_part_rows(sync["agent_part"])]
        recorded = {"both": "customer and agent"}.get(sync["sides"], sync["sides"])
        part = "" if sync["agent_part"] is None else " in the agent's part"
        rows.append(("sides", f"{recorded}; {sync['coverage']:.0%} of their speech{part} matches the recording"))
    rows += [("reported call end", clock_text(end["reported_s"])), ("measured call end", _call_end_text(end))]
    rows += _redaction_rows(found["redactions"])
    print_rows(console, rows)
    print_findings(console, found["findings"])
    if "quick" in found:
        _print_quick(console, found["quick"])
    if plot:
        console.print(f"The plot is in {safe(plot)}.", soft_wrap=True)
    _print_next(console, found["verdict"], next_command, remark)


def _print_quick(console: Console, quick: dict[str, Any]) -> None:
    """Print how much a quick diagnosis read, and what it can't know."""
    if quick["measured"] == "whole":
        console.print(f"All of the call was measured: {escape('; '.join(quick['doubts']))}.", soft_wrap=True)
    else:
        read = f"{clock_text(quick['recording_read_s'])} of the recording and {clock_text(quick['call_read_s'])} of"
        console.print(f"Only {read} the call were read ({size_text(quick['read_bytes'])}).", soft_wrap=True)
    console.print(f"Left out: {escape('; '.join(quick['left_out']))}.", soft_wrap=True)


def _redaction_rows(redactions: list[dict[str, Any]] | None) -> Iterator[tuple[str, str]]:
    """Contact Lens' redactions, and their mask in a written file; no row without redactions."""
    if redactions:
        total_s = sum(one["call_to_s"] - one["call_from_s"] for one in redactions)
        masked = _MASKED.get(redactions[0]["masked"], "")
        yield "redactions", f"{counted(len(redactions), 'span')} by Contact Lens, {total_s:.1f} s in all{masked}"


def _signed(value: float, digits: int) -> str:
    """A number with its sign; a number that rounds to zero is never negative."""
    return f"{round(value, digits) + 0.0:+.{digits}f}"


def _clock_rows(found: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Drift and jumps of an alignment, or of a sync measurement, which has intervals too."""
    drift_ppm, jumps = found["drift_ppm"], found["jumps"]
    if drift_ppm is None:
        yield "drift", _NOT_MEASURED
    else:
        average = " on average, and it changes" if _bends(found["segments"], jumps or []) else ""
        interval = _interval(found.get("drift_ci_ppm"), 1, "ppm")
        yield "drift", f"{_signed(drift_ppm, 2)} ppm{interval}{average}"
    if not jumps:
        yield "clock jumps", _NOT_MEASURED if jumps is None else "no jumps found"
        return
    for jump in jumps:
        sign = "-" if jump["size_s"] < 0 else "+"
        yield "clock jump", f"{sign}{jump_text(jump['size_s'])} at {clock_text(jump['call_s'])} of the call"


def _bends(segments: list[dict[str, float]], jumps: list[dict[str, Any]]) -> bool:
    """Whether the map has a knot: an inner point that isn't a jump's."""
    times = [point["call_s"] for point in segments]
    inner = {time for time in times[1:-1] if times.count(time) == 1}
    return bool(inner - {jump["call_s"] for jump in jumps})


def _bound_text(alignment: dict[str, Any], end: str = "reported") -> str:
    """How far off the place may be; `end` is the origin of the call end."""
    bound_s = alignment["bound_s"]
    if bound_s is None:
        return _NOT_MEASURED
    bound = f"+- {bound_s:.1f} s" if bound_s >= 0.1 else f"+- {bound_s * 1000:.2f} ms"
    return f"{bound} (95 %)" if alignment["source"] == "measured" else f"{bound}, if the {end} call end is right"


def _part_rows(part: dict[str, float] | None, more: str = "") -> Iterator[tuple[str, str]]:
    if part is not None:
        yield "agent's part", f"{clock_text(part['call_from_s'])} to {clock_text(part['call_to_s'])} of the call{more}"


def _candidate_rows(candidates: list[dict[str, float]]) -> Iterator[tuple[str, str]]:
    for one in candidates[:_MOST_CANDIDATES]:
        probability = f"probability {one['probability']:.1%}" if len(candidates) > 1 else "the only one"
        end = clock_text(one["call_end_s"])
        yield "possible offset", f"{_signed(one['offset_s'], 4)} s, with the call end at {end} ({probability})"


def _call_end_text(end: dict[str, Any]) -> str:
    if end["measured_s"] is None:
        return _NOT_MEASURED
    if end["error_s"] is None:
        return f"{clock_text(end['measured_s'])}, after the agent's part"
    return f"{clock_text(end['measured_s'])}; the reported one is {_error(end['error_s'])}"


def _error(error_s: float) -> str:
    rounded = round(error_s, 3)
    return "the same" if not rounded else f"{abs(rounded):.3f} s {'early' if rounded < 0 else 'late'}"


def _interval(pair: list[float] | None, scale: float, unit: str) -> str:
    return "" if pair is None else f" +- {(pair[1] - pair[0]) / 2 * scale:.2f} {unit} (95 %)"


def print_findings(console: Console, findings: list[dict[str, Any]], where: str | None = None) -> None:
    """Print the findings that don't pass, with their sentences, and the number of those that pass."""
    shown = sorted((f for f in findings if f["status"] != "pass"), key=lambda f: f["status"] != "fail")
    print_rows(console, [(VERDICTS[f["status"]], f["name"], escape(f["text"])) for f in shown])
    passed = len(findings) - len(shown)
    more = f" All are in {safe(where)}." if where else ""
    console.print(f"{passed} of {len(findings)} findings pass.{more}", soft_wrap=True)


def _print_next(console: Console, verdict: str, command: str, remark: str) -> None:
    if command:
        purpose = "For a report with a player" if verdict == "pass" else "To look into it"
        more = f" ({escape(remark)})" if remark else ""
        console.print(f"{purpose}: [bold]{escape(command)}[/]{more}", soft_wrap=True)


def print_audit(folder: str, status: AuditStatus, examined: Examined | None = None) -> None:
    """Print how an audit went: the verdict, the report, the findings that don't pass, and each notebook.

    Args:
        folder: the folder or address with the results.
        status: the audit's final status.
        examined: the examination; None if it didn't end.
    """
    console = out()
    folder = folder.rstrip("/")
    verdict = VERDICTS.get(status.verdict or "", status.state)
    console.print(f"{verdict}  [bold]{escape(folder)}/report.html[/]", soft_wrap=True)
    if examined is not None:
        print_findings(console, examined.document["findings"])
        if examined.refused is not None:
            console.print(f"No unified recording was made: {safe(refusal_reason(examined.refused))}.", soft_wrap=True)
        if examined.delivered is not None:
            print_delivered(console, examined.delivered.to_dict())
    rows = []
    if examined is not None and examined.refused is None:
        rows.append(("unified recording", escape(f"{folder}/{examined.video.name}")))
        if examined.outcome is not None and examined.outcome.published.captions is not None:
            rows.append(("captions", escape(f"{folder}/{Path(examined.outcome.published.captions).name}")))
    for one in status.notebooks:
        path = escape(f"{folder}/{one.file}")
        if one.failed is None:
            rows.append(("notebook", f"{path} ({one.state}, {one.done} cells)"))
        else:
            heading = f" ({one.failed.heading})" if one.failed.heading else ""
            error = escape(f"code cell {one.failed.number} of {one.cells}{heading}: {one.failed.error}")
            rows.append(("notebook", f"{path} [bold red]{one.state}[/] in {error}"))
    print_rows(console, [*rows, ("findings", escape(f"{folder}/qc.json"))])
    if status.unused_notes:
        console.print(f"[bold yellow]warning:[/] {safe(status.unused_notes)}.", soft_wrap=True)
    console.print("Open the report in a browser. JupyterLab trusts the notebooks on this machine.")


def print_delivered(console: Console, found: dict[str, Any]) -> None:
    """Print the measurement of a delivered file: its findings, and the source of each second's sound."""
    rows = [(VERDICTS[one["status"]], one["name"], escape(one["text"])) for one in found["findings"]]
    worst = worst_status(one["status"] for one in found["findings"])
    print_rows(console, [(VERDICTS[worst], "delivered file", safe(found["file"])), *rows])
    sources = (("call", "Sound of the call"), ("recording", "Sound of the recording"), ("silence", "Silence"))
    for name, label in (*sources, ("other", "Sound of neither")):
        spans = [span for span in found["spans"] if span["origin"] == name]
        shown = ", ".join(f"{clock_text(one['from_s'])} to {clock_text(one['to_s'])}" for one in spans[:_MOST_SPANS])
        more = f" and {len(spans) - _MOST_SPANS} more" if len(spans) > _MOST_SPANS else ""
        if spans:
            console.print(f"{label}: {shown}{more}.", soft_wrap=True)


def print_limits(limits: Limits) -> None:
    """Print every limit as it is set now, its unit and its source."""
    console = out()
    rows: list[tuple[str, str]] = []
    for row, default in limits.rows():
        changed = f"  [bold](changed; by default {escape(default.judges())})[/]" if row != default else ""
        rows.append((f"[bold]{row.name}[/]", f"{escape(row.judges())}{changed}"))
        rows.append(("", f"[dim]{escape(row.meaning)} ({escape(row.source)})[/]"))
    print_rows(console, rows)
    console.print(f"\n{_HOW_TO_SET}", markup=False)
