"""The hosts and folders that a run on AWS needs, and no others."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from komorebi_qc.isolation.confinement import Confinement
from komorebi_qc.wiring import clients

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_AWS = ("amazonaws.com", "amazonaws.com.cn", "api.aws")
_SERVICES = ("s3", "dynamodb", "kms")
_CREDENTIALS = ("http://169.254.169.254", "http://169.254.170.2", "http://169.254.170.23", "http://[fd00:ec2::254]")
"""The addresses at which machines, containers and pods get their credentials."""
_CREDENTIALS_VARIABLE = "AWS_CONTAINER_CREDENTIALS_FULL_URI"


def aws_confinement(environ: Mapping[str, str], writable: Sequence[str] = ()) -> Confinement:
    """The confinement of a process that works on a recording in AWS.

    It reaches AWS's own hosts, the configured endpoints and proxies, and the places of credentials.

    Args:
        environ: environment variables.
        writable: folders in which it may write.

    Raises:
        SettingsError: no region is configured, or the AWS profile doesn't exist.
    """
    from urllib.request import getproxies  # noqa: PLC0415  it takes milliseconds, and nothing else in a command needs it

    # The model of Connect is large, and takes long to load.
    asks = environ.get("KOMOREBI_CONTACT_RECORD", "").strip() == "api"
    services = (*_SERVICES, "connect") if asks else _SERVICES
    urls = [clients.aws_client(service).meta.endpoint_url for service in services]
    urls += [*getproxies().values(), *_CREDENTIALS, environ.get(_CREDENTIALS_VARIABLE, "")]
    parts = [urlsplit(url) for url in urls if "//" in url]
    hosts = {part.hostname or "" for part in parts} - {""}
    ports = {part.port or (80 if part.scheme == "http" else 443) for part in parts}
    home = Path.home() / ".aws"
    # The SDK keeps tokens there, which it renews.
    caches = tuple(str(home / name / "cache") for name in ("sso", "cli"))
    return Confinement(
        (*writable, *caches), (*_AWS, *sorted(hosts)), tuple(sorted(ports | {443})), _uses_programs(environ, home)
    )


def _uses_programs(environ: Mapping[str, str], home: Path) -> bool:
    """Whether the SDK may have to start a program for its credentials."""
    for variable, name in (("AWS_CONFIG_FILE", "config"), ("AWS_SHARED_CREDENTIALS_FILE", "credentials")):
        path = Path(environ.get(variable) or home / name).expanduser()
        with suppress(OSError, UnicodeDecodeError):
            if "credential_process" in path.read_text():
                return True
    return False
