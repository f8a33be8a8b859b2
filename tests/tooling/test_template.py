"""template.yaml, read as text and not by any tool: its promises to an operator, and its role's rights."""

from __future__ import annotations

import ast
import json
import re
import tomllib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from aws_fixtures import RECORDING
from cloudformation import Resolver, as_list, read_template, texts

from komorebi_qc.core.contact.events import Places, Sweep, read_event
from komorebi_qc.core.privacy.analysis_keys import analysis_prefixes
from komorebi_qc.wiring import VARIABLES, Settings

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "template.yaml").read_text(encoding="utf-8")
REQUIRED = {
    "ConnectBucketName": "calls",
    "InputBucketName": "recordings",
    "OutputBucketName": "unified",
}
# Not of `VARIABLES`: the level is for Powertools.
BESIDE_VARIABLES = {"POWERTOOLS_LOG_LEVEL"}
LEFT_OUT: set[str] = set()
"""Variables that the template knowingly doesn't set."""
ACTIONS_OF: dict[str, dict[str, set[str]]] = {
    "s3": {
        "abort_multipart_upload": {"s3:AbortMultipartUpload"},
        "complete_multipart_upload": {"s3:PutObject"},
        "create_multipart_upload": {"s3:PutObject"},
        "delete_object": {"s3:DeleteObject", "s3:DeleteObjectVersion"},
        "get_object": {"s3:GetObject"},
        "get_object_tagging": {"s3:GetObjectTagging"},
        "head_object": {"s3:GetObject"},
        "list_multipart_uploads": {"s3:ListBucketMultipartUploads"},
        "list_objects_v2": {"s3:ListBucket"},
        "put_object": {"s3:PutObject", "s3:PutObjectTagging"},
        "upload_part": {"s3:PutObject"},
    },
    "dynamodb": {"get_item": {"dynamodb:GetItem"}, "update_item": {"dynamodb:UpdateItem"}},
}
"""Which rights each request of the stores may need, by AWS's service authorization reference."""


ERASURE = ROOT / "komorebi_qc" / "storage" / "s3" / "object_versions.py"
"""Used by an erasure, which runs with a person's rights."""
JOIN = ROOT / "komorebi_qc" / "storage" / "contact" / "dynamodb_join.py"
"""Used only if events are taken; its rights are on its own table."""
TEMPLATE = read_template(ROOT / "template.yaml")
PARAMETERS: dict[str, Any] = TEMPLATE["Parameters"]
RESOURCES: dict[str, Any] = TEMPLATE["Resources"]
FUNCTION: dict[str, Any] = RESOURCES["Function"]["Properties"]
SOURCE: dict[str, Any] = FUNCTION["Events"]["Order"]["Properties"]


def resolved(node: Any, **given: str) -> Any:
    """A part of the template as CloudFormation would make it of the required parameters and the given ones."""
    return Resolver(TEMPLATE, REQUIRED | given).made(node)


def statements(**given: str) -> list[dict[str, Any]]:
    """The role's statements, each with lists of actions and resources."""
    policies = resolved(RESOURCES["Role"]["Properties"]["Policies"], **given)
    found = [s for policy in policies for s in policy["PolicyDocument"]["Statement"]]
    return [{**s, "Action": as_list(s["Action"]), "Resource": as_list(s["Resource"])} for s in found]


def allows(action: str, resource: str, **given: str) -> bool:
    """Whether the role may do it to it, as IAM matches resources; conditions aside."""
    return any(
        action in s["Action"] and any(fnmatchcase(resource, pattern) for pattern in s["Resource"])
        for s in statements(**given)
    )


# The queue and the function


@pytest.mark.parametrize("timeout_s", PARAMETERS["TimeoutSeconds"]["AllowedValues"])
def test_a_message_in_hand_is_hidden_for_six_time_limits(timeout_s: str) -> None:
    """For any time limit, the queue's visibility timeout is at least six times as long."""
    queue = resolved(RESOURCES["Queue"]["Properties"], TimeoutSeconds=timeout_s)
    function = resolved(FUNCTION, TimeoutSeconds=timeout_s)
    assert queue["VisibilityTimeout"] >= 6 * int(function["Timeout"])


@pytest.mark.parametrize("timeout_s", PARAMETERS["TimeoutSeconds"]["AllowedValues"])
def test_a_call_near_its_time_limit_raises_an_alarm_before_it(timeout_s: str) -> None:
    """The alarm's threshold is below the time limit, and below the time at which the function stops by itself."""
    alarm = resolved(RESOURCES["NearTimeoutAlarm"]["Properties"], TimeoutSeconds=timeout_s)
    assert int(timeout_s) * 500 < alarm["Threshold"] < (int(timeout_s) - 30) * 1000


