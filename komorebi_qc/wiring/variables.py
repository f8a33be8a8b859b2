"""The environment variables, each with its default, its allowed values and its meaning.

`VARIABLES` is the one list of them: the settings are read by it, and the reference table is made from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from komorebi_qc.core.contact.screen import SCREEN_RULES
from komorebi_qc.core.errors import InputError, SettingsError
from komorebi_qc.core.joining.monitors import MONITORS
from komorebi_qc.core.limits import DEFAULT
from komorebi_qc.core.media_info import MOST_VIDEO_TRACKS
from komorebi_qc.core.output import AUDIO_BIT_RATES, AUDIO_RATES
from komorebi_qc.core.privacy.analysis_keys import ANALYSIS_PREFIX
from komorebi_qc.core.privacy.masks import MASK_CHOICES, MASK_MARGIN_S, MOST_MARGIN_S
from komorebi_qc.core.splice import OUTSIDE_CALL

if TYPE_CHECKING:
    from collections.abc import Callable

_BUCKET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{1,254}|arn:[A-Za-z0-9:/._-]{1,250}", re.ASCII)
_TABLE = re.compile(r"[A-Za-z0-9._-]{3,255}|arn:[A-Za-z0-9:/._-]{1,250}", re.ASCII)
_PREFIX = re.compile(r"[A-Za-z0-9!_.*'()/=+@:,$&; -]{0,512}", re.ASCII)
_SIGNING_KEY = re.compile(r"kms:[A-Za-z0-9:/_-]{1,2048}|(?!kms:)[^\0\n]{1,4096}", re.ASCII)
_ACCOUNTS = re.compile(r"\d{12}(,\d{12},\d{12})?", re.ASCII)
_CONTACT_RECORD = re.compile(r"off|api|s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_.=@+/-]{0,512})?", re.ASCII)
_LOCATION = re.compile(r"s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9_.=@+/-]{0,512})?", re.ASCII)
_INSTANCE = re.compile(r"[A-Za-z0-9-]{1,100}", re.ASCII)
_BUS = re.compile(r"[A-Za-z0-9._-]{1,256}|arn:[A-Za-z0-9:/._-]{1,512}", re.ASCII)
_QUEUE_URL = re.compile(r"https?://[A-Za-z0-9.:\[\]-]+/\S+", re.ASCII)


def _one_of(pattern: re.Pattern[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if pattern.fullmatch(text) is None:
            raise ValueError(text)
        return text

    return read


def _choice(*choices: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
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


def _margin_s(text: str) -> float:
    if re.fullmatch(r"\d{1,2}(\.\d{1,6})?", text, re.ASCII) is None or float(text) > MOST_MARGIN_S:
        raise ValueError(text)
    return float(text)


def _video_track(text: str) -> int:
    return 0 if text == "first" else _whole_number(range(1, MOST_VIDEO_TRACKS + 1))(text)


def _analysis_prefix(text: str) -> str | None:
    """The prefix without slashes at its ends; None if Contact Lens' files aren't looked for."""
    return None if text == "off" else _one_of(_PREFIX)(text).strip("/")


def _accounts(text: str) -> tuple[str, ...]:
    """The owners of Connect's, the input and the output bucket."""
    accounts = _one_of(_ACCOUNTS)(re.sub(r"\s", "", text)).split(",")
    return tuple(accounts * 3 if len(accounts) == 1 else accounts)


def _hours(text: str) -> timedelta:
    if re.fullmatch(r"\d{1,4}(\.\d{1,6})?", text, re.ASCII) is None or not 0 < float(text) <= 8760:
        raise ValueError(text)
    return timedelta(hours=float(text))


@dataclass(frozen=True, slots=True)
class Variable:
    """One environment variable.

    Attributes:
        name: its name in the environment.
        field: the field of `Settings` that it sets.
        default: the default as a text; None if it must be set, empty if there is no default.
        allowed: its allowed values, for people.
        meaning: its meaning, for people.
        read: turns its text into a value; raises ValueError or InputError for a text that isn't allowed.
    """

    name: str
    field: str
    default: str | None
    allowed: str
    meaning: str
    read: Callable[[str], Any]

    def value(self, text: str) -> Any:
        """The value of a text.

        Raises:
            SettingsError: the text isn't allowed.
        """
        try:
            return self.read(text)
        except InputError as error:
            raise SettingsError(f"{self.name}: {error}") from None
        except ValueError:
            shown = text if len(text) <= 60 else text[:57] + "..."
            raise SettingsError(f"{self.name} is {shown!r} (allowed: {self.allowed})") from None


