"""The order for a run, its options, and the measurements that follow from both."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, cast, get_args

from komorebi_qc.core.errors import InputError
from komorebi_qc.core.joining.monitors import MONITORS
from komorebi_qc.core.limits import DEFAULT, Limits
from komorebi_qc.core.media_info import MOST_VIDEO_TRACKS
from komorebi_qc.core.output import AUDIO_BIT_RATES, AUDIO_RATES
from komorebi_qc.core.privacy.masks import MASK_CHOICES, MASK_MARGIN_S, MOST_MARGIN_S
from komorebi_qc.core.privacy.redactions import RedactedChoice
from komorebi_qc.core.splice import OUTSIDE_CALL

if TYPE_CHECKING:
    from komorebi_qc.core.analyst.correction import Correction
    from komorebi_qc.core.joining.monitors import MonitorsChoice
    from komorebi_qc.core.privacy.masks import MaskChoice
    from komorebi_qc.core.provenance.seal import Signer
    from komorebi_qc.core.source import Source
    from komorebi_qc.core.splice import OutsideCall
    from komorebi_qc.core.timebase import Alignment, CallEnd
    from komorebi_qc.transcript.recogniser import Recogniser

ContainerChoice = Literal["auto", "mp4", "webm"]
AlignChoice = Literal["auto", "call-end"]
Unconfirmed = Literal["auto", "publish", "hold"]
TranscriptChoice = Literal["off", "lens"]
"""Whether Contact Lens' own analyses are used as the transcript of a call."""


@dataclass(frozen=True, slots=True)
class Order:
    """The recording to process, and the position of its call.

    Attributes:
        recording_id: the recording's ID.
        call_end: the reported call end, on the recording clock; None if nobody reported it: then it is the contact
            record's, or measured.
        alignment: the call's position on the recording clock; None to measure it, or to use the call end.
        correction: an analyst's correction, which has this alignment; None without one.
        undoes: whether an earlier correction of the recording is undone. Otherwise it is applied again.
        replaces: the earlier correction as the analyst saw it in the item, empty for no correction; None: any.
        transcript: a transcript's file, in memory; None if the store of the media names it, or there is no such file.
        recogniser: makes the transcript, if there is no file; None without one.
    """

    recording_id: str
    call_end: CallEnd | None
    alignment: Alignment | None = None
    correction: Correction | None = None
    undoes: bool = False
    replaces: str | None = None
    transcript: Source | None = None
    recogniser: Recogniser | None = None


@dataclass(frozen=True, slots=True)
class Options:
    """Settings of a run.

    Attributes:
        container: ``auto`` follows the video codec.
        audio_rate: samples per second of the output, one that AAC and Opus both take.
        audio_bit_rate: bits per second of the output's audio, both channels together.
        thumbnail: whether a thumbnail is published.
        align: ``auto`` measures the call's position, its levels and the result; ``call-end`` places the call by its
            reported end and measures nothing.
        force: process a call and a recording of different calls anyway.
        unconfirmed: what happens if the audio doesn't confirm that both belong together. ``auto`` publishes if nothing
            speaks against it, and holds otherwise.
        whole_call: keep the call audio to its end, also outside of the agent's part of it.
        mask: the masks of spans that were not to be recorded: ``none``, ``sound``, or ``picture``, which is the sound
            and the picture.
        mask_margin_s: by how much a mask is wider than such a span, on both sides.
        outside_call: whose sound plays outside of the call audio: the recording's ``own``, its own only ``after`` the
            call began, or ``silence``.
        redacted: whether Contact Lens' redacted call audio is taken, as the media store does it: ``ignore``,
            ``prefer`` or ``require``.
        transcript: ``lens`` takes the words of Contact Lens' analyses as the call's transcript, unless a file is named.
        video_track: the number of the recording's video track that is used, from 1 on; 0 for the first.
        monitors: of several video tracks, the ``first`` one alone, or all of them ``side-by-side``.
        limits: the limits of the findings.
        signer: signs ``qc.json``; None for no signature.
        retain_artifacts: whether the outcome keeps the decoded audio and the measurements, for plots; 115 MB an hour.

    Raises:
        InputError: a value can't be used.
    """

    container: ContainerChoice = "auto"
    audio_rate: int = 16_000
    audio_bit_rate: int = 64_000
    thumbnail: bool = True
    align: AlignChoice = "auto"
    force: bool = False
    unconfirmed: Unconfirmed = "auto"
    whole_call: bool = False
    mask: MaskChoice = "picture"
    mask_margin_s: float = MASK_MARGIN_S
    outside_call: OutsideCall = "after"
    redacted: RedactedChoice = "ignore"
    transcript: TranscriptChoice = "off"
    video_track: int = 0
    monitors: MonitorsChoice = "first"
    limits: Limits = DEFAULT
    signer: Signer | None = None
    retain_artifacts: bool = False

    def __post_init__(self) -> None:
        for what, value, choices in (
            ("container", self.container, ContainerChoice),
            ("alignment", self.align, AlignChoice),
            ("transcript", self.transcript, TranscriptChoice),
        ):
            if value not in get_args(choices):
                raise InputError(f"the {what} {value!r} isn't one of {', '.join(get_args(choices))}")
        if self.unconfirmed not in get_args(Unconfirmed):
            raise InputError(f"the rule {self.unconfirmed!r} for unconfirmed pairs isn't one of auto, publish, hold")
        if self.mask not in MASK_CHOICES:
            raise InputError(f"the mask {self.mask!r} isn't one of {', '.join(MASK_CHOICES)}")
        if not 0.0 <= self.mask_margin_s <= MOST_MARGIN_S:
            raise InputError(f"the mask's margin {self.mask_margin_s:g} isn't between 0 and {MOST_MARGIN_S:g} seconds")
        if self.outside_call not in OUTSIDE_CALL:
            allowed = ", ".join(OUTSIDE_CALL)
            raise InputError(f"the sound outside of the call {self.outside_call!r} isn't one of {allowed}")
        _check_track(self.video_track)
        _check_monitors(self.monitors, self.video_track)
        if self.redacted not in get_args(RedactedChoice):
            allowed = ", ".join(get_args(RedactedChoice))
            raise InputError(f"the use of redacted call audio {self.redacted!r} isn't one of {allowed}")
        if self.audio_rate not in AUDIO_RATES:
            rates = ", ".join(map(str, AUDIO_RATES))
            raise InputError(f"the audio rate {self.audio_rate} isn't one of {rates} Hz, which AAC and Opus both take")
        if self.audio_bit_rate not in AUDIO_BIT_RATES:
            raise InputError(
                f"the audio bit rate {self.audio_bit_rate} isn't between {AUDIO_BIT_RATES[0]} and "
                f"{AUDIO_BIT_RATES[-1]} bits per second"
            )


