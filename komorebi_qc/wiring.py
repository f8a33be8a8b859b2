"""From environment variables to a pipeline that is wired to AWS.

`VARIABLES` is the one list of them: `Settings.from_environment` reads by it, and texts about it can be made from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from komorebi_qc.core.errors import InputError, SettingsError
from komorebi_qc.core.limits import DEFAULT, Limits
from komorebi_qc.core.output import AUDIO_RATES
from komorebi_qc.core.progress import Silent

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from komorebi_qc.core.progress import Progress
    from komorebi_qc.pipeline.process import Options, Order, Outcome
    from komorebi_qc.queue.sqs import SqsQueues
    from komorebi_qc.storage.protocols import RecordingsTable
    from komorebi_qc.storage.s3_media import S3Media

AUDIO_BIT_RATES = range(16_000, 256_001)
_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}|arn:[A-Za-z0-9:/._-]{1,250}", re.ASCII)
_TABLE = re.compile(r"[A-Za-z0-9._-]{3,255}|arn:[A-Za-z0-9:/._-]{1,250}", re.ASCII)
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()/=+@:,$&; -]{0,512}", re.ASCII)
_QUEUE_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+/\S+", re.ASCII)


def _one_of(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise ValueError(text)
        return text

    return read


def _whole_number(allowed: range | tuple[int, ...]) -> Callable[[str], int]:
    def read(text: str) -> int:
        if re.fullmatch(r"\d{1,9}", text, re.ASCII) is None or int(text) not in allowed:
            raise ValueError(text)
        return int(text)

    return read


def _megabytes(text: str) -> int:
    if re.fullmatch(r"\d{1,6}", text, re.ASCII) is None:
        raise ValueError(text)
    return int(text)


def _container(text: str) -> str:
    if text not in ("auto", "mp4", "webm"):
        raise ValueError(text)
    return text


def _hours(text: str) -> timedelta:
    if re.fullmatch(r"\d{1,4}(\.\d{1,6})?", text, re.ASCII) is None or not 0 < float(text) <= 8760:
        raise ValueError(text)
    return timedelta(hours=float(text))


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable.

    Attributes:
        name: in the environment.
        field: of `Settings`.
        default: as it would be written; None where it has to be set, empty where it may be left out.
        allowed: which values it takes, for a person.
        meaning: what it is, for a person.
        read: from its text to its value; a ValueError, or an InputError that says what is wrong, for any other.
    """

    name: str
    field: str
    default: str | None
    allowed: str
    meaning: str
    read: Callable[[str], Any]

    def value(self, text: str) -> Any:
        """What a text says.

        Raises:
            SettingsError: where it says nothing that is allowed.
        """
        try:
            return self.read(text)
        except InputError as error:
            raise SettingsError(f"{self.name}: {error}") from None
        except ValueError:
            shown = text if len(text) <= 60 else text[:57] + "..."
            raise SettingsError(f"{self.name} is {shown!r} (allowed: {self.allowed})") from None


