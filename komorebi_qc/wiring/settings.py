"""The settings, and the table, buckets, queues and pipeline that they configure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from komorebi_qc.core.errors import SettingsError
from komorebi_qc.core.limits import DEFAULT, Limits
from komorebi_qc.core.privacy.analysis_keys import ANALYSIS_PREFIX
from komorebi_qc.core.privacy.masks import MASK_MARGIN_S
from komorebi_qc.wiring import clients
from komorebi_qc.wiring.contact_records import contact_records
from komorebi_qc.wiring.pipeline import WiredPipeline
from komorebi_qc.wiring.variables import VARIABLES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from komorebi_qc.core.contact.screen import ScreenRule
    from komorebi_qc.core.joining.monitors import MonitorsChoice
    from komorebi_qc.core.privacy.masks import MaskChoice
    from komorebi_qc.core.privacy.redactions import RedactedChoice
    from komorebi_qc.core.splice import OutsideCall
    from komorebi_qc.queue.arrivals import Arrivals
    from komorebi_qc.queue.done_event import DoneEvents
    from komorebi_qc.queue.sqs import Queue, SqsQueues
    from komorebi_qc.storage.contact.screen_recordings import ScreenRecordings
    from komorebi_qc.storage.dynamodb import DynamoTable
    from komorebi_qc.storage.s3.media import S3Media
    from komorebi_qc.storage.signing import Ed25519Key, KmsKey

_LOCAL = (
    "audio_rate",
    "audio_bit_rate",
    "unconfirmed",
    "mask",
    "mask_margin_s",
    "outside_call",
    "transcript",
    "video_track",
    "monitors",
    "limits",
)


def read_local(environ: Mapping[str, str]) -> dict[str, Any]:
    """The settings of a run on local files, by their names in `komorebi_qc.pipeline.options.Options`.

    Raises:
        SettingsError: a value isn't allowed.
    """
    found = {variable: environ.get(variable.name, "").strip() for variable in VARIABLES if variable.field in _LOCAL}
    values = {variable.field: variable.value(text) for variable, text in found.items() if text}
    signer = present_signing_key(environ)
    return values if signer is None else {**values, "signer": signer}


def present_limits(environ: Mapping[str, str]) -> Limits:
    """The limits as the environment sets them; no other variable is read.

    Raises:
        SettingsError: a limit isn't allowed.
    """
    (variable,) = (variable for variable in VARIABLES if variable.field == "limits")
    limits: Limits = variable.value(environ.get(variable.name, ""))
    return limits


def present_signing_key(environ: Mapping[str, str]) -> KmsKey | Ed25519Key | None:
    """The key that signs ``qc.json`` and checks it; None without one. No other variable is read.

    Raises:
        SettingsError: the value isn't allowed.
    """
    (variable,) = (variable for variable in VARIABLES if variable.field == "signing_key")
    text = environ.get(variable.name, "").strip()
    return _key_of(variable.value(text)) if text else None


def _key_of(text: str) -> KmsKey | Ed25519Key | None:
    """The key that a text names; None for an empty text. It is neither read nor asked for yet."""
    from komorebi_qc.storage.signing import signing_key  # noqa: PLC0415  only where it is used

    return signing_key(text, partial(clients.aws_client, "kms")) if text else None


@dataclass(frozen=True, slots=True)
class Settings:
    """All settings; `komorebi_qc.wiring.variables.VARIABLES` explains each."""

    connect_bucket: str
    input_bucket: str
    output_bucket: str
    bucket_owners: tuple[str, ...] = ()
    audio_rate: int = 16_000
    audio_bit_rate: int = 64_000
    container: Literal["auto", "mp4", "webm"] = "auto"
    unconfirmed: Literal["auto", "publish", "hold"] = "auto"
    mask: MaskChoice = "picture"
    mask_margin_s: float = MASK_MARGIN_S
    outside_call: OutsideCall = "after"
    table_name: str = "Recording"
    connect_prefix: str = ""
    analysis_prefix: str | None = ANALYSIS_PREFIX
    redacted: RedactedChoice = "ignore"
    transcript: Literal["off", "lens"] = "off"
    video_track: int = 0
    monitors: MonitorsChoice = "first"
    screen_recording: ScreenRule = "off"
    screen_location: str = ""
    contact_record: str = "off"
    connect_instance: str = ""
    join_table: str = ""
    event_bus: str = ""
    queue_url: str = ""
    dead_letter_queue_url: str = ""
    give_up_after: timedelta = timedelta(hours=48)
    cache_mb: int = 0
    signing_key: str = ""
    limits: Limits = DEFAULT

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read the variables; an empty one counts as not set.

        Raises:
            SettingsError: variables are missing, or have values that aren't allowed. The text names all of them.
        """
        values: dict[str, Any] = {}
        problems = []
        for variable in VARIABLES:
            found = environ.get(variable.name, "").strip()
            if not found and variable.default is None:
                problems.append(f"{variable.name} isn't set ({variable.meaning})")
            elif found:
                try:
                    values[variable.field] = variable.value(found)
                except SettingsError as error:
                    problems.append(str(error))
        if values.get("redacted", "ignore") != "ignore" and values.get("analysis_prefix", ANALYSIS_PREFIX) is None:
            problems.append(
                f"KOMOREBI_REDACTED is {values['redacted']!r}, and KOMOREBI_ANALYSIS_PREFIX is off: set the prefix of "
                "Contact Lens' files, or set KOMOREBI_REDACTED to ignore"
            )
        if values.get("transcript", "off") != "off" and values.get("analysis_prefix", ANALYSIS_PREFIX) is None:
            problems.append(
                "KOMOREBI_TRANSCRIPT is 'lens', and KOMOREBI_ANALYSIS_PREFIX is off: set the prefix of Contact Lens' "
                "files, or set KOMOREBI_TRANSCRIPT to off"
            )
        if values.get("contact_record") == "api" and not values.get("connect_instance"):
            problems.append(
                "KOMOREBI_CONTACT_RECORD is 'api', and KOMOREBI_CONNECT_INSTANCE isn't set: set it to the ID of "
                "Connect's instance"
            )
        if values.get("screen_recording", "off") != "off" and not values.get("screen_location"):
            problems.append(
                f"KOMOREBI_SCREEN_RECORDING is {values['screen_recording']!r}, and KOMOREBI_SCREEN_LOCATION isn't set: "
                "set it to the bucket and prefix of the instance's screen recordings, s3://bucket/prefix"
            )
        if problems:
            raise SettingsError(f"the environment isn't complete: {'; '.join(problems)}")
        return cls(**values)

    def table(self) -> DynamoTable:
        """The table of recordings.

        Raises:
            SettingsError: no region is configured, or the AWS profile doesn't exist.
        """
        from komorebi_qc.storage.dynamodb import DynamoTable  # noqa: PLC0415  clients only where they are used

        return DynamoTable(clients.aws_client("dynamodb"), self.table_name)

    def media(self) -> S3Media:
        """The three buckets.

        Raises:
            SettingsError: no region is configured, or the AWS profile doesn't exist.
        """
        from komorebi_qc.storage.s3.media import S3Media  # noqa: PLC0415  clients only where they are used

        client, screens = clients.aws_client("s3"), self._screens()
        if self.bucket_owners:
            buckets = (self.connect_bucket, self.input_bucket, self.output_bucket)
            owners = dict(zip(buckets, self.bucket_owners, strict=True))
            if screens is not None:
                owners = {screens.bucket: self.bucket_owners[0], **owners}
            clients.expect_owners(client, owners)
        return S3Media(
            client,
            connect_bucket=self.connect_bucket,
            connect_prefix=self.connect_prefix,
            input_bucket=self.input_bucket,
            output_bucket=self.output_bucket,
            give_up_after=self.give_up_after,
            cache_bytes=self.cache_mb * 1_000_000,
            analysis_prefix=self.analysis_prefix,
            redacted=self.redacted,
            contacts=contact_records(self.contact_record, self.connect_instance),
            screens=screens,
        )

    def _screens(self) -> ScreenRecordings | None:
        from komorebi_qc.storage.contact.screen_recordings import ScreenRecordings  # noqa: PLC0415  as above

        if self.screen_recording == "off":
            return None
        bucket, _, prefix = self.screen_location.removeprefix("s3://").partition("/")
        return ScreenRecordings(bucket, prefix.strip("/"), self.screen_recording)

    def pipeline(self) -> WiredPipeline:
        """The pipeline over the configured table and buckets.

        Raises:
            SettingsError: no region is configured, or the AWS profile doesn't exist.
        """
        from komorebi_qc.pipeline.options import Options  # noqa: PLC0415  decoders and clients only where they are used

        options = Options(
            container=self.container,
            audio_rate=self.audio_rate,
            audio_bit_rate=self.audio_bit_rate,
            unconfirmed=self.unconfirmed,
            mask=self.mask,
            mask_margin_s=self.mask_margin_s,
            outside_call=self.outside_call,
            redacted=self.redacted,
            transcript=self.transcript,
            video_track=self.video_track,
            monitors=self.monitors,
            limits=self.limits,
            signer=_key_of(self.signing_key),
        )
        return WiredPipeline(self.table(), self.media(), options)

    def queue(self) -> Queue:
        """The queue of messages.

        Raises:
            SettingsError: no queue or no region is configured.
        """
        from komorebi_qc.queue.sqs import Queue  # noqa: PLC0415  clients only where they are used

        if not self.queue_url:
            raise SettingsError("KOMOREBI_QUEUE_URL isn't set: the URL of the queue of messages")
        return Queue(clients.aws_client("sqs"), self.queue_url)

    def dead_letter_queue(self) -> Queue:
        """The dead-letter queue, as configured, or as the queue's redrive policy names it.

        Raises:
            SettingsError: neither names one, or no region is configured.
            StorageError: the queue doesn't respond.
            AccessDeniedError: the queue denies access or doesn't exist.
        """
        from komorebi_qc.queue.sqs import Queue, dead_letter_queue_of  # noqa: PLC0415  clients only where they are used

        if self.dead_letter_queue_url:
            return Queue(clients.aws_client("sqs"), self.dead_letter_queue_url)
        if not self.queue_url:
            raise SettingsError(
                "neither KOMOREBI_DEAD_LETTER_QUEUE_URL nor KOMOREBI_QUEUE_URL is set: set one of them to find the "
                "dead-letter queue"
            )
        return dead_letter_queue_of(self.queue())

    def arrivals(self) -> Arrivals | None:
        """Turns events of the queue into messages; None if no table of the join is configured.

        Raises:
            SettingsError: no queue or no region is configured.
        """
        from komorebi_qc.core.contact.events import Places  # noqa: PLC0415  only where events are taken
        from komorebi_qc.queue.arrivals import Arrivals  # noqa: PLC0415
        from komorebi_qc.storage.contact.dynamodb_join import DynamoJoin  # noqa: PLC0415

        if not self.join_table:
            return None
        join = DynamoJoin(clients.aws_client("dynamodb"), self.join_table)
        screens = self.screen_location.removeprefix("s3://") if self.screen_recording == "only" else ""
        places = Places(self.connect_bucket, self.connect_prefix, self.input_bucket, screens)
        return Arrivals(join, self.table(), self.queue(), places)

    def done_events(self) -> DoneEvents | None:
        """Sends an event for each processed recording; None if no bus is configured.

        Raises:
            SettingsError: no region is configured, or the AWS profile doesn't exist.
        """
        from komorebi_qc.queue.done_event import DoneEvents  # noqa: PLC0415  only where they are used

        return DoneEvents(clients.aws_client("events"), self.event_bus) if self.event_bus else None

    def message_queues(self) -> SqsQueues:
        """Both queues, for the handler of a message.

        Raises:
            SettingsError: no region is configured, or the AWS profile doesn't exist.
        """
        from komorebi_qc.queue.sqs import Queue, SqsQueues  # noqa: PLC0415  clients only where they are used

        client = clients.aws_client("sqs")
        urls = (self.queue_url, self.dead_letter_queue_url)
        queue, dead = (Queue(client, url) if url else None for url in urls)
        return SqsQueues(queue, dead)