def test_no_single_lost_call_looks_like_a_backlog() -> None:
    """The alarm on the oldest message's age waits for longer than a message stays hidden after a function that died."""
    hidden_s = max(row["VisibilitySeconds"] for row in TEMPLATE["Mappings"]["ByTimeout"].values())
    assert int(PARAMETERS["AgeAlarmSeconds"]["Default"]) > hidden_s


def test_dead_letters_are_kept_longer_than_the_queue_keeps_its_messages() -> None:
    """A message moved by SQS keeps its age: the dead-letter queue keeps it for the longest that SQS has, 14 days."""
    queue, dead = (RESOURCES[name]["Properties"]["MessageRetentionPeriod"] for name in ("Queue", "DeadLetterQueue"))
    assert queue < dead == 14 * 24 * 3600


def test_the_queue_keeps_a_message_until_missing_media_are_given_up() -> None:
    """A message can't run out of the queue while its media may still come."""
    kept_h = RESOURCES["Queue"]["Properties"]["MessageRetentionPeriod"] / 3600
    assert kept_h > int(PARAMETERS["GiveUpAfterHours"]["Default"])


def test_failing_messages_go_to_this_queues_own_dlq() -> None:
    """The queue's messages go there after their last attempt, and no other queue's messages may."""
    queue = resolved(RESOURCES["Queue"]["Properties"], MaxReceiveCount="5")
    dead = resolved(RESOURCES["DeadLetterQueue"]["Properties"])
    assert queue["RedrivePolicy"] == {"deadLetterTargetArn": "[DeadLetterQueue.Arn]", "maxReceiveCount": "5"}
    own_arn = f"arn:aws:sqs:eu-central-1:{'1' * 12}:{queue['QueueName']}"
    assert dead["RedriveAllowPolicy"] == {"redrivePermission": "byQueue", "sourceQueueArns": [own_arn]}