_A_BUCKET = "a bucket's name or access point ARN, without s3:// or a path"
VARIABLES = (
    Variable(
        "AC_AUDIO_BUCKET_NAME",
        "connect_bucket",
        None,
        _A_BUCKET,
        "the bucket to which Amazon Connect writes the call audio",
        _one_of(_BUCKET),
    ),
    Variable(
        "INPUT_BUCKET_NAME",
        "input_bucket",
        None,
        _A_BUCKET,
        "the bucket with the agents' browser recordings",
        _one_of(_BUCKET),
    ),
    Variable(
        "OUTPUT_BUCKET_NAME",
        "output_bucket",
        None,
        _A_BUCKET,
        "the bucket for unified recordings and thumbnails",
        _one_of(_BUCKET),
    ),
    Variable(
        "AUDIO_FREQUENCY",
        "audio_rate",
        "16000",
        ", ".join(map(str, AUDIO_RATES)),
        "samples a second of the unified recording's audio",
        _whole_number(AUDIO_RATES),
    ),
    Variable(
        "KOMOREBI_AUDIO_BIT_RATE",
        "audio_bit_rate",
        "64000",
        f"{AUDIO_BIT_RATES[0]} to {AUDIO_BIT_RATES[-1]}",
        "bits a second of the unified recording's audio, both channels together",
        _whole_number(AUDIO_BIT_RATES),
    ),
    Variable(
        "KOMOREBI_CONTAINER",
        "container",
        "auto",
        "auto, mp4, webm",
        "the unified recording's container; auto: MP4 where it takes the video's codec, else WebM",
        _container,
    ),
    Variable(
        "KOMOREBI_TABLE_NAME",
        "table_name",
        "Recording",
        "a table's name or ARN",
        "the DynamoDB table with one item a recording",
        _one_of(_TABLE),
    ),
    Variable(
        "KOMOREBI_CONNECT_PREFIX",
        "connect_prefix",
        "",
        "the start of a key",
        "what stands before CallRecordings/ in Connect's bucket, such as connect/my-instance",
        _one_of(_PREFIX),
    ),
    Variable(
        "KOMOREBI_QUEUE_URL",
        "queue_url",
        "",
        "an SQS queue's URL",
        "the queue that messages come from: `worker` polls it, and a message that is to wait is hidden in it",
        _one_of(_QUEUE_URL),
    ),
    Variable(
        "KOMOREBI_DEAD_LETTER_QUEUE_URL",
        "dead_letter_queue_url",
        "",
        "an SQS queue's URL",
        "where a message goes that no further try can help; the queue's own policy names it where it isn't set",
        _one_of(_QUEUE_URL),
    ),
    Variable(
        "KOMOREBI_GIVE_UP_AFTER_HOURS",
        "give_up_after",
        "48",
        "hours over 0, up to 8760",
        "how long after creationDate a missing object may still come; under 26 some time zone is given up too early",
        _hours,
    ),
    Variable(
        "KOMOREBI_CACHE_MB",
        "cache_mb",
        "0",
        "megabytes, 0 to 999999",
        "inputs up to this size are kept in a nameless file in TMPDIR while they are read, and come once; 0: none",
        _megabytes,
    ),
    Variable(
        "KOMOREBI_LIMITS",
        "limits",
        "",
        "NAME=WARN or NAME=WARN:FAIL, with commas between them",
        "limits to judge findings by in place of the defaults; `komorebi-qc limits` lists them",
        DEFAULT.changed_by,
    ),
)


_LOCAL = ("audio_rate", "audio_bit_rate", "limits")


def read_local(environ: Mapping[str, str]) -> dict[str, Any]:
    """What a run on local files needs of the environment, by its name in `komorebi_qc.pipeline.process.Options`.

    Raises:
        SettingsError: where one of these is unusable.
    """
    found = {variable: environ.get(variable.name, "").strip() for variable in VARIABLES if variable.field in _LOCAL}
    return {variable.field: variable.value(text) for variable, text in found.items() if text}


def present_limits(environ: Mapping[str, str]) -> Limits:
    """The limits as the environment sets them; nothing else of it is read.

    Raises:
        SettingsError: where one can't be set so.
    """
    (variable,) = (variable for variable in VARIABLES if variable.field == "limits")
    limits: Limits = variable.value(environ.get(variable.name, ""))
    return limits


