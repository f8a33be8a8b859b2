"""A simulated chain in the embedded AWS: contact records as a stream exports them, items of the table, and media."""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from contact_shapes import entry, exported

from komorebi_qc.wiring import Settings, aws_client

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bench.chained.media import Media
    from bench.chained.plan import Contact, Plan

BEGINS = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
RECORDS = "records"
AGENTS = ("erika.mustermann", "max.mustermann", "jane.doe", "john.doe", "aiko.example")
TIME = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Names:
    """The IDs of a chain's contacts, and its start.

    Attributes:
        ids: by the contacts' numbers.
        began_at: UTC.
    """

    ids: tuple[str, ...]
    began_at: datetime

    def at(self, seconds: float) -> datetime:
        """A moment of the chain."""
        return self.began_at + timedelta(seconds=seconds)


def names_of(plan: Plan) -> Names:
    """IDs and start by the plan's seed. Chains begin a quarter of an hour apart, so that some span midnight."""
    ids = tuple(str(uuid.uuid5(uuid.NAMESPACE_OID, f"chain {plan.seed} {one.number}")) for one in plan.contacts)
    return Names(ids, BEGINS + timedelta(minutes=59 + 60 * (plan.seed % 15), seconds=30))


def record_of(plan: Plan, one: Contact, names: Names, foreign: str, bucket: str) -> dict[str, Any]:
    """A contact's exported record, with the plan's fault."""
    is_faulty, own = plan.faulty == one.number, names.ids[one.number]
    previous = None if one.came_from is None else names.ids[one.came_from]
    following = [other for other in plan.contacts if other.came_from == one.number and other.kind == "transfer"]
    if is_faulty:
        lost = str(uuid.uuid5(uuid.NAMESPACE_OID, f"lost {plan.seed}"))
        faults = {
            "missing previous contact": None,
            "wrong previous contact": lost,
            "previous contact of another chain": foreign,
            "circle of previous contacts": names.ids[1],
        }
        previous = faults.get(plan.fault, previous)
    status = "DELETED" if is_faulty and plan.fault == "deleted audio" else "AVAILABLE"
    connected, left = (names.at(at).strftime(TIME) for at in (one.connected_s, one.left_s))
    return exported(
        entry(Location=f"{bucket}/{call_key(one, names)}", Status=status),
        ContactId=own,
        InitialContactId=None if one.number == 0 else names.ids[0],
        PreviousContactId=previous,
        NextContactId=names.ids[following[0].number] if following else None,
        InitiationMethod="INBOUND" if one.number == 0 else "TRANSFER",
        InitiationTimestamp=names.at(one.connected_s - 4).strftime(TIME),
        DisconnectTimestamp=left,
        LastUpdateTimestamp=names.at(one.left_s + 60).strftime(TIME),
        Agent={
            "ConnectedToAgentTimestamp": connected,
            "AfterContactWorkStartTimestamp": left,
            "CustomerHoldDuration": one.hold_s,
            "Username": AGENTS[one.agent],
        },
    )


def call_key(one: Contact, names: Names) -> str:
    """The key of a contact's call audio."""
    began = names.at(one.connected_s)
    return f"connect/demo/CallRecordings/{began:%Y/%m/%d}/{names.ids[one.number]}_{began:%Y%m%dT%H:%M}_UTC.wav"


def item_of(plan: Plan, one: Contact, names: Names) -> dict[str, dict[str, Any]]:
    """A contact's item. The recording begins at its `creationDate`, to a second."""
    end = timedelta(seconds=int(one.lead_s + one.left_s - one.connected_s))
    has_end = plan.fault != "no call end" or plan.faulty != one.number
    return {
        "videoID": {"S": names.ids[one.number]},
        "agentID": {"S": AGENTS[one.agent]},
        "creationDate": {"S": f"{names.at(one.connected_s - one.lead_s):%Y-%m-%d %H:%M:%S}"},
        "isProcessed": {"BOOL": False},
        **({"callEndingTimestamp": {"S": f"0{end}"}} if has_end else {}),
    }


def upload(plan: Plan, names: Names, media: Sequence[Media], foreign: str, environ: Mapping[str, str]) -> None:
    """Put a chain into the embedded AWS; without media, only its records."""
    settings = Settings.from_environment(environ)
    s3, table = aws_client("s3"), aws_client("dynamodb")
    for one in plan.contacts:
        is_faulty = plan.faulty == one.number
        if not (is_faulty and plan.fault == "no first record"):
            left = names.at(one.left_s)
            record = json.dumps(record_of(plan, one, names, foreign, settings.connect_bucket)).encode()
            key = f"{RECORDS}/{left:%Y/%m/%d/%H}/{names.ids[one.number]}"
            s3.put_object(Bucket=settings.input_bucket, Key=key, Body=record)
        if not media:
            continue
        files = media[one.number]
        s3.put_object(Bucket=settings.connect_bucket, Key=call_key(one, names), Body=files.wav)
        if is_faulty and plan.fault == "no recording":
            continue
        item = item_of(plan, one, names)
        day = item["creationDate"]["S"][:10].replace("-", "/")
        key = f"{day}/{AGENTS[one.agent]}/{names.ids[one.number]}.mp4"
        s3.put_object(Bucket=settings.input_bucket, Key=key, Body=files.webm)
        table.put_item(TableName=settings.table_name, Item=item)
