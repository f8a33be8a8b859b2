"""The state of an installation: versions, extras, codecs, and whether AWS is configured. Nothing secret is read out."""

from __future__ import annotations

import platform
import re
from dataclasses import asdict, dataclass
from importlib import metadata
from typing import TYPE_CHECKING, Any

from komorebi_qc import __version__
from komorebi_qc.core.errors import SettingsError
from komorebi_qc.wiring.variables import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

EXTRAS = {
    "transcribe": "process, diagnose and audit --transcribe",
    "demo": "the embedded AWS: demo, audit --demo",
    "view": "plots: diagnose --plot",
    "fleet": "batch, rerun, fleet",
    "cluster": "batch --dask; includes fleet",
    "desk": "audit, clip and the notebooks; includes demo and fleet",
    "sign": "signatures by a PEM file; in demo as well",
}
"""The extras for users, with the commands that they add."""
CODECS = {
    "libx264": "to encode H.264, if MP4 is asked for and the video is VP8",
    "libvpx-vp9": "to encode VP9, if WebM is asked for and the video is H.264",
    "aac": "the audio in MP4",
    "libopus": "the audio in WebM",
}
"""FFmpeg's encoders that the package uses."""
_PACKAGE = "komorebi-qc"
_REQUIREMENT = re.compile(r"(?P<name>[A-Za-z0-9._-]+)[^;]*(?:;.*extra == '(?P<extra>\w+)')?")


@dataclass(frozen=True, slots=True)
class Extra:
    """An extra of the package.

    Attributes:
        name: such as ``desk``.
        adds: the commands that it adds.
        missing: its packages that aren't installed.
    """

    name: str
    adds: str
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AwsConfiguration:
    """The configuration of AWS, without its values.

    Attributes:
        region: the region's name; None if none is configured.
        credentials_from: the kind of place that has credentials, such as ``env``; None if no place has.
        set: the variables of this package that are set.
        missing: those that must be set, and aren't.
        unusable: those with a value that isn't allowed.
    """

    region: str | None
    credentials_from: str | None
    set: tuple[str, ...]
    missing: tuple[str, ...]
    unusable: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Installation:
    """An installation.

    Attributes:
        version: of this package.
        python: version of Python.
        platform: operating system and machine.
        pyav: version of PyAV; None if it can't be imported.
        ffmpeg: version of the FFmpeg within PyAV; None likewise.
        packages: versions of the base's packages; None for a missing one.
        codecs: whether each encoder is there.
        extras: the extras.
        aws: the configuration of AWS.
    """

    version: str
    python: str
    platform: str
    pyav: str | None
    ffmpeg: str | None
    packages: Mapping[str, str | None]
    codecs: Mapping[str, bool]
    extras: tuple[Extra, ...]
    aws: AwsConfiguration

    @property
    def is_usable(self) -> bool:
        """Whether everything is there that local files need."""
        return all(self.packages.values()) and all(self.codecs.values())

    def to_dict(self) -> dict[str, Any]:
        """The installation for JSON."""
        return {"is_usable": self.is_usable, **asdict(self)}


def inspect_installation(environ: Mapping[str, str]) -> Installation:
    """Look at the installed packages, the codecs and the environment. No network is used."""
    pyav, ffmpeg, codecs = _codecs()
    base, extras = _requirements()
    return Installation(
        __version__,
        platform.python_version(),
        platform.platform(aliased=True, terse=True),
        pyav,
        ffmpeg,
        {name: _installed(name) for name in base},
        codecs,
        extras,
        _aws(environ),
    )


def _codecs() -> tuple[str | None, str | None, dict[str, bool]]:
    try:
        import av  # noqa: PLC0415  the codecs load only where they are used
    except ImportError:
        return None, None, dict.fromkeys(CODECS, False)
    return av.__version__, str(getattr(av, "ffmpeg_version_info", "")) or None, {name: _has(name) for name in CODECS}


def _has(encoder: str) -> bool:
    from av.codec import Codec  # noqa: PLC0415

    try:
        Codec(encoder, "w")
    except ValueError:  # PyAV's error for an unknown codec
        return False
    return True


def _requirements() -> tuple[list[str], tuple[Extra, ...]]:
    """The base's packages, and the extras."""
    try:
        lines = metadata.requires(_PACKAGE) or []
    except metadata.PackageNotFoundError:  # a copied folder, as in the function's image
        lines = []
    found: dict[str | None, list[str]] = {}
    for line in lines:
        match = _REQUIREMENT.match(line)
        if match is not None:
            found.setdefault(match["extra"], []).append(match["name"])
    extras = (
        Extra(name, adds, tuple(package for package in found.get(name, ()) if _installed(package) is None))
        for name, adds in EXTRAS.items()
    )
    return found.get(None, []), tuple(extras) if lines else ()


def _installed(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _aws(environ: Mapping[str, str]) -> AwsConfiguration:
    missing, unusable, is_set = [], [], []
    for variable in VARIABLES:
        text = environ.get(variable.name, "").strip()
        if not text:
            missing += [variable.name] if variable.default is None else []
            continue
        is_set.append(variable.name)
        try:
            variable.value(text)
        except SettingsError:
            unusable.append(variable.name)
    region, credentials_from = _boto3_configuration()
    return AwsConfiguration(region, credentials_from, tuple(is_set), tuple(missing), tuple(unusable))


def _boto3_configuration() -> tuple[str | None, str | None]:
    """The region, and the kind of place that has credentials; a machine's role isn't asked, which needs a network."""
    try:
        from botocore.exceptions import BotoCoreError  # noqa: PLC0415  boto3 takes 0.2 s
        from botocore.session import Session  # noqa: PLC0415
    except ImportError:
        return None, None
    session = Session()
    try:
        region = session.get_config_variable("region")
        resolver = session.get_component("credential_provider")
        for name in ("container-role", "iam-role"):
            resolver.remove(name)
        credentials = resolver.load_credentials()
    except BotoCoreError:
        return None, None
    return region, None if credentials is None else str(credentials.method)