@dataclass(frozen=True, slots=True)
class Settings:
    """All that can be set from outside; `VARIABLES` says what each is."""

    connect_bucket: str
    input_bucket: str
    output_bucket: str
    audio_rate: int = 16_000
    audio_bit_rate: int = 64_000
    container: Literal["auto", "mp4", "webm"] = "auto"
    table_name: str = "Recording"
    connect_prefix: str = ""
    queue_url: str = ""
    dead_letter_queue_url: str = ""
    give_up_after: timedelta = timedelta(hours=48)
    cache_mb: int = 0
    limits: Limits = DEFAULT

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Settings:
        """Read the variables; one that is empty counts as not set.

        Raises:
            SettingsError: naming all that are missing or unusable, at once.
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
        if problems:
            raise SettingsError(f"the environment needs mending: {'; '.join(problems)}")
        return cls(**values)

    def pipeline(self) -> WiredPipeline:
        """The pipeline over the configured table and buckets.

        Raises:
            SettingsError: where no region is configured, or the AWS profile doesn't exist.
        """
        from komorebi_qc.pipeline.process import Options  # noqa: PLC0415  decoders and clients only where they are used
        from komorebi_qc.storage.dynamodb import DynamoTable  # noqa: PLC0415
        from komorebi_qc.storage.s3_media import S3Media  # noqa: PLC0415

        return WiredPipeline(
            table=DynamoTable(aws_client("dynamodb"), self.table_name),
            media=S3Media(
                aws_client("s3"),
                connect_bucket=self.connect_bucket,
                connect_prefix=self.connect_prefix,
                input_bucket=self.input_bucket,
                output_bucket=self.output_bucket,
                give_up_after=self.give_up_after,
                cache_bytes=self.cache_mb * 1_000_000,
            ),
            options=Options(
                container=self.container,
                audio_rate=self.audio_rate,
                audio_bit_rate=self.audio_bit_rate,
                limits=self.limits,
            ),
        )

    def desk(self) -> SqsQueues:
        """The queues, for the messages in hand.

        Raises:
            SettingsError: where no region is configured, or the AWS profile doesn't exist.
        """
        from komorebi_qc.queue.sqs import Queue, SqsQueues  # noqa: PLC0415  clients only where they are used

        client = aws_client("sqs")
        queue, dead = (Queue(client, url) if url else None for url in (self.queue_url, self.dead_letter_queue_url))
        return SqsQueues(queue, dead)


@dataclass(frozen=True, slots=True)
class WiredPipeline:
    """`komorebi_qc.pipeline.process.process` with its stores and options given."""

    table: RecordingsTable
    media: S3Media
    options: Options

    def process(self, order: Order, *, progress: Progress | None = None) -> Outcome:
        """Make one unified recording.

        Raises:
            PermanentError: where trying again can't help.
            PassingError: where it may.
        """
        from komorebi_qc.pipeline.process import process  # noqa: PLC0415

        told = progress or Silent()
        media = replace(self.media, check_cancelled=told.check)
        return process(order, table=self.table, media=media, options=self.options, progress=told)

    def is_done(self, order: Order) -> bool:
        """Whether this very order has been carried out.

        Raises:
            PermanentError: where the item or an input isn't there, or can't be asked for.
            PassingError: where that may change.
        """
        from komorebi_qc.pipeline.process import is_done  # noqa: PLC0415

        return is_done(order, table=self.table, media=self.media)


def aws_client(service: str) -> Any:
    """A boto3 client: credentials and region from where boto3 looks, with timeouts and retries that end.

    Raises:
        SettingsError: where no region is configured, or the AWS profile doesn't exist.
    """
    from boto3.session import Session  # noqa: PLC0415  boto3 takes 0.2 s, and not every command needs it
    from botocore.config import Config  # noqa: PLC0415
    from botocore.exceptions import BotoCoreError  # noqa: PLC0415

    try:
        session = Session()
        if session.region_name is None:
            raise SettingsError(
                "no AWS region is configured: set AWS_DEFAULT_REGION, or `region` in the profile of ~/.aws/config"
            )
        # Standard retries back off on throttling as well. Only a poll of a queue waits 20 s for its answer; what else
        # says nothing for so long is broken, and the function's time goes on.
        retries = {"mode": "standard", "total_max_attempts": 4}
        patience_s = 60 if service == "sqs" else 15
        config = Config(connect_timeout=5, read_timeout=patience_s, retries=retries)
        return session.client(service, config=config)
    except BotoCoreError as error:
        raise SettingsError(f"AWS isn't configured: {error}") from error
