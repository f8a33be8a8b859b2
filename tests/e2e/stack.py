"""template.yaml, deployed to ministack: all of it but the image, in whose place is a shim that calls a process."""

from __future__ import annotations

import json
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from parts import ROOT
from servers import KEY, REGION, bare_environment

sys.path.insert(1, str(ROOT / "tests" / "support"))
from cloudformation import read_template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from servers import Server

CONNECT, INPUT, OUTPUT, TABLE = "e2e-connect", "e2e-input", "e2e-output", "Recording"
PREFIX = "connect/e2e"
PARAMETERS = {
    "ConnectBucketName": CONNECT,
    "ConnectPrefix": PREFIX,
    "InputBucketName": INPUT,
    "OutputBucketName": OUTPUT,
    "TableName": TABLE,
}
CONCURRENCY = 2
"""The least that Lambda takes, and as many as this machine has processors."""


def with_code(code: str, *, is_enabled: bool) -> dict[str, Any]:
    """The template with inline code instead of the image, and without the parts that ministack can't run.

    It starts images by Docker alone, which isn't here. The queues' policies refuse all that comes without TLS, as
    everything does on the loopback interface. In conditions it knows no Join, and a parameter is text to it,
    whatever its type.
    """
    changed = read_template(ROOT / "template.yaml")
    for name in ("QueuePolicy", "DeadLetterQueuePolicy"):
        del changed["Resources"][name]
    for name, condition in changed["Conditions"].items():
        changed["Conditions"][name] = _without_joins(condition)
    function = changed["Resources"]["Function"]
    mapping = function["Properties"]["Events"]["Order"]["Properties"]
    mapping["ScalingConfig"]["MaximumConcurrency"] = CONCURRENCY
    mapping["Enabled"] = is_enabled
    del function["Metadata"]
    properties = function["Properties"]
    del properties["PackageType"]
    properties.update(Runtime="python3.11", Handler="index.handler", InlineCode=code)
    return changed


def _without_joins(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_joins(part) for part in value]
    if isinstance(value, dict):
        if "Fn::Join" in value:
            return value["Fn::Join"][1]
        return {name: _without_joins(part) for name, part in value.items()}
    return value


@dataclass(frozen=True, slots=True)
class Stack:
    """The deployed stack.

    Attributes:
        server: where.
        outputs: the template's.
        function: the function's configuration.
        role: the role's name.
    """

    server: Server
    outputs: Mapping[str, str]
    function: Mapping[str, Any]
    role: str

    @property
    def environment(self) -> dict[str, str]:
        """The function's variables, as the template sets them."""
        found: dict[str, str] = self.function["Environment"]["Variables"]
        return dict(found)

    def policies(self) -> dict[str, dict[str, Any]]:
        """The role's policies by name, as they were rendered."""
        iam = self.server.client("iam")
        names = iam.list_role_policies(RoleName=self.role)["PolicyNames"]
        return {name: iam.get_role_policy(RoleName=self.role, PolicyName=name)["PolicyDocument"] for name in names}


def deploy(server: Server, code: str, *, is_enabled: bool = True) -> Stack:
    """Make the buckets and the table, and deploy the template as a stack.

    Args:
        server: where.
        code: the function's, in the image's place.
        is_enabled: whether the queue's messages are handed to it.

    Raises:
        RuntimeError: if the stack isn't complete within a minute.
    """
    s3, formation = server.client("s3"), server.client("cloudformation")
    for bucket in (CONNECT, INPUT, OUTPUT):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
    make_table(server.client("dynamodb"))
    formation.create_stack(
        StackName="komorebi-e2e",
        TemplateBody=json.dumps(with_code(code, is_enabled=is_enabled)),
        Parameters=[{"ParameterKey": name, "ParameterValue": value} for name, value in PARAMETERS.items()],
        Capabilities=["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"],
    )
    until = time.monotonic() + 60
    while (stack := formation.describe_stacks(StackName="komorebi-e2e")["Stacks"][0])["StackStatus"] != (
        "CREATE_COMPLETE"
    ):
        if time.monotonic() > until or "FAILED" in stack["StackStatus"] or "ROLLBACK" in stack["StackStatus"]:
            events = formation.describe_stack_events(StackName="komorebi-e2e")["StackEvents"]
            why = [f"{e['LogicalResourceId']}: {e.get('ResourceStatusReason', '')}" for e in events]
            raise RuntimeError(f"the stack is {stack['StackStatus']}: {'; '.join(why[:8])}")
        time.sleep(0.2)
    outputs = {output["OutputKey"]: output["OutputValue"] for output in stack["Outputs"]}
    function = server.client("lambda").get_function_configuration(FunctionName=outputs["FunctionName"])
    return Stack(server, outputs, function, function["Role"].rsplit("/", 1)[-1])


def make_table(dynamodb: Any) -> None:
    """The table, which is the backend's and not the stack's."""
    dynamodb.create_table(
        TableName=TABLE,
        KeySchema=[{"AttributeName": "videoID", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "videoID", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
    )


def make_backend(s3: Any, sqs: Any, dynamodb: Any, *, tries: int) -> tuple[str, str]:
    """Make the buckets, the table and the queues, for runs without the stack.

    Returns:
        The addresses of the queue, which delivers a message `tries` times, and of its dead-letter queue.
    """
    for bucket in (CONNECT, INPUT, OUTPUT):
        s3.create_bucket(Bucket=bucket)
    make_table(dynamodb)
    dead = sqs.create_queue(QueueName="dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": tries})
    return sqs.create_queue(QueueName="work", Attributes={"RedrivePolicy": redrive})["QueueUrl"], dead


def worker_environment(
    folder: Path, endpoints: Mapping[str, str], queues: tuple[str, str], **more: str
) -> dict[str, str]:
    """The environment of a worker of such a run.

    Args:
        folder: for its temporary files.
        endpoints: the addresses of s3, dynamodb and sqs.
        queues: the addresses of the queue and of its dead-letter queue.
        more: further variables.
    """
    return bare_environment(
        folder,
        AWS_ACCESS_KEY_ID=KEY,
        AWS_SECRET_ACCESS_KEY=KEY,
        AWS_DEFAULT_REGION=REGION,
        **{f"AWS_ENDPOINT_URL_{service.upper()}": url for service, url in endpoints.items()},
        AC_AUDIO_BUCKET_NAME=CONNECT,
        INPUT_BUCKET_NAME=INPUT,
        OUTPUT_BUCKET_NAME=OUTPUT,
        KOMOREBI_CONNECT_PREFIX=PREFIX,
        KOMOREBI_QUEUE_URL=queues[0],
        KOMOREBI_DEAD_LETTER_QUEUE_URL=queues[1],
        **more,
    )