def _check_track(number: int) -> None:
    if not 0 <= number <= MOST_VIDEO_TRACKS:
        raise InputError(f"the video track {number} isn't a number from 1 to {MOST_VIDEO_TRACKS}, or 0 for the first")


def _check_monitors(choice: str, number: int) -> None:
    if choice not in MONITORS:
        raise InputError(f"the choice of monitors {choice!r} isn't one of {', '.join(MONITORS)}")
    if choice != "first" and number:
        raise InputError(
            f"the video track {number} is named (KOMOREBI_VIDEO_TRACK), and all monitors are to be {choice} "
            "(--monitors or KOMOREBI_MONITORS): choose one of both"
        )


@dataclass(frozen=True, slots=True)
class MaskRequest:
    """A person's choice of masks for one run; the rest is as the settings have it.

    Attributes:
        mask: ``none``, ``sound`` or ``picture``; empty for the settings'.
        margin_s: by how much a mask is wider than its span; None for the settings'.
        outside_call: ``own``, ``after`` or ``silence``; empty for the settings'.
    """

    mask: str = ""
    margin_s: float | None = None
    outside_call: str = ""

    def of(self, settings: Options) -> Options:
        """The options with this choice.

        Raises:
            InputError: a value can't be used.
        """
        return replace(
            settings,
            mask=cast("MaskChoice", self.mask or settings.mask),
            mask_margin_s=settings.mask_margin_s if self.margin_s is None else self.margin_s,
            outside_call=cast("OutsideCall", self.outside_call or settings.outside_call),
        )

    def variables(self) -> dict[str, str]:
        """The choice as environment variables, for a process elsewhere.

        Raises:
            InputError: a value can't be used.
        """
        self.of(Options())
        margin = "" if self.margin_s is None else f"{self.margin_s:.6f}"
        texts = {
            "KOMOREBI_MASK": self.mask,
            "KOMOREBI_MASK_MARGIN_S": margin,
            "KOMOREBI_OUTSIDE_CALL": self.outside_call,
        }
        return {name: text for name, text in texts.items() if text}


MASKS_AS_SET = MaskRequest()


@dataclass(frozen=True, slots=True)
class MeasurementPlan:
    """The measurements of one run, decided before its first step.

    Attributes:
        measures_inputs: decode both inputs to 8 kHz, and measure their levels and the recording's timestamps.
        measures_sync: measure the call's position on the recording clock.
        checks_output: measure seams, residual lags and timestamps of the written file.
        retains_artifacts: keep the decoded audio and the measurements with the outcome.
    """

    measures_inputs: bool
    measures_sync: bool
    checks_output: bool
    retains_artifacts: bool

    @classmethod
    def of(cls, order: Order, options: Options) -> MeasurementPlan:
        """The measurements that an order needs; a manual alignment replaces the sync measurement.

        A correction doesn't: a pair of different calls is refused for an analyst as well, and its masks are compared.
        """
        is_measured = options.align == "auto"
        is_manual = order.alignment is not None and order.correction is None
        return cls(
            measures_inputs=is_measured,
            measures_sync=is_measured and not is_manual,
            checks_output=is_measured,
            retains_artifacts=options.retain_artifacts,
        )