@pytest.mark.parametrize("name", ["Queue", "DeadLetterQueue"])
def test_both_queues_are_encrypted(name: str) -> None:
    """The given key encrypts them, or SQS's own key if no key is given. Transport is always encrypted."""
    key = "arn:of:a:key"
    assert resolved(RESOURCES[name]["Properties"])["SqsManagedSseEnabled"] is True
    with_key = resolved(RESOURCES[name]["Properties"], QueueKeyArn=key)
    assert with_key["KmsMasterKeyId"] == key
    assert "SqsManagedSseEnabled" not in with_key
    (refusal,) = resolved(RESOURCES[f"{name}Policy"]["Properties"]["PolicyDocument"]["Statement"])
    assert refusal["Effect"] == "Deny"
    assert refusal["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


@pytest.mark.parametrize("name", ["Queue", "DeadLetterQueue", "LogGroup"])
def test_messages_and_logs_outlive_the_stack(name: str) -> None:
    """Deleting the stack by mistake deletes no message and no log."""
    assert RESOURCES[name]["DeletionPolicy"].startswith("Retain")
    assert RESOURCES[name]["UpdateReplacePolicy"] == "Retain"


def test_messages_come_one_at_a_time_and_are_answered_one_by_one() -> None:
    """A call that dies takes no other message with it, and an answer that names a failure keeps the message."""
    assert SOURCE["BatchSize"] == 1
    assert SOURCE["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    assert SOURCE["Queue"] == {"Fn::GetAtt": "Queue.Arn"}
    assert resolved(SOURCE["ScalingConfig"], MaximumConcurrency="7") == {"MaximumConcurrency": "7"}
    assert "ReservedConcurrentExecutions" not in FUNCTION, "throttled messages would use up their attempts"


def test_no_storage_is_paid_for_that_nothing_is_written_to() -> None:
    """Without a cache the ephemeral storage is Lambda's least, which is free; and a cache has to be chosen."""
    assert FUNCTION["EphemeralStorage"]["Size"] == {"Ref": "StorageMegabytes"}
    assert PARAMETERS["StorageMegabytes"]["MinValue"] == PARAMETERS["StorageMegabytes"]["Default"] == 512
    assert resolved(FUNCTION["Environment"]["Variables"])["KOMOREBI_CACHE_MB"] == "0"
    assert resolved(FUNCTION["Environment"]["Variables"], CacheMegabytes="700")["KOMOREBI_CACHE_MB"] == "700"


def test_the_image_is_built_from_the_root_for_the_architecture_of_the_function() -> None:
    """`sam build` sees the package and its lock, and passes the architecture on to Docker."""
    build = resolved(RESOURCES["Function"]["Metadata"], Architecture="arm64")
    assert (build["Dockerfile"], build["DockerContext"]) == ("lambda/Dockerfile", ".")
    default = re.search(r"^ARG BASE=(\S+)$", (ROOT / build["Dockerfile"]).read_text(encoding="utf-8"), re.MULTILINE)
    assert default is not None
    assert build["DockerBuildArgs"]["BASE"] == default.group(1), "one base, pinned in both places"
    assert resolved(FUNCTION["Architectures"], Architecture="arm64") == ["arm64"]


def test_the_function_is_traced_and_logs_into_a_group_with_retention() -> None:
    """X-Ray is on; log lines go to the stack's own group, and are deleted in the end."""
    assert FUNCTION["Tracing"] == "Active"
    assert FUNCTION["LoggingConfig"]["LogGroup"] == {"Ref": "LogGroup"}
    assert RESOURCES["LogGroup"]["Properties"]["RetentionInDays"] == {"Ref": "LogRetentionDays"}


# The environment


def test_every_variable_is_set_or_knowingly_left_out() -> None:
    """Every setting of the environment has a parameter, and every variable of the function is read."""
    names = set(FUNCTION["Environment"]["Variables"])
    assert names - BESIDE_VARIABLES == {variable.name for variable in VARIABLES} - LEFT_OUT


def test_the_environment_is_one_that_the_function_takes() -> None:
    """With the required parameters alone, the settings are read without complaint and are the defaults.

    Only the buckets' owner is set: the stack's account.
    """
    environment = resolved(FUNCTION["Environment"]["Variables"])
    urls = {name: f"https://queues.example/{name}" for name in environment if name.endswith("_URL")}
    settings = Settings.from_environment(environment | urls)
    minimal = Settings.from_environment(
        {
            "AC_AUDIO_BUCKET_NAME": "calls",
            "INPUT_BUCKET_NAME": "recordings",
            "OUTPUT_BUCKET_NAME": "unified",
            "KOMOREBI_BUCKET_OWNERS": "1" * 12,
            **urls,
        }
    )
    assert settings == minimal


def test_the_function_gets_its_own_queues() -> None:
    """It hides messages in the queue that they come from, and sets them aside in that queue's dead-letter queue."""
    environment = resolved(FUNCTION["Environment"]["Variables"])
    assert environment["KOMOREBI_QUEUE_URL"] == "[Queue]"
    assert environment["KOMOREBI_DEAD_LETTER_QUEUE_URL"] == "[DeadLetterQueue]"


# The role's rights

REMOVAL = {"s3:DeleteObject", "s3:DeleteObjectVersion"}
VIDEO_RIGHTS = {"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", *REMOVAL}
BESIDE_RIGHTS = {"s3:GetObject", "s3:PutObject", "s3:GetObjectTagging", "s3:PutObjectTagging", *REMOVAL}
EXACT = {
    "arn:aws:s3:::calls": {"s3:ListBucket"},
    "arn:aws:s3:::calls/CallRecordings/*": {"s3:GetObject"},
    "arn:aws:s3:::calls/Analysis/Voice/*": {"s3:GetObject"},
    "arn:aws:s3:::recordings": {"s3:ListBucket"},
    "arn:aws:s3:::recordings/*": {"s3:GetObject"},
    "arn:aws:s3:::unified": {"s3:ListBucket", "s3:ListBucketMultipartUploads"},
    "arn:aws:s3:::unified/*/recording.mp4": VIDEO_RIGHTS,
    "arn:aws:s3:::unified/*/recording.webm": VIDEO_RIGHTS,
    "arn:aws:s3:::unified/*/thumbnail.png": BESIDE_RIGHTS,
    "arn:aws:s3:::unified/*/recording.vtt": BESIDE_RIGHTS,
    "arn:aws:s3:::unified/*/qc.json": BESIDE_RIGHTS,
    f"arn:aws:dynamodb:eu-central-1:{'1' * 12}:table/Recording": {"dynamodb:GetItem", "dynamodb:UpdateItem"},
    "[Queue.Arn]": {
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
        "sqs:GetQueueAttributes",
        "sqs:ChangeMessageVisibility",
    },
    "[DeadLetterQueue.Arn]": {"sqs:SendMessage"},
    "[LogGroup.Arn]": {"logs:CreateLogStream", "logs:PutLogEvents"},
    "*": {"xray:PutTraceSegments", "xray:PutTelemetryRecords"},
}


def test_the_role_may_do_exactly_this() -> None:
    """Each action on each resource is one of the list, and the list holds no other; a wildcard for X-Ray alone."""
    found: dict[str, set[str]] = {}
    for statement in statements():
        assert statement["Effect"] == "Allow"
        for resource in statement["Resource"]:
            found.setdefault(resource, set()).update(statement["Action"])
    assert found == EXACT


def test_the_role_has_no_policy_of_somebody_elses() -> None:
    """No managed policy widens it, SAM adds none, and only Lambda may take it."""
    role = RESOURCES["Role"]["Properties"]
    assert "ManagedPolicyArns" not in role
    assert "Policies" not in FUNCTION
    assert FUNCTION["Role"] == {"Fn::GetAtt": "Role.Arn"}
    (trust,) = role["AssumeRolePolicyDocument"]["Statement"]
    assert trust["Principal"] == {"Service": "lambda.amazonaws.com"}


@pytest.mark.parametrize(("prefix", "folder"), [("", ""), ("connect/mine", "connect/mine/")])
def test_connects_bucket_is_open_under_its_prefix_alone(prefix: str, folder: str) -> None:
    """Call audio is listed and read where Connect writes it, and nothing else of that bucket is."""
    (listing,) = (s for s in statements(ConnectPrefix=prefix) if s["Resource"] == ["arn:aws:s3:::calls"])
    allowed = listing["Condition"]["StringLike"]["s3:prefix"]
    for asked in RECORDING.call_audio_prefixes(prefix):
        assert any(fnmatchcase(asked, pattern) for pattern in allowed)
        assert allows("s3:GetObject", f"arn:aws:s3:::calls/{asked}20260302T23:55_UTC.wav", ConnectPrefix=prefix)
    assert not any(fnmatchcase("", pattern) for pattern in allowed)
    assert not allows("s3:GetObject", f"arn:aws:s3:::calls/{folder}ChatTranscripts/a.json", ConnectPrefix=prefix)


@pytest.mark.parametrize("prefix", ["Analysis/Voice", "connect/mine/Analysis/Voice"])
def test_contact_lens_files_are_open_at_their_prefix(prefix: str) -> None:
    """Analyses and redacted audio of calls are listed and read; those of chats aren't."""
    (listing,) = (s for s in statements(AnalysisPrefix=prefix) if s["Resource"] == ["arn:aws:s3:::calls"])
    for asked in analysis_prefixes(RECORDING, prefix):
        assert any(fnmatchcase(asked, pattern) for pattern in listing["Condition"]["StringLike"]["s3:prefix"])
        key = f"{asked}analysis_2026-03-02T23:55:09Z.json"
        assert allows("s3:GetObject", f"arn:aws:s3:::calls/{key}", AnalysisPrefix=prefix)
    chat = "arn:aws:s3:::calls/Analysis/Chat/2026/03/02/contact-1_analysis_2026-03-02T23:55:09Z.json"
    assert not allows("s3:GetObject", chat, AnalysisPrefix=prefix)


def test_analyses_that_are_not_looked_for_are_closed() -> None:
    """With off, the role may neither list nor read anything beside the call audio in Connect's bucket."""
    found = statements(AnalysisPrefix="off")
    (listing,) = (s for s in found if s["Resource"] == ["arn:aws:s3:::calls"])
    assert listing["Condition"]["StringLike"]["s3:prefix"] == ["CallRecordings/*"]
    readable = [r for s in found for r in s["Resource"] if r.startswith("arn:aws:s3:::calls/")]
    assert readable == ["arn:aws:s3:::calls/CallRecordings/*"]


def test_contact_records_of_one_instance_may_be_read_through_the_api() -> None:
    """With api, contacts of the instance may be described, and nothing else of Connect; by default nothing may."""
    given = {"ContactRecord": "api", "ConnectInstanceId": "mine"}
    contact = f"arn:aws:connect:eu-central-1:{'1' * 12}:instance/mine/contact/contact-1"
    assert allows("connect:DescribeContact", contact, **given)
    assert not allows("connect:DescribeContact", contact.replace("mine", "other"), **given)
    assert not allows("connect:DescribeContact", contact)
    assert {a for s in statements(**given) for a in s["Action"] if a.startswith("connect:")} == {
        "connect:DescribeContact"
    }
    environment = resolved(FUNCTION["Environment"]["Variables"], **given)
    assert environment["KOMOREBI_CONTACT_RECORD"] == "api"
    assert environment["KOMOREBI_CONNECT_INSTANCE"] == "mine"


def test_exported_contact_records_are_open_at_their_prefix() -> None:
    """With export, the files under the prefix may be listed and read in the stack's own account; else nothing may."""
    given = {"ContactRecord": "export", "ContactRecordBucketName": "records", "ContactRecordPrefix": "ctr/v1"}
    added = [s for s in statements(**given) if s not in statements()]
    assert [(s["Action"], s["Resource"]) for s in added] == [
        (["s3:ListBucket"], ["arn:aws:s3:::records"]),
        (["s3:GetObject"], ["arn:aws:s3:::records/ctr/v1/*"]),
    ]
    assert all(s["Condition"]["StringEquals"] == {"aws:ResourceAccount": "1" * 12} for s in added)
    assert added[0]["Condition"]["StringLike"] == {"s3:prefix": "ctr/v1/*"}
    assert resolved(FUNCTION["Environment"]["Variables"], **given)["KOMOREBI_CONTACT_RECORD"] == "s3://records/ctr/v1"


def test_screen_recordings_are_open_at_their_prefix_if_they_are_used() -> None:
    """The files under the prefix may be listed and read in the buckets' accounts; by default nothing may."""
    given = {"ScreenRecording": "fallback", "ScreenBucketName": "screens", "ScreenPrefix": "connect/mine"}
    added = [s for s in statements(**given) if s not in statements()]
    assert [(s["Action"], s["Resource"]) for s in added] == [
        (["s3:ListBucket"], ["arn:aws:s3:::screens"]),
        (["s3:GetObject"], ["arn:aws:s3:::screens/connect/mine/*"]),
    ]
    assert all(s["Condition"]["StringEquals"] == {"aws:ResourceAccount": "1" * 12} for s in added)
    assert added[0]["Condition"]["StringLike"] == {"s3:prefix": "connect/mine/*"}
    environment = resolved(FUNCTION["Environment"]["Variables"], **given, VideoTrack="2", Monitors="side-by-side")
    assert environment["KOMOREBI_SCREEN_RECORDING"] == "fallback"
    assert environment["KOMOREBI_SCREEN_LOCATION"] == "s3://screens/connect/mine"
    assert environment["KOMOREBI_VIDEO_TRACK"] == "2"
    assert environment["KOMOREBI_MONITORS"] == "side-by-side"
    assert resolved(FUNCTION["Environment"]["Variables"])["KOMOREBI_SCREEN_LOCATION"] == ""


def test_events_are_joined_only_if_they_are_taken() -> None:
    """The function may use the join's table and send a sweep's messages; by default it has neither right."""
    given = {"TakeEvents": "on"}
    added = [s for s in statements(**given) if s not in statements()]
    assert [(s["Action"], s["Resource"]) for s in added] == [
        (["dynamodb:UpdateItem", "dynamodb:Scan"], ["[JoinTable.Arn]"]),
        (["sqs:SendMessage"], ["[Queue.Arn]"]),
    ]
    assert set(_requests(JOIN)) == {"update_item", "scan"}
    environment = resolved(FUNCTION["Environment"]["Variables"], **given)
    assert environment["KOMOREBI_JOIN_TABLE"] == "[JoinTable]"
    table = RESOURCES["JoinTable"]["Properties"]
    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires", "Enabled": True}
    assert table["KeySchema"] == [{"AttributeName": "recordingID", "KeyType": "HASH"}]


@pytest.mark.parametrize(
    ("value", "rules"),
    [("off", []), ("on", ["ContactRule", "ObjectRule"]), ("swept", ["ContactRule", "ObjectRule", "SweepRule"])],
)
def test_only_the_rules_may_send_events(value: str, rules: list[str]) -> None:
    """EventBridge sends for the stack's own rules; the sweep has a rule only if it is asked for."""
    found = resolved(RESOURCES["QueuePolicy"]["Properties"]["PolicyDocument"]["Statement"], TakeEvents=value)
    allowed = [s for s in found if s["Effect"] == "Allow"]
    sources = [arn for s in allowed for arn in s["Condition"]["ArnEquals"]["aws:SourceArn"]]
    assert sources == [f"[{rule}.Arn]" for rule in rules]
    assert all(s["Principal"] == {"Service": "events.amazonaws.com"} for s in allowed)


def test_the_sweeps_message_asks_for_a_sweep() -> None:
    """The rule's input is the message that the function takes for one."""
    (target,) = RESOURCES["SweepRule"]["Properties"]["Targets"]
    assert read_event(target["Input"], Places("calls", "", "recordings")) == Sweep()


def test_events_of_results_go_to_one_bus() -> None:
    """With a bus, the function may send events to it, and to no other."""
    given = {"EventBusName": "calls"}
    (added,) = (s for s in statements(**given) if s not in statements())
    assert (added["Action"], added["Resource"]) == (
        ["events:PutEvents"],
        [f"arn:aws:events:eu-central-1:{'1' * 12}:event-bus/calls"],
    )
    assert resolved(FUNCTION["Environment"]["Variables"], **given)["KOMOREBI_EVENT_BUS"] == "calls"


@pytest.mark.parametrize("name", ["recordings", "unified"])
def test_a_missing_object_differs_from_a_forbidden_one(name: str) -> None:
    """Input and output may be listed without a prefix as condition, which a request for one object would not meet."""
    on_bucket = [s for s in statements() if f"arn:aws:s3:::{name}" in s["Resource"]]
    (listing,) = (s for s in on_bucket if "s3:ListBucket" in s["Action"])
    assert listing["Condition"] == {"StringEquals": {"aws:ResourceAccount": "1" * 12}}


@pytest.mark.parametrize(
    ("given", "owners"), [("", "1" * 12), ("2" * 12, "2" * 12), ("2" * 12 + "," + "3" * 12 + "," + "4" * 12, None)]
)
def test_a_bucket_of_another_account_is_closed(given: str, owners: str | None) -> None:
    """Every right on a bucket or object depends on the bucket's owner, and every request names it."""
    found = [s for s in statements(BucketOwners=given) if any(r.startswith("arn:aws:s3:::") for r in s["Resource"])]
    assert len(found) == 6
    for statement in found:
        assert statement["Condition"]["StringEquals"]["aws:ResourceAccount"] == (owners or given)
    environment = resolved(FUNCTION["Environment"]["Variables"], BucketOwners=given)
    if owners is not None:
        assert environment["KOMOREBI_BUCKET_OWNERS"] == owners


def test_all_that_is_published_may_be_written_and_taken_back() -> None:
    """Every key of a recording's results is within the role's reach, and no agent recording is, even in one bucket."""
    videos = [RECORDING.video_key("mp4"), RECORDING.video_key("webm")]
    for keys, rights in ((videos, VIDEO_RIGHTS), ([RECORDING.thumbnail_key, RECORDING.qc_key], BESIDE_RIGHTS)):
        for key in keys:
            assert all(allows(action, f"arn:aws:s3:::unified/{key}") for action in rights)
    assert not allows("s3:PutObject", f"arn:aws:s3:::unified/{RECORDING.agent_recording_key}")
    assert not allows("s3:DeleteObject", f"arn:aws:s3:::recordings/{RECORDING.agent_recording_key}")


@pytest.mark.parametrize("service", ACTIONS_OF)
def test_every_request_of_the_stores_is_allowed(service: str) -> None:
    """The role allows each request of the stores to S3 and DynamoDB, and the stores use each of these rights."""
    files = {"s3": "s3/*.py", "dynamodb": "*dynamo*.py"}[service]
    paths = set((ROOT / "komorebi_qc" / "storage").glob(files)) - {ERASURE}
    asked = {name for path in sorted(paths) for name in _requests(path)}
    assert asked, "the stores have moved: look for them elsewhere"
    assert asked <= set(ACTIONS_OF[service]), "a new request: which right does it need?"
    granted = {a for s in statements() for a in s["Action"] if a.startswith(f"{service}:")}
    assert {action for name in asked for action in ACTIONS_OF[service][name]} == granted


def test_the_rights_of_an_erasure_are_listed() -> None:
    """The page names the right of each request of a person's erasure; the function can't list versions."""
    rights = {
        "list_object_versions": ("ListBucketVersions",),
        "list_multipart_uploads": ("ListBucketMultipartUploads",),
        "head_object": ("GetObjectVersion", "GetObjectRetention", "GetObjectLegalHold"),
        "get_object": ("GetObject", "GetObjectVersion"),
        "delete_object": ("DeleteObject", "DeleteObjectVersion"),
        "abort_multipart_upload": ("AbortMultipartUpload",),
    }
    assert set(_requests(ERASURE)) == set(rights)
    page = (ROOT / "docs" / "operator" / "policy.md").read_text(encoding="utf-8")
    section = page.partition("## Permissions for erase\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(?:s3:)?([A-Z][A-Za-z]+)`", section))
    assert {right for some in rights.values() for right in some} <= named
    granted = {action.removeprefix("s3:") for s in statements() for action in s["Action"]}
    assert {"ListBucketVersions", "GetObjectVersion", "BypassGovernanceRetention"} & granted == set()


def test_the_rights_of_a_chain_are_listed() -> None:
    """The page names the rights by which a chain is found; the function may describe contacts, and list none."""
    contact = ROOT / "komorebi_qc" / "storage" / "contact"
    assert set(_requests(contact / "chains.py")) == {"list_associated_contacts"}
    assert "describe_contact" in set(_requests(contact / "records.py"))
    page = (ROOT / "docs" / "operator" / "policy.md").read_text(encoding="utf-8")
    section = page.partition("## Permissions for chain\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(?:[a-z0-9]+:)?([A-Z][A-Za-z]+)`", section))
    assert {"ListAssociatedContacts", "DescribeContact", "ListBucket", "GetObject", "PutObject"} <= named
    granted = {a for s in statements(ContactRecord="api", ConnectInstanceId="mine") for a in s["Action"]}
    assert "connect:ListAssociatedContacts" not in granted