_A_BUCKET = "a bucket's name or access point ARN, without s3:// and without a path"
VARIABLES = (
    Variable(
        "AC_AUDIO_BUCKET_NAME",
        "connect_bucket",
        None,
        _A_BUCKET,
        "the bucket that Amazon Connect writes the call audio to",
        _one_of(_BUCKET),
    ),
    Variable(
        "INPUT_BUCKET_NAME",
        "input_bucket",
        None,
        _A_BUCKET,
        "the bucket with the agent recordings",
        _one_of(_BUCKET),
    ),
    Variable(
        "OUTPUT_BUCKET_NAME",
        "output_bucket",
        None,
        _A_BUCKET,
        "the bucket for unified recordings, thumbnails and qc.json",
        _one_of(_BUCKET),
    ),
    Variable(
        "KOMOREBI_BUCKET_OWNERS",
        "bucket_owners",
        "",
        "an account ID of 12 digits, or three by commas: of Connect's, the input and the output bucket",
        "the accounts that own the buckets: requests to a bucket of another account are refused. Without it, every "
        "owner is accepted",
        _accounts,
    ),
    Variable(
        "AUDIO_FREQUENCY",
        "audio_rate",
        "16000",
        ", ".join(map(str, AUDIO_RATES)),
        "sample rate of the unified recording's audio, in Hz",
        _whole_number(AUDIO_RATES),
    ),
    Variable(
        "KOMOREBI_AUDIO_BIT_RATE",
        "audio_bit_rate",
        "64000",
        f"{AUDIO_BIT_RATES[0]} to {AUDIO_BIT_RATES[-1]}",
        "bit rate of the unified recording's audio, both channels together",
        _whole_number(AUDIO_BIT_RATES),
    ),
    Variable(
        "KOMOREBI_CONTAINER",
        "container",
        "auto",
        "auto, mp4, webm",
        "the unified recording's container; auto: MP4 if it can hold the video codec, otherwise WebM",
        _choice("auto", "mp4", "webm"),
    ),
    Variable(
        "KOMOREBI_UNCONFIRMED",
        "unconfirmed",
        "auto",
        "auto, publish, hold",
        "the rule if the audio doesn't confirm that both files belong to the same call. publish: publish the "
        "recording; hold: publish nothing, an operator decides; auto: hold it only if something speaks against it",
        _choice("auto", "publish", "hold"),
    ),
    Variable(
        "KOMOREBI_MASK",
        "mask",
        "picture",
        ", ".join(MASK_CHOICES),
        "the masks of spans that were not to be recorded: suspended by Connect, or redacted by Contact Lens. sound: "
        "the sound; picture: the sound and the picture; none: nothing",
        _choice(*MASK_CHOICES),
    ),
    Variable(
        "KOMOREBI_MASK_MARGIN_S",
        "mask_margin_s",
        f"{MASK_MARGIN_S:g}",
        f"seconds, 0 to {MOST_MARGIN_S:g}",
        "by how much a mask is wider than its span, on both sides",
        _margin_s,
    ),
    Variable(
        "KOMOREBI_OUTSIDE_CALL",
        "outside_call",
        "after",
        ", ".join(OUTSIDE_CALL),
        "whose sound plays where the call audio doesn't. own: the recording's own; after: the recording's own after "
        "the call and in gaps of it, and silence before it, because nobody agreed to be recorded yet; silence: silence",
        _choice(*OUTSIDE_CALL),
    ),
    Variable(
        "KOMOREBI_TABLE_NAME",
        "table_name",
        "Recording",
        "a table's name or ARN",
        "the DynamoDB table with one item per recording",
        _one_of(_TABLE),
    ),
    Variable(
        "KOMOREBI_CONNECT_PREFIX",
        "connect_prefix",
        "",
        "a key prefix",
        "the prefix before CallRecordings/ in Connect's bucket, such as connect/my-instance",
        _one_of(_PREFIX),
    ),
    Variable(
        "KOMOREBI_ANALYSIS_PREFIX",
        "analysis_prefix",
        ANALYSIS_PREFIX,
        "a key prefix, or off",
        "the prefix before YYYY/MM/DD and Redacted/ in the keys of Contact Lens' analyses, in Connect's bucket. Their "
        "redactions are masked. off: they aren't looked for",
        _analysis_prefix,
    ),
    Variable(
        "KOMOREBI_REDACTED",
        "redacted",
        "ignore",
        "ignore, prefer, require",
        "whether Contact Lens' redacted call audio takes the place of the original. prefer: if it is there; require: "
        "always, and the message is retried until it is there",
        _choice("ignore", "prefer", "require"),
    ),
    Variable(
        "KOMOREBI_TRANSCRIPT",
        "transcript",
        "off",
        "off, lens",
        "the words of a call. lens: those of Contact Lens' analyses. They are published as recording.vtt if the speech "
        "of the call confirms them. off: no words",
        _choice("off", "lens"),
    ),
    Variable(
        "KOMOREBI_VIDEO_TRACK",
        "video_track",
        "first",
        f"first, or a number from 1 to {MOST_VIDEO_TRACKS}",
        "the video track of a recording that has several, such as one for each monitor. With first, a finding warns "
        "that the others aren't in the output",
        _video_track,
    ),
    Variable(
        "KOMOREBI_MONITORS",
        "monitors",
        "first",
        ", ".join(MONITORS),
        "the monitors of a recording with a video track for each. first: one of them; side-by-side: all of them in one "
        "picture, which is encoded; no KOMOREBI_VIDEO_TRACK may be set then",
        _choice(*MONITORS),
    ),
    Variable(
        "KOMOREBI_SCREEN_RECORDING",
        "screen_recording",
        "off",
        ", ".join(SCREEN_RULES),
        "whether Amazon Connect's own screen recording is the agent recording. fallback: if the browser's recording "
        "isn't there; only: always, and the browser's recording is never read",
        _choice(*SCREEN_RULES),
    ),
    Variable(
        "KOMOREBI_SCREEN_LOCATION",
        "screen_location",
        "",
        "s3://bucket/prefix",
        "the bucket and the prefix of Amazon Connect's screen recordings, as the instance's data storage has them",
        _one_of(_LOCATION),
    ),
    Variable(
        "KOMOREBI_CONTACT_RECORD",
        "contact_record",
        "off",
        "off, api, or s3://bucket/prefix",
        "the source of contact records, which name the call audio and have the times of the call. api: Amazon "
        "Connect's API, two requests a second; s3://: files of exported records, under YYYY/MM/DD/. off: no records, "
        "and the call audio is found by its key's prefix",
        _one_of(_CONTACT_RECORD),
    ),
    Variable(
        "KOMOREBI_CONNECT_INSTANCE",
        "connect_instance",
        "",
        "the ID of an Amazon Connect instance",
        "the instance whose contact records are read with KOMOREBI_CONTACT_RECORD=api",
        _one_of(_INSTANCE),
    ),
    Variable(
        "KOMOREBI_JOIN_TABLE",
        "join_table",
        "",
        "a table's name or ARN",
        "the DynamoDB table, key recordingID, in which the halves of a recording are joined. With it, events of "
        "EventBridge are taken as messages. Without it, only the backend's messages are",
        _one_of(_TABLE),
    ),
    Variable(
        "KOMOREBI_EVENT_BUS",
        "event_bus",
        "",
        "an EventBridge bus's name or ARN",
        "the bus that gets an event for each processed recording. Without it, no event is sent",
        _one_of(_BUS),
    ),
    Variable(
        "KOMOREBI_QUEUE_URL",
        "queue_url",
        "",
        "an SQS queue's URL",
        "the queue of messages: `worker` polls it, and messages to be retried wait in it",
        _one_of(_QUEUE_URL),
    ),
    Variable(
        "KOMOREBI_DEAD_LETTER_QUEUE_URL",
        "dead_letter_queue_url",
        "",
        "an SQS queue's URL",
        "the queue for messages that a retry can't help; by default the one in the queue's redrive policy",
        _one_of(_QUEUE_URL),
    ),
    Variable(
        "KOMOREBI_GIVE_UP_AFTER_HOURS",
        "give_up_after",
        "48",
        "hours over 0, up to 8760",
        "how long after the item's creationDate a missing object may still arrive; less than 26 is too short for some "
        "time zones",
        _hours,
    ),
    Variable(
        "KOMOREBI_CACHE_MB",
        "cache_mb",
        "0",
        "megabytes, 0 to 999999",
        "an input up to this size is downloaded once, into a temporary file in TMPDIR. The file has no name, and is "
        "gone once the input is read. 0: no such file",
        _megabytes,
    ),
    Variable(
        "KOMOREBI_SIGNING_KEY",
        "signing_key",
        "",
        "kms: with a key's ID, ARN or alias, or the path of a PEM file",
        "the key that signs qc.json, and with which `verify` checks it: a KMS key (ECC_NIST_P256, SIGN_VERIFY), or an "
        "Ed25519 key in a PEM file. Without it qc.json isn't signed",
        _one_of(_SIGNING_KEY),
    ),
    Variable(
        "KOMOREBI_LIMITS",
        "limits",
        "",
        "NAME=WARN or NAME=WARN:FAIL, separated by commas",
        "limits of the findings, instead of the defaults; `komorebi-qc limits` lists them",
        DEFAULT.changed_by,
    ),
)
