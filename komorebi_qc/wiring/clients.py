"""AWS clients with timeouts and retries that end."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping


def aws_client(service: str) -> Any:
    """A boto3 client, with credentials and region from the usual places of boto3.

    Raises:
        SettingsError: no region is configured, or the AWS profile doesn't exist.
    """
    from boto3.session import Session  # noqa: PLC0415  boto3 takes 0.2 s, and not every command needs it
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415
    from botocore.session import get_session  # noqa: PLC0415

    try:
        core = get_session()
        core.register_component("data_loader", _service_models(core.get_config_variable("data_path")))
        session = Session(botocore_session=core)
        if session.region_name is None:
            raise SettingsError(
                "no AWS region is configured: set AWS_DEFAULT_REGION, or `region` in the profile of ~/.aws/config"
            )
        # The standard mode also backs off on throttling. Only a poll of a queue takes 20 s to respond; any other call
        # that is silent for that long has failed, and the function's time limit comes closer.
        retries = {"mode": "standard", "total_max_attempts": 4}
        read_timeout_s = 60 if service == "sqs" else 15
        # Each part of a video is sent with its SHA-256 in a signed header. Without this, botocore would hash the part
        # again, to sign the body.
        s3 = {"payload_signing_enabled": False}
        config = Config(connect_timeout=5, read_timeout=read_timeout_s, retries=retries, s3=s3)
        return session.client(service, config=config)
    except BotoCoreError as error:
        raise SettingsError(f"AWS isn't configured: {error}") from error


def caller_arn() -> str:
    """The ARN of the credentials in use: a user, or a role with its session's name. It needs no right.

    Raises:
        SettingsError: no region is configured, or the AWS profile doesn't exist.
        StorageError: the service doesn't answer.
        AccessDeniedError: there are no valid credentials.
    """
    from komorebi_qc.storage.aws_errors import aws_errors  # noqa: PLC0415  botocore only where it is used

    client = aws_client("sts")
    with aws_errors("the security token service"):
        return str(client.get_caller_identity()["Arn"])


def expect_owners(client: Any, owners: Mapping[str, str]) -> None:
    """Let every request of an S3 client name the owner of its bucket: S3 refuses it if the bucket has another one.

    A bucket that was deleted may be registered by somebody else.

    Args:
        client: boto3's ``s3`` client.
        owners: the account of each bucket, by the bucket's name.
    """

    def named(params: dict[str, Any], **_: Any) -> dict[str, Any]:
        owner = owners.get(params.get("Bucket", ""))
        return params if owner is None else {"ExpectedBucketOwner": owner, **params}

    client.meta.events.register("provide-client-params.s3.*", named)


@cache
def _service_models(search_path: str | None) -> Any:
    """The loader of the services' models. Each session of boto3 would read and parse them again: 0.2 s for S3."""
    from botocore.loaders import create_loader  # noqa: PLC0415

    return create_loader(search_path)