def test_the_rights_of_a_correction_are_listed() -> None:
    """An analyst needs the rights of the stores, and asks AWS for the own identity, which the function never does."""
    asked = set(_requests(ROOT / "komorebi_qc" / "wiring" / "clients.py"))
    assert "get_caller_identity" in asked
    page = (ROOT / "docs" / "operator" / "policy.md").read_text(encoding="utf-8")
    section = page.partition("## Permissions for correct\n")[2].partition("\n## ")[0]
    named = set(re.findall(r"`(?:[a-z0-9]+:)?([A-Z][A-Za-z]+)`", section))
    assert {"GetCallerIdentity", "GetItem", "UpdateItem", "ListBucket", "GetObject", "Sign"} <= named
    assert not any(action.startswith("sts:") for s in statements() for action in s["Action"])


def _requests(path: Path) -> Iterator[str]:
    """Methods that a module calls on a `client`; a paginator counts as its operation."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            owner = node.func.value
            called = {ast.Attribute: "attr", ast.Name: "id"}.get(type(owner), "")
            if getattr(owner, called, "") == "client":
                first = node.args[0] if node.func.attr == "get_paginator" else None
                yield str(first.value) if isinstance(first, ast.Constant) else node.func.attr


KEY = f"arn:aws:kms:eu-central-1:{'1' * 12}:key/1234abcd"


@pytest.mark.parametrize(
    ("parameter", "actions", "services"),
    [
        ("ReadKeyArns", {"kms:Decrypt"}, {"s3", "dynamodb"}),
        ("OutputKeyArn", {"kms:Decrypt", "kms:GenerateDataKey"}, {"s3"}),
        ("QueueKeyArn", {"kms:Decrypt", "kms:GenerateDataKey"}, {"sqs"}),
    ],
)
def test_a_given_key_is_used_through_its_service_alone(parameter: str, actions: set[str], services: set[str]) -> None:
    """A given KMS key may be used through the service whose data it encrypts. Without a key there is no such right."""
    assert not any(a.startswith("kms:") for s in statements() for a in s["Action"])
    (found,) = (s for s in statements(**{parameter: KEY}) if KEY in s["Resource"])
    assert set(found["Action"]) == actions
    via = as_list(found["Condition"]["StringEquals"]["kms:ViaService"])
    assert {name.split(".")[0] for name in via} == services


def test_the_signing_key_signs_and_does_nothing_else() -> None:
    """A given signing key may make signatures of one algorithm; its setting names it. Without one nothing is signed."""
    environment = FUNCTION["Environment"]["Variables"]
    (found,) = (s for s in statements(SigningKeyArn=KEY) if KEY in s["Resource"])
    assert found["Action"] == ["kms:Sign"]
    assert found["Condition"] == {"StringEquals": {"kms:SigningAlgorithm": "ECDSA_SHA_256"}}
    assert resolved(environment, SigningKeyArn=KEY)["KOMOREBI_SIGNING_KEY"] == f"kms:{KEY}"
    assert resolved(environment)["KOMOREBI_SIGNING_KEY"] == ""


# Alarms


@pytest.mark.parametrize(
    ("name", "metric", "of"),
    [
        ("DeadLettersAlarm", "ApproximateNumberOfMessagesVisible", "[DeadLetterQueue.QueueName]"),
        ("AgeAlarm", "ApproximateAgeOfOldestMessage", "[Queue.QueueName]"),
        ("ErrorsAlarm", "Errors", "[Function]"),
        ("ThrottlesAlarm", "Throttles", "[Function]"),
        ("NearTimeoutAlarm", "Duration", "[Function]"),
    ],
)
def test_each_alarm_watches_its_metric_and_notifies_the_topic(name: str, metric: str, of: str) -> None:
    """It notifies the topic, if one is given, of its beginning and its end; it is also made without a topic."""
    topic = f"arn:aws:sns:eu-central-1:{'1' * 12}:alarms"
    alarm = resolved(RESOURCES[name]["Properties"], AlarmTopicArn=topic)
    assert (alarm["MetricName"], alarm["Dimensions"][0]["Value"]) == (metric, of)
    assert alarm["AlarmActions"] == alarm["OKActions"] == [topic]
    assert alarm["TreatMissingData"] == "notBreaching"
    assert "AlarmActions" not in resolved(RESOURCES[name]["Properties"])


def test_every_alarm_is_in_the_runbook() -> None:
    """The runbook explains each alarm under its name."""
    runbook = (ROOT / "docs" / "operator" / "runbook.md").read_text(encoding="utf-8")
    alarms = [name for name, about in RESOURCES.items() if about["Type"] == "AWS::CloudWatch::Alarm"]
    assert alarms
    assert [name for name in alarms if not re.search(rf"^## .*`{name}`", runbook, re.MULTILINE)] == []


# Account, region and names of the reader's own


def test_no_account_region_or_partition_is_written_down() -> None:
    """The unchanged template can be deployed in any account, region and partition."""
    for text in texts(RESOURCES):
        assert not re.search(r"\d{12}", text), text
        assert not re.search(r"\b[a-z]{2}(-[a-z]+)+-\d\b", text), text
        assert not re.search(r"\barn:(?!\$\{AWS::Partition\}:)", text), text


def test_nothing_has_a_name_that_two_stacks_would_share() -> None:
    """The one name that is chosen, the queue's, follows the stack's; CloudFormation names everything else."""
    named = {
        (name, key): value
        for name, about in RESOURCES.items()
        for key, value in about["Properties"].items()
        if key in ("QueueName", "FunctionName", "RoleName", "LogGroupName", "AlarmName", "PolicyName")
    }
    assert named == {("Queue", "QueueName"): {"Fn::Sub": "${AWS::StackName}-orders"}}


def test_parameters_are_used_described_and_grouped() -> None:
    """No parameter is left over, and each is explained and has its place in the console."""
    used = set(re.findall(r"\$\{(\w+)\}|!Ref (\w+)", TEXT))
    assert {name for pair in used for name in pair if name} >= set(PARAMETERS)
    assert all(about["Description"] for about in PARAMETERS.values())
    groups = TEMPLATE["Metadata"]["AWS::CloudFormation::Interface"]["ParameterGroups"]
    assert sorted(name for group in groups for name in group["Parameters"]) == sorted(PARAMETERS)


# samconfig.toml and the Jenkinsfile

STAGES = {
    name: about["deploy"]["parameters"]
    for name, about in tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8")).items()
    if isinstance(about, dict) and "deploy" in about
}


@pytest.mark.parametrize("stage", ["staging", "production"])
def test_a_stage_gives_every_parameter_that_has_no_default(stage: str) -> None:
    """Each stage can be deployed once its names are filled in, with values that the template takes."""
    given = dict(pair.split("=", 1) for pair in STAGES[stage]["parameter_overrides"])
    assert {name for name, about in PARAMETERS.items() if "Default" not in about} <= set(given) <= set(PARAMETERS)
    for name, value in given.items():
        about = PARAMETERS[name]
        assert value in map(str, about.get("AllowedValues", [value]))
        assert re.fullmatch(about.get("AllowedPattern", ".*"), value)
    assert STAGES[stage]["capabilities"] == "CAPABILITY_IAM"


def test_the_image_is_built_for_the_architecture_of_every_stage() -> None:
    """One image goes to all stages, so all are of the architecture that it is built for."""
    whole = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    built = {p for p in whole["default"]["build"]["parameters"]["parameter_overrides"] if p.startswith("Architecture=")}
    assert len(built) == 1
    assert all(built <= set(about["parameter_overrides"]) for about in STAGES.values())


def test_jenkins_runs_nothing_but_make() -> None:
    """A person can run each of Jenkins's steps: every command is `make`, with targets that exist."""
    jenkinsfile = (ROOT / "Jenkinsfile").read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    commands = re.findall(r"\bsh\b\s*'([^']*)'", jenkinsfile)
    assert len(commands) == len(re.findall(r"\bsh\b", jenkinsfile)) > 0
    for command in commands:
        program, *words = command.split()
        assert program == "make"
        for target in (word for word in words if "=" not in word):
            assert re.search(rf"^{re.escape(target)}:", makefile, re.MULTILINE), target


def test_the_templates_size_fits_one_request() -> None:
    """CloudFormation takes up to 51,200 bytes without a bucket in between, and `sam package` adds to it."""
    assert len(json.dumps(TEMPLATE)) < 40_000
