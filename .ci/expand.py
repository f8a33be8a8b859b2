# ruff: noqa: INP001  a script, no package
"""Expands template.yaml for checks that know plain CloudFormation only, and takes the role's policies out of it.

Run by the Python of .tools/sam: `expand.py FOLDER`. Writes FOLDER/NAME/template.json and FOLDER/NAME/policy-*.json,
where NAME is a set of parameters: `least` with the required ones alone, `most` with every optional one as well, and
`export` with exported contact records.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any

import pycfmodel
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse

ROOT = Path(__file__).resolve().parent.parent
# Made up; AWS is never queried.
ACCOUNT, REGION, STACK = "1" * 12, "eu-central-1", "komorebi-qc"
AWS = {
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackName": STACK,
    "AWS::URLSuffix": "amazonaws.com",
}
QUEUE, DEAD = f"{STACK}-orders", f"{STACK}-DeadLetterQueue-1ABC"
ATTRIBUTES = {
    "Queue.Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{QUEUE}",
    "Queue.QueueName": QUEUE,
    "DeadLetterQueue.Arn": f"arn:aws:sqs:{REGION}:{ACCOUNT}:{DEAD}",
    "DeadLetterQueue.QueueName": DEAD,
    "LogGroup.Arn": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{STACK}-LogGroup-1ABC:*",
    "JoinTable.Arn": f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{STACK}-JoinTable-1ABC",
    **{
        f"{rule}.Arn": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{STACK}-{rule}-1ABC"
        for rule in ("ContactRule", "ObjectRule", "SweepRule")
    },
    "Role.Arn": f"arn:aws:iam::{ACCOUNT}:role/{STACK}-Role-1ABC",
}
NAMES = {
    "Queue": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{QUEUE}",
    "DeadLetterQueue": f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{DEAD}",
    "JoinTable": f"{STACK}-JoinTable-1ABC",
    "LogGroup": f"{STACK}-LogGroup-1ABC",
    "Function": f"{STACK}-Function-1ABC",
}
KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/1234abcd-12ab-34cd-56ef-1234567890ab"
LEAST = {
    "ConnectBucketName": "example-connect",
    "InputBucketName": "example-recordings",
    "OutputBucketName": "example-unified",
}
MOST = {
    **LEAST,
    "ConnectPrefix": "connect/example",
    "ContactRecord": "api",
    "ConnectInstanceId": "example-instance",
    "TakeEvents": "swept",
    "EventBusName": "example",
    "AlarmTopicArn": f"arn:aws:sns:{REGION}:{ACCOUNT}:example",
    "ReadKeyArns": KEY,
    "OutputKeyArn": KEY,
    "QueueKeyArn": KEY,
    "LogKeyArn": KEY,
    "SigningKeyArn": KEY,
}

EXPORT = {**MOST, "ContactRecord": "export", "ContactRecordBucketName": "example-records"}


class NoManagedPolicies:
    """The role is written out: SAM has no managed policy to look up."""

    def load(self) -> dict[str, str]:
        """Give none."""
        return {}


def plain(template: dict[str, Any]) -> dict[str, Any]:
    """The template without SAM's own types."""
    os.environ.setdefault("AWS_DEFAULT_REGION", REGION)
    template["Resources"]["Function"]["Properties"]["ImageUri"] = "example"  # which `sam package` writes
    return dict(transform(template, {}, NoManagedPolicies()))


def with_attributes(node: Any) -> Any:
    """Every `Fn::GetAtt` as the text it would be; pycfmodel has one word for all of them.

    Raises:
        KeyError: for one that isn't in `ATTRIBUTES`.
    """
    if isinstance(node, dict):
        if set(node) == {"Fn::GetAtt"}:
            return ATTRIBUTES[".".join(node["Fn::GetAtt"])]
        return {key: with_attributes(value) for key, value in node.items()}
    return [with_attributes(value) for value in node] if isinstance(node, list) else node


def main(folder: Path) -> None:
    """Write all of it."""
    logging.disable(logging.WARNING)  # pycfmodel reports every type that it has no class for
    template = with_attributes(plain(yaml_parse((ROOT / "template.yaml").read_text())))
    for name, parameters in (("least", LEAST), ("most", MOST), ("export", EXPORT)):
        model = pycfmodel.parse(template).resolve(extra_params={**AWS, **NAMES, **parameters})
        resolved = model.model_dump(mode="json", exclude_none=True)
        text = json.dumps(resolved, indent=1)
        if "UNDEFINED_PARAM" in text:
            raise SystemExit(f"{name}: a Ref leads nowhere; add it to NAMES in {__file__}")
        into = folder / name
        into.mkdir(parents=True, exist_ok=True)
        (into / "template.json").write_text(text)
        for policy in resolved["Resources"]["Role"]["Properties"]["Policies"]:
            document = json.dumps(policy["PolicyDocument"], indent=1)
            (into / f"policy-{policy['PolicyName']}.json").write_text(document)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
