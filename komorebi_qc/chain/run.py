"""Make the unified recordings of a chain, one after the other, and the overview. A member that fails stops no other."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from komorebi_qc.chain.page import chain_html
from komorebi_qc.chain.report import check_reports, report_of
from komorebi_qc.chain.result import ChainResult, MemberError, MemberResult
from komorebi_qc.core.errors import KomorebiError
from komorebi_qc.core.progress import SILENT
from komorebi_qc.storage.object_store import open_store
from komorebi_qc.wiring import aws_client

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import date

    from komorebi_qc.chain.sources import ChainSource, ReadyRecording
    from komorebi_qc.core.contact.chains.model import Chain, ChainMember
    from komorebi_qc.core.progress import Progress
    from komorebi_qc.storage.object_store import ObjectStore

PAGE, DOCUMENT = "chain.html", "chain.json"
_WITHOUT_RECORDING = ("monitor", "unanswered")
"""Kinds whose agents were in no call of their own."""


@dataclass(frozen=True, slots=True)
class ChainRequest:
    """A person's request for a chain.

    Attributes:
        contact_id: the first contact, or another one of the chain.
        out: the folder of the overview, or ``s3://bucket/prefix``.
        day: the contact's day, if the table has no item of it.
        force: make also those recordings that are made already.
        lists_only: make nothing, and write nothing.
        reports: write a report for each recording.
    """

    contact_id: str
    out: str
    day: date | None = None
    force: bool = False
    lists_only: bool = False
    reports: bool = False


def run_chain(
    request: ChainRequest,
    source: ChainSource,
    progress: Progress = SILENT,
    on_member: Callable[[int, int, ChainMember], None] = lambda _number, _of, _member: None,
) -> ChainResult:
    """Make the recordings and the overview.

    Args:
        request: the chain.
        source: of its records and recordings.
        progress: receives the steps of each recording.
        on_member: receives each contact before its recording is made: its number, their number, and the contact.

    Raises:
        InputError: the records can't be read, the overview can't be written, or an extra for reports is missing.
        StorageError: a store doesn't answer.
        AccessDeniedError: it refuses access.
    """
    store = open_store(request.out, partial(aws_client, "s3"))
    if request.reports:
        check_reports()
    chain = source.read(request.contact_id, request.day, progress)
    run = _Run(request, source, store, progress)
    keys, problems = run.agents(chain)
    numbers = chain.agents(keys)
    members = []
    for number, member in enumerate(chain.members, 1):
        on_member(number, len(chain.members), member)
        agent = numbers[member.contact_id]
        if (error := problems.get(member.contact_id)) is not None:
            members.append(MemberResult.failed(member.contact_id, agent, error))
        else:
            members.append(run.member(member, agent, has_recording=member.contact_id in keys))
    overview = "" if request.lists_only else store.address_of(PAGE)
    result = ChainResult(chain, tuple(members), overview, source.name, source.notes)
    if overview:
        store.write(DOCUMENT, json.dumps(result.to_dict(), indent=1).encode())
        store.write(PAGE, chain_html(result).encode())
    return result


@dataclass(frozen=True, slots=True)
class _Run:
    """The work on one chain."""

    request: ChainRequest
    source: ChainSource
    store: ObjectStore
    progress: Progress

    def agents(self, chain: Chain) -> tuple[dict[str, str], dict[str, Exception]]:
        """The agents of the contacts that have a recording; and why that can't be read of others."""
        found: dict[str, str] = {}
        problems: dict[str, Exception] = {}
        for member in chain.members:
            self.progress.check()
            try:
                agent = self.source.agent(member.contact_id)
            except KomorebiError as error:
                problems[member.contact_id] = error
                continue
            if agent is not None:
                found[member.contact_id] = agent
        return found, problems

    def member(self, member: ChainMember, agent: int, *, has_recording: bool) -> MemberResult:
        """Make one recording, unless it is made already."""
        one = member.contact_id
        if not has_recording:
            return _without_recording(member, agent)
        try:
            earlier = None if self.request.force else self.source.done(member)
            if earlier is not None:
                return self._with_report(member, MemberResult(one, agent, "already_done"), earlier)
            if self.request.lists_only:
                self.source.check(member)
                return MemberResult(one, agent, "listed")
            ready = self.source.process(member, self.progress)
        except Exception as error:  # noqa: BLE001  an error of one contact's files is only that contact's
            return MemberResult.failed(one, agent, error)
        return self._with_report(member, MemberResult(one, agent, "done"), ready)

    def _with_report(self, member: ChainMember, result: MemberResult, ready: ReadyRecording) -> MemberResult:
        found = replace(
            result, output=ready.output, qc=ready.qc, video=ready.video, **result.with_document(ready.document)
        )
        if not self.request.reports or self.request.lists_only:
            return found
        try:
            again = result.state == "done"
            report = report_of(member, ready, self.source, self.store, self.progress, again=again)
        except KomorebiError as error:
            return replace(found, report_error=MemberError.of(error))
        return replace(found, report=report)


def _without_recording(member: ChainMember, agent: int) -> MemberResult:
    is_silent = member.kind in _WITHOUT_RECORDING or (member.kind == "first" and not member.turns)
    if is_silent:
        return MemberResult(member.contact_id, agent, "not_expected")
    text = (
        f"there is no recording of contact {member.contact_id}: check that its agent's screen was recorded, and that "
        "the table, or the list, has it"
    )
    return MemberResult(member.contact_id, agent, "no_recording", error=MemberError("NoRecording", text, False))  # noqa: FBT003  a record
